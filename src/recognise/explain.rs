//! Why a pose holds, or does not.
//!
//! In: a pose and what is seen of a person. Out: each term of its rule with its value, and what it
//! says. By the same functions that the recogniser judges by.

use super::count::Count;
use super::memory::{Memory, Slot};
use super::rule::{Expression, Judgement};
use super::sequence::Sequence;
use super::term::{Spot, Term, Unit};
use super::view::{Company, Everybody, View};
use super::{Pose, STAYS, Sight, When};
use crate::geometry::Size;
use crate::skeleton::{KeypointSet, Threshold};
use std::time::Duration;

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

/// Of the scene in one frame.
#[derive(Debug, Clone, Copy)]
pub struct SceneSight<'a> {
    /// Of the picture.
    pub size: Size,
    /// The frame's; None of a photo.
    pub time: Option<Duration>,
    pub memory: &'a Memory,
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
        let mut parts = Vec::new();
        let rule = self.outline(&mut parts);
        let part = |part: &Part| {
            let (low, high) = part.limits(visible);
            TermAnatomy {
                text: part.written(joints),
                unit: part.unit(),
                low,
                high,
                margin: part.margin(self),
            }
        };
        Anatomy {
            rule,
            terms: parts.iter().map(part).collect(),
        }
    }

    /// Why the pose is shown by what is seen of a person, or is not; `active` where it is entered.
    pub fn explain(&self, sight: Sight, visible: Threshold, active: bool) -> Explanation {
        self.explain_view(self.view(sight, visible), active)
    }

    /// The same of a pose that is the scene's: by all who are there.
    pub fn explain_scene(
        &self,
        company: &[Company],
        scene: SceneSight,
        visible: Threshold,
        active: bool,
    ) -> Explanation {
        let sight = Sight::of_scene(scene.size, scene.time, scene.memory);
        let view = View {
            scene: Some(Everybody::Told(company)),
            ..self.view(sight, visible)
        };
        self.explain_view(view, active)
    }

    fn explain_view(&self, view: View, active: bool) -> Explanation {
        let limit = if active { STAYS } else { 0.0 };
        let mut parts = Vec::new();
        self.outline(&mut parts);
        let skeleton = view.sight.skeleton;
        let torso = self
            .rule()
            .and_then(|r| r.torso.pixels(skeleton, view.visible));
        let judgement = match &self.when {
            When::Rule(rule) | When::Scene(rule) => rule.judge(&view),
            // Of the moment alone nobody can tell.
            _ => Judgement::certain(active, 1.0),
        };
        let known = judgement.low == judgement.high && judgement.low.is_finite();
        Explanation {
            verdict: Verdict::of(&judgement, limit),
            slack: known.then_some(judgement.low - limit),
            terms: parts.iter().map(|part| part.now(&view, torso)).collect(),
        }
    }

    /// The text of what is shown with numbers for its parts, which are added to `parts`.
    fn outline<'p>(&'p self, parts: &mut Vec<Part<'p>>) -> String {
        match &self.when {
            When::Rule(rule) | When::Scene(rule) => {
                outline(&rule.expression, parts, Around::Nothing)
            }
            When::Sequence(sequence) => {
                let steps = 0..sequence.steps.len();
                parts.extend(steps.clone().map(|k| Part::Step(sequence, k)));
                let steps: Vec<String> = steps.map(|k| format!("#{k}")).collect();
                steps.join(", then ")
            }
            When::Count(count) => {
                parts.push(Part::Count(count));
                "#0".into()
            }
        }
    }
}

