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
use crate::skeleton::{Skeleton, Threshold};

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

    fn judge(&self, view: &View, torso: Option<f32>) -> Judgement {
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
    fn judge(&self, view: &View, torso: Option<f32>) -> Judgement {
        let judgement = match self {
            Self::Visible(spots) => return Self::visible(spots, view),
            Self::Share { more, than } => view.share.map(|share| {
                let beyond = if *more { share - than } else { than - share };
                (beyond / (than * view.margin).max(LEAST_MARGIN), 1.0)
            }),
            Self::Apart {
                direction,
                from,
                to,
                by,
            } => view.pair(*from, *to).and_then(|([a, b], score)| {
                let gap = match direction {
                    Direction::Above => b.y - a.y,
                    Direction::Below => a.y - b.y,
                    Direction::LeftOf => b.x - a.x,
                    Direction::RightOf => a.x - b.x,
                };
                Some(((gap / torso? - by) / view.margin.max(LEAST_MARGIN), score))
            }),
            Self::Near { from, to, within } => view.pair(*from, *to).and_then(|([a, b], score)| {
                Some((
                    (within - a.distance(b) / torso?) / view.margin.max(LEAST_MARGIN),
                    score,
                ))
            }),
            Self::Angle {
                points: [a, b, c],
                low,
                high,
            } => view
                .pair(*a, *b)
                .zip(view.at(*c))
                .and_then(|(([a, b], score), (c, other))| {
                    Some((
                        view.range_slack(angle_deg(a, b, c)?, *low, *high),
                        score.min(other),
                    ))
                }),
            Self::Tilt {
                points: [a, b],
                low,
                high,
            } => view.pair(*a, *b).and_then(|([a, b], score)| {
                Some((view.range_slack(tilt_deg(a, b)?, *low, *high), score))
            }),
        };
        match judgement {
            Some((slack, score)) if !slack.is_nan() => Judgement::known(slack, score),
            _ => Judgement::UNKNOWN,
        }
    }

    /// Always known, and without a margin: a hidden joint is the answer here.
    fn visible(spots: &[Spot], view: &View) -> Judgement {
        let score = |joint: usize| {
            view.skeleton
                .keypoints
                .get(joint)
                .map_or(0.0, |k| k.score.clamp(0.0, 1.0))
        };
        let least = spots
            .iter()
            .map(|s| score(s.0).min(score(s.1)))
            .fold(1.0, f32::min);
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

impl View<'_> {
    /// Where a point is, with the lower score of its joints; `None` if one of them is hidden.
    fn at(&self, spot: Spot) -> Option<(Point, f32)> {
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

    /// How far inside `low`..`high` an angle lies. An end at 0 or 180 is no limit: nothing lies
    /// beyond it, and a straight arm must satisfy 150..180.
    fn range_slack(&self, degrees: f32, low: f32, high: f32) -> f32 {
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
        above.min(below) / self.margin_deg.max(LEAST_MARGIN)
    }
}
