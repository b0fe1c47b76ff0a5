//! What one frame told: people, events, state.
//!
//! In: filled by whoever runs the pipeline. Out: read by everyone who tells it further. A
//! [`Report`] is made once and used again: after the first frames, filling it allocates nothing.

pub mod json;

use crate::context::Context;
use crate::frame::Frame;
use crate::geometry::{Rect, Size};
use crate::mask::Mask;
use crate::recognise::{
    Company, EventKind, Explanation, Memory, Pose, PoseEvent, SceneSight, Sight,
};
use crate::skeleton::{KeypointSet, Skeleton, Threshold};
use crate::zone::Zone;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A person as they were seen in one frame.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// From 1; never used for two people in one run.
    pub id: u32,
    /// When the person was seen, where that was in an earlier frame and their turn has not come
    /// since: joints, box and poses are those of then.
    pub waits_since: Option<Duration>,
    /// The box in which the person was found, in image pixels, without the crop's padding.
    pub bbox: Rect,
    /// Mean joint score, about 0 to 1.
    pub score: f32,
    /// The share of the picture that the person covers, 0 to 1, where a segmentation network tells.
    pub share: Option<f32>,
    /// Joints in image pixels.
    pub skeleton: Skeleton,
    /// Where in the picture the person is; empty unless a segmentation network tells.
    pub mask: Mask,
    /// The poses held now.
    pub poses: Vec<Arc<str>>,
    /// How often they did what is counted, by the counts' names.
    pub counts: Vec<(Arc<str>, u32)>,
    /// What rules about time remember.
    pub memory: Memory,
}

impl Seen {
    fn clear(&mut self) {
        self.id = 0;
        self.waits_since = None;
        self.bbox = Rect::default();
        self.score = 0.0;
        self.share = None;
        self.skeleton.keypoints.clear();
        self.mask.clear();
        self.poses.clear();
        self.counts.clear();
        self.memory.clear();
    }

    /// What rules look at, in a picture of this size; with the time of a frame where it is of a video.
    pub fn sight(&self, size: Size, time: Option<Duration>) -> Sight<'_> {
        Sight {
            skeleton: &self.skeleton,
            share: self.share,
            size,
            time,
            memory: &self.memory,
        }
    }
}

/// A person entered, holds or left a pose, or did something once more.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub kind: EventKind,
    pub pose: Arc<str>,
    /// 0 of what is true of the scene, and of nobody alone.
    pub person: u32,
    /// The frame's time.
    pub time: Duration,
    /// 0 to 1: the lowest score of the joints by which the rule held.
    pub confidence: f32,
    /// Time since the pose was entered; 0 for [`EventKind::Enter`].
    pub held: Duration,
    /// How often it was done, of [`EventKind::Count`].
    pub count: Option<u32>,
}

impl Event {
    /// What is told of an event of the recogniser's; `pose` is the name of its pose.
    pub fn of(event: &PoseEvent, pose: &Arc<str>) -> Self {
        Self {
            kind: event.kind,
            pose: Arc::clone(pose),
            person: event.person.0,
            time: event.time,
            confidence: event.confidence,
            held: event.held,
            count: event.count,
        }
    }
}

/// A change of what posed can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Frames are looked for from now on, under the run of this name: persons and frames are
    /// numbered anew in each.
    Started(String),
    /// Nothing comes any more: why.
    SourceLost(String),
    SourceBack,
    Stopped,
}

impl State {
    /// The word that stands for it in JSON lines.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::SourceLost(_) => "source_lost",
            Self::SourceBack => "source_back",
            Self::Stopped => "stopped",
        }
    }

    /// What else there is to say; may be empty.
    pub fn detail(&self) -> &str {
        match self {
            Self::SourceLost(why) => why,
            Self::Started(_) | Self::SourceBack | Self::Stopped => "",
        }
    }
}

