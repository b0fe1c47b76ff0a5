//! A connection to a broker that is kept up by a thread of its own.
//!
//! In: what is to stand under which topic, and messages of the moment. Out: both at the broker while
//! it is there; at each connection all that is to stand, anew.

use super::Account;
use super::keeper::Keeper;
use super::standing::Standing;
use crate::trouble::Trouble;
use rumqttc::{Client, LastWill, QoS};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the last messages may take at the end.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How often it is looked whether they have arrived.
const LOOK: Duration = Duration::from_millis(5);
/// Messages that may wait for the thread.
const QUEUE: usize = 64;
/// Messages that may wait for the owner.
const WAY_BACK: usize = 1024;

/// What a link is made of.
pub struct LinkSettings<'a> {
    pub account: &'a Account,
    /// Whose it is, for the log: "action lamp".
    pub owner: String,
    /// By which the broker knows it; a name of its own where none is given.
    pub client_id: Option<&'a str>,
    pub will: Will,
    /// Topics, or patterns of them, of which the owner is told.
    pub subscriptions: Vec<String>,
}

/// What the broker itself says when posed dies.
#[derive(Debug, Clone)]
pub struct Will {
    pub topic: String,
    pub payload: String,
    pub retain: bool,
}

impl From<Will> for LastWill {
    fn from(will: Will) -> Self {
        Self::new(will.topic, will.payload, QoS::AtLeastOnce, will.retain)
    }
}

/// A message of a topic that is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    /// The broker had kept it from before.
    pub retained: bool,
}

/// What the owner and the thread share.
pub(super) struct Shared {
    pub client: Client,
    standing: Mutex<Standing>,
    /// Messages of the moment that were handed over and died with their connection.
    pub lost: AtomicU64,
}

impl Shared {
    pub fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is kept up. When it is dropped, what is to stand is told first, within half a
/// second.
pub struct Link {
    shared: Arc<Shared>,
    messages: Receiver<Message>,
    /// Dropped to tell the thread to end.
    stop: Option<Sender<()>>,
    /// Says that it has.
    ended: Receiver<()>,
}

impl Link {
    /// Starts the thread, which connects as soon as the broker is there.
    ///
    /// # Errors
    /// A file that is named cannot be read, or no thread can be started.
    pub fn start(settings: LinkSettings) -> Result<Self, Trouble> {
        let mut options = settings.account.options(settings.client_id)?;
        options.set_last_will(settings.will.into());
        let (client, connection) = Client::new(options, QUEUE);
        let shared = Arc::new(Shared {
            client,
            standing: Mutex::default(),
            lost: AtomicU64::new(0),
        });
        let (give, messages) = mpsc::sync_channel(WAY_BACK);
        let (stop, stopped) = mpsc::channel();
        let (ending, ended) = mpsc::channel::<()>();
        let keeper = Keeper {
            owner: settings.owner,
            account: settings.account.clone(),
            shared: Arc::clone(&shared),
            subscriptions: settings.subscriptions,
            messages: give,
            stopped,
        };
        std::thread::Builder::new()
            .name("mqtt".into())
            .spawn(move || {
                keeper.keep(connection);
                drop(ending);
            })
            .map_err(|e| Trouble::new(format!("a thread could not be started: {e}"), ""))?;
        Ok(Self {
            shared,
            messages,
            stop: Some(stop),
            ended,
        })
    }

    /// `payload` is to stand under `topic` from now on, and is told at every connection; the broker
    /// keeps it for whoever comes later if `retain`. What stands there already is not told again.
    pub fn set(&self, topic: &str, payload: impl AsRef<[u8]>, retain: bool) {
        let mut standing = self.shared.standing();
        standing.set(topic, payload.as_ref(), retain);
        standing.pump(&self.shared.client);
    }

    /// The same, told once more though it stands there already.
    pub fn say(&self, topic: &str, payload: impl AsRef<[u8]>, retain: bool) {
        let mut standing = self.shared.standing();
        standing.set(topic, payload.as_ref(), retain);
        standing.renew(topic);
        standing.pump(&self.shared.client);
    }

    /// Tells again what stands under `topic`.
    pub fn renew(&self, topic: &str) {
        let mut standing = self.shared.standing();
        standing.renew(topic);
        standing.pump(&self.shared.client);
    }

    /// Nothing is to stand under `topic`, whoever put it there.
    pub fn clear(&self, topic: &str) {
        let mut standing = self.shared.standing();
        standing.clear(topic);
        standing.pump(&self.shared.client);
    }

    /// Sends a message of the moment. Gives whether there is a connection and room for it; one that
    /// is not sent now is never sent.
    pub fn send(&self, topic: &str, payload: Vec<u8>) -> bool {
        let mut standing = self.shared.standing();
        standing.send(&self.shared.client, topic, payload)
    }

    /// Hands over what did not find room before; to be called some times a second.
    pub fn tend(&self) {
        self.shared.standing().pump(&self.shared.client);
    }

    /// Whether the broker has acknowledged all that it was told: it is there, and not slow.
    pub fn is_settled(&self) -> bool {
        self.shared.standing().is_settled()
    }

    /// How many messages of the moment died with their connection since this was last asked.
    pub fn lost(&self) -> u64 {
        self.shared.lost.swap(0, Ordering::Relaxed)
    }

    /// The next message of a subscription, if one waits.
    pub fn message(&self) -> Option<Message> {
        self.messages.try_recv().ok()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let end = Instant::now() + LAST_WORDS;
        loop {
            let mut standing = self.shared.standing();
            standing.pump(&self.shared.client);
            if !standing.is_connected() || standing.is_settled() || Instant::now() >= end {
                break;
            }
            drop(standing);
            std::thread::sleep(LOOK);
        }
        drop(self.stop.take());
        let _ = self.shared.client.try_disconnect();
        // One that is only being made ends by itself.
        let left = end.saturating_duration_since(Instant::now());
        let _ = self.ended.recv_timeout(left.max(LOOK));
    }
}
