//! Skeletons from the lines that posed prints. In: JSON lines. Out: the frames among them.

use super::{Moment, Role};
use crate::geometry::{Point, Size};
use crate::skeleton::{Keypoint, KeypointSet, Skeleton};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is made use of in a line.
#[derive(Deserialize)]
struct Line {
    #[serde(default = "schema")]
    schema: String,
    #[serde(rename = "type", default = "frame")]
    kind: String,
    state: Option<String>,
    t: Option<f64>,
    #[serde(default = "vga")]
    size: [u32; 2],
    #[serde(default)]
    people: Vec<Somebody>,
}

#[derive(Deserialize)]
struct Somebody {
    #[serde(default = "first")]
    id: u32,
    person_area: Option<f32>,
    keypoints: BTreeMap<String, [f32; 3]>,
}

fn schema() -> String {
    "posed/1".into()
}

fn frame() -> String {
    "frame".into()
}

fn vga() -> [u32; 2] {
    [640, 480]
}

fn first() -> u32 {
    1
}

/// Reads lines; those of other types are passed over.
///
/// # Errors
/// A line that is none of posed's.
pub(super) fn read(text: &str, joints: &KeypointSet) -> Result<Vec<Moment>, String> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let moments =
        lines.map(|(i, line)| moment(line, joints).map_err(|e| format!("line {}: {e}", i + 1)));
    moments.filter_map(Result::transpose).collect()
}

fn moment(line: &str, joints: &KeypointSet) -> Result<Option<Moment>, String> {
    let line: Line = serde_json::from_str(line).map_err(|e| e.to_string())?;
    if line.schema != schema() {
        return Err(format!(
            "is of the schema {:?}: posed/1 is read",
            line.schema
        ));
    }
    let is_lost = line.kind == "status" && line.state.as_deref() == Some("source_lost");
    if line.kind != "frame" && !is_lost {
        return Ok(None);
    }
    let time = line.t.ok_or("has no time \"t\"")?;
    let time = Duration::try_from_secs_f64(time).map_err(|_| "\"t\" is no time")?;
    let people = line.people.into_iter().map(|somebody| {
        let mut keypoints = vec![Keypoint::default(); joints.names().len()];
        for (name, [x, y, score]) in somebody.keypoints {
            let joint = joints
                .index(&name)
                .ok_or_else(|| format!("there is no joint {name:?}"))?;
            keypoints[joint] = Keypoint {
                position: Point::new(x, y),
                score,
            };
        }
        Ok(Role {
            id: somebody.id,
            skeleton: Skeleton { keypoints },
            share: somebody.person_area,
        })
    });
    let people: Result<Vec<Role>, String> = people.collect();
    if let Ok(people) = &people {
        let ids = || people.iter().map(|p| p.id);
        if ids().any(|id| id == 0) {
            return Err("\"id\" is 0: people are numbered from 1".into());
        }
        if let Some(twice) = ids().find(|id| ids().filter(|other| other == id).count() > 1) {
            return Err(format!("has two people with the id {twice}"));
        }
    }
    Ok(Some(Moment {
        time,
        size: Size::new(line.size[0].max(1), line.size[1].max(1)),
        people: people?,
        is_lost,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_and_other_lines_passed_over() {
        let text = "{\"schema\":\"posed/1\",\"type\":\"status\",\"t\":0.0,\"state\":\"started\"}\n\n\
                    {\"type\":\"frame\",\"t\":0.25,\"size\":[320,240],\"people\":[{\"id\":3,\"keypoints\":{\"nose\":[1.0,2.0,0.9]}}]}\n\
                    {\"t\":0.5}\n";
        let moments = read(text, &KeypointSet::coco()).unwrap();
        assert_eq!(moments.len(), 2);
        assert_eq!(moments[0].time, Duration::from_millis(250));
        assert_eq!(moments[0].people[0].id, 3);
        assert_eq!(moments[0].people[0].skeleton.keypoints[0].score, 0.9);
        assert!(moments[1].people.is_empty());
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (line, said) in [
            ("{\"t\":1}\nx", "line 2: expected value"),
            ("{}", "line 1: has no time"),
            ("{\"t\":-1}", "line 1: \"t\" is no time"),
            (
                "{\"t\":0,\"people\":[{\"keypoints\":{\"tail\":[1,2,3]}}]}",
                "no joint \"tail\"",
            ),
        ] {
            let fault = read(line, &KeypointSet::coco()).unwrap_err();
            assert!(fault.contains(said), "{line}: {fault}");
        }
    }
}
