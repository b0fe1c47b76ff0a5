//! Which places of a frame are worth an inference.
//!
//! In: a frame, a finder, the pose network, and whom the tracker knows. Out: everybody who is seen,
//! each once. Who is followed is looked for every frame where they will be, in turns where that is
//! more than may be. A finder that shows people looks every `look_again_s`, at once when somebody is
//! lost, and within `idle_fps` when the picture changes: at once in an empty room, and beside those
//! who are followed the more seldom the longer that brings nobody. One that only knows where to look
//! is gone through place by place. Whoever is shown beyond those who are followed gets one inference,
//! and a closer one where that is doubtful.

mod glance;
mod photo;
mod turns;

use crate::estimate::Estimator;
use crate::find::{FindSettings, Finder, Proposal, previous_pose};
use crate::frame::Frame;
use crate::geometry::{Rect, Size};
use crate::network::NetworkError;
use crate::skeleton::{Skeleton, Threshold, similarity};
use crate::steps::{Spent, Step};
use crate::track::{Person, PersonId, Sighting};
use glance::Glance;
use std::time::Duration;
use turns::Turns;

/// Skeletons more alike than this are two sights of one person.
const SAME: f32 = 0.4;
/// A box of the finder that overlaps a sight more shows the same person.
const KNOWN: f32 = 0.4;
/// Somebody new whose box overlaps a sight more must be surer by so much, and somebody who is followed to
/// be kept by half a skeleton alone: it may be half of the other.
const BESIDE: f32 = 0.02;
const SURER: f32 = 0.16;
/// A look at somebody who is followed counts if its score is so much higher.
const MORE: f32 = 0.1;
/// How often a find is cropped again around its own pose.
const REFINEMENTS: usize = 2;
/// The share of `acquire_score` from which a place is worth a second look around what it shows.
const WORTH_A_LOOK: f32 = 0.4;

/// What a frame is looked at with.
pub struct Eyes<'a> {
    pub finder: &'a mut dyn Finder,
    pub estimator: &'a mut Estimator,
    /// What that takes.
    pub spent: &'a mut Spent,
}

impl Eyes<'_> {
    fn propose(&mut self, frame: &Frame, places: &mut Vec<Proposal>) -> Result<(), NetworkError> {
        let find = || self.finder.propose(frame, places);
        self.spent.time(Step::Find, find)
    }

    fn propose_thoroughly(
        &mut self,
        frame: &Frame,
        places: &mut Vec<Proposal>,
    ) -> Result<(), NetworkError> {
        let find = || self.finder.propose_thoroughly(frame, places);
        self.spent.time(Step::Find, find)
    }

    fn estimate(
        &mut self,
        frame: &Frame,
        bbox: Rect,
        skeleton: &mut Skeleton,
    ) -> Result<(), NetworkError> {
        let estimate = || self.estimator.estimate(frame, bbox, skeleton);
        self.spent.time(Step::Estimate, estimate)
    }
}

/// So often at least an empty room is looked into in which nothing changes.
const EMPTY: Duration = Duration::from_secs(2);

/// Frames from one look to the next while somebody is followed; and where there is a reason to look.
const FRAMES: u32 = 10;
const SOON_FRAMES: u32 = 3;

/// Why a finder looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// The picture changed beside people who are all seen, and it is not time otherwise.
    OnlyChange,
    Other,
}

/// Carries what lasts from frame to frame.
pub struct Attention {
    find: FindSettings,
    visible: Threshold,
    turns: Turns,
    glance: Glance,
    /// When the finder looked last, or the last place was looked at.
    looked: Option<Duration>,
    /// Frames since then.
    frames: u32,
    /// How long a look that a change asks for waits for the one before.
    patience: Duration,
    /// What the finder showed, how far it was gone through, and in pictures of which size.
    places: Vec<Proposal>,
    next: usize,
    searched: Size,
    /// Places of a finder that shows nobody, to be looked at since somebody was found.
    unseen: usize,
    skeleton: Skeleton,
    /// Places for sightings; the first `count` are this frame's.
    sightings: Vec<Sighting>,
    count: usize,
    /// Who was looked for in this frame.
    looked_for: Vec<PersonId>,
    /// The boxes that were looked at in this frame.
    boxes: Vec<Rect>,
}

impl Attention {
    pub fn new(find: FindSettings, visible: Threshold) -> Self {
        Self {
            turns: Turns::new(find.max_inferences),
            patience: find.idle,
            find,
            visible,
            glance: Glance::default(),
            looked: None,
            frames: 0,
            places: Vec::new(),
            next: 0,
            searched: Size::default(),
            unseen: 0,
            skeleton: Skeleton::default(),
            sightings: Vec::new(),
            count: 0,
            looked_for: Vec::new(),
            boxes: Vec::new(),
        }
    }

