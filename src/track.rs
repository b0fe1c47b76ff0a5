//! Who is who, from frame to frame.
//!
//! In: the skeletons found in a frame, with its time. Out: people with an identity that lasts,
//! their joints smoothed. Persons and sights are assigned so that they are most alike in all (Kuhn
//! and Munkres), by OKS and by how far boxes overlap, where each person would be if they went on as
//! they did.

pub mod one_euro;

use crate::geometry::{Point, Rect};
use crate::mask::Mask;
use crate::settings::Section;
use crate::skeleton::{Skeleton, Threshold, similarity};
use one_euro::SkeletonFilter;
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

/// The number of a person, from 1, never used twice in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u32);

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

/// A person who is followed.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: PersonId,
    /// Smoothed joints, in image pixels.
    pub skeleton: Skeleton,
    /// The box in which the person was found.
    pub bbox: Rect,
    /// Mean joint score of the last sight.
    pub score: f32,
    pub last_seen: Duration,
    /// Where the person is in the picture, and the share of it that they share; only with a
    /// segmentation network.
    pub mask: Mask,
    pub share: Option<f32>,
    /// Where to look for the person in the next frame.
    pub next: Rect,
    sights: u32,
    /// Of the middle of `next`, in pixels a second.
    speed: Point,
    filter: SkeletonFilter,
}

impl Person {
    /// Whether the person was seen at `time`, and often enough to be one.
    pub fn is_seen_at(&self, time: Duration) -> bool {
        self.last_seen == time && self.sights >= SIGHTS_TO_BE
    }
}

/// Who was seen once only may be a coat on a hook that the light made a person of.
const SIGHTS_TO_BE: u32 = 2;

/// Keeps the people of a video apart.
#[derive(Debug, Clone)]
pub struct Tracker {
    settings: TrackSettings,
    people: Vec<Person>,
    spare: Vec<Person>,
    next: u32,
    /// When the last whole frame was: who was seen on it is not forgotten, however slow the board.
    last_frame: Duration,
    /// Person, sight and how alike they are.
    pairs: Vec<(usize, usize, f32)>,
    taken: Vec<bool>,
    predicted: Skeleton,
}

/// Skeletons less alike than this are different people.
const SAME_PERSON: f32 = 0.2;
/// Added to the likeness of a sight in the box in which the person was looked for.
const LOOKED_FOR: f32 = 0.3;
/// Likeness as whole numbers, which can be summed in any order.
const LIKENESS_STEPS: f32 = 10_000.0;
/// Over so many seconds a person's speed is averaged.
const SPEED_MEMORY_S: f32 = 0.3;
/// Boxes that overlap more than this are the same person even if the pose has changed much.
const SAME_BOX: f32 = 0.3;

impl Tracker {
    pub fn new(settings: TrackSettings) -> Self {
        Self {
            settings,
            people: Vec::new(),
            spare: Vec::new(),
            next: 1,
            last_frame: Duration::ZERO,
            pairs: Vec::new(),
            taken: Vec::new(),
            predicted: Skeleton::default(),
        }
    }

    /// The people of the last frame and those out of sight for less than `forget`.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Takes in a skeleton seen at `time` and gives the person it belongs to.
    pub fn see(&mut self, time: Duration, skeleton: &Skeleton, bbox: Rect) -> &Person {
        let last_frame = self.last_frame;
        self.drop_unseen(time, last_frame);
        let visible = self.settings.visible;
        let same = |p: &Person| {
            similarity(&p.skeleton, skeleton, bbox.area(), visible)
                .max((p.bbox.iou(bbox) - SAME_BOX).signum() * SAME_PERSON)
        };
        let found = (0..self.people.len()).find(|&i| same(&self.people[i]) >= SAME_PERSON);
        let i = found.unwrap_or_else(|| self.add());
        let score = skeleton.score(visible);
        self.take(i, time, skeleton, bbox, score);
        // Whoever is seen one by one was looked at more than once.
        self.people[i].sights = SIGHTS_TO_BE;
        &self.people[i]
    }

