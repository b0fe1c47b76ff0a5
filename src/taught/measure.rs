//! How far two people are from showing the same pose.
//!
//! In: two skeletons. Out: a distance: 0 of the same posture, about 1 of two that have nothing in
//! common.
//!
//! Two things are compared, each over what both show, weighted by how sure the network is of it, and
//! the root of their mean square is taken:
//!
//! - **places** of the joints, after both bodies were moved and scaled to lie over each other as well as
//!   they can (Procrustes analysis without the turn: who lies is not who stands);
//! - **directions** of the limbs, as unit vectors, which do not change with the length of arms.
//!
//! Where less than half of what either shows is seen of the other, they cannot be compared.

use crate::geometry::Point;
use crate::skeleton::{KeypointSet, Skeleton, Threshold};
use std::ops::RangeInclusive;

/// Fewer joints of two people say nothing.
const LEAST_JOINTS: usize = 6;
/// Of what either shows, the other must show this share.
const LEAST_SHARED: f32 = 0.5;
/// All poses reach so many radii that every example is told by the others, but no less far and no further; so
/// far where there are too few to tell.
const REACH: RangeInclusive<f32> = 1.3..=4.0;
const USUAL_REACH: f32 = 1.8;
/// And no further than this share of the way to what is not the pose, in the median of its examples.
const TOWARDS_OTHERS: f32 = 0.77;
/// And no further than this, however far the others are; where there are none, than that.
const FURTHEST: f32 = 0.6;
const FURTHEST_ALONE: f32 = 0.4;
/// Fewer examples say nothing of how far poses reach.
const LEAST_TO_TELL: usize = 8;
/// The distance that examples of a pose usually have from each other, and how much a pose's own counts
/// beside it.
const USUAL: f32 = 0.19;
const OWN: f32 = 0.5;
/// And where it is so much nearer than any other pose.
const NEARER: f32 = 0.95;

/// A stretch between two joints, without its side, and how much its direction counts.
const LIMBS: [(&str, &str, f32); 5] = [
    ("shoulder", "elbow", 1.0),
    ("elbow", "wrist", 1.0),
    ("hip", "knee", 1.0),
    ("knee", "ankle", 1.0),
    ("shoulder", "hip", 1.0),
];
/// Between the sides.
const ACROSS: [(&str, f32); 2] = [("shoulder", 0.5), ("hip", 0.5)];
/// How much the place of a joint counts: a face says little of a pose. Others count 1.
const FACE: [(&str, f32); 5] = [
    ("nose", 0.5),
    ("left_eye", 0.25),
    ("right_eye", 0.25),
    ("left_ear", 0.25),
    ("right_ear", 0.25),
];

/// What is compared of the people that a network shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measure {
    /// How much each joint's place counts.
    places: Vec<f32>,
    limbs: Vec<(usize, usize, f32)>,
    /// The joint of the other side.
    mirror: Vec<usize>,
}

/// Somebody, ready to be compared.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figure {
    points: Vec<Point>,
    /// Of the places, 0 where a joint is hidden.
    weights: Vec<f32>,
    /// Unit vectors with their weights.
    limbs: Vec<(Point, f32)>,
}

impl Measure {
    pub fn new(set: &KeypointSet) -> Self {
        let count = |name: &String| {
            let of_face = FACE.iter().find(|(n, _)| n == name);
            of_face.map_or(1.0, |(_, weight)| *weight)
        };
        let mut limbs = Vec::new();
        for (from, to, weight) in LIMBS {
            for side in ["left", "right"] {
                let joint = |part: &str| set.index(&format!("{side}_{part}"));
                limbs.extend(joint(from).zip(joint(to)).map(|(a, b)| (a, b, weight)));
            }
        }
        for (part, weight) in ACROSS {
            let side = |side: &str| set.index(&format!("{side}_{part}"));
            let across = side("left").zip(side("right"));
            limbs.extend(across.map(|(a, b)| (a, b, weight)));
        }
        Self {
            places: set.names().iter().map(count).collect(),
            limbs,
            mirror: (0..set.len()).map(|joint| set.mirror(joint)).collect(),
        }
    }

