//! A rule and how it is judged.
//!
//! In: what is seen of a person, or of everybody. Out: how surely the rule holds, as an interval of
//! slack, and the confidence.
//!
//! Every term gives a slack: how far it is from changing over, divided by its margin, positive
//! where it holds as written. A hidden joint makes it unknown: any slack is possible. `and` is the
//! least, `or` the greatest, `not` the negative, which on intervals is Kleene's three-valued logic:
//! `unknown or true` is true, `unknown and true` is unknown.
//!
//! Terms about time remember: [`Rule::observe`] is told of every frame, before the rule is judged in
//! it. Where nothing was remembered, as of a photo, they are unknown.

use super::STAYS;
use super::memory::{Change, Known, Memory, Run, Slot};
pub use super::term::Unit;
use super::term::{Spot, Term};
use super::torso::TorsoMeasure;
use super::view::View;
use std::time::Duration;

/// A condition on a person or on the scene, written in the language of docs/rules.md.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub(super) expression: Expression,
    pub(super) torso: TorsoMeasure,
    /// How many joints the model has.
    pub(super) joints: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    /// It holds once `inner` has held for `time` without a break.
    For {
        inner: Box<Expression>,
        time: Duration,
        slot: usize,
    },
    /// It holds for `within` after `inner` came to hold or to fail.
    Changed {
        inner: Box<Expression>,
        within: Duration,
        slot: usize,
    },
    Term(Term),
}

/// What a rule says of what is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judgement {
    /// The slack in margins is between these; infinite where unknown.
    pub low: f32,
    pub high: f32,
    /// How sure the network is of the joints by which the rule holds.
    pub confidence: f32,
    /// The same, should the rule not hold.
    pub doubt: f32,
}

impl Rule {
    /// The rule that holds where all of `rules`, of one model, hold. No rules at all never hold.
    pub fn all(rules: Vec<Self>) -> Self {
        let torso = rules.first().map(|r| r.torso.clone()).unwrap_or_default();
        let joints = rules.first().map_or(0, |r| r.joints);
        let mut parts = Vec::new();
        for rule in rules {
            match rule.expression {
                // Flat, so that a rule made of rules made of rules is no deeper than one.
                Expression::All(inner) if !inner.is_empty() => parts.extend(inner),
                other => parts.push(other),
            }
        }
        Self {
            expression: Expression::All(parts),
            torso,
            joints,
        }
    }

    /// Whether it says anything of the share of the picture that the person covers.
    pub fn needs_cover(&self) -> bool {
        let mut needs = false;
        self.expression
            .each_term(&mut |term| needs |= matches!(term, Term::Share { .. }));
        needs
    }

    /// The taught poses that it names.
    pub fn taught(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.expression.each_term(&mut |term| {
            if let Term::Like { pose, .. } = term {
                names.push(pose.name().to_string());
            }
        });
        names
    }

    /// Gives every term that remembers a place of its own from `next` on.
    pub(super) fn number(&mut self, next: &mut usize) {
        self.expression.number(next);
    }

    /// Adds what its terms remember, in the order of their places.
    pub(super) fn slots(&self, slots: &mut Vec<Slot>) {
        self.expression.slots(self.joints, slots);
    }

    /// Takes in a frame; `memory` is that of the person, or of the scene. Costs nothing where no
    /// term remembers.
    pub(super) fn observe(&self, view: &View, memory: &mut Memory) {
        if let Some(time) = view.sight.time {
            let torso = self.torso.pixels(view.sight.skeleton, view.visible);
            self.expression.observe(view, torso, time, memory);
        }
    }

    pub(super) fn judge(&self, view: &View) -> Judgement {
        let torso = self.torso.pixels(view.sight.skeleton, view.visible);
        self.expression.judge(view, torso)
    }
}

