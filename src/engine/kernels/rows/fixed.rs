//! Rounding in fixed point: everything that goes from int8 or int32 sums to int8, in lanes of
//! int16.
//!
//! A value on its way is counted in shares of the result's step, 2^[`FRACTION`] to a step (2^[`TERM`]
//! in a sum of terms), which int16 holds with room to spare: what saturates there would saturate in
//! int8, too. It gets there by one shift of the int32 sum, exact to half a share, and one
//! multiplication by a 15-bit factor, and is rounded to int8 at the end. This is the arithmetic of
//! Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
//! Inference" (CVPR 2018, section 2.2), with 16 bits for 32: `sqrdmulh` and `pmulhrsw` do a lane of
//! it in one instruction, where ONNX's own order (convert, multiply, add, round) takes four of lanes
//! twice as wide. It differs from ONNX's in under one value of a hundred, by one step.

use super::super::periodic;
use super::Isa;
pub use super::lanes::Gain;
use super::lanes::{self, Even, Lanes, Shift};

/// Bits behind the point of a value that is rounded next: a step has 128 shares.
pub const FRACTION: i32 = 7;

/// The same where several terms are added first: a step has 32 shares, and a term may be 1023 steps
/// large.
pub const TERM: i32 = 5;

/// The same of a product with a gate, and of one of which a step is many of the result's: as many
/// shares as the gate's factor leaves room for.
pub const GATE: i32 = 6;
pub const COARSE: i32 = 3;

/// The same of what a table bends, before its zero is added: 255 steps, and a gain that saturates at
/// half of what int16 holds.
pub const BENT: i32 = 6;

/// What no sum may exceed before it is shifted.
const MOST_SUM: f64 = (1 << 30) as f64;

/// From int32 sums to shares of a step: `(sum >> shift) · factor / 2^15 + rest`, one of each a channel,
/// repeated to [`super::super::period`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fixed {
    pub shift: Shift,
    pub factor: Vec<i16>,
    /// What of the bias cannot be added to the sum: none where a step is many sums.
    pub rest: Option<Vec<i16>>,
    /// The least and the greatest int8 of each channel, where a ReLU or Clip leaves less than all.
    pub limits: Option<[Vec<i8>; 2]>,
}

impl Fixed {
    /// For sums of which one is `scale` steps of the result, `bias` steps more (the zero is one of
    /// them), and which never exceed `most` in amount; all of them one a channel. And what is to be
    /// added to each sum before it is given to the kernels.
    ///
    /// None if int32 is too small for it.
    pub fn new(
        fraction: i32,
        scale: &[f64],
        bias: &[f64],
        most: &[f64],
        limits: Option<[Vec<i8>; 2]>,
    ) -> Option<(Self, Vec<i32>)> {
        let shares = f64::from(1 << fraction);
        let (mut shift, mut factor, mut rest, mut init) = (vec![], vec![], vec![], vec![]);
        for ((&scale, &bias), &most) in scale.iter().zip(bias).zip(most) {
            if !(scale.is_finite() && scale > 0.0 && bias.is_finite()) {
                return None;
            }
            // scale · shares = f · 2^by with f in [0.5, 1), to 15 bits.
            let mut by = (scale * shares).log2().floor() as i32 + 1;
            by = by.max(-30);
            let mut f = (scale * shares * 2f64.powi(15 - by)).round();
            if f >= 32768.0 {
                by += 1;
                f = (scale * shares * 2f64.powi(15 - by)).round();
            }
            let whole = (bias / scale).round();
            let whole = match whole.abs() + most < MOST_SUM {
                true => whole,
                // The sums themselves are too small to bring a great bias back.
                false if most * scale < 255.0 && most < MOST_SUM => 0.0,
                false => return None,
            };
            if by > 0 && (whole.abs() + most) * 2f64.powi(by) >= MOST_SUM {
                return None;
            }
            shift.push(by);
            factor.push(f as i16);
            init.push(whole as i32);
            rest.push(
                ((bias - whole * scale) * shares)
                    .round()
                    .clamp(-32767.0, 32767.0) as i16,
            );
        }
        let fixed = Self {
            shift: Shift::new(periodic(&shift)),
            factor: periodic(&factor),
            rest: rest.iter().any(|&r| r != 0).then(|| periodic(&rest)),
            limits: limits.map(|l| l.map(|l| periodic(&l))),
        };
        Some((fixed, init))
    }

