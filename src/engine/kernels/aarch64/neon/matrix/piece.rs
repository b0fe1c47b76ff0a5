//! The instructions of a piece: eights of inputs times four columns of weights, pixel by pixel, in
//! assembly.

use super::COLUMNS;
use std::arch::aarch64::*;
use std::arch::asm;

/// Where a tile is.
pub(super) struct At<const P: usize> {
    pub x: [*const i8; P],
    pub w: *const i8,
}

/// Sixteen products of a column: `t = x · w` or `t += x · w`, of the low or the high halves, for
/// four columns.
macro_rules! products {
    ($op:literal, $half:literal, $x:literal, $w:literal) => {
        products!(@ $op, $half, $x, $w, "0", "1", "2", "3")
    };
    (@ $op:literal, $half:literal, $x:literal, $w:literal, $($c:literal),*) => {
        concat!($($op, " {t", $c, ":v}.8h, {", $x, ":v}.", $half, ", {", $w, $c, ":v}.", $half, "\n"),*)
    };
}

/// Pairs of int16 to int32, for four columns.
macro_rules! widened {
    ($op:literal) => { widened!(@ $op, "0", "1", "2", "3") };
    (@ $op:literal, $($c:literal),*) => { concat!($($op, " {s", $c, ":v}.4s, {t", $c, ":v}.8h\n"),*) };
}

/// One pixel of a piece, in assembly: left to itself the compiler takes more registers than there
/// are.
macro_rules! pixel {
    ($x:expr, $s:expr, $dir:ident, [$($w:ident = $from:expr),*], $($line:expr),*) => {
        asm!(
            $($line),*,
            p = inout(reg) $x, xa = out(vreg) _, xb = out(vreg) _,
            t0 = out(vreg) _, t1 = out(vreg) _, t2 = out(vreg) _, t3 = out(vreg) _,
            s0 = $dir(vreg) $s[0], s1 = $dir(vreg) $s[1], s2 = $dir(vreg) $s[2], s3 = $dir(vreg) $s[3],
            $($w = in(vreg) $from),*,
            options(readonly, nostack, preserves_flags)
        )
    };
}

/// What one and two, and what three and four eights of a pixel take.
macro_rules! short_pixel {
    ($x:expr, $s:expr, $dir:ident, $w:ident, $($line:expr),*) => {
        pixel!($x, $s, $dir, [wa0 = $w[0][0], wa1 = $w[1][0], wa2 = $w[2][0], wa3 = $w[3][0]], $($line),*, "/* {xb:v} */")
    };
}
macro_rules! long_pixel {
    ($x:expr, $s:expr, $dir:ident, $w:ident, $($line:expr),*) => {
        pixel!(
            $x, $s, $dir,
            [wa0 = $w[0][0], wa1 = $w[1][0], wa2 = $w[2][0], wa3 = $w[3][0],
             wb0 = $w[0][1], wb1 = $w[1][1], wb2 = $w[2][1], wb3 = $w[3][1]],
            $($line),*
        )
    };
}

