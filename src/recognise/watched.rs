//! Somebody who is watched for poses: the timers and what is remembered, frame by frame. The scene is
//! one of those, too.

use super::count::{Count, CountState};
use super::hold::HoldState;
use super::memory::{Memory, NOTHING, Slot};
use super::sequence::{Step, StepState, advance};
use super::view::{Everybody, View};
use super::{EventKind, Pose, PoseEvent, STAYS, Sight, When};
use crate::geometry::Size;
use crate::skeleton::Threshold;
use crate::track::{Person, PersonId};
use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub id: PersonId,
    pub seen: bool,
    /// Whether the last sight was within a margin of a pose, or a sequence is on its way.
    pub near: bool,
    /// One for each pose.
    pub states: Vec<HoldState>,
    pub memory: Memory,
}

/// What a step takes in, and whom it tells.
pub(super) struct Frame<'a> {
    pub poses: &'a [Pose],
    pub time: Duration,
    pub size: Size,
    pub visible: Threshold,
    pub events: &'a mut Vec<PoseEvent>,
}

/// Gives what remembers a place of its own; gives the memories of somebody new and of the scene.
pub(super) fn memories(poses: &mut [Pose]) -> (Memory, Memory) {
    let mut person = Memory::default();
    let mut scene = Memory::default();
    for pose in poses {
        match &mut pose.when {
            When::Rule(rule) => remember(rule, &mut person),
            When::Scene(rule) => remember(rule, &mut scene),
            When::Sequence(sequence) => {
                for step in &mut sequence.steps {
                    if let Step::Rule(rule, _) = step {
                        remember(rule, &mut person);
                    }
                }
                sequence.slot = person.slots.len();
                let states = sequence.steps.iter();
                let states = states.map(|_| Slot::Step(StepState::default()));
                person.slots.extend(states);
            }
            When::Count(count) => {
                count.slot = person.slots.len();
                person.slots.push(Slot::Count(CountState::default()));
                count.total = scene.slots.len();
                scene.slots.push(Slot::Count(CountState::default()));
            }
        }
    }
    (person, scene)
}

fn remember(rule: &mut super::Rule, memory: &mut Memory) {
    rule.number(&mut memory.slots.len().clone());
    rule.slots(&mut memory.slots);
}

/// The place of a person among `people`; of somebody new made from `spare` or `(poses, blank)`.
pub(super) fn place(
    people: &mut Vec<Watched>,
    spare: &mut Vec<Watched>,
    id: PersonId,
    (poses, blank): (usize, &Memory),
) -> usize {
    if let Some(i) = people.iter().position(|w| w.id == id) {
        return i;
    }
    let mut watched = spare
        .pop()
        .unwrap_or_else(|| Watched::new(id, poses, blank.clone()));
    watched.become_new(id);
    people.push(watched);
    people.len() - 1
}

impl Watched {
    pub fn new(id: PersonId, poses: usize, memory: Memory) -> Self {
        Self {
            id,
            seen: false,
            near: false,
            states: vec![HoldState::default(); poses],
            memory,
        }
    }

    pub fn become_new(&mut self, id: PersonId) {
        self.id = id;
        self.seen = false;
        self.near = false;
        self.states.fill(HoldState::default());
        self.memory.clear();
    }

    pub fn is_in(&self, pose: usize) -> bool {
        self.states.get(pose).is_some_and(HoldState::is_active)
    }

    /// The poses that are active, by their places.
    pub fn active(&self) -> impl Iterator<Item = usize> {
        let states = self.states.iter().enumerate();
        states.filter(|(_, s)| s.is_active()).map(|(pose, _)| pose)
    }

    /// Takes in a frame of a person; `None` of somebody absent. What everybody counts together is the
    /// scene's.
    pub fn step(&mut self, frame: &mut Frame, person: Option<&Person>, scene: &mut Self) {
        self.near = false;
        if person.is_none() {
            self.memory.miss(frame.time);
        }
        let poses = frame.poses;
        for (i, pose) in poses.iter().enumerate() {
            if let When::Rule(rule) = &pose.when {
                let limit = self.limit(i);
                let judgement = person.map(|person| {
                    let view = view(frame, pose, person);
                    rule.observe(&view, &mut self.memory);
                    rule.judge(&view.with(&self.memory))
                });
                self.near |= judgement.as_ref().is_some_and(|j| j.low > STAYS);
                let shown = judgement.filter(|j| j.low > limit).map(|j| j.confidence);
                self.time(frame, i, shown);
            }
        }
        for (i, pose) in poses.iter().enumerate() {
            if let When::Sequence(_) = &pose.when {
                let shown = self.sequence(frame, i, person);
                self.time(frame, i, shown);
            }
        }
        for (i, pose) in poses.iter().enumerate() {
            if let When::Count(count) = &pose.when {
                let shown = self
                    .count(frame, i, count, scene)
                    .filter(|_| person.is_some());
                if !count.is_total {
                    self.time(frame, i, shown);
                }
            }
        }
    }

    /// Takes in a frame of the scene, after everybody in it.
    pub fn step_scene(&mut self, frame: &mut Frame, everybody: Everybody) {
        let poses = frame.poses;
        for (i, pose) in poses.iter().enumerate() {
            let shown = match &pose.when {
                When::Scene(rule) => {
                    let sight = Sight::of_scene(frame.size, Some(frame.time), &NOTHING);
                    let view = View {
                        scene: Some(everybody),
                        ..pose.view(sight, frame.visible)
                    };
                    rule.observe(&view, &mut self.memory);
                    let judgement = rule.judge(&view.with(&self.memory));
                    (judgement.low > self.limit(i)).then_some(judgement.confidence)
                }
                When::Count(count) if count.is_total => {
                    let is_asked = count.is_asked_to_reset(|pose| everybody.is_held(pose));
                    self.begin_anew(frame, i, count.total, is_asked);
                    let state = self.memory.count(count.total);
                    state.filter(|s| count.is_reached(s)).map(|_| 1.0)
                }
                _ => continue,
            };
            self.time(frame, i, shown);
        }
    }

