//! The thread of a link. In: what happens on the connection. Out: a connection again and again, and
//! messages for the owner.

use super::Account;
use super::link::{Message, Shared};
use rumqttc::{
    Connection, ConnectionError, Event, Outgoing, Packet, Publish, QoS, Request, SubscribeFilter,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::time::Duration;

/// Waits between attempts to connect: this, doubled each time, up to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// The thread's part of a link.
pub(super) struct Keeper {
    pub owner: String,
    pub account: Account,
    pub shared: Arc<Shared>,
    pub subscriptions: Vec<String>,
    pub messages: SyncSender<Message>,
    /// Closed when it is to end.
    pub stopped: Receiver<()>,
}

/// How it has gone with the broker of late.
struct Attempts {
    retry: Duration,
    /// The mend that was said for a broker that is away.
    said: Option<String>,
}

impl Keeper {
    /// Keeps the connection up until it is to end.
    pub fn keep(&self, mut connection: Connection) {
        let mut attempts = Attempts {
            retry: FIRST_RETRY,
            said: None,
        };
        loop {
            match connection.recv() {
                Ok(Ok(Event::Incoming(Packet::ConnAck(_)))) => {
                    attempts = Attempts {
                        retry: FIRST_RETRY,
                        said: None,
                    };
                    self.connected();
                }
                Ok(Ok(Event::Incoming(Packet::PubAck(_)))) => self.acknowledged(),
                Ok(Ok(Event::Incoming(Packet::Publish(message)))) => self.hand(message),
                Ok(Ok(Event::Outgoing(Outgoing::Disconnect))) | Err(_) => return,
                // A broker that takes nothing in would keep even the farewell waiting.
                Ok(Ok(Event::Outgoing(Outgoing::PingReq))) if self.is_stopped() => return,
                Ok(Ok(_)) => {}
                Ok(Err(e)) => {
                    self.lost(&mut connection);
                    if !self.wait(&mut attempts, &e) {
                        return;
                    }
                }
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.try_recv() == Err(TryRecvError::Disconnected)
    }

    fn connected(&self) {
        let client = &self.shared.client;
        if self.is_stopped() {
            let _ = client.try_disconnect();
            return;
        }
        log::info!(
            "{}: MQTT broker {}: connected",
            self.owner,
            self.account.broker
        );
        let mut standing = self.shared.standing();
        if !self.subscriptions.is_empty() {
            let filters = self.subscriptions.iter();
            let filters =
                filters.map(|topic| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce));
            // Before anything is told, so that what the broker kept is seen as it was.
            let _ = client.try_subscribe_many(filters);
        }
        standing.connected();
        standing.pump(client);
    }

    fn acknowledged(&self) {
        let mut standing = self.shared.standing();
        standing.acknowledged();
        standing.pump(&self.shared.client);
    }

    fn hand(&self, message: Publish) {
        // What finds no room is told by the broker again at the next connection, if it matters.
        let _ = self.messages.try_send(Message {
            topic: message.topic,
            payload: message.payload.to_vec(),
            retained: message.retain,
        });
    }

    /// The connection is gone, and all that waited for it: old messages, sent again at the next one,
    /// would tell of things that are long over.
    fn lost(&self, connection: &mut Connection) {
        self.shared.standing().disconnected();
        let events = &mut connection.eventloop;
        // What was handed over since the connection broke, too.
        events.clean();
        let standing = self.shared.standing();
        let of_the_moment = |request: &Request| match request {
            Request::Publish(message) => !message.retain && !standing.has(&message.topic),
            _ => false,
        };
        let lost = events.pending.iter().filter(|r| of_the_moment(r)).count();
        self.shared.lost.fetch_add(lost as u64, Ordering::Relaxed);
        events.pending.clear();
        events.state.events.clear();
        events.state.collision = None;
    }

    /// Waits before the next attempt; gives whether there is to be one.
    fn wait(&self, attempts: &mut Attempts, error: &ConnectionError) -> bool {
        if self.is_stopped() {
            return false;
        }
        let trouble = self.account.trouble(error);
        // Said once, and again when something else is to be done about it.
        if attempts.said.as_ref() != Some(&trouble.mend) {
            log::warn!("{}: {trouble}; trying again until it is there", self.owner);
            attempts.said = Some(trouble.mend);
        }
        let waited = self.stopped.recv_timeout(attempts.retry);
        attempts.retry = (attempts.retry * 2).min(LONGEST_RETRY);
        waited == Err(RecvTimeoutError::Timeout)
    }
}
