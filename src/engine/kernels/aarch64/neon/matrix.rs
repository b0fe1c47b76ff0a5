//! `sum[p][j] = init[j] + Σ_k x[p][k] · w[j][k]`, inputs k along the lanes.
//!
//! Packed: blocks of four columns; in a block, k is cut in eights and these in pieces of four, the
//! first piece being what is over (one to three eights, or four); a piece holds its bytes of column
//! 0, then of column 1, ... Weights past `k` are 0, so that what is read behind a pixel does not
//! count. After the blocks comes a byte for each of their pieces: its [`Chain`]; last, the shortest of
//! these.
//!
//! A tile is 4 pixels x 4 columns. A piece of it is 8 loads of pairs of vectors, then for each of
//! the 16 sums one `smull`, three `smlal` and, where its weights are small enough, a single
//! `sadalp`, which adds pairs of int16 to int32. At the tile's end three `addp` make one vector of
//! four columns from four sums. The other layout, columns along the lanes, needs no `addp` but a
//! `dup` for every input and a second widening add for every 16 products.

mod piece;

use super::super::sinks::{Real, Rounded, Shares, Sink, Sums};
use super::super::{Task, opaque, opaque_pointer, panel_vectors};
use super::fits;
use crate::engine::kernels::Packed;
use crate::engine::kernels::rows::fixed::Numbers;
use piece::At;
use std::arch::aarch64::*;

/// Columns of a tile.
const COLUMNS: usize = 4;

/// Eights of a piece.
const EIGHTS: usize = 4;

/// The first piece's eights and all chains are looked up.
const ANY: usize = 0;

/// How many eights of a piece may be summed in int16 before they are added to int32: as many as
/// [`fits`] in every lane.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i8)]
enum Chain {
    All,
    Two,
    One,
}

impl Chain {
    /// The longest that the weights of a piece allow: `w` has its eights, column by column.
    fn of(w: &[i8]) -> Self {
        let fits = |eights: usize| {
            w.chunks(w.len() / COLUMNS)
                .flat_map(|column| column.chunks(8 * eights))
                .all(|chain| (0..8).all(|lane| fits(chain.iter().skip(lane).step_by(8))))
        };
        if fits(EIGHTS) {
            Self::All
        } else if fits(2) {
            Self::Two
        } else {
            Self::One
        }
    }
}

/// Inputs from where to where each piece goes.
fn pieces(k: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let depth = k.next_multiple_of(8);
    let first = (depth + 8 * EIGHTS - 1) % (8 * EIGHTS) + 1;
    std::iter::once(0..first).chain(
        (first..depth)
            .step_by(8 * EIGHTS)
            .map(|start| start..start + 8 * EIGHTS),
    )
}

pub fn pack_matrix(w: &[i8], n: usize, k: usize, init: &[i32]) -> (Packed, Vec<i32>) {
    let columns = n.next_multiple_of(COLUMNS);
    let depth = k.next_multiple_of(8);
    let mut packed = Vec::with_capacity(columns * depth + columns);
    let mut chains = Vec::new();
    for block in (0..columns).step_by(COLUMNS) {
        for piece in pieces(k) {
            let start = packed.len();
            for column in block..block + COLUMNS {
                packed.extend(piece.clone().map(|i| {
                    if column < n && i < k {
                        w[column * k + i]
                    } else {
                        0
                    }
                }));
            }
            chains.push(Chain::of(&packed[start..]) as i8);
        }
    }
    let shortest = chains.iter().max().copied();
    packed.extend(chains);
    packed.push(shortest.unwrap_or(Chain::All as i8));
    let mut init = init.to_vec();
    init.resize(columns, 0);
    (Packed::I8(packed), init)
}

/// # Safety
/// `w` and `init` come from [`pack_matrix`] with this `n` and `k`; `x` holds (pixels − 1) · stride
/// + k + SLACK bytes, `sums` pixels · n values.
#[allow(clippy::too_many_arguments)] // one call for all instruction sets
#[target_feature(enable = "neon")]
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
    let layer = Layer::new(w, init, n, k, stride);
    // SAFETY: the caller's promise is that of `all_pixels`.
    unsafe {
        layer.all_pixels(
            x.as_ptr(),
            pixels,
            &Sums {
                to: sums.as_mut_ptr(),
                n,
            },
        )
    }
}

