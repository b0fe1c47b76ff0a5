//! Which named pose each person holds.
//!
//! In: the people of a frame, with its time, and the poses of the configuration. Out:
//! [`PoseEvent`]s, and which poses are active.
//!
//! A pose is a [`Rule`] on the skeleton and some timers. docs/rules.md is the manual of the rules.
//! A joint that is hidden makes a rule unknown, and unknown is never shown: nothing switches on, or
//! stays on, by a guess. All times come from the frames, so a recording replays to the same events.

mod error;
mod explain;
mod hold;
mod lex;
mod parse;
mod rule;
mod section;
mod sense;
#[cfg(test)]
mod tests;
mod torso;

pub use error::RuleError;
pub use explain::{Anatomy, Explanation, TermAnatomy, TermNow, Verdict};
pub use rule::{Rule, Unit};

use crate::skeleton::{Skeleton, Threshold};
use crate::track::{Person, PersonId};
use hold::HoldState;
use rule::View;
use std::sync::Arc;
use std::time::Duration;

/// How far beyond its rule an active pose stays, in margins.
const STAYS: f32 = -1.0;

/// A pose that has a name.
#[derive(Debug, Clone)]
pub struct Pose {
    pub name: Arc<str>,
    pub rule: Rule,
    /// Shown for this long, the pose is entered.
    pub hold: Duration,
    /// Not shown for this long, it is left.
    pub release: Duration,
    /// It is not entered again for this long after it was left.
    pub cooldown: Duration,
    /// While active, a [`EventKind::Hold`] comes every so often.
    pub repeat: Option<Duration>,
    /// How far beyond a limit an active pose stays, in torso lengths; [`Pose::MARGIN`] where none
    /// is given.
    pub margin: f32,
    /// The same for angles, in degrees; [`Pose::MARGIN_DEG`] where none is given.
    pub margin_deg: f32,
}

impl Pose {
    /// Torso lengths.
    pub const MARGIN: f32 = 0.1;
    /// Degrees.
    pub const MARGIN_DEG: f32 = 10.0;

    fn view<'a>(&self, sight: Sight<'a>, visible: Threshold) -> View<'a> {
        View {
            skeleton: sight.skeleton,
            share: sight.share,
            visible,
            margin: self.margin,
            margin_deg: self.margin_deg,
        }
    }
}

/// What is seen of a person in one frame.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    pub skeleton: &'a Skeleton,
    /// The share of the picture that the person covers; None where no segmentation network tells.
    pub share: Option<f32>,
}

/// What happened to a pose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    Enter,
    /// The pose is still active; only poses with `repeat` have it.
    Hold,
    Exit,
}

impl EventKind {
    /// The word that stands for it in JSON lines and in commands' environments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::Hold => "hold",
            Self::Exit => "exit",
        }
    }
}

/// A person entered, holds or left a pose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoseEvent {
    pub kind: EventKind,
    /// Place in [`Recogniser::poses`].
    pub pose: usize,
    pub person: PersonId,
    /// The frame's time.
    pub time: Duration,
    /// 0 to 1: the lowest score of the joints by which the rule held when it was last shown. Of
    /// parts joined by `or` those of the part that holds best count; of `not visible(a)` it is 1
    /// less the joint's score. The joints that only give the torso length do not count.
    pub confidence: f32,
    /// Time since the pose was entered; 0 for [`EventKind::Enter`].
    pub held: Duration,
}

/// Watches people for poses.
#[derive(Debug, Clone)]
pub struct Recogniser {
    poses: Vec<Pose>,
    visible: Threshold,
    people: Vec<Watched>,
    /// Kept for the next person, so that a run of years allocates no more.
    spare: Vec<Watched>,
    last: Option<Duration>,
}

#[derive(Debug, Clone)]
struct Watched {
    id: PersonId,
    seen: bool,
    /// Whether the last sight was within a margin of a pose.
    near: bool,
    /// One for each pose.
    states: Vec<HoldState>,
}

impl Recogniser {
    /// Watches for `poses`; `visible` is the score from which a joint counts as seen.
    pub fn new(poses: Vec<Pose>, visible: Threshold) -> Self {
        Self {
            poses,
            visible,
            people: Vec::new(),
            spare: Vec::new(),
            last: None,
        }
    }

    pub fn poses(&self) -> &[Pose] {
        &self.poses
    }

