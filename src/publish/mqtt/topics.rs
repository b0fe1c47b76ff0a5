//! Where everything is said: the topics of a device.
//!
//! In: the name of the device, which may have any letters. Out: topics that a broker and Home
//! Assistant take.

use std::collections::BTreeSet;

/// Where Home Assistant says that it has started, whatever the prefix of discovery is.
const BIRTH: &str = "homeassistant/status";

/// The topics of one device.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    base: String,
    /// By which Home Assistant knows the device.
    pub id: String,
    /// Where the device is described; `None` where it is not.
    pub discovery: Option<String>,
    /// Where it is heard that Home Assistant has started.
    pub births: Vec<String>,
}

impl Topics {
    /// Under `prefix`/`name`; described under `discovery`, if that is not empty.
    pub fn new(prefix: &str, name: &str, discovery: &str) -> Self {
        let name = safe(name);
        let id = format!("{}_{name}", safe(prefix));
        let described = !discovery.is_empty();
        let births = BTreeSet::from([BIRTH.to_string(), format!("{discovery}/status")]);
        Self {
            base: format!("{prefix}/{name}"),
            discovery: described.then(|| format!("{discovery}/device/{id}/config")),
            births: births.into_iter().filter(|_| described).collect(),
            id,
        }
    }

    pub fn availability(&self) -> String {
        format!("{}/availability", self.base)
    }

    pub fn people(&self) -> String {
        format!("{}/people", self.base)
    }

    pub fn event(&self) -> String {
        format!("{}/event", self.base)
    }

    pub fn state(&self) -> String {
        format!("{}/state", self.base)
    }

    pub fn picture(&self) -> String {
        format!("{}/picture", self.base)
    }

    /// Whether somebody holds this pose, whose name has only letters that topics may have.
    pub fn pose(&self, name: &str) -> String {
        format!("{}/pose/{name}", self.base)
    }

    /// How often something was done.
    pub fn count(&self, name: &str) -> String {
        format!("{}/count/{name}", self.base)
    }

    /// All that is listened to: what the broker has kept of an earlier run, and who has started.
    pub fn subscriptions(&self) -> Vec<String> {
        let mut topics = vec![self.availability(), self.pose("+"), self.count("+")];
        topics.extend(self.discovery.clone());
        topics.extend(self.births.iter().cloned());
        topics
    }
}

/// A name as it stands in topics: letters and digits of ASCII, `_` and `-` stay, and everything else
/// becomes `_`.
fn safe(name: &str) -> String {
    let stays = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    name.chars()
        .map(|c| Some(c).filter(stays).unwrap_or('_'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_of_a_device_is_a_level_of_a_topic() {
        for (name, level) in [
            ("hall-1", "hall-1"),
            ("Hall 1", "Hall_1"),
            ("Tür/+#", "T_r___"),
        ] {
            assert_eq!(safe(name), level);
        }
    }

    #[test]
    fn a_device_is_described_where_home_assistant_looks_for_it() {
        let topics = Topics::new("posed", "Hall 1", "homeassistant");
        assert_eq!(topics.pose("t_pose"), "posed/Hall_1/pose/t_pose");
        let discovery = topics.discovery.as_deref();
        assert_eq!(discovery, Some("homeassistant/device/posed_Hall_1/config"));
        assert_eq!(topics.births, ["homeassistant/status"]);
        let nobody = Topics::new("home/cameras", "hall", "");
        assert_eq!(nobody.availability(), "home/cameras/hall/availability");
        assert!(nobody.discovery.is_none() && nobody.births.is_empty());
        assert_eq!(Topics::new("p", "n", "other").births.len(), 2);
    }
}
