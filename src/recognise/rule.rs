//! A rule and how it is judged.
//!
//! In: a skeleton. Out: how surely the rule holds, as an interval of slack, and the confidence.
//!
//! Every term gives a slack: how far it is from changing over, divided by its margin, positive
//! where it holds as written. A hidden joint makes it unknown: any slack is possible. `and` is the
//! least, `or` the greatest, `not` the negative, which on intervals is Kleene's three-valued logic:
//! `unknown or true` is true, `unknown and true` is unknown.

use super::torso::TorsoMeasure;
use crate::geometry::{Point, angle_deg, tilt_deg};
use crate::skeleton::{KeypointSet, Skeleton, Threshold};

/// The least margin, lest 0 divides.
const LEAST_MARGIN: f32 = 1e-6;

/// A condition on a skeleton, written in the language of docs/rules.md.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub(super) expression: Expression,
    pub(super) torso: TorsoMeasure,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Term(Term),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Apart {
        direction: Direction,
        from: Spot,
        to: Spot,
        by: f32,
    },
    Near {
        from: Spot,
        to: Spot,
        within: f32,
    },
    Angle {
        points: [Spot; 3],
        low: f32,
        high: f32,
    },
    Tilt {
        points: [Spot; 2],
        low: f32,
        high: f32,
    },
    Visible(Vec<Spot>),
    /// The share of the picture that the person covers is more, or less, than this.
    Share {
        more: bool,
        than: f32,
    },
}

/// In what a term's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Lengths of the person's torso.
    Torsos,
    Degrees,
    /// The lowest score of some joints, 0 to 1.
    Score,
    /// Of the picture, 0 to 1.
    Share,
}

/// As seen in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Direction {
    Above,
    Below,
    LeftOf,
    RightOf,
}

/// The mean of two joints, or one joint given twice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot(pub usize, pub usize);

/// What a rule says of a skeleton.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judgement {
    /// The slack in margins is between these; infinite where unknown.
    pub low: f32,
    pub high: f32,
    /// How sure the network is of the joints by which the rule holds.
    pub confidence: f32,
    /// The same, should the rule not hold.
    doubt: f32,
}

/// The skeleton and the scales by which a rule judges it.
pub(super) struct View<'a> {
    pub skeleton: &'a Skeleton,
    /// The share of the picture that the person covers; None where nothing tells.
    pub share: Option<f32>,
    /// The score from which a joint counts as seen.
    pub visible: Threshold,
    /// In torso lengths; of a share of the picture it is that part.
    pub margin: f32,
    pub margin_deg: f32,
}

impl Rule {
    /// The rule that holds where all of `rules`, of one model, hold. No rules at all never hold.
    pub fn all(rules: Vec<Self>) -> Self {
        let torso = rules.first().map(|r| r.torso.clone()).unwrap_or_default();
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
        }
    }

    /// Whether it says anything of the share of the picture that the person covers.
    pub fn needs_cover(&self) -> bool {
        self.expression.needs_cover()
    }

    pub(super) fn judge(&self, view: &View) -> Judgement {
        let torso = self.torso.pixels(view.skeleton, view.visible);
        self.expression.judge(view, torso)
    }
}

impl Expression {
    fn needs_cover(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::needs_cover),
            Self::Not(inner) => inner.needs_cover(),
            Self::Term(term) => matches!(term, Term::Share { .. }),
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
            // A or B is not (not A and not B).
            Self::Any(parts) => {
                let neither = parts
                    .iter()
                    .map(|p| p.judge(view, torso).not())
                    .reduce(Judgement::and);
                neither.map_or(Judgement::UNKNOWN, Judgement::not)
            }
        }
    }
}

impl Judgement {
    const UNKNOWN: Self = Self {
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
        confidence: 0.0,
        doubt: 0.0,
    };

    fn known(slack: f32, score: f32) -> Self {
        let score = score.clamp(0.0, 1.0);
        Self {
            low: slack,
            high: slack,
            confidence: score,
            doubt: score,
        }
    }

    fn not(self) -> Self {
        Self {
            low: -self.high,
            high: -self.low,
            confidence: self.doubt,
            doubt: self.confidence,
        }
    }

