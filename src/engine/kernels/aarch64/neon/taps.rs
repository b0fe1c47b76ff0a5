//! `sum[x][c] = init[c] + Σ w[c][i][j] · input[y·stride + i − 1][x·stride + j − 1][c]`, bytes of a
//! row along the lanes.
//!
//! Three input rows are kept in scratch with a pixel of padding at both ends, so a row of sums is
//! walked flat, 16 lanes a step, without regard to where a pixel ends. Steps go by the [`period`]
//! of the channels: the nine weight vectors and the starting values stay in registers for a whole
//! row. With stride 2 a scratch row holds its even pixels first and then its odd ones, so that
//! neighbours are again neighbours.
//!
//! Packed: for every 16 lanes of a period, nine taps of 16 bytes; behind them, for each of these, how
//! many taps are summed in int16. A step is 9 loads, 18 `smull`/`smlal` and, with three taps, 12
//! widening adds.

use super::super::{grow, opaque};
use super::fits;
use super::sink::{Rounded, Sink, widen};
use crate::engine::kernels::rows::fixed::{Fixed, Numbers};
use crate::engine::kernels::{Packed, Row, SLACK, TapScratch, TapShape, period, periodic};
use std::arch::aarch64::*;
use std::ops::Range;

/// Lanes of a step.
pub const LANES: usize = 16;

pub fn pack_taps(w: &[i8], c: usize, init: &[i32]) -> (Packed, Vec<i32>) {
    pack(w, c, init, &[3, 2])
}

/// Kernels of any number of taps, of which as many are summed in int16 as the first of `chains` that
/// fits, else one.
pub fn pack(w: &[i8], c: usize, init: &[i32], chains: &[usize]) -> (Packed, Vec<i32>) {
    let taps = w.len() / c;
    let mut packed = Vec::with_capacity(period(c) * taps + period(c) / LANES);
    let mut longest = Vec::new();
    for start in (0..period(c)).step_by(LANES) {
        let channels = (start..start + LANES).map(|lane| lane % c);
        for tap in 0..taps {
            packed.extend(channels.clone().map(|channel| w[channel * taps + tap]));
        }
        let fitting = chains.iter().find(|&&chain| {
            channels
                .clone()
                .all(|channel| w[channel * taps..][..taps].chunks(chain).all(fits))
        });
        longest.push(fitting.map_or(1, |&chain| chain as i8));
    }
    packed.extend(longest);
    (Packed::I8(packed), periodic(init))
}

/// # Safety
/// `w` and `init` come from [`pack_taps`] for the channels of a common shape `s`; `pad` has one
/// value a channel; `x` holds the picture and SLACK bytes; `rows` lie in the output; the numbers of
/// `rounding` are for as many channels.
#[allow(clippy::too_many_arguments)] // one call for all instruction sets
#[target_feature(enable = "neon")]
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
    let padded = PaddedRows::new(s);
    let out = s.output[1] * s.channels;
    grow(
        &mut scratch.words,
        (padded.pad_bytes + 3 * padded.row_bytes) / 4,
    );
    let rounding = rounding.and_then(|r| r.numbers(s.channels));
    match rounding {
        Some(_) => grow(&mut scratch.rounded, out + SLACK),
        None => grow(&mut scratch.sums, out + SLACK),
    }
    let room = scratch.words.as_mut_ptr().cast::<i8>();
    // SAFETY: `room` begins with a padding pixel.
    unsafe { room.copy_from_nonoverlapping(pad.as_ptr(), s.channels) };
    let mut next = rows.start * s.stride;
    for y in rows {
        // The three rows of `y`, counted from the row of padding above the picture.
        let first = y * s.stride;
        // SAFETY: `room` has a padding pixel and three rows, `sums` a row and SLACK; the rest is
        // the caller's promise.
        unsafe {
            let slot = |row: usize| room.add(padded.pad_bytes + row % 3 * padded.row_bytes);
            while next < first + 3 {
                let row = (1..=s.input[0])
                    .contains(&next)
                    .then(|| x.as_ptr().add((next - 1) * s.input[1] * s.channels));
                padded.fill(row, room, slot(next));
                next += 1;
            }
            let taps = std::array::from_fn(|t| {
                slot(first + t / 3).add(padded.columns[t % 3]).cast_const()
            });
            let (w, sums) = (w.as_ptr(), scratch.sums.as_mut_ptr());
            let rounded = scratch.rounded.as_mut_ptr();
            match rounding {
                None => sum_row(w, init, taps, out, &sums),
                Some(of @ Numbers { rest: None, .. }) => {
                    sum_row(w, init, taps, out, &Rounded::<false>(of, rounded));
                }
                Some(of) => sum_row(w, init, taps, out, &Rounded::<true>(of, rounded)),
            }
        }
        emit(
            y,
            if rounding.is_some() {
                Row::Rounded(&scratch.rounded[..out])
            } else {
                Row::Sums(&scratch.sums[..out])
            },
        );
    }
}

/// One row of sums, `out` of them; `taps` are the nine places of lane 0's inputs.
///
/// # Safety
/// From each of `taps`, `out` bytes rounded up to LANES can be read, as many numbers be put; `w` is
/// packed with as long a period as `init_period`.
#[target_feature(enable = "neon")]
unsafe fn sum_row(
    w: *const i8,
    init_period: &[i32],
    taps: [*const i8; 9],
    out: usize,
    sink: &impl Sink,
) {
    let period = init_period.len();
    for start in (0..period.min(out)).step_by(LANES) {
        // SAFETY: `init_period` is one period, `w` nine times as long with a byte for every start;
        // lanes below `out`, rounded up, are the caller's promise.
        unsafe {
            let init = init_period.as_ptr().add(start);
            let chain = *w.add(period * 9 + start / LANES);
            let w = w.add(start * 9);
            let lanes = (start, period, out);
            match chain {
                3 => sum_lanes::<3>(w, init, taps, lanes, sink),
                2 => sum_lanes::<2>(w, init, taps, lanes, sink),
                _ => sum_lanes::<1>(w, init, taps, lanes, sink),
            }
        }
    }
}

