//! Why a pose holds, or does not.
//!
//! In: a pose and what is seen of a person. Out: each term of its rule with its value, and what it
//! says. By the same functions that the recogniser judges by.

use super::rule::{Expression, Judgement, Term, Unit};
use super::{Pose, STAYS, Sight};
use crate::skeleton::{KeypointSet, Threshold};

/// A rule taken apart: what stays the same from frame to frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Anatomy {
    /// The rule with `#0`, `#1` … in the place of its terms: `#0 and (#1 or not #2)`.
    pub rule: String,
    pub terms: Vec<TermAnatomy>,
}

/// A term of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct TermAnatomy {
    /// As the rule may have written it: `left_wrist above nose by 0.2`.
    pub text: String,
    pub unit: Unit,
    /// It holds above this value; `None` where there is no such limit.
    pub low: Option<f32>,
    /// It holds below this value.
    pub high: Option<f32>,
    /// How far beyond its limits an active pose stays, in the same unit.
    pub margin: f32,
}

/// What is said of a rule or a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    Fails,
    /// A joint is hidden on which it depends.
    Unknown,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Unknown => "unknown",
        }
    }

    fn of(judgement: &Judgement, limit: f32) -> Self {
        if judgement.low > limit {
            Self::Holds
        } else if judgement.high <= limit {
            Self::Fails
        } else {
            Self::Unknown
        }
    }
}

/// Why a pose is shown by somebody now, or is not.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Whether it is shown: as its rule is written, or, where it is active, within a margin of that.
    pub verdict: Verdict,
    /// How far it is from changing over, in margins: positive where it is shown. `None` where that
    /// is not known, and where nothing but what is seen decides.
    pub slack: Option<f32>,
    /// In the order of [`Anatomy::terms`].
    pub terms: Vec<TermNow>,
}

/// A term now, as it is written: a `not` before it is not counted in.
#[derive(Debug, Clone, PartialEq)]
pub struct TermNow {
    /// In the term's unit; `None` where a joint is hidden.
    pub value: Option<f32>,
    pub verdict: Verdict,
    /// The joints, by their index, that are hidden and should be seen.
    pub hidden: Vec<usize>,
    /// Too little of the body is seen to tell how long it is.
    pub lacks_torso: bool,
}

impl Pose {
    /// Takes the pose's rule apart; `joints` are those of the model, `visible` the score from which
    /// one counts as seen.
    ///
    /// ```
    /// # use posed::{config::*, recognise::*, skeleton::*};
    /// # let config = Config::parse(SAMPLE, "posed.toml".as_ref(), &Overrides::default()).unwrap();
    /// let hands_up = config.poses.iter().find(|p| &*p.name == "hands_up").unwrap();
    /// let anatomy = hands_up.anatomy(&KeypointSet::coco(), Threshold::DEFAULT);
    /// assert!(anatomy.rule.starts_with("#0 and #1"));
    /// assert_eq!(anatomy.terms[0].unit, Unit::Torsos);
    /// ```
    pub fn anatomy(&self, joints: &KeypointSet, visible: Threshold) -> Anatomy {
        let mut terms = Vec::new();
        let rule = outline(&self.rule.expression, &mut terms, Around::Nothing);
        let term = |term: &&Term| {
            let (low, high) = term.limits(visible);
            TermAnatomy {
                text: term.written(joints),
                unit: term.unit(),
                low,
                high,
                margin: term.margin(self.margin, self.margin_deg),
            }
        };
        Anatomy {
            rule,
            terms: terms.iter().map(term).collect(),
        }
    }

    /// Why the pose is shown by what is seen of a person, or is not; `active` where it is entered.
    pub fn explain(&self, sight: Sight, visible: Threshold, active: bool) -> Explanation {
        let view = self.view(sight, visible);
        let limit = if active { STAYS } else { 0.0 };
        let torso = self.rule.torso.pixels(view.skeleton, view.visible);
        let judgement = self.rule.judge(&view);
        let mut terms = Vec::new();
        outline(&self.rule.expression, &mut terms, Around::Nothing);
        let explained = terms.iter().map(|term| {
            let spots = term.spots();
            let joints = spots.iter().flat_map(|s| [s.0, s.1]);
            let mut hidden: Vec<usize> = joints
                .filter(|&joint| view.at(super::rule::Spot(joint, joint)).is_none())
                .collect();
            hidden.dedup();
            let value = term.measure(&view, torso).map(|(value, _)| value);
            TermNow {
                verdict: Verdict::of(&term.judge(&view, torso), 0.0),
                lacks_torso: term.unit() == Unit::Torsos && hidden.is_empty() && torso.is_none(),
                value: value.filter(|v| v.is_finite()),
                hidden,
            }
        });
        let known = judgement.low == judgement.high && judgement.low.is_finite();
        Explanation {
            verdict: Verdict::of(&judgement, limit),
            slack: known.then_some(judgement.low - limit),
            terms: explained.collect(),
        }
    }
}

/// What an expression is a part of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Around {
    Nothing,
    Any,
    All,
    Not,
}

/// The expression's text with numbers for its terms, which are added to `terms`.
fn outline<'e>(e: &'e Expression, terms: &mut Vec<&'e Term>, around: Around) -> String {
    let mut join = |parts: &'e [Expression], word: &str, within: Around| {
        let parts = parts.iter().map(|p| outline(p, terms, within));
        parts.collect::<Vec<_>>().join(word)
    };
    let (text, is_loose) = match e {
        Expression::Term(term) => {
            terms.push(term);
            return format!("#{}", terms.len() - 1);
        }
        Expression::Not(inner) => {
            return format!("not {}", outline(inner, terms, Around::Not));
        }
        Expression::All(parts) | Expression::Any(parts) if parts.len() == 1 => {
            return outline(&parts[0], terms, around);
        }
        Expression::All(parts) => {
            let is_loose = matches!(around, Around::All | Around::Not);
            (join(parts, " and ", Around::All), is_loose)
        }
        Expression::Any(parts) => {
            let is_loose = around != Around::Nothing;
            (join(parts, " or ", Around::Any), is_loose)
        }
    };
    if is_loose { format!("({text})") } else { text }
}
