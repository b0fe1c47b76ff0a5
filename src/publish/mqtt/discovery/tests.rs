//! The description, key by key against the schema that Home Assistant documents for its integration
//! MQTT (<https://www.home-assistant.io/integrations/mqtt/>, as of its version 2026.9): which keys
//! there are, which must be there, and what each takes.

use super::*;

/// What a key takes.
#[derive(Debug, Clone, Copy)]
enum Takes {
    Text,
    Texts,
    Flag,
    Whole,
    /// 0, 1 or 2.
    Qos,
    /// Of a subscription.
    Topic,
    /// Jinja.
    Template,
    /// `mdi:` and a name.
    Icon,
    Url,
    OneOf(&'static [&'static str]),
    /// Another table of keys.
    Table,
}
use Takes::*;

type Keys = &'static [(&'static str, Takes)];

struct Schema {
    needed: Keys,
    allowed: &'static [Keys],
}

const AVAILABILITY: Keys = &[
    ("availability_mode", OneOf(&["all", "any", "latest"])),
    ("availability_template", Template),
    ("availability_topic", Topic),
    ("payload_available", Text),
    ("payload_not_available", Text),
];
/// Of every entity.
const COMMON: Keys = &[
    ("default_entity_id", Text),
    ("enabled_by_default", Flag),
    ("encoding", Text),
    ("entity_category", OneOf(&["diagnostic"])),
    ("entity_picture", Url),
    ("icon", Icon),
    ("json_attributes_template", Template),
    ("json_attributes_topic", Topic),
    ("message_expiry_interval", Whole),
    ("name", Text),
    ("qos", Qos),
    ("visible_by_default", Flag),
];
const DESCRIPTION: Schema = Schema {
    needed: &[("components", Table), ("device", Table), ("origin", Table)],
    allowed: &[
        AVAILABILITY,
        &[
            ("command_topic", Topic),
            ("encoding", Text),
            ("message_expiry_interval", Whole),
            ("qos", Qos),
            ("state_topic", Topic),
        ],
    ],
};
const DEVICE: Schema = Schema {
    // Or `connections`.
    needed: &[("identifiers", Texts)],
    allowed: &[&[
        ("configuration_url", Url),
        ("hw_version", Text),
        ("manufacturer", Text),
        ("model", Text),
        ("model_id", Text),
        ("name", Text),
        ("serial_number", Text),
        ("suggested_area", Text),
        ("sw_version", Text),
        ("via_device", Text),
    ]],
};
const ORIGIN: Schema = Schema {
    needed: &[("name", Text)],
    allowed: &[&[("support_url", Url), ("sw_version", Text)]],
};
const BINARY_SENSOR: Schema = Schema {
    needed: &[
        ("platform", Text),
        ("state_topic", Topic),
        ("unique_id", Text),
    ],
    allowed: &[
        AVAILABILITY,
        COMMON,
        &[
            ("device_class", OneOf(&["motion", "occupancy", "presence"])),
            ("expire_after", Whole),
            ("force_update", Flag),
            ("off_delay", Whole),
            ("payload_off", Text),
            ("payload_on", Text),
            ("value_template", Template),
        ],
    ],
};
const SENSOR: Schema = Schema {
    needed: &[
        ("platform", Text),
        ("state_topic", Topic),
        ("unique_id", Text),
    ],
    allowed: &[
        AVAILABILITY,
        COMMON,
        &[
            ("device_class", OneOf(&["temperature"])),
            ("expire_after", Whole),
            ("force_update", Flag),
            ("last_reset_value_template", Template),
            ("options", Texts),
            (
                "state_class",
                OneOf(&["measurement", "total", "total_increasing"]),
            ),
            ("suggested_display_precision", Whole),
            ("unit_of_measurement", Text),
            ("value_template", Template),
        ],
    ],
};
const EVENT_ENTITY: Schema = Schema {
    needed: &[
        ("event_types", Texts),
        ("platform", Text),
        ("state_topic", Topic),
        ("unique_id", Text),
    ],
    allowed: &[
        AVAILABILITY,
        COMMON,
        &[
            ("device_class", OneOf(&["button", "doorbell", "motion"])),
            ("value_template", Template),
        ],
    ],
};
const IMAGE: Schema = Schema {
    // Or `url_topic`, without `content_type`.
    needed: &[
        ("image_topic", Topic),
        ("platform", Text),
        ("unique_id", Text),
    ],
    allowed: &[
        AVAILABILITY,
        COMMON,
        &[("content_type", Text), ("image_encoding", OneOf(&["b64"]))],
    ],
};

