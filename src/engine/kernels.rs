//! The two integer kernels that take nearly all of a network's time, for every instruction set.
//!
//! In: int8 pixels, channels innermost (NHWC). Out: int32 sums. [`Matrix`] is a 1x1 convolution
//! (any convolution after im2col), [`Taps`] a depthwise one. Their sums are exact, so every
//! instruction set gives the same bits as `portable`; everything that rounds lives in [`rows`],
//! written once for all of them. Depends on nothing but std.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod portable;
pub mod real;
pub mod rows;
mod taps;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

use rows::fixed::Fixed;
use std::ops::Range;

/// Bytes after the last pixel of every int8 tensor that a kernel may read (never use), and int32
/// values after the last sum that it may overwrite.
pub const SLACK: usize = 64;

/// An instruction set that the kernels are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust: the reference.
    Portable,
    /// x86-64 with AVX2: pairs of int16 products (`vpmaddwd`).
    Avx2,
    /// x86-64 with AVX-512 VNNI: groups of four uint8 x int8 products (`vpdpbusd`).
    Avx512Vnni,
    /// ARMv8.0 (Cortex-A53, A72): `smull`/`smlal`, `sadalp`.
    Neon,
    /// ARMv8.2 with the dot product (Cortex-A76, A78AE): `sdot`.
    NeonDot,
}

impl Isa {
    /// Every instruction set that this processor runs, the fastest last.
    pub fn available() -> Vec<Self> {
        #[cfg_attr(
            not(any(target_arch = "x86_64", target_arch = "aarch64")),
            expect(unused_mut)
        )]
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Self::Avx2);
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vnni")
                {
                    all.push(Self::Avx512Vnni);
                }
            }
        }
        #[cfg(target_arch = "aarch64")]
        {
            all.push(Self::Neon);
            if std::arch::is_aarch64_feature_detected!("dotprod") {
                all.push(Self::NeonDot);
            }
        }
        all
    }

    /// The fastest of this processor's.
    pub fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// The one of this processor's that is called so: portable, avx2, avx512vnni, neon, neondot.
    pub fn named(name: &str) -> Option<Self> {
        let wanted = name.to_lowercase();
        let mut all = Self::available().into_iter();
        all.find(|isa| format!("{isa:?}").to_lowercase() == wanted)
    }
}

/// The weights of a matrix product, packed for one instruction set.
///
/// `sum[p][j] = init[j] + Σ_k x[p][k] · w[j][k]` over pixels p, outputs j < n and inputs k < `k`.
#[derive(Debug, Clone)]
pub struct Matrix {
    pub isa: Isa,
    /// Outputs, in channels.
    pub n: usize,
    /// Inputs, in channels.
    pub k: usize,
    packed: Packed,
    /// One a packed output column (n, rounded up as the packing needs).
    init: Vec<i32>,
}

/// Bytes on a cache line, as the vector kernels load them.
#[derive(Debug, Clone)]
pub(in crate::engine) enum Packed {
    I8(Vec<i8>),
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "only AVX2 packs so")
    )]
    I16(Vec<i16>),
}

