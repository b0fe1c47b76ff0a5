//! Who is who, from frame to frame.
//!
//! In: the skeletons found in a frame, with its time. Out: people with an identity that lasts,
//! their joints smoothed. Persons and sights are assigned so that they are most alike in all (Kuhn
//! and Munkres), by OKS and by how far boxes overlap, where each person would be if they went on as
//! they did.

pub mod one_euro;
mod person;
#[cfg(test)]
mod tests;

pub use person::{Person, PersonId};

use crate::geometry::Rect;
use crate::mask::Mask;
use crate::settings::Section;
use crate::skeleton::{Skeleton, Threshold, similarity};
use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;
use std::time::Duration;

/// How joints are smoothed and how long a person who is out of sight keeps the same number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackSettings {
    /// Cut-off of the One-Euro filter at rest, in hertz; lower is steadier, 0 switches smoothing
    /// off.
    pub min_cutoff_hz: f32,
    /// How much the cut-off rises with speed, in hertz for each body height a second; higher lags
    /// less.
    pub beta: f32,
    /// A person unseen for longer is someone new.
    pub forget: Duration,
    /// The score from which a joint counts as seen.
    pub visible: Threshold,
}

impl Default for TrackSettings {
    fn default() -> Self {
        Self {
            min_cutoff_hz: 1.5,
            beta: 6.0,
            forget: Duration::from_secs(1),
            visible: Threshold::DEFAULT,
        }
    }
}

const MIN_CUTOFF: &str = "cut-off of the One-Euro filter at rest, in hertz: lower is steadier, 0 \
                          smooths nothing";

/// Reads the section `[smooth]`; `visible` is the file's.
pub fn read(s: &mut Section, visible: Threshold) -> TrackSettings {
    let or = TrackSettings::default();
    TrackSettings {
        min_cutoff_hz: s
            .number("min_cutoff_hz", MIN_CUTOFF, 0.0..=100.0)
            .or(or.min_cutoff_hz),
        beta: s
            .number(
                "beta",
                "how much the cut-off rises with speed: higher lags less",
                0.0..=1000.0,
            )
            .or(or.beta),
        forget: s
            .seconds(
                "forget_s",
                "a person unseen for longer is someone new",
                0.0..=3600.0,
            )
            .or(or.forget),
        visible,
    }
}

/// Somebody seen in this frame.
#[derive(Debug, Clone, Default)]
pub struct Sighting {
    pub skeleton: Skeleton,
    /// The box in which the person was found.
    pub bbox: Rect,
    /// The box to look in next.
    pub next: Rect,
    pub score: f32,
    /// Who was looked for there; None of somebody whom the finder showed.
    pub of: Option<PersonId>,
}

/// Keeps the people of a video apart.
#[derive(Debug, Clone)]
pub struct Tracker {
    settings: TrackSettings,
    people: Vec<Person>,
    spare: Vec<Person>,
    next: u32,
    nobody: u32,
    /// Person, sight and how alike they are.
    pairs: Vec<(usize, usize, f32)>,
    taken: Vec<bool>,
    predicted: Skeleton,
}

/// Numbers from here on are of those who were seen once only; nobody is told of them.
const NOBODY_YET: u32 = 1 << 31;

/// The number after `id`, in a row from `first` on that begins anew after half of all numbers.
fn following(id: u32, first: u32) -> u32 {
    if (id + 1).is_multiple_of(NOBODY_YET) {
        first
    } else {
        id + 1
    }
}

/// Skeletons less alike than this are different people.
const SAME_PERSON: f32 = 0.2;
/// Added to the likeness of a sight in the box in which the person was looked for: little, since who
/// stands before them is found there as well.
const LOOKED_FOR: f32 = 0.05;
/// Likeness as whole numbers, which can be summed in any order.
const LIKENESS_STEPS: f32 = 10_000.0;
/// Boxes that overlap more than this are the same person even if the pose has changed much.
const SAME_BOX: f32 = 0.3;
/// The share of the smaller of two upright boxes that lies in the other, from which somebody who was
/// lost may be the one who is seen; and what that counts beside pairs that are alike.
const SAME_PLACE: f32 = 0.6;
const MAY_BE: f32 = 0.05;

impl Tracker {
    pub fn new(settings: TrackSettings) -> Self {
        Self {
            settings,
            people: Vec::new(),
            spare: Vec::new(),
            next: 1,
            nobody: NOBODY_YET,
            pairs: Vec::new(),
            taken: Vec::new(),
            predicted: Skeleton::default(),
        }
    }

