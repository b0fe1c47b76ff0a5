//! Rows that are moved: picked, repeated, interleaved.

use super::Isa;

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

/// Defines the moves of pixels for one type.
macro_rules! moves {
    ($t:ty, $pick:ident, $repeat:ident, $interleave:ident) => {
        for_every_isa! {
            /// Pixels of `c` numbers, `stride` apart, to pixels without gaps.
            pub fn $pick(x: &[$t], stride: usize, c: usize, out: &mut [$t]) {
                for (p, out) in out.chunks_exact_mut(c).enumerate() {
                    copy(&x[p * stride..], out, c);
                }
            }
        }

        for_every_isa! {
            /// Every pixel of `c` numbers, `stride` apart, `factor` times.
            pub fn $repeat(x: &[$t], stride: usize, c: usize, factor: usize, out: &mut [$t]) {
                for (p, out) in out.chunks_exact_mut(factor * c).enumerate() {
                    for out in out.chunks_exact_mut(c) {
                        copy(&x[p * stride..], out, c);
                    }
                }
            }
        }

        for_every_isa! {
            /// Pixels of two values, channel by channel in turn: `out[p][2i] = a[p][i], out[p][2i +
            /// 1] = b[p][i]`.
            pub fn $interleave(a: &[$t], a_stride: usize, b: &[$t], b_stride: usize, n: usize, out: &mut [$t]) {
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

moves!(i8, pick_bytes, repeat_bytes, interleave_bytes);
moves!(f32, pick, repeat, interleave);