impl Matrix {
    /// Packs `w` (n rows of k weights, row-major) and `init` (n).
    pub fn pack(isa: Isa, w: &[i8], n: usize, k: usize, init: &[i32]) -> Self {
        assert_eq!((w.len(), init.len()), (n * k, n));
        let (packed, init) = match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::avx2::pack_matrix(w, n, k, init),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => x86::vnni::pack_matrix(w, n, k, init),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => aarch64::neon::pack_matrix(w, n, k, init),
            #[cfg(target_arch = "aarch64")]
            Isa::NeonDot => aarch64::dot::pack_matrix(w, n, k, init),
            _ => (Packed::I8(w.to_vec()), init.to_vec()),
        };
        Self {
            isa,
            n,
            k,
            packed,
            init,
        }
    }

    /// Multiplies `pixels` pixels whose channels start every `stride` bytes of `x`; `sums` gets
    /// pixels x n, without gaps.
    ///
    /// `x` must go on for [`SLACK`] bytes after the first byte of the last pixel's last channel,
    /// `sums` for [`SLACK`] values after the last: what lies there is read but not used, or is
    /// overwritten.
    pub fn multiply(&self, x: &[i8], stride: usize, pixels: usize, sums: &mut [i32]) {
        if pixels == 0 {
            return;
        }
        assert!(
            x.len() >= (pixels - 1) * stride + self.k + SLACK,
            "int8 tensor without slack"
        );
        assert!(sums.len() >= pixels * self.n + SLACK, "sums without slack");
        match (self.isa, &self.packed) {
            // SAFETY: `pack` was called with an instruction set of `Isa::available`; the lengths
            // are checked above.
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx2, Packed::I16(w)) => unsafe {
                x86::avx2::multiply(w, &self.init, self.n, self.k, x, stride, pixels, sums)
            },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx512Vnni, Packed::I8(w)) => unsafe {
                x86::vnni::multiply(w, &self.init, self.n, self.k, x, stride, pixels, sums)
            },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            (Isa::Neon, Packed::I8(w)) => unsafe {
                aarch64::neon::multiply(w, &self.init, self.n, self.k, x, stride, pixels, sums)
            },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            (Isa::NeonDot, Packed::I8(w)) => unsafe {
                aarch64::dot::multiply(w, &self.init, self.n, self.k, x, stride, pixels, sums)
            },
            (_, Packed::I8(w)) => {
                portable::multiply(w, &self.init, self.n, self.k, x, stride, pixels, sums)
            }
            (_, Packed::I16(_)) => unreachable!("packed for another instruction set"),
        }
    }

    /// [`Matrix::multiply`], then [`rows::fixed::round_sums`]; in one pass where there is a kernel
    /// for it. `sums` is room for the sums.
    pub fn multiply_rounded(
        &self,
        x: &[i8],
        stride: usize,
        pixels: usize,
        fixed: &Fixed,
        sums: &mut [i32],
        out: &mut [i8],
    ) {
        assert!(out.len() >= pixels * self.n, "no room for the output");
        #[cfg(target_arch = "aarch64")]
        if let Some(task) = self.task(x, stride, pixels)
            && let Some(numbers) = fixed.numbers(self.n)
            && fixed.limits.is_none()
        {
            // SAFETY: as in `multiply`; the output's length is checked above.
            return unsafe {
                match self.isa {
                    Isa::NeonDot => aarch64::dot::multiply_rounded(task, numbers, out),
                    _ => aarch64::neon::multiply_rounded(task, numbers, out),
                }
            };
        }
        self.multiply(x, stride, pixels, sums);
        rows::fixed::round_sums(self.isa, sums, fixed, &mut out[..pixels * self.n]);
    }

    /// [`Matrix::multiply`], then [`rows::fixed::set_sums`] or, to ADD, [`rows::fixed::add_sums`], in
    /// the same way.
    pub fn multiply_shares<const ADD: bool>(
        &self,
        x: &[i8],
        stride: usize,
        pixels: usize,
        fixed: &Fixed,
        sums: &mut [i32],
        out: &mut [i16],
    ) {
        assert!(out.len() >= pixels * self.n, "no room for the output");
        #[cfg(target_arch = "aarch64")]
        if let Some(task) = self.task(x, stride, pixels)
            && let Some(numbers) = fixed.numbers(self.n)
        {
            // SAFETY: as in `multiply`; the output's length is checked above.
            return unsafe {
                match self.isa {
                    Isa::NeonDot => aarch64::dot::multiply_shares::<ADD>(task, numbers, out),
                    _ => aarch64::neon::multiply_shares::<ADD>(task, numbers, out),
                }
            };
        }
        self.multiply(x, stride, pixels, sums);
        let out = &mut out[..pixels * self.n];
        match ADD {
            true => rows::fixed::add_sums(self.isa, sums, fixed, out),
            false => rows::fixed::set_sums(self.isa, sums, fixed, out),
        }
    }

    /// [`Matrix::multiply`], then [`rows::to_real`] or, to ADD, [`rows::add_sums`].
    #[allow(clippy::too_many_arguments)] // a product, and what is done with it
    pub fn multiply_real<const ADD: bool>(
        &self,
        x: &[i8],
        stride: usize,
        pixels: usize,
        (scale, bias): (&[f32], &[f32]),
        sums: &mut [i32],
        out: &mut [f32],
    ) {
        assert!(out.len() >= pixels * self.n, "no room for the output");
        #[cfg(target_arch = "aarch64")]
        if self.isa == Isa::Neon
            && let Some(task) = self.task(x, stride, pixels)
        {
            // SAFETY: as in `multiply`; the output's length is checked above.
            return unsafe {
                aarch64::neon::multiply_real::<ADD>(task, &scale[..self.n], &bias[..self.n], out)
            };
        }
        self.multiply(x, stride, pixels, sums);
        let sums = &sums[..pixels * self.n];
        let out = &mut out[..pixels * self.n];
        if ADD {
            rows::add_sums(self.isa, sums, scale, bias, out)
        } else {
            rows::to_real(self.isa, sums, scale, bias, out)
        }
    }

    /// What NEON's one-pass kernels take, if this product is one for them.
    #[cfg(target_arch = "aarch64")]
    fn task<'a>(&'a self, x: &'a [i8], stride: usize, pixels: usize) -> Option<aarch64::Task<'a>> {
        match &self.packed {
            Packed::I8(w)
                if self.isa != Isa::Portable && self.n.is_multiple_of(4) && pixels > 0 =>
            {
                assert!(
                    x.len() >= (pixels - 1) * stride + self.k + SLACK,
                    "int8 tensor without slack"
                );
                Some(((w, &self.init), [self.n, self.k], (x, stride, pixels)))
            }
            _ => None,
        }
    }
}