    /// Takes in a frame and fills `events` (cleared first): those who are away first, then person
    /// by person in the order of the poses. Several people may be in one pose, so an exit does not
    /// mean that nobody is in it any more.
    ///
    /// Only people who are seen at `time` count; the others show nothing, so that
    /// their poses are left after `release`, but for those who wait for their turn: nothing happens
    /// to their poses until it comes. If time runs backwards, every timer starts anew at
    /// `time`. Allocates nothing once it has had as many people at a time.
    pub fn update(&mut self, time: Duration, people: &[Person], events: &mut Vec<PoseEvent>) {
        events.clear();
        if self.last.is_some_and(|last| time < last) {
            self.restart(time);
        }
        self.last = Some(time);
        for watched in &mut self.people {
            let person = people.iter().find(|p| p.id == watched.id);
            let is_waiting = person.is_some_and(|p| p.is_waiting_at(time));
            watched.seen = is_waiting;
            if !is_waiting && !person.is_some_and(|p| p.is_seen_at(time)) {
                watched.step(&self.poses, time, None, self.visible, events);
            }
        }
        for person in people.iter().filter(|p| p.is_seen_at(time)) {
            let i = self.watch(person.id);
            let watched = &mut self.people[i];
            if !std::mem::replace(&mut watched.seen, true) {
                let sight = Sight {
                    skeleton: &person.skeleton,
                    share: person.share,
                };
                watched.step(&self.poses, time, Some(sight), self.visible, events);
            }
        }
        self.forget();
    }

    /// The poses of a person that are active now, as places in [`Self::poses`].
    pub fn active(&self, person: PersonId) -> impl Iterator<Item = usize> {
        let states = self
            .people
            .iter()
            .find(|w| w.id == person)
            .map_or(&[][..], |w| &w.states);
        states
            .iter()
            .enumerate()
            .filter(|(_, s)| s.is_active())
            .map(|(pose, _)| pose)
    }

    /// The poses that are active now, of whomever, as places in [`Self::poses`].
    pub fn held(&self) -> impl Iterator<Item = usize> {
        let anyone = |pose: usize| self.people.iter().any(|w| w.states[pose].is_active());
        (0..self.poses.len()).filter(move |&pose| anyone(pose))
    }

    /// Whether a person holds a pose, or was within a margin of one when last seen.
    pub fn is_near(&self, person: PersonId) -> bool {
        let watched = self.people.iter().find(|w| w.id == person);
        watched.is_some_and(|w| w.near || w.states.iter().any(HoldState::is_active))
    }

    /// What a single picture shows, without any timers: poses with their confidence, as in
    /// [`PoseEvent`].
    pub fn judge(&self, sight: Sight) -> impl Iterator<Item = (usize, f32)> {
        self.poses.iter().enumerate().filter_map(move |(i, pose)| {
            let judgement = pose.rule.judge(&pose.view(sight, self.visible));
            (judgement.low > 0.0).then_some((i, judgement.confidence))
        })
    }

    /// Leaves every active pose and forgets the people, for a lost source and for the program's
    /// end. `events` is cleared first.
    pub fn end(&mut self, time: Duration, events: &mut Vec<PoseEvent>) {
        events.clear();
        for watched in &mut self.people {
            for (pose, state) in watched.states.iter_mut().enumerate() {
                let confidence = state.confidence();
                let exit = state.exit(time);
                events.extend(exit.map(|(kind, held)| PoseEvent {
                    kind,
                    pose,
                    person: watched.id,
                    time,
                    confidence,
                    held,
                }));
            }
        }
        self.spare.append(&mut self.people);
        self.last = None;
    }

    fn watch(&mut self, id: PersonId) -> usize {
        if let Some(i) = self.people.iter().position(|w| w.id == id) {
            return i;
        }
        let mut watched = self.spare.pop().unwrap_or_else(|| Watched {
            id,
            seen: false,
            near: false,
            states: Vec::new(),
        });
        watched.id = id;
        watched.seen = false;
        watched.near = false;
        watched.states.clear();
        watched
            .states
            .resize(self.poses.len(), HoldState::default());
        self.people.push(watched);
        self.people.len() - 1
    }

    /// Drops those who are away and have nothing left to be timed.
    fn forget(&mut self) {
        while let Some(i) = self
            .people
            .iter()
            .position(|w| !w.seen && w.states.iter().all(HoldState::is_idle))
        {
            self.spare.push(self.people.remove(i));
        }
    }

    fn restart(&mut self, time: Duration) {
        for watched in &mut self.people {
            for (pose, state) in self.poses.iter().zip(&mut watched.states) {
                state.restart(pose, time);
            }
        }
    }
}

impl Watched {
    /// `sight` is `None` for someone absent, `visible` the score from which joints are seen.
    fn step(
        &mut self,
        poses: &[Pose],
        time: Duration,
        sight: Option<Sight>,
        visible: Threshold,
        events: &mut Vec<PoseEvent>,
    ) {
        self.near = false;
        for (i, (pose, state)) in poses.iter().zip(&mut self.states).enumerate() {
            let limit = if state.is_active() { STAYS } else { 0.0 };
            let judgement = sight.map(|sight| pose.rule.judge(&pose.view(sight, visible)));
            self.near |= judgement.as_ref().is_some_and(|j| j.low > STAYS);
            let shown = judgement.filter(|j| j.low > limit).map(|j| j.confidence);
            if let Some((kind, held)) = state.step(pose, time, shown) {
                events.push(PoseEvent {
                    kind,
                    pose: i,
                    person: self.id,
                    time,
                    confidence: state.confidence(),
                    held,
                });
            }
        }
    }
}