    /// Both parts decide that both hold; the one that holds least decides that they do not.
    fn and(self, other: Self) -> Self {
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
}

impl Term {
    pub(super) fn judge(&self, view: &View, torso: Option<f32>) -> Judgement {
        if let Self::Visible(spots) = self {
            return Self::visible(spots, view);
        }
        let judgement = self.measure(view, torso);
        match judgement.map(|(value, score)| (self.slack(value, view), score)) {
            Some((slack, score)) if !slack.is_nan() => Judgement::known(slack, score),
            _ => Judgement::UNKNOWN,
        }
    }

    /// What the term measures, in its [`Unit`], with the lowest score of the joints it is measured by;
    /// `None` where one of them is hidden.
    pub(super) fn measure(&self, view: &View, torso: Option<f32>) -> Option<(f32, f32)> {
        match self {
            Self::Visible(spots) => Some((view.least_score(spots), 1.0)),
            Self::Share { .. } => view.share.map(|share| (share, 1.0)),
            Self::Apart {
                direction,
                from,
                to,
                ..
            } => {
                let ([a, b], score) = view.pair(*from, *to)?;
                let gap = match direction {
                    Direction::Above => b.y - a.y,
                    Direction::Below => a.y - b.y,
                    Direction::LeftOf => b.x - a.x,
                    Direction::RightOf => a.x - b.x,
                };
                Some((gap / torso?, score))
            }
            Self::Near { from, to, .. } => {
                let ([a, b], score) = view.pair(*from, *to)?;
                Some((a.distance(b) / torso?, score))
            }
            Self::Angle {
                points: [a, b, c], ..
            } => {
                let ([a, b], score) = view.pair(*a, *b)?;
                let (c, other) = view.at(*c)?;
                Some((angle_deg(a, b, c)?, score.min(other)))
            }
            Self::Tilt { points: [a, b], .. } => {
                let ([a, b], score) = view.pair(*a, *b)?;
                Some((tilt_deg(a, b)?, score))
            }
        }
    }

    /// How far a measured value is from changing the term over, in margins.
    fn slack(&self, value: f32, view: &View) -> f32 {
        let margin = self.margin(view.margin, view.margin_deg).max(LEAST_MARGIN);
        match *self {
            Self::Apart { by, .. } => (value - by) / margin,
            Self::Near { within, .. } => (within - value) / margin,
            Self::Share { more, than } => {
                let beyond = if more { value - than } else { than - value };
                beyond / margin
            }
            Self::Angle { low, high, .. } | Self::Tilt { low, high, .. } => {
                range_slack(value, low, high) / margin
            }
            Self::Visible(_) => f32::NAN,
        }
    }

    /// How far beyond its limits an active pose stays, in the term's [`Unit`].
    pub(super) fn margin(&self, margin: f32, margin_deg: f32) -> f32 {
        match *self {
            Self::Apart { .. } | Self::Near { .. } => margin,
            Self::Share { than, .. } => than * margin,
            Self::Angle { .. } | Self::Tilt { .. } => margin_deg,
            Self::Visible(_) => 0.0,
        }
    }

    /// In what its values are.
    pub(super) fn unit(&self) -> Unit {
        match self {
            Self::Apart { .. } | Self::Near { .. } => Unit::Torsos,
            Self::Angle { .. } | Self::Tilt { .. } => Unit::Degrees,
            Self::Visible(_) => Unit::Score,
            Self::Share { .. } => Unit::Share,
        }
    }

    /// Between which values it holds; `None` where there is no limit. `visible` is the score from
    /// which a joint counts as seen.
    pub(super) fn limits(&self, visible: Threshold) -> (Option<f32>, Option<f32>) {
        match *self {
            Self::Apart { by, .. } => (Some(by), None),
            Self::Near { within, .. } => (None, Some(within)),
            Self::Share { more: true, than } => (Some(than), None),
            Self::Share { more: false, than } => (None, Some(than)),
            Self::Angle { low, high, .. } | Self::Tilt { low, high, .. } => {
                let within = |end: &f32| *end > 0.0 && *end < 180.0;
                (Some(low).filter(within), Some(high).filter(within))
            }
            Self::Visible(_) => (Some(visible.0), None),
        }
    }

