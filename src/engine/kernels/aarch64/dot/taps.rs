//! `sum[x][c] = init[c] + Σ w[c][i][j] · input[y·stride + i − 1][x·stride + j − 1][c]` from rows of
//! [`quads`](super::quads).
//!
//! A sum is three `sdot`, one an input row. With stride 1 the same three vectors of quads also give
//! the sums of the pixel to the right, with weights shifted by one byte: one load for every two
//! `sdot`. Channels are cut in vectors of four, two or three at a time; their vectors of weights
//! (12 or 18) stay in registers for the whole row.
//!
//! Packed: for every four channels and each of the three kernel rows, 16 bytes: four times three
//! weights and a 0.

use super::super::{grow, opaque_pointer};
use super::dot;
use super::quads::QuadRows;
use crate::engine::kernels::{Packed, SLACK, TapScratch, TapShape};
use std::arch::aarch64::*;
use std::ops::Range;

pub fn pack_taps(w: &[i8], c: usize, init: &[i32]) -> (Packed, Vec<i32>) {
    let lanes = c.next_multiple_of(4);
    let mut packed = Vec::with_capacity(lanes * 12);
    for first in (0..lanes).step_by(4) {
        for row in 0..3 {
            for channel in first..first + 4 {
                packed.extend((0..4).map(|tap| {
                    if channel < c && tap < 3 {
                        w[channel * 9 + row * 3 + tap]
                    } else {
                        0
                    }
                }));
            }
        }
    }
    let mut init = init.to_vec();
    init.resize(lanes, 0);
    (Packed::I8(packed), init)
}

/// # Safety
/// `w` and `init` come from [`pack_taps`] for the channels of a common shape `s`; `pad` has one
/// value a channel; `x` holds the picture and SLACK bytes; `rows` lie in the output.
#[allow(clippy::too_many_arguments)] // one call for all instruction sets
#[target_feature(enable = "neon,dotprod")]
pub unsafe fn depthwise(
    w: &[i8],
    init: &[i32],
    pad: &[i8],
    s: &TapShape,
    x: &[i8],
    rows: Range<usize>,
    scratch: &mut TapScratch,
    emit: &mut dyn FnMut(usize, &[i32]),
) {
    let c = s.channels;
    let words = s.channels.next_multiple_of(4);
    let quads = QuadRows {
        channels: c,
        words,
        pairs: s.input[1].div_ceil(2),
        width: s.input[1],
    };
    let row_words = quads.pairs * words;
    let pad_words = words / 4 + 4;
    grow(&mut scratch.words, pad_words + 3 * row_words);
    // A row of odd width gets one pixel more than it has.
    grow(&mut scratch.sums, (s.output[1] + 1) * c + SLACK);
    let room = scratch.words.as_mut_ptr();
    // SAFETY: `room` begins with a padding pixel.
    unsafe { room.cast::<i8>().copy_from_nonoverlapping(pad.as_ptr(), c) };
    let mut next = rows.start * s.stride;
    for y in rows {
        // The three rows of `y`, counted from the row of padding above the picture.
        let first = y * s.stride;
        // SAFETY: `room` has a padding pixel and three rows, `sums` a row, a pixel and SLACK; the
        // rest is the caller's promise.
        unsafe {
            let slot = |row: usize| room.add(pad_words + row % 3 * row_words);
            while next < first + 3 {
                let row = (1..=s.input[0])
                    .contains(&next)
                    .then(|| x.as_ptr().add((next - 1) * s.input[1] * c));
                quads.fill(row, room.cast(), slot(next));
                next += 1;
            }
            let inputs = std::array::from_fn(|i| slot(first + i).cast_const());
            let line = Line {
                w: w.as_ptr(),
                init: init.as_ptr(),
                inputs,
                quads: &quads,
                sums: scratch.sums.as_mut_ptr(),
            };
            match s.stride {
                1 => line.sum_all::<2>(),
                _ => line.sum_all::<1>(),
            }
        }
        emit(y, &scratch.sums[..s.output[1] * c]);
    }
}

/// One row of sums.
struct Line<'a> {
    w: *const i8,
    init: *const i32,
    inputs: [*const u32; 3],
    quads: &'a QuadRows,
    sums: *mut i32,
}

impl Line<'_> {
    /// Sums all channels, N pixels (1 or 2) for every quad.
    ///
    /// The last vector may have channels too many; what it writes then lies on the next pixel's
    /// first channels, so it must come first.
    ///
    /// # Safety
    /// The pointers are good for the row, `sums` for N · `pairs` pixels and three values more.
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn sum_all<const N: usize>(&self) {
        let mut vector = self.quads.words / 4;
        // SAFETY: `vector` goes down from words / 4 to 0.
        unsafe {
            match vector {
                1 => return self.sum_vectors::<1, N>(0),
                odd if !odd.is_multiple_of(2) => {
                    vector -= 3;
                    self.sum_vectors::<3, N>(vector);
                }
                _ => {}
            }
            while vector > 0 {
                vector -= 2;
                self.sum_vectors::<2, N>(vector);
            }
        }
    }

    /// V vectors of channels from `vector` on, at all pixels.
    ///
    /// # Safety
    /// As [`Self::sum_all`].
    #[allow(clippy::needless_range_loop)] // iterators over the weights would keep them in memory instead of in registers
    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn sum_vectors<const V: usize, const N: usize>(&self, vector: usize) {
        let QuadRows {
            channels,
            words,
            pairs,
            ..
        } = *self.quads;
        // SAFETY: the caller's promise.
        unsafe {
            let mut weights = [[vdupq_n_s8(0); 3]; V];
            let mut shifted = [[vdupq_n_s8(0); 3]; V];
            for v in 0..V {
                for i in 0..3 {
                    weights[v][i] = vld1q_s8(self.w.add((vector + v) * 48 + i * 16));
                    shifted[v][i] =
                        vreinterpretq_s8_s32(vshlq_n_s32::<8>(vreinterpretq_s32_s8(weights[v][i])));
                }
            }
            let [mut a, mut b, mut c] = self.inputs;
            a = a.add(vector * 4);
            b = b.add(vector * 4);
            c = c.add(vector * 4);
            let mut to = self.sums.add(vector * 4);
            let mut init = self.init.add(vector * 4);
            for _ in 0..pairs {
                a = opaque_pointer(a);
                b = opaque_pointer(b);
                c = opaque_pointer(c);
                init = opaque_pointer(init);
                let mut sums = [[vdupq_n_s32(0); V]; N];
                for v in 0..V {
                    let quads = [
                        vld1q_s8(a.add(v * 4).cast()),
                        vld1q_s8(b.add(v * 4).cast()),
                        vld1q_s8(c.add(v * 4).cast()),
                    ];
                    let init = vld1q_s32(init.add(v * 4));
                    for (sums, weights) in sums.iter_mut().zip([&weights[v], &shifted[v]]) {
                        sums[v] = dot(
                            dot(dot(init, quads[0], weights[0]), quads[1], weights[1]),
                            quads[2],
                            weights[2],
                        );
                    }
                }
                a = a.wrapping_add(words);
                b = b.wrapping_add(words);
                c = c.wrapping_add(words);
                // Pixel by pixel: with no more channels than V vectors, the first one's last sums
                // lie on the second one's first.
                for (n, sums) in sums.into_iter().enumerate() {
                    for (v, sum) in sums.into_iter().enumerate() {
                        vst1q_s32(to.add(n * channels + v * 4), sum);
                    }
                }
                to = to.wrapping_add(N * channels);
            }
        }
    }
}
