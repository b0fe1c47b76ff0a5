//! Which detection stands for which annotated person, in one image (`COCOeval.evaluateImg`).
//!
//! In: the annotations and detections of one image and category. Out: at every OKS threshold,
//! whether each detection is right.

use super::coco::{Annotation, Detection};
use super::oks::oks;

/// The detections of one image that count: those with the highest scores.
pub const MAX_DETECTIONS: usize = 20;
/// OKS thresholds 0.50, 0.55, … 0.95.
pub(super) const THRESHOLDS: usize = 10;

/// The persons of one category in one image: annotated, found, and how alike each two are.
#[derive(Default)]
pub(super) struct Pairing<'a> {
    pub(super) truths: Vec<&'a Annotation>,
    pub(super) found: Vec<&'a Detection>,
    /// `similarity[found][truth]`.
    similarity: Vec<Vec<f64>>,
}

/// One detection after matching at one threshold.
#[derive(Clone, Copy)]
pub(super) struct Verdict {
    pub(super) matched: bool,
    /// Neither right nor wrong.
    pub(super) ignored: bool,
}

/// What matching one image at one area range gives: scores and verdicts of the detections, and the
/// persons to be found.
pub(super) struct Matched {
    pub(super) scores: Vec<f64>,
    /// `verdicts[threshold][found]`.
    pub(super) verdicts: Vec<Vec<Verdict>>,
    pub(super) wanted: usize,
}

/// Descending, equal ones in their order, NaN last: numpy's stable argsort of the negated scores.
pub(super) fn by_score(a: f64, b: f64) -> std::cmp::Ordering {
    let key = |s: f64| {
        if s.is_nan() {
            f64::NEG_INFINITY
        } else {
            s + 0.0
        }
    }; // + 0.0: -0 equals 0
    key(b).total_cmp(&key(a))
}

impl Pairing<'_> {
    /// Puts the detections in order, keeps those that count, and compares each with every person.
    pub(super) fn prepare(&mut self) {
        self.found.sort_by(|a, b| by_score(a.score, b.score));
        self.found.truncate(MAX_DETECTIONS);
        self.similarity = self
            .found
            .iter()
            .map(|d| self.truths.iter().map(|t| oks(t, &d.keypoints)).collect())
            .collect();
    }

    /// Matches detections with annotations at every threshold; persons outside `area` are neither
    /// wanted nor wrong.
    pub(super) fn matches(&self, area: (f64, f64)) -> Matched {
        let outside = |a: f64| a < area.0 || a > area.1;
        let ignored: Vec<bool> = self
            .truths
            .iter()
            .map(|t| t.iscrowd != 0 || t.num_keypoints == 0 || outside(t.area))
            .collect();
        let mut order: Vec<usize> = (0..self.truths.len()).collect();
        order.sort_by_key(|&t| ignored[t]);
        let off_size: Vec<bool> = self.found.iter().map(|d| outside(found_area(d))).collect();
        let verdicts = (0..THRESHOLDS)
            .map(|t| self.match_at(threshold(t), &order, &ignored, &off_size))
            .collect();
        let scores = self.found.iter().map(|d| d.score).collect();
        Matched {
            scores,
            verdicts,
            wanted: ignored.iter().filter(|&&i| !i).count(),
        }
    }

    /// Gives each detection, best score first, the free annotation that is most alike, wanted ones
    /// (first in `order`) preferred.
    fn match_at(
        &self,
        threshold: f64,
        order: &[usize],
        ignored: &[bool],
        off_size: &[bool],
    ) -> Vec<Verdict> {
        let mut taken = vec![false; self.truths.len()];
        let mut verdicts = Vec::with_capacity(self.found.len());
        for (similarity, &off_size) in self.similarity.iter().zip(off_size) {
            let mut best = threshold.min(1.0 - 1e-10);
            let mut at = None;
            for &t in order {
                if taken[t] && self.truths[t].iscrowd == 0 {
                    continue;
                }
                if at.is_some_and(|m: usize| !ignored[m]) && ignored[t] {
                    break;
                }
                if similarity[t] >= best {
                    best = similarity[t];
                    at = Some(t);
                }
            }
            // pycocotools notes the matched annotation's id and takes 0 for "none"; so does this,
            // to give its figures.
            let matched = at.is_some_and(|t| self.truths[t].id != 0);
            if let Some(t) = at {
                taken[t] = true;
            }
            let ignored = at.is_some_and(|t| ignored[t]) || (!matched && off_size);
            verdicts.push(Verdict { matched, ignored });
        }
        verdicts
    }
}

/// The area of the box around all joints, as `COCO.loadRes` takes it for keypoint results.
fn found_area(d: &Detection) -> f64 {
    let side = |offset: usize| {
        let values = d.keypoints.iter().skip(offset).step_by(3);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| {
            (l.min(v), h.max(v))
        });
        high - low
    };
    side(0) * side(1)
}

/// `numpy.linspace(0.5, 0.95, 10)`, to the last bit.
fn threshold(t: usize) -> f64 {
    if t == THRESHOLDS - 1 {
        0.95
    } else {
        t as f64 * ((0.95 - 0.5) / 9.0) + 0.5
    }
}
