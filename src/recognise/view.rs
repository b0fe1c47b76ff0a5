//! What a rule looks at.
//!
//! In: what is seen of a person, and of everybody. Out: points, where they are seen.

use super::memory::{Memory, NOTHING, Slot};
use super::term::{Part, STILL_JOINTS, Spot};
use super::{Sight, Watched};
use crate::geometry::Point;
use crate::skeleton::{Skeleton, Threshold};
use crate::track::Person;
use crate::zone::Zone;
use std::sync::Arc;
use std::time::Duration;

/// A joint whose score is lower wanders about: it tells nothing of whether somebody is still.
const STEADY: Threshold = Threshold(0.4);

/// What is seen and the scales by which a rule judges it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub sight: Sight<'a>,
    /// For rules of the scene.
    pub scene: Option<Everybody<'a>>,
    /// The score from which a joint counts as seen.
    pub visible: Threshold,
    /// In torso lengths; of a share of the picture it is that part.
    pub margin: f32,
    pub margin_deg: f32,
}

/// Those who are there in a frame.
#[derive(Clone, Copy)]
pub(super) enum Everybody<'a> {
    /// As the tracker and the recogniser have them.
    Tracked {
        people: &'a [Person],
        watched: &'a [Watched],
        time: Duration,
    },
    /// As they were told of.
    Told(&'a [Company<'a>]),
}

/// Somebody who is there, as they were told of.
#[derive(Debug, Clone, Copy)]
pub struct Company<'a> {
    pub skeleton: &'a Skeleton,
    /// The names of the poses that they hold.
    pub poses: &'a [Arc<str>],
}

