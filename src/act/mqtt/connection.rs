//! A connection to a broker that is kept up by a thread of its own.
//!
//! In: on and off. Out: messages while the broker is there, and at each connection how things stand.

use super::MqttSettings;
use crate::act::Actuator;
use crate::report;
use crate::trouble::Trouble;
use rumqttc::{Client, Connection, Event, Outgoing, Packet, QoS};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Waits between attempts to connect: this, doubled each time, up to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// How long the last message may take at the end of the program.
const LAST_WORD: Duration = Duration::from_millis(500);
/// Messages that may wait for the thread.
const WAITING: usize = 64;

/// What the actuator and its thread share.
struct Shared {
    on: AtomicBool,
    connected: AtomicBool,
    stop: AtomicBool,
}

/// A connection that is kept up.
pub struct Mqtt {
    client: Client,
    settings: MqttSettings,
    shared: Arc<Shared>,
    /// Says that the thread has ended.
    ended: Mutex<Receiver<()>>,
}

impl Mqtt {
    /// Starts the thread, which connects as soon as the broker is there.
    ///
    /// # Errors
    /// A file that is named cannot be read, or no thread can be started.
    pub fn start(settings: &MqttSettings, name: &str) -> Result<Self, Trouble> {
        let (client, connection) = Client::new(settings.options()?, WAITING);
        let shared = Arc::new(Shared {
            on: AtomicBool::new(false),
            connected: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let (ending, ended) = mpsc::channel::<()>();
        let mut keeper = Keeper {
            what: format!("action {name}: MQTT broker {}", settings.broker),
            client: client.clone(),
            settings: settings.clone(),
            shared: Arc::clone(&shared),
            retry: FIRST_RETRY,
            away: false,
        };
        std::thread::Builder::new()
            .name("mqtt".into())
            .spawn(move || {
                keeper.keep(connection);
                drop(ending);
            })
            .map_err(|e| Trouble::new(format!("a thread could not be started: {e}"), ""))?;
        Ok(Self {
            client,
            settings: settings.clone(),
            shared,
            ended: Mutex::new(ended),
        })
    }

    fn switch(&self, on: bool) -> Result<(), Trouble> {
        self.shared.on.store(on, Ordering::SeqCst);
        // Whoever is not there is told how things stand when they are back, and not what was missed.
        if self.shared.connected.load(Ordering::SeqCst) {
            say(&self.client, &self.settings, on)?;
        }
        Ok(())
    }
}

fn say(client: &Client, settings: &MqttSettings, on: bool) -> Result<(), Trouble> {
    let payload = if on {
        &settings.payload_on
    } else {
        &settings.payload_off
    };
    client
        .try_publish(
            &settings.topic,
            QoS::AtLeastOnce,
            settings.retain,
            payload.as_bytes(),
        )
        .map_err(|e| {
            Trouble::new(
                format!("the MQTT broker {} takes nothing: {e}", settings.broker),
                "what it should know is told at the next connection",
            )
        })
}

impl Actuator for Mqtt {
    fn activate(&mut self, _: &report::Event) -> Result<(), Trouble> {
        self.switch(true)
    }

    fn release(&mut self) -> Result<(), Trouble> {
        self.switch(false)
    }
}

impl Drop for Mqtt {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if self.shared.connected.load(Ordering::SeqCst) {
            let _ = say(&self.client, &self.settings, false);
        }
        // Also ends a connection that is only being made.
        let _ = self.client.try_disconnect();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(LAST_WORD);
    }
}

/// The thread's part.
struct Keeper {
    what: String,
    client: Client,
    settings: MqttSettings,
    shared: Arc<Shared>,
    retry: Duration,
    /// It was said that the broker is away.
    away: bool,
}

impl Keeper {
    fn keep(&mut self, mut connection: Connection) {
        loop {
            match connection.recv() {
                Ok(Ok(Event::Incoming(Packet::ConnAck(_)))) => self.connected(),
                Ok(Ok(Event::Outgoing(Outgoing::Disconnect))) | Err(_) => return,
                Ok(Ok(_)) => {}
                Ok(Err(e)) => {
                    // Old messages, sent again at the next connection, would switch things that are
                    // long over.
                    connection.eventloop.pending.clear();
                    if !self.wait(&e) {
                        return;
                    }
                }
            }
        }
    }

    fn connected(&mut self) {
        log::info!("{}: connected", self.what);
        self.retry = FIRST_RETRY;
        self.away = false;
        self.shared.connected.store(true, Ordering::SeqCst);
        // Read after `connected` is set: a switch in between says so itself, or is seen here.
        let on = self.shared.on.load(Ordering::SeqCst);
        if let Err(e) = say(&self.client, &self.settings, on) {
            log::warn!("{}: {e}", self.what);
        }
    }

    /// Waits before the next attempt; gives whether there is to be one.
    fn wait(&mut self, error: &rumqttc::ConnectionError) -> bool {
        self.shared.connected.store(false, Ordering::SeqCst);
        if self.shared.stop.load(Ordering::SeqCst) {
            return false;
        }
        if !std::mem::replace(&mut self.away, true) {
            log::warn!("{}: {error}; trying again until it is there", self.what);
        }
        std::thread::sleep(self.retry);
        self.retry = (self.retry * 2).min(LONGEST_RETRY);
        !self.shared.stop.load(Ordering::SeqCst)
    }
}
