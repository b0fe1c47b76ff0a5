//! Where the depthwise kernels' sums go: to memory as they are, or rounded to int8.

use crate::engine::kernels::rows::fixed::{FRACTION, Numbers};
use std::arch::aarch64::*;

/// Where sixteen sums go.
pub trait Sink {
    /// What is the same for all sums of lanes `start + i · period`.
    type Lane;
    /// # Safety
    /// The period has 16 lanes from `start`.
    unsafe fn lane(&self, start: usize) -> Self::Lane;
    /// # Safety
    /// There is room for 16 numbers from `at`.
    unsafe fn put(&self, lane: &Self::Lane, at: usize, sums: [int32x4_t; 4]);
}

impl Sink for *mut i32 {
    type Lane = ();
    unsafe fn lane(&self, _: usize) {}
    #[inline(always)]
    unsafe fn put(&self, (): &(), at: usize, sums: [int32x4_t; 4]) {
        for (q, sum) in sums.into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { vst1q_s32(self.add(at + q * 4), sum) };
        }
    }
}

/// To int8; whether there may be a rest.
pub struct Rounded<const REST: bool>(pub Numbers, pub *mut i8);

impl<const REST: bool> Sink for Rounded<REST> {
    type Lane = ([int32x4_t; 4], [int16x8_t; 2], [int16x8_t; 2]);
    #[inline(always)]
    unsafe fn lane(&self, start: usize) -> Self::Lane {
        // SAFETY: the caller's promise.
        unsafe {
            let by = |q: usize| vld1q_s32(self.0.by.add(start + 4 * q));
            let two = |p: *const i16| [vld1q_s16(p.add(start)), vld1q_s16(p.add(start + 8))];
            let rest = match self.0.rest {
                Some(rest) if REST => two(rest),
                _ => [vdupq_n_s16(0); 2],
            };
            ([by(0), by(1), by(2), by(3)], two(self.0.factor), rest)
        }
    }
    #[inline(always)]
    unsafe fn put(&self, (by, factor, rest): &Self::Lane, at: usize, sums: [int32x4_t; 4]) {
        // SAFETY: the caller's promise.
        unsafe {
            let shares = |i: usize| {
                let low = vqmovn_s32(vrshlq_s32(sums[2 * i], by[2 * i]));
                let v = vqmovn_high_s32(low, vrshlq_s32(sums[2 * i + 1], by[2 * i + 1]));
                let v = vqrdmulhq_s16(v, factor[i]);
                if REST { vqaddq_s16(v, rest[i]) } else { v }
            };
            let low = vqrshrn_n_s16::<FRACTION>(shares(0));
            vst1q_s8(
                self.1.add(at),
                vqrshrn_high_n_s16::<FRACTION>(low, shares(1)),
            );
        }
    }
}

/// `four` and the sums of sixteen lanes.
#[inline]
#[target_feature(enable = "neon")]
pub fn widen(four: [int32x4_t; 4], low: int16x8_t, high: int16x8_t) -> [int32x4_t; 4] {
    let [a, b, c, d] = four;
    [
        vaddw_s16(a, vget_low_s16(low)),
        vaddw_high_s16(b, low),
        vaddw_s16(c, vget_low_s16(high)),
        vaddw_high_s16(d, high),
    ]
}
