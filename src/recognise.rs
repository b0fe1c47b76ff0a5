//! Which named pose each person holds.
//!
//! In: the people of a frame, with its time, and the poses of the configuration. Out:
//! [`PoseEvent`]s, and which poses are active.
//!
//! A pose is a [`Rule`] on the skeleton and some timers, or several poses one after another; what was
//! done so often, and what the scene shows, are told of in the same way. docs/rules.md is the manual.
//! A joint that is hidden makes a rule unknown, and unknown is never shown: nothing switches on, or
//! stays on, by a guess. All times come from the frames, so a recording replays to the same events.

mod count;
mod error;
mod explain;
mod hold;
mod lex;
mod memory;
mod parse;
mod rule;
mod section;
mod sense;
mod sequence;
mod term;
#[cfg(test)]
mod tests;
mod torso;
mod view;
mod watched;
mod words;

pub use count::Count;
pub use error::RuleError;
pub use explain::{Anatomy, Explanation, SceneSight, TermAnatomy, TermNow, Verdict};
pub use memory::Memory;
pub use rule::{Rule, Unit};
pub use section::{Surroundings, read_count, read_pose, read_scene};
pub use sequence::Sequence;
pub use torso::torso_px;
pub use words::Words;

use crate::geometry::Size;
use crate::skeleton::{Skeleton, Threshold};
use crate::track::{Person, PersonId};
use hold::HoldState;
use std::sync::Arc;
use std::time::Duration;
pub use view::Company;
use view::{Everybody, View};
use watched::{Frame, Watched};

/// How far beyond its rule an active pose stays, in margins.
const STAYS: f32 = -1.0;

/// When a pose is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// By a person of whom this holds.
    Rule(Rule),
    /// By a person who showed these, one after another.
    Sequence(Sequence),
    /// By whoever did something so often.
    Count(Count),
    /// By the scene, of which this holds: by [`SCENE`] and not by one of the people.
    Scene(Rule),
}

/// Who shows what is true of the scene, and of everybody's counts: nobody of the people, whose
/// numbers begin with 1.
pub const SCENE: PersonId = PersonId(0);

/// A pose that has a name.
#[derive(Debug, Clone)]
pub struct Pose {
    pub name: Arc<str>,
    pub when: When,
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

    /// The rule of a pose that is shown where one holds.
    pub fn rule(&self) -> Option<&Rule> {
        match &self.when {
            When::Rule(rule) | When::Scene(rule) => Some(rule),
            When::Sequence(_) | When::Count(_) => None,
        }
    }

    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match &self.when {
            When::Rule(_) => "rule",
            When::Sequence(_) => "sequence",
            When::Count(_) => "count",
            When::Scene(_) => "scene",
        }
    }

    /// Whether it counts how often something is done.
    pub fn counts(&self) -> bool {
        matches!(self.when, When::Count(_))
    }

    /// Whether nobody alone shows it, but the scene or all together.
    pub fn is_of_scene(&self) -> bool {
        match &self.when {
            When::Scene(_) => true,
            When::Count(count) => count.is_total,
            When::Rule(_) | When::Sequence(_) => false,
        }
    }

    fn view<'a>(&self, sight: Sight<'a>, visible: Threshold) -> View<'a> {
        View {
            sight,
            scene: None,
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
    /// Of the picture.
    pub size: Size,
    /// The frame's; None of a photo.
    pub time: Option<Duration>,
    /// What is remembered of the person; [`Memory::NONE`] of a photo.
    pub memory: &'a Memory,
}

impl<'a> Sight<'a> {
    /// Of nobody alone.
    fn of_scene(size: Size, time: Option<Duration>, memory: &'a Memory) -> Self {
        static NOBODY: Skeleton = Skeleton {
            keypoints: Vec::new(),
        };
        Self {
            skeleton: &NOBODY,
            share: None,
            size,
            time,
            memory,
        }
    }
}

/// What happened to a pose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    Enter,
    /// The pose is still active; only poses with `repeat` have it.
    Hold,
    Exit,
    /// Something was done once more, or counting began anew.
    Count,
}

impl EventKind {
    pub const ALL: [Self; 4] = [Self::Enter, Self::Hold, Self::Exit, Self::Count];

    /// The word that stands for it in JSON lines and in commands' environments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::Hold => "hold",
            Self::Exit => "exit",
            Self::Count => "count",
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
    /// How often it was done, of [`EventKind::Count`]; 0 where counting begins anew.
    pub count: Option<u32>,
}

/// Watches people for poses.
#[derive(Debug, Clone)]
pub struct Recogniser {
    poses: Vec<Pose>,
    visible: Threshold,
    people: Vec<Watched>,
    /// Kept for the next person, so that a run of years allocates no more.
    spare: Vec<Watched>,
    scene: Watched,
    /// What is remembered of somebody new.
    blank: Memory,
    last: Option<Duration>,
}

impl Recogniser {
    /// Watches for `poses`; `visible` is the score from which a joint counts as seen.
    pub fn new(mut poses: Vec<Pose>, visible: Threshold) -> Self {
        let (blank, scene) = watched::memories(&mut poses);
        Self {
            scene: Watched::new(SCENE, poses.len(), scene),
            poses,
            visible,
            people: Vec::new(),
            spare: Vec::new(),
            blank,
            last: None,
        }
    }

    pub fn poses(&self) -> &[Pose] {
        &self.poses
    }