    /// Whether all its numbers are as many.
    pub fn is_whole(&self) -> bool {
        let n = self.factor.len();
        let limits = self.limits.iter().flatten().all(|l| l.len() == n);
        self.shift.lanes() == n && self.rest.as_ref().is_none_or(|r| r.len() == n) && limits
    }

    /// The numbers of `n` channels, as the kernels of NEON take them, if there are so many.
    #[cfg(target_arch = "aarch64")]
    pub fn numbers(&self, n: usize) -> Option<Numbers> {
        (self.is_whole() && self.factor.len() >= n).then(|| Numbers {
            by: self.shift.by().as_ptr(),
            factor: self.factor.as_ptr(),
            rest: self.rest.as_ref().map(|r| r.as_ptr()),
        })
    }

    /// The shares of one sum, of lane `at` of the period.
    #[inline(always)]
    fn shares(&self, sum: i32, at: usize) -> i16 {
        let v = lanes::times(self.shift.of(sum, at), self.factor[at]);
        self.rest.as_ref().map_or(v, |r| v.saturating_add(r[at]))
    }

    /// The shares of sixteen sums.
    #[inline(always)]
    fn sixteen<V: Lanes>(&self, sums: &[i32; 16], at: usize) -> V {
        let v = V::shifted(sums, &self.shift, at).times(V::load(sixteen(&self.factor, at)));
        match &self.rest {
            Some(rest) => v.plus(V::load(sixteen(rest, at))),
            None => v,
        }
    }
}

/// Where the numbers of a [`Fixed`] lie: `srshl`'s shifts, `sqrdmulh`'s factors, and the rest.
#[cfg(target_arch = "aarch64")]
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    pub by: *const i32,
    pub factor: *const i16,
    pub rest: Option<*const i16>,
}

/// Numbers that take an int8 value to shares of another grid's step: `(x − zero) · 2^7 · factor /
/// 2^15`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scaled {
    /// Zeros times 2^7, repeated to the period.
    pub zero: Vec<i16>,
    /// Repeated to the period of the rows that it is used on.
    pub factor: Vec<i16>,
}

/// The factor for a step of int8 that is so many `steps` of the result: `steps · 2^fraction · 2^15 /
/// 2^7`. None if it needs more than 16 bits.
pub fn factor(fraction: i32, steps: f64) -> Option<i16> {
    let factor = (steps * 2f64.powi(fraction + 8)).round();
    (factor.abs() < 32768.0).then_some(factor as i16)
}

/// A zero, as [`Scaled`] has it.
pub fn raised(zero: i8) -> i16 {
    i16::from(zero) << 7
}

/// How shares become int8: their zero and limits, one a channel, repeated to the period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landing {
    /// In shares.
    pub zero: Vec<i16>,
    pub limits: Option<[Vec<i8>; 2]>,
    /// What takes shares of other steps to shares of these, first of all.
    pub from: Option<Gain>,
}

/// Sixteen numbers from `at`, which a row's function has checked to be there before its loop.
#[inline(always)]
fn sixteen<T>(x: &[T], at: usize) -> &[T; 16] {
    debug_assert!(at + 16 <= x.len());
    // SAFETY: `row` calls this for whole sixteens of `out` and of a period only, and each row's
    // check says that the slices have as many.
    unsafe { &*x.as_ptr().add(at).cast() }
}

#[inline(always)]
fn sixteen_mut<T>(x: &mut [T], at: usize) -> &mut [T; 16] {
    debug_assert!(at + 16 <= x.len());
    // SAFETY: as for `sixteen`.
    unsafe { &mut *x.as_mut_ptr().add(at).cast() }
}

impl Landing {
    fn is_whole(&self) -> bool {
        let limits = self
            .limits
            .iter()
            .flatten()
            .all(|l| l.len() == self.zero.len());
        limits && self.from.iter().all(|g| g.lanes() == self.zero.len())
    }
}

