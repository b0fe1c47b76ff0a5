//! Where people may be.
//!
//! In: a frame. Out: boxes that are worth an estimate, best first. A [`Finder`] looks at the
//! picture; [`previous_pose`] follows a person who was found.

pub mod boxes;
pub mod given;
pub mod network;
pub mod peaks;
mod planes;
pub mod previous_pose;
pub mod whole_frame;
pub mod windows;

use crate::engine::Loading;
use crate::frame::Frame;
use crate::geometry::Rect;
use crate::model::ModelCard;
use crate::network::NetworkError;
use crate::preprocess::InputFormat;
use crate::settings::{Kind, Section};
use std::sync::Arc;
use std::time::Duration;

/// Proposes boxes of people in a picture.
pub trait Finder: Send {
    /// Writes what `frame` may show into `found` (cleared first), the likeliest first.
    ///
    /// # Errors
    /// A network failed.
    fn propose(&mut self, frame: &Frame, found: &mut Vec<Proposal>) -> Result<(), NetworkError>;

    /// The same with all the care it has, for a photo.
    ///
    /// # Errors
    /// As [`Finder::propose`].
    fn propose_thoroughly(
        &mut self,
        frame: &Frame,
        found: &mut Vec<Proposal>,
    ) -> Result<(), NetworkError> {
        self.propose(frame, found)
    }

    /// Whether it sees people, all of them at once; or only knows where to look, one place a frame.
    fn shows_people(&self) -> bool {
        false
    }
}

/// A place in the picture where somebody may be.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Proposal {
    /// In image pixels.
    pub bbox: Rect,
    /// How sure it is, 0 to 1; 0 of a finder that only knows where to look.
    pub score: f32,
    /// How much higher than otherwise a pose must score there to be a person's, or lower.
    pub doubt: f32,
}

impl Proposal {
    /// A place to look at.
    pub fn place(bbox: Rect) -> Self {
        Self {
            bbox,
            ..Self::default()
        }
    }
}

/// What a finder is made for.
pub struct Finding<'a> {
    /// The pose network's input.
    pub input: &'a InputFormat,
    /// Height of the smallest person, as a share of the picture's.
    pub smallest: f32,
    pub loading: Loading<'a>,
}

/// What a finder can be: a line here and a file beside the others is all a new one takes.
pub const KINDS: &[Kind<Arc<dyn Find>>] =
    &[windows::KIND, network::KIND, whole_frame::KIND, given::KIND];

/// The settings of a finder.
pub trait Find: std::fmt::Debug + Send + Sync {
    /// Height of the smallest person that is looked for, as a share of the picture's, where none is
    /// given.
    fn smallest(&self) -> f32 {
        WINDOWS_SMALLEST
    }

    /// The network that it runs, if it runs one.
    fn model(&self) -> Option<&ModelCard> {
        None
    }

    /// The finder.
    ///
    /// # Errors
    /// Its network cannot be loaded.
    fn finder(&self, finding: &Finding) -> Result<Box<dyn Finder>, NetworkError>;
}

/// Which finder, and when a find counts.
#[derive(Debug, Clone)]
pub struct FindSettings {
    pub kind: Arc<dyn Find>,
    /// Height of the smallest person that is looked for, as a share of the picture's height.
    pub smallest: f32,
    /// The presence of a skeleton from which a find counts as a person.
    pub acquire_score: f32,
    /// The skeleton score under which a person who is followed is lost.
    pub keep_score: f32,
    /// How often the picture is searched while a person is followed.
    pub look_again: Duration,
    /// So many people are followed at most.
    pub max_people: usize,
    /// Pose inferences a frame; where more people are there, they take turns.
    pub max_inferences: usize,
    /// Frames a second under which people take turns.
    pub min_fps: f32,
    /// How often a finder that shows people looks while nobody is there.
    pub idle: Duration,
}

/// Nobody asks for more people than a finder tells of.
const MOST_PEOPLE: usize = planes::MOST;

/// People lower than this share of the picture take windows too long to find.
const WINDOWS_SMALLEST: f32 = 0.45;

/// The share of `acquire_score` that is `keep_score` where none is given.
const KEEPS: f32 = 0.64;

impl Default for FindSettings {
    fn default() -> Self {
        Self {
            kind: Arc::new(windows::WindowsSettings),
            smallest: WINDOWS_SMALLEST,
            acquire_score: 0.44,
            keep_score: 0.28,
            look_again: Duration::from_secs(2),
            max_people: 6,
            max_inferences: MOST_PEOPLE,
            min_fps: 5.0,
            idle: Duration::from_millis(200),
        }
    }
}

/// Reads the section `[find]`.
pub fn read(s: &mut Section) -> FindSettings {
    let or = FindSettings::default();
    let default = if s.given("boxes") { "given" } else { "network" };
    let kind = s.kind(KINDS, Some(default)).unwrap_or(or.kind);
    let smallest = s
        .number("smallest", SMALLEST, 0.1..=1.0)
        .without("0.45 with windows, 0.1 with a network")
        .example("0.3")
        .maybe()
        .unwrap_or_else(|| kind.smallest());
    let acquire_score = s.number("acquire_score", ACQUIRE, 0.05..=0.95);
    let acquire_score = acquire_score.or(or.acquire_score);
    let keep_score = s
        .number("keep_score", KEEP, 0.01..=0.95)
        .check(|keep| match *keep <= acquire_score {
            true => Ok(()),
            false => Err(format!(
                "{keep} is more than `acquire_score`, {acquire_score}"
            )),
        })
        .example("0.1")
        .without("0.64 of `acquire_score`")
        .maybe()
        .unwrap_or(acquire_score * KEEPS);
    let look_again = s.seconds("look_again_s", LOOK_AGAIN, 0.1..=3600.0);
    let look_again = look_again.or(or.look_again);
    let max_people = s
        .number("max_people", MAX_PEOPLE, 1..=MOST_PEOPLE)
        .or(or.max_people);
    let max_inferences = s
        .number("max_inferences", MAX_INFERENCES, 1..=MOST_PEOPLE)
        .without("as many as people are followed")
        .example("2")
        .maybe()
        .unwrap_or(or.max_inferences);
    let min_fps = s.number("min_fps", MIN_FPS, 0.1..=60.0).or(or.min_fps);
    let idle_fps = s.number("idle_fps", IDLE_FPS, 0.1..=60.0).or(5.0);
    FindSettings {
        kind,
        smallest,
        acquire_score,
        keep_score,
        look_again,
        max_people,
        max_inferences,
        min_fps,
        idle: Duration::from_secs_f32(1.0 / idle_fps),
    }
}

const SMALLEST: &str = "the smallest person's share of the picture's height";
const ACQUIRE: &str =
    "the mean score of the better half of the joints from which a find counts as a person";
const KEEP: &str =
    "the mean score of all joints under which a person is lost; at most `acquire_score`";
const MAX_PEOPLE: &str = "so many people are followed at most";
const MAX_INFERENCES: &str =
    "pose inferences a frame: where more people are there, they take turns";
const MIN_FPS: &str =
    "where following everybody would give fewer frames a second, people take turns";
const IDLE_FPS: &str = "how often a second at most a network looks at a picture that changes";
const LOOK_AGAIN: &str = "how often others are looked for while somebody is followed";
