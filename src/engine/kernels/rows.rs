//! Everything that rounds or moves: work along a row of pixels, channels innermost.
//!
//! Written once in plain Rust and compiled once for every instruction set; Rust never fuses a multiplication with an addition on its own,
//! so the bits are the same everywhere. Numbers that belong to channels come repeated to [`super::period`], so that a row is walked in
//! whole vectors. Rounding is to the nearest, halves to even (IEEE 754), as in ONNX QuantizeLinear.

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

/// An int8 grid with its limits, one number a channel, repeated to the period. `real = (q − zero) · scale`.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    pub scale: Vec<f32>,
    /// 1 / scale.
    pub inverse: Vec<f32>,
    pub to: Target,
    /// Scale and 1 / scale, if all channels have the same.
    pub one: Option<(f32, f32)>,
}

/// From int32 sums to a grid: `q = clamp(round(sum · scale + bias), low, high) + zero`, the scale and the bias in steps of the grid.
#[derive(Debug, Clone, Default)]
pub struct Requant {
    pub scale: Vec<f32>,
    pub bias: Vec<f32>,
    pub to: Target,
    /// The zero that all channels share, if nothing but int8 itself limits the result and no sum can lead beyond what `saturate` bears:
    /// then two operations in ten are spared.
    pub plain: Option<i32>,
}

/// The most that `saturate` may be given, in steps of a grid.
pub const BEARABLE: f64 = 4_000_000.0;

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
    values.first().copied().filter(|first| values.iter().all(|v| v == first))
}

