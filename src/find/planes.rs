//! What a finder network gave, and what is left of it where it shows somebody twice.

use super::Proposal;
use crate::geometry::Affine;

/// Boxes that overlap more are the same person.
const SAME: f32 = 0.6;
/// More people are not told of.
pub const MOST: usize = 20;

/// What a finder network gave, and where it lies in the picture.
#[derive(Debug, Clone, Copy)]
pub struct Planes<'a> {
    /// Planes x height x width.
    pub values: &'a [f32],
    pub height: usize,
    pub width: usize,
    /// Input pixels a cell.
    pub stride: f32,
    /// From input pixels to the picture's.
    pub crop: Affine,
}

impl Planes<'_> {
    pub fn at(&self, plane: usize, row: usize, column: usize) -> f32 {
        self.values[(plane * self.height + row) * self.width + column]
    }

    pub fn depth(&self) -> usize {
        self.values.len() / (self.height * self.width)
    }
}

/// Keeps of those who overlap the surest, and the surest [`MOST`] in all, in order.
pub fn distinct(found: &mut Vec<Proposal>) {
    found.sort_unstable_by(|a, b| {
        let place = |p: &Proposal| (p.bbox.y, p.bbox.x);
        let by_place = place(a).partial_cmp(&place(b));
        b.score
            .total_cmp(&a.score)
            .then(by_place.unwrap_or(std::cmp::Ordering::Equal))
    });
    let mut kept = 0;
    for i in 0..found.len() {
        let next = found[i];
        let is_new = found[..kept].iter().all(|k| k.bbox.iou(next.bbox) < SAME);
        if is_new && kept < MOST {
            found[kept] = next;
            kept += 1;
        }
    }
    found.truncate(kept);
}
