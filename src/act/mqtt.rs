//! A message to an MQTT broker, for home automation.
//!
//! In: on and off. Out: a payload under a topic, at least once each (QoS 1, MQTT 3.1.1). The broker
//! is spoken to by a thread of its own, so that one that is away or slow never delays an
//! action. What was switched while it was away is not told later; how things stand is told at every connection.
//! "Off" is said when posed ends, and by the broker itself (the last will) when posed dies.

use super::{Action, Actuator};
use crate::device::Device;
use crate::mqtt::{Account, Link, LinkSettings, Will, published};
use crate::report;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::sync::Arc;

/// All that is known of the kind "mqtt".
pub const KIND: Kind<Arc<dyn Action>> = Kind {
    name: "mqtt",
    says: "tells an MQTT broker",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Action>> {
    let account = Account::read(s);
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
        account: account?,
        topic: topic?,
        payload_on,
        payload_off,
        retain,
    }))
}

/// Which broker, and what it is told.
#[derive(Debug, Clone)]
struct MqttSettings {
    account: Account,
    topic: String,
    payload_on: String,
    payload_off: String,
    retain: bool,
}

impl Device for MqttSettings {
    fn check(&self) -> Result<(), Trouble> {
        self.account.check()
    }

    fn needs_network(&self) -> bool {
        true
    }
}

impl Action for MqttSettings {
    fn open(&self, name: &str) -> Result<Box<dyn Actuator>, Trouble> {
        let link = Link::start(LinkSettings {
            account: &self.account,
            owner: format!("action {name}"),
            client_id: None,
            will: Will {
                topic: self.topic.clone(),
                payload: self.payload_off.clone(),
                retain: self.retain,
            },
            subscriptions: Vec::new(),
        })?;
        let settings = self.clone();
        let message = Mqtt { link, settings };
        message.switch(false);
        Ok(Box::new(message))
    }
}

struct Mqtt {
    link: Link,
    settings: MqttSettings,
}

impl Mqtt {
    fn switch(&self, on: bool) {
        let settings = &self.settings;
        let payload = if on {
            &settings.payload_on
        } else {
            &settings.payload_off
        };
        self.link.say(&settings.topic, payload, settings.retain);
    }
}

impl Actuator for Mqtt {
    fn activate(&mut self, _: &report::Event) -> Result<(), Trouble> {
        self.switch(true);
        Ok(())
    }

    fn release(&mut self) -> Result<(), Trouble> {
        self.switch(false);
        Ok(())
    }

    fn tend(&mut self) {
        self.link.tend();
    }
}

impl Drop for Mqtt {
    fn drop(&mut self) {
        self.switch(false);
    }
}