impl Target {
    pub fn new(zero: Vec<i32>, low: Vec<f32>, high: Vec<f32>) -> Self {
        let one = match (common(&zero), common(&low), common(&high)) {
            (Some(zero), Some(low), Some(high)) => Some((zero, low, high)),
            _ => None,
        };
        Self { zero, low, high, one }
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

/// As [`round`], limited to int8 by the narrowing itself, which is one instruction where there are vectors; |v| under [`BEARABLE`].
#[inline(always)]
fn saturate(v: f32, zero: i32) -> i8 {
    ((v + MAGIC).to_bits() as i32).wrapping_sub(MAGIC_BITS - zero).clamp(-128, 127) as i8
}

/// Sets each of `$o` from the values of the same place in the `$a`s: a plain loop, which the compiler turns into vectors.
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

/// The rows that NEON does in fewer instructions than the compiler finds.
#[cfg(target_arch = "aarch64")]
use super::aarch64::rows as neon;

/// Sums to a grid.
pub fn requantise(isa: Isa, sums: &[i32], r: &Requant, out: &mut [i8]) {
    #[cfg(target_arch = "aarch64")]
    if let (Some(zero), false) = (r.plain, isa == Isa::Portable) {
        let p = r.scale.len();
        for (sums, out) in sums.chunks(p).zip(out.chunks_mut(p)) {
            let done = neon::requantise(sums, &r.scale, &r.bias, zero, out);
            for i in done..out.len() {
                out[i] = saturate(sums[i] as f32 * r.scale[i] + r.bias[i], zero);
            }
        }
        return;
    }
    requantise_plainly(isa, sums, r, out);
}

for_every_isa! {
    fn requantise_plainly(sums: &[i32], r: &Requant, out: &mut [i8]) {
        let p = r.scale.len();
        for (sums, out) in sums.chunks(p).zip(out.chunks_mut(p)) {
            let (scale, bias) = (&r.scale, &r.bias);
            if let Some(zero) = r.plain {
                each!(out, (sums, scale, bias), |_| saturate(sums as f32 * scale + bias, zero));
            } else if let Some((zero, low, high)) = r.to.one {
                each!(out, (sums, scale, bias), |_| round(clamp(sums as f32 * scale + bias, low, high), zero));
            } else {
                let (zero, low, high) = (&r.to.zero, &r.to.low, &r.to.high);
                each!(out, (sums, scale, bias, zero, low, high), |_| round(clamp(sums as f32 * scale + bias, low, high), zero));
            }
        }
    }
}

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
    if let (Some((_, inverse)), Some((zero, low, high)), false) = (g.one, g.to.one, isa == Isa::Portable)
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
            let (inverse, zero, low, high) = (&g.inverse, &g.to.zero, &g.to.low, &g.to.high);
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
            let (scale, zero) = (&g.scale, &g.to.zero);
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
            let (scale, zero) = (&g.scale, &g.to.zero);
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

for_every_isa! {
    /// `out += x`.
    pub fn add(x: &[f32], out: &mut [f32]) {
        each!(out, (x), |o: f32| o + x);
    }
}

for_every_isa! {
    /// `out *= x`.
    pub fn multiply(x: &[f32], out: &mut [f32]) {
        each!(out, (x), |o: f32| o * x);
    }
}

for_every_isa! {
    /// `out *= x`, x being one number a channel repeated to its period.
    pub fn multiply_channels(x: &[f32], out: &mut [f32]) {
        for out in out.chunks_mut(x.len()) {
            each!(out, (x), |o: f32| o * x);
        }
    }
}

for_every_isa! {
    /// `out = clamp(out, low, high)`: ReLU (0, ∞), ReLU6 (0, 6), Clip.
    pub fn limit(low: f32, high: f32, out: &mut [f32]) {
        each!(out, (), |o: f32| clamp(o, low, high));
    }
}

for_every_isa! {
    /// `out = clamp(out · slope + offset, 0, 1)`, times its old self if `times`: HardSigmoid and HardSwish.
    pub fn hard(slope: f32, offset: f32, times: bool, out: &mut [f32]) {
        if times {
            each!(out, (), |o: f32| o * clamp(o * slope + offset, 0.0, 1.0));
        } else {
            each!(out, (), |o: f32| clamp(o * slope + offset, 0.0, 1.0));
        }
    }
}

/// `1 / (1 + e^−v)`, to 2 units in the last place, from multiplications, additions and one division, in this order on every machine.
///
/// `e^x = 2^n · e^r` with n the integer nearest to x / ln 2; e^r by the polynomial of Cephes (Moshier, expf).
#[inline(always)]
fn sigmoid_of(v: f32) -> f32 {
    let x = clamp(-v, -87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.987_569_2e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5e-1;
    let e = p * (r * r) + r + 1.0;
    let power = f32::from_bits(((shifted.to_bits() as i32).wrapping_sub(MAGIC_BITS - 127) << 23) as u32);
    1.0 / (1.0 + e * power)
}

for_every_isa! {
    /// `out = 1 / (1 + e^−out)`.
    pub fn sigmoid(out: &mut [f32]) {
        each!(out, (), |o: f32| sigmoid_of(o));
    }
}

/// Copies `c` numbers in pieces of 16, the last of which overlaps the one before: a call of memcpy costs more than so few bytes.
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
            /// Pixels of two values, channel by channel in turn: `out[p][2i] = a[p][i], out[p][2i + 1] = b[p][i]`.
            pub fn $interleave(a: &[$t], a_stride: usize, b: &[$t], b_stride: usize, n: usize, out: &mut [$t]) {
                for (p, out) in out.chunks_exact_mut(2 * n).enumerate() {
                    let (a, b) = (&a[p * a_stride..][..n], &b[p * b_stride..][..n]);
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

for_every_isa! {
    /// `out *= factor`.
    pub fn times(factor: f32, out: &mut [f32]) {
        each!(out, (), |o: f32| o * factor);
    }
}

for_every_isa! {
    /// `out += a + (b − a) · share`, or `=` if `first`: a linear interpolation between two rows.
    pub fn add_blend(a: &[f32], b: &[f32], share: f32, first: bool, out: &mut [f32]) {
        if first {
            each!(out, (a, b), |_| a + (b - a) * share);
        } else {
            each!(out, (a, b), |o: f32| o + (a + (b - a) * share));
        }
    }
}

for_every_isa! {
    /// Linear interpolation along a row of pixels of `c` channels: `columns` gives the left pixel and the right one's share.
    pub fn stretch(row: &[f32], c: usize, columns: &[(usize, f32)], out: &mut [f32]) {
        let last = row.len() / c - 1;
        for (&(left, share), out) in columns.iter().zip(out.chunks_exact_mut(c)) {
            let (a, b) = (&row[left * c..][..c], &row[last.min(left + 1) * c..][..c]);
            each!(out, (a, b), |_| a + (b - a) * share);
        }
    }
}

for_every_isa! {
    /// Sums over windows of `kernel` rows and columns: `out[x][c] = init[c] + Σ x`, `stride` numbers from pixel to pixel, `row` from row to row.
    pub fn pool_windows(x: &[i8], stride: usize, row: usize, kernel: [usize; 2], init: &[i32], out: &mut [i32]) {
        let (c, [kh, kw]) = (init.len(), kernel);
        for (i, out) in out.chunks_exact_mut(c).enumerate() {
            let x = &x[i * kw * stride..];
            // A window's sums of 16 channels stay in registers; the last piece of a pixel overlaps the one before it.
            let mut at = 0;
            while c >= 16 && at < c {
                let from = at.min(c - 16);
                let mut sums: [i32; 16] = init[from..from + 16].try_into().unwrap();
                for y in 0..kh {
                    for p in 0..kw {
                        let x: &[i8; 16] = x[y * row + p * stride + from..][..16].try_into().unwrap();
                        for l in 0..16 {
                            sums[l] += i32::from(x[l]);
                        }
                    }
                }
                out[from..from + 16].copy_from_slice(&sums);
                at += 16;
            }
            for from in if c < 16 { 0..c } else { 0..0 } {
                let column = (0..kh * kw).map(|w| i32::from(x[w / kw * row + w % kw * stride + from]));
                out[from] = init[from] + column.sum::<i32>();
            }
        }
    }
}

for_every_isa! {
    /// The same in real numbers, pixels without gaps.
    pub fn pool_real(x: &[f32], c: usize, kernel: usize, out: &mut [f32]) {
        for (x, out) in x.chunks_exact(kernel * c).zip(out.chunks_exact_mut(c)) {
            for x in x.chunks_exact(c) {
                each!(out, (x), |o: f32| o + x);
            }
        }
    }
}

for_every_isa! {
    /// Sums a whole picture into one period of sums.
    pub fn pool_all(x: &[i8], out: &mut [i32]) {
        for x in x.chunks(out.len()) {
            let out = &mut out[..x.len()];
            each!(out, (x), |o: i32| o + i32::from(x));
        }
    }
}

/// From one grid to another by a scale a channel: `q = clamp(round((x − zero) · scale), low, high) + new zero`; `scale` in place of the
/// requant's own. `one`: the value's zero, if all channels have the same.
pub fn rescale(isa: Isa, x: &[i8], zero: &[i32], one: Option<i32>, scale: &[f32], r: &Requant, out: &mut [i8]) {
    #[cfg(target_arch = "aarch64")]
    if let (Some(from), Some(to), false) = (one, r.plain, isa == Isa::Portable) {
        let p = scale.len();
        for (x, out) in x.chunks(p).zip(out.chunks_mut(p)) {
            let done = neon::rescale(x, from, scale, to, out);
            for i in done..out.len() {
                out[i] = saturate((i32::from(x[i]) - from) as f32 * scale[i], to);
            }
        }
        return;
    }
    let _ = one;
    rescale_plainly(isa, x, zero, scale, r, out);
}

for_every_isa! {
    fn rescale_plainly(x: &[i8], zero: &[i32], scale: &[f32], r: &Requant, out: &mut [i8]) {
        let p = scale.len();
        for (x, out) in x.chunks(p).zip(out.chunks_mut(p)) {
            let from = zero;
            if let Some(to) = r.plain {
                each!(out, (x, from, scale), |_| saturate((i32::from(x) - from) as f32 * scale, to));
            } else {
                let (to, low, high) = (&r.to.zero, &r.to.low, &r.to.high);
                each!(out, (x, from, scale, to, low, high), |_| round(clamp((i32::from(x) - from) as f32 * scale, low, high), to));
            }
        }
    }
}

/// The product of two grids: `q = clamp(round((x − zero) · (gate − gate zero) · scale), low, high) + new zero`.
/// `one`: the value's zero and the scale, if all channels have the same.
#[allow(clippy::too_many_arguments)] // two rows, their numbers and the place to put them
pub fn gate(
    isa: Isa,
    x: &[i8],
    gates: &[i8],
    zero: &[i32],
    gate_zero: i32,
    r: &Requant,
    one: (Option<i32>, Option<f32>),
    out: &mut [i8],
) {
    #[cfg(target_arch = "aarch64")]
    if let (Some(from), Some(scale), Some(to), false) = (one.0, one.1, r.plain, isa == Isa::Portable) {
        let done = neon::gate(x, gates, from, gate_zero, scale, to, out);
        for i in done..out.len() {
            let product = (i32::from(x[i]) - from) * (i32::from(gates[i]) - gate_zero);
            out[i] = saturate(product as f32 * scale, to);
        }
        return;
    }
    gate_plainly(isa, x, gates, zero, gate_zero, r, one, out);
}

for_every_isa! {
    fn gate_plainly(x: &[i8], gate: &[i8], zero: &[i32], gate_zero: i32, r: &Requant, one: (Option<i32>, Option<f32>), out: &mut [i8]) {
        if let (Some(from), Some(scale), Some(to)) = (one.0, one.1, r.plain) {
            each!(out, (x, gate), |_| {
                let product = (i32::from(x) - from) * (i32::from(gate) - gate_zero);
                saturate(product as f32 * scale, to)
            });
            return;
        }
        if let (Some(from), Some(scale), Some((to, low, high))) = (one.0, one.1, r.to.one) {
            each!(out, (x, gate), |_| {
                let product = (i32::from(x) - from) * (i32::from(gate) - gate_zero);
                round(clamp(product as f32 * scale, low, high), to)
            });
            return;
        }
        let p = r.scale.len();
        for ((x, gate), out) in x.chunks(p).zip(gate.chunks(p)).zip(out.chunks_mut(p)) {
            let (from, scale, to, low, high) = (zero, &r.scale, &r.to.zero, &r.to.low, &r.to.high);
            each!(out, (x, gate, from, scale, to, low, high), |_| {
                let product = (i32::from(x) - from) * (i32::from(gate) - gate_zero);
                round(clamp(product as f32 * scale, low, high), to)
            });
        }
    }
}