    /// The people of the last frame, those who wait for their turn, and those out of sight for less
    /// than `forget`.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Takes in everybody who was seen in the frame taken at `time`, and who was looked for in it.
    pub fn update(&mut self, time: Duration, sights: &[Sighting], looked_for: &[PersonId]) {
        self.drop_unseen(time);
        for person in &mut self.people {
            if looked_for.contains(&person.id) {
                person.looked_for = time;
            }
        }
        let known = self.people.len();
        self.pairs.clear();
        for i in 0..known {
            for (k, sight) in sights.iter().enumerate() {
                let alike = self.likeness(i, time, sight);
                if alike > 0.0 {
                    self.pairs.push((i, k, alike));
                }
            }
        }
        self.settle(sights.len());
        self.taken.clear();
        self.taken.resize(sights.len(), false);
        for &(i, k, _) in &self.pairs {
            self.taken[k] = true;
            let person = &mut self.people[i];
            person.meet(time, &sights[k], &self.settings);
            if person.is_sure() && person.id.0 >= NOBODY_YET {
                person.id = PersonId(self.next);
                self.next = following(self.next, 1);
            }
        }
        for (k, sight) in sights.iter().enumerate() {
            if !self.taken[k] {
                let i = self.add();
                self.people[i].meet(time, sight, &self.settings);
            }
        }
    }

    /// Leaves of the possible pairs those of the best assignment: most alike in all, each person and
    /// each sight once.
    fn settle(&mut self, sights: usize) {
        let twice = |pair: &(usize, usize, f32)| {
            let others = self.pairs.iter().filter(|p| p.0 == pair.0 || p.1 == pair.1);
            others.count() > 1
        };
        // Nearly always everybody resembles themselves alone, and there is nothing to choose.
        if !self.pairs.iter().any(twice) {
            return;
        }
        let side = self.people.len().max(sights);
        let mut weights = Matrix::new(side, side, 0i64);
        for &(i, k, alike) in &self.pairs {
            weights[(i, k)] = (alike * LIKENESS_STEPS) as i64;
        }
        let (_, best) = kuhn_munkres(&weights);
        self.pairs.retain(|&(i, k, _)| best[i] == k);
    }

    /// How likely a sight is this person's: 0 if it is not.
    fn likeness(&mut self, i: usize, time: Duration, sight: &Sighting) -> f32 {
        let person = &self.people[i];
        let moved = person.moved(time);
        self.predicted.copy_from(&person.skeleton);
        for joint in &mut self.predicted.keypoints {
            joint.position.x += moved.x;
            joint.position.y += moved.y;
        }
        let area = sight.next.area();
        let visible = self.settings.visible;
        let oks = similarity(&self.predicted, &sight.skeleton, area, visible);
        let [expected, seen] = [person.expected(time), sight.next];
        let iou = expected.iou(seen);
        if oks < SAME_PERSON && iou < SAME_BOX {
            // Whoever was lost may be half hidden and somewhat further than they were foreseen: it
            // may be they, if it is nobody else.
            let [expected, seen] = [expected.upright(), seen.upright()];
            let smaller = expected.area().min(seen.area()).max(1.0);
            let inside = expected.intersection(seen).area() / smaller;
            return match person.is_missing() && inside > SAME_PLACE {
                true => MAY_BE * inside,
                false => 0.0,
            };
        }
        let looked_for = if sight.of == Some(person.id) {
            LOOKED_FOR
        } else {
            0.0
        };
        oks + iou + looked_for
    }

    /// Keeps where `id` is in the picture, and the share of the picture that they share.
    pub fn keep_mask(&mut self, id: PersonId, mask: &Mask, share: f32) {
        if let Some(person) = self.people.iter_mut().find(|p| p.id == id) {
            person.mask.copy_from(mask);
            person.share = Some(share);
        }
    }

    /// Ends the frame taken at `time`: drops the people who were not seen for too long. Nobody is
    /// dropped whose turn has not come since they were seen.
    pub fn forget(&mut self, time: Duration) {
        self.drop_unseen(time);
        self.drop_all(|p| p.is_missing() && !p.is_sure());
    }

    fn drop_unseen(&mut self, time: Duration) {
        let limit = self.settings.forget;
        let missed = |p: &Person| p.is_missing() && time - p.last_seen > limit;
        self.drop_all(|p| p.last_seen > time || missed(p));
    }

    fn drop_all(&mut self, gone: impl Fn(&Person) -> bool) {
        while let Some(i) = self.people.iter().position(&gone) {
            self.spare.push(self.people.remove(i));
        }
    }

    /// Drops everyone.
    pub fn clear(&mut self) {
        self.spare.append(&mut self.people);
    }

    fn add(&mut self) -> usize {
        let mut person = self.spare.pop().unwrap_or_else(Person::nobody);
        // Whoever turns out to be somebody gets a number of the row then.
        person.become_new(PersonId(self.nobody));
        self.nobody = following(self.nobody, NOBODY_YET);
        self.people.push(person);
        self.people.len() - 1
    }
}
