//! Sixteen int16 in a register or two, for every instruction set.

/// Sixteen int16.
///
/// The methods of a processor's vector may only be called where its features are enabled;
/// `for_lanes_of` sees to that.
pub trait Lanes: Copy {
    fn splat(v: i16) -> Self;
    fn load(x: &[i16; 16]) -> Self;
    fn store(self, out: &mut [i16; 16]);
    /// int8, 128 times as large.
    fn raised(x: &[i8; 16]) -> Self;
    /// int32, shifted as `by` says from lane `at` on, which it has, rounded and saturated.
    fn shifted(sums: &[i32; 16], by: &Shift, at: usize) -> Self;
    /// `(self · by + 2^14) >> 15`; not both are −2^15.
    fn times(self, by: Self) -> Self;
    /// The sum, saturated.
    fn plus(self, other: Self) -> Self;
    /// The difference, which fits.
    fn minus(self, other: Self) -> Self;
    /// `self` times the factors of `by` from lane `at` on, which it has.
    fn gained(self, by: &Gain, at: usize) -> Self;
    /// The difference, saturated.
    fn less(self, other: Self) -> Self;
    /// Not less than 0.
    fn positive(self) -> Self;
    /// How far an even function is from 0 at these numbers.
    fn looked_up(self, by: &Even) -> Self;
    /// `(self + 2^(N − 1)) >> N`, saturated to int8, then not under `low` nor over `high`.
    fn narrow<const N: i32>(self, limits: Option<(&[i8; 16], &[i8; 16])>, out: &mut [i8; 16]);
}

/// Shifts of int32 by powers of two, one a channel, repeated to the period: to the left where
/// positive, else to the right, rounding halves up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shift {
    by: Vec<i32>,
    /// To the left, to the right, and half of what the right shift divides by.
    left: Vec<i32>,
    right: Vec<i32>,
    half: Vec<i32>,
    /// Whether any is to the left.
    any_left: bool,
}

impl Shift {
    /// `by` is repeated to its period already.
    pub fn new(by: Vec<i32>) -> Self {
        let left: Vec<i32> = by.iter().map(|&b| b.max(0)).collect();
        let right: Vec<i32> = by.iter().map(|&b| (-b).max(0)).collect();
        Self {
            half: right.iter().map(|&r| (1 << r) >> 1).collect(),
            any_left: left.iter().any(|&l| l > 0),
            by,
            left,
            right,
        }
    }

    pub fn lanes(&self) -> usize {
        self.by.len()
    }

    /// As the numbers of `srshl`.
    #[cfg(target_arch = "aarch64")]
    pub fn by(&self) -> &[i32] {
        &self.by
    }

    /// One number.
    #[inline(always)]
    pub fn of(&self, sum: i32, at: usize) -> i16 {
        let v = (sum << self.left[at]).wrapping_add(self.half[at]) >> self.right[at];
        v.clamp(-0x8000, 0x7FFF) as i16
    }
}

/// Factors of any size, one a channel, repeated to the period: `(v << shift) · factor / 2^15`, the
/// shift saturated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gain {
    shift: Vec<i16>,
    factor: Vec<i16>,
    /// The most that may be shifted without saturation, and two to the power of the shift.
    most: Vec<i16>,
    power: Vec<i16>,
}

impl Gain {
    /// For positive factors, repeated to their period.
    pub fn new(by: &[f64]) -> Self {
        let shift = |by: f64| by.log2().ceil().clamp(0.0, 14.0);
        let factor = |&by: &f64| (by * 2f64.powf(15.0 - shift(by))).round().min(32767.0) as i16;
        let shifts: Vec<i16> = by.iter().map(|&by| shift(by) as i16).collect();
        Self {
            factor: by.iter().map(factor).collect(),
            most: shifts.iter().map(|s| i16::MAX >> s).collect(),
            power: shifts.iter().map(|s| 1 << s).collect(),
            shift: shifts,
        }
    }

    pub fn lanes(&self) -> usize {
        self.shift.len()
    }

