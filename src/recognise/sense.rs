//! Whether a rule can hold at all.
//!
//! In: a rule. Out: the parts of it that exclude each other, where that is certain.
//!
//! The rule is made an `or` of `and`s, and each of these is looked at for a contradiction: points
//! that lie above each other in a circle, ranges without common numbers, a joint that must be seen
//! and hidden. Points count as free of each other, so nothing is refused that a body could show; much
//! that no body can do is not noticed.

use super::rule::{Expression, Rule};
use super::term::{Direction, Part, Spot, Term};
use crate::skeleton::KeypointSet;
use crate::zone::Zone;
use std::sync::Arc;
use std::time::Duration;

/// A rule of more alternatives is not looked at: they multiply.
const MOST_WAYS: usize = 256;

/// A term that must hold, or with `not` one that must not.
type Literal<'a> = (&'a Term, bool);

impl Rule {
    /// Parts of the rule that exclude each other, in words, so that it can never hold; `None` where
    /// it can, or where that is not certain.
    pub fn contradiction(&self, joints: &KeypointSet) -> Option<String> {
        let ways = ways(&self.expression, true)?;
        if ways.is_empty() || ways.iter().any(|way| !is_contradictory(way)) {
            return None;
        }
        let core = core(&ways[0]);
        let said: Vec<String> = core
            .iter()
            .map(|literal| format!("`{}`", written(literal, joints)))
            .collect();
        Some(match &said[..] {
            [alone] => format!("{alone} cannot be"),
            _ => format!("{} exclude each other", said.join(" and ")),
        })
    }
}

/// The ways in which `expression` comes to be `holds`; `None` where they are too many.
fn ways(expression: &Expression, holds: bool) -> Option<Vec<Vec<Literal<'_>>>> {
    match expression {
        Expression::Term(term) => Some(vec![vec![(term, holds)]]),
        Expression::Not(inner) => ways(inner, !holds),
        // What holds for some time holds now.
        Expression::For { inner, .. } if holds => ways(inner, true),
        Expression::For { .. } | Expression::Changed { .. } => Some(vec![Vec::new()]),
        Expression::All(parts) if holds => product(parts, holds),
        Expression::Any(parts) if !holds => product(parts, holds),
        Expression::All(parts) | Expression::Any(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(ways(part, holds)?);
                if all.len() > MOST_WAYS {
                    return None;
                }
            }
            Some(all)
        }
    }
}

fn product(parts: &[Expression], holds: bool) -> Option<Vec<Vec<Literal<'_>>>> {
    let mut all = vec![Vec::new()];
    for part in parts {
        let more = ways(part, holds)?;
        if all.len() * more.len() > MOST_WAYS {
            return None;
        }
        let joined = all.iter().flat_map(|way| {
            let join = |end: &Vec<_>| way.iter().chain(end).copied().collect::<Vec<_>>();
            more.iter().map(join)
        });
        all = joined.collect();
    }
    Some(all)
}

/// As few of the literals as still exclude each other.
fn core<'a>(way: &[Literal<'a>]) -> Vec<Literal<'a>> {
    let mut core = way.to_vec();
    let mut i = 0;
    while i < core.len() {
        let mut without = core.clone();
        without.remove(i);
        if is_contradictory(&without) {
            core = without;
        } else {
            i += 1;
        }
    }
    core
}

fn is_contradictory(way: &[Literal]) -> bool {
    is_circle(way, false)
        || is_circle(way, true)
        || is_hidden_and_seen(way)
        || way.iter().any(|(term, _)| is_out_of_range(way, term))
}

/// Whether points would lie above (or with `across`, left of) themselves. Each literal is
/// `to - from > by`; a circle of them asks for a number above itself.
fn is_circle(way: &[Literal], across: bool) -> bool {
    let mut steps: Vec<(Spot, Spot, f32)> = Vec::new();
    for &(term, holds) in way {
        match term {
            Term::Apart {
                direction,
                from,
                to,
                by,
            } => {
                let (low, high) = match direction {
                    Direction::Above | Direction::LeftOf => (*from, *to),
                    Direction::Below | Direction::RightOf => (*to, *from),
                };
                let is_across = matches!(direction, Direction::LeftOf | Direction::RightOf);
                if is_across == across {
                    steps.push(if holds {
                        (low, high, *by)
                    } else {
                        (high, low, -by)
                    });
                }
            }
            Term::Near { from, to, within } if holds => {
                steps.push((*from, *to, -within));
                steps.push((*to, *from, -within));
            }
            _ => {}
        }
    }
    let mut spots: Vec<Spot> = Vec::new();
    for (from, to, _) in &steps {
        for spot in [from, to] {
            if !spots.contains(spot) {
                spots.push(*spot);
            }
        }
    }
    let place = |spot: &Spot| spots.iter().position(|s| s == spot);
    // The longest way from each point to each (Floyd and Warshall).
    let n = spots.len();
    let mut longest = vec![vec![f32::NEG_INFINITY; n]; n];
    for (from, to, by) in &steps {
        if let (Some(i), Some(j)) = (place(from), place(to)) {
            longest[i][j] = longest[i][j].max(*by);
        }
    }
    for k in 0..n {
        for i in 0..n {
            for j in 0..n {
                let through = longest[i][k] + longest[k][j];
                longest[i][j] = longest[i][j].max(through);
            }
        }
        if (0..n).any(|i| longest[i][i] >= 0.0) {
            return true;
        }
    }
    false
}

