//! `sum[p][j] = init[j] + Σ_k x[p][k] · w[j][k]`, four columns to a vector, four inputs to a lane.
//!
//! Packed: vectors of four columns, two by two (the last may be alone); for each two, and every
//! four inputs k, 16 bytes of the first vector (4 inputs of column 0, of column 1, ...) and 16 of
//! the second. Weights past `k` are 0.
//!
//! A tile is 8 pixels x 2 vectors: 16 sums, 8 vectors of inputs and two of weights fit the 32
//! registers. For 16 inputs k it loads 16 vectors and does 64 `sdot`, taking the inputs of a pixel
//! by lane, so nothing is ever copied across lanes nor added up at the end.

use super::super::sinks::{Rounded, Shares, Sink, Sums};
use super::super::{Task, opaque_pointer, panel_vectors};
use super::dot_lane;
use crate::engine::kernels::Packed;
use crate::engine::kernels::rows::fixed::Numbers;
use std::arch::aarch64::*;

pub fn pack_matrix(w: &[i8], n: usize, k: usize, init: &[i32]) -> (Packed, Vec<i32>) {
    let vectors = n.div_ceil(4);
    let groups = k.div_ceil(4);
    let mut packed = Vec::with_capacity(vectors * groups * 16);
    for two in (0..vectors).step_by(2) {
        for group in 0..groups {
            for column in two * 4..vectors.min(two + 2) * 4 {
                let weight = |i| {
                    if column < n && i < k {
                        w[column * k + i]
                    } else {
                        0
                    }
                };
                packed.extend((group * 4..group * 4 + 4).map(weight));
            }
        }
    }
    let mut init = init.to_vec();
    init.resize(vectors * 4, 0);
    (Packed::I8(packed), init)
}

/// # Safety
/// `w` and `init` come from [`pack_matrix`] with this `n` and `k`; `x` holds (pixels − 1) · stride
/// + k + SLACK bytes, `sums` pixels · n values.
#[allow(clippy::too_many_arguments)] // one call for all instruction sets
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn multiply(
    w: &[i8],
    init: &[i32],
    n: usize,
    k: usize,
    x: &[i8],
    stride: usize,
    pixels: usize,
    sums: &mut [i32],
) {
    let to = sums.as_mut_ptr();
    // SAFETY: the caller's promise is that of `all_pixels`.
    unsafe { all_pixels((w, init), [n, k], (x, stride, pixels), &Sums { to, n }) }
}

/// The same sums straight to int8.
///
/// # Safety
/// As [`multiply`]; n is a multiple of 4, `numbers` are of n channels and `out` holds pixels · n.
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn multiply_rounded((w, [n, k], x): Task, numbers: Numbers, out: &mut [i8]) {
    let to = out.as_mut_ptr();
    // SAFETY: the caller's promise is that of `all_pixels`.
    unsafe {
        match numbers.rest {
            None => all_pixels(w, [n, k], x, &Rounded::<false> { numbers, to, n }),
            Some(_) => all_pixels(w, [n, k], x, &Rounded::<true> { numbers, to, n }),
        }
    }
}

/// The same sums straight to shares of a step: set, or added to those in `out`.
///
/// # Safety
/// As [`multiply_rounded`].
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn multiply_shares<const ADD: bool>(
    (w, [n, k], x): Task,
    numbers: Numbers,
    out: &mut [i16],
) {
    let to = out.as_mut_ptr();
    // SAFETY: the caller's promise is that of `all_pixels`.
    unsafe {
        match numbers.rest {
            None => all_pixels(w, [n, k], x, &Shares::<ADD, false> { numbers, to, n }),
            Some(_) => all_pixels(w, [n, k], x, &Shares::<ADD, true> { numbers, to, n }),
        }
    }
}

/// # Safety
/// As [`multiply`]; `sink` takes as many sums.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn all_pixels(
    (w, init): (&[i8], &[i32]),
    [n, k]: [usize; 2],
    (x, stride, pixels): (&[i8], usize, usize),
    sink: &impl Sink,
) {
    let layer = Layer {
        w: w.as_ptr(),
        init: init.as_ptr(),
        groups: k.div_ceil(4),
        stride,
    };
    let panel = panel_vectors(k);
    for first in (0..n.div_ceil(4)).step_by(panel) {
        let vectors = first..n.div_ceil(4).min(first + panel);
        let mut p = 0;
        // SAFETY: p + the tile's pixels never exceed `pixels`.
        unsafe {
            let x = x.as_ptr();
            while p + 8 <= pixels {
                layer.some_pixels::<8>(x.add(p * stride), p, vectors.clone(), sink);
                p += 8;
            }
            if p + 4 <= pixels {
                layer.some_pixels::<4>(x.add(p * stride), p, vectors.clone(), sink);
                p += 4;
            }
            while p < pixels {
                layer.some_pixels::<1>(x.add(p * stride), p, vectors.clone(), sink);
                p += 1;
            }
        }
    }
}

