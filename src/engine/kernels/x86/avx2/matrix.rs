//! `sum[p][j] = init[j] + Σ_k x[p][k] · w[j][k]` in register tiles of MR pixels x NV vectors of 8
//! outputs.
//!
//! Weights lie as int16, `[group of NV vectors][k / 2][vector][8 columns][2 inputs]`, zeros where k
//! or n end: a group is read from front to back, and stays in the first cache while all pixels
//! pass. The tile's inputs are widened to int16 in a small buffer first, so that a step of two
//! inputs is one broadcast load a pixel and no shuffle.

use super::super::groups;
use super::LANES;
use crate::engine::kernels::Packed;
use std::arch::x86_64::*;
use std::mem::MaybeUninit;

/// Vectors of columns in a group, at most.
const NV_MAX: usize = 3;

/// Inputs of a pixel that are widened at a time: a multiple of 16.
const K_MAX: usize = 512;

/// Packs `w` (n rows of k weights) and `init` as [`multiply`] reads them.
pub fn pack_matrix(w: &[i8], n: usize, k: usize, init: &[i32]) -> (Packed, Vec<i32>) {
    let vectors = n.div_ceil(LANES);
    let steps = k.div_ceil(2);
    let mut packed = vec![0; vectors * steps * LANES * 2];
    for (v0, nv) in groups(vectors, NV_MAX) {
        let group = &mut packed[v0 * steps * LANES * 2..];
        for j in v0 * LANES..n.min((v0 + nv) * LANES) {
            for (i, &weight) in w[j * k..][..k].iter().enumerate() {
                group[((i / 2 * nv + j / LANES - v0) * LANES + j % LANES) * 2 + i % 2] =
                    i16::from(weight);
            }
        }
    }
    let mut start = init.to_vec();
    start.resize(vectors * LANES, 0);
    (Packed::I16(packed), start)
}

/// [`Matrix::multiply`](crate::engine::kernels::Matrix::multiply).
///
/// # Safety
/// The processor has AVX2; `w` and `init` are of [`pack_matrix`] with the same n and k; `x` and
/// `sums` are as long as `Matrix::multiply` demands.
#[target_feature(enable = "avx2")]
#[allow(clippy::too_many_arguments)] // one call for all instruction sets
pub unsafe fn multiply(
    w: &[i16],
    init: &[i32],
    n: usize,
    k: usize,
    x: &[i8],
    stride: usize,
    pixels: usize,
    sums: &mut [i32],
) {
    let steps = k.div_ceil(2);
    for (v0, nv) in groups(n.div_ceil(LANES), NV_MAX) {
        let group = Group {
            w: w[v0 * steps * LANES * 2..].as_ptr(),
            init: init[v0 * LANES..].as_ptr(),
            k,
            x: x.as_ptr(),
            stride,
            sums: sums[v0 * LANES..].as_mut_ptr(),
            n,
        };
        // SAFETY: the group's pointers are into slices as long as the caller promises.
        unsafe {
            match nv {
                1 => group.run::<6, 1>(pixels),
                2 => group.run::<6, 2>(pixels),
                _ => group.run::<3, 3>(pixels),
            }
        }
    }
}

/// The outputs of one group: where its weights, its start values and its first pixel's inputs and
/// sums are.
struct Group {
    w: *const i16,
    init: *const i32,
    k: usize,
    x: *const i8,
    stride: usize,
    sums: *mut i32,
    n: usize,
}

/// One pixel's inputs, widened.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Wide([MaybeUninit<i16>; K_MAX]);

impl Group {
    /// All pixels, in order, MR at a time and then the rest.
    ///
    /// # Safety
    /// As [`multiply`]; the group has NV vectors.
    #[target_feature(enable = "avx2")]
    unsafe fn run<const MR: usize, const NV: usize>(&self, pixels: usize) {
        let mut p = 0;
        // SAFETY: every tile ends at or before `pixels`.
        unsafe {
            while p + MR <= pixels {
                self.tile::<MR, NV>(p);
                p += MR;
            }
            while p + 2 <= pixels {
                self.tile::<2, NV>(p);
                p += 2;
            }
            if p < pixels {
                self.tile::<1, NV>(p);
            }
        }
    }

    /// Pixels `p..p + MR`.
    ///
    /// # Safety
    /// As [`multiply`]; the group has NV vectors and these pixels exist.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn tile<const MR: usize, const NV: usize>(&self, p: usize) {
        let mut wide = [Wide([MaybeUninit::uninit(); K_MAX]); MR];
        // SAFETY: weights and init are padded to whole vectors and steps; the last widening of a
        // pixel reads at most 15 bytes beyond its channels, the last vector stores at most 7 sums
        // beyond its columns: both are within the slack.
        unsafe {
            let mut sums = [[_mm256_setzero_si256(); NV]; MR];
            for v in 0..NV {
                let start = _mm256_loadu_si256(self.init.add(v * LANES).cast());
                sums.iter_mut().for_each(|row| row[v] = start);
            }
            let mut w = self.w;
            for k0 in (0..self.k).step_by(K_MAX) {
                let len = (self.k - k0).min(K_MAX);
                for (m, wide) in wide.iter_mut().enumerate() {
                    widen(self.x.add((p + m) * self.stride + k0), len, wide);
                }
                for step in 0..len.div_ceil(2) {
                    let weights: [__m256i; NV] =
                        std::array::from_fn(|v| _mm256_loadu_si256(w.add(v * LANES * 2).cast()));
                    w = w.add(NV * LANES * 2);
                    for (row, wide) in sums.iter_mut().zip(&wide) {
                        let two = _mm256_set1_epi32(wide.0.as_ptr().cast::<i32>().add(step).read());
                        for (sum, &weights) in row.iter_mut().zip(&weights) {
                            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(two, weights));
                        }
                    }
                }
            }
            for (m, row) in sums.iter().enumerate() {
                for (v, &sum) in row.iter().enumerate() {
                    _mm256_storeu_si256(self.sums.add((p + m) * self.n + v * LANES).cast(), sum);
                }
            }
        }
    }
}

/// Widens `len` bytes, rounded up to a multiple of 16.
///
/// # Safety
/// So many bytes can be read at `x`, and `len` is at most [`K_MAX`].
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn widen(x: *const i8, len: usize, wide: &mut Wide) {
    for i in (0..len).step_by(16) {
        // SAFETY: as the caller's; K_MAX is a multiple of 16.
        unsafe {
            let some = _mm256_cvtepi8_epi16(_mm_loadu_si128(x.add(i).cast()));
            _mm256_store_si256(wide.0.as_mut_ptr().add(i).cast(), some);
        }
    }
}