    /// Looks at `frame` for `people`, and for others where it is time. Where it is not everybody's
    /// turn, those who are `near` a pose come first.
    ///
    /// # Errors
    /// A network failed; the next frame can be tried.
    pub fn frame(
        &mut self,
        frame: &Frame,
        eyes: &mut Eyes,
        people: &[Person],
        near: impl Fn(PersonId) -> bool,
    ) -> Result<(), NetworkError> {
        self.begin();
        self.frames = self.frames.saturating_add(1);
        let shows = eyes.finder.shows_people();
        let newcomers = shows && self.next < self.places.len();
        self.turns.choose(frame.time, people, near, newcomers);
        let mut lost = false;
        for i in 0..self.turns.chosen().len() {
            let person = &people[self.turns.chosen()[i]];
            let place = person.expected(frame.time);
            self.look(frame, place, eyes)?;
            self.looked_for.push(person.id);
            let kept = self.keep(place, self.find.keep_score, Some(person.id));
            lost |= !kept && !person.is_missing();
        }
        if shows {
            if let Some(reason) = self.reason(frame, people, lost) {
                self.look_around(frame, eyes, reason)?;
            }
            self.meet_those_shown(frame, eyes, people)
        } else {
            self.search(frame, eyes)
        }
    }

    /// Everybody who was seen in the last frame.
    pub fn sightings(&self) -> &[Sighting] {
        &self.sightings[..self.count]
    }

    /// Who was looked for in the last frame.
    pub fn looked_for(&self) -> &[PersonId] {
        &self.looked_for
    }

    /// The boxes that were looked at in the last frame, one an inference.
    pub fn boxes(&self) -> &[Rect] {
        &self.boxes
    }

    /// So many pose inferences a frame can be had from now on, beside what the settings allow.
    pub fn afford(&mut self, inferences: usize) {
        self.turns.afford(inferences);
    }

    /// The source is gone: the next frame is looked at anew.
    pub fn reset(&mut self) {
        self.begin();
        self.looked = None;
        self.patience = self.find.idle;
        self.glance.forget();
        self.places.clear();
        self.next = 0;
        self.unseen = 0;
    }

    fn begin(&mut self) {
        self.count = 0;
        self.looked_for.clear();
        self.boxes.clear();
    }

    fn look(&mut self, frame: &Frame, place: Rect, eyes: &mut Eyes) -> Result<(), NetworkError> {
        self.boxes.push(place);
        eyes.estimate(frame, place, &mut self.skeleton)
    }

    /// Why a finder that shows people should look at this frame, if it should.
    fn reason(&mut self, frame: &Frame, people: &[Person], lost: bool) -> Option<Reason> {
        let here = self.sightings[..self.count].iter().map(|s| s.next);
        let here = here.chain(waiting(people, frame.time));
        let changed = self.glance.changes(frame, here);
        let missing = people.iter().any(Person::is_missing);
        let soon = missing || changed && people.is_empty();
        let interval = match (soon, changed) {
            (true, _) => self.find.idle,
            (false, true) => self.patience.min(self.find.look_again),
            (false, false) if people.is_empty() => EMPTY.min(self.find.look_again),
            (false, false) => self.find.look_again,
        };
        if !changed && self.is_past(frame.time, self.patience) {
            // It was quiet for as long: the next change is news again.
            self.patience = self.find.idle;
        }
        // Whoever is lost may stand elsewhere in the picture.
        if lost {
            return Some(Reason::Other);
        }
        // On a slow board all its time would go to looking for others.
        let frames = match soon || changed {
            true => SOON_FRAMES,
            false => FRAMES,
        };
        let enough = people.is_empty() || self.frames >= frames;
        let reason = match changed && !soon && !self.is_past(frame.time, self.find.look_again) {
            true => Reason::OnlyChange,
            false => Reason::Other,
        };
        (enough && self.is_past(frame.time, interval)).then_some(reason)
    }

    fn is_past(&self, time: Duration, interval: Duration) -> bool {
        self.looked
            .is_none_or(|at| time < at || time.saturating_sub(at) >= interval)
    }

    fn look_around(
        &mut self,
        frame: &Frame,
        eyes: &mut Eyes,
        reason: Reason,
    ) -> Result<(), NetworkError> {
        let first = self.looked.replace(frame.time).is_none();
        self.frames = 0;
        self.next = 0;
        // A picture that always changes, a window to a street, is not looked at every time.
        if reason == Reason::OnlyChange {
            self.patience = (2 * self.patience).min(self.find.look_again.max(self.find.idle));
        }
        self.glance.keep();
        self.places.clear();
        if first {
            eyes.propose_thoroughly(frame, &mut self.places)
        } else {
            eyes.propose(frame, &mut self.places)
        }
    }

    /// Goes on with those whom the finder showed, as far as this frame has room for them.
    fn meet_those_shown(
        &mut self,
        frame: &Frame,
        eyes: &mut Eyes,
        people: &[Person],
    ) -> Result<(), NetworkError> {
        let others = waiting(people, frame.time).count();
        let mut first = true;
        while self.next < self.places.len() {
            if self.count + others >= self.find.max_people {
                self.next = self.places.len();
                break;
            }
            let place = self.places[self.next];
            if !self.is_known(place.bbox, waiting(people, frame.time)) {
                // One more than may be, rather than nobody new where everybody else takes it all.
                if !first && self.boxes.len() >= self.turns.most() {
                    break;
                }
                first = false;
                if self.meet(frame, place, eyes)? {
                    self.patience = self.find.idle;
                }
            }
            self.next += 1;
        }
        Ok(())
    }

