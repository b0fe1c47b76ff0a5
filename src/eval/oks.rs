//! Object keypoint similarity as pycocotools computes it (`COCOeval.computeOks`).
//!
//! In: an annotated person and the keypoints of a detection. Out: their similarity, 0 to 1.

use super::coco::Annotation;
use crate::skeleton::COCO_SIGMAS;

/// How well `found` (17 times x, y, score) meets `truth`, from 0 to 1: the mean over the labelled
/// joints of `exp(-d² / (2 · area · (2σ)²))`.
///
/// Of a person without labelled joints only the box is known: `d` is then a joint's distance from
/// the box grown by its own size on every side, and all 17 joints count. So a detection that falls
/// on such a person is told from a wrong one.
pub fn oks(truth: &Annotation, found: &[f64]) -> f64 {
    let labelled = truth.keypoints.chunks_exact(3).any(|k| k[2] > 0.0);
    let [x, y, width, height] = truth.bbox;
    let outside = |at: f64, low: f64, side: f64| {
        (low - side - at).max(0.0) + (at - (low + side * 2.0)).max(0.0)
    };
    let mut terms = [0.0; COCO_SIGMAS.len()];
    let mut n = 0;
    for ((t, f), sigma) in truth
        .keypoints
        .chunks_exact(3)
        .zip(found.chunks_exact(3))
        .zip(COCO_SIGMAS)
    {
        if labelled && t[2] <= 0.0 {
            continue;
        }
        let (dx, dy) = if labelled {
            (f[0] - t[0], f[1] - t[1])
        } else {
            (outside(f[0], x, width), outside(f[1], y, height))
        };
        // The order of the divisions is numpy's, so that equal pairs stay equal.
        let e = (dx * dx + dy * dy) / (sigma * 2.0).powi(2) / (truth.area + f64::EPSILON) / 2.0;
        terms[n] = (-e).exp();
        n += 1;
    }
    if n == 0 {
        0.0
    } else {
        numpy_sum(&terms[..n]) / n as f64
    }
}

/// Sums as numpy does for short rows: in eight lanes from eight values on. Another order may move
/// an OKS across a threshold.
fn numpy_sum(values: &[f64]) -> f64 {
    let (rows, rest) = values.as_chunks::<8>();
    let Some((first, rows)) = rows.split_first() else {
        return values.iter().sum();
    };
    let mut lanes = *first;
    for row in rows {
        for (lane, v) in lanes.iter_mut().zip(row) {
            *lane += v;
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    rest.iter()
        .fold(((a + b) + (c + d)) + ((e + f) + (g + h)), |sum, v| sum + v)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(visibility: f64) -> Annotation {
        let keypoints = (0..17)
            .flat_map(|i| [100.0 + i as f64, 50.0, visibility])
            .collect();
        let bbox = [100.0, 40.0, 20.0, 30.0];
        Annotation {
            id: 1,
            image_id: 1,
            category_id: 1,
            bbox,
            area: 400.0,
            iscrowd: 0,
            keypoints,
            num_keypoints: 17,
        }
    }

    #[test]
    fn the_truth_itself_scores_one() {
        assert_eq!(oks(&truth(2.0), &truth(2.0).keypoints), 1.0);
        assert_eq!(
            oks(&truth(1.0), &truth(2.0).keypoints),
            1.0,
            "hidden joints count as seen ones"
        );
    }

    #[test]
    fn a_joint_at_its_own_deviation_scores_as_the_formula_says() {
        let mut t = truth(0.0);
        t.keypoints[2] = 2.0;
        let mut found = truth(2.0).keypoints;
        found[0] += 2.0 * 0.026 * 20.0; // one deviation of the nose: 2σ · √area
        assert!((oks(&t, &found) - (-0.5f64).exp()).abs() < 1e-12);
    }

    #[test]
    fn without_labels_the_grown_box_counts() {
        let unlabelled = truth(0.0);
        let at = |x: f64, y: f64| [x, y, 1.0].repeat(17);
        assert_eq!(
            oks(&unlabelled, &at(80.0, 10.0)),
            1.0,
            "on the corner of the grown box"
        );
        assert_eq!(
            oks(&unlabelled, &at(140.0, 100.0)),
            1.0,
            "on its other corner"
        );
        assert!(oks(&unlabelled, &at(79.0, 10.0)) < 1.0);
        assert!(oks(&unlabelled, &at(400.0, 10.0)) < 1e-6);
    }
}