#[inline(always)]
fn limits_at(limits: &Option<[Vec<i8>; 2]>, at: usize) -> Option<(&[i8; 16], &[i8; 16])> {
    limits
        .as_ref()
        .map(|[low, high]| (sixteen(low, at), sixteen(high, at)))
}

#[inline(always)]
fn limit(limits: &Option<[Vec<i8>; 2]>, at: usize, q: i8) -> i8 {
    match limits {
        Some([low, high]) => q.max(low[at]).min(high[at]),
        None => q,
    }
}

/// Calls `$body::<V>(args)` for the lanes of `$isa`, compiled with its features.
macro_rules! for_lanes_of {
    ($isa:expr, $body:ident($($a:ident: $t:ty),*)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($a: $t),*) { $body::<lanes::Ymm>($($a),*) }
            #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512dq")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($a: $t),*) { $body::<lanes::Ymm>($($a),*) }
            match $isa {
                // SAFETY: an `Isa` is one of `Isa::available`.
                Isa::Avx2 => unsafe { avx2($($a),*) },
                // SAFETY: as above.
                Isa::Avx512Vnni => unsafe { avx512($($a),*) },
                _ => $body::<[i16; 16]>($($a),*),
            }
        }
        #[cfg(target_arch = "aarch64")]
        match $isa {
            Isa::Portable => $body::<[i16; 16]>($($a),*),
            _ => $body::<lanes::Pair>($($a),*),
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let _ = $isa;
            $body::<[i16; 16]>($($a),*);
        }
    }};
}

/// The period of what has no numbers for channels: a row is gone through in one piece.
const ALL: usize = 1 << 30;

/// Defines a row's function, for every instruction set: `$sixteen` for whole sixteens, of which the
/// first lane is `$i` of the row and `$at` of the period, and `$one` for what is over.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident<$v:ident>($period:expr, $check:expr; $out:ident: $t:ty, $($a:ident: $u:ty),*; |$i:ident, $at:ident| $sixteen:expr, $one:expr)) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)] // rows, their numbers and the place to put them
        pub fn $name(isa: Isa, $($a: $u,)* $out: &mut [$t]) {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body<$v: Lanes>($($a: $u,)* $out: &mut [$t]) {
                let period: usize = $period;
                assert!(period.is_multiple_of(16) && period > 0 && $check, "rows of different lengths");
                let whole = $out.len() / 16 * 16;
                let mut start = 0;
                while start < whole {
                    // The period is whole sixteens.
                    let end = whole.min(start + period);
                    // Two a round: half as many pointers to move.
                    let twos = start + (end - start) / 32 * 32;
                    let mut i = start;
                    while i < twos {
                        let ($i, $at) = (i, i - start);
                        $sixteen;
                        let ($i, $at) = (i + 16, i + 16 - start);
                        $sixteen;
                        i += 32;
                    }
                    if i < end {
                        let ($i, $at) = (i, i - start);
                        $sixteen;
                    }
                    start = end;
                }
                for $i in whole..$out.len() {
                    let $at = $i % period;
                    $one;
                }
            }
            for_lanes_of!(isa, body($($a: $u,)* $out: &mut [$t]));
        }
    };
}

row! {
    /// Sums to int8.
    round_sums<V>(f.factor.len(), f.is_whole() && sums.len() >= out.len(); out: i8, sums: &[i32], f: &Fixed; |i, at|
        f.sixteen::<V>(sixteen(sums, i), at).narrow::<FRACTION>(limits_at(&f.limits, at), sixteen_mut(out, i)),
        out[i] = limit(&f.limits, at, lanes::narrow::<FRACTION>(f.shares(sums[i], at))))
}

row! {
    /// Sums to shares.
    set_sums<V>(f.factor.len(), f.is_whole() && sums.len() >= out.len(); out: i16, sums: &[i32], f: &Fixed; |i, at|
        f.sixteen::<V>(sixteen(sums, i), at).store(sixteen_mut(out, i)),
        out[i] = f.shares(sums[i], at))
}

row! {
    /// Sums to shares, which are added to those in `out`.
    add_sums<V>(f.factor.len(), f.is_whole() && sums.len() >= out.len(); out: i16, sums: &[i32], f: &Fixed; |i, at|
        V::load(sixteen(out, i)).plus(f.sixteen::<V>(sixteen(sums, i), at)).store(sixteen_mut(out, i)),
        out[i] = out[i].saturating_add(f.shares(sums[i], at)))
}

