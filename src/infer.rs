//! What happens to one frame: find → estimate → track → recognise.
//!
//! In: a decoded frame. Out: the people in it, the boxes that were looked at, and pose events. No
//! threads, no clocks, no devices: the same frames with the same times give the same result, byte
//! for byte.

use crate::attend::{Attention, Eyes};
use crate::config::Config;
use crate::estimate::Estimator;
use crate::find::{FindSettings, Finder, Finding};
use crate::frame::Frame;
use crate::geometry::{Rect, Size};
use crate::mask::Mask;
use crate::network::NetworkError;
use crate::recognise::{Pose, PoseEvent, Recogniser, SCENE};
use crate::report::{Report, Seen};
use crate::segment::Segmenter;
use crate::skeleton::{KeypointSet, Skeleton, Threshold};
use crate::steps::{Spent, Step};
use crate::track::{Person, PersonId, TrackSettings, Tracker};
use crate::zone::Zone;
use std::sync::Arc;
use std::time::Duration;

/// Who is followed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Following {
    /// People who are seen, or wait for their turn.
    pub people: usize,
    /// How many of them were looked for in the last frame.
    pub looked_for: usize,
    /// Pose inferences that the last frame took.
    pub inferences: usize,
}

/// Carries everything that lasts from frame to frame.
pub struct Infer {
    estimator: Estimator,
    segmenter: Option<Segmenter>,
    mask: Mask,
    finder: Box<dyn Finder>,
    attention: Attention,
    tracker: Tracker,
    recogniser: Recogniser,
    visible: Threshold,
    zones: Arc<[Arc<Zone>]>,
    events: Vec<PoseEvent>,
    /// Of the last frame.
    size: Size,
    spent: Spent,
}

/// A person in a photo, found in this box.
fn found(skeleton: &Skeleton, bbox: Rect, score: f32) -> Seen {
    Seen {
        skeleton: skeleton.clone(),
        bbox,
        score,
        ..Seen::default()
    }
}

impl Infer {
    /// Loads the network and sets up every step.
    ///
    /// # Errors
    /// The network cannot be loaded.
    pub fn new(config: &Config) -> Result<Self, NetworkError> {
        let estimator = Estimator::load(&config.model, config.loading())?;
        let finder = config.find.kind.finder(&Finding {
            input: &config.model.input,
            smallest: config.find.smallest,
            loading: config.loading(),
        })?;
        let load = |card| Segmenter::load(card, config.loading());
        let segmenter = config.segment.as_ref().map(load).transpose()?;
        Ok(Self {
            segmenter,
            zones: Arc::clone(&config.zones),
            ..Self::with(
                estimator,
                finder,
                config.find.clone(),
                config.track,
                config.poses.clone(),
            )
        })
    }

    /// Sets up the steps around parts that the caller made.
    pub fn with(
        estimator: Estimator,
        finder: Box<dyn Finder>,
        find: FindSettings,
        track: TrackSettings,
        poses: Vec<Pose>,
    ) -> Self {
        Self {
            estimator,
            segmenter: None,
            mask: Mask::default(),
            finder,
            attention: Attention::new(find, track.visible),
            tracker: Tracker::new(track),
            recogniser: Recogniser::new(poses, track.visible),
            visible: track.visible,
            zones: Arc::default(),
            events: Vec::new(),
            size: Size::default(),
            spent: Spent::default(),
        }
    }

    /// Takes in one decoded frame.
    ///
    /// # Errors
    /// The network failed; the next frame can be tried.
    pub fn frame(&mut self, frame: &Frame) -> Result<(), NetworkError> {
        self.events.clear();
        self.size = frame.size;
        self.spent = Spent::default();
        let people = self.tracker.people();
        let near = |id| self.recogniser.is_near(id);
        let mut eyes = Eyes {
            finder: &mut *self.finder,
            estimator: &mut self.estimator,
            spent: &mut self.spent,
        };
        self.attention.frame(frame, &mut eyes, people, near)?;
        let (sightings, looked_for) = (self.attention.sightings(), self.attention.looked_for());
        let track = || self.tracker.update(frame.time, sightings, looked_for);
        self.spent.time(Step::Track, track);
        for i in 0..self.tracker.people().len() {
            let person = &self.tracker.people()[i];
            let (id, bbox) = (person.id, person.bbox);
            if person.last_seen == frame.time {
                self.outline(frame, id, bbox)?;
            }
        }
        self.tracker.forget(frame.time);
        let people = self.tracker.people();
        let recognise =
            || (self.recogniser).update(frame.time, frame.size, people, &mut self.events);
        self.spent.time(Step::Recognise, recognise);
        Ok(())
    }

    /// What the steps of the last frame took.
    pub fn spent(&self) -> &Spent {
        &self.spent
    }

    /// Finds where in the picture the person is, if there is a segmentation network.
    fn outline(&mut self, frame: &Frame, id: PersonId, bbox: Rect) -> Result<(), NetworkError> {
        if let Some(segmenter) = &mut self.segmenter {
            let segment = || segmenter.segment(frame, bbox, &mut self.mask);
            self.spent.time(Step::Segment, segment)?;
            self.tracker
                .keep_mask(id, &self.mask, self.mask.share(frame.size));
        }
        Ok(())
    }

    /// The same for the people of a photo.
    fn measure(&mut self, frame: &Frame, found: &mut [Seen]) -> Result<(), NetworkError> {
        let Some(segmenter) = &mut self.segmenter else {
            return Ok(());
        };
        for person in found {
            segmenter.segment(frame, person.bbox, &mut person.mask)?;
            person.share = Some(person.mask.share(frame.size));
        }
        Ok(())
    }

