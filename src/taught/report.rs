//! Whether taught poses can be told from each other, and what to do where they cannot.
//!
//! In: all examples. Out: of each pose how many of its examples would be told rightly if they had not
//! been taught (leave one out), which poses are nearest to each other, which examples contradict.

use super::likeness::Gallery;
use super::measure::likeness;
use super::{LEAST_EXAMPLES, LEAST_RIGHT, OTHER, TaughtPose};
use crate::skeleton::KeypointSet;
use crate::trouble::Trouble;

/// What is known of all poses of a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// In the order of the names; what is no pose is not among them.
    pub scores: Vec<Score>,
    /// The two poses of which an example of one is nearest to one of the other.
    pub closest: Option<Closest>,
}

/// What becomes of a pose's examples when each is judged by all others.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    pub name: String,
    pub examples: usize,
    /// Told to be the pose.
    pub right: usize,
    /// Told to be no pose.
    pub unknown: usize,
    /// Nearest to another pose, or to what is none.
    pub confused: Vec<Confusion>,
}

/// An example that is nearer to another pose.
#[derive(Debug, Clone, PartialEq)]
pub struct Confusion {
    /// Its place among the examples of its pose.
    pub example: usize,
    /// The other pose, and the place of the example there that it is nearest to.
    pub with: String,
    pub with_example: usize,
    pub distance: f32,
}

/// Two poses that are near each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Closest {
    pub poses: [String; 2],
    pub distance: f32,
}

impl Report {
    /// Of these poses; `mirror` takes mirrored forms for the same.
    pub fn of(poses: &[TaughtPose], set: &KeypointSet, mirror: bool) -> Self {
        let gallery = Gallery::new(poses, set, mirror);
        let distances = gallery.distances();
        // Whose each example is, and its place there.
        let places = poses.iter().enumerate();
        let places = places.flat_map(|(p, pose)| (0..pose.examples.len()).map(move |e| (p, e)));
        let places: Vec<(usize, usize)> = places.collect();
        let judge = Judge {
            poses,
            distances: &distances,
            borders: &gallery.borders(&distances),
            places: &places,
        };
        let taught = (0..poses.len()).filter(|&p| poses[p].name != OTHER);
        Self {
            scores: taught.map(|p| judge.score(p)).collect(),
            closest: judge.closest(),
        }
    }

    /// Whether a pose can be told from the others.
    ///
    /// # Errors
    /// It cannot, with what to do.
    pub fn trust(&self, name: &str) -> Result<(), Trouble> {
        let Some(score) = self.scores.iter().find(|s| s.name == name) else {
            return Ok(());
        };
        let accept = "or write accept = true to take it as it is";
        if score.examples < LEAST_EXAMPLES {
            return Err(Trouble::new(
                format!(
                    "the taught pose {name:?} has {} examples, fewer than {LEAST_EXAMPLES}",
                    score.examples
                ),
                format!("teach it with ten photos: posed teach {name} PHOTO…, {accept}"),
            ));
        }
        if score.accuracy() >= LEAST_RIGHT {
            return Ok(());
        }
        Err(Trouble::new(
            format!(
                "the taught pose {name:?} cannot be told from the others: of its {} examples {} are taken for another pose",
                score.examples,
                score.confused.len()
            ),
            format!("{}, {accept}", score.advice()),
        ))
    }
}

impl Score {
    /// The share of the examples that are not taken for another pose.
    pub fn accuracy(&self) -> f32 {
        1.0 - self.confused.len() as f32 / self.examples.max(1) as f32
    }

    /// The pose with which this one is confused most.
    pub fn rival(&self) -> Option<&str> {
        let count = |name: &str| self.confused.iter().filter(|c| c.with == name).count();
        let names = self.confused.iter().map(|c| c.with.as_str());
        names.max_by_key(|name| count(name))
    }

    /// What to do.
    pub fn advice(&self) -> String {
        let name = &self.name;
        match self.rival() {
            _ if self.examples < LEAST_EXAMPLES => {
                format!("add photos: ten of {name} say what varies and what does not")
            }
            Some(OTHER) => format!(
                "add five photos of {name}, or remove the examples that were taught as none: posed teach --remove {OTHER}"
            ),
            Some(rival) => format!(
                "add five photos of {name} from where it will be seen, and look whether {rival} shows the same to the camera: poses that differ in what is hidden cannot be told apart"
            ),
            None if self.unknown * 4 > self.examples => format!(
                "{} of its examples are unlike the others: add five photos of {name} that lie between them",
                self.unknown
            ),
            None => String::new(),
        }
    }
}

/// Judges each example by all others.
struct Judge<'a> {
    poses: &'a [TaughtPose],
    distances: &'a [Vec<f32>],
    /// How far each pose reaches.
    borders: &'a [f32],
    places: &'a [(usize, usize)],
}