#[inline(always)]
fn scaled<V: Lanes>(x: &[i8; 16], zero: &[i16; 16], factor: &[i16; 16]) -> V {
    V::raised(x).minus(V::load(zero)).times(V::load(factor))
}

#[inline(always)]
fn scaled_one(x: i8, zero: i16, factor: i16) -> i16 {
    lanes::times(raised(x) - zero, factor)
}

row! {
    /// int8 to shares.
    set_scaled<V>(s.zero.len(), s.factor.len() == s.zero.len() && x.len() >= out.len(); out: i16, x: &[i8], s: &Scaled; |i, at|
        scaled::<V>(sixteen(x, i), sixteen(&s.zero, at), sixteen(&s.factor, at)).store(sixteen_mut(out, i)),
        out[i] = scaled_one(x[i], s.zero[at], s.factor[at]))
}

row! {
    /// int8 to shares, which are added to those in `out`.
    add_scaled<V>(s.zero.len(), s.factor.len() == s.zero.len() && x.len() >= out.len(); out: i16, x: &[i8], s: &Scaled; |i, at|
        V::load(sixteen(out, i)).plus(scaled::<V>(sixteen(x, i), sixteen(&s.zero, at), sixteen(&s.factor, at))).store(sixteen_mut(out, i)),
        out[i] = out[i].saturating_add(scaled_one(x[i], s.zero[at], s.factor[at])))
}

row! {
    /// int8 to shares by factors of any size.
    set_gained<V>(zero.len(), gain.lanes() == zero.len() && x.len() >= out.len(); out: i16, x: &[i8], zero: &[i16], gain: &Gain; |i, at|
        V::raised(sixteen(x, i)).minus(V::load(sixteen(zero, at))).gained(gain, at).store(sixteen_mut(out, i)),
        out[i] = gain.of(raised(x[i]) - zero[at], at))
}

row! {
    /// int8 to shares by factors of any size, which are added to those in `out`.
    add_gained<V>(zero.len(), gain.lanes() == zero.len() && x.len() >= out.len(); out: i16, x: &[i8], zero: &[i16], gain: &Gain; |i, at| {
        let v = V::raised(sixteen(x, i)).minus(V::load(sixteen(zero, at))).gained(gain, at);
        V::load(sixteen(out, i)).plus(v).store(sixteen_mut(out, i))
    }, out[i] = out[i].saturating_add(gain.of(raised(x[i]) - zero[at], at)))
}

/// `out += x`, saturated.
pub fn add_shares(isa: Isa, x: &[i16], out: &mut [i16]) {
    #[inline(always)]
    fn body<V: Lanes>(x: &[i16], out: &mut [i16]) {
        let (whole, over) = out.as_chunks_mut();
        let (x_whole, x_over) = x.as_chunks();
        let (twos, one) = whole.as_chunks_mut::<2>();
        let (x_twos, x_one) = x_whole.as_chunks::<2>();
        for ([a, b], [x, y]) in twos.iter_mut().zip(x_twos) {
            V::load(a).plus(V::load(x)).store(a);
            V::load(b).plus(V::load(y)).store(b);
        }
        for (out, x) in one.iter_mut().zip(x_one) {
            V::load(out).plus(V::load(x)).store(out);
        }
        for (out, x) in over.iter_mut().zip(x_over) {
            *out = out.saturating_add(*x);
        }
    }
    assert!(x.len() == out.len(), "rows of different lengths");
    for_lanes_of!(isa, body(x: &[i16], out: &mut [i16]));
}

/// `a + (b − a) · share / 2^15`.
#[inline(always)]
fn blend<V: Lanes>(a: V, b: V, share: V) -> V {
    a.plus(b.less(a).times(share))
}

#[inline(always)]
fn blend_one(a: i16, b: i16, share: i16) -> i16 {
    a.saturating_add(lanes::times(b.saturating_sub(a), share))
}

