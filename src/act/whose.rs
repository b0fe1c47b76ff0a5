//! Whose poses drive an output, where it is not just anybody's.
//!
//! In: who is there in a frame, and what they hold. Out: when the one who counts, or all of them,
//! come to hold a pose or hold it no more.

use crate::geometry::{Rect, Size};
use crate::recognise::EventKind;
use std::time::Duration;

/// Whose poses drive an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Who {
    /// Anybody's.
    #[default]
    Any,
    /// Everybody has to hold it, and somebody has to be there.
    All,
    /// That of the person with the largest box.
    Largest,
    /// That of the person whose box is nearest to the middle of the picture.
    NearestCentre,
}

/// As the file has them.
pub(super) const WHO: &[(&str, Who)] = &[
    ("any", Who::Any),
    ("all", Who::All),
    ("largest", Who::Largest),
    ("nearest_centre", Who::NearestCentre),
];

/// Somebody who is there in a frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Present {
    pub id: u32,
    pub bbox: Rect,
    /// Of the picture.
    pub size: Size,
    /// The poses that they hold, by their indices, with how sure that is.
    pub poses: Vec<(usize, f32)>,
}

/// Another person counts only if that is so much clearer: two who are alike would take turns.
const CLEARER: f32 = 1.25;

/// The one who counts now, and what of the output's poses is held.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    person: Option<u32>,
    held: Vec<(usize, Held)>,
}

/// Who holds a pose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Held {
    /// Where it is everybody, the first of them.
    pub person: u32,
    pub confidence: f32,
    pub since: Duration,
}

impl Chosen {
    /// Chooses among those who are there.
    pub fn look(&mut self, who: Who, people: &[Present]) {
        let best = people
            .iter()
            .max_by(|a, b| weight(who, a).total_cmp(&weight(who, b)));
        let now = people.iter().find(|p| Some(p.id) == self.person);
        self.person = match (best, now) {
            (Some(best), Some(now)) if weight(who, best) <= weight(who, now) * CLEARER => {
                Some(now.id)
            }
            (best, _) => best.map(|p| p.id),
        };
    }

    /// Who holds a pose so that it counts.
    pub fn holder(
        &self,
        who: Who,
        pose: usize,
        people: &[Present],
        time: Duration,
    ) -> Option<Held> {
        let held = |p: &Present| {
            let found = p.poses.iter().find(|(held, _)| *held == pose);
            found.map(|&(_, confidence)| Held {
                person: p.id,
                confidence,
                since: time,
            })
        };
        if who == Who::All {
            let mut least: Option<Held> = None;
            for person in people {
                let held = held(person)?;
                least = Some(least.map_or(held, |least| Held {
                    confidence: least.confidence.min(held.confidence),
                    ..least
                }));
            }
            return least;
        }
        let chosen = people.iter().find(|p| Some(p.id) == self.person);
        chosen.and_then(held)
    }

    /// Keeps who holds a pose now; gives what that changes.
    pub fn hold(&mut self, pose: usize, holder: Option<Held>) -> Option<(EventKind, Held)> {
        let before = self.held.iter().position(|(p, _)| *p == pose);
        match (before, holder) {
            (None, Some(held)) => {
                self.held.push((pose, held));
                Some((EventKind::Enter, held))
            }
            (Some(place), None) => {
                let (_, held) = self.held.swap_remove(place);
                Some((EventKind::Exit, held))
            }
            (Some(place), Some(held)) => {
                self.held[place].1.person = held.person;
                None
            }
            (None, None) => None,
        }
    }

    /// Whether what this person goes on holding, or does once more, counts.
    pub fn includes(&self, who: Who, pose: usize, person: u32) -> bool {
        match who {
            Who::All => self
                .held
                .iter()
                .any(|(p, held)| *p == pose && held.person == person),
            _ => self.person == Some(person),
        }
    }
}

/// How much a person counts.
fn weight(who: Who, person: &Present) -> f32 {
    let area = person.bbox.area().max(1.0);
    match who {
        Who::NearestCentre => {
            let middle = person.size.rect().centre();
            1.0 / (1.0 + middle.distance(person.bbox.centre()))
        }
        _ => area,
    }
}
