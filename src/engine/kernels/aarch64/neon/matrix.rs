//! `sum[p][j] = init[j] + Σ_k x[p][k] · w[j][k]`, inputs k along the lanes.
//!
//! Packed: blocks of four columns; in a block, k is cut in eights; if their number is odd, the first is 8 bytes of column 0, 8 of
//! column 1, ...; each two that follow are 16 bytes of column 0, 16 of column 1, ... Weights past `k` are 0, so that what is read
//! behind a pixel does not count.
//!
//! A tile is 4 pixels x 4 columns: 8 loads, then 16 times `smull`, `smlal2`, `sadalp` (two products in int16, pairs of these
//! added to int32) for 256 products, and at its end three `addp` make one vector of four columns from four accumulators. The
//! other layout, columns along the lanes, needs no `addp` but a `dup` for every input and a second widening add for every 16
//! products.

use super::super::{opaque_pointer, panel_vectors, store};
use super::has_minimum;
use crate::engine::kernels::Packed;
use std::arch::aarch64::*;

/// Columns of a tile.
const COLUMNS: usize = 4;

pub fn pack_matrix(w: &[i8], n: usize, k: usize, init: &[i32]) -> (Packed, Vec<i32>) {
    let (columns, depth) = (n.next_multiple_of(COLUMNS), k.next_multiple_of(8));
    let mut packed = Vec::with_capacity(columns * depth + 1);
    for block in (0..columns).step_by(COLUMNS) {
        let mut start = 0;
        while start < depth {
            let end = start + if start == 0 && !depth.is_multiple_of(16) { 8 } else { 16 };
            for column in block..block + COLUMNS {
                packed.extend((start..end).map(|i| if column < n && i < k { w[column * k + i] } else { 0 }));
            }
            start = end;
        }
    }
    packed.push(has_minimum(w));
    let mut init = init.to_vec();
    init.resize(columns, 0);
    (Packed::I8(packed), init)
}

/// # Safety
/// `w` and `init` come from [`pack_matrix`] with this `n` and `k`; `x` holds (pixels − 1) · stride + k + SLACK bytes, `sums`
/// pixels · n values.
#[allow(clippy::too_many_arguments)] // one call for all instruction sets
#[target_feature(enable = "neon")]
pub unsafe fn multiply(w: &[i8], init: &[i32], n: usize, k: usize, x: &[i8], stride: usize, pixels: usize, sums: &mut [i32]) {
    let layer = Layer { w: w.as_ptr(), init: init.as_ptr(), n, depth: k.next_multiple_of(8), stride };
    // SAFETY: the caller's promise is that of `all_pixels`.
    unsafe {
        match w.last() {
            Some(0) => layer.all_pixels::<false>(x.as_ptr(), pixels, sums.as_mut_ptr()),
            _ => layer.all_pixels::<true>(x.as_ptr(), pixels, sums.as_mut_ptr()),
        }
    }
}

struct Layer {
    w: *const i8,
    init: *const i32,
    n: usize,
    /// k, rounded up to eights.
    depth: usize,
    stride: usize,
}

impl Layer {
    /// # Safety
    /// As [`multiply`]; `MINIMUM` where a weight is −128.
    #[target_feature(enable = "neon")]
    unsafe fn all_pixels<const MINIMUM: bool>(&self, x: *const i8, pixels: usize, sums: *mut i32) {
        let panel = panel_vectors(self.depth) * COLUMNS;
        for first in (0..self.n).step_by(panel) {
            let columns = first..self.n.min(first + panel);
            let mut p = 0;
            // SAFETY: p + the tile's pixels never exceed `pixels`.
            unsafe {
                while p + 4 <= pixels {
                    self.some_pixels::<4, MINIMUM>(x.add(p * self.stride), columns.clone(), sums.add(p * self.n));
                    p += 4;
                }
                while p < pixels {
                    self.some_pixels::<1, MINIMUM>(x.add(p * self.stride), columns.clone(), sums.add(p * self.n));
                    p += 1;
                }
            }
        }
    }

    /// # Safety
    /// P pixels can be read at `x` and their sums be written at `sums`.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn some_pixels<const P: usize, const MINIMUM: bool>(
        &self,
        x: *const i8,
        columns: std::ops::Range<usize>,
        sums: *mut i32,
    ) {
        for column in columns.step_by(COLUMNS) {
            // SAFETY: packed weights and init go on to a whole number of blocks; `store` writes only columns below n.
            unsafe {
                let tile = self.tile::<P, MINIMUM>(x, self.w.add(column * self.depth));
                let init = vld1q_s32(self.init.add(column));
                let mut to = sums.wrapping_add(column);
                for [a, b, c, d] in tile {
                    let four = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
                    store(to, [vaddq_s32(four, init)], self.n - column);
                    to = opaque_pointer(to.wrapping_add(self.n)).cast_mut();
                }
            }
        }
    }

    /// P pixels times one block of columns; a sum's four lanes are still to be added.
    ///
    /// # Safety
    /// P pixels (rounded up to eights of bytes) can be read at `x`, a block of weights at `w`.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn tile<const P: usize, const MINIMUM: bool>(&self, mut x: *const i8, mut w: *const i8) -> [[int32x4_t; COLUMNS]; P] {
        let mut sums = [[vdupq_n_s32(0); COLUMNS]; P];
        // SAFETY: perhaps 8 bytes, then pairs of eights, are the rounded depth that the caller promises.
        unsafe {
            if !self.depth.is_multiple_of(16) {
                let weights: [int8x8_t; COLUMNS] = [vld1_s8(w), vld1_s8(w.add(8)), vld1_s8(w.add(16)), vld1_s8(w.add(24))];
                let mut pixel = x;
                for sums in &mut sums {
                    let x = vld1_s8(pixel);
                    for (sum, w) in sums.iter_mut().zip(weights) {
                        *sum = vpaddlq_s16(vmull_s8(x, w));
                    }
                    pixel = opaque_pointer(pixel.wrapping_add(self.stride));
                }
                w = w.add(32);
                x = x.add(8);
            }
            for _ in 0..self.depth / 16 {
                let weights: [int8x16_t; COLUMNS] = [vld1q_s8(w), vld1q_s8(w.add(16)), vld1q_s8(w.add(32)), vld1q_s8(w.add(48))];
                w = w.add(64);
                for (p, sums) in sums.iter_mut().enumerate() {
                    let x = vld1q_s8(x.add(p * self.stride));
                    for (sum, w) in sums.iter_mut().zip(weights) {
                        let low = vmull_s8(vget_low_s8(x), vget_low_s8(w));
                        *sum = if MINIMUM {
                            vpadalq_s16(vpadalq_s16(*sum, low), vmull_high_s8(x, w))
                        } else {
                            vpadalq_s16(*sum, vmlal_high_s8(low, x, w))
                        };
                    }
                }
                x = x.wrapping_add(16);
            }
        }
        sums
    }
}