row! {
    /// `out += a + (b − a) · share / 2^15`: a linear interpolation between two rows.
    add_blend<V>(ALL, a.len() >= out.len() && b.len() >= out.len(); out: i16, a: &[i16], b: &[i16], share: i16; |i, at| {
        let _ = at;
        let v = blend(V::load(sixteen(a, i)), V::load(sixteen(b, i)), V::splat(share));
        V::load(sixteen(out, i)).plus(v).store(sixteen_mut(out, i))
    }, {
        let _ = at;
        out[i] = out[i].saturating_add(blend_one(a[i], b[i], share))
    })
}

/// Linear interpolation along a row of pixels of `c` channels: `columns` gives the left pixel and
/// the right one's share, in 2^15.
pub fn stretch(isa: Isa, row: &[i16], c: usize, columns: &[(usize, i16)], out: &mut [i16]) {
    #[inline(always)]
    fn body<V: Lanes>(row: &[i16], c: usize, columns: &[(usize, i16)], out: &mut [i16]) {
        let last = row.len() / c - 1;
        for (&(left, share), out) in columns.iter().zip(out.chunks_exact_mut(c)) {
            let a = &row[left * c..][..c];
            let b = &row[last.min(left + 1) * c..][..c];
            if c < 16 {
                for i in 0..c {
                    out[i] = blend_one(a[i], b[i], share);
                }
                continue;
            }
            // The last sixteen overlap those before them.
            for i in (0..c).step_by(16).map(|i| i.min(c - 16)) {
                let v = blend(
                    V::load(sixteen(a, i)),
                    V::load(sixteen(b, i)),
                    V::splat(share),
                );
                v.store(sixteen_mut(out, i));
            }
        }
    }
    for_lanes_of!(isa, body(row: &[i16], c: usize, columns: &[(usize, i16)], out: &mut [i16]));
}

/// Numbers of a table.
const ENTRIES: usize = 4096;

/// What four places of a table hold, all of them picked from one register.
#[inline(always)]
fn four<T: Copy>(table: &[T; ENTRIES], x: &[i16; 4], flip: u64, by: u32) -> [T; 4] {
    let four = x
        .iter()
        .rev()
        .fold(0u64, |all, &x| all << 16 | u64::from(x as u16));
    let four = (four ^ flip) >> by;
    let one = |i: u32| table[(four >> (16 * i)) as usize % ENTRIES];
    [one(0), one(1), one(2), one(3)]
}

/// A function of one number whose ends are flat (a sigmoid), to int8, read from a table by shares of
/// 1 in int16: every number of int16's range, sixteen shares apart.
#[derive(Debug, Clone)]
pub struct Table(Box<[i8; ENTRIES]>);

impl Table {
    /// Of so many shares of 1; `of` gives the int8 of a number.
    pub fn new(shares: f64, of: impl Fn(f64) -> i8) -> Self {
        let middle = |i: usize| (i as f64 + 0.5 - ENTRIES as f64 / 2.0) * 16.0;
        Self(Box::new(std::array::from_fn(|i| of(middle(i) / shares))))
    }

    pub fn read(&self, x: &[i16], out: &mut [i8]) {
        let (fours, rest) = x.as_chunks::<4>();
        let (out_fours, out_rest) = out[..x.len()].as_chunks_mut::<4>();
        for (x, out) in fours.iter().zip(out_fours) {
            let four = four(&self.0, x, 0x8000_8000_8000_8000, 4).map(|q| q as u8);
            // Stored at once.
            *out = u32::from_le_bytes(four).to_le_bytes().map(|b| b as i8);
        }
        for (&x, out) in rest.iter().zip(out_rest) {
            *out = self.0[(usize::from(x as u16 ^ 0x8000) >> 4) % ENTRIES];
        }
    }
}

/// A function that far from 0 is that of ReLU (SiLU): `max(v, 0)`, exact, less what a table says of
/// `|v|`, which is small and changes slowly.
#[derive(Debug, Clone)]
pub struct Bend(Box<Even>);

