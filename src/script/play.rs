//! Skeletons from a script: figures, and who takes them up when.
//!
//! ```toml
//! fps = 10
//! [figure.one_up]
//! from = "standing"
//! joints = { left_elbow = [0.8, -1.2], left_wrist = [0.8, -1.9] }
//!
//! [[person]]
//! keys = [
//!     { t = 0.0, figure = "standing", at = [0.5, 0.5] },
//!     { t = 1.0, figure = "standing" },
//!     { t = 1.4, figure = "one_up" },
//!     { t = 3.0, hidden = ["left_wrist"] },
//!     { t = 4.0, gone = true },
//! ]
//! ```
//!
//! Between two keys joints go straight from the one place to the other; who is hidden or gone is so
//! until the next key.

use super::{Moment, Role};
use crate::geometry::{Point, Size};
use crate::skeleton::{Keypoint, KeypointSet, Skeleton};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longer plays are too much to be kept in memory at once.
const MOST_FRAMES: f64 = 1_000_000.0;
/// One figure may be made of another, and so on.
const DEEPEST: usize = 16;
const SEEN: f32 = 0.9;
const HIDDEN: f32 = 0.05;

/// In torso lengths from the middle of the hips, y downwards; facing the camera.
const STANDING: [(&str, f32, f32); 17] = [
    ("nose", 0.0, -1.4),
    ("left_eye", 0.06, -1.46),
    ("right_eye", -0.06, -1.46),
    ("left_ear", 0.12, -1.42),
    ("right_ear", -0.12, -1.42),
    ("left_shoulder", 0.35, -1.0),
    ("right_shoulder", -0.35, -1.0),
    ("left_elbow", 0.4, -0.4),
    ("right_elbow", -0.4, -0.4),
    ("left_wrist", 0.42, 0.15),
    ("right_wrist", -0.42, 0.15),
    ("left_hip", 0.2, 0.0),
    ("right_hip", -0.2, 0.0),
    ("left_knee", 0.22, 0.85),
    ("right_knee", -0.22, 0.85),
    ("left_ankle", 0.24, 1.65),
    ("right_ankle", -0.24, 1.65),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    #[serde(default = "vga")]
    size: [u32; 2],
    #[serde(default = "ten")]
    fps: f64,
    /// Until the last key where it is not given.
    seconds: Option<f64>,
    #[serde(default)]
    figure: BTreeMap<String, Figure>,
    #[serde(default)]
    person: Vec<Person>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    from: Option<String>,
    #[serde(default)]
    joints: BTreeMap<String, [f32; 2]>,
    /// Clockwise about the hips.
    #[serde(default)]
    turn_deg: f32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    id: Option<u32>,
    keys: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    t: f64,
    /// As before where it is not given.
    figure: Option<String>,
    /// Where the hips are, in shares of the picture.
    at: Option<[f32; 2]>,
    /// The torso's length in shares of the picture's height.
    torso: Option<f32>,
    #[serde(default)]
    hidden: Vec<String>,
    #[serde(default)]
    gone: bool,
}

fn vga() -> [u32; 2] {
    [640, 480]
}

fn ten() -> f64 {
    10.0
}

/// A key with everything it says and keeps from those before.
struct Posture {
    t: f64,
    /// In image pixels.
    skeleton: Skeleton,
    is_gone: bool,
}

