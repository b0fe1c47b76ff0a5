//! How things are to stand at the broker.
//!
//! In: topics with their payloads, as they change. Out: what is still to be sent, into a queue that
//! may be full; what it does not take stays to be sent.

use rumqttc::{Client, QoS};

/// Topics and what is to stand under them, in the order in which they were first named.
#[derive(Debug, Default)]
pub(super) struct Standing {
    topics: Vec<Topic>,
    /// Messages that may be sent now.
    connected: bool,
    /// Messages that were handed over on this connection and not yet acknowledged.
    unacknowledged: usize,
}

#[derive(Debug)]
struct Topic {
    name: String,
    payload: Vec<u8>,
    retain: bool,
    /// It is still to be sent.
    dirty: bool,
    /// It is forgotten as soon as it is sent.
    gone: bool,
}

impl Standing {
    /// `payload` is to stand under `topic`; one that stands there already is not sent again.
    pub fn set(&mut self, topic: &str, payload: &[u8], retain: bool) {
        match self.find(topic) {
            Some(t) if !t.gone && t.payload == payload && t.retain == retain => {}
            Some(t) => {
                t.payload = payload.to_vec();
                t.retain = retain;
                t.dirty = true;
                t.gone = false;
            }
            None => self.topics.push(Topic {
                name: topic.into(),
                payload: payload.to_vec(),
                retain,
                dirty: true,
                gone: false,
            }),
        }
    }

    /// What stands under `topic` is sent again.
    pub fn renew(&mut self, topic: &str) {
        if let Some(topic) = self.find(topic) {
            topic.dirty = true;
        }
    }

    /// Nothing is to stand under `topic`, nor what the broker kept of it.
    pub fn clear(&mut self, topic: &str) {
        self.set(topic, &[], true);
        if let Some(topic) = self.find(topic) {
            topic.dirty = true;
            topic.gone = true;
        }
    }

    /// A connection was made, which knows of nothing.
    pub fn connected(&mut self) {
        self.connected = true;
        self.unacknowledged = 0;
        for topic in &mut self.topics {
            topic.dirty = true;
        }
    }

    /// The connection is gone.
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.unacknowledged = 0;
    }

    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// A message was acknowledged.
    pub fn acknowledged(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
    }

    /// Whether the broker has acknowledged all that it was sent on this connection.
    pub fn is_settled(&self) -> bool {
        self.connected && self.unacknowledged == 0 && self.topics.iter().all(|t| !t.dirty)
    }

    pub fn has(&self, topic: &str) -> bool {
        self.topics.iter().any(|t| t.name == topic)
    }

    /// Hands over what is still to be sent, as much as the client's queue takes.
    pub fn pump(&mut self, client: &Client) {
        if !self.connected {
            return;
        }
        for topic in self.topics.iter_mut().filter(|t| t.dirty) {
            let payload = topic.payload.as_slice();
            let given = client.try_publish(&topic.name, QoS::AtLeastOnce, topic.retain, payload);
            if given.is_err() {
                break;
            }
            topic.dirty = false;
            self.unacknowledged += 1;
        }
        self.topics.retain(|t| t.dirty || !t.gone);
    }

    /// Hands over a message that is not kept; gives whether there is a connection and room.
    pub fn send(&mut self, client: &Client, topic: &str, payload: Vec<u8>) -> bool {
        let sent = self.connected
            && client
                .try_publish(topic, QoS::AtLeastOnce, false, payload)
                .is_ok();
        self.unacknowledged += usize::from(sent);
        sent
    }

    fn find(&mut self, topic: &str) -> Option<&mut Topic> {
        self.topics.iter_mut().find(|t| t.name == topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rumqttc::MqttOptions;

    /// A client whose queue has room for so many, and which nobody connects.
    fn client(room: usize) -> (Client, rumqttc::Connection) {
        Client::new(MqttOptions::new("x", "127.0.0.1", 1), room)
    }

    fn dirty(standing: &Standing) -> Vec<&str> {
        let dirty = standing.topics.iter().filter(|t| t.dirty);
        dirty.map(|t| t.name.as_str()).collect()
    }

    #[test]
    fn what_a_full_queue_does_not_take_stays_to_be_sent_in_its_order() {
        let (client, _connection) = client(2);
        let mut standing = Standing::default();
        standing.connected();
        for topic in ["a", "b", "c", "d"] {
            standing.set(topic, b"1", true);
        }
        standing.pump(&client);
        assert_eq!(dirty(&standing), ["c", "d"]);
        standing.pump(&client);
        assert_eq!(dirty(&standing), ["c", "d"]);
        assert!(
            !standing.send(&client, "event", Vec::new()),
            "there is no room"
        );
        assert!(!standing.is_settled());
    }

    #[test]
    fn nothing_is_sent_without_a_connection_and_all_of_it_at_the_next() {
        let (client, _connection) = client(9);
        let mut standing = Standing::default();
        standing.set("a", b"1", true);
        standing.pump(&client);
        assert!(!standing.send(&client, "event", Vec::new()));
        assert_eq!(dirty(&standing), ["a"]);
        standing.connected();
        standing.pump(&client);
        assert!(dirty(&standing).is_empty() && !standing.is_settled());
        standing.acknowledged();
        assert!(standing.is_settled());
        standing.set("a", b"1", true);
        assert!(dirty(&standing).is_empty(), "it stands there already");
        standing.renew("a");
        assert_eq!(dirty(&standing), ["a"]);
        standing.disconnected();
        standing.connected();
        assert_eq!(dirty(&standing), ["a"]);
    }

    #[test]
    fn a_cleared_topic_is_forgotten_when_that_was_sent_and_may_come_back() {
        let (client, _connection) = client(9);
        let mut standing = Standing::default();
        standing.set("a", b"1", true);
        standing.clear("a");
        assert!(standing.has("a"));
        standing.connected();
        standing.pump(&client);
        assert!(!standing.has("a"));
        standing.clear("a");
        standing.set("a", b"", true);
        standing.pump(&client);
        assert!(standing.has("a"));
    }
}
