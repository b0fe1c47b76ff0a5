//! A message to an MQTT broker, for home automation.
//!
//! In: on and off. Out: a payload under a topic, at least once each (QoS 1, MQTT 3.1.1). The broker
//! is spoken to by a thread of its own, so that one that is away or slow never delays an action. What
//! was switched while it was away is not told later; how things stand is told at every connection.
//! "Off" is said when posed ends, and by the broker itself (the last will) when posed dies.

use super::{Action, Actuator, Cause};
use crate::device::Device;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use rumqttc::{
    Client, Connection, Event, LastWill, MqttOptions, Outgoing, Packet, QoS, TlsConfiguration,
    Transport,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The broker takes posed for dead after one and a half of these without a word.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Waits between attempts to connect: this, doubled each time, up to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// How long the last message may take at the end of the program.
const LAST_WORD: Duration = Duration::from_millis(500);
/// Messages that may wait for the thread.
const WAITING: usize = 64;

/// All that is known of the kind "mqtt".
pub const KIND: Kind<Arc<dyn Action>> = Kind {
    name: "mqtt",
    says: "tells an MQTT broker",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Action>> {
    let broker = s
        .text("url", "the broker: `mqtts://` encrypts; the port is 1883, or 8883 encrypted, unless it is named")
        .example("\"mqtt://homeassistant.local\"")
        .parse(|url| Broker::parse(&url))
        .needed();
    let user = s
        .text("user", "as whom to log in")
        .example("\"posed\"")
        .maybe();
    let password_file = s
        .path(
            "password_file",
            "a file with that user's password, which only posed may read",
        )
        .example("\"/etc/posed/mqtt.password\"")
        .maybe();
    let ca_file = s
        .path("ca_file", "with `mqtts://`: the certificate of a broker that no public authority vouches for (PEM)")
        .example("\"/etc/posed/ca.pem\"")
        .maybe();
    let topic = s
        .text("topic", "where the message goes")
        .example("\"home/hall/hands_up\"")
        .check(
            |topic| match topic.is_empty() || topic.contains(['+', '#', '\0']) {
                true => Err("is no topic to publish to: it has no + or #, and is not empty".into()),
                false => Ok(()),
            },
        )
        .needed();
    let payload_on = s
        .text("payload_on", "what is said when it is switched on")
        .or("ON".into());
    let payload_off = s
        .text("payload_off", "what is said when it is switched off")
        .or("OFF".into());
    let retain = s
        .flag(
            "retain",
            "the broker keeps the last message for whoever comes later",
        )
        .or(true);
    if password_file.is_some() && user.is_none() {
        s.fault("password_file", "only goes with `user`");
    }
    if ca_file.is_some() && broker.as_ref().is_some_and(|b| !b.encrypted) {
        s.fault("ca_file", "only goes with a url that begins with mqtts://");
    }
    Some(Arc::new(MqttSettings {
        broker: broker?,
        user,
        password_file,
        ca_file,
        topic: topic?,
        payload_on,
        payload_off,
        retain,
    }))
}

/// Where the broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Broker {
    host: String,
    port: u16,
    encrypted: bool,
}

impl Broker {
    fn parse(url: &str) -> Result<Self, String> {
        let (encrypted, rest) = match url.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => {
                return Err(format!(
                    "{url:?} begins neither with mqtt:// nor with mqtts://"
                ));
            }
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            return Err("has a user in it: give `user` and `password_file`".into());
        }
        let wrong = || format!("{url:?} names no host, or a port that is none");
        // An IPv6 address stands in brackets, since it has colons of its own.
        let (host, port) = match authority.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, ""))) => (host, None),
            Some(Some((host, after))) => (host, Some(after.strip_prefix(':').ok_or_else(wrong)?)),
            Some(None) => return Err(wrong()),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let usual = if encrypted { 8883 } else { 1883 };
        let port = match port {
            None => usual,
            Some(text) => text.parse().ok().filter(|&p| p > 0).ok_or_else(wrong)?,
        };
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
            return Err(wrong());
        }
        Ok(Self {
            host: host.into(),
            port,
            encrypted,
        })
    }
}

impl std::fmt::Display for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Which broker, and what it is told.
#[derive(Debug, Clone)]
struct MqttSettings {
    broker: Broker,
    user: Option<String>,
    password_file: Option<PathBuf>,
    /// Trusted in place of the system's authorities.
    ca_file: Option<PathBuf>,
    topic: String,
    payload_on: String,
    payload_off: String,
    retain: bool,
}