/// Plays a script.
///
/// # Errors
/// It is none, or names what is not there.
pub(super) fn read(text: &str, joints: &KeypointSet) -> Result<Vec<Moment>, String> {
    let script: Script = toml::from_str(text).map_err(|e| e.to_string())?;
    let size = Size::new(script.size[0].max(1), script.size[1].max(1));
    if !(script.fps > 0.0 && script.fps <= 1000.0) {
        return Err(format!(
            "fps = {}: give frames a second, 1 to 1000",
            script.fps
        ));
    }
    if script.person.is_empty() && script.seconds.is_none() {
        return Err("has nobody: write [[person]] with keys = [{ t = 0 }, …], or seconds = 30 for an empty room".into());
    }
    let parts = script.person.iter().enumerate();
    let parts = parts.map(|(i, person)| {
        let postures = postures(&script, person, size, joints)
            .map_err(|e| format!("person {}: {e}", i + 1))?;
        Ok((person.id.unwrap_or(i as u32 + 1), postures))
    });
    let parts: Vec<(u32, Vec<Posture>)> = parts.collect::<Result<_, String>>()?;
    let last = parts.iter().filter_map(|(_, p)| p.last()).map(|p| p.t);
    let seconds = script.seconds.unwrap_or_else(|| last.fold(0.0, f64::max));
    let frames = (seconds * script.fps).floor();
    if seconds.is_nan() || seconds < 0.0 {
        return Err(format!("seconds = {seconds}: give 0 or more"));
    }
    if frames > MOST_FRAMES {
        return Err(format!("lasts {seconds} s: too long"));
    }
    let moment = |frame: u64| {
        let t = frame as f64 / script.fps;
        let people = parts.iter().filter_map(|(id, postures)| {
            Some(Role {
                id: *id,
                skeleton: at(postures, t)?,
                share: None,
            })
        });
        Moment {
            time: Duration::from_nanos((t * 1e9).round() as u64),
            size,
            people: people.collect(),
            is_lost: false,
        }
    };
    Ok((0..=frames as u64).map(moment).collect())
}

/// Where somebody's joints are at `t`; `None` where they are gone.
fn at(postures: &[Posture], t: f64) -> Option<Skeleton> {
    // A frame that falls on a key is of it, whatever the rounding.
    let next = postures.partition_point(|p| p.t <= t + 1e-9);
    let before = &postures[next.checked_sub(1)?];
    if before.is_gone {
        return None;
    }
    let Some(after) = postures.get(next).filter(|p| !p.is_gone) else {
        return Some(before.skeleton.clone());
    };
    let share = ((t - before.t) / (after.t - before.t)).clamp(0.0, 1.0) as f32;
    let pairs = before
        .skeleton
        .keypoints
        .iter()
        .zip(&after.skeleton.keypoints);
    let between = |(a, b): (&Keypoint, &Keypoint)| Keypoint {
        position: Point::new(
            a.position.x + share * (b.position.x - a.position.x),
            a.position.y + share * (b.position.y - a.position.y),
        ),
        score: a.score,
    };
    Some(Skeleton {
        keypoints: pairs.map(between).collect(),
    })
}

fn postures(
    script: &Script,
    person: &Person,
    size: Size,
    joints: &KeypointSet,
) -> Result<Vec<Posture>, String> {
    let mut figure = "standing".to_string();
    let mut at = [0.5, 0.55];
    let mut torso = 0.2;
    let mut postures: Vec<Posture> = Vec::new();
    if person.keys.is_empty() {
        return Err("keys: is empty: give at least { t = 0 }".into());
    }
    for key in &person.keys {
        if !key.t.is_finite() || key.t < 0.0 {
            return Err(format!("t = {}: give seconds, 0 or more", key.t));
        }
        if postures.last().is_some_and(|p| p.t >= key.t) {
            return Err(format!(
                "the key at t = {} comes after a later one, or one of the same time",
                key.t
            ));
        }
        figure = key.figure.clone().unwrap_or(figure);
        at = key.at.unwrap_or(at);
        torso = key.torso.unwrap_or(torso);
        if !(torso > 0.0 && torso <= 10.0) {
            return Err(format!(
                "torso = {torso}: give a share of the picture's height, 0.01 to 10"
            ));
        }
        if !at.iter().all(|share| share.abs() <= 100.0) {
            return Err(format!(
                "at = {at:?}: give shares of the picture, as [0.5, 0.5]"
            ));
        }
        let mut places = places(script, &figure, DEEPEST)?;
        let mut keypoints = vec![Keypoint::default(); joints.names().len()];
        let length = torso * size.height as f32;
        let hips = Point::new(at[0] * size.width as f32, at[1] * size.height as f32);
        for name in &key.hidden {
            if joints.index(name).is_none() {
                return Err(format!("hidden: there is no joint {name:?}"));
            }
        }
        for (name, [x, y]) in std::mem::take(&mut places) {
            let Some(joint) = joints.index(&name) else {
                continue;
            };
            let score = if key.hidden.contains(&name) {
                HIDDEN
            } else {
                SEEN
            };
            keypoints[joint] = Keypoint {
                position: Point::new(hips.x + x * length, hips.y + y * length),
                score,
            };
        }
        postures.push(Posture {
            t: key.t,
            skeleton: Skeleton { keypoints },
            is_gone: key.gone,
        });
    }
    Ok(postures)
}

