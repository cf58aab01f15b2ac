//! The embedded MQTT broker (rmqtt), for the demo and the small site.
//!
//! Nobody is anonymous. A device writes only its own `sightings` and `status` (its last will too) and reads
//! only its own `acks` and `commands`; the aggregator's own client, whose password lives only in this
//! process, writes and reads everything below its site. A device's client id is its user name, so a second
//! connection with the same credentials takes over and nobody can push another device out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hadir_shared::id::{AgentId, SiteId};
use hadir_shared::secret;
use hadir_shared::topic::{self, Leaf};
use rmqtt::codec::v5::SubscribeAckReason;
use rmqtt::context::ServerContext;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType, Type};
use rmqtt::net::Builder;
use rmqtt::retain::{DefaultRetainStorage, RetainStorage};
use rmqtt::server::MqttServer;
use rmqtt::types::{
    AuthResult, ConnectInfo, Id, LastWill, PublishAclResult, Retain, SubscribeAclResult, TopicFilter,
    TopicName,
};
use subtle::ConstantTimeEq as _;
use tokio::task::JoinHandle;

use crate::config::Secret;
use crate::devices::{Credential, Devices};

/// The aggregator's user name and client id at the embedded broker. Has no dot, so no device can have it.
pub const AGGREGATOR: &str = "aggregator";

/// The largest packet that is taken: 500 sightings of about 400 bytes each, with room to spare.
pub const MAX_PACKET: u32 = 1 << 20;

/// Largest last will: the agent's farewell is 16 bytes.
const MAX_WILL: usize = 4096;

/// A running broker; dropping it closes the port.
pub struct Broker {
    address: SocketAddr,
    password: Secret,
    context: ServerContext,
    server: JoinHandle<()>,
}

/// Why the broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Somebody else listens there.
    #[error(
        "Port {} is in use, so the MQTT broker cannot listen on {address}; stop the other program or change `mqtt.listen`.",
        address.port()
    )]
    PortInUse {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// Another reason.
    #[error("The MQTT broker cannot listen on {address}: {reason}; check `mqtt.listen`.")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// Why not.
        reason: String,
    },
    /// The operating system gave no randomness.
    #[error("No random password could be made: {0}.")]
    Randomness(#[from] getrandom::Error),
}

