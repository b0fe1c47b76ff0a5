//! A vector of f32, for every instruction set.

/// `LANES` numbers in one register.
///
/// The methods of a processor's vector may only be called where its features are enabled;
/// `for_vectors_of` sees to that.
pub trait Vector: Copy {
    const LANES: usize;
    /// Registers that the processor has of it.
    const REGISTERS: usize;
    fn zero() -> Self;
    fn splat(v: f32) -> Self;
    /// From the first `LANES` of `x`, which must have them.
    fn load(x: &[f32]) -> Self;
    fn store(self, out: &mut [f32]);
    /// `self + a · b`.
    fn madd(self, a: Self, b: Self) -> Self;
}

impl Vector for [f32; 4] {
    const LANES: usize = 4;
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn zero() -> Self {
        [0.0; 4]
    }

    #[inline(always)]
    fn splat(v: f32) -> Self {
        [v; 4]
    }

    #[inline(always)]
    fn load(x: &[f32]) -> Self {
        [x[0], x[1], x[2], x[3]]
    }

    #[inline(always)]
    fn store(self, out: &mut [f32]) {
        out[..4].copy_from_slice(&self);
    }

    #[inline(always)]
    fn madd(self, a: Self, b: Self) -> Self {
        [
            self[0] + a[0] * b[0],
            self[1] + a[1] * b[1],
            self[2] + a[2] * b[2],
            self[3] + a[3] * b[3],
        ]
    }
}

/// A processor's vector by its intrinsics.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! vector {
    ($arch:ident, $v:ident, $lanes:expr, $registers:expr, $splat:ident, $load:ident, $store:ident, |$s:ident, $a:ident, $b:ident| $madd:expr) => {
        impl Vector for std::arch::$arch::$v {
            const LANES: usize = $lanes;
            const REGISTERS: usize = $registers;

            #[inline(always)]
            fn zero() -> Self {
                Self::splat(0.0)
            }

            #[inline(always)]
            fn splat(v: f32) -> Self {
                // SAFETY: called where the features are enabled (see the trait).
                unsafe { std::arch::$arch::$splat(v) }
            }

            #[inline(always)]
            fn load(x: &[f32]) -> Self {
                let x = &x[..$lanes];
                // SAFETY: the features as above; the slice has a vector's numbers.
                unsafe { std::arch::$arch::$load(x.as_ptr()) }
            }

            #[inline(always)]
            fn store(self, out: &mut [f32]) {
                let out = &mut out[..$lanes];
                // SAFETY: as for `load`.
                unsafe { std::arch::$arch::$store(out.as_mut_ptr(), self) }
            }

            #[inline(always)]
            fn madd(self, $a: Self, $b: Self) -> Self {
                let $s = self;
                // SAFETY: the features as above.
                unsafe { $madd }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
vector!(
    x86_64,
    __m256,
    8,
    16,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    |s, a, b| std::arch::x86_64::_mm256_fmadd_ps(a, b, s)
);
#[cfg(target_arch = "x86_64")]
vector!(
    x86_64,
    __m512,
    16,
    32,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    |s, a, b| std::arch::x86_64::_mm512_fmadd_ps(a, b, s)
);
#[cfg(target_arch = "aarch64")]
vector!(
    aarch64,
    float32x4_t,
    4,
    32,
    vdupq_n_f32,
    vld1q_f32,
    vst1q_f32,
    |s, a, b| std::arch::aarch64::vfmaq_f32(s, a, b)
);
