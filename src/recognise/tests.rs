//! The promises of the room, by subject, and the people they are tried on.

mod explain;
mod logic;
mod manual;
mod over_time;
mod places;
mod reading;
mod sense;
mod timing;

use super::*;
use crate::geometry::{Point, Rect, Size};
use crate::skeleton::{COCO_17, Keypoint, KeypointSet, Threshold};
use crate::track::{TrackSettings, Tracker};

/// Someone who stands facing the camera, arms hanging; the torso is 100 pixels long.
const STANDING: [(f32, f32); 17] = [
    (200.0, 60.0),
    (206.0, 54.0),
    (194.0, 54.0),
    (212.0, 58.0),
    (188.0, 58.0),
    (235.0, 100.0),
    (165.0, 100.0),
    (240.0, 160.0),
    (160.0, 160.0),
    (242.0, 215.0),
    (158.0, 215.0),
    (220.0, 200.0),
    (180.0, 200.0),
    (222.0, 285.0),
    (178.0, 285.0),
    (224.0, 365.0),
    (176.0, 365.0),
];

const SIZE: Size = Size::new(400, 400);

/// Every point that a rule about COCO's joints can name.
fn point_names() -> Vec<&'static str> {
    COCO_17
        .into_iter()
        .chain(["mid_hip", "mid_shoulder"])
        .collect()
}

fn standing() -> Skeleton {
    Skeleton {
        keypoints: STANDING
            .iter()
            .map(|&(x, y)| Keypoint {
                position: Point::new(x, y),
                score: 0.9,
            })
            .collect(),
    }
}

fn joint(name: &str) -> usize {
    KeypointSet::coco().index(name).unwrap()
}

/// `skeleton` with some joints moved.
fn moved(mut skeleton: Skeleton, joints: &[(&str, f32, f32)]) -> Skeleton {
    for &(name, x, y) in joints {
        skeleton.keypoints[joint(name)].position = Point::new(x, y);
    }
    skeleton
}

fn hidden(mut skeleton: Skeleton, names: &[&str]) -> Skeleton {
    for name in names {
        skeleton.keypoints[joint(name)].score = 0.1;
    }
    skeleton
}

fn rule(text: &str) -> Rule {
    Rule::parse(text, &KeypointSet::coco()).unwrap_or_else(|e| panic!("{e}"))
}

/// Of a photo.
fn sight(skeleton: &Skeleton, share: Option<f32>) -> Sight<'_> {
    Sight {
        skeleton,
        share,
        size: SIZE,
        time: None,
        memory: &memory::NOTHING,
    }
}

fn judge(rule: &Rule, skeleton: &Skeleton) -> rule::Judgement {
    rule.judge(&View {
        sight: sight(skeleton, None),
        scene: None,
        visible: Threshold(0.3),
        margin: Pose::MARGIN,
        margin_deg: Pose::MARGIN_DEG,
    })
}

fn holds(text: &str, skeleton: &Skeleton) -> bool {
    judge(&rule(text), skeleton).low > 0.0
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn pose(text: &str) -> Pose {
    Pose {
        name: text.into(),
        when: When::Rule(rule(text)),
        hold: Duration::ZERO,
        release: Duration::ZERO,
        cooldown: Duration::ZERO,
        repeat: None,
        margin: Pose::MARGIN,
        margin_deg: Pose::MARGIN_DEG,
    }
}

/// One person before a recogniser of one pose, and what happened.
struct Scene {
    tracker: Tracker,
    recogniser: Recogniser,
    events: Vec<PoseEvent>,
    happened: Vec<(EventKind, u64)>,
}

impl Scene {
    fn new(pose: Pose) -> Self {
        Self::of(vec![pose])
    }

    fn of(poses: Vec<Pose>) -> Self {
        let settings = TrackSettings {
            min_cutoff_hz: 0.0,
            forget: Duration::from_secs(100),
            ..TrackSettings::default()
        };
        Self {
            tracker: Tracker::new(settings),
            recogniser: Recogniser::new(poses, Threshold(0.3)),
            events: Vec::new(),
            happened: Vec::new(),
        }
    }

    /// A frame at `at` milliseconds that shows `skeleton`, or nobody.
    fn frame(&mut self, at: u64, skeleton: Option<&Skeleton>) -> &[PoseEvent] {
        match skeleton {
            Some(skeleton) => {
                let bbox = Rect::new(100.0, 0.0, 200.0, 400.0);
                self.tracker.see(ms(at), skeleton, bbox);
            }
            None => self.tracker.whole(ms(at), &[]),
        }
        self.recogniser
            .update(ms(at), SIZE, self.tracker.people(), &mut self.events);
        self.happened.extend(
            self.events
                .iter()
                .map(|e| (e.kind, e.time.as_millis() as u64)),
        );
        &self.events
    }
}