    /// Looks at the next place of a finder that only knows where to look: while nobody is seen, and
    /// until all places were looked at once since somebody was found.
    fn search(&mut self, frame: &Frame, eyes: &mut Eyes) -> Result<(), NetworkError> {
        let alone = self.count == 0;
        if !alone && self.unseen == 0 && !self.is_past(frame.time, self.find.look_again) {
            return Ok(());
        }
        self.looked = Some(frame.time);
        self.unseen = self.unseen.saturating_sub(1);
        if frame.size != self.searched || self.next >= self.places.len() {
            eyes.propose(frame, &mut self.places)?;
            self.searched = frame.size;
            self.next = 0;
        }
        let Some(&place) = self.places.get(self.next) else {
            return Ok(());
        };
        self.next += 1;
        let found = self.count < self.find.max_people && self.meet(frame, place, eyes)?;
        if found && alone {
            self.unseen = self.places.len();
        }
        Ok(())
    }

    /// Whether somebody who was seen, or waits, stands where the finder shows somebody.
    fn is_known(&self, bbox: Rect, mut waiting: impl Iterator<Item = Rect>) -> bool {
        let bbox = bbox.upright();
        let known = |next: Rect| next.upright().iou(bbox) > KNOWN;
        self.sightings().iter().any(|s| known(s.next)) || waiting.any(known)
    }

    /// Looks at somebody new; closer, where they are doubtful in the finder's box. Says whether there
    /// is somebody who was not seen before.
    fn meet(
        &mut self,
        frame: &Frame,
        place: Proposal,
        eyes: &mut Eyes,
    ) -> Result<bool, NetworkError> {
        let upright = place.bbox.upright();
        let mut here = self.sightings().iter();
        let beside = here.any(|s| s.next.upright().iou(upright) > BESIDE);
        let least = self.acquire_score(place) + if beside { SURER } else { 0.0 };
        let mut bbox = place.bbox;
        let before = self.count;
        for round in 0..=REFINEMENTS {
            self.look(frame, bbox, eyes)?;
            let presence = self.skeleton.presence(self.visible);
            if round == 0 && presence < WORTH_A_LOOK * least {
                return Ok(false);
            }
            if self.keep(bbox, least, None) {
                break;
            }
            match previous_pose::around(&self.skeleton, self.visible) {
                Some(own) => bbox = own,
                None => break,
            }
        }
        Ok(self.count > before)
    }

    /// The presence from which a pose that is found there is a person.
    fn acquire_score(&self, place: Proposal) -> f32 {
        self.find.acquire_score + place.doubt
    }

    /// Keeps the skeleton that was just found in `bbox` if its presence is `least` (the score of somebody
    /// who is followed) and it is nobody else's;
    /// says whether somebody was seen there. Of two who are the same, the one stays who is surer and
    /// fills the box better.
    fn keep(&mut self, bbox: Rect, least: f32, of: Option<PersonId>) -> bool {
        let score = self.skeleton.score(self.visible);
        let around = previous_pose::around(&self.skeleton, self.visible);
        let presence = self.skeleton.presence(self.visible);
        let is_here = match of {
            Some(_) => score >= least || presence >= self.find.acquire_score + SURER,
            None => presence >= least,
        };
        let Some(own) = around.filter(|_| is_here) else {
            return false;
        };
        let next = match of {
            Some(_) => previous_pose::follow(bbox, &self.skeleton, self.visible),
            None => Some(own),
        };
        let next = next.unwrap_or(own);
        let same = |s: &Sighting| {
            let area = next.area().min(s.next.area());
            similarity(&s.skeleton, &self.skeleton, area, self.visible) > SAME
        };
        let twin = self.sightings().iter().position(same);
        let worse = |s: &Sighting| {
            let theirs = previous_pose::around(&s.skeleton, self.visible).unwrap_or(s.next);
            s.score * s.bbox.iou(theirs) < score * bbox.iou(own)
        };
        let (place, of) = match twin {
            // The finder shows more of somebody who is followed: a half that came from behind a table.
            Some(i) if of.is_none() && score > self.sightings[i].score + MORE => {
                (i, self.sightings[i].of)
            }
            Some(i) if of.is_none() || !worse(&self.sightings[i]) => return of.is_none(),
            Some(i) => (i, of),
            None => (self.add(), of),
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

/// Where those should be whose turn it is not.
fn waiting(people: &[Person], time: Duration) -> impl Iterator<Item = Rect> {
    let waiting = people.iter().filter(move |p| p.is_waiting_at(time));
    waiting.map(move |p| p.expected(time))
}