    /// Takes in a frame, whose picture is of this size, and fills `events` (cleared first): those who
    /// are away first, then person by person, of each the poses in their order, then sequences, then
    /// counts; last the scene. Several people may be in one pose, so an exit does not mean that nobody
    /// is in it any more.
    ///
    /// Only people who are seen at `time` count; the others show nothing, so that
    /// their poses are left after `release`, but for those who wait for their turn: nothing happens
    /// to their poses until it comes. If time runs backwards, every timer starts anew at
    /// `time`. Allocates nothing once it has had as many people at a time.
    pub fn update(
        &mut self,
        time: Duration,
        size: Size,
        people: &[Person],
        events: &mut Vec<PoseEvent>,
    ) {
        events.clear();
        if self.last.is_some_and(|last| time < last) {
            self.restart(time);
        }
        self.last = Some(time);
        let mut frame = Frame {
            poses: &self.poses,
            time,
            size,
            visible: self.visible,
            events,
        };
        for watched in &mut self.people {
            let person = people.iter().find(|p| p.id == watched.id);
            let is_waiting = person.is_some_and(|p| p.is_waiting_at(time));
            watched.seen = is_waiting;
            if !is_waiting && !person.is_some_and(|p| p.is_seen_at(time)) {
                watched.step(&mut frame, None, &mut self.scene);
            }
        }
        for person in people.iter().filter(|p| p.is_seen_at(time)) {
            let i = watched::place(
                &mut self.people,
                &mut self.spare,
                person.id,
                (self.poses.len(), &self.blank),
            );
            let watched = &mut self.people[i];
            if !std::mem::replace(&mut watched.seen, true) {
                watched.step(&mut frame, Some(person), &mut self.scene);
            }
        }
        let everybody = Everybody::Tracked {
            people,
            watched: &self.people,
            time,
        };
        self.scene.step_scene(&mut frame, everybody);
        self.forget(people);
    }

    /// The poses of a person that are active now, as places in [`Self::poses`].
    pub fn active(&self, person: PersonId) -> impl Iterator<Item = usize> {
        self.watched(person).into_iter().flat_map(Watched::active)
    }

    /// The same with their confidence, as in [`PoseEvent`].
    pub fn holding(&self, person: PersonId) -> impl Iterator<Item = (usize, f32)> {
        let watched = self.watched(person).into_iter();
        watched.flat_map(|w| w.active().map(|pose| (pose, w.states[pose].confidence())))
    }

    /// What is remembered of a person.
    pub fn memory(&self, person: PersonId) -> &Memory {
        self.watched(person).map_or(&memory::NOTHING, |w| &w.memory)
    }

    /// How often a person did what is counted, as places in [`Self::poses`]; of [`SCENE`] what
    /// everybody did.
    pub fn counts(&self, person: PersonId) -> impl Iterator<Item = (usize, u32)> {
        let memory = self.memory(person);
        let of_scene = person == SCENE;
        let poses = self.poses.iter().enumerate();
        poses.filter_map(move |(pose, p)| match &p.when {
            When::Count(count) if count.is_total == of_scene => Some((pose, count.number(memory)?)),
            _ => None,
        })
    }

    fn watched(&self, person: PersonId) -> Option<&Watched> {
        if person == SCENE {
            return Some(&self.scene);
        }
        self.people.iter().find(|w| w.id == person)
    }

    /// The poses that are active now, of whomever, as places in [`Self::poses`].
    pub fn held(&self) -> impl Iterator<Item = usize> {
        let anyone = |pose: usize| {
            let mut all = self.people.iter().chain([&self.scene]);
            all.any(|w| w.is_in(pose))
        };
        (0..self.poses.len()).filter(move |&pose| anyone(pose))
    }

    /// Whether a person holds a pose, was within a margin of one when last seen, or is on the way
    /// through a sequence.
    pub fn is_near(&self, person: PersonId) -> bool {
        let watched = self.watched(person);
        watched.is_some_and(|w| w.near || w.active().next().is_some())
    }

    /// What a single picture shows, without any timers: poses with their confidence, as in
    /// [`PoseEvent`].
    pub fn judge(&self, sight: Sight) -> impl Iterator<Item = (usize, f32)> {
        self.poses.iter().enumerate().filter_map(move |(i, pose)| {
            let When::Rule(rule) = &pose.when else {
                return None;
            };
            let judgement = rule.judge(&pose.view(sight, self.visible));
            (judgement.low > 0.0).then_some((i, judgement.confidence))
        })
    }

    /// Leaves every active pose and forgets the people, for a lost source and for the program's
    /// end. `events` is cleared first.
    pub fn end(&mut self, time: Duration, events: &mut Vec<PoseEvent>) {
        events.clear();
        for watched in self.people.iter_mut().chain([&mut self.scene]) {
            watched.leave(time, events);
        }
        self.spare.append(&mut self.people);
        self.scene.become_new(SCENE);
        self.last = None;
    }

    /// Drops those who are lost for good and have nothing left to be timed.
    fn forget(&mut self, people: &[Person]) {
        let is_known = |w: &Watched| people.iter().any(|p| p.id == w.id);
        let is_over = |w: &Watched| !w.seen && w.states.iter().all(HoldState::is_idle);
        while let Some(i) = self.people.iter().position(|w| is_over(w) && !is_known(w)) {
            self.spare.push(self.people.remove(i));
        }
    }

    fn restart(&mut self, time: Duration) {
        for watched in self.people.iter_mut().chain([&mut self.scene]) {
            watched.restart(&self.poses, time);
        }
    }
}
