//! Moves of pixels for NEON, by whole vectors, the last of a pixel overlapping the one before it:
//! what the compiler makes of `rows::moves` checks every piece.

use std::arch::aarch64::*;

/// Copies pixels of `c` bytes, 16 or more, that lie `stride` apart to pixels that lie `to_stride`
/// apart.
///
/// # Safety
/// `pixels` of them can be read and written.
#[inline]
#[target_feature(enable = "neon")]
pub unsafe fn copy(
    mut from: *const i8,
    stride: usize,
    mut to: *mut i8,
    to_stride: usize,
    c: usize,
    pixels: usize,
) {
    let last = c - 16;
    // SAFETY: the caller's promise; pieces lie inside their pixel.
    unsafe {
        if c <= 32 {
            for _ in 0..pixels {
                let (a, b) = (vld1q_s8(from), vld1q_s8(from.add(last)));
                vst1q_s8(to, a);
                vst1q_s8(to.add(last), b);
                from = from.wrapping_add(stride);
                to = to.wrapping_add(to_stride);
            }
            return;
        }
        for _ in 0..pixels {
            let mut i = 0;
            while i < last {
                vst1q_s8(to.add(i), vld1q_s8(from.add(i)));
                i += 16;
            }
            vst1q_s8(to.add(last), vld1q_s8(from.add(last)));
            from = from.wrapping_add(stride);
            to = to.wrapping_add(to_stride);
        }
    }
}

/// Pixels of two values of `n` bytes, 16 or more, in turn.
///
/// # Safety
/// `pixels` of both can be read, and as many of 2 · n be written.
#[inline]
#[target_feature(enable = "neon")]
pub unsafe fn interleave(
    (mut a, a_stride): (*const i8, usize),
    (mut b, b_stride): (*const i8, usize),
    n: usize,
    mut to: *mut i8,
    pixels: usize,
) {
    let last = n - 16;
    if n <= 32 {
        for _ in 0..pixels {
            // SAFETY: the caller's promise.
            unsafe {
                let (x, y) = (vld1q_s8(a), vld1q_s8(b));
                let (v, w) = (vld1q_s8(a.add(last)), vld1q_s8(b.add(last)));
                vst1q_s8(to, vzip1q_s8(x, y));
                vst1q_s8(to.add(16), vzip2q_s8(x, y));
                vst1q_s8(to.add(2 * last), vzip1q_s8(v, w));
                vst1q_s8(to.add(2 * last + 16), vzip2q_s8(v, w));
            }
            a = a.wrapping_add(a_stride);
            b = b.wrapping_add(b_stride);
            to = to.wrapping_add(2 * n);
        }
        return;
    }
    for _ in 0..pixels {
        let mut i = 0;
        loop {
            // SAFETY: the caller's promise; pieces lie inside their pixel.
            unsafe {
                let (x, y) = (vld1q_s8(a.add(i)), vld1q_s8(b.add(i)));
                vst1q_s8(to.add(2 * i), vzip1q_s8(x, y));
                vst1q_s8(to.add(2 * i + 16), vzip2q_s8(x, y));
            }
            if i == last {
                break;
            }
            i = (i + 16).min(last);
        }
        a = a.wrapping_add(a_stride);
        b = b.wrapping_add(b_stride);
        to = to.wrapping_add(2 * n);
    }
}
