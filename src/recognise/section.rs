//! The sections `[pose.NAME]` of a configuration.

use super::{Pose, Rule};
use crate::settings::Section;
use crate::skeleton::KeypointSet;
use std::time::Duration;

/// A day.
const LONGEST_S: f64 = 86_400.0;

impl Pose {
    /// Reads a section `[pose.NAME]` about these joints; `segments` tells whether a segmentation
    /// network is named, which rules on areas need.
    pub fn read(s: &mut Section, joints: &KeypointSet, segments: bool) -> Option<Self> {
        let third = Duration::from_millis(300);
        let margin = "how far beyond a limit an active pose stays, in torso lengths";
        Some(Self {
            name: name(s).into(),
            rule: rule(s, joints, segments),
            hold: s
                .seconds("hold_s", "shown for so long, it is entered", 0.0..=3600.0)
                .or(third),
            release: s
                .seconds(
                    "release_s",
                    "not shown for so long, it is left",
                    0.0..=3600.0,
                )
                .or(third),
            cooldown: s
                .seconds("cooldown_s", COOLDOWN, 0.0..=LONGEST_S)
                .or(Duration::ZERO),
            repeat: s
                .seconds(
                    "repeat_s",
                    "while it lasts, a `hold` comes so often",
                    0.05..=LONGEST_S,
                )
                .example("1.0")
                .without("no `hold`")
                .maybe(),
            margin: s.number("margin", margin, 0.001..=2.0).or(Self::MARGIN),
            margin_deg: s
                .number("margin_deg", "the same for angles, in degrees", 0.1..=90.0)
                .or(Self::MARGIN_DEG),
        })
    }
}

const COOLDOWN: &str = "after it was left, it is not entered again for so long";

fn name(s: &Section) -> String {
    let name = s.last_name().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        s.fault_with(
            "",
            "has a name with other signs than letters, digits, _ and -",
            "rename it, for example [pose.hands_up]",
        );
    }
    name
}

/// Reads `when`.
fn rule(s: &mut Section, joints: &KeypointSet, segments: bool) -> Rule {
    let rules = s
        .one_or_more("when", "the rules, all of which must hold")
        .example("[\"left_wrist above left_shoulder\"]")
        .hint("docs/rules.md has the language")
        .check(|rules| match rules[..] {
            [] => Err("is empty: the pose would always be shown".into()),
            _ => Ok(()),
        })
        .each(|text| Rule::parse(&text, joints).map_err(|e| e.to_string()))
        .needed()
        .unwrap_or_default();
    if !segments && rules.iter().any(Rule::needs_cover) {
        s.fault_with(
            "when",
            "person_area is known only with a segmentation network",
            "name one: a section [segment] with model = \"…\"; docs/models.md shows how",
        );
    }
    let rule = Rule::all(rules);
    if let Some(why) = rule.contradiction(joints) {
        s.fault_with(
            "when",
            format!("can never hold: {why}"),
            "change one of its parts, or write `or` where either will do; docs/rules.md has the language",
        );
    }
    rule
}