impl Device for MqttSettings {
    fn check(&self) -> Result<(), Trouble> {
        self.options()?;
        let broker = &self.broker;
        let found = (broker.host.as_str(), broker.port).to_socket_addrs();
        let mut last = "its name leads nowhere".to_string();
        for address in found.into_iter().flatten() {
            match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
                Ok(_) => return Ok(()),
                Err(e) => last = e.to_string(),
            }
        }
        Err(Trouble::new(
            format!("the MQTT broker {broker} cannot be reached: {last}"),
            "is it running, and may this machine reach it? Under the service, docs/install.md tells how to allow the network",
        ))
    }
}

impl Action for MqttSettings {
    fn open(&self, name: &str) -> Result<Box<dyn Actuator>, Trouble> {
        Ok(Box::new(Mqtt::start(self, name)?))
    }
}

impl MqttSettings {
    /// # Errors
    /// A file that is named cannot be read or is not what it should be.
    fn options(&self) -> Result<MqttOptions, Trouble> {
        // One name for two programs would make the broker cut off one for the other, for ever.
        let mut random = RandomState::new().build_hasher();
        random.write_u32(std::process::id());
        let id = format!("posed-{:016x}", random.finish());
        let mut options = MqttOptions::new(id, &self.broker.host, self.broker.port);
        options.set_keep_alive(KEEP_ALIVE);
        let off = self.payload_off.as_bytes();
        let will = LastWill::new(&self.topic, off, QoS::AtLeastOnce, self.retain);
        options.set_last_will(will);
        if let Some(user) = &self.user {
            let password = match &self.password_file {
                Some(path) => read_file(path, "password_file")?,
                None => String::new(),
            };
            options.set_credentials(user, password.trim_end_matches(['\r', '\n']));
        }
        if self.broker.encrypted {
            let tls = tls(self.ca_file.as_deref())?;
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
                Arc::new(tls),
            )));
        }
        Ok(options)
    }
}

fn read_file(path: &Path, key: &str) -> Result<String, Trouble> {
    std::fs::read_to_string(path).map_err(|e| {
        Trouble::new(
            format!("{}: cannot be read: {e}", path.display()),
            format!("let this user read it (group posed), or correct `{key}`"),
        )
    })
}

fn tls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, Trouble> {
    let mut roots = rustls::RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let pem = read_file(path, "ca_file")?;
            let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
            let (added, _) = roots.add_parsable_certificates(certificates.flatten());
            if added == 0 {
                return Err(Trouble::new(
                    format!("{}: holds no certificate", path.display()),
                    "name a PEM file with BEGIN CERTIFICATE in it as `ca_file`",
                ));
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(Trouble::new(
                    "this system trusts no certificate authority",
                    "`sudo apt install ca-certificates`, or name the broker's own as `ca_file`",
                ));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Trouble::new(format!("no TLS: {e}"), "write url with mqtt://"))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// What the actuator and its thread share.
struct Shared {
    on: AtomicBool,
    connected: AtomicBool,
    stop: AtomicBool,
}

/// A connection that is kept up.
struct Mqtt {
    client: Client,
    settings: MqttSettings,
    shared: Arc<Shared>,
    /// Says that the thread has ended.
    ended: Mutex<Receiver<()>>,
}

impl Mqtt {
    fn start(settings: &MqttSettings, name: &str) -> Result<Self, Trouble> {
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
    fn activate(&mut self, _: &Cause) -> Result<(), Trouble> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_port_and_encryption() {
        let broker = |url: &str| Broker::parse(url).map(|b| (b.to_string(), b.encrypted));
        assert_eq!(broker("mqtt://hub"), Ok(("hub:1883".into(), false)));
        assert_eq!(broker("mqtts://hub/"), Ok(("hub:8883".into(), true)));
        assert_eq!(
            broker("mqtt://10.0.0.2:99"),
            Ok(("10.0.0.2:99".into(), false))
        );
        assert_eq!(broker("mqtt://[::1]:99"), Ok(("::1:99".into(), false)));
        assert_eq!(
            broker("mqtt://[fe80::1]"),
            Ok(("fe80::1:1883".into(), false))
        );
        for wrong in [
            "hub",
            "http://hub",
            "mqtt://",
            "mqtt://hub:0",
            "mqtt://hub:x",
            "mqtt://a/b",
            "mqtt://me:secret@hub",
            "mqtt://[::1",
            "mqtt://[::1]99",
            "mqtt://hub:70000",
        ] {
            assert!(Broker::parse(wrong).is_err(), "{wrong}");
        }
    }
}