/// The same sums straight to int8.
///
/// # Safety
/// As [`multiply`]; n is a multiple of 4, `numbers` are of n channels and `out` holds pixels · n.
#[target_feature(enable = "neon")]
pub unsafe fn multiply_rounded(((w, init), [n, k], x): Task, numbers: Numbers, out: &mut [i8]) {
    let to = out.as_mut_ptr();
    // SAFETY: the caller's promise is that of `all_pixels`.
    unsafe {
        let layer = Layer::new(w, init, n, k, x.1);
        let (x, pixels) = (x.0.as_ptr(), x.2);
        match numbers.rest {
            None => layer.all_pixels(x, pixels, &Rounded::<false> { numbers, to, n }),
            Some(_) => layer.all_pixels(x, pixels, &Rounded::<true> { numbers, to, n }),
        }
    }
}

/// The same sums straight to shares of a step: set, or added to those in `out`.
///
/// # Safety
/// As [`multiply_rounded`].
#[target_feature(enable = "neon")]
pub unsafe fn multiply_shares<const ADD: bool>(
    ((w, init), [n, k], x): Task,
    numbers: Numbers,
    out: &mut [i16],
) {
    let to = out.as_mut_ptr();
    // SAFETY: the caller's promise is that of `all_pixels`.
    unsafe {
        let layer = Layer::new(w, init, n, k, x.1);
        let (x, pixels) = (x.0.as_ptr(), x.2);
        match numbers.rest {
            None => layer.all_pixels(x, pixels, &Shares::<ADD, false> { numbers, to, n }),
            Some(_) => layer.all_pixels(x, pixels, &Shares::<ADD, true> { numbers, to, n }),
        }
    }
}

/// The same sums straight to real numbers, `sum · scale + bias`: set, or added to those in `out`.
///
/// # Safety
/// As [`multiply`]; n is a multiple of 4, `scale` and `bias` have n values and `out` pixels · n.
#[target_feature(enable = "neon")]
pub unsafe fn multiply_real<const ADD: bool>(
    ((w, init), [n, k], x): Task,
    scale: &[f32],
    bias: &[f32],
    out: &mut [f32],
) {
    let sink = Real::<ADD> {
        scale: scale.as_ptr(),
        bias: bias.as_ptr(),
        to: out.as_mut_ptr(),
        n,
    };
    // SAFETY: the caller's promise is that of `all_pixels`.
    unsafe { Layer::new(w, init, n, k, x.1).all_pixels(x.0.as_ptr(), x.2, &sink) }
}

struct Layer {
    w: *const i8,
    chains: *const i8,
    /// Whether every chain is the longest.
    all: bool,
    init: *const i32,
    n: usize,
    /// k, rounded up to eights.
    depth: usize,
    stride: usize,
}

impl Layer {
    fn new(w: &[i8], init: &[i32], n: usize, k: usize, stride: usize) -> Self {
        let depth = k.next_multiple_of(8);
        let chains = w[n.next_multiple_of(COLUMNS) * depth..].as_ptr();
        Self {
            w: w.as_ptr(),
            chains,
            all: w.last() == Some(&(Chain::All as i8)),
            init: init.as_ptr(),
            n,
            depth,
            stride,
        }
    }

    /// # Safety
    /// As [`multiply`].
    #[target_feature(enable = "neon")]
    unsafe fn all_pixels(&self, x: *const i8, pixels: usize, sink: &impl Sink) {
        // SAFETY: the caller's promise.
        unsafe {
            match (self.all, self.depth / 8 % EIGHTS) {
                (false, _) => self.panels::<ANY>(x, pixels, sink),
                (true, 1) => self.panels::<1>(x, pixels, sink),
                (true, 2) => self.panels::<2>(x, pixels, sink),
                (true, 3) => self.panels::<3>(x, pixels, sink),
                (true, _) => self.panels::<4>(x, pixels, sink),
            }
        }
    }

