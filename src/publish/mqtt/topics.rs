//! Where everything is said: the topics of a device.
//!
//! In: the names of the device and of its poses, which may have any letters. Out: topics that a
//! broker and Home Assistant take.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Where Home Assistant says that it has started, whatever the prefix of discovery is.
const BIRTH: &str = "homeassistant/status";

/// What a pose is called.
#[derive(Debug, Clone)]
pub(super) struct PoseName {
    pub shown: Arc<str>,
    /// Of letters that topics may have.
    pub in_topics: String,
    /// Where it is said whether somebody holds it.
    pub topic: String,
}

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

    /// Of the pose that has this name in topics.
    fn pose(&self, name: &str) -> String {
        format!("{}/pose/{name}", self.base)
    }

    /// What these poses are called.
    pub fn poses<'a>(&self, poses: impl IntoIterator<Item = &'a Arc<str>>) -> Vec<PoseName> {
        let shown: Vec<&Arc<str>> = poses.into_iter().collect();
        let names = pose_names(shown.iter().map(|pose| &***pose));
        let poses = shown.into_iter().zip(names);
        let named = poses.map(|(shown, in_topics)| PoseName {
            shown: Arc::clone(shown),
            topic: self.pose(&in_topics),
            in_topics,
        });
        named.collect()
    }

    /// All that is listened to: what the broker has kept of an earlier run, and who has started.
    pub fn subscriptions(&self) -> Vec<String> {
        let mut topics = vec![self.availability(), self.pose("+")];
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

/// The names of poses as they stand in topics; of two that would be the same the later one is
/// numbered.
fn pose_names<'a>(poses: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for pose in poses {
        let name = safe(pose);
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        let mut free = std::iter::once(name.clone()).chain(numbered);
        let free = free.find(|name| !names.contains(name));
        names.extend(free);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_a_level_of_a_topic_and_no_two_poses_have_the_same() {
        let poses = ["hands_up", "a b", "a_b", "a+b", "Hände/hoch", "手", ""];
        let names = pose_names(poses);
        let expected = ["hands_up", "a_b", "a_b_2", "a_b_3", "H_nde_hoch", "_", ""];
        assert_eq!(names, expected);
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