/// A depthwise convolution's weights, packed for one instruction set.
#[derive(Debug, Clone)]
pub struct Taps {
    pub isa: Isa,
    pub shape: TapShape,
    /// Whether it goes by the kernels for any shape.
    any: bool,
    packed: Packed,
    init: Vec<i32>,
    pad: Vec<i8>,
}

/// Geometry of a depthwise convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TapShape {
    pub channels: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    pub stride: usize,
    /// Rows above and columns left of the picture that are read as padding.
    pub pad: [usize; 2],
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
}

impl TapShape {
    /// Whether the fast kernels know it: 3x3, stride 1 or 2, one pixel of padding.
    pub fn is_common(&self) -> bool {
        let [h, w] = self.input.map(|n| n.div_ceil(self.stride));
        self.kernel == [3, 3]
            && self.pad == [1, 1]
            && matches!(self.stride, 1 | 2)
            && self.output == [h, w]
    }

    /// Whether ARM's kernel for 5x5 knows it: stride 1, two pixels of padding.
    #[cfg(target_arch = "aarch64")]
    fn is_wide(&self) -> bool {
        self.kernel == [5, 5] && self.pad == [2, 2] && self.stride == 1 && self.output == self.input
    }
}

/// Room that [`Taps::run`] works in; grows once and is then reused.
#[derive(Debug, Default, Clone)]
pub struct TapScratch {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    pub(in crate::engine) words: Vec<u32>,
    pub(in crate::engine) sums: Vec<i32>,
    #[cfg(target_arch = "aarch64")]
    pub(in crate::engine) rounded: Vec<i8>,
}

