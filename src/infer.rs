//! What happens to one frame: find → estimate → track → recognise.
//!
//! In: a decoded frame. Out: the people in it, the boxes that were looked at, and pose events. No
//! threads, no clocks, no devices: the same frames with the same times give the same result, byte
//! for byte.

use crate::attend::{Attention, REFINEMENTS, SAME, WORTH_A_LOOK};
use crate::config::Config;
use crate::estimate::Estimator;
use crate::find::{FindSettings, Finder, Finding, Proposal, previous_pose};
use crate::frame::Frame;
use crate::geometry::{Rect, Size};
use crate::mask::Mask;
use crate::network::NetworkError;
use crate::recognise::{Pose, PoseEvent, Recogniser, Sight};
use crate::report::{Report, Seen};
use crate::segment::Segmenter;
use crate::skeleton::{KeypointSet, Skeleton, Threshold, similarity};
use crate::track::{Person, PersonId, TrackSettings, Tracker};
use std::sync::Arc;
use std::time::Duration;

/// A search result must score this much more than the person who is followed to take the place.
const BETTER: f32 = 0.1;
/// Nobody surer is looked for beside a person who scores as much.
const SURE: f32 = 0.6;

/// Carries everything that lasts from frame to frame.
pub struct Infer {
    estimator: Estimator,
    segmenter: Option<Segmenter>,
    mask: Mask,
    finder: Box<dyn Finder>,
    find: FindSettings,
    attention: Attention,
    tracker: Tracker,
    recogniser: Recogniser,
    visible: Threshold,
    windows: Vec<Proposal>,
    next_window: usize,
    unseen_windows: usize,
    searched: Size,
    held: Option<Rect>,
    looked: Duration,
    skeleton: Skeleton,
    boxes: Vec<Rect>,
    events: Vec<PoseEvent>,
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
            attention: Attention::new(find.clone(), track.visible),
            find,
            tracker: Tracker::new(track),
            recogniser: Recogniser::new(poses, track.visible),
            visible: track.visible,
            windows: Vec::new(),
            next_window: 0,
            unseen_windows: 0,
            searched: Size::default(),
            held: None,
            looked: Duration::ZERO,
            skeleton: Skeleton::default(),
            boxes: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Takes in one decoded frame.
    ///
    /// # Errors
    /// The network failed; the next frame can be tried.
    pub fn frame(&mut self, frame: &Frame) -> Result<(), NetworkError> {
        self.boxes.clear();
        self.events.clear();
        if self.finder.shows_people() {
            self.everybody(frame)?;
        } else {
            self.one(frame)?;
        }
        self.tracker.forget(frame.time);
        self.recogniser
            .update(frame.time, self.tracker.people(), &mut self.events);
        Ok(())
    }

    /// Follows everybody whom the finder shows.
    fn everybody(&mut self, frame: &Frame) -> Result<(), NetworkError> {
        let people = self.tracker.people();
        let (finder, estimator) = (&mut *self.finder, &mut self.estimator);
        self.attention
            .frame(frame, finder, estimator, people, &mut self.boxes)?;
        self.tracker.update(frame.time, self.attention.sightings());
        for i in 0..self.tracker.people().len() {
            let person = &self.tracker.people()[i];
            let (id, bbox) = (person.id, person.bbox);
            if person.last_seen == frame.time {
                self.outline(frame, id, bbox)?;
            }
        }
        Ok(())
    }

    /// Finds where in the picture the person is, if there is a segmentation network.
    fn outline(&mut self, frame: &Frame, id: PersonId, bbox: Rect) -> Result<(), NetworkError> {
        if let Some(segmenter) = &mut self.segmenter {
            segmenter.segment(frame, bbox, &mut self.mask)?;
            self.tracker
                .keep_mask(id, &self.mask, self.mask.share(frame.size));
        }
        Ok(())
    }