struct Layer {
    w: *const i8,
    init: *const i32,
    /// Fours of inputs.
    groups: usize,
    stride: usize,
}

impl Layer {
    /// # Safety
    /// P pixels, of which the first is `p`, can be read at `x`, and `sink` takes their sums; `vectors`
    /// starts with an even one.
    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn some_pixels<const P: usize>(
        &self,
        x: *const i8,
        p: usize,
        vectors: std::ops::Range<usize>,
        sink: &impl Sink,
    ) {
        let mut vector = vectors.start;
        // SAFETY: vector + the tile's vectors never exceed `vectors`.
        unsafe {
            while vector + 2 <= vectors.end {
                self.tile::<P, 2>(x, p, vector, sink);
                vector += 2;
            }
            if vector < vectors.end {
                self.tile::<P, 1>(x, p, vector, sink);
            }
        }
    }

    /// 16 bytes of each of P pixels.
    ///
    /// # Safety
    /// They can be read at `x`.
    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn inputs<const P: usize>(&self, mut x: *const i8) -> [int8x16_t; P] {
        let mut inputs = [vdupq_n_s8(0); P];
        for input in &mut inputs {
            // SAFETY: the caller's promise.
            *input = unsafe { vld1q_s8(x) };
            x = opaque_pointer(x.wrapping_add(self.stride));
        }
        inputs
    }

    /// # Safety
    /// P pixels, of which the first is `p`, and 15 bytes can be read at `x`, and `sink` takes their
    /// sums; there are V vectors from `vector` on.
    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn tile<const P: usize, const V: usize>(
        &self,
        mut x: *const i8,
        p: usize,
        vector: usize,
        sink: &impl Sink,
    ) {
        let mut w = self.w.wrapping_add(vector * self.groups * 16);
        // SAFETY: `groups` times V vectors of weights are packed at `w`; a pixel has `groups` times
        // 4 bytes and 15 more.
        unsafe {
            let mut tile = [[vdupq_n_s32(0); V]; P];
            for row in &mut tile {
                let init = opaque_pointer(self.init.add(vector * 4));
                for (v, sum) in row.iter_mut().enumerate() {
                    *sum = vld1q_s32(init.add(v * 4));
                }
            }
            for _ in 0..self.groups / 4 {
                let inputs = self.inputs::<P>(x);
                x = x.wrapping_add(16);
                add_group::<0, P, V>(&mut tile, &inputs, &mut w);
                add_group::<1, P, V>(&mut tile, &inputs, &mut w);
                add_group::<2, P, V>(&mut tile, &inputs, &mut w);
                add_group::<3, P, V>(&mut tile, &inputs, &mut w);
            }
            let left = self.groups % 4;
            if left > 0 {
                let inputs = self.inputs::<P>(x);
                add_group::<0, P, V>(&mut tile, &inputs, &mut w);
                if left > 1 {
                    add_group::<1, P, V>(&mut tile, &inputs, &mut w);
                }
                if left > 2 {
                    add_group::<2, P, V>(&mut tile, &inputs, &mut w);
                }
            }
            sink.put(p, vector * 4, tile);
        }
    }
}

/// # Safety
/// V vectors can be read at `w`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn add_group<const LANE: usize, const P: usize, const V: usize>(
    tile: &mut [[int32x4_t; V]; P],
    x: &[int8x16_t; P],
    w: &mut *const i8,
) {
    let mut weights = [vdupq_n_s8(0); V];
    for (v, weights) in weights.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *weights = unsafe { vld1q_s8(w.add(v * 16)) };
    }
    *w = w.wrapping_add(V * 16);
    for p in 0..P {
        for v in 0..V {
            tile[p][v] = dot_lane::<LANE>(tile[p][v], weights[v], x[p]);
        }
    }
}
