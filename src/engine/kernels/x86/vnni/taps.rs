//! A 3x3 depthwise convolution: `sum[x][c] = init[c] + Σ_ij w[c][i][j] · input[i][x + j][c]`, 16
//! channels at a time along a row.
//!
//! A column is one pixel's 16 channels in up to four input rows, interleaved in registers to one
//! int32 lane a channel: (row 0, row 1, row 2, row 3). Walking along x, each column is made once
//! and multiplied three times, with weights (w0, w1, w2, 0) for the output row around row 1, and at
//! stride 1 also with (0, w0, w1, w2) for the one around row 2: two output rows a walk. Nothing but
//! the input and the sums is in memory. Weights lie as `[block of 16 channels][x offset][output row
//! of the two][16 channels][4 rows]`.

use super::super::{blocks, pad_row};
use super::{LANES, shifted};
use crate::engine::kernels::{Packed, SLACK, TapScratch, TapShape};
use std::arch::x86_64::*;
use std::hint::black_box;
use std::ops::Range;

/// Vectors of weights of a block: three x offsets for two output rows.
const VECTORS: usize = 6;

/// Packs `w` (c x 3 x 3) and `init` as [`depthwise`] reads them.
pub fn pack_taps(w: &[i8], c: usize, init: &[i32]) -> (Packed, Vec<i32>) {
    let count = c.div_ceil(LANES) * LANES;
    let mut packed = vec![0; count * VECTORS * 4];
    let mut start = vec![0; count];
    for (b, first) in blocks(c, LANES).enumerate() {
        for lane in 0..LANES.min(c - first) {
            let taps = &w[(first + lane) * 9..][..9];
            start[b * LANES + lane] = shifted(init[first + lane], taps.iter().copied());
            for (i, &weight) in taps.iter().enumerate() {
                let dy = i / 3;
                let dx = i % 3;
                for row in 0..2 {
                    packed[(((b * 3 + dx) * 2 + row) * LANES + lane) * 4 + row + dy] = weight;
                }
            }
        }
    }
    (Packed::I8(packed), start)
}

/// [`Taps::run`](crate::engine::kernels::Taps::run).
///
/// # Safety
/// The processor has AVX-512 VNNI; `w` and `init` are of [`pack_taps`] with the shape's channels;
/// the shape is common; `x` is as long as `Taps::run` demands and `rows` are the shape's.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(clippy::too_many_arguments)] // one call for all instruction sets
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
    let (c, [h, width]) = (s.channels, s.input);
    let len = s.output[1] * c;
    let second = (len + SLACK).next_multiple_of(LANES);
    scratch
        .sums
        .resize(scratch.sums.len().max(2 * second + SLACK), 0);
    let outside = pad_row(&mut scratch.words, pad, width).as_ptr();
    let aligned = scratch.sums.as_ptr().align_offset(64).min(LANES);
    let sums = &mut scratch.sums[aligned..];
    // Input rows count from the padding's: row 0 is the one above the picture.
    let row = |y: usize| {
        if (1..=h).contains(&y) {
            x[(y - 1) * width * c..].as_ptr()
        } else {
            outside
        }
    };
    let order = Order::new();
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
                    order: &order,
                    w: w[b * VECTORS * LANES * 4..].as_ptr(),
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
struct Walk<'a> {
    order: &'a Order,
    w: *const i8,
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