    /// The points that it judges: where one is hidden, it is unknown.
    pub(super) fn spots(&self) -> Vec<Spot> {
        match self {
            Self::Apart { from, to, .. } | Self::Near { from, to, .. } => vec![*from, *to],
            Self::Angle { points, .. } => points.to_vec(),
            Self::Tilt { points, .. } => points.to_vec(),
            Self::Visible(spots) => spots.clone(),
            Self::Share { .. } => Vec::new(),
        }
    }

    /// As a rule may have written it.
    pub(super) fn written(&self, joints: &KeypointSet) -> String {
        let name = |spot: &Spot| {
            let joint = |i: usize| joints.names().get(i).map_or("?", String::as_str);
            match joint(spot.0).strip_prefix("left_") {
                Some(part) if spot.0 != spot.1 => format!("mid_{part}"),
                _ => joint(spot.0).to_string(),
            }
        };
        let list = |spots: &[Spot]| spots.iter().map(name).collect::<Vec<_>>().join(", ");
        match self {
            Self::Apart {
                direction,
                from,
                to,
                by,
            } => {
                let word = match direction {
                    Direction::Above => "above",
                    Direction::Below => "below",
                    Direction::LeftOf => "left_of",
                    Direction::RightOf => "right_of",
                };
                let by = match by {
                    0.0 => String::new(),
                    by => format!(" by {by}"),
                };
                format!("{} {word} {}{by}", name(from), name(to))
            }
            Self::Near { from, to, within } => {
                format!("{} near {} within {within}", name(from), name(to))
            }
            Self::Angle { points, low, high } => {
                format!("angle({}) in {low}..{high}", list(points))
            }
            Self::Tilt { points, low, high } => format!("tilt({}) in {low}..{high}", list(points)),
            Self::Visible(spots) => format!("visible({})", list(spots)),
            Self::Share { more, than } => {
                format!("person_area {} {than}", if *more { ">" } else { "<" })
            }
        }
    }

    /// Always known, and without a margin: a hidden joint is the answer here.
    fn visible(spots: &[Spot], view: &View) -> Judgement {
        let least = view.least_score(spots);
        let all = spots.iter().all(|&s| view.at(s).is_some());
        let slack = if all {
            f32::INFINITY
        } else {
            f32::NEG_INFINITY
        };
        Judgement {
            low: slack,
            high: slack,
            confidence: least,
            doubt: 1.0 - least,
        }
    }
}

/// How far inside `low`..`high` an angle lies, in degrees. An end at 0 or 180 is no limit: nothing
/// lies beyond it, and a straight arm must satisfy 150..180.
fn range_slack(degrees: f32, low: f32, high: f32) -> f32 {
    let above = if low <= 0.0 {
        f32::INFINITY
    } else {
        degrees - low
    };
    let below = if high >= 180.0 {
        f32::INFINITY
    } else {
        high - degrees
    };
    above.min(below)
}

impl View<'_> {
    /// Where a point is, with the lower score of its joints; `None` if one of them is hidden.
    pub fn at(&self, spot: Spot) -> Option<(Point, f32)> {
        let joint = |i: usize| {
            self.skeleton
                .keypoints
                .get(i)
                .filter(|k| self.visible.sees(k))
        };
        let a = joint(spot.0)?;
        let b = joint(spot.1)?;
        let point = a.position.midpoint(b.position);
        (point.x.is_finite() && point.y.is_finite()).then_some((point, a.score.min(b.score)))
    }

    fn pair(&self, a: Spot, b: Spot) -> Option<([Point; 2], f32)> {
        let ((a, score), (b, other)) = self.at(a).zip(self.at(b))?;
        Some(([a, b], score.min(other)))
    }

    /// The lowest score of all these points' joints, 0 to 1, seen or not.
    fn least_score(&self, spots: &[Spot]) -> f32 {
        let score = |joint: usize| {
            let keypoint = self.skeleton.keypoints.get(joint);
            keypoint.map_or(0.0, |k| k.score.clamp(0.0, 1.0))
        };
        let scores = spots.iter().map(|s| score(s.0).min(score(s.1)));
        scores.fold(1.0, f32::min)
    }
}