fn takes(value: &Value, takes: Takes) -> bool {
    let text = value.as_str();
    match takes {
        Text => text.is_some_and(|t| !t.is_empty()),
        Texts => value
            .as_array()
            .is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string)),
        Flag => value.is_boolean(),
        Whole => value.is_u64(),
        Qos => value.as_u64().is_some_and(|qos| qos <= 2),
        Topic => text.is_some_and(|t| !t.is_empty() && !t.contains(['+', '#'])),
        Template => text.is_some_and(|t| t.starts_with("{{ ") && t.ends_with(" }}")),
        Icon => text.is_some_and(|t| t.starts_with("mdi:")),
        Url => text.is_some_and(|t| t.starts_with("https://")),
        OneOf(words) => text.is_some_and(|t| words.contains(&t)),
        Table => value.is_object(),
    }
}

fn check(what: &str, table: &Value, schema: &Schema) {
    let table = table.as_object().unwrap();
    for (key, _) in schema.needed {
        assert!(table.contains_key(*key), "{what} has no {key}");
    }
    let known = || {
        schema
            .allowed
            .iter()
            .copied()
            .flatten()
            .chain(schema.needed)
    };
    for (key, value) in table {
        let known = known().find(|(name, _)| name == key);
        let (_, kind) = known.unwrap_or_else(|| panic!("{what}.{key} is no key"));
        assert!(takes(value, *kind), "{what}.{key} = {value} is no {kind:?}");
    }
}

fn hall() -> Topics {
    Topics::new("posed", "hall", "homeassistant")
}

#[test]
fn every_key_is_one_of_home_assistants_and_none_is_missing() {
    let topics = hall();
    let poses = ["hands_up".into(), "t-pose".into()];
    let payload = Described {
        topics: &topics,
        name: "Hall",
        poses: &poses,
        counts: &["squats".into()],
        temperature: true,
        picture: true,
        gone: &[Component::of_pose("squat")],
    };
    let told: Value = serde_json::from_str(&payload.payload()).unwrap();
    check("description", &told, &DESCRIPTION);
    check("device", &told["device"], &DEVICE);
    check("origin", &told["origin"], &ORIGIN);
    let mut unique = std::collections::BTreeSet::new();
    let mut platforms = Vec::new();
    for (id, component) in told["components"].as_object().unwrap() {
        // It is a part of what Home Assistant knows the entity by, which it splits at blanks.
        assert!(!id.contains(' '), "{id}");
        let platform = component["platform"].as_str().unwrap();
        if id == "pose_squat" {
            let removed = serde_json::json!({"platform": "binary_sensor"});
            assert_eq!(*component, removed);
            continue;
        }
        let schema = match platform {
            "binary_sensor" => BINARY_SENSOR,
            "sensor" => SENSOR,
            "event" => EVENT_ENTITY,
            "image" => IMAGE,
            other => panic!("{other}"),
        };
        check(id, component, &schema);
        assert!(unique.insert(component["unique_id"].to_string()), "{id}");
        platforms.push(platform);
    }
    platforms.sort_unstable();
    let expected = [
        "binary_sensor",
        "binary_sensor",
        "event",
        "image",
        "sensor",
        "sensor",
        "sensor",
        "sensor",
    ];
    assert_eq!(platforms, expected);
    // A sensor of this class has one of these units.
    let unit = &told["components"]["temperature"]["unit_of_measurement"];
    assert!(["°C", "°F", "K"].contains(&unit.as_str().unwrap()));
}

#[test]
fn what_is_gone_keeps_only_its_platform_and_is_not_gone_twice() {
    let topics = hall();
    let poses = ["hands_up".into()];
    let mut described = Described {
        topics: &topics,
        name: "hall",
        poses: &poses,
        counts: &[],
        temperature: false,
        picture: true,
        gone: &[],
    };
    let before = components(described.payload().as_bytes());
    assert_eq!(before.len(), 5);
    let gone = [Component::of_pose("t_pose"), Component::of_pose("hands_up")];
    described.gone = &gone;
    let payload = described.payload();
    let told: Value = serde_json::from_str(&payload).unwrap();
    let told = &told["components"];
    assert_eq!(told["pose_t_pose"], json!({"platform": "binary_sensor"}));
    assert_eq!(told["pose_hands_up"]["name"], "hands_up", "it is there");
    assert_eq!(components(payload.as_bytes()), before);
}

#[test]
fn what_is_no_description_describes_nothing() {
    for payload in [
        "",
        "{",
        "[]",
        "{\"components\":[1]}",
        "{\"components\":{\"a\":1}}",
    ] {
        assert!(components(payload.as_bytes()).is_empty(), "{payload}");
    }
}
