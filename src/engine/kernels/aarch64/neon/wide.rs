//! The same for kernels of 5x5, stride 1, two pixels of padding: `sum[x][c] = init[c] + Σ w[c][i][j] ·
//! input[y + i − 2][x + j − 2][c]`.
//!
//! As [`taps`](super::taps), but 25 vectors of weights do not fit in registers: each is loaded once
//! for two steps. Five input rows are kept in scratch.
//!
//! Packed: for every 16 lanes of a period, 25 taps of 16 bytes; behind them, for each of these, how
//! many taps are summed in int16. Two steps are 100 `smull`/`smlal` and 75 loads.

use super::super::grow;
use super::sink::{Rounded, Sink, widen};
use super::taps::{LANES, copy, pack};
use crate::engine::kernels::rows::fixed::{Fixed, Numbers};
use crate::engine::kernels::{Packed, Row, SLACK, TapScratch, TapShape};
use std::arch::aarch64::*;
use std::ops::Range;

/// Rows and columns of the kernel, and its taps.
const SIDE: usize = 5;
const TAPS: usize = SIDE * SIDE;

pub fn pack_wide_taps(w: &[i8], c: usize, init: &[i32]) -> (Packed, Vec<i32>) {
    pack(w, c, init, &[5, 3, 2])
}

/// # Safety
/// `w` and `init` come from [`pack_wide_taps`] for the channels of a wide shape `s`; the rest is as
/// for [`depthwise`](super::depthwise).
#[allow(clippy::too_many_arguments)] // one call for all instruction sets
#[target_feature(enable = "neon")]
pub unsafe fn depthwise_wide(
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
    let [height, width] = s.input;
    let out = width * c;
    let pad_bytes = (c + 2 * LANES).next_multiple_of(LANES);
    let row_bytes = ((width + SIDE - 1) * c + 2 * LANES).next_multiple_of(LANES);
    grow(&mut scratch.words, (pad_bytes + SIDE * row_bytes) / 4);
    let rounding = rounding.and_then(|r| r.numbers(c));
    match rounding {
        Some(_) => grow(&mut scratch.rounded, out + SLACK),
        None => grow(&mut scratch.sums, out + SLACK),
    }
    let room = scratch.words.as_mut_ptr().cast::<i8>();
    // SAFETY: `room` begins with a padding pixel.
    unsafe { room.copy_from_nonoverlapping(pad.as_ptr(), c) };
    // Rows are counted from the first row of padding above the picture.
    let mut next = rows.start;
    for y in rows {
        // SAFETY: `room` has a padding pixel and five rows with as much behind them as is copied too
        // much, `sums` and `rounded` a row and SLACK; the rest is the caller's promise.
        unsafe {
            let slot = |row: usize| room.add(pad_bytes + row % SIDE * row_bytes);
            while next < y + SIDE {
                let to = slot(next);
                match next.checked_sub(SIDE / 2).filter(|&row| row < height) {
                    Some(row) => {
                        (0..SIDE / 2).for_each(|i| copy(room, to.add(i * c), c));
                        let to = to.add(SIDE / 2 * c);
                        to.copy_from_nonoverlapping(x.as_ptr().add(row * out), out);
                        (0..SIDE / 2).for_each(|i| copy(room, to.add(out + i * c), c));
                    }
                    None => (0..width + SIDE - 1).for_each(|i| copy(room, to.add(i * c), c)),
                }
                next += 1;
            }
            let taps: [*const i8; TAPS] =
                std::array::from_fn(|t| slot(y + t / SIDE).add(t % SIDE * c).cast_const());
            let (w, sums) = (w.as_ptr(), scratch.sums.as_mut_ptr());
            let rounded = scratch.rounded.as_mut_ptr();
            match rounding {
                None => sum_row(w, init, &taps, out, &sums),
                Some(of @ Numbers { rest: None, .. }) => {
                    sum_row(w, init, &taps, out, &Rounded::<false>(of, rounded));
                }
                Some(of) => sum_row(w, init, &taps, out, &Rounded::<true>(of, rounded)),
            }
        }
        emit(
            y,
            match rounding {
                Some(_) => Row::Rounded(&scratch.rounded[..out]),
                None => Row::Sums(&scratch.sums[..out]),
            },
        );
    }
}

/// One row of sums, `out` of them; `taps` are the places of lane 0's inputs.
///
/// # Safety
/// From each of `taps`, `out` bytes rounded up to LANES can be read, as many numbers be put; `w` is
/// packed with as long a period as `init_period`.
#[target_feature(enable = "neon")]
unsafe fn sum_row(
    w: *const i8,
    init_period: &[i32],
    taps: &[*const i8; TAPS],
    out: usize,
    sink: &impl Sink,
) {
    let period = init_period.len();
    for start in (0..period.min(out)).step_by(LANES) {
        // SAFETY: `init_period` is one period, `w` 25 times as long with a byte for every start;
        // lanes below `out`, rounded up, are the caller's promise.
        unsafe {
            let init = init_period.as_ptr().add(start);
            let chain = *w.add(period * TAPS + start / LANES);
            let w = w.add(start * TAPS);
            let lanes = (start, period, out);
            match chain {
                5 => sum_lanes::<5>(w, init, taps, lanes, sink),
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
    taps: &[*const i8; TAPS],
    (start, period, out): (usize, usize, usize),
    sink: &impl Sink,
) {
    // SAFETY: the caller's promise; NEON is part of every aarch64 processor that Linux runs on.
    unsafe {
        let constant = sink.lane(start);
        let mut lane = start;
        while lane + period < out {
            let [a, b] = sums::<CHAIN, 2>(w, init, taps, [lane, lane + period]);
            sink.put(&constant, lane, a);
            sink.put(&constant, lane + period, b);
            lane += 2 * period;
        }
        if lane < out {
            let [a] = sums::<CHAIN, 1>(w, init, taps, [lane]);
            sink.put(&constant, lane, a);
        }
    }
}

/// Sixteen sums at each of these lanes.
///
/// # Safety
/// As [`sum_lanes`].
#[inline(always)]
unsafe fn sums<const CHAIN: usize, const N: usize>(
    mut w: *const i8,
    init: *const i32,
    taps: &[*const i8; TAPS],
    lanes: [usize; N],
) -> [[int32x4_t; 4]; N] {
    // SAFETY: the caller's promise.
    unsafe {
        let init = std::array::from_fn(|q| vld1q_s32(init.add(4 * q)));
        let mut sums = [init; N];
        for chain in taps.chunks(CHAIN) {
            let mut words = [[vdupq_n_s16(0); 2]; N];
            for (i, tap) in chain.iter().enumerate() {
                let weights = vld1q_s8(w);
                w = w.add(LANES);
                for (words, lane) in words.iter_mut().zip(lanes) {
                    let x = vld1q_s8(tap.add(lane));
                    *words = match i {
                        0 => [
                            vmull_s8(vget_low_s8(x), vget_low_s8(weights)),
                            vmull_high_s8(x, weights),
                        ],
                        _ => [
                            vmlal_s8(words[0], vget_low_s8(x), vget_low_s8(weights)),
                            vmlal_high_s8(words[1], x, weights),
                        ],
                    };
                }
            }
            for (sums, [low, high]) in sums.iter_mut().zip(words) {
                *sums = widen(*sums, low, high);
            }
        }
        sums
    }
}
