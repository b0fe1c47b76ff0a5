//! The ten figures of COCO's keypoint evaluation, as pycocotools computes them (`COCOeval` with
//! iouType "keypoints").
//!
//! In: annotations and detections. Out: average precision and recall, each from 0 to 1, or -1 where
//! nothing of that size is annotated. Everything is f64, ordered by stable sorts, and rounded
//! nowhere, as there.

use super::coco::{Dataset, Detection};
use super::matching::{Matched, Pairing, THRESHOLDS, Verdict, by_score};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// Bounds of a person's area in square pixels: all, medium, large.
const AREAS: [(f64, f64); 3] = [(0.0, 1e10), (1024.0, 9216.0), (9216.0, 1e10)];
/// Recall points 0.00, 0.01, … 1.00.
const RECALLS: usize = 101;

/// The ten figures of a keypoint evaluation, 0 to 1; -1 where no person of that size is annotated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Mean average precision over the OKS thresholds 0.50 to 0.95: COCO's headline figure.
    #[serde(rename = "AP")]
    pub ap: f64,
    #[serde(rename = "AP50")]
    pub ap50: f64,
    #[serde(rename = "AP75")]
    pub ap75: f64,
    /// Persons of 32² to 96² square pixels.
    #[serde(rename = "APm")]
    pub ap_medium: f64,
    /// Persons above 96² square pixels.
    #[serde(rename = "APl")]
    pub ap_large: f64,
    /// Mean over the thresholds of the share of persons that were found.
    #[serde(rename = "AR")]
    pub ar: f64,
    #[serde(rename = "AR50")]
    pub ar50: f64,
    #[serde(rename = "AR75")]
    pub ar75: f64,
    #[serde(rename = "ARm")]
    pub ar_medium: f64,
    #[serde(rename = "ARl")]
    pub ar_large: f64,
}

impl Summary {
    /// The figures with COCO's names, in COCO's order.
    pub fn figures(&self) -> [(&'static str, f64); 10] {
        [
            ("AP", self.ap),
            ("AP50", self.ap50),
            ("AP75", self.ap75),
            ("APm", self.ap_medium),
            ("APl", self.ap_large),
            ("AR", self.ar),
            ("AR50", self.ar50),
            ("AR75", self.ar75),
            ("ARm", self.ar_medium),
            ("ARl", self.ar_large),
        ]
    }

    /// One line a figure, such as `AP 0.675`.
    pub fn lines(&self) -> Vec<String> {
        self.figures()
            .iter()
            .map(|(name, value)| format!("{name} {value:.3}"))
            .collect()
    }
}

/// Compares `detections` with the annotations of `dataset`.
///
/// Detections of images or categories that the dataset does not list are left out.
pub fn evaluate(dataset: &Dataset, detections: &[Detection]) -> Summary {
    let images: BTreeSet<i64> = dataset.images.iter().map(|i| i.id).collect();
    let categories: BTreeSet<i64> = dataset.categories.iter().map(|c| c.id).collect();
    let mut pairs: HashMap<(i64, i64), Pairing> = HashMap::new();
    for a in &dataset.annotations {
        pairs
            .entry((a.image_id, a.category_id))
            .or_default()
            .truths
            .push(a);
    }
    for d in detections {
        pairs
            .entry((d.image_id, d.category_id))
            .or_default()
            .found
            .push(d);
    }
    pairs.values_mut().for_each(Pairing::prepare);
    let curves: Vec<[Curve; 3]> = categories
        .iter()
        .map(|&category| {
            let of_category: Vec<&Pairing> = images
                .iter()
                .filter_map(|&image| pairs.get(&(image, category)))
                .collect();
            AREAS.map(|area| Curve::new(&of_category, area))
        })
        .collect();
    let precision = |area: usize, t: std::ops::Range<usize>| {
        mean(
            curves
                .iter()
                .flat_map(|c| c[area].precision[t.clone()].iter().flatten().copied()),
        )
    };
    let recall = |area: usize, t: std::ops::Range<usize>| {
        mean(
            curves
                .iter()
                .flat_map(|c| c[area].recall[t.clone()].iter().copied()),
        )
    };
    let all = 0..THRESHOLDS;
    let at50 = 0..1;
    let at75 = 5..6;
    Summary {
        ap: precision(0, all.clone()),
        ap50: precision(0, at50.clone()),
        ap75: precision(0, at75.clone()),
        ap_medium: precision(1, all.clone()),
        ap_large: precision(2, all.clone()),
        ar: recall(0, all.clone()),
        ar50: recall(0, at50),
        ar75: recall(0, at75),
        ar_medium: recall(1, all.clone()),
        ar_large: recall(2, all),
    }
}

/// The mean of the values that are not -1, or -1 if there are none.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values
        .filter(|&v| v > -1.0)
        .fold((0.0, 0u32), |(sum, n), v| (sum + v, n + 1));
    if n == 0 { -1.0 } else { sum / f64::from(n) }
}

/// `numpy.linspace(0, 1, 101)`, to the last bit.
fn recall_point(r: usize) -> f64 {
    if r == RECALLS - 1 {
        1.0
    } else {
        r as f64 * 0.01
    }
}

/// Precision over recall for one category and area range, at every threshold; -1 throughout where
/// no person is wanted.
struct Curve {
    precision: [[f64; RECALLS]; THRESHOLDS],
    recall: [f64; THRESHOLDS],
}