/// The instructions of a piece of E eights, CHAIN of them in int16; the first widening sets the sum
/// or adds to it.
macro_rules! by_shape {
    ($e:expr, $chain:expr, $x:expr, $s:expr, $dir:ident, $w:ident, $first:literal) => {
        match ($e, $chain) {
            (1, _) => {
                short_pixel!(
                    $x,
                    $s,
                    $dir,
                    $w,
                    "ldr {xa:d}, [{p}], #8",
                    products!("smull", "8b", "xa", "wa"),
                    widened!($first)
                )
            }
            (2, 1) => short_pixel!(
                $x,
                $s,
                $dir,
                $w,
                "ldr {xa:q}, [{p}], #16",
                products!("smull", "8b", "xa", "wa"),
                widened!($first),
                products!("smull2", "16b", "xa", "wa"),
                widened!("sadalp")
            ),
            (2, _) => short_pixel!(
                $x,
                $s,
                $dir,
                $w,
                "ldr {xa:q}, [{p}], #16",
                products!("smull", "8b", "xa", "wa"),
                products!("smlal2", "16b", "xa", "wa"),
                widened!($first)
            ),
            (3, 1) => long_pixel!(
                $x,
                $s,
                $dir,
                $w,
                "ldr {xa:q}, [{p}], #16",
                "ldr {xb:d}, [{p}], #8",
                products!("smull", "8b", "xa", "wa"),
                widened!($first),
                products!("smull2", "16b", "xa", "wa"),
                widened!("sadalp"),
                products!("smull", "8b", "xb", "wb"),
                widened!("sadalp")
            ),
            (3, 2) => long_pixel!(
                $x,
                $s,
                $dir,
                $w,
                "ldr {xa:q}, [{p}], #16",
                "ldr {xb:d}, [{p}], #8",
                products!("smull", "8b", "xa", "wa"),
                products!("smlal2", "16b", "xa", "wa"),
                widened!($first),
                products!("smull", "8b", "xb", "wb"),
                widened!("sadalp")
            ),
            (3, _) => long_pixel!(
                $x,
                $s,
                $dir,
                $w,
                "ldr {xa:q}, [{p}], #16",
                "ldr {xb:d}, [{p}], #8",
                products!("smull", "8b", "xa", "wa"),
                products!("smlal2", "16b", "xa", "wa"),
                products!("smlal", "8b", "xb", "wb"),
                widened!($first)
            ),
            (_, 1) => long_pixel!(
                $x,
                $s,
                $dir,
                $w,
                "ldp {xa:q}, {xb:q}, [{p}], #32",
                products!("smull", "8b", "xa", "wa"),
                widened!($first),
                products!("smull2", "16b", "xa", "wa"),
                widened!("sadalp"),
                products!("smull", "8b", "xb", "wb"),
                widened!("sadalp"),
                products!("smull2", "16b", "xb", "wb"),
                widened!("sadalp")
            ),
            (_, 2) => long_pixel!(
                $x,
                $s,
                $dir,
                $w,
                "ldp {xa:q}, {xb:q}, [{p}], #32",
                products!("smull", "8b", "xa", "wa"),
                products!("smlal2", "16b", "xa", "wa"),
                widened!($first),
                products!("smull", "8b", "xb", "wb"),
                products!("smlal2", "16b", "xb", "wb"),
                widened!("sadalp")
            ),
            _ => long_pixel!(
                $x,
                $s,
                $dir,
                $w,
                "ldp {xa:q}, {xb:q}, [{p}], #32",
                products!("smull", "8b", "xa", "wa"),
                products!("smlal2", "16b", "xa", "wa"),
                products!("smlal", "8b", "xb", "wb"),
                products!("smlal2", "16b", "xb", "wb"),
                widened!($first)
            ),
        }
    };
}

impl<const P: usize> At<P> {
    /// Adds a piece of E eights, CHAIN of which are summed before they are widened; the FIRST piece
    /// sets the sums.
    ///
    /// # Safety
    /// The piece can be read at `x` and `w`.
    #[inline(always)]
    pub unsafe fn piece<const E: usize, const CHAIN: usize, const FIRST: bool>(
        &mut self,
        sums: &mut [[int32x4_t; COLUMNS]; P],
    ) {
        // SAFETY: the caller's promise; the assembly reads as many bytes as it moves the pointer
        // on.
        unsafe {
            let at = self.w;
            let w = [
                eights::<E>(at),
                eights::<E>(at.add(8 * E)),
                eights::<E>(at.add(16 * E)),
                eights::<E>(at.add(24 * E)),
            ];
            self.w = at.add(32 * E);
            for (x, s) in self.x.iter_mut().zip(sums) {
                if FIRST {
                    by_shape!(E, CHAIN, *x, s, out, w, "saddlp");
                } else {
                    by_shape!(E, CHAIN, *x, s, inout, w, "sadalp");
                }
            }
        }
    }
}

/// 8 · E weights.
///
/// # Safety
/// They can be read.
#[inline(always)]
unsafe fn eights<const E: usize>(w: *const i8) -> [int8x16_t; 2] {
    // SAFETY: the caller's promise.
    unsafe {
        let first = if E == 1 {
            vcombine_s8(vld1_s8(w), vdup_n_s8(0))
        } else {
            vld1q_s8(w)
        };
        let second = match E {
            3 => vcombine_s8(vld1_s8(w.add(16)), vdup_n_s8(0)),
            4 => vld1q_s8(w.add(16)),
            _ => first,
        };
        [first, second]
    }
}