/// The sums of 16 lanes of every period: from `start`, in steps of the period, below `out`. CHAIN
/// taps are summed before they are widened.
///
/// # Safety
/// As [`sum_row`]; `w` and `init` are those of the 16 lanes.
#[inline(always)]
unsafe fn sum_lanes<const CHAIN: usize>(
    w: *const i8,
    init: *const i32,
    taps: [*const i8; 9],
    (start, period, out): (usize, usize, usize),
    sink: &impl Sink,
) {
    // SAFETY: the caller's promise; NEON is part of every aarch64 processor that Linux runs on.
    unsafe {
        let mut weights = [vdupq_n_s8(0); 9];
        let mut init4 = [vdupq_n_s32(0); 4];
        for (t, weights) in weights.iter_mut().enumerate() {
            *weights = vld1q_s8(w.add(t * LANES));
        }
        for (q, part) in init4.iter_mut().enumerate() {
            *part = vld1q_s32(init.add(q * 4));
        }
        let constant = sink.lane(start);
        let mut lane = start;
        while lane < out {
            let mut four = init4;
            let [mut low, mut high] = [vdupq_n_s16(0); 2];
            for t in 0..9 {
                weights[t] = opaque(weights[t]);
                let w = weights[t];
                let x = vld1q_s8(taps[t].add(lane));
                if t % CHAIN == 0 {
                    low = vmull_s8(vget_low_s8(x), vget_low_s8(w));
                    high = vmull_high_s8(x, w);
                } else {
                    low = vmlal_s8(low, vget_low_s8(x), vget_low_s8(w));
                    high = vmlal_high_s8(high, x, w);
                }
                if t % CHAIN == CHAIN - 1 || t == 8 {
                    four = widen(four, low, high);
                }
            }
            sink.put(&constant, lane, four);
            lane += period;
        }
    }
}

/// How an input row lies in scratch.
struct PaddedRows {
    channels: usize,
    stride: usize,
    width: usize,
    /// Pixels of a row, padding and all.
    pixels: usize,
    /// Bytes of the padding pixel before the rows, and of a row.
    pad_bytes: usize,
    row_bytes: usize,
    /// Where the inputs of the three kernel columns begin in a row.
    columns: [usize; 3],
}

impl PaddedRows {
    fn new(s: &TapShape) -> Self {
        let c = s.channels;
        let pixels = (s.output[1] - 1) * s.stride + 3;
        let row = |pixels: usize| (pixels * c + 2 * LANES).next_multiple_of(LANES);
        let (row_bytes, columns) = match s.stride {
            1 => (row(pixels), [0, c, 2 * c]),
            _ => (2 * row(s.output[1] + 1), [0, row(s.output[1] + 1), c]),
        };
        Self {
            channels: c,
            stride: s.stride,
            width: s.input[1],
            pixels,
            pad_bytes: row(1),
            row_bytes,
            columns,
        }
    }

    /// # Safety
    /// `row` (None outside the picture) is a row of the picture with SLACK behind it, `pad` a
    /// padding pixel and `to` a row of scratch.
    #[target_feature(enable = "neon")]
    unsafe fn fill(&self, row: Option<*const i8>, pad: *const i8, to: *mut i8) {
        let c = self.channels;
        let width = self.width;
        let right = self.columns[1];
        // SAFETY: a scratch row has room for all its pixels and 2 · LANES bytes, so copying up to
        // 15 bytes too many stays inside it; what they spoil of the next pixel is copied later.
        unsafe {
            let Some(row) = row else {
                let pads = |at: usize, pixels: usize| {
                    (0..pixels).for_each(|pixel| copy(pad, to.add(at + pixel * c), c))
                };
                pads(0, self.pixels.div_ceil(self.stride));
                if self.stride == 2 {
                    pads(right, self.pixels / 2);
                }
                return;
            };
            copy(pad, to, c);
            if self.stride == 1 {
                to.add(c).copy_from_nonoverlapping(row, width * c);
                return copy(pad, to.add((width + 1) * c), c);
            }
            for block in (0..c).step_by(LANES).rev() {
                let (mut from, mut odd, mut even) =
                    (row.add(block), to.add(right + block), to.add(c + block));
                for _ in 0..width / 2 {
                    let a = vld1q_s8(from);
                    let b = vld1q_s8(from.add(c));
                    vst1q_s8(odd, a);
                    vst1q_s8(even, b);
                    from = from.wrapping_add(2 * c);
                    odd = odd.wrapping_add(c);
                    even = even.wrapping_add(c);
                }
            }
            if !width.is_multiple_of(2) {
                copy(row.add((width - 1) * c), to.add(right + width / 2 * c), c);
                copy(pad, to.add((width / 2 + 1) * c), c);
            }
        }
    }
}

/// Copies `bytes`, rounded up to LANES: faster than a call of `memcpy` for one pixel.
///
/// # Safety
/// As many can be read at `from` and written at `to`.
#[inline]
#[target_feature(enable = "neon")]
pub unsafe fn copy(from: *const i8, to: *mut i8, bytes: usize) {
    for i in (0..bytes).step_by(LANES) {
        // SAFETY: the caller's promise.
        unsafe { vst1q_s8(to.add(i), opaque(vld1q_s8(from.add(i)))) };
    }
}