impl<'a> View<'a> {
    /// The same with this memory.
    pub fn with<'b>(&self, memory: &'b Memory) -> View<'b>
    where
        'a: 'b,
    {
        let sight = Sight {
            memory,
            ..self.sight
        };
        View { sight, ..*self }
    }

    pub fn slot(&self, slot: usize) -> Option<&'a Slot> {
        self.sight.memory.slots.get(slot)
    }

    /// Where a point is, with the lower score of its joints; `None` if one of them is hidden.
    pub fn at(&self, joint: Spot) -> Option<(Point, f32)> {
        self.seen(joint, self.visible)
    }

    /// The same of a joint of which the network is sure enough to tell whether it moves.
    pub fn steady(&self, joint: Spot) -> Option<(Point, f32)> {
        self.seen(joint, Threshold(self.visible.0.max(STEADY.0)))
    }

    fn seen(&self, joint: Spot, visible: Threshold) -> Option<(Point, f32)> {
        let joint_at = |i: usize| {
            let keypoint = self.sight.skeleton.keypoints.get(i);
            keypoint.filter(|k| visible.sees(k))
        };
        let a = joint_at(joint.0)?;
        let b = joint_at(joint.1)?;
        let point = a.position.midpoint(b.position);
        (point.x.is_finite() && point.y.is_finite()).then_some((point, a.score.min(b.score)))
    }

    pub fn pair(&self, a: Spot, b: Spot) -> Option<([Point; 2], f32)> {
        let ((a, score), (b, other)) = self.at(a).zip(self.at(b))?;
        Some(([a, b], score.min(other)))
    }

    /// Where a trail's points were a window ago, and how long ago that was.
    pub fn trail(
        &self,
        slot: usize,
    ) -> Option<(Duration, impl Iterator<Item = Option<Point>> + use<'a>)> {
        match self.slot(slot)? {
            Slot::Trail(trail) => trail.before(self.sight.time?),
            _ => None,
        }
    }

    /// How far the joint has been from where it is now that has been furthest within a trail's window, in
    /// pixels, with the lowest score of all; `None` where too few are known of then and now.
    pub fn moved(&self, slot: usize) -> Option<(f32, f32)> {
        let Slot::Trail(trail) = self.slot(slot)? else {
            return None;
        };
        let mut most = 0.0f32;
        for (joint, place) in trail.all(self.sight.time?)? {
            let now = self.steady(Spot(joint, joint));
            if let Some(((now, _), place)) = now.zip(place) {
                most = most.max(now.distance(place));
            }
        }
        let (_, before) = self.trail(slot)?;
        let known = before.enumerate().filter_map(|(joint, before)| {
            let (_, score) = self.steady(Spot(joint, joint))?;
            before.map(|_| score)
        });
        let (joints, least) =
            known.fold((0, 1.0f32), |(n, least), score| (n + 1, least.min(score)));
        (joints >= STILL_JOINTS).then_some((most, least))
    }

    /// Where the person stands: between those of `feet` that are seen, else at the lowest joint that
    /// is.
    pub fn stands(&self, feet: &[Spot]) -> Option<Spot> {
        let mut seen = feet.iter().filter(|f| self.at(**f).is_some());
        match (seen.next(), seen.next()) {
            (Some(a), Some(b)) => Some(Spot(a.0, b.0)),
            (Some(one), None) => Some(*one),
            (None, _) => {
                let joints = 0..self.sight.skeleton.keypoints.len();
                let height = |i: usize| Some((self.at(Spot(i, i))?.0.y, i));
                let lowest = joints.filter_map(height);
                let lowest = lowest.max_by(|a, b| a.0.total_cmp(&b.0));
                lowest.map(|(_, i)| Spot(i, i))
            }
        }
    }

    /// How many people there are, or stand in a place; `None` where this is no view of a scene.
    pub fn count(&self, place: Option<&(Arc<Zone>, Part)>) -> Option<usize> {
        let mut count = 0;
        self.scene?.each((0, ""), |skeleton, _| {
            let Some((zone, part)) = place else {
                count += 1;
                return;
            };
            let sight = Sight {
                skeleton,
                ..self.sight
            };
            let inside = part.depth(&View { sight, ..*self }, zone).is_inside();
            count += usize::from(inside);
        });
        Some(count)
    }

    /// How deep in a place the person is who is the `rank`th deepest, from 1; endlessly far outside where
    /// there are fewer. `None` where this is no view of a scene.
    pub fn depth_of(&self, (zone, part): &(Arc<Zone>, Part), rank: usize) -> Option<f32> {
        let scene = self.scene?;
        let depth = |skeleton: &Skeleton| {
            let sight = Sight {
                skeleton,
                share: None,
                size: self.sight.size,
                time: self.sight.time,
                memory: &NOTHING,
            };
            let view = View {
                sight,
                scene: None,
                ..*self
            };
            part.depth(&view, zone).at_least()
        };
        // The greatest depth that at least `rank` people have: few people, and nothing is allocated.
        let mut found = f32::NEG_INFINITY;
        scene.each((0, ""), |one, _| {
            let own = depth(one);
            let mut as_deep = 0;
            scene.each((0, ""), |other, _| {
                as_deep += usize::from(depth(other) >= own)
            });
            if as_deep >= rank {
                found = found.max(own);
            }
        });
        Some(found)
    }

    /// The lowest score of all these points' joints, 0 to 1, seen or not.
    pub fn least_score(&self, joints: &[Spot]) -> f32 {
        let score = |joint: usize| {
            let keypoint = self.sight.skeleton.keypoints.get(joint);
            keypoint.map_or(0.0, |k| k.score.clamp(0.0, 1.0))
        };
        let scores = joints.iter().map(|s| score(s.0).min(score(s.1)));
        scores.fold(1.0, f32::min)
    }
}

impl Everybody<'_> {
    /// Calls `f` with everybody who is seen or waits for their turn, and whether they hold a pose, which
    /// is known by its place and name.
    pub fn each(&self, (pose, name): (usize, &str), mut f: impl FnMut(&Skeleton, bool)) {
        match self {
            Self::Tracked {
                people,
                watched,
                time,
            } => {
                for person in *people {
                    if person.is_seen_at(*time) || person.is_waiting_at(*time) {
                        let watched = watched.iter().find(|w| w.id == person.id);
                        f(&person.skeleton, watched.is_some_and(|w| w.is_in(pose)));
                    }
                }
            }
            Self::Told(company) => {
                for somebody in *company {
                    let holds = somebody.poses.iter().any(|p| **p == *name);
                    f(somebody.skeleton, holds);
                }
            }
        }
    }

    /// Whether anybody holds a pose.
    pub fn is_held(&self, pose: usize) -> bool {
        match self {
            Self::Tracked { watched, .. } => watched.iter().any(|w| w.is_in(pose)),
            Self::Told(_) => false,
        }
    }
}
