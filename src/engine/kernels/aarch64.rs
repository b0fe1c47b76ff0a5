//! The kernels of 64-bit ARM: [`neon`] for every core, [`dot`] for those with the dot product. Here
//! is what both share.

pub mod dot;
pub mod moves;
pub mod neon;
pub mod pool;
pub mod rows;
mod sinks;

use std::arch::aarch64::{int8x16_t, int32x4_t, vst1q_s32};
use std::arch::asm;

/// A product and its pixels: packed weights and their init, [n, k], and x with its stride and its
/// number of pixels.
pub type Task<'a> = ((&'a [i8], &'a [i32]), [usize; 2], (&'a [i8], usize, usize));

/// Bytes of packed weights that are gone through for all pixels before the next ones are: they stay
/// in the first-level cache (32 KiB on the smallest core) beside the pixels.
const PANEL_BYTES: usize = 12 << 10;

/// Vectors of four columns (k bytes each) in a panel: an even number.
fn panel_vectors(k: usize) -> usize {
    (PANEL_BYTES / (8 * k.max(1))).max(1) * 2
}

/// Stores the sums of one pixel, as many as there are `columns` left.
///
/// # Safety
/// `to` must be good for min(columns, 4 · V) values.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn store<const V: usize>(to: *mut i32, sums: [int32x4_t; V], columns: usize) {
    if columns >= 4 * V {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { vst1q_s32(to.add(v * 4), sum) };
        }
        return;
    }
    for (v, sum) in sums.into_iter().enumerate() {
        let mut four = [0; 4];
        // SAFETY: `four` holds a vector; `to` is good for `columns` values.
        unsafe {
            vst1q_s32(four.as_mut_ptr(), sum);
            let first = columns.min(v * 4);
            to.add(first)
                .copy_from_nonoverlapping(four.as_ptr(), (columns - first).min(4));
        }
    }
}

/// `x`, but the compiler no longer knows that it is the same in every round of a loop, and so
/// computes nothing from it beforehand. Without this it would cut vectors in halves to keep both in
/// registers, or copy a register where loading again costs less.
#[inline]
#[target_feature(enable = "neon")]
fn opaque(mut x: int8x16_t) -> int8x16_t {
    // SAFETY: no instruction.
    unsafe { asm!("/* {0:v} */", inout(vreg) x, options(pure, nomem, nostack, preserves_flags)) };
    x
}

/// The same for an address.
#[inline]
fn opaque_pointer<T>(mut x: *const T) -> *const T {
    // SAFETY: no instruction.
    unsafe { asm!("/* {0} */", inout(reg) x, options(readonly, nostack, preserves_flags)) };
    x
}

/// Lengthens `room` to `len` if it is shorter.
fn grow<T: Copy + Default>(room: &mut Vec<T>, len: usize) {
    if room.len() < len {
        room.resize(len, T::default());
    }
}
