//! Where the sums of a tile of pixels x columns go: to memory as they are, to real numbers, to
//! shares of a step, or rounded to int8 (see `rows::fixed`).

use super::{opaque_pointer, store};
use crate::engine::kernels::rows::fixed::{FRACTION, Numbers};
use std::arch::aarch64::*;

/// Where the sums of a tile go, four columns to a vector.
pub trait Sink {
    /// # Safety
    /// Pixels `p..p + P` and at least one column of the last vector from `column` exist.
    unsafe fn put<const P: usize, const V: usize>(
        &self,
        p: usize,
        column: usize,
        sums: [[int32x4_t; V]; P],
    );
}

/// To memory, as they are.
pub struct Sums {
    pub to: *mut i32,
    pub n: usize,
}

impl Sink for Sums {
    #[inline(always)]
    unsafe fn put<const P: usize, const V: usize>(
        &self,
        p: usize,
        column: usize,
        sums: [[int32x4_t; V]; P],
    ) {
        let mut to = self.to.wrapping_add(p * self.n + column);
        for sums in sums {
            // SAFETY: the caller's promise; a pixel has so many columns more.
            unsafe { store(to, sums, self.n - column) };
            to = opaque_pointer(to.wrapping_add(self.n)).cast_mut();
        }
    }
}

/// To real numbers, `sum · scale + bias`, or added to those that stand there; the columns are whole
/// vectors.
pub struct Real<const ADD: bool> {
    pub scale: *const f32,
    pub bias: *const f32,
    pub to: *mut f32,
    pub n: usize,
}

impl<const ADD: bool> Sink for Real<ADD> {
    #[inline(always)]
    unsafe fn put<const P: usize, const V: usize>(
        &self,
        p: usize,
        column: usize,
        sums: [[int32x4_t; V]; P],
    ) {
        for v in 0..V {
            let column = column + 4 * v;
            let mut to = self.to.wrapping_add(p * self.n + column);
            // SAFETY: there are scales and biases for whole vectors of columns, and room for them
            // at each pixel.
            unsafe {
                let scale = vld1q_f32(self.scale.add(column));
                let bias = vld1q_f32(self.bias.add(column));
                for sums in sums {
                    let real = vaddq_f32(vmulq_f32(vcvtq_f32_s32(sums[v]), scale), bias);
                    vst1q_f32(
                        to,
                        if ADD {
                            vaddq_f32(vld1q_f32(to), real)
                        } else {
                            real
                        },
                    );
                    to = opaque_pointer(to.wrapping_add(self.n)).cast_mut();
                }
            }
        }
    }
}

/// The numbers that take two vectors of sums to shares of a step; whether there is a rest.
#[derive(Clone, Copy)]
pub struct Eight<const REST: bool> {
    by: [int32x4_t; 2],
    factor: int16x8_t,
    rest: int16x8_t,
}

impl<const REST: bool> Eight<REST> {
    /// Of eight channels in a row.
    ///
    /// # Safety
    /// There are numbers for them.
    #[inline(always)]
    pub unsafe fn in_a_row(of: &Numbers, channel: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let factor = vld1q_s16(of.factor.add(channel));
            Self {
                by: [
                    vld1q_s32(of.by.add(channel)),
                    vld1q_s32(of.by.add(channel + 4)),
                ],
                factor,
                rest: match of.rest {
                    Some(rest) if REST => vld1q_s16(rest.add(channel)),
                    _ => factor,
                },
            }
        }
    }

    /// Of four channels, for two pixels.
    ///
    /// # Safety
    /// There are numbers for them.
    #[inline(always)]
    pub unsafe fn twice(of: &Numbers, channel: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let both = |from: *const i16| {
                let four = vld1_s16(from.add(channel));
                vcombine_s16(four, four)
            };
            let factor = both(of.factor);
            Self {
                by: [vld1q_s32(of.by.add(channel)); 2],
                factor,
                rest: match of.rest {
                    Some(rest) if REST => both(rest),
                    _ => factor,
                },
            }
        }
    }

    #[inline(always)]
    pub fn shares(&self, a: int32x4_t, b: int32x4_t) -> int16x8_t {
        // SAFETY: NEON is part of every aarch64 processor that Linux runs on.
        unsafe {
            let a = vqmovn_s32(vrshlq_s32(a, self.by[0]));
            let v = vqmovn_high_s32(a, vrshlq_s32(b, self.by[1]));
            let v = vqrdmulhq_s16(v, self.factor);
            if REST { vqaddq_s16(v, self.rest) } else { v }
        }
    }

    #[inline(always)]
    pub fn rounded(&self, a: int32x4_t, b: int32x4_t) -> int8x8_t {
        // SAFETY: as above.
        unsafe { vqrshrn_n_s16::<FRACTION>(self.shares(a, b)) }
    }
}