    /// One number.
    #[inline(always)]
    pub fn of(&self, v: i16, at: usize) -> i16 {
        let v = i32::from(v) << self.shift[at];
        times(v.clamp(-0x8000, 0x7FFF) as i16, self.factor[at])
    }
}

/// An even function that is 0 at 0 and far out: places of `|v|`, and straight lines between them.
#[derive(Debug, Clone, Copy)]
pub struct Even {
    /// The first and the last are 0.
    at: [u8; Even::PLACES],
    /// From `|v|` to 2^9 parts of a place: `2 · (|v| << shift) · factor / 2^15`, saturated at each step.
    shift: i16,
    factor: i16,
    /// From 2^6 parts of a table's unit to results, in 2^15.
    scale: i16,
}

impl Even {
    pub const PLACES: usize = 64;
    /// 2^15 is the end of the last place.
    const PLACE: i32 = 9;
    /// Of the parts of a place so many bits are dropped, and so many are left.
    const DROPPED: i32 = 3;
    const PART: i32 = Self::PLACE - Self::DROPPED;
    const PARTS: i16 = 1 << Self::PART;
    /// What saturates is in the last place, to which all that is shifted in belongs.
    const MOST_SHIFT: i16 = 8;

    /// `of` gives what is negative nowhere, of numbers of `shares` to 1, and is 0 from `reach` on;
    /// what is read is in the same shares. The table reaches farther where shares are few.
    pub fn new(shares: f64, reach: f64, of: impl Fn(f64) -> f64) -> Self {
        let (end, most) = (32768.0, 32767.0);
        let shift = (most / (shares * reach)).log2().floor();
        let shift = shift.clamp(0.0, Self::MOST_SHIFT.into());
        let factor = end * end / (shares * reach * 2f64.powf(shift + 1.0));
        let factor = factor.round().min(most);
        let place = end * end / (shares * factor * 2f64.powf(shift + 1.0)) / Self::PLACES as f64;
        let last = Self::PLACES - 1;
        // How far the function is above the middle of the line from one place to the next.
        let sag = |x: f64| of(x + place / 2.0) - (of(x) + of(x + place)) / 2.0;
        let number = |at: usize| match at {
            0 => 0.0,
            at if at == last => 0.0,
            at => {
                // The middle of what is read as the place's beginning, and half of the sag.
                let x = (at as f64 + 0.5 / f64::from(Self::PARTS)) * place;
                (of(x) + (sag(x) + sag(x - place)) / 4.0).max(0.0)
            }
        };
        let greatest = (0..Self::PLACES).map(number).fold(1e-9, f64::max);
        let unit = greatest / 255.0;
        Self {
            at: std::array::from_fn(|place| (number(place) / unit).round() as u8),
            shift: shift as i16,
            factor: factor as i16,
            scale: (unit * shares * end / f64::from(Self::PARTS))
                .round()
                .min(most) as i16,
        }
    }

    /// One number.
    #[inline(always)]
    pub fn of(&self, v: i16) -> i16 {
        let v = (i32::from(v.saturating_abs()) << self.shift).min(i16::MAX.into());
        let v = times(v as i16, self.factor);
        let v = i32::from(v.saturating_add(v));
        let (place, part) = (
            (v >> Self::PLACE) as usize,
            (v >> Self::DROPPED) as i16 % Self::PARTS,
        );
        let at = |place: usize| i16::from(self.at[place % Self::PLACES]);
        times(
            at(place) * (Self::PARTS - part) + at(place + 1) * part,
            self.scale,
        )
    }
}

/// As [`Lanes::times`].
#[inline(always)]
pub fn times(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b) + 0x4000) >> 15) as i16
}

/// As [`Lanes::narrow`].
#[inline(always)]
pub fn narrow<const N: i32>(v: i16) -> i8 {
    ((i32::from(v) + ((1 << N) >> 1)) >> N).clamp(-128, 127) as i8
}

impl Lanes for [i16; 16] {
    #[inline(always)]
    fn splat(v: i16) -> Self {
        [v; 16]
    }

