//! Where the sums of a tile go: to memory as they are, to real numbers, or rounded to int8.

use super::super::super::rows::narrow;
use super::super::super::{opaque_pointer, store};
use super::COLUMNS;
use std::arch::aarch64::*;

/// Where the sums of a block of columns go.
pub(super) trait Sink {
    /// # Safety
    /// Pixels `p..p + P` and at least one column from `column` exist.
    unsafe fn put<const P: usize>(&self, p: usize, column: usize, sums: [int32x4_t; P]);
}

/// To memory, as they are.
pub(super) struct Sums {
    pub to: *mut i32,
    pub n: usize,
}

impl Sink for Sums {
    #[inline(always)]
    unsafe fn put<const P: usize>(&self, p: usize, column: usize, sums: [int32x4_t; P]) {
        let mut to = self.to.wrapping_add(p * self.n + column);
        // SAFETY: the caller's promise; a pixel has so many columns more.
        unsafe {
            if self.n - column < COLUMNS {
                for (i, sum) in sums.into_iter().enumerate() {
                    store(to.add(i * self.n), [sum], self.n - column);
                }
                return;
            }
            for sum in sums {
                vst1q_s32(to, sum);
                to = opaque_pointer(to.wrapping_add(self.n)).cast_mut();
            }
        }
    }
}

/// To real numbers, `sum · scale + bias`, or added to those that stand there; the columns are whole
/// blocks.
pub(super) struct Real<const ADD: bool> {
    pub scale: *const f32,
    pub bias: *const f32,
    pub to: *mut f32,
    pub n: usize,
}

impl<const ADD: bool> Sink for Real<ADD> {
    #[inline(always)]
    unsafe fn put<const P: usize>(&self, p: usize, column: usize, sums: [int32x4_t; P]) {
        let mut to = self.to.wrapping_add(p * self.n + column);
        // SAFETY: there are scales and biases for whole blocks of columns, and room for a block of
        // each pixel.
        unsafe {
            let scale = vld1q_f32(self.scale.add(column));
            let bias = vld1q_f32(self.bias.add(column));
            for sum in sums {
                let real = vaddq_f32(vmulq_f32(vcvtq_f32_s32(sum), scale), bias);
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

/// To int8, `saturate(round(sum · scale + bias) + zero)`; the columns are whole blocks.
pub(super) struct Rounded {
    pub scale: *const f32,
    pub bias: *const f32,
    pub zero: int16x8_t,
    pub to: *mut i8,
    pub n: usize,
}

impl Sink for Rounded {
    #[inline(always)]
    unsafe fn put<const P: usize>(&self, p: usize, column: usize, sums: [int32x4_t; P]) {
        // SAFETY: there are scales and biases for whole blocks of columns, and room for a block of
        // each pixel.
        unsafe {
            let scale = vld1q_f32(self.scale.add(column));
            let bias = vld1q_f32(self.bias.add(column));
            let at =
                |i: usize| vaddq_f32(vmulq_f32(vcvtq_f32_s32(sums[i.min(P - 1)]), scale), bias);
            let q = vreinterpretq_u32_s8(narrow([at(0), at(1), at(2), at(3)], self.zero));
            let mut to = self.to.wrapping_add(p * self.n + column);
            for i in 0..P {
                let four = match i {
                    0 => vgetq_lane_u32::<0>(q),
                    1 => vgetq_lane_u32::<1>(q),
                    2 => vgetq_lane_u32::<2>(q),
                    _ => vgetq_lane_u32::<3>(q),
                };
                to.cast::<u32>().write_unaligned(four);
                to = to.wrapping_add(self.n);
            }
        }
    }
}