/// Four bytes of eight.
///
/// # Safety
/// There is room for them.
#[inline(always)]
pub unsafe fn store_four<const HALF: i32>(to: *mut i8, q: int8x8_t) {
    // SAFETY: the caller's promise.
    unsafe {
        to.cast::<i32>()
            .write_unaligned(vget_lane_s32::<HALF>(vreinterpret_s32_s8(q)));
    }
}

/// To int8; the columns are whole vectors; whether there is a rest.
pub struct Rounded<const REST: bool> {
    pub numbers: Numbers,
    pub to: *mut i8,
    pub n: usize,
}

impl<const REST: bool> Sink for Rounded<REST> {
    #[inline(always)]
    unsafe fn put<const P: usize, const V: usize>(
        &self,
        p: usize,
        column: usize,
        sums: [[int32x4_t; V]; P],
    ) {
        let mut to = self.to.wrapping_add(p * self.n + column);
        // SAFETY: there are numbers for whole vectors of columns, and room for them at each pixel.
        unsafe {
            if V == 2 {
                let eight = Eight::<REST>::in_a_row(&self.numbers, column);
                for sums in sums {
                    vst1_s8(to, eight.rounded(sums[0], sums[V - 1]));
                    to = opaque_pointer(to.wrapping_add(self.n)).cast_mut();
                }
                return;
            }
            for v in 0..V {
                let eight = Eight::<REST>::twice(&self.numbers, column + 4 * v);
                for i in (0..P).step_by(2) {
                    let q = eight.rounded(sums[i][v], sums[(i + 1).min(P - 1)][v]);
                    let at = |i: usize| to.wrapping_add(4 * v + i * self.n);
                    store_four::<0>(at(i), q);
                    if i + 1 < P {
                        store_four::<1>(at(i + 1), q);
                    }
                }
            }
        }
    }
}

/// To shares of a step, or added to those that stand there; the columns are whole vectors; whether
/// there is a rest.
pub struct Shares<const ADD: bool, const REST: bool> {
    pub numbers: Numbers,
    pub to: *mut i16,
    pub n: usize,
}

impl<const ADD: bool, const REST: bool> Sink for Shares<ADD, REST> {
    #[inline(always)]
    unsafe fn put<const P: usize, const V: usize>(
        &self,
        p: usize,
        column: usize,
        sums: [[int32x4_t; V]; P],
    ) {
        let mut to = self.to.wrapping_add(p * self.n + column);
        // SAFETY: there are numbers for whole vectors of columns, and room for them at each pixel.
        unsafe {
            if V == 2 {
                let eight = Eight::<REST>::in_a_row(&self.numbers, column);
                for sums in sums {
                    let mut v = eight.shares(sums[0], sums[V - 1]);
                    if ADD {
                        v = vqaddq_s16(vld1q_s16(to), v);
                    }
                    vst1q_s16(to, v);
                    to = opaque_pointer(to.wrapping_add(self.n)).cast_mut();
                }
                return;
            }
            for v in 0..V {
                let eight = Eight::<REST>::twice(&self.numbers, column + 4 * v);
                let mut to = to.wrapping_add(4 * v);
                for i in (0..P).step_by(2) {
                    let both = eight.shares(sums[i][v], sums[(i + 1).min(P - 1)][v]);
                    for mut four in [vget_low_s16(both), vget_high_s16(both)]
                        .into_iter()
                        .take(P - i)
                    {
                        if ADD {
                            four = vqadd_s16(vld1_s16(to), four);
                        }
                        vst1_s16(to, four);
                        to = opaque_pointer(to.wrapping_add(self.n)).cast_mut();
                    }
                }
            }
        }
    }
}
