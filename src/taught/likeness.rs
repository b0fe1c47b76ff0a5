//! How like a taught pose somebody is.
//!
//! In: a skeleton. Out: 0 to 1; 0.5 at the border of the pose, by the distance of
//! [`super::measure`] to its nearest example and to the nearest of what it is not.

use super::TaughtPose;
use super::measure::{Figure, Measure, borders, likeness};
use crate::skeleton::{KeypointSet, Skeleton, Threshold};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The examples of all poses, ready to be compared.
#[derive(Debug)]
pub(super) struct Gallery {
    measure: Measure,
    /// Whether the mirrored form of a pose is the same.
    mirror: bool,
    names: Vec<String>,
    /// Of each pose.
    examples: Vec<Vec<Figure>>,
    /// How far each pose reaches.
    borders: OnceLock<Vec<f32>>,
    /// Somebody is compared once with all, however many poses ask: what came of it.
    last: Mutex<Compared>,
}

/// What came of comparing somebody.
#[derive(Debug, Default)]
struct Compared {
    skeleton: Skeleton,
    visible: Threshold,
    figure: Figure,
    mirrored: Figure,
    /// To the nearest example of each pose.
    nearest: Vec<Option<f32>>,
}

/// Tells one taught pose from the others.
#[derive(Debug, Clone)]
pub struct Likeness {
    gallery: Arc<Gallery>,
    pose: usize,
    border: f32,
}

impl PartialEq for Likeness {
    fn eq(&self, other: &Self) -> bool {
        let [a, b] = [&self.gallery, &other.gallery];
        self.pose == other.pose
            && (Arc::ptr_eq(a, b)
                || (a.mirror, &a.names, &a.examples) == (b.mirror, &b.names, &b.examples))
    }
}

impl Gallery {
    pub fn new(poses: &[TaughtPose], set: &KeypointSet, mirror: bool) -> Self {
        let measure = Measure::new(set);
        let figures = |pose: &TaughtPose| {
            let skeletons = pose.examples.iter().map(|e| &e.skeleton);
            let figures = skeletons.map(|s| measure.figure(s, Threshold::DEFAULT, false));
            figures.collect()
        };
        Self {
            names: poses.iter().map(|p| p.name.clone()).collect(),
            examples: poses.iter().map(figures).collect(),
            measure,
            mirror,
            borders: OnceLock::new(),
            last: Mutex::default(),
        }
    }

    /// The distance of every example to every other, pose by pose; infinite where they cannot be
    /// compared, and to itself.
    pub fn distances(&self) -> Vec<Vec<f32>> {
        let all: Vec<&Figure> = self.examples.iter().flatten().collect();
        let mut distances = vec![vec![f32::INFINITY; all.len()]; all.len()];
        let mirrored: Vec<Figure> = all.iter().map(|f| f.mirrored(&self.measure)).collect();
        for i in 0..all.len() {
            for k in 0..i {
                let distance = self.distance(all[i], &mirrored[i], all[k]);
                let distance = distance.unwrap_or(f32::INFINITY);
                distances[i][k] = distance;
                distances[k][i] = distance;
            }
        }
        distances
    }

    /// How far somebody, or where mirroring is asked for their mirrored form, is from an example.
    fn distance(&self, figure: &Figure, mirrored: &Figure, example: &Figure) -> Option<f32> {
        let plain = figure.distance(example);
        if self.mirror {
            return nearer(plain, mirrored.distance(example));
        }
        plain
    }

    /// How far each pose reaches, by [`Self::distances`].
    pub fn borders(&self, distances: &[Vec<f32>]) -> Vec<f32> {
        let poses = self.examples.iter().enumerate();
        let poses = poses.flat_map(|(p, e)| std::iter::repeat_n(p, e.len()));
        let mut borders = borders(&poses.collect::<Vec<_>>(), distances);
        // A last pose may have no examples.
        borders.resize(self.examples.len(), 0.0);
        borders
    }

    /// How far each pose reaches; found out once.
    fn reach(&self) -> &[f32] {
        self.borders.get_or_init(|| self.borders(&self.distances()))
    }

    /// Fills the distances to the nearest example of each pose; gives those of `pose` and of what it is
    /// not, and how well the person was seen.
    fn compare(
        &self,
        skeleton: &Skeleton,
        visible: Threshold,
        pose: usize,
    ) -> Option<(f32, Option<f32>, f32)> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = &mut *last;
        let is_new = last.nearest.len() != self.examples.len()
            || last.visible != visible
            || last.skeleton != *skeleton;
        if is_new {
            last.skeleton.copy_from(skeleton);
            last.visible = visible;
            (self.measure).prepare(skeleton, visible, false, &mut last.figure);
            (self.measure).prepare(skeleton, visible, true, &mut last.mirrored);
            last.nearest.clear();
            let nearest = self.examples.iter().map(|examples| {
                let distances = examples
                    .iter()
                    .filter_map(|example| self.distance(&last.figure, &last.mirrored, example));
                distances.min_by(f32::total_cmp)
            });
            last.nearest.extend(nearest);
        }
        let others = last.nearest.iter().enumerate();
        let others = others.filter(|(i, _)| *i != pose).filter_map(|(_, d)| *d);
        let other = others.min_by(f32::total_cmp);
        Some((last.nearest[pose]?, other, last.figure.score()))
    }
}

/// The smaller of two that may not be known.
fn nearer(a: Option<f32>, b: Option<f32>) -> Option<f32> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Likeness {
    /// Of the pose at this place of the gallery.
    pub(super) fn new(gallery: Arc<Gallery>, pose: usize) -> Self {
        Self {
            border: gallery.reach()[pose],
            gallery,
            pose,
        }
    }

    pub fn name(&self) -> &str {
        &self.gallery.names[self.pose]
    }

    /// How like the pose somebody is, 0 to 1, from 0.5 on they show it, with the mean score of their
    /// joints; `None` where too few are seen to compare them.
    pub fn of(&self, skeleton: &Skeleton, visible: Threshold) -> Option<(f32, f32)> {
        let (own, other, score) = self.gallery.compare(skeleton, visible, self.pose)?;
        Some((likeness(own, other, self.border), score))
    }
}
