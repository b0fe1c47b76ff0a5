//! Where people may be.
//!
//! In: a frame. Out: boxes that are worth an estimate, best first. A [`Finder`] looks at the
//! picture; [`previous_pose`] follows a person who was found. A network that detects people will be
//! one more back-end.

pub mod given;
pub mod previous_pose;
pub mod whole_frame;
pub mod windows;

use crate::frame::Frame;
use crate::geometry::Rect;
use crate::preprocess::InputFormat;
use crate::settings::{Kind, Section};
use std::sync::Arc;
use std::time::Duration;

/// Proposes boxes of people in a picture.
pub trait Finder: Send {
    /// Writes the boxes for `frame` into `boxes` (cleared first), the likeliest first, in image
    /// pixels.
    fn propose(&mut self, frame: &Frame, boxes: &mut Vec<Rect>);
}

/// What a finder can be: a line here and a file beside the others is all a new one takes.
pub const KINDS: &[Kind<Arc<dyn Find>>] = &[windows::KIND, whole_frame::KIND, given::KIND];

/// The settings of a finder.
pub trait Find: std::fmt::Debug + Send + Sync {
    /// The finder for a network with this input, of people at least `smallest` of the picture's
    /// height.
    fn finder(&self, input: &InputFormat, smallest: f32) -> Box<dyn Finder>;
}

/// Which finder, and when a find counts.
#[derive(Debug, Clone)]
pub struct FindSettings {
    pub kind: Arc<dyn Find>,
    /// Height of the smallest person that is looked for, as a share of the picture's height.
    pub smallest: f32,
    /// The skeleton score from which a find counts as a person.
    pub acquire_score: f32,
    /// The score under which a person who is followed is lost.
    pub keep_score: f32,
    /// How often the picture is searched while a person is followed.
    pub look_again: Duration,
}

/// The share of `acquire_score` that is `keep_score` where none is given.
const KEEPS: f32 = 0.6;

impl Default for FindSettings {
    fn default() -> Self {
        Self {
            kind: Arc::new(windows::WindowsSettings),
            smallest: 0.45,
            acquire_score: 0.35,
            keep_score: 0.18,
            look_again: Duration::from_secs(2),
        }
    }
}

/// Reads the section `[find]`.
pub fn read(s: &mut Section) -> FindSettings {
    let or = FindSettings::default();
    let default = if s.given("boxes") { "given" } else { "windows" };
    let kind = s.kind(KINDS, Some(default)).unwrap_or(or.kind);
    let smallest = s.number("smallest", SMALLEST, 0.1..=1.0).or(or.smallest);
    let acquire_score = s.number("acquire_score", ACQUIRE, 0.05..=0.95);
    let acquire_score = acquire_score.or(or.acquire_score);
    let keep_score = s
        .number("keep_score", KEEP, 0.01..=acquire_score)
        .example("0.2")
        .without("0.6 of `acquire_score`")
        .maybe()
        .unwrap_or(acquire_score * KEEPS);
    let look_again = s.seconds("look_again_s", LOOK_AGAIN, 0.1..=3600.0);
    FindSettings {
        kind,
        smallest,
        acquire_score,
        keep_score,
        look_again: look_again.or(or.look_again),
    }
}

const SMALLEST: &str = "the smallest person's share of the picture's height";
const ACQUIRE: &str = "the mean joint score from which a find counts as a person";
const KEEP: &str = "the score under which a person is lost; at most `acquire_score`";
const LOOK_AGAIN: &str = "how often others are looked for while somebody is followed";
