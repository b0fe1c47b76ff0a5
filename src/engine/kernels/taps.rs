//! Depthwise kernels of any size and stride, sixteen channels at a time: what the kernels for 3x3
//! leave over (5x5 of MobileNets and CSPNeXt, kernels of other paddings).
//!
//! Written once in plain Rust and compiled for every instruction set; the sums are exact.

use super::rows::for_every_isa;
use super::{Isa, SLACK, TapScratch, TapShape};
use std::ops::Range;

/// Channels that are summed at once.
pub const LANES: usize = 16;

/// Weights tap by tap, channels innermost.
pub fn pack(w: &[i8], channels: usize) -> Vec<i8> {
    let taps = w.len() / channels;
    (0..w.len())
        .map(|i| w[i % channels * taps + i / channels])
        .collect()
}

/// As [`super::Taps::run`], for [`LANES`] channels or more.
#[allow(clippy::too_many_arguments)] // one call for all kernels
pub fn depthwise(
    isa: Isa,
    w: &[i8],
    init: &[i32],
    pad: &[i8],
    s: &TapShape,
    x: &[i8],
    rows: Range<usize>,
    scratch: &mut TapScratch,
    emit: &mut dyn FnMut(usize, &[i32]),
) {
    let out = s.output[1] * s.channels;
    scratch.sums.resize(out + SLACK, 0);
    for y in rows {
        row(isa, w, init, pad, s, x, y, &mut scratch.sums[..out]);
        emit(y, &scratch.sums[..out]);
    }
}

#[inline(always)]
fn lanes<T>(x: &[T], at: usize) -> &[T; LANES] {
    x[at..]
        .first_chunk()
        .expect("callers give whole lanes of a slice that has them")
}

for_every_isa! {
    /// One row of the output.
    fn row(w: &[i8], init: &[i32], pad: &[i8], s: &TapShape, x: &[i8], y: usize, out: &mut [i32]) {
        let (c, [kh, kw], [h, width]) = (s.channels, s.kernel, s.input);
        for (ox, out) in out.chunks_exact_mut(c).enumerate() {
            let mut at = 0;
            while at < c {
                // The last lanes of a pixel overlap those before them.
                let from = at.min(c - LANES);
                let mut sums = *lanes(init, from);
                for ky in 0..kh {
                    let iy = (y * s.stride + ky).wrapping_sub(s.pad[0]);
                    for kx in 0..kw {
                        let ix = (ox * s.stride + kx).wrapping_sub(s.pad[1]);
                        let x = match iy < h && ix < width {
                            true => lanes(x, (iy * width + ix) * c + from),
                            false => lanes(pad, from),
                        };
                        let w = lanes(w, (ky * kw + kx) * c + from);
                        for i in 0..LANES {
                            sums[i] = sums[i].wrapping_add(i32::from(i16::from(x[i]) * i16::from(w[i])));
                        }
                    }
                }
                out[from..from + LANES].copy_from_slice(&sums);
                at += LANES;
            }
        }
    }
}
