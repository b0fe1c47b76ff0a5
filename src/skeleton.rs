//! A person as named joints with scores.
//!
//! In: keypoints from estimate. Out: what track, recognise, display and publish read. Left and
//! right are the person's own.

use crate::geometry::{Point, Rect};
use std::sync::Arc;

/// One joint: where it is in the picture and how sure the network is of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Keypoint {
    pub position: Point,
    /// The heatmap's maximum, about 0 to 1; not a probability.
    pub score: f32,
}

/// The score from which a joint counts as seen: one value for everything that looks at joints.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Threshold(pub f32);

impl Threshold {
    /// Where nobody says otherwise: in the daemon, in `image`, and when accuracy is measured.
    pub const DEFAULT: Self = Self(0.25);

    /// Whether the joint counts as seen.
    pub fn sees(self, joint: &Keypoint) -> bool {
        joint.score >= self.0
    }
}

impl Default for Threshold {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The joints that a network knows, in its output order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeypointSet {
    names: Vec<String>,
    bones: Vec<(usize, usize)>,
    mirror: Vec<usize>,
}

impl Default for KeypointSet {
    /// COCO's.
    fn default() -> Self {
        Self::new(COCO_17)
    }
}

/// The 17 joints of COCO (Lin et al., ECCV 2014), in the order of its annotations.
pub const COCO_17: [&str; 17] = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
];

/// The 16 joints of MPII (Andriluka et al., CVPR 2014), in the order of its annotations.
pub const MPII_16: [&str; 16] = [
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
    "pelvis",
    "thorax",
    "upper_neck",
    "head_top",
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
];

/// The pairs of joints that are drawn as bones wherever a network knows both.
const BONES: [(&str, &str); 22] = [
    ("left_ankle", "left_knee"),
    ("left_knee", "left_hip"),
    ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"),
    ("left_hip", "right_hip"),
    ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"),
    ("left_shoulder", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("left_eye", "right_eye"),
    ("nose", "left_eye"),
    ("nose", "right_eye"),
    ("left_eye", "left_ear"),
    ("right_eye", "right_ear"),
    ("left_ear", "left_shoulder"),
    ("right_ear", "right_shoulder"),
    ("pelvis", "thorax"),
    ("thorax", "upper_neck"),
    ("upper_neck", "head_top"),
];

impl KeypointSet {
    /// A set with these joint names in this order.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let at = |name: &str| names.iter().position(|n| n == name);
        let bones = BONES
            .iter()
            .filter_map(|(a, b)| Some((at(a)?, at(b)?)))
            .collect();
        let mirror = (0..names.len())
            .map(|i| opposite(&names[i]).and_then(|n| at(&n)).unwrap_or(i))
            .collect();
        Self {
            names,
            bones,
            mirror,
        }
    }

    /// The joints of COCO.
    ///
    /// ```
    /// let coco = posed::skeleton::KeypointSet::coco();
    /// assert_eq!(coco.index("left_wrist"), Some(9));
    /// assert_eq!(coco.mirror(9), 10);
    /// ```
    pub fn coco() -> Arc<Self> {
        Arc::new(Self::new(COCO_17))
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }

    /// Pairs of joints to be drawn as lines.
    pub fn bones(&self) -> &[(usize, usize)] {
        &self.bones
    }

    /// The joint on the person's other side; the joint itself where it has none.
    pub fn mirror(&self, joint: usize) -> usize {
        self.mirror[joint]
    }
}

fn opposite(name: &str) -> Option<String> {
    name.strip_prefix("left_")
        .map(|s| format!("right_{s}"))
        .or_else(|| name.strip_prefix("right_").map(|s| format!("left_{s}")))
}

/// A person's joints in the order of a [`KeypointSet`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Skeleton {
    pub keypoints: Vec<Keypoint>,
}

/// Of skeletons with more joints, so many are the better half.
const MOST_HALF: usize = 16;

impl Skeleton {
    /// The joints whose score reaches `visible`.
    pub fn seen(&self, visible: Threshold) -> impl Iterator<Item = &Keypoint> {
        self.keypoints.iter().filter(move |k| visible.sees(k))
    }

    /// How well the skeleton holds: the mean score over all joints, unseen ones counted as 0.
    pub fn score(&self, visible: Threshold) -> f32 {
        if self.keypoints.is_empty() {
            return 0.0;
        }
        // A sum of nothing is -0.
        let sum = self.seen(visible).fold(0.0, |sum, k| sum + k.score);
        sum / self.keypoints.len() as f32
    }