impl Walk<'_> {
    /// Stride 1, ROWS output rows.
    ///
    /// # Safety
    /// As [`depthwise`]; every row has `width` pixels of `c` channels and 16 bytes behind them, the
    /// padding one pixel.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn by_one<const ROWS: usize>(&self) {
        // SAFETY: loads of 16 bytes begin within the rows, stores of 16 sums within the output
        // rows.
        unsafe {
            let weights = self.weights::<ROWS>();
            let outside = self.order.column::<ROWS>([self.outside; 4]);
            let mut left = outside;
            let mut middle = self.order.column::<ROWS>(self.inputs);
            let mut inputs = self.inputs;
            let mut sums = self.sums;
            for _ in 1..self.width {
                inputs = inputs.map(|row| row.add(self.c));
                let right = self.order.column::<ROWS>(inputs);
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
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn by_two(&self) {
        // SAFETY: as in `by_one`.
        unsafe {
            let weights = self.weights::<1>();
            let outside = self.order.column::<1>([self.outside; 4]);
            let mut left = outside;
            let mut inputs = self.inputs;
            let mut sums = self.sums;
            for _ in 0..self.width / 2 {
                let middle = self.order.column::<1>(inputs);
                let right = self.order.column::<1>(inputs.map(|row| row.add(self.c)));
                self.store(&weights, [left, middle, right], sums);
                inputs = inputs.map(|row| row.add(self.c * 2));
                sums = sums.add(self.c);
                left = right;
            }
            if self.width % 2 == 1 {
                self.store(
                    &weights,
                    [left, self.order.column::<1>(inputs), outside],
                    sums,
                );
            }
        }
    }

    /// The block's weights for the first ROWS output rows: one vector an x offset and row.
    ///
    /// # Safety
    /// As [`depthwise`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn weights<const ROWS: usize>(&self) -> [[__m512i; 3]; ROWS] {
        // SAFETY: a block has six vectors.
        unsafe {
            let mut weights = [[_mm512_setzero_si512(); 3]; ROWS];
            for (row, weights) in weights.iter_mut().enumerate() {
                for (dx, weights) in weights.iter_mut().enumerate() {
                    *weights = _mm512_loadu_si512(self.w.add((dx * 2 + row) * LANES * 4).cast());
                }
            }
            weights
        }
    }

    /// One output pixel in ROWS rows.
    ///
    /// # Safety
    /// 16 sums fit at `sums` and at `second` behind it.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn store<const ROWS: usize>(
        &self,
        weights: &[[__m512i; 3]; ROWS],
        columns: [__m512i; 3],
        sums: *mut i32,
    ) {
        // SAFETY: as the caller's.
        unsafe {
            for (row, weights) in weights.iter().enumerate() {
                let mut sum = _mm512_loadu_si512(self.init.cast());
                for (&column, &weights) in columns.iter().zip(weights) {
                    sum = _mm512_dpbusd_epi32(sum, column, weights);
                }
                _mm512_storeu_si512(sums.add(row * self.second).cast(), sum);
            }
        }
    }
}

/// The order of a [`column`](Order::column)'s bytes, kept from the compiler: it would make longer
/// shuffles of it.
struct Order {
    /// Of groups of four bytes, from (row 0, row 1) and (row 2, row 3).
    fours: __m512i,
    /// In each group of sixteen.
    bytes: __m512i,
}

impl Order {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    fn new() -> Self {
        static FOURS: [i32; 16] = [0, 4, 16, 20, 1, 5, 17, 21, 2, 6, 18, 22, 3, 7, 19, 23];
        static BYTES: [i8; 16] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];
        // SAFETY: both are as long as what is loaded.
        unsafe {
            let fours = _mm512_loadu_si512(black_box(&FOURS).as_ptr().cast());
            let bytes = _mm_loadu_si128(black_box(&BYTES).as_ptr().cast());
            Self {
                fours,
                bytes: _mm512_broadcast_i32x4(bytes),
            }
        }
    }

    /// 16 channels of one pixel in four rows, interleaved: lane c is (row 0, row 1, row 2, row 3)
    /// of channel c, each 128 higher. One output row does not use the last.
    ///
    /// # Safety
    /// 16 bytes can be read at each.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn column<const ROWS: usize>(&self, rows: [*const i8; 4]) -> __m512i {
        // SAFETY: as the caller's.
        let [a, b, c, d] = unsafe { rows.map(|row| _mm_loadu_si128(row.cast())) };
        let ab = _mm512_castsi256_si512(_mm256_set_m128i(b, a));
        let cd = if ROWS == 1 {
            _mm512_castsi128_si512(c)
        } else {
            _mm512_castsi256_si512(_mm256_set_m128i(d, c))
        };
        // A 4x4 transposition of groups of four bytes, then one of the bytes in each.
        let fours = _mm512_permutex2var_epi32(ab, self.fours, cd);
        _mm512_xor_si512(
            _mm512_shuffle_epi8(fours, self.bytes),
            _mm512_set1_epi8(-128),
        )
    }
}