    /// The source is gone: everyone leaves, poses are released, and the search starts anew.
    pub fn source_lost(&mut self, time: Duration) {
        self.recogniser.end(time, &mut self.events);
        self.tracker.clear();
        self.attention.reset();
    }

    /// Every person in a photo, the surest first. `report` is filled with them.
    ///
    /// # Errors
    /// A network failed.
    pub fn photo(&mut self, frame: &Frame, report: &mut Report) -> Result<(), NetworkError> {
        let mut eyes = Eyes {
            finder: &mut *self.finder,
            estimator: &mut self.estimator,
            spent: &mut self.spent,
        };
        let people = self.attention.photo(frame, &mut eyes)?;
        let people = people.iter().map(|p| found(&p.skeleton, p.bbox, p.score));
        self.tell_photo(frame, people.collect(), report)
    }

    /// The people in these boxes, one a box, however unsure; `report` is filled with them.
    ///
    /// # Errors
    /// The network failed.
    pub fn boxes_of(
        &mut self,
        frame: &Frame,
        boxes: &[Rect],
        report: &mut Report,
    ) -> Result<(), NetworkError> {
        let mut people = Vec::new();
        let mut skeleton = Skeleton::default();
        for &bbox in boxes {
            self.estimator.estimate(frame, bbox, &mut skeleton)?;
            people.push(found(&skeleton, bbox, skeleton.score(self.visible)));
        }
        self.tell_photo(frame, people, report)?;
        report.boxes.extend_from_slice(boxes);
        Ok(())
    }

    fn tell_photo(
        &mut self,
        frame: &Frame,
        mut people: Vec<Seen>,
        report: &mut Report,
    ) -> Result<(), NetworkError> {
        self.measure(frame, &mut people)?;
        report.begin(frame, true);
        self.introduce(report);
        for (i, person) in people.into_iter().enumerate() {
            let sight = person.sight(frame.size, None);
            let shown = self.recogniser.judge(sight);
            let poses = shown.map(|(pose, _)| self.pose_name(pose)).collect();
            *report.people.add() = Seen {
                id: i as u32 + 1,
                poses,
                ..person
            };
        }
        Ok(())
    }

    pub fn keypoints(&self) -> &Arc<KeypointSet> {
        self.estimator.keypoints()
    }

    pub fn visible(&self) -> Threshold {
        self.visible
    }

    /// The places in the picture that have names.
    pub fn zones(&self) -> &Arc<[Arc<Zone>]> {
        &self.zones
    }

    pub fn recogniser(&self) -> &Recogniser {
        &self.recogniser
    }

    /// So many pose inferences a frame can be had from now on, beside what the settings allow.
    pub fn afford(&mut self, inferences: usize) {
        self.attention.afford(inferences);
    }

    /// Who is followed, after the frame taken at `time`.
    pub fn following(&self, time: Duration) -> Following {
        Following {
            people: self.here(time).count(),
            looked_for: self.here(time).filter(|p| p.is_seen_at(time)).count(),
            inferences: self.attention.boxes().len(),
        }
    }

    /// The people who are seen in the frame taken at `time`, or wait for their turn.
    pub fn here(&self, time: Duration) -> impl Iterator<Item = &Person> {
        let people = self.tracker.people().iter();
        people.filter(move |p| p.is_seen_at(time) || p.is_waiting_at(time))
    }

    /// Adds to `report` whom the frame taken at `time` shows, and the boxes that were looked at;
    /// masks only if `masks`.
    pub fn tell(&self, time: Duration, masks: bool, report: &mut Report) {
        self.introduce(report);
        report.boxes.extend_from_slice(self.attention.boxes());
        for person in self.here(time) {
            let seen = report.people.add();
            seen.id = person.id.0;
            seen.waits_since = Some(person.last_seen).filter(|&seen| seen != time);
            seen.bbox = person.bbox;
            seen.score = person.score;
            seen.share = person.share;
            seen.skeleton.copy_from(&person.skeleton);
            if masks {
                seen.mask.copy_from(&person.mask);
            }
            let held = self.recogniser.active(person.id);
            seen.poses.extend(held.map(|i| self.pose_name(i)));
            seen.memory.copy_from(self.recogniser.memory(person.id));
            let counts = self.recogniser.counts(person.id);
            seen.counts
                .extend(counts.map(|(i, n)| (self.pose_name(i), n)));
        }
        report.scene.copy_from(self.recogniser.memory(SCENE));
        let totals = self.recogniser.counts(SCENE);
        report
            .totals
            .extend(totals.map(|(i, n)| (self.pose_name(i), n)));
    }

    /// Adds to `report` the poses that somebody holds.
    pub fn tell_held(&self, report: &mut Report) {
        let held = self.recogniser.held();
        report.held.extend(held.map(|i| self.pose_name(i)));
    }

    /// What is needed to understand a report's skeletons.
    fn introduce(&self, report: &mut Report) {
        if !Arc::ptr_eq(&report.keypoints, self.keypoints()) {
            report.keypoints = Arc::clone(self.keypoints());
        }
        report.visible = self.visible;
        if !Arc::ptr_eq(&report.zones, &self.zones) {
            report.zones = Arc::clone(&self.zones);
        }
    }

    fn pose_name(&self, index: usize) -> Arc<str> {
        Arc::clone(&self.recogniser.poses()[index].name)
    }

    /// Of the last frame's picture.
    pub fn size(&self) -> Size {
        self.size
    }

    /// What happened in the last frame.
    pub fn events(&self) -> &[PoseEvent] {
        &self.events
    }
}
