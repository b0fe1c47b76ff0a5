//! Sums over windows for NEON: int8 to int16 in one instruction (`saddw`), to int32 at a window's end.

use std::arch::aarch64::*;

/// Sums of 16 channels over rows of pixels, as [`super::super::rows::pool_windows`]: at most 256
/// numbers of each channel.
///
/// # Safety
/// `rows` rows, `row` bytes apart, of `pixels` pixels, `stride` bytes apart, can be read at `x`.
#[inline]
#[target_feature(enable = "neon")]
pub unsafe fn sixteen(
    mut x: *const i8,
    (rows, row): (usize, usize),
    (pixels, stride): (usize, usize),
    init: &[i32; 16],
    out: &mut [i32; 16],
) {
    let mut low = vdupq_n_s16(0);
    let mut high = low;
    for _ in 0..rows {
        let mut at = x;
        for _ in 0..pixels {
            // SAFETY: the caller's promise.
            let q = unsafe { vld1q_s8(at) };
            low = vaddw_s8(low, vget_low_s8(q));
            high = vaddw_high_s8(high, q);
            at = at.wrapping_add(stride);
        }
        x = x.wrapping_add(row);
    }
    // SAFETY: the arrays have four vectors.
    unsafe {
        let mut add = |i: usize, part| vst1q_s32(&mut out[i], vaddq_s32(vld1q_s32(&init[i]), part));
        add(0, vmovl_s16(vget_low_s16(low)));
        add(4, vmovl_high_s16(low));
        add(8, vmovl_s16(vget_low_s16(high)));
        add(12, vmovl_high_s16(high));
    }
}
