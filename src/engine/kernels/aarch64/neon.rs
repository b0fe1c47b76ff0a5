//! ARMv8.0 without the dot product: int8 products, two of which are summed in int16, then widened
//! to int32.
//!
//! A Cortex-A72 multiplies 8 pairs of bytes a cycle (`smull`, `smlal`, one pipe); int16 factors
//! would halve that. |x| is at most 128, so that sums of products fit int16 as long as the amounts
//! of their weights sum up to 255 (255 · 128 = 32640): packing looks how many do, up to four.
//! `posed_models quantise` chooses scales with which the most do.

mod matrix;
mod sink;
mod taps;
mod wide;

pub use matrix::{multiply, multiply_real, multiply_rounded, multiply_shares, pack_matrix};
pub use taps::{depthwise, pack_taps};
pub use wide::{depthwise_wide, pack_wide_taps};

/// Whether products with all of these weights may be summed in int16.
fn fits<'a>(weights: impl IntoIterator<Item = &'a i8>) -> bool {
    let amounts = weights.into_iter().map(|&w| i32::from(w).abs());
    amounts.sum::<i32>() <= 255
}
