//! A term: what of a person, or of the scene, a rule measures.
//!
//! In: what is seen. Out: a value in its unit, and how far that is from changing the term over.

use super::memory::Trail;
use super::rule::Judgement;
use super::view::View;
use crate::geometry::{angle_deg, tilt_deg};
use crate::skeleton::{KeypointSet, Threshold};
use crate::taught::Likeness;
use crate::zone::Zone;
use std::sync::Arc;
use std::time::Duration;

/// The least margin, lest 0 divides.
const LEAST_MARGIN: f32 = 1e-6;
/// A border in the picture has this part of a pose's margin, in shares of the picture's height: with
/// 0.1, a fiftieth.
const ZONE_MARGIN: f32 = 0.2;
/// For so long somebody is looked at to tell whether they are still.
pub(super) const STILL_OVER: Duration = Duration::from_secs(1);
/// Of fewer joints nobody can tell.
pub(super) const STILL_JOINTS: usize = 3;

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
    /// A point moves faster, or slower, in torso lengths a second over a time.
    Speed {
        of: Spot,
        more: bool,
        than: f32,
        over: Duration,
        slot: usize,
    },
    /// No joint has moved further, in torso lengths, within [`STILL_OVER`].
    Still {
        within: f32,
        slot: usize,
    },
    /// A part of the person is in a zone, or outside of it.
    Inside {
        part: Part,
        zone: Arc<Zone>,
        inside: bool,
    },
    /// How like a taught pose.
    Like {
        pose: Arc<Likeness>,
        more: bool,
        than: f32,
    },
    /// How many people there are, or how many of them stand in a zone.
    People {
        place: Option<(Arc<Zone>, Part)>,
        more: bool,
        than: u32,
    },
    /// Whether somebody holds a pose, or, with `all`, everybody who is there does.
    Held {
        pose: usize,
        name: Arc<str>,
        all: bool,
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
    /// Torso lengths a second.
    Speed,
    /// How far inside a zone, in shares of the picture's height; negative outside.
    Depth,
    /// How like a taught pose, 0 to 1.
    Likeness,
    Seconds,
    /// Of repetitions.
    Times,
    People,
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

/// What of a person can be in a zone.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Point(Spot),
    /// Any of these joints: hands, feet.
    Any(&'static str, Vec<Spot>),
    /// Where the person stands: these joints, or else the lowest that is seen.
    Person(Vec<Spot>),
}

impl Term {
    pub(super) fn judge(&self, view: &View, torso: Option<f32>) -> Judgement {
        match self {
            Self::Visible(spots) => return Self::visible(spots, view),
            Self::People {
                place: Some(place),
                more,
                than,
            } => return Self::people_in(place, *more, *than, view),
            Self::Inside { part, zone, inside } => {
                let within = part.depth(view, zone).judge(ZONE_MARGIN * view.margin);
                return if *inside { within } else { within.not() };
            }
            _ => {}
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
            Self::Share { .. } => view.sight.share.map(|share| (share, 1.0)),
            Self::Speed { of, slot, .. } => {
                let (now, score) = view.at(*of)?;
                let (age, mut then) = view.trail(*slot)?;
                let then = then.next().flatten()?;
                Some((now.distance(then) / torso? / age.as_secs_f32(), score))
            }
            Self::Still { slot, .. } => {
                let (moved, score) = view.moved(*slot)?;
                Some((moved / torso?, score))
            }
            Self::Inside { part, zone, .. } => part.depth(view, zone).value(),
            Self::Like { pose, .. } => pose.of(view.sight.skeleton, view.visible),
            Self::People { place, .. } => Some((view.count(place.as_ref())? as f32, 1.0)),
            Self::Held { pose, name, all } => {
                let mut holding = 0;
                let mut others = 0;
                view.scene?.each((*pose, name), |_, holds| match holds {
                    true => holding += 1,
                    false => others += 1,
                });
                let held = holding > 0 && (!all || others == 0);
                Some((if held { 1.0 } else { 0.0 }, 1.0))
            }
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
        let (low, high) = self.limits(view.visible);
        let above = low.map_or(f32::INFINITY, |low| value - low);
        let below = high.map_or(f32::INFINITY, |high| high - value);
        let inside = above.min(below);
        match self.unit() {
            // Whole numbers have no margin.
            Unit::People if inside > 0.0 => f32::INFINITY,
            Unit::People => f32::NEG_INFINITY,
            _ => inside / self.margin(view.margin, view.margin_deg).max(LEAST_MARGIN),
        }
    }

    /// How far beyond its limits an active pose stays, in the term's [`Unit`].
    pub(super) fn margin(&self, margin: f32, margin_deg: f32) -> f32 {
        match *self {
            Self::Apart { .. } | Self::Near { .. } => margin,
            Self::Still { .. } => margin,
            Self::Share { than, .. } | Self::Speed { than, .. } => than * margin,
            Self::Angle { .. } | Self::Tilt { .. } => margin_deg,
            Self::Inside { .. } => ZONE_MARGIN * margin,
            Self::Like { .. } => margin,
            Self::Visible(_) | Self::People { .. } | Self::Held { .. } => 0.0,
        }
    }

    /// In what its values are.
    pub(super) fn unit(&self) -> Unit {
        match self {
            Self::Apart { .. } | Self::Near { .. } => Unit::Torsos,
            Self::Angle { .. } | Self::Tilt { .. } => Unit::Degrees,
            Self::Still { .. } => Unit::Torsos,
            Self::Visible(_) => Unit::Score,
            Self::Share { .. } => Unit::Share,
            Self::Speed { .. } => Unit::Speed,
            Self::Inside { .. } => Unit::Depth,
            Self::Like { .. } => Unit::Likeness,
            Self::People { .. } | Self::Held { .. } => Unit::People,
        }
    }

    /// Between which values it holds; `None` where there is no limit. `visible` is the score from
    /// which a joint counts as seen.
    pub(super) fn limits(&self, visible: Threshold) -> (Option<f32>, Option<f32>) {
        match *self {
            Self::Apart { by, .. } => (Some(by), None),
            Self::Near { within, .. } => (None, Some(within)),
            Self::Share { more, than }
            | Self::Speed { more, than, .. }
            | Self::Like { more, than, .. } => match more {
                true => (Some(than), None),
                false => (None, Some(than)),
            },
            Self::Still { within, .. } => (None, Some(within)),
            Self::Inside { inside: true, .. } => (Some(0.0), None),
            Self::Inside { inside: false, .. } => (None, Some(0.0)),
            Self::People {
                more: true, than, ..
            } => (Some(than as f32), None),
            Self::People {
                more: false, than, ..
            } => (None, Some(than as f32)),
            Self::Held { .. } => (Some(0.0), None),
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
            Self::Speed { of, .. } => vec![*of],
            Self::Inside { part, .. } => match part {
                Part::Point(spot) => vec![*spot],
                Part::Any(_, spots) => spots.clone(),
                Part::Person(_) => Vec::new(),
            },
            Self::Share { .. }
            | Self::Still { .. }
            | Self::Like { .. }
            | Self::People { .. }
            | Self::Held { .. } => Vec::new(),
        }
    }

    /// Room for what it remembers of a person with so many joints.
    pub(super) fn trail(&self, joints: usize) -> Option<Trail> {
        match self {
            Self::Speed { over, .. } => Some(Trail::new(*over, 1)),
            Self::Still { .. } => Some(Trail::new(STILL_OVER, joints)),
            _ => None,
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
            Self::Share { more, than } => format!("person_area {} {than}", sign(*more)),
            Self::Speed {
                of,
                more,
                than,
                over,
                ..
            } => {
                let over = over.as_secs_f32();
                format!("speed({}) {} {than} over {over}", name(of), sign(*more))
            }
            Self::Still { within, .. } => format!("still within {within}"),
            Self::Inside { part, zone, inside } => {
                let part = match part {
                    Part::Point(spot) => name(spot),
                    Part::Any(word, _) => (*word).into(),
                    Part::Person(_) => "person".into(),
                };
                let word = if *inside { "in" } else { "outside" };
                format!("{part} {word} {}", zone.name)
            }
            Self::Like { pose, more, than } => {
                format!("like({}) {} {than}", pose.name(), sign(*more))
            }
            Self::People { place, more, than } => {
                let place = place.as_ref();
                let place = place.map_or(String::new(), |(zone, _)| format!(" in {}", zone.name));
                format!("people{place} {} {than}", sign(*more))
            }
            Self::Held { name, all, .. } => {
                format!("{}({name})", if *all { "all" } else { "any" })
            }
        }
    }

    /// So many people stand in a place where as many are deep enough in it: the border has its margin.
    fn people_in(place: &(Arc<Zone>, Part), more: bool, than: u32, view: &View) -> Judgement {
        // One more than so many must be inside, or so many must not.
        let rank = if more {
            than as usize + 1
        } else {
            than as usize
        };
        let Some(depth) = view.depth_of(place, rank) else {
            return Judgement::UNKNOWN;
        };
        let slack = depth / (ZONE_MARGIN * view.margin).max(LEAST_MARGIN);
        let judgement = Judgement::known(slack, 1.0);
        if more { judgement } else { judgement.not() }
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

fn sign(more: bool) -> &'static str {
    if more { ">" } else { "<" }
}

/// How far inside a zone something is, where that is known only in part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Depth {
    low: f32,
    high: f32,
    /// Of the joint that is furthest inside.
    score: f32,
    /// The lowest of all.
    least: f32,
}

impl Depth {
    const UNKNOWN: Self = Self {
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
        score: 0.0,
        least: 0.0,
    };

    fn judge(self, margin: f32) -> Judgement {
        let margin = margin.max(LEAST_MARGIN);
        Judgement {
            low: self.low / margin,
            high: self.high / margin,
            confidence: self.score.clamp(0.0, 1.0),
            doubt: self.least.clamp(0.0, 1.0),
        }
    }

    /// Where what is hidden changes nothing.
    fn value(self) -> Option<(f32, f32)> {
        (self.low >= self.high || self.low > 0.0).then_some((self.low, self.score))
    }

    pub fn is_inside(self) -> bool {
        self.low > 0.0
    }

    /// As far as is known.
    pub fn at_least(self) -> f32 {
        self.low
    }
}

impl Part {
    pub(super) fn depth(&self, view: &View, zone: &Zone) -> Depth {
        let known = |spot: Spot| {
            let (point, score) = view.at(spot)?;
            let depth = zone.depth(point, view.sight.size);
            Some(Depth {
                low: depth,
                high: depth,
                score,
                least: score,
            })
        };
        match self {
            Self::Point(spot) => known(*spot).unwrap_or(Depth::UNKNOWN),
            Self::Any(_, spots) => {
                let depths = spots.iter().map(|&s| known(s).unwrap_or(Depth::UNKNOWN));
                let deeper = |a: Depth, b: Depth| Depth {
                    low: a.low.max(b.low),
                    high: a.high.max(b.high),
                    score: if a.low >= b.low { a.score } else { b.score },
                    least: a.least.min(b.least),
                };
                depths.reduce(deeper).unwrap_or(Depth::UNKNOWN)
            }
            Self::Person(feet) => match view.stands(feet) {
                Some(spot) => known(spot).unwrap_or(Depth::UNKNOWN),
                None => Depth::UNKNOWN,
            },
        }
    }
}