    /// How little a pose must be shown: an active one stays for a margin.
    fn limit(&self, pose: usize) -> f32 {
        if self.is_in(pose) { STAYS } else { 0.0 }
    }

    /// Runs a pose's timers.
    fn time(&mut self, frame: &mut Frame, i: usize, shown: Option<f32>) {
        let pose = &frame.poses[i];
        let state = &mut self.states[i];
        if let Some((kind, held)) = state.step(pose, frame.time, shown) {
            frame.events.push(PoseEvent {
                kind,
                pose: i,
                person: self.id,
                time: frame.time,
                confidence: state.confidence(),
                held,
                count: None,
            });
        }
    }

    /// How surely a sequence's last step is shown, after all before it.
    fn sequence(&mut self, frame: &Frame, i: usize, person: Option<&Person>) -> Option<f32> {
        let pose = &frame.poses[i];
        let When::Sequence(sequence) = &pose.when else {
            return None;
        };
        let mut confidence = 0.0;
        for (k, step) in sequence.steps.iter().enumerate() {
            let Step::Rule(rule, _) = step else {
                if let Step::Pose(pose, _) = step {
                    confidence = self.states[*pose].confidence();
                }
                continue;
            };
            let judgement = person.map(|person| {
                let view = view(frame, pose, person);
                rule.observe(&view, &mut self.memory);
                rule.judge(&view.with(&self.memory))
            });
            let judgement = judgement.unwrap_or(super::rule::Judgement::UNKNOWN);
            if let Some(Slot::Step(state)) = self.memory.slots.get_mut(sequence.slot + k) {
                let known = judgement.known_at(state.run.is_running());
                state.run.step(frame.time, known);
            }
            confidence = judgement.confidence;
        }
        let from = sequence.slot;
        let states = &self.states;
        let slots = &mut self.memory.slots[from..from + sequence.steps.len()];
        let mut shown = [false; Step::MOST];
        for (k, step) in sequence.steps.iter().enumerate() {
            shown[k] = match (step, &slots[k]) {
                (Step::Pose(pose, _), _) => states[*pose].is_active(),
                (Step::Rule(..), Slot::Step(state)) => state.run.is_running(),
                _ => false,
            };
        }
        let complete = advance(
            slots,
            sequence.within,
            sequence.all_within,
            frame.time,
            |k| shown[k],
        );
        let on_its_way = |slot: &Slot| matches!(slot, Slot::Step(s) if s.reached.is_some());
        self.near |= slots.iter().any(on_its_way);
        complete.then_some(confidence)
    }

    /// Takes in a frame for a count: what is whole is told. How surely the goal is reached.
    fn count(
        &mut self,
        frame: &mut Frame,
        i: usize,
        count: &Count,
        scene: &mut Self,
    ) -> Option<f32> {
        let states = &self.states;
        let holds = |pose: usize| states[pose].is_active();
        let is_whole = count.repeat(self.memory.count(count.slot)?, holds);
        let confidence = count.confidence(|pose| states[pose].confidence());
        let total = match count.is_total {
            true => scene.memory.count(count.total)?,
            false => self.memory.count(count.slot)?,
        };
        if is_whole {
            Count::add(total, frame.time);
            let number = total.number;
            // What all do together is nobody's.
            match count.is_total {
                true => scene.tell(frame, i, number, confidence),
                false => self.tell(frame, i, number, confidence),
            }
        } else if !count.is_total {
            let is_asked = count.is_asked_to_reset(|pose| self.is_in(pose));
            self.begin_anew(frame, i, count.slot, is_asked);
        }
        let state = self.memory.count(count.slot)?;
        count.is_reached(state).then_some(confidence)
    }

    fn begin_anew(&mut self, frame: &mut Frame, i: usize, slot: usize, is_asked: bool) {
        let (When::Count(count), Some(state)) = (&frame.poses[i].when, self.memory.count(slot))
        else {
            return;
        };
        if count.reset(state, frame.time, is_asked) {
            self.tell(frame, i, 0, 1.0);
        }
    }

    fn tell(&self, frame: &mut Frame, i: usize, number: u32, confidence: f32) {
        frame.events.push(PoseEvent {
            kind: EventKind::Count,
            pose: i,
            person: self.id,
            time: frame.time,
            confidence,
            held: Duration::ZERO,
            count: Some(number),
        });
    }

    /// Ends every active pose.
    pub fn leave(&mut self, time: Duration, events: &mut Vec<PoseEvent>) {
        for (pose, state) in self.states.iter_mut().enumerate() {
            let confidence = state.confidence();
            let exit = state.exit(time);
            events.extend(exit.map(|(kind, held)| PoseEvent {
                kind,
                pose,
                person: self.id,
                time,
                confidence,
                held,
                count: None,
            }));
        }
    }

    /// Starts every timer anew at `time`, which lies before the last frame's. Counts stay.
    pub fn restart(&mut self, poses: &[Pose], time: Duration) {
        for (pose, state) in poses.iter().zip(&mut self.states) {
            state.restart(pose, time);
        }
        self.memory.restart(time);
    }
}

fn view<'a>(frame: &Frame, pose: &Pose, person: &'a Person) -> View<'a> {
    let sight = Sight {
        skeleton: &person.skeleton,
        share: person.share,
        size: frame.size,
        time: Some(frame.time),
        memory: &NOTHING,
    };
    pose.view(sight, frame.visible)
}