    /// How surely somebody is there: the mean score over the better half of the joints, unseen ones
    /// counted as 0. A table, the picture's edge or somebody else may hide the other half.
    pub fn presence(&self, visible: Threshold) -> f32 {
        let half = (self.keypoints.len() / 2).clamp(1, MOST_HALF);
        let mut best = [0.0; MOST_HALF];
        for joint in self.seen(visible) {
            let mut score = joint.score;
            for place in &mut best[..half] {
                if score > *place {
                    std::mem::swap(&mut score, place);
                }
            }
        }
        best[..half].iter().sum::<f32>() / half as f32
    }

    /// The rectangle around the seen joints; `None` if fewer than two are seen.
    pub fn bounds(&self, visible: Threshold) -> Option<Rect> {
        self.seen(visible).nth(1)?;
        Rect::around(self.seen(visible).map(|k| k.position))
    }

    /// Takes over the joints of `other` without a new allocation where the room suffices.
    pub fn copy_from(&mut self, other: &Self) {
        self.keypoints.clone_from(&other.keypoints);
    }
}

/// Standard deviations of COCO's joints relative to the object's scale, times ten (pycocotools
/// `kpt_oks_sigmas`).
pub const COCO_SIGMAS: [f64; 17] = [
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107,
    0.087, 0.087, 0.089, 0.089,
];

/// Object keypoint similarity of two found skeletons, 0 to 1, over the joints that both see. `area`
/// is in square pixels.
///
/// Sets other than COCO's use one middling sigma. For scoring against ground truth use
/// [`crate::eval`].
pub fn similarity(a: &Skeleton, b: &Skeleton, area: f32, visible: Threshold) -> f32 {
    let mut sum = 0.0;
    let mut n = 0;
    let area = f64::from(area.max(1.0));
    for (i, (p, q)) in a.keypoints.iter().zip(&b.keypoints).enumerate() {
        if !visible.sees(p) || !visible.sees(q) {
            continue;
        }
        let sigma = if a.keypoints.len() == 17 {
            COCO_SIGMAS[i]
        } else {
            0.07
        };
        let d = f64::from(p.position.distance(q.position));
        sum += (-d * d / (2.0 * (2.0 * sigma).powi(2) * area)).exp();
        n += 1;
    }
    if n == 0 {
        0.0
    } else {
        (sum / f64::from(n)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_of_the_mirror_is_the_joint() {
        let coco = KeypointSet::coco();
        for i in 0..coco.len() {
            assert_eq!(coco.mirror(coco.mirror(i)), i);
        }
        assert_eq!(coco.mirror(0), 0);
        assert_eq!(coco.bones().len(), 19, "COCO's own list of limbs has 19");
    }

    #[test]
    fn whoever_is_half_hidden_is_there() {
        let of = |scores: &[f32]| Skeleton {
            keypoints: scores
                .iter()
                .map(|&score| Keypoint {
                    position: Point::default(),
                    score,
                })
                .collect(),
        };
        let presence = |scores: &[f32]| of(scores).presence(Threshold(0.25));
        let mut desk = [0.05; 17];
        desk[..8].fill(0.8);
        assert!((presence(&desk) - 0.8).abs() < 1e-6);
        desk.reverse();
        assert!((presence(&desk) - 0.8).abs() < 1e-6, "whichever half it is");
        desk[13..].fill(0.2);
        assert!((presence(&desk) - 0.4).abs() < 1e-6, "unseen joints are 0");
        assert_eq!(presence(&[]), 0.0);
        assert_eq!(presence(&[0.9]), 0.9);
        assert_eq!(presence(&[f32::NAN; 17]), 0.0);
        assert!((presence(&[0.5; 200]) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn similarity_is_one_for_itself_and_falls_with_distance() {
        let at = |dx: f32| Skeleton {
            keypoints: (0..17)
                .map(|i| Keypoint {
                    position: Point::new(i as f32 * 9.0 + dx, i as f32 * 5.0),
                    score: 0.9,
                })
                .collect(),
        };
        assert_eq!(similarity(&at(0.0), &at(0.0), 1e4, Threshold(0.2)), 1.0);
        let near = similarity(&at(0.0), &at(3.0), 1e4, Threshold(0.2));
        let far = similarity(&at(0.0), &at(30.0), 1e4, Threshold(0.2));
        assert!(near > far && far < 0.5);
    }
}