    /// FIRST: eights of the first piece, if all chains are the longest; or [`ANY`].
    ///
    /// # Safety
    /// As [`multiply`].
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn panels<const FIRST: usize>(&self, x: *const i8, pixels: usize, sink: &impl Sink) {
        let panel = panel_vectors(self.depth) * COLUMNS;
        for first in (0..self.n).step_by(panel) {
            let columns = first..self.n.min(first + panel);
            let mut p = 0;
            // SAFETY: p + the tile's pixels never exceed `pixels`.
            unsafe {
                while p + 4 <= pixels {
                    self.some_pixels::<4, FIRST>(x.add(p * self.stride), p, columns.clone(), sink);
                    p += 4;
                }
                while p < pixels {
                    self.some_pixels::<1, ANY>(x.add(p * self.stride), p, columns.clone(), sink);
                    p += 1;
                }
            }
        }
    }

    /// # Safety
    /// P pixels, of which the first is `p`, can be read at `x`, and `sink` takes their sums.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn some_pixels<const P: usize, const FIRST: usize>(
        &self,
        x: *const i8,
        p: usize,
        columns: std::ops::Range<usize>,
        sink: &impl Sink,
    ) {
        let count = self.depth.div_ceil(8 * EIGHTS);
        let mut w = self.w.wrapping_add(columns.start * self.depth);
        let mut chains = self.chains.wrapping_add(columns.start / COLUMNS * count);
        for column in columns.step_by(COLUMNS) {
            // SAFETY: packed weights, chains and init go on to a whole number of blocks.
            unsafe {
                let tile;
                (tile, w) = self.tile::<P, FIRST>(x, w, chains, count);
                chains = opaque_pointer(chains.wrapping_add(count));
                let init = vld1q_s32(self.init.add(column));
                let mut sums = [[init]; P];
                for (sum, [a, b, c, d]) in sums.iter_mut().zip(tile) {
                    let pairs = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
                    // Otherwise the compiler adds the initial values between, and more.
                    let pairs = vreinterpretq_s32_s8(opaque(vreinterpretq_s8_s32(pairs)));
                    sum[0] = vaddq_s32(pairs, init);
                }
                sink.put(p, column, sums);
            }
        }
    }

    /// P pixels times one block of columns; a sum's four lanes are still to be added. And where the
    /// next block's weights are.
    ///
    /// # Safety
    /// P pixels (rounded up to eights of bytes) can be read at `x`, a block of weights at `w`, its
    /// `count` chains at `chains`.
    #[inline(always)]
    unsafe fn tile<const P: usize, const FIRST: usize>(
        &self,
        x: *const i8,
        w: *const i8,
        chains: *const i8,
        count: usize,
    ) -> ([[int32x4_t; COLUMNS]; P], *const i8) {
        // SAFETY: NEON is part of every aarch64 processor that Linux runs on.
        let mut sums = [[unsafe { vdupq_n_s32(0) }; COLUMNS]; P];
        let mut at = At { x: [x; P], w };
        for (p, x) in at.x.iter_mut().enumerate() {
            *x = x.wrapping_add(p * self.stride);
        }
        // SAFETY: the first piece, then whole ones, are the rounded depth that the caller promises.
        unsafe {
            match FIRST {
                1 => at.piece::<1, 1, true>(&mut sums),
                2 => at.piece::<2, 2, true>(&mut sums),
                3 => at.piece::<3, 4, true>(&mut sums),
                4 => at.piece::<4, 4, true>(&mut sums),
                _ => {}
            }
            if FIRST != ANY {
                for _ in 1..count {
                    at.piece::<4, 4, false>(&mut sums);
                }
                return (sums, at.w);
            }
            match (self.depth / 8 % EIGHTS, *chains) {
                (1, _) => at.piece::<1, 1, true>(&mut sums),
                (2, 0 | 1) => at.piece::<2, 2, true>(&mut sums),
                (2, _) => at.piece::<2, 1, true>(&mut sums),
                (3, 0) => at.piece::<3, 4, true>(&mut sums),
                (3, 1) => at.piece::<3, 2, true>(&mut sums),
                (3, _) => at.piece::<3, 1, true>(&mut sums),
                (_, 0) => at.piece::<4, 4, true>(&mut sums),
                (_, 1) => at.piece::<4, 2, true>(&mut sums),
                _ => at.piece::<4, 1, true>(&mut sums),
            }
            for i in 1..count {
                match *chains.add(i) {
                    0 => at.piece::<4, 4, false>(&mut sums),
                    1 => at.piece::<4, 2, false>(&mut sums),
                    _ => at.piece::<4, 1, false>(&mut sums),
                }
            }
        }
        (sums, at.w)
    }
}
