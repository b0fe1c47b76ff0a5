//! The same two kernels for float networks, with fused multiply-adds where the processor has them,
//! so that a float network's last bits differ between machines.
//!
//! Written once over a `Vector` of f32 and compiled for each instruction set.

mod vector;

use super::{Isa, SLACK};
use vector::Vector;

/// Weights of a float matrix product, packed for one instruction set.
#[derive(Debug, Clone)]
pub struct RealMatrix {
    isa: Isa,
    pub n: usize,
    pub k: usize,
    /// Blocks of up to three vectors of outputs, each [k][outputs], the last filled up with zeros.
    packed: Vec<f32>,
    bias: Vec<f32>,
}

/// Vectors of outputs that are summed together.
const NV: usize = 3;

fn lanes(isa: Isa) -> usize {
    match isa {
        Isa::Portable | Isa::Neon | Isa::NeonDot => 4,
        Isa::Avx2 => 8,
        Isa::Avx512Vnni => 16,
    }
}

/// Calls `$body::<V>(args)` for the vectors of `$isa`, compiled with its features.
macro_rules! for_vectors_of {
    ($isa:expr, $body:ident($($a:ident: $t:ty),*)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($a: $t),*) { $body::<std::arch::x86_64::__m256>($($a),*) }
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($a: $t),*) { $body::<std::arch::x86_64::__m512>($($a),*) }
            match $isa {
                // SAFETY: an `Isa` is one of `Isa::available`.
                Isa::Avx2 => unsafe { avx2($($a),*) },
                // SAFETY: as above.
                Isa::Avx512Vnni => unsafe { avx512($($a),*) },
                _ => $body::<[f32; 4]>($($a),*),
            }
        }
        #[cfg(target_arch = "aarch64")]
        match $isa {
            Isa::Portable => $body::<[f32; 4]>($($a),*),
            _ => $body::<std::arch::aarch64::float32x4_t>($($a),*),
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let _ = $isa;
            $body::<[f32; 4]>($($a),*);
        }
    }};
}

impl RealMatrix {
    /// Packs `w` (n rows of k weights) and `bias` (n).
    pub fn pack(isa: Isa, w: &[f32], n: usize, k: usize, bias: &[f32]) -> Self {
        assert_eq!((w.len(), bias.len()), (n * k, n));
        let lanes = lanes(isa);
        let mut packed = Vec::new();
        for (first, vectors) in blocks(n, lanes) {
            let width = vectors * lanes;
            let start = packed.len();
            packed.resize(start + k * width, 0.0);
            for j in first..n.min(first + width) {
                for i in 0..k {
                    packed[start + i * width + j - first] = w[j * k + i];
                }
            }
        }
        let mut padded = bias.to_vec();
        padded.resize(n.next_multiple_of(lanes), 0.0);
        Self {
            isa,
            n,
            k,
            packed,
            bias: padded,
        }
    }

    /// `out[p][j] = bias[j] + Σ_k x[p][k] · w[j][k]`; pixels `stride` numbers apart, `out` without
    /// gaps and with [`SLACK`] numbers more, which may be overwritten.
    pub fn multiply(&self, x: &[f32], stride: usize, pixels: usize, out: &mut [f32]) {
        if pixels == 0 {
            return;
        }
        assert!(x.len() >= (pixels - 1) * stride + self.k && out.len() >= pixels * self.n + SLACK);
        let m = self;
        for_vectors_of!(self.isa, product(m: &RealMatrix, x: &[f32], stride: usize, pixels: usize, out: &mut [f32]));
    }
}

/// The blocks of n outputs: (first output, vectors).
fn blocks(n: usize, lanes: usize) -> impl DoubleEndedIterator<Item = (usize, usize)> {
    (0..n.div_ceil(NV * lanes))
        .map(move |b| (b * NV * lanes, NV.min((n - b * NV * lanes).div_ceil(lanes))))
}

#[inline(always)]
fn product<V: Vector>(m: &RealMatrix, x: &[f32], stride: usize, pixels: usize, out: &mut [f32]) {
    // The last block first: what it writes beyond a pixel's last output is overwritten by the first
    // block of the next.
    for (first, vectors) in blocks(m.n, V::LANES).rev() {
        let w = &m.packed[first * m.k..][..m.k * vectors * V::LANES];
        match vectors {
            1 => columns::<V, 1>(m, w, first, x, stride, pixels, out),
            2 => columns::<V, 2>(m, w, first, x, stride, pixels, out),
            _ => columns::<V, NV>(m, w, first, x, stride, pixels, out),
        }
    }
}

#[inline(always)]
fn columns<V: Vector, const N: usize>(
    m: &RealMatrix,
    w: &[f32],
    first: usize,
    x: &[f32],
    stride: usize,
    pixels: usize,
    out: &mut [f32],
) {
    let mut p = 0;
    // As many sums as fit the registers: 32 of AVX-512 and NEON, 16 of AVX2.
    if V::REGISTERS == 32 {
        while p + 8 <= pixels {
            tile::<V, N, 8>(m, w, first, x, stride, p, out);
            p += 8;
        }
    }
    while p + 4 <= pixels {
        tile::<V, N, 4>(m, w, first, x, stride, p, out);
        p += 4;
    }
    while p < pixels {
        tile::<V, N, 1>(m, w, first, x, stride, p, out);
        p += 1;
    }
}

