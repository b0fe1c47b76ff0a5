//! What the page is told as JSON, beside the lines. In: a report, poses. Out: text.

use crate::recognise::{Explanation, Pose, Unit};
use crate::report::{Report, Seen};
use crate::skeleton::{KeypointSet, Threshold};
use serde_json::{Value, json};

/// Why each pose is held or not by each person, in one frame; of poses that are the scene's once.
pub fn why(report: &Report, poses: &[Pose]) -> String {
    let people = report.people.iter().filter(|p| p.waits_since.is_none());
    let people: Vec<Value> = people.map(|seen| of_person(report, poses, seen)).collect();
    let of_scene = |pose: &Pose| match pose.is_of_scene() {
        true => explained(report, report.explain_scene(pose), report.holds(pose, None)),
        false => Value::Null,
    };
    json!({
        "t": rounded(report.time.as_secs_f32()),
        "frame": report.sequence,
        "people": people,
        "scene": poses.iter().map(of_scene).collect::<Vec<_>>(),
    })
    .to_string()
}

fn of_person(report: &Report, poses: &[Pose], seen: &Seen) -> Value {
    let of_pose = |pose: &Pose| match pose.is_of_scene() {
        true => Value::Null,
        false => explained(
            report,
            report.explain(pose, seen),
            report.holds(pose, Some(seen)),
        ),
    };
    let poses: Vec<Value> = poses.iter().map(of_pose).collect();
    json!({"id": seen.id, "poses": poses})
}

fn explained(report: &Report, explanation: Explanation, active: bool) -> Value {
    let terms = explanation.terms.iter().map(|term| {
        let mut now = json!({
            "value": term.value.map(rounded),
            "verdict": term.verdict.name(),
        });
        if term.lacks_torso {
            now["hidden"] = json!(["torso"]);
        } else if !term.hidden.is_empty() {
            let names = report.keypoints.names();
            let hidden = term.hidden.iter().filter_map(|&joint| names.get(joint));
            now["hidden"] = hidden.cloned().collect();
        }
        now
    });
    json!({
        "verdict": explanation.verdict.name(),
        "active": active,
        "slack": explanation.slack.map(rounded),
        "terms": terms.collect::<Vec<_>>(),
    })
}

/// What stays the same of a pose from frame to frame.
pub fn pose(pose: &Pose, keypoints: &KeypointSet, visible: Threshold) -> Value {
    let anatomy = pose.anatomy(keypoints, visible);
    let terms = anatomy.terms.iter().map(|term| {
        json!({
            "text": term.text,
            "unit": match term.unit {
                Unit::Torsos => "torso",
                Unit::Degrees => "deg",
                Unit::Score => "seen",
                Unit::Share => "share",
                Unit::Speed => "torso/s",
                Unit::Depth => "inside",
                Unit::Likeness => "like",
                Unit::Seconds => "s",
                Unit::Times => "times",
                Unit::People => "people",
            },
            "low": term.low.map(rounded),
            "high": term.high.map(rounded),
            "margin": rounded(term.margin),
        })
    });
    json!({
        "name": &*pose.name,
        "kind": pose.kind(),
        "scene": pose.is_of_scene(),
        "hold_s": pose.hold.as_secs_f64(),
        "release_s": pose.release.as_secs_f64(),
        "cooldown_s": pose.cooldown.as_secs_f64(),
        "rule": anatomy.rule,
        "terms": terms.collect::<Vec<_>>(),
    })
}

/// To four decimals: what is written of an f32 would have twenty.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}