impl Broker {
    /// Starts the broker; port 0 takes a free one.
    ///
    /// # Errors
    /// See [`BrokerError`].
    pub async fn start(
        listen: SocketAddr,
        site: &SiteId,
        devices: Arc<Devices>,
    ) -> Result<Self, BrokerError> {
        let password = Secret::new(secret::encode(&*secret::random()?));
        let listener = Builder::new()
            .name("hadir")
            .laddr(listen)
            // After a restart the port is free at once, not after the old connections' TIME_WAIT.
            .reuseaddr(Some(true))
            .nodelay(true)
            .allow_anonymous(false)
            .max_packet_size(MAX_PACKET)
            .max_connections(4096)
            .max_handshaking_limit(64)
            .handshake_timeout(Duration::from_secs(10))
            .allow_zero_keepalive(false)
            .max_clientid_len(2 * hadir_shared::id::MAX_LEN + 1)
            .max_subscriptions(8)
            .max_topic_levels(8)
            // 0: a retained status does not go out of date by itself; commands carry their own expiry.
            .message_expiry_interval(Duration::ZERO)
            .bind()
            .and_then(rmqtt::net::Listener::tcp)
            .map_err(|error| listen_error(listen, &error))?;
        let address = listener
            .local_addr()
            .map_err(|error| listen_error(listen, &error))?;

        // The busy check refuses clients while the machine's load is high, which is when a device least
        // needs to be cut off.
        let context = ServerContext::new()
            .busy_check_enable(false)
            .task_exec_workers(64)
            .build()
            .await;
        *context.extends.retain_mut().await = Box::new(Retained(DefaultRetainStorage::new()));
        let rules = Arc::new(Rules {
            site: site.clone(),
            devices,
            password: password.clone(),
        });
        let register = context.extends.hook_mgr().register();
        for hook in [
            Type::ClientAuthenticate,
            Type::ClientSubscribeCheckAcl,
            Type::MessagePublishCheckAcl,
        ] {
            register.add(hook, Box::new(Hook(rules.clone()))).await;
        }
        register.start().await;

        let server = MqttServer::new(context.clone())
            .listener_by_id(listener, 1)
            .build();
        let server = tokio::spawn(async move {
            if let Err(error) = server.run().await {
                tracing::error!(%error, "the MQTT broker stopped");
            }
        });
        tracing::info!(%address, "MQTT broker listens");
        Ok(Self {
            address,
            password,
            context,
            server,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The password of [`AGGREGATOR`], made anew at each start.
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// Ends the connection of a device that may no longer have one.
    pub async fn disconnect(&self, site: &SiteId, agent: &AgentId) {
        let name = topic::user_name(site, agent);
        let id = Id::new(self.context.node.id(), 1, None, None, name.into(), None);
        let entry = self.context.extends.shared().await.entry(id);
        let kicked = match entry.try_lock().await {
            Ok(mut entry) => entry.kick(true, true, true).await.map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = kicked {
            tracing::warn!(%agent, %error, "a revoked device could not be disconnected");
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn listen_error(address: SocketAddr, error: &rmqtt::Error) -> BrokerError {
    let io = error.chain().find_map(|e| e.downcast_ref::<std::io::Error>());
    match io.map(std::io::Error::kind) {
        Some(std::io::ErrorKind::AddrInUse) => BrokerError::PortInUse { address },
        _ => BrokerError::Listen {
            address,
            reason: error.to_string(),
        },
    }
}

/// Who is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Client {
    Aggregator,
    Device(AgentId),
}

/// Who may do what.
struct Rules {
    site: SiteId,
    devices: Arc<Devices>,
    password: Secret,
}

impl Rules {
    fn authenticate(&self, connect: &ConnectInfo) -> AuthResult {
        let (Some(user), Some(password)) = (connect.username(), connect.password()) else {
            return AuthResult::NotAuthorized;
        };
        if connect.client_id() != user {
            return AuthResult::NotAuthorized;
        }
        let known = if &**user == AGGREGATOR {
            self.password.expose().as_bytes().ct_eq(password).into()
        } else {
            self.devices
                .authenticate(user, Credential::MqttPassword(password))
                .is_some()
        };
        if !known {
            tracing::warn!(user = %user.escape_debug(), "MQTT client refused: unknown user name or wrong password");
            return AuthResult::BadUsernameOrPassword;
        }
        // rmqtt publishes a last will without asking for permission again, so it is looked at here.
        let will = match connect.last_will() {
            None => None,
            Some(LastWill::V3(will)) => Some((&will.topic, will.message.len())),
            Some(LastWill::V5(will)) => Some((&will.topic, will.message.len())),
        };
        if let Some((topic, length)) = will {
            let own = match self.client(user) {
                Some(Client::Device(agent)) => **topic == *topic::topic(&self.site, &agent, Leaf::Status),
                _ => false,
            };
            if !own || length > MAX_WILL {
                tracing::warn!(user = %user.escape_debug(), "MQTT client refused: foreign last will");
                return AuthResult::NotAuthorized;
            }
        }
        AuthResult::Allow(false, None)
    }

    fn client(&self, user: &str) -> Option<Client> {
        if user == AGGREGATOR {
            return Some(Client::Aggregator);
        }
        let (site, agent) = topic::parse_user_name(user)?;
        (site == self.site && self.devices.is_known(&agent)).then_some(Client::Device(agent))
    }

    fn may_publish(&self, user: &str, topic: &str, retain: bool) -> bool {
        let parsed = topic::parse(topic);
        match (self.client(user), parsed) {
            (Some(Client::Aggregator), Some((site, _, leaf))) => {
                site == self.site && Leaf::TO_AGENT.contains(&leaf)
            }
            (Some(Client::Device(own)), Some((site, agent, leaf))) => {
                let leaf_allowed = Leaf::FROM_AGENT.contains(&leaf) && (!retain || leaf == Leaf::Status);
                site == self.site && agent == own && leaf_allowed
            }
            _ => false,
        }
    }

    fn may_subscribe(&self, user: &str, filter: &str) -> bool {
        match self.client(user) {
            Some(Client::Aggregator) => filter.starts_with(&format!("hadir/v1/{}/", self.site)),
            // Compared as a whole: whatever has a wildcard is none of these.
            Some(Client::Device(own)) => Leaf::TO_AGENT
                .into_iter()
                .any(|leaf| filter == topic::topic(&self.site, &own, leaf)),
            None => false,
        }
    }
}

struct Hook(Arc<Rules>);

#[async_trait]
impl Handler for Hook {
    #[allow(elided_lifetimes_in_paths)] // Has to read as in the trait, which async_trait rewrote.
    async fn hook(&self, parameter: &Parameter, before: Option<HookResult>) -> ReturnType {
        let rules = &self.0;
        let user = |id: &Id| id.username_ref().to_owned();
        let result = match parameter {
            Parameter::ClientAuthenticate(connect) => HookResult::AuthResult(rules.authenticate(connect)),
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                let user = user(&session.id);
                HookResult::SubscribeAclResult(if rules.may_subscribe(&user, &subscribe.topic_filter) {
                    SubscribeAclResult::new_success(subscribe.opts.qos(), None)
                } else {
                    tracing::warn!(%user, filter = %subscribe.topic_filter.escape_debug(), "subscription refused");
                    SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
                })
            }
            Parameter::MessagePublishCheckAcl(session, publish) => {
                let user = user(&session.id);
                HookResult::PublishAclResult(if rules.may_publish(&user, &publish.topic, publish.retain) {
                    PublishAclResult::allow()
                } else {
                    tracing::warn!(%user, topic = %publish.topic.escape_debug(), "message refused");
                    // MQTT 3.1.1 cannot say no to a message; ending the connection is how it is noticed.
                    PublishAclResult::rejected(true, None)
                })
            }
            _ => return (true, before),
        };
        (false, Some(result))
    }
}

/// rmqtt's store of retained messages, which it leaves switched off. One message per device is kept: only
/// `status` may be retained.
struct Retained(DefaultRetainStorage);

#[async_trait]
impl RetainStorage for Retained {
    fn enable(&self) -> bool {
        true
    }

    async fn set(&self, topic: &TopicName, retain: Retain, expiry: Option<Duration>) -> rmqtt::Result<()> {
        self.0
            .set_with_timeout(topic, retain, expiry.filter(|e| !e.is_zero()))
            .await
    }

    async fn get(&self, filter: &TopicFilter) -> rmqtt::Result<Vec<(TopicName, Retain)>> {
        self.0.get_message(filter).await
    }

    async fn count(&self) -> isize {
        self.0.count().await
    }

    async fn max(&self) -> isize {
        self.0.max().await
    }
}

#[cfg(test)]
mod tests;
