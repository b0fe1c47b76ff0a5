//! The reference: what every other instruction set must equal, bit for bit.

use super::{SLACK, TapScratch, TapShape};
use std::ops::Range;

#[allow(clippy::too_many_arguments)] // one call for all instruction sets
pub fn multiply(
    w: &[i8],
    init: &[i32],
    n: usize,
    k: usize,
    x: &[i8],
    stride: usize,
    pixels: usize,
    sums: &mut [i32],
) {
    for p in 0..pixels {
        let x = &x[p * stride..][..k];
        for (j, sum) in sums[p * n..][..n].iter_mut().enumerate() {
            *sum = w[j * k..][..k].iter().zip(x).fold(init[j], |s, (&w, &x)| {
                s.wrapping_add(i32::from(w) * i32::from(x))
            });
        }
    }
}

#[allow(clippy::too_many_arguments)] // one call for all instruction sets
pub fn depthwise(
    w: &[i8],
    init: &[i32],
    pad: &[i8],
    s: &TapShape,
    x: &[i8],
    rows: Range<usize>,
    scratch: &mut TapScratch,
    emit: &mut dyn FnMut(usize, &[i32]),
) {
    let (c, [kh, kw], [h, width]) = (s.channels, s.kernel, s.input);
    let out = s.output[1] * c;
    scratch.sums.resize(out + SLACK, 0);
    for y in rows {
        for (i, sum) in scratch.sums[..out].iter_mut().enumerate() {
            let ox = i / c;
            let ch = i % c;
            let mut total = init[ch];
            for ky in 0..kh {
                for kx in 0..kw {
                    let iy = y * s.stride + ky;
                    let ix = ox * s.stride + kx;
                    let inside = (s.pad[0]..s.pad[0] + h).contains(&iy)
                        && (s.pad[1]..s.pad[1] + width).contains(&ix);
                    let value = if inside {
                        x[((iy - s.pad[0]) * width + ix - s.pad[1]) * c + ch]
                    } else {
                        pad[ch]
                    };
                    total = total
                        .wrapping_add(i32::from(value) * i32::from(w[(ch * kh + ky) * kw + kx]));
                }
            }
            *sum = total;
        }
        emit(y, &scratch.sums[..out]);
    }
}