/// The joints that must be seen where the term holds.
fn joints(term: &Term) -> impl Iterator<Item = usize> {
    let either = matches!(
        term,
        Term::Inside {
            part: Part::Any(..),
            ..
        }
    );
    let spots = if either { Vec::new() } else { term.spots() };
    spots.into_iter().flat_map(|spot| [spot.0, spot.1])
}

fn is_hidden_and_seen(way: &[Literal]) -> bool {
    let is_hiding = |(term, holds): &Literal| matches!(term, Term::Visible(_)) && !holds;
    let seen: Vec<usize> = way
        .iter()
        .filter(|literal| !is_hiding(literal))
        .flat_map(|(term, _)| joints(term))
        .collect();
    way.iter()
        .filter(|literal| is_hiding(literal))
        .any(|(term, _)| joints(term).all(|joint| seen.contains(&joint)))
}

/// Whether no number is left for what `of` measures, by all literals that measure the same.
fn is_out_of_range(way: &[Literal], of: &Term) -> bool {
    let Some((what, ..)) = measured(of) else {
        return false;
    };
    // What is measured lies between the first numbers, and in none of the others.
    let mut left = vec![(f32::NEG_INFINITY, f32::INFINITY)];
    match of {
        Term::Share { .. } => left = vec![(0.0, 1.0)],
        // Never below 0.
        Term::Speed { .. } | Term::Still { .. } => left = vec![(0.0, f32::INFINITY)],
        _ => {}
    }
    for &(term, holds) in way {
        let Some((same, low, high)) = measured(term) else {
            continue;
        };
        if same == what {
            let allowed = if holds {
                vec![(low, high)]
            } else {
                vec![(f32::NEG_INFINITY, low), (high, f32::INFINITY)]
            };
            let both = |a: &(f32, f32), b: &(f32, f32)| (a.0.max(b.0), a.1.min(b.1));
            left = left
                .iter()
                .flat_map(|a| allowed.iter().map(move |b| both(a, b)))
                .filter(|(low, high)| low < high)
                .collect();
        }
    }
    left.is_empty()
}

/// What a term measures, and between which numbers that lies where it holds; endless where nothing
/// lies beyond.
fn measured(term: &Term) -> Option<(Measured, f32, f32)> {
    let open = |low: f32, high: f32| {
        let low = if low <= 0.0 { f32::NEG_INFINITY } else { low };
        let high = if high >= 180.0 { f32::INFINITY } else { high };
        (low, high)
    };
    Some(match *term {
        Term::Angle {
            points: [a, b, c],
            low,
            high,
        } => {
            let (low, high) = open(low, high);
            let (a, c) = ordered(a, c);
            (Measured::Angle(a, b, c), low, high)
        }
        Term::Tilt {
            points: [a, b],
            low,
            high,
        } if ordered(a, b) == (a, b) => {
            let (low, high) = open(low, high);
            (Measured::Tilt(a, b), low, high)
        }
        // Upside down.
        Term::Tilt {
            points: [a, b],
            low,
            high,
        } => {
            let (low, high) = open(180.0 - high, 180.0 - low);
            (Measured::Tilt(b, a), low, high)
        }
        Term::Near { from, to, within } => {
            let (from, to) = ordered(from, to);
            // A distance is never below 0: within 0 is nowhere.
            let from_nothing = if within > 0.0 { f32::NEG_INFINITY } else { 0.0 };
            (Measured::Distance(from, to), from_nothing, within)
        }
        Term::Share { more: true, than } => (Measured::Share, than, f32::INFINITY),
        Term::Share { more: false, than } => (Measured::Share, f32::NEG_INFINITY, than),
        Term::Speed {
            of,
            more,
            than,
            over,
            ..
        } => {
            let (low, high) = beyond(more, than);
            (Measured::Speed(of, over), low, high)
        }
        Term::Still { within, .. } => (Measured::Still, f32::NEG_INFINITY, within),
        Term::Inside {
            ref part,
            ref zone,
            inside,
        } => {
            let (low, high) = beyond(inside, 0.0);
            (Measured::Depth(part.clone(), Arc::clone(zone)), low, high)
        }
        Term::Held { pose, all, .. } => (Measured::Held(pose, all), 0.5, f32::INFINITY),
        Term::People {
            place: None,
            more: true,
            than,
        } => (Measured::People, than as f32 + 0.5, f32::INFINITY),
        Term::People {
            place: None,
            more: false,
            than,
        } => (Measured::People, f32::NEG_INFINITY, than as f32 - 0.5),
        _ => return None,
    })
}

#[derive(PartialEq)]
enum Measured {
    Angle(Spot, Spot, Spot),
    Tilt(Spot, Spot),
    Distance(Spot, Spot),
    Share,
    People,
    Speed(Spot, Duration),
    Still,
    Depth(Part, Arc<Zone>),
    Held(usize, bool),
}

/// More than a number, or less.
fn beyond(more: bool, than: f32) -> (f32, f32) {
    match more {
        true => (than, f32::INFINITY),
        false => (f32::NEG_INFINITY, than),
    }
}

fn ordered(a: Spot, b: Spot) -> (Spot, Spot) {
    if (a.0, a.1) <= (b.0, b.1) {
        (a, b)
    } else {
        (b, a)
    }
}

/// A literal as the rule may have written it.
fn written(&(term, holds): &Literal, joints: &KeypointSet) -> String {
    let text = term.written(joints);
    if holds { text } else { format!("not {text}") }
}
