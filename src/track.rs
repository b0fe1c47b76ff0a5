//! Who is who, from frame to frame.
//!
//! In: the skeletons found in a frame, with its time. Out: people with an identity that lasts,
//! their joints smoothed. One subject is followed today; the types are made for many.

pub mod one_euro;

use crate::geometry::Rect;
use crate::mask::Mask;
use crate::settings::Section;
use crate::skeleton::{Skeleton, Threshold, similarity};
use one_euro::SkeletonFilter;
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
    filter: SkeletonFilter,
}

/// Keeps the people of a video apart.
#[derive(Debug, Clone)]
pub struct Tracker {
    settings: TrackSettings,
    people: Vec<Person>,
    spare: Vec<Person>,
    next: u32,
    /// When the last whole frame was: who was seen on it is not forgotten, however slow the board.
    last_frame: Duration,
}

/// Skeletons less alike than this are different people.
const SAME_PERSON: f32 = 0.2;
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
        person
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
        self.last_frame = time;
    }

    fn drop_unseen(&mut self, time: Duration, just_seen: Duration) {
        let limit = self.settings.forget;
        let gone = |p: &Person| {
            p.last_seen > time || (p.last_seen != just_seen && time - p.last_seen > limit)
        };
        while let Some(i) = self.people.iter().position(gone) {
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
            filter: SkeletonFilter::default(),
        });
        person.id = PersonId(self.next);
        person.filter.reset();
        person.mask.clear();
        person.share = None;
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
