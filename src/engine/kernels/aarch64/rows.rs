//! Rounding rows for NEON: `fcvtns` rounds to the nearest, halves to even, in one instruction, and
//! saturating narrowings are the clamp.
//!
//! They give the same bits as the plain loop in `super::super::rows`.

use std::arch::aarch64::*;

/// Sixteen real numbers in steps of a grid to its int8: `clamp(round(v) + zero, −128, 127)`.
#[inline(always)]
fn narrow(v: [float32x4_t; 4], zero: int16x8_t) -> int8x16_t {
    // SAFETY: NEON is part of every aarch64 processor that Linux runs on.
    unsafe {
        let [a, b, c, d] = [
            vcvtnq_s32_f32(v[0]),
            vcvtnq_s32_f32(v[1]),
            vcvtnq_s32_f32(v[2]),
            vcvtnq_s32_f32(v[3]),
        ];
        let low = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(a), b), zero);
        let high = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(c), d), zero);
        vqmovn_high_s16(vqmovn_s16(low), high)
    }
}

/// Four vectors of f32 from the first 16 of `x`.
#[inline(always)]
fn load(x: &[f32; 16]) -> [float32x4_t; 4] {
    // SAFETY: the array has four vectors.
    unsafe {
        [
            vld1q_f32(&x[0]),
            vld1q_f32(&x[4]),
            vld1q_f32(&x[8]),
            vld1q_f32(&x[12]),
        ]
    }
}

/// `real · inverse` to the grid.
pub fn quantise(real: &[f32], inverse: f32, zero: i32, out: &mut [i8]) -> usize {
    let real = real.as_chunks::<16>().0;
    let out = out.as_chunks_mut::<16>().0;
    let count = out.len();
    // SAFETY: NEON, as above; the arrays have 16 numbers.
    unsafe {
        let inverse = vdupq_n_f32(inverse);
        let zero = vdupq_n_s16(zero as i16);
        for (real, out) in real.iter().zip(out) {
            // Not `map`: the compiler leaves its parts as calls.
            let v = load(real);
            let at = |i: usize| vmulq_f32(v[i], inverse);
            vst1q_s8(out.as_mut_ptr(), narrow([at(0), at(1), at(2), at(3)], zero));
        }
    }
    count * 16
}