impl Expression {
    fn each_term(&self, f: &mut dyn FnMut(&Term)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|p| p.each_term(f)),
            Self::Not(inner) | Self::For { inner, .. } | Self::Changed { inner, .. } => {
                inner.each_term(f);
            }
            Self::Term(term) => f(term),
        }
    }

    fn number(&mut self, next: &mut usize) {
        let slot = match self {
            Self::All(parts) | Self::Any(parts) => {
                return parts.iter_mut().for_each(|p| p.number(next));
            }
            Self::Not(inner) => return inner.number(next),
            Self::For { inner, slot, .. } | Self::Changed { inner, slot, .. } => {
                inner.number(next);
                slot
            }
            Self::Term(Term::Speed { slot, .. } | Term::Still { slot, .. }) => slot,
            Self::Term(_) => return,
        };
        *slot = *next;
        *next += 1;
    }

    fn slots(&self, joints: usize, slots: &mut Vec<Slot>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|p| p.slots(joints, slots));
            }
            Self::Not(inner) => inner.slots(joints, slots),
            Self::For { inner, .. } => {
                inner.slots(joints, slots);
                slots.push(Slot::Run(Run::default()));
            }
            Self::Changed { inner, .. } => {
                inner.slots(joints, slots);
                slots.push(Slot::Change(Change::default()));
            }
            Self::Term(term) => slots.extend(term.trail(joints).map(Slot::Trail)),
        }
    }

    fn observe(&self, view: &View, torso: Option<f32>, time: Duration, memory: &mut Memory) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.observe(view, torso, time, memory);
                }
            }
            Self::Not(inner) => inner.observe(view, torso, time, memory),
            Self::For { inner, slot, .. } => {
                inner.observe(view, torso, time, memory);
                let judgement = inner.judge(&view.with(memory), torso);
                if let Some(Slot::Run(run)) = memory.slots.get_mut(*slot) {
                    let known = judgement.known_at(run.is_running());
                    run.step(time, known);
                }
            }
            Self::Changed { inner, slot, .. } => {
                inner.observe(view, torso, time, memory);
                let judgement = inner.judge(&view.with(memory), torso);
                if let Some(Slot::Change(change)) = memory.slots.get_mut(*slot) {
                    let known = judgement.known_at(change.is_holding());
                    change.step(time, known);
                }
            }
            Self::Term(Term::Speed { of, slot, .. }) => {
                if let Some(Slot::Trail(trail)) = memory.slots.get_mut(*slot) {
                    trail.step(time, std::iter::once(view.at(*of).map(|(point, _)| point)));
                }
            }
            Self::Term(Term::Still { slot, .. }) => {
                if let Some(Slot::Trail(trail)) = memory.slots.get_mut(*slot) {
                    let joints = 0..view.sight.skeleton.keypoints.len();
                    trail.step(
                        time,
                        joints.map(|i| view.steady(Spot(i, i)).map(|(p, _)| p)),
                    );
                }
            }
            Self::Term(_) => {}
        }
    }

    pub(super) fn judge(&self, view: &View, torso: Option<f32>) -> Judgement {
        match self {
            Self::Term(term) => term.judge(view, torso),
            Self::Not(inner) => inner.judge(view, torso).not(),
            Self::All(parts) => parts
                .iter()
                .map(|p| p.judge(view, torso))
                .reduce(Judgement::and)
                .unwrap_or(Judgement::UNKNOWN),
            Self::Any(parts) => parts
                .iter()
                .map(|p| p.judge(view, torso))
                .reduce(Judgement::or)
                .unwrap_or(Judgement::UNKNOWN),
            Self::For { inner, time, slot } => {
                let now = inner.judge(view, torso);
                match view.slot(*slot) {
                    Some(Slot::Run(run)) => for_so_long(now, run, *time, view.sight.time),
                    _ => Judgement::UNKNOWN,
                }
            }
            Self::Changed {
                inner,
                within,
                slot,
            } => {
                let now = inner.judge(view, torso);
                let age = match (view.slot(*slot), view.sight.time) {
                    (Some(Slot::Change(change)), Some(time)) => change.age(time),
                    _ => Err(()),
                };
                let score = now.confidence.max(now.doubt);
                age.map_or(Judgement::UNKNOWN, |age| {
                    Judgement::certain(age.is_some_and(|age| age < *within), score)
                })
            }
        }
    }
}

/// `now` once it has held for `time`; before that it fails by one to two margins, by as much as is
/// missing, so that nothing stays on by it.
fn for_so_long(now: Judgement, run: &Run, time: Duration, at: Option<Duration>) -> Judgement {
    let Some(length) = at.map(|at| run.length(at)) else {
        return Judgement::UNKNOWN;
    };
    match length {
        Some(length) if length >= time => now,
        _ if now.is_unknown() => Judgement::UNKNOWN,
        length => {
            let done = length.unwrap_or_default().as_secs_f32() / time.as_secs_f32();
            let score = if length.is_some() {
                now.confidence
            } else {
                now.doubt
            };
            Judgement::known(done - 2.0, score)
        }
    }
}

impl Judgement {
    pub const UNKNOWN: Self = Self {
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
        confidence: 0.0,
        doubt: 0.0,
    };

    pub fn known(slack: f32, score: f32) -> Self {
        let score = score.clamp(0.0, 1.0);
        Self {
            low: slack,
            high: slack,
            confidence: score,
            doubt: score,
        }
    }

    /// Without a margin: it holds or does not.
    pub fn certain(holds: bool, score: f32) -> Self {
        Self::known(
            if holds {
                f32::INFINITY
            } else {
                f32::NEG_INFINITY
            },
            score,
        )
    }

    fn is_unknown(self) -> bool {
        self.low < self.high
    }

    /// What is known where it is taken to hold until it fails by more than a margin.
    pub fn known_at(self, is_holding: bool) -> Known {
        let limit = if is_holding { STAYS } else { 0.0 };
        if self.low > limit {
            Known::Holds
        } else if self.high <= limit {
            Known::Fails
        } else {
            Known::Unknown
        }
    }

    pub fn not(self) -> Self {
        Self {
            low: -self.high,
            high: -self.low,
            confidence: self.doubt,
            doubt: self.confidence,
        }
    }

    /// Both parts decide that both hold; the one that holds least decides that they do not.
    pub fn and(self, other: Self) -> Self {
        let doubt = match self.high.total_cmp(&other.high) {
            std::cmp::Ordering::Less => self.doubt,
            std::cmp::Ordering::Greater => other.doubt,
            std::cmp::Ordering::Equal => self.doubt.max(other.doubt),
        };
        Self {
            low: self.low.min(other.low),
            high: self.high.min(other.high),
            confidence: self.confidence.min(other.confidence),
            doubt,
        }
    }

    /// A or B is not (not A and not B).
    pub fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}