    #[inline(always)]
    fn load(x: &[i16; 16]) -> Self {
        *x
    }

    #[inline(always)]
    fn store(self, out: &mut [i16; 16]) {
        *out = self;
    }

    #[inline(always)]
    fn raised(x: &[i8; 16]) -> Self {
        x.map(|x| i16::from(x) << 7)
    }

    #[inline(always)]
    fn shifted(sums: &[i32; 16], by: &Shift, at: usize) -> Self {
        std::array::from_fn(|i| by.of(sums[i], at + i))
    }

    #[inline(always)]
    fn times(self, by: Self) -> Self {
        std::array::from_fn(|i| times(self[i], by[i]))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i].saturating_add(other[i]))
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i].wrapping_sub(other[i]))
    }

    #[inline(always)]
    fn gained(self, by: &Gain, at: usize) -> Self {
        std::array::from_fn(|i| by.of(self[i], at + i))
    }

    #[inline(always)]
    fn less(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i].saturating_sub(other[i]))
    }

    #[inline(always)]
    fn positive(self) -> Self {
        self.map(|v| v.max(0))
    }

    #[inline(always)]
    fn looked_up(self, by: &Even) -> Self {
        self.map(|v| by.of(v))
    }

    #[inline(always)]
    fn narrow<const N: i32>(self, limits: Option<(&[i8; 16], &[i8; 16])>, out: &mut [i8; 16]) {
        *out = self.map(narrow::<N>);
        if let Some((low, high)) = limits {
            for i in 0..16 {
                out[i] = out[i].max(low[i]).min(high[i]);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::Ymm;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Even, Gain, Lanes, Shift};
    use std::arch::x86_64::*;

    /// AVX2.
    #[derive(Clone, Copy)]
    pub struct Ymm(__m256i);

    /// Eight int32 from `at`.
    #[inline(always)]
    fn eight(x: &[i32], at: usize) -> __m256i {
        debug_assert!(at + 8 <= x.len());
        // SAFETY: called where AVX2 is enabled and for lanes that there are (see the trait).
        unsafe { _mm256_loadu_si256(x.as_ptr().add(at).cast()) }
    }

    /// Sixteen int16 from `at`.
    #[inline(always)]
    fn sixteen(x: &[i16], at: usize) -> __m256i {
        debug_assert!(at + 16 <= x.len());
        // SAFETY: as in `eight`.
        unsafe { _mm256_loadu_si256(x.as_ptr().add(at).cast()) }
    }

    /// Eight sums of sixteen, shifted.
    #[inline(always)]
    fn part(sums: &[i32; 16], by: &Shift, at: usize, i: usize) -> __m256i {
        let mut v = eight(sums, i);
        // SAFETY: AVX2, as above.
        unsafe {
            if by.any_left {
                v = _mm256_sllv_epi32(v, eight(&by.left, at + i));
            }
            let v = _mm256_add_epi32(v, eight(&by.half, at + i));
            _mm256_srav_epi32(v, eight(&by.right, at + i))
        }
    }

    // No closures below: the compiler makes functions of them that have no AVX2.
    impl Lanes for Ymm {
        #[inline(always)]
        fn splat(v: i16) -> Self {
            // SAFETY: called where AVX2 is enabled (see the trait).
            Self(unsafe { _mm256_set1_epi16(v) })
        }

        #[inline(always)]
        fn load(x: &[i16; 16]) -> Self {
            // SAFETY: AVX2, as above; the array has a vector's numbers.
            Self(unsafe { _mm256_loadu_si256(x.as_ptr().cast()) })
        }

        #[inline(always)]
        fn store(self, out: &mut [i16; 16]) {
            // SAFETY: as for `load`.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), self.0) }
        }

        #[inline(always)]
        fn raised(x: &[i8; 16]) -> Self {
            // SAFETY: as for `load`.
            Self(unsafe {
                let x = _mm_loadu_si128(x.as_ptr().cast());
                _mm256_slli_epi16::<7>(_mm256_cvtepi8_epi16(x))
            })
        }

        #[inline(always)]
        fn shifted(sums: &[i32; 16], by: &Shift, at: usize) -> Self {
            let (low, high) = (part(sums, by, at, 0), part(sums, by, at, 8));
            // SAFETY: AVX2, as above.
            Self(unsafe {
                // Packing goes by halves of a register: its middle quarters change places.
                _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(low, high))
            })
        }

        #[inline(always)]
        fn times(self, by: Self) -> Self {
            // SAFETY: AVX2, as above.
            Self(unsafe { _mm256_mulhrs_epi16(self.0, by.0) })
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            // SAFETY: AVX2, as above.
            Self(unsafe { _mm256_adds_epi16(self.0, other.0) })
        }

        #[inline(always)]
        fn minus(self, other: Self) -> Self {
            // SAFETY: AVX2, as above.
            Self(unsafe { _mm256_sub_epi16(self.0, other.0) })
        }

        #[inline(always)]
        fn gained(self, by: &Gain, at: usize) -> Self {
            // There is no shift of int16 by lanes, but a product with a power of two.
            // SAFETY: AVX2, as above.
            Self(unsafe {
                let most = sixteen(&by.most, at);
                let least = _mm256_xor_si256(most, _mm256_set1_epi16(-1));
                let v = _mm256_max_epi16(_mm256_min_epi16(self.0, most), least);
                let power = sixteen(&by.power, at);
                // The bits below the shift are those of the greatest int16 where it is saturated.
                let below = _mm256_sub_epi16(power, _mm256_set1_epi16(1));
                let over = _mm256_and_si256(_mm256_cmpgt_epi16(self.0, most), below);
                let v = _mm256_or_si256(_mm256_mullo_epi16(v, power), over);
                _mm256_mulhrs_epi16(v, sixteen(&by.factor, at))
            })
        }

        #[inline(always)]
        fn less(self, other: Self) -> Self {
            // SAFETY: AVX2, as above.
            Self(unsafe { _mm256_subs_epi16(self.0, other.0) })
        }

        #[inline(always)]
        fn positive(self) -> Self {
            // SAFETY: AVX2, as above.
            Self(unsafe { _mm256_max_epi16(self.0, _mm256_setzero_si256()) })
        }

        #[inline(always)]
        fn looked_up(self, by: &Even) -> Self {
            // SAFETY: AVX2, as above; the table has four times sixteen places.
            Self(unsafe {
                let v = _mm256_abs_epi16(_mm256_max_epi16(self.0, _mm256_set1_epi16(-i16::MAX)));
                // What saturates is the last place, and its parts are all 0.
                let v = _mm256_min_epi16(v, _mm256_set1_epi16(i16::MAX >> by.shift));
                let v = _mm256_sll_epi16(v, _mm_cvtsi32_si128(by.shift.into()));
                let v = _mm256_mulhrs_epi16(v, _mm256_set1_epi16(by.factor));
                let v = _mm256_adds_epi16(v, v);
                // The place and the next one are the two bytes of a number. One more than the last is
                // the first again.
                let place = _mm256_srli_epi16::<{ Even::PLACE }>(v);
                let place = _mm256_or_si256(place, _mm256_slli_epi16::<8>(place));
                let place = _mm256_add_epi16(place, _mm256_set1_epi16(0x100));
                let at = |i: usize| {
                    let table = _mm_loadu_si128(by.at.as_ptr().add(16 * i).cast());
                    _mm256_broadcastsi128_si256(table)
                };
                let [a, b, c, d] = [at(0), at(1), at(2), at(3)];
                let sixteen = _mm256_slli_epi16::<3>(place);
                let low = _mm256_blendv_epi8(
                    _mm256_shuffle_epi8(a, place),
                    _mm256_shuffle_epi8(b, place),
                    sixteen,
                );
                let high = _mm256_blendv_epi8(
                    _mm256_shuffle_epi8(c, place),
                    _mm256_shuffle_epi8(d, place),
                    sixteen,
                );
                let at = _mm256_blendv_epi8(low, high, _mm256_slli_epi16::<2>(place));
                let part = _mm256_srli_epi16::<{ Even::DROPPED }>(v);
                let part = _mm256_and_si256(part, _mm256_set1_epi16(Even::PARTS - 1));
                let rest = _mm256_sub_epi16(_mm256_set1_epi16(Even::PARTS), part);
                let shares = _mm256_or_si256(rest, _mm256_slli_epi16::<8>(part));
                let sum = _mm256_maddubs_epi16(at, shares);
                _mm256_mulhrs_epi16(sum, _mm256_set1_epi16(by.scale))
            })
        }

        #[inline(always)]
        fn narrow<const N: i32>(self, limits: Option<(&[i8; 16], &[i8; 16])>, out: &mut [i8; 16]) {
            // SAFETY: AVX2, as above; the arrays have a vector's bytes.
            unsafe {
                // What saturates here would saturate to the same int8.
                let v = _mm256_adds_epi16(self.0, _mm256_set1_epi16((1 << N) >> 1));
                let v = _mm256_srai_epi16::<N>(v);
                let mut q =
                    _mm_packs_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256::<1>(v));
                if let Some((low, high)) = limits {
                    q = _mm_max_epi8(q, _mm_loadu_si128(low.as_ptr().cast()));
                    q = _mm_min_epi8(q, _mm_loadu_si128(high.as_ptr().cast()));
                }
                _mm_storeu_si128(out.as_mut_ptr().cast(), q);
            }
        }
    }
}

