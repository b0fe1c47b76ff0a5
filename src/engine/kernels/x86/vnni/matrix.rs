//! `sum[p][j] = init[j] + Σ_k x[p][k] · w[j][k]` in register tiles of MR pixels x NV vectors of 16
//! outputs.
//!
//! Weights lie as `[group of NV vectors][k / 4][vector][16 columns][4 inputs]`, zeros where k or n
//! end: a group is read from front to back, and stays in the first cache while all pixels pass.
//! Each step of four inputs loads NV vectors of weights, broadcasts four bytes of each pixel and
//! does MR x NV `vpdpbusd`; about 24 sums in flight hide that instruction's latency and leave few
//! loads a product.
//!
//! Where at most 8 of the last vector's columns are used (n = 40, 20, 7), half a vector is
//! multiplied: processors that run 512 bits as two halves (Zen 4) then do 40 columns in 40 columns'
//! time.

use super::super::groups;
use super::{LANES, shifted};
use crate::engine::kernels::Packed;
use std::arch::x86_64::*;

/// Vectors of columns in a group, at most.
const NV_MAX: usize = 4;

/// Packs `w` (n rows of k weights) and `init` as [`multiply`] reads them.
pub fn pack_matrix(w: &[i8], n: usize, k: usize, init: &[i32]) -> (Packed, Vec<i32>) {
    let vectors = n.div_ceil(LANES);
    let steps = k.div_ceil(4);
    let mut packed = vec![0; vectors * steps * LANES * 4];
    for (v0, nv) in groups(vectors, NV_MAX) {
        let group = &mut packed[v0 * steps * LANES * 4..];
        for j in v0 * LANES..n.min((v0 + nv) * LANES) {
            for (i, &weight) in w[j * k..][..k].iter().enumerate() {
                group[((i / 4 * nv + j / LANES - v0) * LANES + j % LANES) * 4 + i % 4] = weight;
            }
        }
    }
    let mut start = vec![0; vectors * LANES];
    for (j, (start, &init)) in start.iter_mut().zip(init).enumerate() {
        *start = shifted(init, w[j * k..][..k].iter().copied());
    }
    (Packed::I8(packed), start)
}

/// [`Matrix::multiply`](crate::engine::kernels::Matrix::multiply).
///
/// # Safety
/// The processor has AVX-512 VNNI; `w` and `init` are of [`pack_matrix`] with the same n and k; `x`
/// and `sums` are as long as `Matrix::multiply` demands.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[allow(clippy::too_many_arguments)] // one call for all instruction sets
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
    let vectors = n.div_ceil(LANES);
    let steps = k.div_ceil(4);
    for (v0, nv) in groups(vectors, NV_MAX) {
        let group = Group {
            w: w[v0 * steps * LANES * 4..].as_ptr(),
            init: init[v0 * LANES..].as_ptr(),
            steps,
            x: x.as_ptr(),
            stride,
            sums: sums[v0 * LANES..].as_mut_ptr(),
            n,
        };
        let half = v0 + nv == vectors && (1..=LANES / 2).contains(&(n % LANES));
        // SAFETY: the group's pointers are into slices as long as the caller promises.
        unsafe {
            match (nv, half) {
                (1, true) => group.run::<12, 0, true>(pixels),
                (1, false) => group.run::<12, 1, false>(pixels),
                (2, true) => group.run::<12, 1, true>(pixels),
                (2, false) => group.run::<12, 2, false>(pixels),
                (3, true) => group.run::<8, 2, true>(pixels),
                (3, false) => group.run::<8, 3, false>(pixels),
                (_, true) => group.run::<6, 3, true>(pixels),
                (_, false) => group.run::<6, 4, false>(pixels),
            }
        }
    }
}

/// The outputs of one group: where its weights, its start values and its first pixel's inputs and
/// sums are.
struct Group {
    w: *const i8,
    init: *const i32,
    steps: usize,
    x: *const i8,
    stride: usize,
    sums: *mut i32,
    n: usize,
}

impl Group {
    /// All pixels, in order, MR at a time and then the rest.
    ///
    /// # Safety
    /// As [`multiply`]; the group has NV vectors and with HALF one more, of which at most 8 columns
    /// are used.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn run<const MR: usize, const NV: usize, const HALF: bool>(&self, pixels: usize) {
        let mut p = 0;
        // SAFETY: every tile ends at or before `pixels`.
        unsafe {
            while p + MR <= pixels {
                self.tile::<MR, NV, HALF>(p);
                p += MR;
            }
            while p + 4 <= pixels {
                self.tile::<4, NV, HALF>(p);
                p += 4;
            }
            if p + 2 <= pixels {
                self.tile::<2, NV, HALF>(p);
                p += 2;
            }
            if p < pixels {
                self.tile::<1, NV, HALF>(p);
            }
        }
    }

    /// Pixels `p..p + MR`.
    ///
    /// # Safety
    /// As [`Group::run`]; these pixels exist.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    unsafe fn tile<const MR: usize, const NV: usize, const HALF: bool>(&self, p: usize) {
        let top_bits = _mm512_set1_epi8(-128);
        // SAFETY: weights and init are padded to whole vectors and steps; the last step of a pixel
        // reads at most 3 bytes beyond its channels, the last vector stores at most 15 sums beyond
        // its columns: both are within the slack.
        unsafe {
            let init: [__m512i; NV] =
                std::array::from_fn(|v| _mm512_loadu_si512(self.init.add(v * LANES).cast()));
            let mut sums = [init; MR];
            let mut halves = [_mm256_setzero_si256(); MR];
            if HALF {
                halves = [_mm256_loadu_si256(self.init.add(NV * LANES).cast()); MR];
            }
            let x = self.x.add(p * self.stride);
            let mut w = self.w;
            for step in 0..self.steps {
                let weights: [__m512i; NV] =
                    std::array::from_fn(|v| _mm512_loadu_si512(w.add(v * LANES * 4).cast()));
                let half = if HALF {
                    _mm256_loadu_si256(w.add(NV * LANES * 4).cast())
                } else {
                    _mm256_setzero_si256()
                };
                w = w.add((NV + usize::from(HALF)) * LANES * 4);
                for (m, (row, sum_half)) in sums.iter_mut().zip(&mut halves).enumerate() {
                    let four = x
                        .add(m * self.stride + step * 4)
                        .cast::<i32>()
                        .read_unaligned();
                    let four = _mm512_xor_si512(_mm512_set1_epi32(four), top_bits);
                    for (sum, &weights) in row.iter_mut().zip(&weights) {
                        *sum = _mm512_dpbusd_epi32(*sum, four, weights);
                    }
                    if HALF {
                        *sum_half =
                            _mm256_dpbusd_epi32(*sum_half, _mm512_castsi512_si256(four), half);
                    }
                }
            }
            for (m, (row, &sum_half)) in sums.iter().zip(&halves).enumerate() {
                let out = self.sums.add((p + m) * self.n);
                for (v, &sum) in row.iter().enumerate() {
                    _mm512_storeu_si512(out.add(v * LANES).cast(), sum);
                }
                if HALF {
                    _mm256_storeu_si256(out.add(NV * LANES).cast(), sum_half);
                }
            }
        }
    }
}