    /// Prepares somebody into `figure`; mirrored where it is asked for. Allocates nothing in a figure
    /// that was used before.
    pub fn prepare(
        &self,
        skeleton: &Skeleton,
        visible: Threshold,
        mirrored: bool,
        figure: &mut Figure,
    ) {
        figure.points.clear();
        figure.weights.clear();
        figure.limbs.clear();
        for (joint, place) in self.places.iter().enumerate() {
            let joint = if mirrored { self.mirror[joint] } else { joint };
            let keypoint = skeleton.keypoints.get(joint).copied().unwrap_or_default();
            let Point { x, y } = keypoint.position;
            figure
                .points
                .push(Point::new(if mirrored { -x } else { x }, y));
            let is_seen = visible.sees(&keypoint) && x.is_finite() && y.is_finite();
            let score = if is_seen {
                keypoint.score.clamp(0.0, 1.0)
            } else {
                0.0
            };
            figure.weights.push(place * score);
        }
        for &(a, b, weight) in &self.limbs {
            let [from, to] = [figure.points[a], figure.points[b]];
            let length = from.distance(to);
            let score = |joint: usize| figure.weights[joint] / self.places[joint];
            let seen = if length > 0.0 {
                score(a).min(score(b))
            } else {
                0.0
            };
            let length = length.max(f32::MIN_POSITIVE);
            let direction = Point::new((to.x - from.x) / length, (to.y - from.y) / length);
            figure.limbs.push((direction, weight * seen));
        }
    }

    /// Somebody, prepared.
    pub fn figure(&self, skeleton: &Skeleton, visible: Threshold, mirrored: bool) -> Figure {
        let mut figure = Figure::default();
        self.prepare(skeleton, visible, mirrored, &mut figure);
        figure
    }
}

impl Figure {
    /// Of an example that is compared with others as it is and mirrored.
    pub fn mirrored(&self, measure: &Measure) -> Self {
        let swap = |i: usize| measure.mirror[i];
        let points = (0..self.points.len()).map(|i| {
            let p = self.points[swap(i)];
            Point::new(-p.x, p.y)
        });
        let limb = |&(a, b, _): &(usize, usize, f32)| {
            // A limb of the other side, or the same one the other way round.
            let [a, b] = [swap(a), swap(b)];
            let found = measure.limbs.iter().position(|l| (l.0, l.1) == (a, b));
            let other = measure.limbs.iter().position(|l| (l.0, l.1) == (b, a));
            match (found, other) {
                (Some(i), _) => {
                    let (d, w) = self.limbs[i];
                    (Point::new(-d.x, d.y), w)
                }
                (None, Some(i)) => {
                    let (d, w) = self.limbs[i];
                    (Point::new(d.x, -d.y), w)
                }
                (None, None) => (Point::default(), 0.0),
            }
        };
        Self {
            points: points.collect(),
            weights: (0..self.weights.len())
                .map(|i| self.weights[swap(i)])
                .collect(),
            limbs: measure.limbs.iter().map(limb).collect(),
        }
    }

    /// Mean score of the joints that are seen; 0 of nobody.
    pub fn score(&self) -> f32 {
        let seen = self.weights.iter().filter(|w| **w > 0.0).count();
        let sum: f32 = self.weights.iter().sum();
        if seen == 0 {
            0.0
        } else {
            (sum / seen as f32).min(1.0)
        }
    }

    /// How far they are from each other; `None` where too little is seen of both.
    pub fn distance(&self, other: &Self) -> Option<f32> {
        let places = self.places(other)?;
        let limbs = self.directions(other)?;
        Some(((places * places + limbs * limbs) / 2.0).sqrt())
    }