impl Curve {
    fn new(images: &[&Pairing], area: (f64, f64)) -> Self {
        let mut curve = Self {
            precision: [[-1.0; RECALLS]; THRESHOLDS],
            recall: [-1.0; THRESHOLDS],
        };
        let matched: Vec<Matched> = images.iter().map(|p| p.matches(area)).collect();
        let wanted: usize = matched.iter().map(|m| m.wanted).sum();
        if wanted == 0 {
            return curve;
        }
        let scores: Vec<f64> = matched
            .iter()
            .flat_map(|m| m.scores.iter().copied())
            .collect();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| by_score(scores[a], scores[b]));
        for t in 0..THRESHOLDS {
            let verdicts: Vec<Verdict> = matched
                .iter()
                .flat_map(|m| m.verdicts[t].iter().copied())
                .collect();
            (curve.precision[t], curve.recall[t]) =
                precision_and_recall(order.iter().map(|&d| verdicts[d]), wanted as f64);
        }
        curve
    }
}

/// Precision at the recall points and the last recall, from verdicts in the order of falling score.
fn precision_and_recall(
    verdicts: impl Iterator<Item = Verdict>,
    wanted: f64,
) -> ([f64; RECALLS], f64) {
    let mut right = 0.0;
    let mut wrong = 0.0;
    let mut precision = Vec::new();
    let mut recall = Vec::new();
    for v in verdicts {
        match v {
            Verdict { ignored: true, .. } => {}
            Verdict { matched: true, .. } => right += 1.0,
            Verdict { matched: false, .. } => wrong += 1.0,
        }
        recall.push(right / wanted);
        precision.push(right / (wrong + right + f64::EPSILON));
    }
    // The envelope: precision at a recall is the best at that recall or a higher one.
    for i in (1..precision.len()).rev() {
        precision[i - 1] = precision[i - 1].max(precision[i]);
    }
    let at = |r| {
        precision
            .get(recall.partition_point(|&v| v < recall_point(r)))
            .copied()
            .unwrap_or(0.0)
    };
    (
        std::array::from_fn(at),
        recall.last().copied().unwrap_or(0.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::coco::{Annotation, Category, Image};

    fn dataset() -> Dataset {
        let images = (1..=2)
            .map(|id| Image {
                id,
                file_name: format!("{id}.jpg"),
                width: 640,
                height: 480,
            })
            .collect();
        let person = |id: i64, image_id, side: f64| Annotation {
            id,
            image_id,
            category_id: 1,
            bbox: [0.0, 0.0, side, side],
            area: side * side,
            iscrowd: 0,
            num_keypoints: 17,
            keypoints: (0..17)
                .flat_map(|i| {
                    [
                        f64::from(i) * side / 17.0,
                        f64::from(i * 7 % 17) * side / 17.0,
                        2.0,
                    ]
                })
                .collect(),
        };
        Dataset {
            images,
            annotations: vec![person(1, 1, 50.0), person(2, 2, 200.0)],
            categories: vec![Category { id: 1 }],
        }
    }

    fn perfect(dataset: &Dataset) -> Vec<Detection> {
        let found = |a: &Annotation| Detection {
            image_id: a.image_id,
            category_id: 1,
            keypoints: a.keypoints.clone(),
            score: 0.9,
        };
        dataset.annotations.iter().map(found).collect()
    }

    #[test]
    fn the_truth_scores_one_and_nothing_scores_zero() {
        let d = dataset();
        assert!(
            evaluate(&d, &perfect(&d))
                .figures()
                .iter()
                .all(|(_, v)| (v - 1.0).abs() < 1e-12)
        );
        assert!(evaluate(&d, &[]).figures().iter().all(|(_, v)| *v == 0.0));
    }

    #[test]
    fn a_size_that_is_not_annotated_is_minus_one() {
        let mut d = dataset();
        d.annotations.truncate(1);
        let s = evaluate(&d, &perfect(&d));
        assert_eq!((s.ap_large, s.ar_large), (-1.0, -1.0));
        assert!((s.ap_medium - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_second_detection_of_one_person_costs_precision_and_not_recall() {
        let d = dataset();
        let mut found = perfect(&d);
        found.insert(
            0,
            Detection {
                score: 0.95,
                ..found[0].clone()
            },
        );
        found[1].score = 0.92;
        let s = evaluate(&d, &found);
        assert!((s.ar - 1.0).abs() < 1e-12 && s.ap < 0.9, "{s:?}");
    }

    #[test]
    fn crowds_and_unlabelled_persons_are_neither_wanted_nor_wrong() {
        let mut d = dataset();
        d.annotations[1].iscrowd = 1;
        let s = evaluate(&d, &perfect(&d));
        assert_eq!(s.ar_large, -1.0);
        assert!((s.ap - 1.0).abs() < 1e-12);
    }

    #[test]
    fn lines_and_json_carry_cocos_names() {
        let d = dataset();
        let s = evaluate(&d, &perfect(&d));
        assert_eq!(s.lines()[0], "AP 1.000");
        assert_eq!(s.lines()[9], "ARl 1.000");
        let json = serde_json::to_value(s).unwrap();
        assert!(
            s.figures().iter().all(|(name, value)| json[name] == *value),
            "{json}"
        );
    }
}