    /// Follows one person, and looks at one window a frame for others.
    fn one(&mut self, frame: &Frame) -> Result<(), NetworkError> {
        if let Some(bbox) = self.held {
            self.follow(frame, bbox)?;
        }
        if self.held.is_none() {
            self.search(frame, self.find.acquire_score)?;
        } else {
            let held_score = self
                .tracker
                .people()
                .iter()
                .map(|p| p.score)
                .fold(0.0, f32::max);
            // Somebody doubtful is held, but all windows are gone through once for somebody surer;
            // afterwards one now and then.
            let doubtful = held_score < SURE && self.unseen_windows > 0;
            if doubtful || frame.time.saturating_sub(self.looked) >= self.find.look_again {
                self.looked = frame.time;
                self.unseen_windows = self.unseen_windows.saturating_sub(1);
                self.search(frame, (held_score + BETTER).max(self.find.acquire_score))?;
            }
        }
        Ok(())
    }

    fn follow(&mut self, frame: &Frame, bbox: Rect) -> Result<(), NetworkError> {
        self.look(frame, bbox)?;
        let next = previous_pose::follow(bbox, &self.skeleton, self.visible);
        self.held = next.filter(|_| self.skeleton.score(self.visible) >= self.find.keep_score);
        if self.held.is_some() {
            self.see(frame, bbox)?;
        }
        Ok(())
    }