/// What one frame told, or what happened without one.
///
/// ```
/// use posed::report::Report;
///
/// let mut report = Report::default();
/// report.people.add().id = 1;
/// assert_eq!(report.people.len(), 1);
/// report.clear();
/// assert!(report.people.is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The frame's time; without a frame, when it happened.
    pub time: Duration,
    /// The time on the wall when this was told, where something live is told of.
    pub wall: Option<SystemTime>,
    /// Number of the frame; a gap is a frame that nobody looked at.
    pub sequence: u64,
    /// Of the picture, in pixels: the space in which skeletons and boxes lie.
    pub size: Size,
    /// Whether this tells of a frame, and not only of events or a state.
    pub is_frame: bool,
    /// The file that the picture is from, of a photo.
    pub file: Option<String>,
    pub events: Vec<Event>,
    pub state: Option<State>,
    /// The boxes in which people were looked for.
    pub boxes: Vec<Rect>,
    /// Frames a second.
    pub rate: Option<f32>,
    /// In any uncompressed layout; the last one stays where nobody asked for a new one.
    pub picture: Frame,
    /// The joints that skeletons have.
    pub keypoints: Arc<KeypointSet>,
    /// The score from which a joint counts as seen.
    pub visible: Threshold,
    /// The places in the picture that have names.
    pub zones: Arc<[Arc<Zone>]>,
    /// Of the frame.
    pub people: People,
    /// The poses that somebody holds now, and what holds of the scene, in the order of the
    /// configuration.
    pub held: Vec<Arc<str>>,
    /// What the scene's rules about time remember.
    pub scene: Memory,
    /// How often everybody together did what is counted.
    pub totals: Vec<(Arc<str>, u32)>,
}

/// The people of a frame, in memory that is used again.
#[derive(Debug, Clone, Default)]
pub struct People {
    places: Vec<Seen>,
    count: usize,
}

impl People {
    /// A place for one more person.
    pub fn add(&mut self) -> &mut Seen {
        if self.count == self.places.len() {
            self.places.push(Seen::default());
        }
        self.count += 1;
        let person = &mut self.places[self.count - 1];
        person.clear();
        person
    }

    /// Nobody; the memory stays.
    pub fn clear(&mut self) {
        self.count = 0;
    }
}

impl std::ops::Deref for People {
    type Target = [Seen];

    fn deref(&self) -> &[Seen] {
        &self.places[..self.count]
    }
}

impl std::ops::DerefMut for People {
    fn deref_mut(&mut self) -> &mut [Seen] {
        &mut self.places[..self.count]
    }
}

impl Report {
    /// Empties it; picture, size and memory stay.
    pub fn clear(&mut self) {
        self.wall = None;
        self.is_frame = false;
        self.file = None;
        self.events.clear();
        self.state = None;
        self.boxes.clear();
        self.rate = None;
        self.people.clear();
        self.held.clear();
        self.totals.clear();
        self.scene.clear();
    }

    /// Why somebody shows a pose now, or does not; of a pose of the scene why that does.
    pub fn explain(&self, pose: &Pose, seen: &Seen) -> Explanation {
        let time = Some(self.time);
        if !pose.is_of_scene() {
            let active = seen.poses.contains(&pose.name);
            return pose.explain(seen.sight(self.size, time), self.visible, active);
        }
        self.explain_scene(pose)
    }

    /// Why a pose of the scene is shown now, or is not.
    pub fn explain_scene(&self, pose: &Pose) -> Explanation {
        let people = self.people.iter();
        let company = people.map(|seen| Company {
            skeleton: &seen.skeleton,
            poses: &seen.poses,
        });
        let scene = SceneSight {
            size: self.size,
            time: Some(self.time),
            memory: &self.scene,
        };
        let company: Vec<Company> = company.collect();
        pose.explain_scene(&company, scene, self.visible, self.holds(pose, None))
    }

