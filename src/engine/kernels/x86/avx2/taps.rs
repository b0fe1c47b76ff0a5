//! A 3x3 depthwise convolution: `sum[x][c] = init[c] + Σ_ij w[c][i][j] · input[i][x + j][c]`, 8
//! channels at a time along a row.
//!
//! A column is one pixel's 8 channels in up to four input rows, interleaved in registers to two
//! vectors with one pair of int16 a channel: (row 0, row 1) and (row 2, row 3). Walking along x,
//! each column is made once and multiplied three times, with weights (w0, w1) and (w2, 0) for the
//! output row around row 1, and at stride 1 also with (0, w0) and (w1, w2) for the one around row
//! 2: two output rows a walk. Weights lie as `[block of 8 channels][output row of the two][x
//! offset][pair of rows][8 channels][2 rows]`.

use super::super::{blocks, pad_row};
use super::LANES;
use crate::engine::kernels::{Packed, SLACK, TapScratch, TapShape};
use std::arch::x86_64::*;
use std::ops::Range;

/// Vectors of weights of a block: two output rows, three x offsets, two pairs of rows.
const VECTORS: usize = 12;

/// Packs `w` (c x 3 x 3) and `init` as [`depthwise`] reads them.
pub fn pack_taps(w: &[i8], c: usize, init: &[i32]) -> (Packed, Vec<i32>) {
    let count = c.div_ceil(LANES) * LANES;
    let mut packed = vec![0; count * VECTORS * 2];
    let mut start = vec![0; count];
    for (b, first) in blocks(c, LANES).enumerate() {
        for lane in 0..LANES.min(c - first) {
            start[b * LANES + lane] = init[first + lane];
            for (i, &weight) in w[(first + lane) * 9..][..9].iter().enumerate() {
                let dy = i / 3;
                let dx = i % 3;
                for row in 0..2 {
                    let pair = (row * 3 + dx) * 2 + (row + dy) / 2;
                    packed[((b * VECTORS + pair) * LANES + lane) * 2 + (row + dy) % 2] =
                        i16::from(weight);
                }
            }
        }
    }
    (Packed::I16(packed), start)
}

/// [`Taps::run`](crate::engine::kernels::Taps::run).
///
/// # Safety
/// The processor has AVX2; `w` and `init` are of [`pack_taps`] with the shape's channels; the shape
/// is common; `x` is as long as `Taps::run` demands and `rows` are the shape's.
#[target_feature(enable = "avx2")]
#[allow(clippy::too_many_arguments)] // one call for all instruction sets
pub unsafe fn depthwise(
    w: &[i16],
    init: &[i32],
    pad: &[i8],
    s: &TapShape,
    x: &[i8],
    rows: Range<usize>,
    scratch: &mut TapScratch,
    emit: &mut dyn FnMut(usize, &[i32]),
) {
    let (c, [h, width]) = (s.channels, s.input);
    let len = s.output[1] * c;
    let second = (len + SLACK).next_multiple_of(LANES);
    scratch
        .sums
        .resize(scratch.sums.len().max(2 * second + SLACK), 0);
    let outside = pad_row(&mut scratch.words, pad, width).as_ptr();
    let aligned = scratch.sums.as_ptr().align_offset(32).min(LANES);
    let sums = &mut scratch.sums[aligned..];
    // Input rows count from the padding's: row 0 is the one above the picture.
    let row = |y: usize| {
        if (1..=h).contains(&y) {
            x[(y - 1) * width * c..].as_ptr()
        } else {
            outside
        }
    };
    let mut y = rows.start;
    while y < rows.end {
        let pair = s.stride == 1 && y + 1 < rows.end;
        let top = y * s.stride;
        let inputs = [
            row(top),
            row(top + 1),
            row(top + 2),
            row(if pair { top + 3 } else { top + 2 }),
        ];
        for (b, first) in blocks(c, LANES).enumerate() {
            // SAFETY: the input rows have `width` pixels, the padding's row too, and all have
            // slack; both rows of sums fit.
            unsafe {
                let walk = Walk {
                    w: w[b * VECTORS * LANES * 2..].as_ptr(),
                    init: init[b * LANES..].as_ptr(),
                    inputs: inputs.map(|row| row.add(first)),
                    outside: outside.add(first),
                    c,
                    width,
                    sums: sums[first..].as_mut_ptr(),
                    second,
                };
                match (s.stride, pair) {
                    (1, true) => walk.by_one::<2>(),
                    (1, false) => walk.by_one::<1>(),
                    _ => walk.by_two(),
                }
            }
        }
        emit(y, &sums[..len]);
        if pair {
            emit(y + 1, &sums[second..][..len]);
        }
        y += 1 + usize::from(pair);
    }
}

