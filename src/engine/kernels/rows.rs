//! Everything that rounds or moves: work along a row of pixels, channels innermost.
//!
//! Written once in plain Rust and compiled once for every instruction set; Rust never fuses a
//! multiplication with an addition on its own, so the bits are the same everywhere. Numbers that
//! belong to channels come repeated to [`super::period`], so that a row is walked in whole vectors.
//! Rounding is to the nearest, halves to even (IEEE 754), as in ONNX QuantizeLinear.

use super::Isa;

/// Adding it to a float under 2^22 rounds that to an integer, which then stands in the lowest bits.
const MAGIC: f32 = 12_582_912.0;
const MAGIC_BITS: i32 = 0x4B40_0000;

/// Compiles a function for every instruction set and picks one by its first argument.
macro_rules! for_every_isa {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($a:ident: $t:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)] // rows, their numbers and the place to put them
        $vis fn $name(isa: Isa, $($a: $t),*) {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body($($a: $t),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments)]
                fn avx2($($a: $t),*) { body($($a),*) }
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
                #[allow(clippy::too_many_arguments)]
                fn avx512($($a: $t),*) { body($($a),*) }
                match isa {
                    // SAFETY: an `Isa` is one of `Isa::available`.
                    Isa::Avx2 => return unsafe { avx2($($a),*) },
                    // SAFETY: as above.
                    Isa::Avx512Vnni => return unsafe { avx512($($a),*) },
                    _ => {}
                }
            }
            let _ = isa;
            body($($a),*)
        }
    };
}
pub(super) use for_every_isa;

/// An int8 grid with its limits, one number a channel, repeated to the period. `real = (q − zero) ·
/// scale`.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    pub scale: Vec<f32>,
    /// 1 / scale.
    pub inverse: Vec<f32>,
    pub to: Target,
    /// Scale and 1 / scale, if all channels have the same.
    pub one: Option<(f32, f32)>,
}

/// What a rounded number is limited to and shifted by.
#[derive(Debug, Clone, Default)]
pub struct Target {
    pub zero: Vec<i32>,
    /// The least and the greatest of q − zero that may be stored.
    pub low: Vec<f32>,
    pub high: Vec<f32>,
    /// The same, if all channels share it: most do, and it spares three loads of five.
    pub one: Option<(i32, f32, f32)>,
}

/// The value that all of `values` have.
pub fn common<T: Copy + PartialEq>(values: &[T]) -> Option<T> {
    values
        .first()
        .copied()
        .filter(|first| values.iter().all(|v| v == first))
}

impl Target {
    pub fn new(zero: Vec<i32>, low: Vec<f32>, high: Vec<f32>) -> Self {
        let one = match (common(&zero), common(&low), common(&high)) {
            (Some(zero), Some(low), Some(high)) => Some((zero, low, high)),
            _ => None,
        };
        Self {
            zero,
            low,
            high,
            one,
        }
    }
}

#[inline(always)]
fn clamp(v: f32, low: f32, high: f32) -> f32 {
    // NaN becomes `low`; the comparisons are those of maxps and fcsel.
    let v = if v > low { v } else { low };
    if v < high { v } else { high }
}

#[inline(always)]
fn round(v: f32, zero: i32) -> i8 {
    ((v + MAGIC).to_bits() as i32).wrapping_sub(MAGIC_BITS - zero) as i8
}

/// Sets each of `$o` from the values of the same place in the `$a`s: a plain loop, which the
/// compiler turns into vectors.
macro_rules! each {
    ($o:ident, ($($a:ident),*), $e:expr) => {{
        let n = $o.len();
        $(let $a = &$a[..n];)*
        for i in 0..n {
            $(let $a = $a[i];)*
            $o[i] = $e($o[i]);
        }
    }};
}

pub mod fixed;
pub mod lanes;
mod moves;
mod pool;
mod real;