    /// Whether a pose is active: this person's, or the scene's.
    pub fn holds(&self, pose: &Pose, seen: Option<&Seen>) -> bool {
        match seen {
            Some(seen) if !pose.is_of_scene() => seen.poses.contains(&pose.name),
            _ => self.held.contains(&pose.name),
        }
    }

    /// The picture of this very frame; `None` where nobody asked for one, and an older one has stayed.
    pub fn own_picture(&self) -> Option<&Frame> {
        let picture = &self.picture;
        let is_own = picture.sequence == self.sequence && picture.time == self.time;
        (is_own && !picture.data.is_empty()).then_some(picture)
    }

    /// Empties it for this frame; takes the picture too if `picture`.
    pub fn begin(&mut self, frame: &Frame, picture: bool) {
        self.clear();
        self.time = frame.time;
        self.sequence = frame.sequence;
        self.size = frame.size;
        self.is_frame = true;
        if picture {
            self.picture.copy_from(frame);
        }
    }
}

/// What a listener makes use of; what it has no use for is not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Every frame, with its people.
    pub frames: bool,
    /// Of frames those from this time on; what comes sooner is of no use.
    pub from: Duration,
    /// Events and every change of state, whenever they come. Without it, of all that happens
    /// between frames only the loss of the source is told.
    pub events: bool,
    pub picture: bool,
    pub masks: bool,
}

impl Needs {
    /// Whether a frame of this time is made use of.
    ///
    /// ```
    /// use posed::report::Needs;
    /// use std::time::Duration;
    ///
    /// let from = Duration::from_secs(9);
    /// let needs = Needs { frames: true, from, ..Needs::default() };
    /// assert!(needs.frame(Duration::from_secs(9)) && !needs.frame(Duration::from_millis(8_900)));
    /// assert!(needs.frame(Duration::ZERO), "a source that began anew");
    /// ```
    pub fn frame(&self, time: Duration) -> bool {
        const ANEW: Duration = Duration::from_secs(1);
        self.frames && (time >= self.from || self.from - time > ANEW)
    }
}

/// Somebody who is told what posed sees: a screen, a file, a socket. Each has a thread of its own,
/// so that a slow one delays nobody.
pub trait Listener: Send {
    /// What it is, for the log: "/dev/fb0, 480x320, 16 bits a pixel".
    fn describe(&self) -> String;

    /// What it makes use of now: asked again after everything that it hears and at least ten times a
    /// second, since a picture is of no use while nobody looks.
    fn needs(&self) -> Needs;

    /// How many reports may wait while it is busy; when one more comes, the oldest is dropped. 1
    /// for whoever has no use for old ones.
    fn backlog(&self) -> usize;

    /// A pipeline begins, at the start or by a reload: what it is told from now on is of this one.
    fn begin(&mut self, _: &Context) {}

    /// Takes in a report. Gives how many lines or the like were lost in it; says in the log why,
    /// once.
    fn hear(&mut self, report: &Report) -> u64;

    /// Looks after what goes by itself; called at least ten times a second.
    fn tend(&mut self) {}

    /// Nothing more will come.
    fn close(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::Keypoint;

    #[test]
    fn a_refilled_report_keeps_its_memory_and_nothing_of_the_last_frame() {
        let mut report = Report::default();
        let fill = |report: &mut Report| {
            report.begin(&Frame::default(), true);
            for _ in 0..3 {
                let person = report.people.add();
                assert!(person.id == 0 && person.poses.is_empty());
                assert!(person.skeleton.keypoints.is_empty());
                person.id = 7;
                person.poses.push("arms up".into());
                person.skeleton.keypoints.resize(17, Keypoint::default());
            }
            let memory = |p: &Seen| (p.poses.as_ptr(), p.skeleton.keypoints.as_ptr());
            report.people.iter().map(memory).collect::<Vec<_>>()
        };
        let first = fill(&mut report);
        assert_eq!(first, fill(&mut report));
    }
}
