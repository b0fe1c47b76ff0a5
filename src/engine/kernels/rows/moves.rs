//! Rows that are moved: picked, repeated, interleaved.

use super::Isa;
#[cfg(target_arch = "aarch64")]
use crate::engine::kernels::aarch64::moves as neon;

/// Copies `c` numbers in pieces of 16, the last of which overlaps the one before: a call of memcpy
/// costs more than so few bytes.
#[inline(always)]
fn copy<T: Copy>(x: &[T], out: &mut [T], c: usize) {
    if c < 16 {
        for (out, &x) in out[..c].iter_mut().zip(&x[..c]) {
            *out = x;
        }
        return;
    }
    let mut i = 0;
    while i < c {
        let at = i.min(c - 16);
        let piece: [T; 16] = x[at..at + 16].try_into().unwrap();
        out[at..at + 16].copy_from_slice(&piece);
        i += 16;
    }
}

/// Pixels of `c` bytes, `stride` apart, to pixels without gaps.
pub fn pick_bytes(isa: Isa, x: &[i8], stride: usize, c: usize, out: &mut [i8]) {
    #[cfg(target_arch = "aarch64")]
    if let (16.., false) = (c, isa == Isa::Portable) {
        let pixels = out.len() / c;
        assert!(
            pixels == 0 || x.len() >= (pixels - 1) * stride + c,
            "pixels too few"
        );
        // SAFETY: as just checked.
        return unsafe { neon::copy(x.as_ptr(), stride, out.as_mut_ptr(), c, c, pixels) };
    }
    pick_plainly(isa, x, stride, c, out);
}

/// Pixels of `c` int16, `stride` apart, each `factor` times.
pub fn repeat_shares(isa: Isa, x: &[i16], stride: usize, c: usize, factor: usize, out: &mut [i16]) {
    #[cfg(target_arch = "aarch64")]
    if let (8.., 1.., false) = (c, factor, isa == Isa::Portable) {
        let pixels = out.len() / c / factor;
        assert!(
            pixels == 0 || x.len() >= (pixels - 1) * stride + c,
            "pixels too few"
        );
        for i in 0..factor {
            let to = out[i * c..].as_mut_ptr().cast();
            // SAFETY: as just checked; the pixels that are left out are the other rounds'.
            unsafe {
                neon::copy(
                    x.as_ptr().cast(),
                    2 * stride,
                    to,
                    2 * factor * c,
                    2 * c,
                    pixels,
                );
            }
        }
        return;
    }
    repeat_plainly(isa, x, stride, c, factor, out);
}

/// Pixels of two values, channel by channel in turn: `out[p][2i] = a[p][i], out[p][2i + 1] =
/// b[p][i]`.
pub fn interleave_bytes(
    isa: Isa,
    a: &[i8],
    a_stride: usize,
    b: &[i8],
    b_stride: usize,
    n: usize,
    out: &mut [i8],
) {
    #[cfg(target_arch = "aarch64")]
    if let (16.., false) = (n, isa == Isa::Portable) {
        let pixels = out.len() / (2 * n);
        let enough = |x: &[i8], stride: usize| pixels == 0 || x.len() >= (pixels - 1) * stride + n;
        assert!(enough(a, a_stride) && enough(b, b_stride), "pixels too few");
        // SAFETY: as just checked.
        return unsafe {
            let (a, b) = ((a.as_ptr(), a_stride), (b.as_ptr(), b_stride));
            neon::interleave(a, b, n, out.as_mut_ptr(), pixels)
        };
    }
    interleave_plainly(isa, a, a_stride, b, b_stride, n, out);
}

/// Defines the moves of pixels for one type.
macro_rules! moves {
    ($t:ty, $vis:vis, $pick:ident, $interleave:ident) => {
        for_every_isa! {
            /// Pixels of `c` numbers, `stride` apart, to pixels without gaps.
            $vis fn $pick(x: &[$t], stride: usize, c: usize, out: &mut [$t]) {
                for (p, out) in out.chunks_exact_mut(c).enumerate() {
                    copy(&x[p * stride..], out, c);
                }
            }
        }

        for_every_isa! {
            /// Pixels of two values, channel by channel in turn: `out[p][2i] = a[p][i], out[p][2i +
            /// 1] = b[p][i]`.
            $vis fn $interleave(a: &[$t], a_stride: usize, b: &[$t], b_stride: usize, n: usize, out: &mut [$t]) {
                for (p, out) in out.chunks_exact_mut(2 * n).enumerate() {
                    let a = &a[p * a_stride..][..n];
                    let b = &b[p * b_stride..][..n];
                    if n < 16 {
                        for (out, (&a, &b)) in out.chunks_exact_mut(2).zip(a.iter().zip(b)) {
                            out[0] = a;
                            out[1] = b;
                        }
                        continue;
                    }
                    // Whole pieces, the last of which overlaps the one before it.
                    let mut i = 0;
                    while i < n {
                        let at = i.min(n - 16);
                        let a: &[$t; 16] = a[at..at + 16].try_into().unwrap();
                        let b: &[$t; 16] = b[at..at + 16].try_into().unwrap();
                        let out: &mut [$t; 32] = (&mut out[2 * at..2 * at + 32]).try_into().unwrap();
                        for l in 0..16 {
                            out[2 * l] = a[l];
                            out[2 * l + 1] = b[l];
                        }
                        i += 16;
                    }
                }
            }
        }
    };
}

/// Defines the repetition of pixels for one type.
macro_rules! repeats {
    ($t:ty, $vis:vis, $repeat:ident) => {
        for_every_isa! {
            /// Every pixel of `c` numbers, `stride` apart, `factor` times.
            $vis fn $repeat(x: &[$t], stride: usize, c: usize, factor: usize, out: &mut [$t]) {
                for (p, out) in out.chunks_exact_mut(factor * c).enumerate() {
                    for out in out.chunks_exact_mut(c) {
                        copy(&x[p * stride..], out, c);
                    }
                }
            }
        }
    };
}

moves!(i8, , pick_plainly, interleave_plainly);
moves!(f32, pub, pick, interleave);
repeats!(i16, , repeat_plainly);
repeats!(f32, pub, repeat);
