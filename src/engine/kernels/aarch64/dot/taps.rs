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

use super::super::sinks::{Eight, store_four};
use super::super::{grow, opaque_pointer};
use super::dot;
use super::quads::QuadRows;
use crate::engine::kernels::rows::fixed::{Fixed, Numbers};
use crate::engine::kernels::{Packed, Row, SLACK, TapScratch, TapShape};
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
    rounding: Option<&Fixed>,
    emit: &mut dyn FnMut(usize, Row),
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
    let out = (s.output[1] + 1) * c + SLACK;
    let rounding = rounding.and_then(|r| r.numbers(words));
    match rounding {
        Some(_) => grow(&mut scratch.rounded, out),
        None => grow(&mut scratch.sums, out),
    }
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
            };
            let sums = scratch.sums.as_mut_ptr();
            let rounded = scratch.rounded.as_mut_ptr();
            match (rounding, s.stride) {
                (None, 1) => line.sum_all::<2>(&sums),
                (None, _) => line.sum_all::<1>(&sums),
                (Some(n @ Numbers { rest: None, .. }), 1) => {
                    line.sum_all::<2>(&Rounded::<false>(n, rounded));
                }
                (Some(n @ Numbers { rest: None, .. }), _) => {
                    line.sum_all::<1>(&Rounded::<false>(n, rounded));
                }
                (Some(n), 1) => line.sum_all::<2>(&Rounded::<true>(n, rounded)),
                (Some(n), _) => line.sum_all::<1>(&Rounded::<true>(n, rounded)),
            }
        }
        let row = s.output[1] * c;
        emit(
            y,
            match rounding {
                Some(_) => Row::Rounded(&scratch.rounded[..row]),
                None => Row::Sums(&scratch.sums[..row]),
            },
        );
    }
}

/// Where the sums of N pixels go, V vectors of channels from `channel` on; the first pixel's begin
/// at number `at` of the row.
trait Sink {
    /// # Safety
    /// There is room for N pixels of `channels` and three numbers more.
    unsafe fn put<const V: usize, const N: usize>(
        &self,
        at: usize,
        channels: usize,
        channel: usize,
        sums: [[int32x4_t; V]; N],
    );
}

// Pixel by pixel: with no more channels than V vectors, the first one's last numbers lie on the
// second one's first.
impl Sink for *mut i32 {
    #[inline(always)]
    unsafe fn put<const V: usize, const N: usize>(
        &self,
        at: usize,
        channels: usize,
        _: usize,
        sums: [[int32x4_t; V]; N],
    ) {
        for (n, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { vst1q_s32(self.add(at + n * channels + v * 4), sum) };
            }
        }
    }
}

/// To int8; whether there may be a rest.
struct Rounded<const REST: bool>(Numbers, *mut i8);

impl<const REST: bool> Sink for Rounded<REST> {
    #[inline(always)]
    unsafe fn put<const V: usize, const N: usize>(
        &self,
        at: usize,
        channels: usize,
        channel: usize,
        sums: [[int32x4_t; V]; N],
    ) {
        let numbers = &self.0;
        // SAFETY: the caller's promise; there are numbers for whole vectors of channels.
        unsafe {
            let to = self.1.add(at);
            // Where two pixels overlap, the first one's last numbers must be written first.
            if V % 2 == 1 {
                let channel = channel + 4 * (V - 1);
                let last = Eight::<REST>::twice(numbers, channel);
                let q = last.rounded(sums[0][V - 1], sums[N - 1][V - 1]);
                let to = to.add(4 * (V - 1));
                store_four::<0>(to, q);
                if N == 2 {
                    store_four::<1>(to.add(channels), q);
                }
            }
            if V >= 2 {
                let first = Eight::<REST>::in_a_row(numbers, channel);
                for (n, sums) in sums.into_iter().enumerate() {
                    vst1_s8(to.add(n * channels), first.rounded(sums[0], sums[1 % V]));
                }
            }
        }
    }
}

/// One row of sums.
struct Line<'a> {
    w: *const i8,
    init: *const i32,
    inputs: [*const u32; 3],
    quads: &'a QuadRows,
}

impl Line<'_> {
    /// Sums all channels, N pixels (1 or 2) for every quad.
    ///
    /// The last vector may have channels too many; what it writes then lies on the next pixel's
    /// first channels, so it must come first.
    ///
    /// # Safety
    /// The pointers are good for the row, `sink` for N · `pairs` pixels and three values more.
    #[target_feature(enable = "neon,dotprod")]
    unsafe fn sum_all<const N: usize>(&self, sink: &impl Sink) {
        let mut vector = self.quads.words / 4;
        // SAFETY: `vector` goes down from words / 4 to 0.
        unsafe {
            match vector {
                1 => return self.sum_vectors::<1, N>(0, sink),
                odd if !odd.is_multiple_of(2) => {
                    vector -= 3;
                    self.sum_vectors::<3, N>(vector, sink);
                }
                _ => {}
            }
            while vector > 0 {
                vector -= 2;
                self.sum_vectors::<2, N>(vector, sink);
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
    unsafe fn sum_vectors<const V: usize, const N: usize>(&self, vector: usize, sink: &impl Sink) {
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
            let mut at = vector * 4;
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
                sink.put(at, channels, vector * 4, sums);
                at += N * channels;
            }
        }
    }
}