#[inline(always)]
fn tile<V: Vector, const N: usize, const M: usize>(
    m: &RealMatrix,
    w: &[f32],
    first: usize,
    x: &[f32],
    stride: usize,
    p: usize,
    out: &mut [f32],
) {
    let mut sums = [[V::zero(); N]; M];
    for j in 0..N {
        let bias = V::load(&m.bias[first + j * V::LANES..]);
        for sums in &mut sums {
            sums[j] = bias;
        }
    }
    let mut rows: [&[f32]; M] = [&[]; M];
    for (i, row) in rows.iter_mut().enumerate() {
        *row = &x[(p + i) * stride..][..m.k];
    }
    for (k, w) in w.chunks_exact(N * V::LANES).enumerate() {
        let mut weights = [V::zero(); N];
        for (j, weights) in weights.iter_mut().enumerate() {
            *weights = V::load(&w[j * V::LANES..]);
        }
        for i in 0..M {
            let a = V::splat(rows[i][k]);
            for j in 0..N {
                sums[i][j] = sums[i][j].madd(a, weights[j]);
            }
        }
    }
    for (i, sums) in sums.iter().enumerate() {
        let out = &mut out[(p + i) * m.n + first..];
        for (j, sum) in sums.iter().enumerate() {
            sum.store(&mut out[j * V::LANES..]);
        }
    }
}

/// A row's worth of a depthwise convolution.
pub struct RealTaps<'a> {
    /// Kernel height x kernel width periods, each repeated to [`super::period`].
    pub weights: &'a [f32],
    /// One period.
    pub bias: &'a [f32],
    pub channels: usize,
    /// Kernel width.
    pub width: usize,
    pub stride: usize,
}

impl RealTaps<'_> {
    /// One output row: `out[x][c] = bias[c] + Σ w[i][c] · rows[i / width][x · stride + i %
    /// width][c]`, from padded input rows that have [`SLACK`] numbers more, as `out` has.
    pub fn row(&self, isa: Isa, rows: &[&[f32]], outputs: usize, out: &mut [f32]) {
        assert!(
            self.bias.len().is_multiple_of(64)
                && self.weights.len() >= rows.len() * self.width * self.bias.len()
        );
        assert!(outputs > 0 && self.stride > 0 && out.len() >= outputs * self.channels + SLACK);
        assert!(
            rows.iter()
                .all(|r| r.len()
                    >= ((outputs - 1) * self.stride + self.width) * self.channels + SLACK)
        );
        let t = self;
        for_vectors_of!(isa, taps(t: &RealTaps, rows: &[&[f32]], outputs: usize, out: &mut [f32]));
    }
}

#[inline(always)]
fn taps<V: Vector>(t: &RealTaps, rows: &[&[f32]], outputs: usize, out: &mut [f32]) {
    // The common window is unrolled.
    if rows.len() == 3 && t.width == 3 {
        walk::<V, 3>(t, rows, outputs, out)
    } else {
        walk::<V, 0>(t, rows, outputs, out)
    }
}

/// `K` is the window's height and width, or 0 for any other.
#[inline(always)]
fn walk<V: Vector, const K: usize>(t: &RealTaps, rows: &[&[f32]], outputs: usize, out: &mut [f32]) {
    let c = t.channels;
    let p = t.bias.len();
    let n = outputs * t.channels;
    let (kh, kw) = if K == 0 {
        (rows.len(), t.width)
    } else {
        (K, K)
    };
    // With stride 1 a row is walked flat; else pixel by pixel, each overrun overwritten by the
    // next.
    let span = if t.stride == 1 { p } else { c };
    let vector = |x: &[f32], at: usize| {
        debug_assert!(at + V::LANES <= x.len());
        // SAFETY: `at` is less than the numbers that `RealTaps::row` asserts, without their slack,
        // which is more than a vector; a period is whole vectors.
        V::load(unsafe { x.get_unchecked(at..at + V::LANES) })
    };
    for start in (0..n).step_by(span) {
        let at = start * t.stride;
        let end = span.min(n - start);
        for i in (0..end).step_by(V::LANES) {
            // A period is whole vectors; a pixel may not be, and then its last vector begins
            // earlier.
            let i = if t.stride == 1 || c < V::LANES {
                i
            } else {
                i.min(c - V::LANES)
            };
            let mut sum = vector(t.bias, i);
            for (r, row) in rows.iter().enumerate().take(kh) {
                for x in 0..kw {
                    sum = sum.madd(
                        vector(row, at + x * c + i),
                        vector(t.weights, (r * kw + x) * p + i),
                    );
                }
            }
            sum.store(&mut out[start + i..]);
        }
    }
}