    /// Looks at the next window; takes hold of a person who scores `threshold` or more.
    fn search(&mut self, frame: &Frame, threshold: f32) -> Result<(), NetworkError> {
        let Some(window) = self.window(frame)? else {
            return Ok(());
        };
        self.look(frame, window)?;
        if self.skeleton.score(self.visible) < WORTH_A_LOOK * threshold {
            return Ok(());
        }
        // A person who fills a window badly is seen better in a box of their own, and better still
        // in a box around that.
        for _ in 0..REFINEMENTS {
            let Some(bbox) = previous_pose::around(&self.skeleton, self.visible) else {
                return Ok(());
            };
            self.look(frame, bbox)?;
            let next = previous_pose::around(&self.skeleton, self.visible);
            if let Some(next) = next.filter(|_| self.skeleton.score(self.visible) >= threshold) {
                self.see(frame, bbox)?;
                if self.held.is_none() {
                    self.unseen_windows = self.windows.len();
                }
                self.held = Some(next);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes the skeleton that was just found for the person's.
    fn see(&mut self, frame: &Frame, bbox: Rect) -> Result<(), NetworkError> {
        let id = self.tracker.see(frame.time, &self.skeleton, bbox).id;
        self.outline(frame, id, bbox)
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

    fn window(&mut self, frame: &Frame) -> Result<Option<Rect>, NetworkError> {
        if frame.size != self.searched || self.next_window >= self.windows.len() {
            self.finder.propose(frame, &mut self.windows)?;
            self.searched = frame.size;
            self.next_window = 0;
        }
        let window = self.windows.get(self.next_window).map(|p| p.bbox);
        self.next_window += 1;
        Ok(window)
    }

    fn look(&mut self, frame: &Frame, bbox: Rect) -> Result<(), NetworkError> {
        self.boxes.push(bbox);
        self.estimator.estimate(frame, bbox, &mut self.skeleton)
    }

    /// The source is gone: everyone leaves, poses are released, and the search starts anew.
    pub fn source_lost(&mut self, time: Duration) {
        self.boxes.clear();
        self.recogniser.end(time, &mut self.events);
        self.tracker.clear();
        self.attention.reset();
        self.held = None;
        self.next_window = 0;
    }

    /// Every person in a photo, the surest first: all windows are looked at, each find is cropped
    /// again around its own pose. `report` is filled with them.
    ///
    /// # Errors
    /// The network failed.
    pub fn photo(&mut self, frame: &Frame, report: &mut Report) -> Result<(), NetworkError> {
        let mut windows = Vec::new();
        self.finder.propose(frame, &mut windows)?;
        let mut found: Vec<Seen> = Vec::new();
        for window in windows {
            let Some(person) = self.refine(frame, window.bbox)? else {
                continue;
            };
            if person.score < self.find.acquire_score {
                continue;
            }
            let same = |f: &Seen| {
                similarity(&f.skeleton, &person.skeleton, f.bbox.area(), self.visible) > SAME
                    || f.bbox.iou(person.bbox) > 0.6
            };
            match found.iter_mut().find(|f| same(f)) {
                Some(f) if f.score < person.score => *f = person,
                Some(_) => {}
                None => found.push(person),
            }
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        let found = self.distinct(found);
        self.tell_photo(frame, found, report)
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
        for &bbox in boxes {
            self.estimator.estimate(frame, bbox, &mut self.skeleton)?;
            let score = self.skeleton.score(self.visible);
            people.push(found(&self.skeleton, bbox, score));
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
            let sight = Sight {
                skeleton: &person.skeleton,
                share: person.share,
            };
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

    fn refine(&mut self, frame: &Frame, window: Rect) -> Result<Option<Seen>, NetworkError> {
        let mut bbox = window;
        let mut best: Option<Seen> = None;
        for round in 0..=REFINEMENTS {
            self.estimator.estimate(frame, bbox, &mut self.skeleton)?;
            let score = self.skeleton.score(self.visible);
            if round == 0 && score < WORTH_A_LOOK * self.find.acquire_score {
                return Ok(None);
            }
            if best.as_ref().is_none_or(|b| b.score < score) {
                best = Some(found(&self.skeleton, bbox, score));
            }
            let Some(next) = previous_pose::around(&self.skeleton, self.visible) else {
                break;
            };
            bbox = next;
        }
        Ok(best)
    }

    /// Drops people who are a part of a surer one.
    fn distinct(&self, found: Vec<Seen>) -> Vec<Seen> {
        let mut kept: Vec<Seen> = Vec::new();
        for f in found {
            let bounds = |f: &Seen| f.skeleton.bounds(self.visible).unwrap_or(f.bbox);
            let own = bounds(&f);
            let inside = |k: &Seen| bounds(k).intersection(own).area() > 0.6 * own.area();
            if !kept.iter().any(inside) {
                kept.push(f);
            }
        }
        kept
    }

    pub fn keypoints(&self) -> &Arc<KeypointSet> {
        self.estimator.keypoints()
    }

    pub fn visible(&self) -> Threshold {
        self.visible
    }

    pub fn recogniser(&self) -> &Recogniser {
        &self.recogniser
    }

    /// The people seen in the frame taken at `time`.
    pub fn seen(&self, time: Duration) -> impl Iterator<Item = &Person> {
        let people = self.tracker.people().iter();
        people.filter(move |p| p.is_seen_at(time))
    }

    /// Adds to `report` whom the frame taken at `time` shows, and the boxes that were looked at;
    /// masks only if `masks`.
    pub fn tell(&self, time: Duration, masks: bool, report: &mut Report) {
        self.introduce(report);
        report.boxes.extend_from_slice(&self.boxes);
        for person in self.seen(time) {
            let seen = report.people.add();
            seen.id = person.id.0;
            seen.bbox = person.bbox;
            seen.score = person.score;
            seen.share = person.share;
            seen.skeleton.copy_from(&person.skeleton);
            if masks {
                seen.mask.copy_from(&person.mask);
            }
            let held = self.recogniser.active(person.id);
            seen.poses.extend(held.map(|i| self.pose_name(i)));
        }
    }

    /// What is needed to understand a report's skeletons.
    fn introduce(&self, report: &mut Report) {
        if !Arc::ptr_eq(&report.keypoints, self.keypoints()) {
            report.keypoints = Arc::clone(self.keypoints());
        }
        report.visible = self.visible;
    }

    fn pose_name(&self, index: usize) -> Arc<str> {
        Arc::clone(&self.recogniser.poses()[index].name)
    }

    /// What happened in the last frame.
    pub fn events(&self) -> &[PoseEvent] {
        &self.events
    }
}
