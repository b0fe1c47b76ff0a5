//! Rounding rows for NEON: `fcvtns` rounds to the nearest, halves to even, in one instruction, and
//! saturating narrowings are the clamp.
//!
//! The compiler makes about 2.5 instructions a number of the plain loops in `super::super::rows`;
//! these need 1.8. They give the same bits: see `saturate` there, whose precondition holds for
//! every caller.

use std::arch::aarch64::*;

/// Sixteen real numbers in steps of a grid to its int8: `clamp(round(v) + zero, −128, 127)`.
#[inline(always)]
pub fn narrow(v: [float32x4_t; 4], zero: int16x8_t) -> int8x16_t {
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

#[inline(always)]
fn store(q: int8x16_t, out: &mut [i8; 16]) {
    // SAFETY: the array has a vector's bytes.
    unsafe { vst1q_s8(out.as_mut_ptr(), q) }
}

/// Sixteen products of differences of int8 from zeros, as f32: exact.
#[inline(always)]
fn widen(x: &[i8; 16], from: int16x8_t) -> [int16x8_t; 2] {
    // SAFETY: the array has a vector's bytes.
    unsafe {
        let x = vld1q_s8(x.as_ptr());
        [
            vsubq_s16(vmovl_s8(vget_low_s8(x)), from),
            vsubq_s16(vmovl_high_s8(x), from),
        ]
    }
}

/// `sum · scale + bias` to the grid, for whole sixteens; returns how many numbers it has done.
pub fn requantise(sums: &[i32], scale: &[f32], bias: &[f32], zero: i32, out: &mut [i8]) -> usize {
    let sums = sums.as_chunks::<16>().0;
    let out = out.as_chunks_mut::<16>().0;
    let scale = scale.as_chunks::<16>().0;
    let bias = bias.as_chunks::<16>().0;
    let count = out.len();
    // SAFETY: NEON, as above; the arrays have 16 numbers.
    unsafe {
        let zero = vdupq_n_s16(zero as i16);
        for (((sums, scale), bias), out) in sums.iter().zip(scale).zip(bias).zip(out) {
            let scale = load(scale);
            let bias = load(bias);
            let at = |i: usize| {
                vaddq_f32(
                    vmulq_f32(vcvtq_f32_s32(vld1q_s32(&sums[4 * i])), scale[i]),
                    bias[i],
                )
            };
            store(narrow([at(0), at(1), at(2), at(3)], zero), out);
        }
    }
    count * 16
}

/// `real · inverse` to the grid.
pub fn quantise(real: &[f32], inverse: f32, zero: i32, out: &mut [i8]) -> usize {
    let real = real.as_chunks::<16>().0;
    let out = out.as_chunks_mut::<16>().0;
    let count = out.len();
    // SAFETY: as in `requantise`.
    unsafe {
        let inverse = vdupq_n_f32(inverse);
        let zero = vdupq_n_s16(zero as i16);
        for (real, out) in real.iter().zip(out) {
            // Not `map`: the compiler leaves its parts as calls.
            let v = load(real);
            let at = |i: usize| vmulq_f32(v[i], inverse);
            store(narrow([at(0), at(1), at(2), at(3)], zero), out);
        }
    }
    count * 16
}

/// `(x − from) · (gate − gate zero) · scale` to the grid.
pub fn gate(
    x: &[i8],
    gates: &[i8],
    from: i32,
    gate_zero: i32,
    scale: f32,
    zero: i32,
    out: &mut [i8],
) -> usize {
    let x = x.as_chunks::<16>().0;
    let gates = gates.as_chunks::<16>().0;
    let out = out.as_chunks_mut::<16>().0;
    let count = out.len();
    // SAFETY: as in `requantise`.
    unsafe {
        let from = vdupq_n_s16(from as i16);
        let gate_zero = vdupq_n_s16(gate_zero as i16);
        let scale = vdupq_n_f32(scale);
        let zero = vdupq_n_s16(zero as i16);
        for ((x, gates), out) in x.iter().zip(gates).zip(out) {
            let x = widen(x, from);
            let g = widen(gates, gate_zero);
            let product = [
                vmull_s16(vget_low_s16(x[0]), vget_low_s16(g[0])),
                vmull_high_s16(x[0], g[0]),
                vmull_s16(vget_low_s16(x[1]), vget_low_s16(g[1])),
                vmull_high_s16(x[1], g[1]),
            ];
            let at = |i: usize| vmulq_f32(vcvtq_f32_s32(product[i]), scale);
            store(narrow([at(0), at(1), at(2), at(3)], zero), out);
        }
    }
    count * 16
}

/// `(x − from) · scale` to the grid, a scale a channel.
pub fn rescale(x: &[i8], from: i32, scale: &[f32], zero: i32, out: &mut [i8]) -> usize {
    let x = x.as_chunks::<16>().0;
    let scale = scale.as_chunks::<16>().0;
    let out = out.as_chunks_mut::<16>().0;
    let count = out.len();
    // SAFETY: as in `requantise`.
    unsafe {
        let from = vdupq_n_s16(from as i16);
        let zero = vdupq_n_s16(zero as i16);
        for ((x, scale), out) in x.iter().zip(scale).zip(out) {
            let x = widen(x, from);
            let s = load(scale);
            let wide = [
                vmovl_s16(vget_low_s16(x[0])),
                vmovl_high_s16(x[0]),
                vmovl_s16(vget_low_s16(x[1])),
                vmovl_high_s16(x[1]),
            ];
            let at = |i: usize| vmulq_f32(vcvtq_f32_s32(wide[i]), s[i]);
            store(narrow([at(0), at(1), at(2), at(3)], zero), out);
        }
    }
    count * 16
}
