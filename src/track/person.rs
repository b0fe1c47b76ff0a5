//! One person who is followed.
//!
//! In: a sight of them, with its time. Out: joints smoothed, where they will be, how long ago they
//! were looked for and seen.

use super::one_euro::{SkeletonFilter, towards};
use super::{Sighting, TrackSettings};
use crate::geometry::{Point, Rect};
use crate::mask::Mask;
use crate::skeleton::{Skeleton, Threshold};
use std::time::Duration;

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
    /// When the person was last looked for; later than `last_seen` if that was in vain.
    pub looked_for: Duration,
    /// Where the person is in the picture, and the share of it that they share; only with a
    /// segmentation network.
    pub mask: Mask,
    pub share: Option<f32>,
    /// The box to look in next, of the last sight.
    pub next: Rect,
    pub(super) sights: u32,
    /// Of all joints, in pixels a second.
    pub(super) speed: Point,
    /// The joints of the last sight as they were seen.
    sight: Skeleton,
    pub(super) filter: SkeletonFilter,
}

/// Who was seen once only may be a coat on a hook that the light made a person of.
const SIGHTS_TO_BE: u32 = 2;
/// Over so many seconds a person's speed is averaged.
const SPEED_MEMORY_S: f32 = 0.3;
/// Nobody is foreseen further away than this share of their height.
const FURTHEST: f32 = 0.5;

impl Person {
    pub(super) fn nobody() -> Self {
        Self {
            id: PersonId(0),
            skeleton: Skeleton::default(),
            bbox: Rect::default(),
            score: 0.0,
            last_seen: Duration::ZERO,
            looked_for: Duration::ZERO,
            mask: Mask::default(),
            share: None,
            next: Rect::default(),
            sights: 0,
            speed: Point::default(),
            sight: Skeleton::default(),
            filter: SkeletonFilter::default(),
        }
    }

    /// Somebody who is seen at `time`, where nobody has to find out who it is.
    pub fn seen(id: PersonId, skeleton: Skeleton, share: Option<f32>, time: Duration) -> Self {
        let visible = Threshold::DEFAULT;
        let seen = skeleton.keypoints.iter().filter(|k| visible.sees(k));
        let bbox = Rect::around(seen.map(|k| k.position)).unwrap_or_default();
        Self {
            id,
            bbox,
            next: bbox,
            score: skeleton.score(visible),
            skeleton,
            share,
            last_seen: time,
            looked_for: time,
            sights: SIGHTS_TO_BE,
            ..Self::nobody()
        }
    }

    /// Makes somebody new of one who is gone; memory stays.
    pub(super) fn become_new(&mut self, id: PersonId) {
        self.id = id;
        self.filter.reset();
        self.mask.clear();
        self.share = None;
        self.sights = 0;
        self.speed = Point::default();
    }

    /// Whether the person was seen often enough to be one.
    pub fn is_sure(&self) -> bool {
        self.sights >= SIGHTS_TO_BE
    }

    /// Whether the person was seen at `time`.
    pub fn is_seen_at(&self, time: Duration) -> bool {
        self.last_seen == time && self.is_sure()
    }

    /// Whether the person was seen when they were last looked for, and nobody has looked since: in
    /// the frame taken at `time` it was the turn of others.
    pub fn is_waiting_at(&self, time: Duration) -> bool {
        self.looked_for < time && !self.is_missing() && self.is_sure()
    }

    /// Whether the last look was in vain.
    pub fn is_missing(&self) -> bool {
        self.looked_for > self.last_seen
    }

    /// Where the person is at `time` if they went on as they did.
    pub fn expected(&self, time: Duration) -> Rect {
        let moved = self.moved(time);
        Rect::new(
            self.next.x + moved.x,
            self.next.y + moved.y,
            self.next.width,
            self.next.height,
        )
    }

    /// The way from the last sight to `time`.
    pub(super) fn moved(&self, time: Duration) -> Point {
        let dt = time.saturating_sub(self.last_seen).as_secs_f32();
        let way = Point::new(self.speed.x * dt, self.speed.y * dt);
        let length = way.distance(Point::default());
        let most = FURTHEST * self.next.height;
        let share = if length > most { most / length } else { 1.0 };
        Point::new(way.x * share, way.y * share)
    }

    pub(super) fn meet(&mut self, time: Duration, sight: &Sighting, settings: &TrackSettings) {
        let dt = time.saturating_sub(self.last_seen).as_secs_f32();
        if let Some(way) = way(&self.sight, &sight.skeleton, settings.visible)
            && self.sights > 0
            && dt > 0.0
        {
            // The first ways are all that is known of the speed.
            let share = (dt / (dt + SPEED_MEMORY_S)).max(1.0 / self.sights as f32);
            let now = Point::new(way.x / dt, way.y / dt);
            self.speed = towards(self.speed, now, share);
        }
        self.sight.copy_from(&sight.skeleton);
        self.next = sight.next;
        self.sights = self.sights.saturating_add(1);
        self.skeleton.copy_from(&sight.skeleton);
        let body_px = sight.bbox.height.max(sight.bbox.width);
        self.filter
            .smooth(time, body_px, settings, &mut self.skeleton);
        self.bbox = sight.bbox;
        self.score = sight.score;
        self.last_seen = time;
        self.looked_for = time;
    }
}

/// Joints of which a way is the middle one.
const MOST_JOINTS: usize = 64;

/// How far a skeleton has moved: the middle of the ways of all joints that are seen in both, since one
/// that is taken for another person's jumps.
fn way(from: &Skeleton, to: &Skeleton, visible: Threshold) -> Option<Point> {
    let pairs = from.keypoints.iter().zip(&to.keypoints);
    let both = pairs.filter(|(a, b)| visible.sees(a) && visible.sees(b));
    let mut ways = [[0.0f32; MOST_JOINTS]; 2];
    let mut count = 0;
    for (a, b) in both.take(MOST_JOINTS) {
        ways[0][count] = b.position.x - a.position.x;
        ways[1][count] = b.position.y - a.position.y;
        count += 1;
    }
    let [x, y] = ways.each_mut().map(|axis| middle(&mut axis[..count]));
    Some(Point::new(x?, y?))
}

fn middle(values: &mut [f32]) -> Option<f32> {
    values.sort_unstable_by(f32::total_cmp);
    let at = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 0 => Some((values[at - 1] + values[at]) / 2.0),
        _ => Some(values[at]),
    }
}
