//! What is wrong with the broker, in words, and how often that is told.

use std::time::{Duration, Instant};

use rumqttc::{ConnectReturnCode, ConnectionError};

use crate::config::AgentConfig;

/// A problem that lasts is told again this often.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(600);

/// Tells of a broker that cannot be used: once at length, then briefly.
pub(super) struct Teller {
    broker: String,
    user_name: String,
    told: Option<(String, Instant)>,
}

impl Teller {
    pub(super) fn new(config: &AgentConfig) -> Self {
        let broker = format!("{}:{}", config.mqtt.host, config.mqtt.port);
        Self {
            broker,
            user_name: config.user_name(),
            told: None,
        }
    }

    pub(super) fn connected(&mut self) {
        self.told = None;
        tracing::info!(broker = %self.broker, "connected to the broker");
    }

    pub(super) fn lost(&mut self, error: &ConnectionError, wait: Duration, now: Instant) {
        let problem = problem(error, &self.broker, &self.user_name);
        let known = self
            .told
            .as_ref()
            .is_some_and(|(told, at)| *told == problem && now.duration_since(*at) < TELL_AGAIN_AFTER);
        if known {
            tracing::debug!(retry_s = wait.as_secs_f32(), "the broker still cannot be used");
        } else {
            tracing::warn!(
                retry_s = wait.as_secs_f32(),
                "{problem}; sightings wait in the outbox meanwhile"
            );
            self.told = Some((problem, now));
        }
    }
}

/// What is wrong with the broker, and what to do, in a sentence without its full stop.
pub(super) fn problem(error: &ConnectionError, broker: &str, user_name: &str) -> String {
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => format!(
            "the broker at {broker} refused the device {user_name}: check `mqtt_password` in credentials.toml, \
             or the device was revoked"
        ),
        ConnectionError::ConnectionRefused(code) => {
            format!("the broker at {broker} refused the connection ({code:?}): look at the broker's log")
        }
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => {
            format!("the broker at {broker} does not answer: check the network and `mqtt` in agent.toml")
        }
        ConnectionError::Io(e) => {
            format!(
                "the broker at {broker} cannot be reached ({e}): check that it runs, and `mqtt` in agent.toml"
            )
        }
        other => format!("the connection to the broker at {broker} was lost ({other})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        let refused = ConnectionError::ConnectionRefused(ConnectReturnCode::BadUserNamePassword);
        let text = problem(&refused, "10.0.0.1:1883", "a.b");
        assert!(
            text.contains("10.0.0.1:1883") && text.contains("a.b") && text.contains("mqtt_password"),
            "{text}"
        );
        let io = ConnectionError::Io(std::io::ErrorKind::ConnectionRefused.into());
        assert!(problem(&io, "10.0.0.1:1883", "a.b").contains("`mqtt` in agent.toml"));
    }
}