impl Judge<'_> {
    fn score(&self, pose: usize) -> Score {
        let mut score = Score {
            name: self.poses[pose].name.clone(),
            examples: self.poses[pose].examples.len(),
            right: 0,
            unknown: 0,
            confused: Vec::new(),
        };
        let of_pose = |i: &usize| self.places[*i].0 == pose;
        for i in (0..self.places.len()).filter(of_pose) {
            let nearest = |own: bool| {
                let all = (0..self.places.len()).filter(|k| of_pose(k) == own && *k != i);
                let nearest =
                    all.min_by(|a, b| self.distance(i, *a).total_cmp(&self.distance(i, *b)));
                nearest.filter(|k| self.distance(i, *k).is_finite())
            };
            let [own, other] = [nearest(true), nearest(false)];
            let [near, far] = [own, other].map(|k| k.map(|k| self.distance(i, k)));
            match (near, far, other) {
                (near, Some(far), Some(other)) if near.is_none_or(|near| far < near) => {
                    let (with, with_example) = self.places[other];
                    score.confused.push(Confusion {
                        example: self.places[i].1,
                        with: self.poses[with].name.clone(),
                        with_example,
                        distance: far,
                    });
                }
                (Some(near), far, _) if likeness(near, far, self.borders[pose]) > 0.5 => {
                    score.right += 1
                }
                _ => score.unknown += 1,
            }
        }
        score
    }

    fn distance(&self, i: usize, k: usize) -> f32 {
        self.distances[i][k]
    }

    fn closest(&self) -> Option<Closest> {
        let is_taught = |i: &usize| self.poses[self.places[*i].0].name != OTHER;
        let taught: Vec<usize> = (0..self.places.len()).filter(is_taught).collect();
        let mut closest: Option<(usize, usize, f32)> = None;
        for &i in &taught {
            for &k in taught
                .iter()
                .filter(|k| **k < i && self.places[**k].0 != self.places[i].0)
            {
                let distance = self.distance(i, k);
                if distance.is_finite() && closest.is_none_or(|c| distance < c.2) {
                    closest = Some((k, i, distance));
                }
            }
        }
        let name = |i: usize| self.poses[self.places[i].0].name.clone();
        closest.map(|(a, b, distance)| Closest {
            poses: [name(a), name(b)],
            distance,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use crate::skeleton::{Keypoint, Skeleton, Threshold};
    use crate::taught::Example;

    /// Somebody who stands, an arm turned by these degrees from hanging down, a little different each
    /// time.
    fn example(arm_deg: f32, n: u32) -> Example {
        const BODY: [(f32, f32); 17] = [
            (0.0, -1.4),
            (0.06, -1.46),
            (-0.06, -1.46),
            (0.12, -1.42),
            (-0.12, -1.42),
            (0.35, -1.0),
            (-0.35, -1.0),
            (0.4, -0.4),
            (-0.4, -0.4),
            (0.42, 0.15),
            (-0.42, 0.15),
            (0.2, 0.0),
            (-0.2, 0.0),
            (0.22, 0.85),
            (-0.22, 0.85),
            (0.24, 1.65),
            (-0.24, 1.65),
        ];
        let mut keypoints: Vec<Keypoint> = BODY
            .iter()
            .enumerate()
            .map(|(i, &(x, y))| {
                let shake = ((i as u32 * 7 + n * 13) % 11) as f32 / 11.0 - 0.5;
                Keypoint {
                    position: Point::new(100.0 * x + 4.0 * shake, 100.0 * y - 4.0 * shake),
                    score: 0.9,
                }
            })
            .collect();
        let (sin, cos) = arm_deg.to_radians().sin_cos();
        for (joint, length) in [(7, 60.0), (9, 115.0)] {
            keypoints[joint].position = Point::new(35.0 + sin * length, -100.0 + cos * length);
        }
        Example::of(
            format!("{arm_deg} {n}"),
            &Skeleton { keypoints },
            100.0,
            Threshold::DEFAULT,
        )
    }

    fn taught(name: &str, arms: &[f32]) -> TaughtPose {
        let arms = arms.iter().zip(0..);
        TaughtPose {
            name: name.into(),
            examples: arms.map(|(&arm, n)| example(arm, n)).collect(),
        }
    }

    #[test]
    fn poses_that_differ_are_told_and_those_that_do_not_are_refused() {
        let set = KeypointSet::coco();
        let up = taught("up", &[170.0, 175.0, 180.0, 172.0, 178.0, 185.0]);
        let out = taught("out", &[85.0, 90.0, 95.0, 88.0, 92.0, 97.0]);
        let report = Report::of(&[out.clone(), up.clone()], &set, false);
        for score in &report.scores {
            assert!(score.right >= 5 && score.confused.is_empty(), "{score:?}");
            assert!(report.trust(&score.name).is_ok());
        }
        assert_eq!(report.closest.as_ref().unwrap().poses, ["out", "up"]);
        // The same again under another name.
        let again = taught("up_again", &[171.0, 176.0, 181.0, 173.0, 179.0, 184.0]);
        let report = Report::of(&[out, up, again], &set, false);
        let trouble = report.trust("up").unwrap_err();
        assert!(
            trouble.what.contains("cannot be told from the others"),
            "{trouble}"
        );
        assert!(
            trouble.mend.contains("up_again") && trouble.mend.contains("accept = true"),
            "{trouble}"
        );
        assert!(report.trust("out").is_ok());
    }

    #[test]
    fn one_or_two_examples_are_too_few() {
        let report = Report::of(
            &[taught("up", &[170.0, 180.0])],
            &KeypointSet::coco(),
            false,
        );
        assert!(report.trust("up").unwrap_err().what.contains("2 examples"));
    }

    #[test]
    fn the_other_arm_is_the_same_pose_only_where_mirroring_is_asked_for() {
        let set = KeypointSet::coco();
        let left = taught("up", &[170.0, 175.0, 180.0, 172.0, 178.0, 185.0]);
        let mut right = example(177.0, 9).skeleton;
        for i in 0..17 {
            let other = example(177.0, 9).skeleton.keypoints[set.mirror(i)];
            right.keypoints[i] = Keypoint {
                position: Point::new(-other.position.x, other.position.y),
                ..other
            };
        }
        let likeness = |mirror: bool| {
            let gallery =
                std::sync::Arc::new(Gallery::new(std::slice::from_ref(&left), &set, mirror));
            let like = crate::taught::Likeness::new(gallery, 0);
            like.of(&right, Threshold::DEFAULT).unwrap().0
        };
        assert!(
            likeness(true) > 0.5 && likeness(false) < 0.5,
            "{} {}",
            likeness(true),
            likeness(false)
        );
    }
}