#[cfg(target_arch = "aarch64")]
pub use neon::Pair;

#[cfg(target_arch = "aarch64")]
mod neon {
    use super::{Even, Gain, Lanes, Shift};
    use std::arch::aarch64::*;

    /// Two registers of NEON.
    #[derive(Clone, Copy)]
    pub struct Pair(int16x8_t, int16x8_t);

    // SAFETY of all below: NEON is part of every aarch64 processor that Linux runs on, and the
    // arrays have as many numbers as are loaded and stored.
    impl Lanes for Pair {
        #[inline(always)]
        fn splat(v: i16) -> Self {
            // SAFETY: as said above.
            unsafe { Self(vdupq_n_s16(v), vdupq_n_s16(v)) }
        }

        #[inline(always)]
        fn load(x: &[i16; 16]) -> Self {
            // SAFETY: as said above.
            unsafe { Self(vld1q_s16(&x[0]), vld1q_s16(&x[8])) }
        }

        #[inline(always)]
        fn store(self, out: &mut [i16; 16]) {
            // SAFETY: as said above.
            unsafe {
                vst1q_s16(&mut out[0], self.0);
                vst1q_s16(&mut out[8], self.1);
            }
        }

        #[inline(always)]
        fn raised(x: &[i8; 16]) -> Self {
            // SAFETY: as said above.
            unsafe {
                let x = vld1q_s8(x.as_ptr());
                Self(vshll_n_s8::<7>(vget_low_s8(x)), vshll_high_n_s8::<7>(x))
            }
        }

