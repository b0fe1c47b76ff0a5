//! Rows of real numbers: sums, products, activations, interpolation.

use super::{Isa, MAGIC, MAGIC_BITS, clamp};

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
    /// `out = clamp(out · slope + offset, 0, 1)`, times its old self if `times`: HardSigmoid and
    /// HardSwish.
    pub fn hard(slope: f32, offset: f32, times: bool, out: &mut [f32]) {
        if times {
            each!(out, (), |o: f32| o * clamp(o * slope + offset, 0.0, 1.0));
        } else {
            each!(out, (), |o: f32| clamp(o * slope + offset, 0.0, 1.0));
        }
    }
}

/// `1 / (1 + e^−v)`, to 2 units in the last place, from multiplications, additions and one
/// division, in this order on every machine.
///
/// `e^x = 2^n · e^r` with n the integer nearest to x / ln 2; e^r by the polynomial of Cephes
/// (Moshier, expf).
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
    let power =
        f32::from_bits(((shifted.to_bits() as i32).wrapping_sub(MAGIC_BITS - 127) << 23) as u32);
    1.0 / (1.0 + e * power)
}

for_every_isa! {
    /// `out = 1 / (1 + e^−out)`.
    pub fn sigmoid(out: &mut [f32]) {
        each!(out, (), |o: f32| sigmoid_of(o));
    }
}

for_every_isa! {
    /// `out = out / (1 + e^−out)`.
    pub fn swish(out: &mut [f32]) {
        each!(out, (), |o: f32| o * sigmoid_of(o));
    }
}

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
    /// Linear interpolation along a row of pixels of `c` channels: `columns` gives the left pixel
    /// and the right one's share.
    pub fn stretch(row: &[f32], c: usize, columns: &[(usize, f32)], out: &mut [f32]) {
        let last = row.len() / c - 1;
        for (&(left, share), out) in columns.iter().zip(out.chunks_exact_mut(c)) {
            let a = &row[left * c..][..c];
            let b = &row[last.min(left + 1) * c..][..c];
            each!(out, (a, b), |_| a + (b - a) * share);
        }
    }
}