/// One block's way along one or two output rows.
struct Walk {
    w: *const i16,
    init: *const i32,
    /// The first pixel of four input rows.
    inputs: [*const i8; 4],
    /// A pixel of padding.
    outside: *const i8,
    c: usize,
    width: usize,
    sums: *mut i32,
    /// From the first output row's sums to the second's.
    second: usize,
}

/// The weights of one output row: an x offset, a pair of rows.
type Weights = [[__m256i; 2]; 3];

impl Walk {
    /// Stride 1, ROWS output rows.
    ///
    /// # Safety
    /// As [`depthwise`]; every row has `width` pixels of `c` channels and 8 bytes behind them, the
    /// padding one pixel.
    #[target_feature(enable = "avx2")]
    unsafe fn by_one<const ROWS: usize>(&self) {
        // SAFETY: loads of 8 bytes begin within the rows, stores of 8 sums within the output rows.
        unsafe {
            let weights = self.weights::<ROWS>();
            let outside = column([self.outside; 4]);
            let mut left = outside;
            let mut middle = column(self.inputs);
            let mut inputs = self.inputs;
            let mut sums = self.sums;
            for _ in 1..self.width {
                inputs = inputs.map(|row| row.add(self.c));
                let right = column(inputs);
                self.store(&weights, [left, middle, right], sums);
                sums = sums.add(self.c);
                left = middle;
                middle = right;
            }
            self.store(&weights, [left, middle, outside], sums);
        }
    }

    /// Stride 2, one output row.
    ///
    /// # Safety
    /// As [`Walk::by_one`].
    #[target_feature(enable = "avx2")]
    unsafe fn by_two(&self) {
        // SAFETY: as in `by_one`.
        unsafe {
            let weights = self.weights::<1>();
            let outside = column([self.outside; 4]);
            let mut left = outside;
            let mut inputs = self.inputs;
            let mut sums = self.sums;
            for _ in 0..self.width / 2 {
                let middle = column(inputs);
                let right = column(inputs.map(|row| row.add(self.c)));
                self.store(&weights, [left, middle, right], sums);
                inputs = inputs.map(|row| row.add(self.c * 2));
                sums = sums.add(self.c);
                left = right;
            }
            if self.width % 2 == 1 {
                self.store(&weights, [left, column(inputs), outside], sums);
            }
        }
    }

    /// The block's weights for the first ROWS output rows.
    ///
    /// # Safety
    /// As [`depthwise`].
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn weights<const ROWS: usize>(&self) -> [Weights; ROWS] {
        let zero = _mm256_setzero_si256();
        let mut weights = [[[zero; 2]; 3]; ROWS];
        for (i, weights) in weights
            .as_flattened_mut()
            .as_flattened_mut()
            .iter_mut()
            .enumerate()
        {
            // SAFETY: a block has twelve vectors.
            *weights = unsafe { _mm256_loadu_si256(self.w.add(i * LANES * 2).cast()) };
        }
        weights
    }

    /// One output pixel in ROWS rows.
    ///
    /// # Safety
    /// 8 sums fit at `sums` and at `second` behind it.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn store<const ROWS: usize>(
        &self,
        weights: &[Weights; ROWS],
        columns: [[__m256i; 2]; 3],
        sums: *mut i32,
    ) {
        // SAFETY: as the caller's.
        unsafe {
            for (row, weights) in weights.iter().enumerate() {
                let mut sum = _mm256_loadu_si256(self.init.cast());
                for (&column, &weights) in columns.as_flattened().iter().zip(weights.as_flattened())
                {
                    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(column, weights));
                }
                _mm256_storeu_si256(sums.add(row * self.second).cast(), sum);
            }
        }
    }
}

/// 8 channels of one pixel in four rows, widened and interleaved: (row 0, row 1) of each channel,
/// and (row 2, row 3).
///
/// # Safety
/// 8 bytes can be read at each.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn column(rows: [*const i8; 4]) -> [__m256i; 2] {
    // SAFETY: as the caller's.
    let [a, b, c, d] = unsafe { rows.map(|row| _mm_loadl_epi64(row.cast())) };
    [
        _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(a, b)),
        _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(c, d)),
    ]
}