    /// Root of the mean square of the distances between joints, after both bodies were moved to one
    /// centre and scaled to one size.
    fn places(&self, other: &Self) -> Option<f32> {
        let pairs = || {
            let points = self.points.iter().zip(&other.points);
            let weights = self.weights.iter().zip(&other.weights);
            points.zip(weights)
        };
        let mut sum = 0.0;
        let mut most = 0.0;
        let mut joints = 0;
        let mut centres = [Point::default(); 2];
        for ((a, b), (v, w)) in pairs() {
            let weight = v.min(*w);
            sum += weight;
            most += v.max(*w);
            joints += usize::from(weight > 0.0);
            for (centre, p) in centres.iter_mut().zip([a, b]) {
                centre.x += weight * p.x;
                centre.y += weight * p.y;
            }
        }
        if joints < LEAST_JOINTS || sum < LEAST_SHARED * most {
            return None;
        }
        let centres = centres.map(|c| Point::new(c.x / sum, c.y / sum));
        let from = |p: &Point, c: Point| Point::new(p.x - c.x, p.y - c.y);
        let dot = |a: Point, b: Point| a.x * b.x + a.y * b.y;
        let mut own = 0.0;
        let mut others = 0.0;
        let mut both = 0.0;
        for ((a, b), (v, w)) in pairs() {
            let weight = v.min(*w);
            let [a, b] = [from(a, centres[0]), from(b, centres[1])];
            own += weight * dot(a, a);
            others += weight * dot(b, b);
            both += weight * dot(a, b);
        }
        let sizes = (own * others).sqrt();
        // Of two sets of points of size 1: |a - b|² = 2 - 2 a·b.
        (sizes > 0.0).then(|| (2.0 - 2.0 * both / sizes).max(0.0).sqrt())
    }

    /// Root of the mean of 1 - cos of the angles between limbs.
    fn directions(&self, other: &Self) -> Option<f32> {
        let mut sum = 0.0;
        let mut most = 0.0;
        let mut apart = 0.0;
        for ((a, v), (b, w)) in self.limbs.iter().zip(&other.limbs) {
            let weight = v.min(*w);
            sum += weight;
            most += v.max(*w);
            apart += weight * (1.0 - a.x * b.x - a.y * b.y);
        }
        (sum > 0.0 && sum >= LEAST_SHARED * most).then(|| (apart / sum).max(0.0).sqrt())
    }
}

/// How far each pose reaches. `poses` has the pose of each example, `distances` the distance of each to
/// each other; infinite to itself.
pub(super) fn borders(poses: &[usize], distances: &[Vec<f32>]) -> Vec<f32> {
    let count = poses.iter().max().map_or(0, |last| last + 1);
    let nearest = |i: usize, own: bool| {
        let all = (0..poses.len()).filter(|k| (poses[*k] == poses[i]) == own);
        all.map(|k| distances[i][k]).fold(f32::INFINITY, f32::min)
    };
    let of_pose = |pose: usize, own: bool| {
        let examples = (0..poses.len()).filter(|i| poses[*i] == pose);
        let mut nearest: Vec<f32> = examples.map(|i| nearest(i, own)).collect();
        nearest.retain(|d| d.is_finite());
        nearest.sort_by(f32::total_cmp);
        nearest
    };
    let median = |sorted: &[f32]| sorted.get(sorted.len() / 2).copied();
    // What was photographed ten times in a row varies more than that shows.
    let radius = |spread: &[f32]| OWN * median(spread).unwrap_or(USUAL) + (1.0 - OWN) * USUAL;
    let spreads: Vec<Vec<f32>> = (0..count).map(|p| of_pose(p, true)).collect();
    let radii: Vec<f32> = spreads.iter().map(|s| radius(s)).collect();
    let shares = spreads.iter().zip(&radii);
    let shares = shares.flat_map(|(spread, radius)| spread.iter().map(move |d| d / radius));
    let reach = reach(shares.collect());
    let border = |pose: usize| {
        let limit = median(&of_pose(pose, false));
        let limit = limit.map_or(FURTHEST_ALONE, |d| (d * TOWARDS_OTHERS).min(FURTHEST));
        (radii[pose] * reach).min(limit)
    };
    (0..count).map(border).collect()
}

/// How many radii a pose reaches: `shares` has the distance of each example of all poses to the nearest
/// other of its pose, in radii of that pose.
fn reach(shares: Vec<f32>) -> f32 {
    if shares.len() < LEAST_TO_TELL {
        return USUAL_REACH;
    }
    let furthest = shares.into_iter().fold(0.0, f32::max);
    furthest.clamp(*REACH.start(), *REACH.end())
}