/// What is numbered in an outline.
enum Part<'p> {
    Term(&'p Term),
    /// `for 3`, after what must hold for so long.
    For(Duration, usize),
    /// `within 2`, after what changed.
    Within(Duration, usize),
    /// One of a sequence.
    Step(&'p Sequence, usize),
    Count(&'p Count),
}

impl Part<'_> {
    fn written(&self, joints: &KeypointSet) -> String {
        match self {
            Self::Term(term) => term.written(joints),
            Self::For(time, _) => format!("for {}", time.as_secs_f64()),
            Self::Within(time, _) => format!("within {}", time.as_secs_f64()),
            Self::Step(sequence, k) => sequence.steps[*k].text().into(),
            Self::Count(count) => count.text(),
        }
    }

    fn unit(&self) -> Unit {
        match self {
            Self::Term(term) => term.unit(),
            Self::For(..) | Self::Within(..) | Self::Step(..) => Unit::Seconds,
            Self::Count(_) => Unit::Times,
        }
    }

    fn limits(&self, visible: Threshold) -> (Option<f32>, Option<f32>) {
        match self {
            Self::Term(term) => term.limits(visible),
            Self::For(time, _) => (Some(time.as_secs_f32()), None),
            Self::Within(time, _) => (None, Some(time.as_secs_f32())),
            Self::Step(sequence, k) if k + 1 < sequence.steps.len() => {
                (None, Some(sequence.within.as_secs_f32()))
            }
            Self::Step(..) => (None, None),
            Self::Count(count) => (Some(count.goal as f32 - 1.0).filter(|g| *g >= 0.0), None),
        }
    }

    fn margin(&self, pose: &Pose) -> f32 {
        match self {
            Self::Term(term) => term.margin(pose.margin, pose.margin_deg),
            _ => 0.0,
        }
    }

    fn now(&self, view: &View, torso: Option<f32>) -> TermNow {
        let timer = |value: Option<Duration>, verdict| TermNow {
            value: value.map(|value| value.as_secs_f32()),
            verdict,
            hidden: Vec::new(),
            lacks_torso: false,
        };
        let told = |holds: bool| {
            if holds {
                Verdict::Holds
            } else {
                Verdict::Fails
            }
        };
        let time = view.sight.time.unwrap_or_default();
        match self {
            Self::Term(term) => term_now(term, view, torso),
            Self::For(least, slot) => match view.slot(*slot) {
                Some(Slot::Run(run)) => {
                    let length = run.length(time).unwrap_or_default();
                    timer(Some(length), told(run.is_running() && length >= *least))
                }
                _ => timer(None, Verdict::Unknown),
            },
            Self::Within(most, slot) => match view.slot(*slot) {
                Some(Slot::Change(change)) => match change.age(time) {
                    Ok(age) => timer(age, told(age.is_some_and(|age| age < *most))),
                    Err(()) => timer(None, Verdict::Unknown),
                },
                _ => timer(None, Verdict::Unknown),
            },
            // Time since it was last shown after all before it.
            Self::Step(sequence, k) => match view.slot(sequence.slot + k) {
                Some(Slot::Step(state)) => timer(
                    state.reached.map(|at| time.saturating_sub(at)),
                    told(state.reached.is_some()),
                ),
                _ => timer(None, Verdict::Unknown),
            },
            Self::Count(count) => match count.number(view.sight.memory) {
                Some(number) => TermNow {
                    value: Some(number as f32),
                    ..timer(None, told(count.goal > 0 && number >= count.goal))
                },
                None => timer(None, Verdict::Unknown),
            },
        }
    }
}

fn term_now(term: &Term, view: &View, torso: Option<f32>) -> TermNow {
    let spots = term.spots();
    let joints = spots.iter().flat_map(|s| [s.0, s.1]);
    let is_hidden = |&joint: &usize| view.at(Spot(joint, joint)).is_none();
    let mut hidden: Vec<usize> = joints.filter(is_hidden).collect();
    hidden.dedup();
    let value = term.measure(view, torso).map(|(value, _)| value);
    let in_torsos = matches!(term.unit(), Unit::Torsos | Unit::Speed);
    TermNow {
        verdict: Verdict::of(&term.judge(view, torso), 0.0),
        lacks_torso: in_torsos && hidden.is_empty() && torso.is_none(),
        value: value.filter(|v| v.is_finite()),
        hidden,
    }
}

/// What an expression is a part of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Around {
    Nothing,
    Any,
    All,
    Not,
    /// `for` stands after it.
    For,
}

/// The expression's text with numbers for its parts, which are added to `parts`.
fn outline<'e>(e: &'e Expression, parts: &mut Vec<Part<'e>>, around: Around) -> String {
    let mut join = |inner: &'e [Expression], word: &str, within: Around| {
        let inner = inner.iter().map(|p| outline(p, parts, within));
        inner.collect::<Vec<_>>().join(word)
    };
    let (text, is_loose) = match e {
        Expression::Term(term) => {
            parts.push(Part::Term(term));
            return format!("#{}", parts.len() - 1);
        }
        Expression::Not(inner) => {
            let text = format!("not {}", outline(inner, parts, Around::Not));
            (text, around == Around::For)
        }
        Expression::For { inner, time, slot } => {
            let inner = outline(inner, parts, Around::For);
            parts.push(Part::For(*time, *slot));
            let text = format!("{inner} #{}", parts.len() - 1);
            (text, around == Around::For)
        }
        Expression::Changed {
            inner,
            within,
            slot,
        } => {
            let inner = outline(inner, parts, Around::Nothing);
            parts.push(Part::Within(*within, *slot));
            return format!("changed({inner}) #{}", parts.len() - 1);
        }
        Expression::All(inner) | Expression::Any(inner) if inner.len() == 1 => {
            return outline(&inner[0], parts, around);
        }
        Expression::All(inner) => {
            let is_loose = matches!(around, Around::All | Around::Not | Around::For);
            (join(inner, " and ", Around::All), is_loose)
        }
        Expression::Any(inner) => {
            let is_loose = around != Around::Nothing;
            (join(inner, " or ", Around::Any), is_loose)
        }
    };
    if is_loose { format!("({text})") } else { text }
}