        #[inline(always)]
        fn shifted(sums: &[i32; 16], by: &Shift, at: usize) -> Self {
            debug_assert!(at + 16 <= by.by.len());
            // SAFETY: as said above; `by` has these lanes (see the trait).
            unsafe {
                let by = by.by.as_ptr().add(at);
                let part = |i: usize| vrshlq_s32(vld1q_s32(&sums[i]), vld1q_s32(by.add(i)));
                Self(
                    vqmovn_high_s32(vqmovn_s32(part(0)), part(4)),
                    vqmovn_high_s32(vqmovn_s32(part(8)), part(12)),
                )
            }
        }

        #[inline(always)]
        fn times(self, by: Self) -> Self {
            // SAFETY: as said above.
            unsafe { Self(vqrdmulhq_s16(self.0, by.0), vqrdmulhq_s16(self.1, by.1)) }
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            // SAFETY: as said above.
            unsafe { Self(vqaddq_s16(self.0, other.0), vqaddq_s16(self.1, other.1)) }
        }

        #[inline(always)]
        fn minus(self, other: Self) -> Self {
            // SAFETY: as said above.
            unsafe { Self(vsubq_s16(self.0, other.0), vsubq_s16(self.1, other.1)) }
        }

        #[inline(always)]
        fn gained(self, by: &Gain, at: usize) -> Self {
            debug_assert!(at + 16 <= by.lanes());
            // SAFETY: as said above; `by` has these lanes (see the trait).
            unsafe {
                let load = |x: &[i16], i: usize| vld1q_s16(x.as_ptr().add(at + i));
                let part =
                    |v, i| vqrdmulhq_s16(vqshlq_s16(v, load(&by.shift, i)), load(&by.factor, i));
                Self(part(self.0, 0), part(self.1, 8))
            }
        }