/// A figure's joints, in torso lengths from the middle of the hips.
fn places(script: &Script, name: &str, depth: usize) -> Result<BTreeMap<String, [f32; 2]>, String> {
    let Some(figure) = script.figure.get(name) else {
        return match name {
            "standing" => Ok(STANDING
                .iter()
                .map(|&(n, x, y)| (n.into(), [x, y]))
                .collect()),
            _ => Err(format!(
                "there is no figure {name:?}: write a section [figure.{name}], or take \"standing\""
            )),
        };
    };
    if depth == 0 {
        return Err(format!(
            "figure {name:?} is made of itself, or of more than {DEEPEST} others"
        ));
    }
    let sound = |n: &f32| n.abs() <= 1000.0;
    if !figure.joints.values().flatten().all(sound) || !figure.turn_deg.is_finite() {
        return Err(format!("figure {name:?} has a number that cannot be"));
    }
    let from = figure.from.as_deref().unwrap_or("standing");
    let mut places = match (from, name) {
        ("standing", "standing") => STANDING
            .iter()
            .map(|&(n, x, y)| (n.into(), [x, y]))
            .collect(),
        _ => places(script, from, depth - 1)?,
    };
    for (joint, place) in &figure.joints {
        match places.get_mut(joint) {
            Some(old) => *old = *place,
            None => return Err(format!("figure {name:?}: there is no joint {joint:?}")),
        }
    }
    let (sin, cos) = figure.turn_deg.to_radians().sin_cos();
    for [x, y] in places.values_mut() {
        (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joints_go_straight_from_key_to_key_and_who_is_gone_is_gone() {
        let text = r#"
            fps = 4
            [figure.up]
            joints = { left_wrist = [0.42, -1.85] }
            [[person]]
            keys = [
                { t = 0, at = [0.5, 0.5], torso = 0.1 },
                { t = 1, figure = "up", hidden = ["nose"] },
                { t = 1.5, gone = true },
                { t = 2 },
            ]"#;
        let coco = KeypointSet::coco();
        let moments = read(text, &coco).unwrap();
        let wrist = coco.index("left_wrist").unwrap();
        let seen: Vec<Option<f32>> = moments
            .iter()
            .map(|m| {
                Some(
                    m.people.first()?.skeleton.keypoints[wrist]
                        .position
                        .y
                        .round(),
                )
            })
            .collect();
        let torso = |t: f32| Some((240.0 + t * 48.0).round());
        let expected = [
            torso(0.15),
            torso(-0.35),
            torso(-0.85),
            torso(-1.35),
            torso(-1.85),
            torso(-1.85),
            None,
            None,
            torso(-1.85),
        ];
        assert_eq!(seen, expected);
        let nose = |i: usize| moments[i].people[0].skeleton.keypoints[0].score;
        assert!(nose(3) > 0.5 && nose(4) < 0.1 && nose(8) > 0.5);
    }

    #[test]
    fn what_a_script_names_must_be_there() {
        for (text, said) in [
            (
                "[[person]]\nkeys = [{ t = 0, figure = \"tree\" }]",
                "no figure \"tree\"",
            ),
            (
                "[figure.a]\nfrom = \"a\"\n[[person]]\nkeys = [{ t = 0, figure = \"a\" }]",
                "made of itself",
            ),
            (
                "[figure.a]\njoints = { tail = [0, 0] }\n[[person]]\nkeys = [{ t = 0, figure = \"a\" }]",
                "no joint \"tail\"",
            ),
            (
                "[[person]]\nkeys = [{ t = 1 }, { t = 0 }]",
                "comes after a later one",
            ),
            (
                "[[person]]\nkeys = [{ t = 0, hidden = [\"tail\"] }]",
                "no joint \"tail\"",
            ),
            ("fps = 0\n", "fps = 0"),
            ("seconds = 1e300\n", "too long"),
            ("speed = 3\n", "unknown field `speed`"),
        ] {
            let fault = read(text, &KeypointSet::coco()).unwrap_err();
            assert!(fault.contains(said), "{text}: {fault}");
        }
    }
}