/// How like a pose somebody is, 0 to 1: 0.5 at its border. `own` is the distance to its nearest
/// example, `other` to the nearest of what is not the pose, `border` how far the pose reaches.
pub(super) fn likeness(own: f32, other: Option<f32>, border: f32) -> f32 {
    let far = own / border.max(f32::MIN_POSITIVE);
    let nearer = other.map_or(0.0, |other| own / (NEARER * other).max(f32::MIN_POSITIVE));
    let share = far.max(nearer);
    1.0 / (1.0 + share * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::Keypoint;
    use proptest::prelude::*;

    fn somebody() -> impl Strategy<Value = Skeleton> {
        let joint = (-500.0f32..500.0, -500.0f32..500.0, 0.0f32..1.0);
        proptest::collection::vec(joint, 17).prop_map(|joints| Skeleton {
            keypoints: joints
                .into_iter()
                .map(|(x, y, score)| Keypoint {
                    position: Point::new(x, y),
                    score,
                })
                .collect(),
        })
    }

    fn changed(skeleton: &Skeleton, change: impl Fn(Point) -> Point) -> Skeleton {
        let keypoints = skeleton.keypoints.iter();
        Skeleton {
            keypoints: keypoints
                .map(|k| Keypoint {
                    position: change(k.position),
                    ..*k
                })
                .collect(),
        }
    }

    fn distance(a: &Skeleton, b: &Skeleton) -> Option<f32> {
        let measure = Measure::new(&KeypointSet::coco());
        let figure = |s| measure.figure(s, Threshold::DEFAULT, false);
        figure(a).distance(&figure(b))
    }

    proptest! {
        #[test]
        fn place_and_size_in_the_picture_do_not_matter(a in somebody(), x in -1e3f32..1e3, scale in 0.05f32..20.0) {
            let other = changed(&a, |p| Point::new(p.x * scale + x, p.y * scale - x));
            if let Some(distance) = distance(&a, &other) {
                prop_assert!(distance < 0.02, "{distance}");
            }
        }

        #[test]
        fn both_ways_it_is_as_far_and_what_is_hidden_adds_nothing(a in somebody(), b in somebody()) {
            let there = distance(&a, &b);
            prop_assert_eq!(there, distance(&b, &a));
            // A hidden joint may be anywhere.
            let mut elsewhere = a.clone();
            for k in elsewhere.keypoints.iter_mut().filter(|k| !Threshold::DEFAULT.sees(k)) {
                k.position.x += 1e3;
            }
            prop_assert_eq!(there, distance(&elsewhere, &b));
        }

        #[test]
        fn a_mirrored_figure_is_that_of_the_mirrored_person(a in somebody()) {
            let measure = Measure::new(&KeypointSet::coco());
            let plain = measure.figure(&a, Threshold::DEFAULT, false);
            let mirrored = measure.figure(&a, Threshold::DEFAULT, true);
            let turned = plain.mirrored(&measure);
            prop_assert_eq!(&turned.points, &mirrored.points);
            prop_assert_eq!(&turned.weights, &mirrored.weights);
            for (a, b) in turned.limbs.iter().zip(&mirrored.limbs) {
                prop_assert!((a.0.x - b.0.x).abs() + (a.0.y - b.0.y).abs() < 1e-5 && (a.1 - b.1).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_pose_reaches_as_far_as_its_examples_and_stays_away_from_others() {
        // Two poses of three examples each: 0.2 apart within, 0.5 from each other.
        let poses = [0, 0, 0, 1, 1, 1];
        let apart = |i: usize, k: usize| match (i == k, poses[i] == poses[k]) {
            (true, _) => f32::INFINITY,
            (false, true) => 0.2,
            (false, false) => 0.5,
        };
        let distances: Vec<Vec<f32>> = (0..6)
            .map(|i| (0..6).map(|k| apart(i, k)).collect())
            .collect();
        for border in borders(&poses, &distances) {
            assert!(border > 0.2 && border < 0.4, "{border}");
        }
        assert!(likeness(0.1, Some(0.5), 0.3) > 0.8);
        assert!((likeness(0.3, Some(0.9), 0.3) - 0.5).abs() < 1e-6);
        assert!(likeness(0.2, Some(0.2), 0.3) < 0.5);
        assert_eq!(likeness(0.0, None, 0.3), 1.0);
    }
}
