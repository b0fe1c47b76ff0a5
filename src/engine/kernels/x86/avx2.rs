//! AVX2: `vpmaddwd` multiplies sixteen int16 pairwise and adds each two products to one int32 lane;
//! a `vpaddd` sums them up.
//!
//! Int8 is widened to int16 first, so two products are at most 2 · 2^14 and every step is exact.

mod matrix;
mod taps;

pub use matrix::{multiply, pack_matrix};
pub use taps::{depthwise, pack_taps};

/// Int32 lanes of a vector.
const LANES: usize = 8;
