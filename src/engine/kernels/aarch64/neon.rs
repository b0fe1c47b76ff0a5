//! ARMv8.0 without the dot product: int8 products, two of which are summed in int16, then widened
//! to int32.
//!
//! A Cortex-A72 multiplies 8 pairs of bytes a cycle (`smull`, `smlal`, one pipe); int16 factors
//! would halve that. The sum of two products fits int16 as long as no weight is −128 (2 · 127 · 128
//! = 32512). Where one is, the last byte of a depthwise convolution's packed weights says so and
//! each product is widened on its own; a matrix says it piece by piece, and sums up to four
//! products where their weights are small.

mod matrix;
mod taps;

pub use matrix::{multiply, multiply_real, multiply_rounded, multiply_shares, pack_matrix};
pub use taps::{depthwise, pack_taps};

/// The last packed byte: whether two products may not be summed in int16.
fn has_minimum(w: &[i8]) -> i8 {
    i8::from(w.contains(&i8::MIN))
}
