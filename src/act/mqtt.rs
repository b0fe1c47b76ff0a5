//! A message to an MQTT broker, for home automation.
//!
//! In: on and off. Out: a payload under a topic, at least once each (QoS 1, MQTT 3.1.1). The broker
//! is spoken to by a thread of its own, so that one that is away or slow never delays an
//! action. What was switched while it was away is not told later; how things stand is told at every connection.
//! "Off" is said when posed ends, and by the broker itself (the last will) when posed dies.

mod broker;
mod connection;

use super::{Action, Actuator};
use crate::device::Device;
use crate::settings::{Kind, Section};
use crate::tls;
use crate::trouble::Trouble;
use broker::Broker;
use connection::Mqtt;
use rumqttc::{LastWill, MqttOptions, QoS, TlsConfiguration, Transport};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The broker takes posed for dead after one and a half of these without a word.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// All that is known of the kind "mqtt".
pub const KIND: Kind<Arc<dyn Action>> = Kind {
    name: "mqtt",
    says: "tells an MQTT broker",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Action>> {
    let broker = s
        .text("url", URL)
        .example("\"mqtt://homeassistant.local\"")
        .parse(|url| Broker::parse(&url))
        .needed();
    let login = Login::read(s);
    let ca_file = s
        .path("ca_file", CA_FILE)
        .example("\"/etc/posed/ca.pem\"")
        .maybe();
    if ca_file.is_some() && broker.as_ref().is_some_and(|b| !b.encrypted) {
        s.fault_with(
            "ca_file",
            "only goes with a url that begins with mqtts://",
            "remove the line, or write url = \"mqtts://…\"",
        );
    }
    let topic = s
        .text("topic", "where the message goes")
        .example("\"home/hall/hands_up\"")
        .check(|topic| published(topic))
        .needed();
    let payload_on = s.text("payload_on", "what is said when it is switched on");
    let payload_on = payload_on.or("ON".into());
    let payload_off = s.text("payload_off", "what is said when it is switched off");
    let payload_off = payload_off.or("OFF".into());
    let retain = s.flag(
        "retain",
        "the broker keeps the last message for whoever comes later",
    );
    let retain = retain.or(true);
    Some(Arc::new(MqttSettings {
        broker: broker?,
        login,
        ca_file,
        topic: topic?,
        payload_on,
        payload_off,
        retain,
    }))
}

const URL: &str = "the broker: `mqtts://` encrypts; the port is 1883, or 8883 encrypted, unless it \
                   is named";
const CA_FILE: &str = "with `mqtts://`: the certificate of a broker that no public authority \
                       vouches for (PEM)";

/// Whether this is a topic that can be published to (MQTT 3.1.1, 4.7).
fn published(topic: &str) -> Result<(), String> {
    if topic.is_empty() || topic.contains(['+', '#', '\0']) {
        return Err("is no topic to publish to: that has no + or #, and is not empty".into());
    }
    Ok(())
}

/// As whom to log in.
#[derive(Debug, Clone)]
struct Login {
    user: String,
    password_file: Option<PathBuf>,
}

impl Login {
    fn read(s: &mut Section) -> Option<Self> {
        let user = s.text("user", "as whom to log in").example("\"posed\"");
        let user = user.maybe();
        let meaning = "a file with that user's password, which only posed may read";
        let password_file = s
            .path("password_file", meaning)
            .example("\"/etc/posed/mqtt.password\"")
            .maybe();
        if password_file.is_some() && user.is_none() {
            s.fault_with(
                "password_file",
                "only goes with `user`",
                "add the line user = \"…\"",
            );
        }
        Some(Self {
            user: user?,
            password_file,
        })
    }
}

/// Which broker, and what it is told.
#[derive(Debug, Clone)]
struct MqttSettings {
    broker: Broker,
    login: Option<Login>,
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
        if let Some(login) = &self.login {
            let password = match &login.password_file {
                Some(path) => tls::read_file(path, "password_file")?,
                None => String::new(),
            };
            options.set_credentials(&login.user, password.trim_end_matches(['\r', '\n']));
        }
        if self.broker.encrypted {
            let tls = tls::config(self.ca_file.as_deref())?;
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
                Arc::new(tls),
            )));
        }
        Ok(options)
    }
}
