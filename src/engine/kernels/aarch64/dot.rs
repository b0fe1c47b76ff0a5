//! ARMv8.2 with the dot product: `sdot` adds four int8 products to each of four int32 lanes, 16
//! products an instruction, exactly.
//!
//! std's `vdotq_s32` is not stable yet (feature `stdarch_neon_dotprod`), hence one line of assembly
//! for each form.

mod matrix;
mod quads;
mod taps;

pub use matrix::{multiply, multiply_rounded, multiply_shares, pack_matrix};
pub use taps::{depthwise, pack_taps};

use std::arch::aarch64::{int8x16_t, int32x4_t};
use std::arch::asm;

/// Every lane of `sum` plus the dot product of the lane's four bytes in `a` and in `b`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot(mut sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: reads and writes these three registers only.
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.16b", inout(vreg) sum, in(vreg) a, in(vreg) b,
            options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

/// The same with bytes 4 · LANE .. 4 · LANE + 4 of `b` for every lane.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot_lane<const LANE: usize>(mut sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: as above.
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.4b[{3}]", inout(vreg) sum, in(vreg) a, in(vreg) b, const LANE,
            options(pure, nomem, nostack, preserves_flags));
    }
    sum
}
