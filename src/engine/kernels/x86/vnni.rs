//! AVX-512 VNNI: `vpdpbusd` adds four products uint8 x int8 to each of sixteen int32 lanes.
//!
//! Activations are int8, the instruction wants uint8: flipping the top bit makes `x + 128` of them,
//! and `-128 · Σ w` is folded into the stored `init`. The instruction wraps around and does not
//! saturate, so the sums are exact.

mod matrix;
mod taps;

pub use matrix::{multiply, pack_matrix};
pub use taps::{depthwise, pack_taps};

/// Int32 lanes of a vector.
const LANES: usize = 16;

/// What `init` becomes where activations are read 128 too high.
fn shifted(init: i32, weights: impl Iterator<Item = i8>) -> i32 {
    init.wrapping_sub(
        weights
            .fold(0i32, |s, w| s.wrapping_add(i32::from(w)))
            .wrapping_mul(128),
    )
}