impl Bend {
    /// The table reaches to 8, or farther where `shares` of 1 are too few for its places. None if
    /// `of` falls short of ReLU otherwise on one side of 0 than on the other, or exceeds it.
    pub fn new(shares: f64, of: impl Fn(f64) -> f64) -> Option<Self> {
        let less = |v: f64| v.max(0.0) - of(v);
        let fits = |v: f64| less(v) > -1e-3 && (less(v) - less(-v)).abs() < 1e-3;
        (0..=64)
            .all(|i| fits(f64::from(i) / 8.0))
            .then(|| Self(Box::new(Even::new(shares, 8.0, less))))
    }

    /// From shares to int8.
    pub fn read(&self, isa: Isa, x: &[i16], landing: &Landing, out: &mut [i8]) {
        land_bent(isa, x, *self.0, landing, out);
    }
}

row! {
    /// The greater of `x` and 0, less what `bend` says, to int8.
    land_bent<V>(l.zero.len(), l.is_whole() && x.len() >= out.len(); out: i8, x: &[i16], bend: Even, l: &Landing; |i, at| {
        let v = V::load(sixteen(x, i));
        let mut v = v.positive().less(v.looked_up(&bend));
        if let Some(gain) = &l.from {
            v = v.gained(gain, at);
        }
        v.plus(V::load(sixteen(&l.zero, at))).narrow::<BENT>(limits_at(&l.limits, at), sixteen_mut(out, i))
    }, {
        let v = x[i].max(0).saturating_sub(bend.of(x[i]));
        let v = l.from.as_ref().map_or(v, |g| g.of(v, at));
        out[i] = limit(&l.limits, at, lanes::narrow::<BENT>(v.saturating_add(l.zero[at])))
    })
}

row! {
    /// The shares of a sum of terms to int8.
    land<V>(l.zero.len(), l.is_whole() && x.len() >= out.len(); out: i8, x: &[i16], l: &Landing; |i, at| {
        let mut v = V::load(sixteen(x, i));
        if let Some(gain) = &l.from {
            v = v.gained(gain, at);
        }
        v.plus(V::load(sixteen(&l.zero, at))).narrow::<TERM>(limits_at(&l.limits, at), sixteen_mut(out, i))
    }, {
        let v = l.from.as_ref().map_or(x[i], |g| g.of(x[i], at));
        out[i] = limit(&l.limits, at, lanes::narrow::<TERM>(v.saturating_add(l.zero[at])))
    })
}

/// Defines the product with a gate for shares of one size.
macro_rules! gate {
    ($gate:ident, $fraction:ident) => {
        row! {
            /// int8 times a factor of each lane of the row (a gate), to int8.
            $gate<V>(l.zero.len(), l.is_whole() && zero.len() == l.zero.len() && x.len() >= out.len() && factors.len() >= out.len(); out: i8, x: &[i8], zero: &[i16], factors: &[i16], l: &Landing; |i, at|
                scaled::<V>(sixteen(x, i), sixteen(zero, at), sixteen(factors, i)).plus(V::load(sixteen(&l.zero, at)))
                    .narrow::<$fraction>(limits_at(&l.limits, at), sixteen_mut(out, i)),
                out[i] = limit(&l.limits, at, lanes::narrow::<$fraction>(scaled_one(x[i], zero[at], factors[i]).saturating_add(l.zero[at]))))
        }
    };
}

/// The same of one factor a channel, a gate's or another grid's.
macro_rules! rescale {
    ($rescale:ident, $fraction:ident) => {
        row! {
            /// int8 times a factor a channel, repeated to the period, to int8.
            $rescale<V>(l.zero.len(), l.is_whole() && zero.len() == l.zero.len() && x.len() >= out.len() && factors.len() == l.zero.len(); out: i8, x: &[i8], zero: &[i16], factors: &[i16], l: &Landing; |i, at|
                scaled::<V>(sixteen(x, i), sixteen(zero, at), sixteen(factors, at)).plus(V::load(sixteen(&l.zero, at)))
                    .narrow::<$fraction>(limits_at(&l.limits, at), sixteen_mut(out, i)),
                out[i] = limit(&l.limits, at, lanes::narrow::<$fraction>(scaled_one(x[i], zero[at], factors[at]).saturating_add(l.zero[at]))))
        }
    };
}

gate!(gate, GATE);
gate!(gate_coarse, COARSE);
rescale!(rescale, GATE);
rescale!(rescale_coarse, COARSE);
rescale!(rescale_terms, TERM);
