//! The device as Home Assistant is told of it, in one message with all its entities.
//!
//! In: the topics, the poses, and what there was once and is no more. Out: JSON of the schema that
//! Home Assistant documents for device discovery (its integration MQTT, "Device discovery payload").
//! A component that has nothing but its platform is removed there.

use super::topics::Topics;
use crate::recognise::EventKind;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// All that a description is made of.
pub(super) struct Described<'a> {
    pub topics: &'a Topics,
    /// As it is shown.
    pub name: &'a str,
    pub poses: &'a [Arc<str>],
    /// What is counted.
    pub counts: &'a [Arc<str>],
    /// The board tells its temperature.
    pub temperature: bool,
    /// Pictures are sent.
    pub picture: bool,
    /// What is to be removed.
    pub gone: &'a [Component],
}

/// A component of an earlier description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Component {
    pub id: String,
    pub platform: String,
}

impl Component {
    /// Of the pose of this name.
    pub fn of_pose(name: &str) -> Self {
        Self {
            id: format!("pose_{name}"),
            platform: "binary_sensor".into(),
        }
    }

    /// Of what is counted under this name.
    pub fn of_count(name: &str) -> Self {
        Self {
            id: format!("count_{name}"),
            platform: "sensor".into(),
        }
    }
}

/// How Home Assistant gets at an event's kind in a line of events.
const EVENT: &str = "{{ dict(value_json, event_type=value_json.event) | to_json }}";

impl Described<'_> {
    /// The message.
    pub fn payload(&self) -> String {
        let mut components = self.components();
        for gone in self.gone {
            let removed = json!({"platform": gone.platform});
            components.entry(&gone.id).or_insert(removed);
        }
        json!({
            "device": {
                "identifiers": [self.topics.id],
                "name": self.name,
                "manufacturer": "posed",
                "model": "pose daemon",
                "sw_version": env!("CARGO_PKG_VERSION"),
            },
            "origin": {
                "name": "posed",
                "sw_version": env!("CARGO_PKG_VERSION"),
                "support_url": env!("CARGO_PKG_REPOSITORY"),
            },
            "availability_topic": self.topics.availability(),
            "qos": 1,
            "components": components,
        })
        .to_string()
    }

    /// Whether the device has a component of this name.
    pub fn has(&self, id: &str) -> bool {
        self.components().contains_key(id)
    }

    fn components(&self) -> Map<String, Value> {
        let topics = self.topics;
        let mut components = Map::new();
        let mut add = |id: &str, mut component: Value| {
            component["unique_id"] = format!("{}_{id}", topics.id).into();
            components.insert(id.into(), component);
        };
        for pose in self.poses {
            let sensor = json!({
                "platform": "binary_sensor",
                "name": &**pose,
                "state_topic": topics.pose(pose),
                "icon": "mdi:human-handsup",
            });
            add(&Component::of_pose(pose).id, sensor);
        }
        for count in self.counts {
            let sensor = json!({
                "platform": "sensor",
                "name": format!("{count}, number"),
                "state_topic": topics.count(count),
                // It may begin anew.
                "state_class": "total_increasing",
                "icon": "mdi:counter",
            });
            add(&Component::of_count(count).id, sensor);
        }
        add("event", event(topics));
        add("people", people(topics));
        add("fps", measured(topics, "Frame rate", "fps", "fps"));
        if self.temperature {
            let mut sensor = measured(topics, "Temperature", "temperature_c", "°C");
            sensor["device_class"] = "temperature".into();
            add("temperature", sensor);
        }
        if self.picture {
            add("picture", picture(topics));
        }
        components
    }
}

fn event(topics: &Topics) -> Value {
    json!({
        "platform": "event",
        "name": "Pose",
        "state_topic": topics.event(),
        "event_types": EventKind::ALL.map(EventKind::name),
        "value_template": EVENT,
        "icon": "mdi:human",
    })
}

fn people(topics: &Topics) -> Value {
    json!({
        "platform": "sensor",
        "name": "People",
        "state_topic": topics.people(),
        "state_class": "measurement",
        "icon": "mdi:account-group",
    })
}

/// A number of the state, about the device itself.
fn measured(topics: &Topics, name: &str, key: &str, unit: &str) -> Value {
    json!({
        "platform": "sensor",
        "name": name,
        "state_topic": topics.state(),
        "value_template": format!("{{{{ value_json.{key} }}}}"),
        "unit_of_measurement": unit,
        "state_class": "measurement",
        "entity_category": "diagnostic",
        "suggested_display_precision": 1,
    })
}

fn picture(topics: &Topics) -> Value {
    json!({
        "platform": "image",
        "name": "Picture",
        "image_topic": topics.picture(),
        "content_type": "image/jpeg",
    })
}

/// The components of a description that the broker has kept, without those that it removes.
pub(super) fn components(payload: &[u8]) -> Vec<Component> {
    let described: Value = serde_json::from_slice(payload).unwrap_or_default();
    let components = described["components"].as_object();
    let found = components.into_iter().flatten().filter_map(|(id, c)| {
        let is_removed = c.as_object()?.len() < 2;
        let platform = c["platform"].as_str()?.to_string();
        let id = id.clone();
        (!is_removed).then_some(Component { id, platform })
    });
    found.collect()
}

#[cfg(test)]
mod tests;
