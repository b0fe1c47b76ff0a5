//! An MQTT broker: where it is, as whom to log in, and a connection that is kept up.
//!
//! In: how things are to stand at the broker, topic by topic, and what happens (MQTT 3.1.1, QoS 1).
//! Out: messages while the broker is there, and at each connection how things stand. Whoever speaks
//! to it never waits for it: not for a broker that is away, nor for one that is slow.

mod account;
mod broker;
mod keeper;
mod link;
mod standing;

pub use account::Account;
pub use broker::Broker;
pub use link::{Link, LinkSettings, Message, Will};

/// Whether this is a topic that can be published to (MQTT 3.1.1, 4.7).
///
/// # Errors
/// Why it is not.
pub fn published(topic: &str) -> Result<(), String> {
    if topic.is_empty() || topic.contains(['+', '#', '\0']) {
        return Err("is no topic to publish to: that has no + or #, and is not empty".into());
    }
    Ok(())
}