    /// Takes in everybody who was seen in the frame taken at `time`.
    pub fn update(&mut self, time: Duration, sights: &[Sighting]) {
        let last_frame = self.last_frame;
        self.drop_unseen(time, last_frame);
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
        let pairs = std::mem::take(&mut self.pairs);
        for &(i, k, _) in &pairs {
            self.taken[k] = true;
            self.meet_again(i, time, &sights[k]);
        }
        self.pairs = pairs;
        for (k, sight) in sights.iter().enumerate() {
            if !self.taken[k] {
                let i = self.add();
                self.meet_again(i, time, sight);
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
        let dt = time.saturating_sub(person.last_seen).as_secs_f32();
        let moved = Point::new(person.speed.x * dt, person.speed.y * dt);
        self.predicted.copy_from(&person.skeleton);
        for joint in &mut self.predicted.keypoints {
            joint.position.x += moved.x;
            joint.position.y += moved.y;
        }
        let next = Rect::new(
            person.next.x + moved.x,
            person.next.y + moved.y,
            person.next.width,
            person.next.height,
        );
        let area = sight.next.area();
        let oks = similarity(
            &self.predicted,
            &sight.skeleton,
            area,
            self.settings.visible,
        );
        let iou = next.iou(sight.next);
        if oks < SAME_PERSON && iou < SAME_BOX {
            return 0.0;
        }
        let looked_for = if sight.of == Some(person.id) {
            LOOKED_FOR
        } else {
            0.0
        };
        oks + iou + looked_for
    }

    fn meet_again(&mut self, i: usize, time: Duration, sight: &Sighting) {
        let person = &mut self.people[i];
        let dt = time.saturating_sub(person.last_seen).as_secs_f32();
        let [from, to] = [person.next.centre(), sight.next.centre()];
        if person.sights > 0 && dt > 0.0 {
            let share = dt / (dt + SPEED_MEMORY_S);
            let towards = |speed: &mut f32, now: f32| *speed += (now - *speed) * share;
            towards(&mut person.speed.x, (to.x - from.x) / dt);
            towards(&mut person.speed.y, (to.y - from.y) / dt);
        }
        person.next = sight.next;
        person.sights = person.sights.saturating_add(1);
        self.take(i, time, &sight.skeleton, sight.bbox, sight.score);
    }

    fn take(&mut self, i: usize, time: Duration, skeleton: &Skeleton, bbox: Rect, score: f32) {
        let person = &mut self.people[i];
        person.skeleton.copy_from(skeleton);
        person.filter.smooth(
            time,
            bbox.height.max(bbox.width),
            &self.settings,
            &mut person.skeleton,
        );
        person.bbox = bbox;
        person.score = score;
        person.last_seen = time;
    }

    /// Keeps where `id` is in the picture, and the share of the picture that they share.
    pub fn keep_mask(&mut self, id: PersonId, mask: &Mask, share: f32) {
        if let Some(person) = self.people.iter_mut().find(|p| p.id == id) {
            person.mask.copy_from(mask);
            person.share = Some(share);
        }
    }

    /// Ends the frame taken at `time`: drops the people who were not seen for too long.
    pub fn forget(&mut self, time: Duration) {
        self.drop_unseen(time, time);
        let was_nobody = |p: &Person| p.last_seen != time && p.sights < SIGHTS_TO_BE;
        self.drop_all(was_nobody);
        self.last_frame = time;
    }

    fn drop_unseen(&mut self, time: Duration, just_seen: Duration) {
        let limit = self.settings.forget;
        let gone = |p: &Person| {
            p.last_seen > time || (p.last_seen != just_seen && time - p.last_seen > limit)
        };
        self.drop_all(gone);
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
        let mut person = self.spare.pop().unwrap_or_else(|| Person {
            id: PersonId(0),
            skeleton: Skeleton::default(),
            bbox: Rect::default(),
            score: 0.0,
            last_seen: Duration::ZERO,
            mask: Mask::default(),
            share: None,
            next: Rect::default(),
            sights: 0,
            speed: Point::default(),
            filter: SkeletonFilter::default(),
        });
        person.id = PersonId(self.next);
        person.filter.reset();
        person.mask.clear();
        person.share = None;
        person.sights = 0;
        person.speed = Point::default();
        self.next = self.next.checked_add(1).unwrap_or(1);
        self.people.push(person);
        self.people.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use crate::skeleton::Keypoint;

    fn at(x: f32) -> (Skeleton, Rect) {
        let keypoints = (0..17)
            .map(|i| Keypoint {
                position: Point::new(x + (i % 4) as f32 * 10.0, i as f32 * 12.0),
                score: 0.9,
            })
            .collect();
        (
            Skeleton { keypoints },
            Rect::new(x - 10.0, -10.0, 60.0, 220.0),
        )
    }

    #[test]
    fn a_walking_person_keeps_the_number_and_another_gets_a_new_one() {
        let mut tracker = Tracker::new(TrackSettings::default());
        for i in 0..30u64 {
            let (s, bbox) = at(100.0 + i as f32 * 4.0);
            assert_eq!(
                tracker.see(Duration::from_millis(i * 40), &s, bbox).id,
                PersonId(1)
            );
        }
        let (s, bbox) = at(600.0);
        assert_eq!(
            tracker.see(Duration::from_millis(1240), &s, bbox).id,
            PersonId(2)
        );
    }

    fn sight(x: f32) -> Sighting {
        let (skeleton, bbox) = at(x);
        Sighting {
            skeleton,
            bbox,
            next: bbox,
            score: 0.9,
            of: None,
        }
    }

    fn ids(tracker: &Tracker, time: Duration) -> Vec<(u32, i32)> {
        let seen = tracker.people().iter().filter(|p| p.is_seen_at(time));
        let mut ids: Vec<_> = seen.map(|p| (p.id.0, p.bbox.x as i32 + 10)).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn who_is_seen_once_is_nobody_yet() {
        let mut tracker = Tracker::new(TrackSettings::default());
        let [first, second] = [0, 40].map(Duration::from_millis);
        tracker.update(first, &[sight(100.0)]);
        assert_eq!(ids(&tracker, first), []);
        tracker.forget(first);
        tracker.update(second, &[sight(104.0), sight(400.0)]);
        tracker.forget(second);
        assert_eq!(ids(&tracker, second), [(1, 104)]);
        let third = Duration::from_millis(80);
        tracker.update(third, &[sight(108.0)]);
        tracker.forget(third);
        assert_eq!(ids(&tracker, third), [(1, 108)]);
        assert_eq!(
            tracker.people().len(),
            1,
            "whoever was seen once is forgotten at once"
        );
    }

    #[test]
    fn two_who_walk_past_each_other_keep_their_numbers() {
        let mut tracker = Tracker::new(TrackSettings::default());
        let mut last = Vec::new();
        for i in 0..60u64 {
            let time = Duration::from_millis(i * 40);
            let right = 100.0 + i as f32 * 6.0;
            let left = 460.0 - i as f32 * 6.0;
            // Whoever stands behind is not seen while they are nearly one.
            let near = (right - left).abs() < 20.0;
            let both = [sight(right), sight(left)];
            // In another order every frame.
            let mut seen = if near {
                both[..1].to_vec()
            } else {
                both.to_vec()
            };
            if i % 2 == 1 {
                seen.reverse();
            }
            tracker.update(time, &seen);
            tracker.forget(time);
            last = ids(&tracker, time);
        }
        assert_eq!(last, [(1, 100 + 59 * 6), (2, 460 - 59 * 6)]);
    }

    #[test]
    fn the_best_assignment_is_taken_and_not_the_best_pair_first() {
        let mut tracker = Tracker::new(TrackSettings::default());
        for i in 0..3u64 {
            let time = Duration::from_millis(i * 40);
            tracker.update(time, &[sight(100.0), sight(120.0)]);
            tracker.forget(time);
        }
        // Both step to the left: the first one's old place is nearest to where the second is now.
        let time = Duration::from_millis(120);
        tracker.update(time, &[sight(103.0), sight(84.0)]);
        assert_eq!(ids(&tracker, time), [(1, 84), (2, 103)]);
    }

    #[test]
    fn whom_nobody_resembles_is_new_and_an_id_is_never_given_twice() {
        let mut tracker = Tracker::new(TrackSettings::default());
        for i in 0..3u64 {
            let time = Duration::from_millis(i * 40);
            tracker.update(time, &[sight(100.0), sight(300.0), sight(500.0)]);
            tracker.forget(time);
        }
        let time = Duration::from_millis(120);
        assert_eq!(
            ids(&tracker, Duration::from_millis(80)),
            [(1, 100), (2, 300), (3, 500)]
        );
        tracker.update(time, &[sight(300.0), sight(700.0)]);
        tracker.forget(time);
        assert_eq!(ids(&tracker, time), [(2, 300)]);
        let later = Duration::from_millis(160);
        tracker.update(later, &[sight(300.0), sight(700.0), sight(100.0)]);
        assert_eq!(ids(&tracker, later), [(1, 100), (2, 300), (4, 700)]);
    }

    #[test]
    fn a_board_slower_than_forget_keeps_the_number() {
        let mut tracker = Tracker::new(TrackSettings::default());
        for i in 0..5u64 {
            let (s, bbox) = at(100.0);
            assert_eq!(
                tracker.see(Duration::from_secs(i * 10), &s, bbox).id,
                PersonId(1)
            );
            tracker.forget(Duration::from_secs(i * 10));
        }
    }

    #[test]
    fn a_person_gone_for_longer_than_forget_is_someone_new() {
        let mut tracker = Tracker::new(TrackSettings::default());
        let (s, bbox) = at(100.0);
        assert_eq!(tracker.see(Duration::ZERO, &s, bbox).id, PersonId(1));
        assert_eq!(
            tracker.see(Duration::from_millis(900), &s, bbox).id,
            PersonId(1)
        );
        assert_eq!(
            tracker.see(Duration::from_millis(2000), &s, bbox).id,
            PersonId(2)
        );
        assert_eq!(tracker.people().len(), 1);
    }
}