pub use moves::{interleave, interleave_bytes, pick, pick_bytes, repeat, repeat_shares};
pub use pool::{pool_all, pool_real, pool_windows};
pub use real::{
    add, add_blend, hard, limit, multiply, multiply_channels, sigmoid, stretch, swish, times,
};

/// The rows that NEON does in fewer instructions than the compiler finds.
#[cfg(target_arch = "aarch64")]
use super::aarch64::rows as neon;

for_every_isa! {
    /// Sums to real numbers: `sum · scale + bias`.
    pub fn to_real(sums: &[i32], scale: &[f32], bias: &[f32], out: &mut [f32]) {
        let p = scale.len();
        for (sums, out) in sums.chunks(p).zip(out.chunks_mut(p)) {
            each!(out, (sums, scale, bias), |_| sums as f32 * scale + bias);
        }
    }
}

/// Real numbers to a grid.
pub fn quantise(isa: Isa, real: &[f32], g: &Grid, out: &mut [i8]) {
    #[cfg(target_arch = "aarch64")]
    if let (Some((_, inverse)), Some((zero, low, high)), false) =
        (g.one, g.to.one, isa == Isa::Portable)
        && low == (-128 - zero) as f32
        && high == (127 - zero) as f32
    {
        let done = neon::quantise(real, inverse, zero, out);
        for i in done..out.len() {
            out[i] = round(clamp(real[i] * inverse, low, high), zero);
        }
        return;
    }
    quantise_plainly(isa, real, g, out);
}

for_every_isa! {
    fn quantise_plainly(real: &[f32], g: &Grid, out: &mut [i8]) {
        if let (Some((_, inverse)), Some((zero, low, high))) = (g.one, g.to.one) {
            each!(out, (real), |_| round(clamp(real * inverse, low, high), zero));
            return;
        }
        let p = g.scale.len();
        for (real, out) in real.chunks(p).zip(out.chunks_mut(p)) {
            let inverse = &g.inverse;
            let zero = &g.to.zero;
            let low = &g.to.low;
            let high = &g.to.high;
            each!(out, (real, inverse, zero, low, high), |_| round(clamp(real * inverse, low, high), zero));
        }
    }
}

for_every_isa! {
    /// A grid to real numbers.
    pub fn dequantise(x: &[i8], g: &Grid, out: &mut [f32]) {
        if let (Some((scale, _)), Some((zero, ..))) = (g.one, g.to.one) {
            each!(out, (x), |_| (i32::from(x) - zero) as f32 * scale);
            return;
        }
        let p = g.scale.len();
        for (x, out) in x.chunks(p).zip(out.chunks_mut(p)) {
            let scale = &g.scale;
            let zero = &g.to.zero;
            each!(out, (x, scale, zero), |_| (i32::from(x) - zero) as f32 * scale);
        }
    }
}

for_every_isa! {
    /// `out += real numbers of a grid`.
    pub fn add_dequantised(x: &[i8], g: &Grid, out: &mut [f32]) {
        if let (Some((scale, _)), Some((zero, ..))) = (g.one, g.to.one) {
            each!(out, (x), |o: f32| o + (i32::from(x) - zero) as f32 * scale);
            return;
        }
        let p = g.scale.len();
        for (x, out) in x.chunks(p).zip(out.chunks_mut(p)) {
            let scale = &g.scale;
            let zero = &g.to.zero;
            each!(out, (x, scale, zero), |o: f32| o + (i32::from(x) - zero) as f32 * scale);
        }
    }
}

for_every_isa! {
    /// `out += sum · scale + bias`.
    pub fn add_sums(sums: &[i32], scale: &[f32], bias: &[f32], out: &mut [f32]) {
        let p = scale.len();
        for (sums, out) in sums.chunks(p).zip(out.chunks_mut(p)) {
            each!(out, (sums, scale, bias), |o: f32| o + (sums as f32 * scale + bias));
        }
    }
}
