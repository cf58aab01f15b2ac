//! MQTT topics: `hadir/v1/<site>/<agent>/<leaf>`.

use crate::id::{AgentId, SiteId};

/// The last part of a topic: who writes it and what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leaf {
    /// Agent → aggregator, QoS 1: [`crate::sighting::SightingBatch`].
    Sightings,
    /// Agent → aggregator, QoS 1, retained, with a last will: [`crate::status::AgentStatus`].
    Status,
    /// Aggregator → agent, QoS 1: [`crate::sighting::Ack`].
    Acks,
    /// Aggregator → agent, QoS 1: [`crate::command::Command`].
    Commands,
}

impl Leaf {
    /// Every leaf.
    pub const ALL: [Leaf; 4] = [Leaf::Sightings, Leaf::Status, Leaf::Acks, Leaf::Commands];

    /// The leaves that an agent writes. It reads the others.
    pub const FROM_AGENT: [Leaf; 2] = [Leaf::Sightings, Leaf::Status];

    /// The leaves that an agent reads.
    pub const TO_AGENT: [Leaf; 2] = [Leaf::Acks, Leaf::Commands];

    /// As it stands in a topic.
    pub fn as_str(self) -> &'static str {
        match self {
            Leaf::Sightings => "sightings",
            Leaf::Status => "status",
            Leaf::Acks => "acks",
            Leaf::Commands => "commands",
        }
    }
}

/// The topic of one agent's leaf.
pub fn topic(site: &SiteId, agent: &AgentId, leaf: Leaf) -> String {
    format!("hadir/v1/{site}/{agent}/{}", leaf.as_str())
}

/// The filter by which the aggregator subscribes to one leaf of every agent of a site.
pub fn every_agent(site: &SiteId, leaf: Leaf) -> String {
    format!("hadir/v1/{site}/+/{}", leaf.as_str())
}

/// Takes a topic apart; `None` if it is none of ours.
pub fn parse(topic: &str) -> Option<(SiteId, AgentId, Leaf)> {
    let rest = topic.strip_prefix("hadir/v1/")?;
    let mut parts = rest.split('/');
    let site = SiteId::new(parts.next()?).ok()?;
    let agent = AgentId::new(parts.next()?).ok()?;
    let leaf = parts.next()?;
    let leaf = Leaf::ALL.into_iter().find(|l| l.as_str() == leaf)?;
    parts.next().is_none().then_some((site, agent, leaf))
}

/// The MQTT user name of a device, and its client id: `<site>.<agent>`.
///
/// Neither id can hold a dot, so two devices never share a name.
pub fn user_name(site: &SiteId, agent: &AgentId) -> String {
    format!("{site}.{agent}")
}

/// The site and agent behind a device's user name; `None` if it is none.
pub fn parse_user_name(name: &str) -> Option<(SiteId, AgentId)> {
    let (site, agent) = name.split_once('.')?;
    Some((SiteId::new(site).ok()?, AgentId::new(agent).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_and_user_names_come_back() {
        let (site, agent) = (
            SiteId::new("cikarang").expect("id"),
            AgentId::new("gate-1").expect("id"),
        );
        for leaf in Leaf::ALL {
            let t = topic(&site, &agent, leaf);
            assert_eq!(parse(&t), Some((site.clone(), agent.clone(), leaf)), "{t}");
        }
        assert_eq!(parse_user_name(&user_name(&site, &agent)), Some((site, agent)));
    }

    #[test]
    fn foreign_topics_are_none_of_ours() {
        for t in [
            "hadir/v1/a/b/other",
            "hadir/v2/a/b/status",
            "hadir/v1/a/b/status/x",
            "hadir/v1/+/b/status",
            "a",
        ] {
            assert_eq!(parse(t), None, "{t}");
        }
    }
}