        #[inline(always)]
        fn less(self, other: Self) -> Self {
            // SAFETY: as said above.
            unsafe { Self(vqsubq_s16(self.0, other.0), vqsubq_s16(self.1, other.1)) }
        }

        #[inline(always)]
        fn positive(self) -> Self {
            // SAFETY: as said above.
            unsafe {
                let none = vdupq_n_s16(0);
                Self(vmaxq_s16(self.0, none), vmaxq_s16(self.1, none))
            }
        }

        #[inline(always)]
        fn looked_up(self, by: &Even) -> Self {
            // SAFETY: as said above; the table has four registers' places.
            unsafe {
                let (factor, shift) = (vdupq_n_s16(by.factor), vdupq_n_s16(by.shift));
                let place = |v| {
                    let v = vqrdmulhq_s16(vqshlq_s16(vqabsq_s16(v), shift), factor);
                    vreinterpretq_u16_s16(vqaddq_s16(v, v))
                };
                let (a, b) = (place(self.0), place(self.1));
                let table = vld1q_u8_x4(by.at.as_ptr());
                // Their upper bytes: 2^8 parts of a place more.
                let upper = vuzp2q_u8(vreinterpretq_u8_u16(a), vreinterpretq_u8_u16(b));
                let place = vshrq_n_u8::<{ Even::PLACE - 8 }>(upper);
                // One more than the last is none, which reads as 0.
                let at = vqtbl4q_u8(table, place);
                let next = vqtbl4q_u8(table, vaddq_u8(place, vdupq_n_u8(1)));
                let part =
                    vshrn_high_n_u16::<{ Even::DROPPED }>(vshrn_n_u16::<{ Even::DROPPED }>(a), b);
                let part = vandq_u8(part, vdupq_n_u8(Even::PARTS as u8 - 1));
                let rest = vsubq_u8(vdupq_n_u8(Even::PARTS as u8), part);
                let low = vmull_u8(vget_low_u8(at), vget_low_u8(rest));
                let low = vmlal_u8(low, vget_low_u8(next), vget_low_u8(part));
                let high = vmlal_high_u8(vmull_high_u8(at, rest), next, part);
                let scale = vdupq_n_s16(by.scale);
                Self(
                    vqrdmulhq_s16(vreinterpretq_s16_u16(low), scale),
                    vqrdmulhq_s16(vreinterpretq_s16_u16(high), scale),
                )
            }
        }

        #[inline(always)]
        fn narrow<const N: i32>(self, limits: Option<(&[i8; 16], &[i8; 16])>, out: &mut [i8; 16]) {
            // SAFETY: as said above.
            unsafe {
                let mut q = vqrshrn_high_n_s16::<N>(vqrshrn_n_s16::<N>(self.0), self.1);
                if let Some((low, high)) = limits {
                    q = vmaxq_s8(q, vld1q_s8(low.as_ptr()));
                    q = vminq_s8(q, vld1q_s8(high.as_ptr()));
                }
                vst1q_s8(out.as_mut_ptr(), q);
            }
        }
    }
}