/// A row as [`Taps::run`] gives it.
#[derive(Debug, Clone, Copy)]
pub enum Row<'a> {
    Sums(&'a [i32]),
    /// Rounded in the kernel, as it was asked for.
    #[allow(dead_code)] // only NEON rounds in its kernel
    Rounded(&'a [i8]),
}

impl Taps {
    /// Packs `w` (channels x kernel height x kernel width), `init` and `pad` (one a channel; `pad`
    /// is what lies outside the picture).
    pub fn pack(isa: Isa, shape: TapShape, w: &[i8], init: &[i32], pad: &[i8]) -> Self {
        let c = shape.channels;
        assert_eq!(
            (w.len(), init.len(), pad.len()),
            (c * shape.kernel[0] * shape.kernel[1], c, c)
        );
        let any = !shape.is_common() && isa != Isa::Portable && c >= taps::LANES;
        let isa = if shape.is_common() || any {
            isa
        } else {
            Isa::Portable
        };
        let (packed, init) = match isa {
            #[cfg(target_arch = "aarch64")]
            _ if any && shape.is_wide() => aarch64::neon::pack_wide_taps(w, c, init),
            _ if any => (Packed::I8(taps::pack(w, c)), init.to_vec()),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::avx2::pack_taps(w, c, init),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => x86::vnni::pack_taps(w, c, init),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => aarch64::neon::pack_taps(w, c, init),
            #[cfg(target_arch = "aarch64")]
            Isa::NeonDot => aarch64::dot::pack_taps(w, c, init),
            _ => (Packed::I8(w.to_vec()), init.to_vec()),
        };
        Self {
            isa,
            shape,
            any,
            packed,
            init,
            pad: pad.to_vec(),
        }
    }

    /// Output rows `rows` of `x` (height x width x channels, without gaps, [`SLACK`] bytes behind
    /// it): `emit(y, sums)` gets each row's width x channels sums in turn, `sums[x * channels + c]
    /// = init[c] + Σ w[c][i][j] · input[y·stride + i − 1][x·stride + j − 1][c]`; or, where there is
    /// a kernel for it, what [`rows::fixed::round_sums`] would make of them with `rounding`.
    pub fn run(
        &self,
        x: &[i8],
        rows: Range<usize>,
        scratch: &mut TapScratch,
        rounding: Option<&Fixed>,
        emit: &mut dyn FnMut(usize, Row),
    ) {
        let s = &self.shape;
        assert!(
            x.len() >= s.input[0] * s.input[1] * s.channels + SLACK,
            "int8 tensor without slack"
        );
        assert!(rows.end <= s.output[0]);
        let period = period(s.channels);
        assert!(
            rounding.is_none_or(|r| r.is_whole() && r.factor.len() == period),
            "another number of channels"
        );
        #[cfg(target_arch = "aarch64")]
        let rounding = rounding.filter(|r| r.limits.is_none());
        let mut sums = |y: usize, sums: &[i32]| emit(y, Row::Sums(sums));
        match (self.isa, &self.packed) {
            // SAFETY: every such processor has NEON; the lengths are checked above.
            #[cfg(target_arch = "aarch64")]
            (_, Packed::I8(w)) if self.any && s.is_wide() => unsafe {
                aarch64::neon::depthwise_wide(
                    w, &self.init, &self.pad, s, x, rows, scratch, rounding, emit,
                )
            },
            (isa, Packed::I8(w)) if self.any => taps::depthwise(
                isa, w, &self.init, &self.pad, s, x, rows, scratch, &mut sums,
            ),
            // SAFETY: `pack` was called with an instruction set of `Isa::available`; the lengths
            // are checked above.
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx2, Packed::I16(w)) => unsafe {
                x86::avx2::depthwise(w, &self.init, &self.pad, s, x, rows, scratch, &mut sums)
            },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx512Vnni, Packed::I8(w)) => unsafe {
                x86::vnni::depthwise(w, &self.init, &self.pad, s, x, rows, scratch, &mut sums)
            },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            (Isa::Neon, Packed::I8(w)) => unsafe {
                aarch64::neon::depthwise(
                    w, &self.init, &self.pad, s, x, rows, scratch, rounding, emit,
                )
            },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            (Isa::NeonDot, Packed::I8(w)) => unsafe {
                aarch64::dot::depthwise(
                    w, &self.init, &self.pad, s, x, rows, scratch, rounding, emit,
                )
            },
            (_, Packed::I8(w)) => {
                portable::depthwise(w, &self.init, &self.pad, s, x, rows, scratch, &mut sums)
            }
            (_, Packed::I16(_)) => unreachable!("packed for another instruction set"),
        }
    }
}

/// The smallest multiple of `channels` that is a multiple of 64: per-channel numbers repeated so
/// often are walked in whole vectors (four of AVX-512 at a time), without regard to where one pixel
/// ends.
pub fn period(channels: usize) -> usize {
    let mut n = channels;
    while !n.is_multiple_of(64) {
        n += channels;
    }
    n
}

/// `values` (one a channel) repeated to [`period`].
pub fn periodic<T: Copy>(values: &[T]) -> Vec<T> {
    values.repeat(period(values.len()) / values.len().max(1))
}
