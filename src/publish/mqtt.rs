//! A device at an MQTT broker, for home automation: how things stand, what happens, and for Home
//! Assistant what there is. docs/home-assistant.md is its manual.
//!
//! In: reports. Out: poses, people, availability and the state of the program, kept by the broker
//! for whoever comes later; events as they happen; a description that Home Assistant understands.
//! The broker may come later, go and come back, and nothing waits for it.

mod discovery;
mod due;
mod home;
mod topics;

use super::Sink;
use crate::device::Device;
use crate::host;
use crate::mqtt::{Account, published};
use crate::report::Listener;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use home::Home;
use std::sync::Arc;
use std::time::Duration;

/// All that is known of the kind "mqtt".
pub const KIND: Kind<Arc<dyn Sink>> = Kind {
    name: "mqtt",
    says: "a device at an MQTT broker, which Home Assistant finds by itself",
    read,
};

const CLIENT_ID: &str = "by which the broker knows the connection; no two may have the same";
const NAME: &str = "of this device; in topics, letters and digits of ASCII, `_` and `-` stay and all \
                    else becomes `_`";
const TOPIC: &str = "what topics begin with: `posed/NAME/people`";
const DISCOVERY: &str = "what the topics begin with under which Home Assistant looks for devices; \
                         \"\": the device is not described";
const PICTURE: &str = "a JPEG with at most 1280 pixels on its longer side is sent at most once in so \
                       many seconds";
const STATE: &str = "how often frames a second, temperature and the like are told";

fn read(s: &mut Section) -> Option<Arc<dyn Sink>> {
    let account = Account::read(s);
    let client_id = s
        .text("client_id", CLIENT_ID)
        .example("\"posed-hall\"")
        .without("another one at each start")
        .check(|id| not_empty(id))
        .maybe();
    let name = s
        .text("name", NAME)
        .example("\"hall\"")
        .without("the host's, of /etc/hostname")
        .check(|name| not_empty(name))
        .maybe();
    let topic = s.text("topic", TOPIC).check(|topic| levels(topic));
    let topic = topic.or("posed".into());
    let discovery = s.text("discovery", DISCOVERY);
    let discovery = discovery.check(|topic| levels_or_none(topic));
    let discovery = discovery.or("homeassistant".into());
    let picture_every = s
        .seconds("picture_s", PICTURE, 1.0..=86_400.0)
        .example("30.0")
        .without("no pictures")
        .maybe();
    let state_every = s.seconds("state_s", STATE, 1.0..=3600.0);
    let state_every = state_every.or(Duration::from_secs(30));
    Some(Arc::new(MqttSettings {
        account: account?,
        client_id,
        name,
        topic,
        discovery,
        picture_every,
        state_every,
    }))
}

fn not_empty(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("is empty".into());
    }
    Ok(())
}

/// Whether topics may begin with this.
fn levels(topic: &str) -> Result<(), String> {
    published(topic)?;
    if topic.starts_with(['/', '$']) || topic.ends_with('/') {
        return Err("begins with / or $, or ends with /: topics go on behind it".into());
    }
    Ok(())
}

fn levels_or_none(topic: &str) -> Result<(), String> {
    match topic {
        "" => Ok(()),
        topic => levels(topic),
    }
}

/// Which broker, and what it is told.
#[derive(Debug, Clone)]
struct MqttSettings {
    account: Account,
    client_id: Option<String>,
    /// The host's where none is given.
    name: Option<String>,
    topic: String,
    /// Empty: the device is not described.
    discovery: String,
    picture_every: Option<Duration>,
    state_every: Duration,
}

impl Device for MqttSettings {
    fn claims(&self) -> Vec<String> {
        let (broker, topic) = (&self.account.broker, &self.topic);
        vec![format!("{topic}/{} at {broker}", self.device_name())]
    }

    /// Logs in at the broker, which `posed doctor` does and `posed check` does not.
    fn check(&self) -> Result<(), Trouble> {
        self.account.check()
    }

    fn needs_network(&self) -> bool {
        true
    }
}

impl Sink for MqttSettings {
    fn open(&self, name: &str) -> Result<Box<dyn Listener>, Trouble> {
        Ok(Box::new(Home::open(self.clone(), name)?))
    }
}

impl MqttSettings {
    /// The name of the device as it is shown.
    fn device_name(&self) -> String {
        self.name
            .clone()
            .or_else(host::name)
            .unwrap_or_else(|| "posed".into())
    }
}
