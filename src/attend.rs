//! Which places of a frame are worth an inference, where a finder shows everybody at once.
//!
//! In: a frame, a finder, the pose network, and whom the tracker knows. Out: everybody who is seen,
//! each once. Who is followed is looked for every frame where they were; the finder looks every
//! `look_again_s`, at once when somebody was lost, and into an empty room `idle_fps` times a second.
//! Whom it shows beyond those gets one inference, and a closer one where that is doubtful.

use crate::estimate::Estimator;
use crate::find::{FindSettings, Finder, Proposal, previous_pose};
use crate::frame::Frame;
use crate::geometry::Rect;
use crate::network::NetworkError;
use crate::skeleton::{Skeleton, Threshold, similarity};
use crate::track::{Person, PersonId, Sighting};
use std::time::Duration;

/// Skeletons more alike than this are two sights of one person.
pub(crate) const SAME: f32 = 0.4;
/// A box of the finder that overlaps a sight more shows the same person.
const KNOWN: f32 = 0.4;
/// How often a find is cropped again around its own pose.
pub(crate) const REFINEMENTS: usize = 2;
/// The share of `acquire_score` from which a find or a window is worth a second look around what it shows.
pub(crate) const WORTH_A_LOOK: f32 = 0.4;

/// Carries what lasts from frame to frame.
pub struct Attention {
    find: FindSettings,
    visible: Threshold,
    looked: Option<Duration>,
    proposals: Vec<Proposal>,
    skeleton: Skeleton,
    /// Places for sightings; the first `count` are this frame's.
    sightings: Vec<Sighting>,
    count: usize,
}

impl Attention {
    pub fn new(find: FindSettings, visible: Threshold) -> Self {
        Self {
            find,
            visible,
            looked: None,
            proposals: Vec::new(),
            skeleton: Skeleton::default(),
            sightings: Vec::new(),
            count: 0,
        }
    }

    /// Looks at `frame` for `people`, and for others where it is time. `boxes` gets every box that
    /// was looked at.
    ///
    /// # Errors
    /// A network failed; the next frame can be tried.
    pub fn frame(
        &mut self,
        frame: &Frame,
        finder: &mut dyn Finder,
        estimator: &mut Estimator,
        people: &[Person],
        boxes: &mut Vec<Rect>,
    ) -> Result<(), NetworkError> {
        self.count = 0;
        let mut lost = false;
        for person in people {
            boxes.push(person.next);
            estimator.estimate(frame, person.next, &mut self.skeleton)?;
            lost |= !self.keep(person.next, self.find.keep_score, Some(person.id));
        }
        let interval = if people.is_empty() {
            self.find.idle
        } else {
            self.find.look_again
        };
        let due = self
            .looked
            .is_none_or(|at| frame.time < at || frame.time.saturating_sub(at) >= interval);
        // Whoever is lost may stand elsewhere in the picture.
        if lost || due {
            self.looked = Some(frame.time);
            self.look_around(frame, finder, estimator, boxes)?;
        }
        Ok(())
    }

    /// Everybody who was seen in the last frame.
    pub fn sightings(&self) -> &[Sighting] {
        &self.sightings[..self.count]
    }

    /// The source is gone: the next frame is looked at anew.
    pub fn reset(&mut self) {
        self.looked = None;
        self.count = 0;
    }

    fn look_around(
        &mut self,
        frame: &Frame,
        finder: &mut dyn Finder,
        estimator: &mut Estimator,
        boxes: &mut Vec<Rect>,
    ) -> Result<(), NetworkError> {
        let mut proposals = std::mem::take(&mut self.proposals);
        let mut looked = finder.propose(frame, &mut proposals);
        for proposal in &proposals {
            if looked.is_err() || self.count >= self.find.max_people {
                break;
            }
            if !self.is_known(proposal.bbox) {
                looked = self.meet(frame, proposal.bbox, estimator, boxes);
            }
        }
        self.proposals = proposals;
        looked
    }

    /// Whether somebody who was seen stands where the finder shows somebody.
    fn is_known(&self, bbox: Rect) -> bool {
        let bbox = upright(bbox);
        let known = |s: &Sighting| upright(s.next).iou(bbox) > KNOWN;
        self.sightings().iter().any(known)
    }

    /// Looks at somebody new; closer, where they are doubtful in the finder's box.
    fn meet(
        &mut self,
        frame: &Frame,
        place: Rect,
        estimator: &mut Estimator,
        boxes: &mut Vec<Rect>,
    ) -> Result<(), NetworkError> {
        let mut bbox = place;
        for round in 0..=REFINEMENTS {
            boxes.push(bbox);
            estimator.estimate(frame, bbox, &mut self.skeleton)?;
            let score = self.skeleton.score(self.visible);
            if round == 0 && score < WORTH_A_LOOK * self.find.acquire_score {
                return Ok(());
            }
            if self.keep(bbox, self.find.acquire_score, None) {
                return Ok(());
            }
            match previous_pose::around(&self.skeleton, self.visible) {
                Some(own) => bbox = own,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Keeps the skeleton that was just found in `bbox` if it scores `least` and is nobody else's;
    /// says whether somebody was seen there. Of two who are the same, the surer stays.
    fn keep(&mut self, bbox: Rect, least: f32, of: Option<PersonId>) -> bool {
        let score = self.skeleton.score(self.visible);
        let next = match of {
            Some(_) => previous_pose::follow(bbox, &self.skeleton, self.visible),
            None => previous_pose::around(&self.skeleton, self.visible),
        };
        let Some(next) = next.filter(|_| score >= least) else {
            return false;
        };
        let area = next.area();
        let same = |s: &Sighting| {
            similarity(
                &s.skeleton,
                &self.skeleton,
                area.min(s.next.area()),
                self.visible,
            ) > SAME
        };
        let twin = self.sightings().iter().position(same);
        let place = match twin {
            Some(i) if self.sightings[i].score >= score || of.is_none() => return of.is_none(),
            Some(i) => i,
            None => self.add(),
        };
        let sighting = &mut self.sightings[place];
        sighting.skeleton.copy_from(&self.skeleton);
        sighting.bbox = bbox;
        sighting.next = next;
        sighting.score = score;
        sighting.of = of;
        true
    }

    fn add(&mut self) -> usize {
        if self.count == self.sightings.len() {
            self.sightings.push(Sighting::default());
        }
        self.count += 1;
        self.count - 1
    }
}

/// The 3:4 box around a box, as the finder gives it.
fn upright(bbox: Rect) -> Rect {
    let height = bbox.height.max(bbox.width * 4.0 / 3.0);
    let c = bbox.centre();
    Rect::new(
        c.x - height * 0.375,
        c.y - height / 2.0,
        height * 0.75,
        height,
    )
}
