//! The same two kernels for float networks: plain Rust that the compiler turns into fused multiply-adds where the processor has them, so
//! that a float network's last bits differ between machines.

use super::Isa;

/// Outputs that are summed together: two vectors of 16.
const NR: usize = 32;
/// Pixels that are summed together.
const MR: usize = 6;

/// Weights of a float matrix product.
#[derive(Debug, Clone)]
pub struct RealMatrix {
    pub n: usize,
    pub k: usize,
    /// [n / NR][k][NR], the last block filled up with zeros.
    packed: Vec<f32>,
    bias: Vec<f32>,
}

#[inline(always)]
fn madd<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Compiles a body for every instruction set, told whether multiply-adds are fused there.
macro_rules! for_every_isa {
    ($isa:expr, $body:ident, $($a:expr => $t:ty),*) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments, non_snake_case)]
            fn avx2(a: ($($t,)*)) { $body::<true>(a) }
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx512(a: ($($t,)*)) { $body::<true>(a) }
            match $isa {
                // SAFETY: an `Isa` is one of `Isa::available`.
                Isa::Avx2 => unsafe { avx2(($($a,)*)) },
                // SAFETY: as above.
                Isa::Avx512Vnni => unsafe { avx512(($($a,)*)) },
                _ => $body::<false>(($($a,)*)),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            match $isa {
                Isa::Portable => $body::<false>(($($a,)*)),
                _ => $body::<{ cfg!(target_arch = "aarch64") }>(($($a,)*)),
            }
        }
    }};
}

impl RealMatrix {
    /// Packs `w` (n rows of k weights) and `bias` (n).
    pub fn pack(w: &[f32], n: usize, k: usize, bias: &[f32]) -> Self {
        let blocks = n.div_ceil(NR);
        let mut packed = vec![0.0; blocks * k * NR];
        for (j, row) in w.chunks_exact(k).enumerate() {
            for (i, &w) in row.iter().enumerate() {
                packed[(j / NR * k + i) * NR + j % NR] = w;
            }
        }
        let mut padded = bias.to_vec();
        padded.resize(blocks * NR, 0.0);
        Self { n, k, packed, bias: padded }
    }

    /// `out[p][j] = bias[j] + Σ_k x[p][k] · w[j][k]`; pixels `stride` numbers apart, `out` without gaps.
    pub fn multiply(&self, isa: Isa, x: &[f32], stride: usize, pixels: usize, out: &mut [f32]) {
        if pixels == 0 {
            return;
        }
        assert!(x.len() >= (pixels - 1) * stride + self.k && out.len() >= pixels * self.n);
        for_every_isa!(isa, product, self => &RealMatrix, x => &[f32], stride => usize, pixels => usize, out => &mut [f32]);
    }
}

#[inline(always)]
fn product<const FUSED: bool>((m, x, stride, pixels, out): (&RealMatrix, &[f32], usize, usize, &mut [f32])) {
    for block in 0..m.n.div_ceil(NR) {
        let w = &m.packed[block * m.k * NR..][..m.k * NR];
        let bias: &[f32; NR] = m.bias[block * NR..][..NR].try_into().unwrap();
        let columns = NR.min(m.n - block * NR);
        let mut p = 0;
        while p + MR <= pixels {
            tile::<FUSED, MR>(w, bias, x, stride, p, m, block, columns, out);
            p += MR;
        }
        while p < pixels {
            tile::<FUSED, 1>(w, bias, x, stride, p, m, block, columns, out);
            p += 1;
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)] // one tile of a product
fn tile<const FUSED: bool, const M: usize>(
    w: &[f32],
    bias: &[f32; NR],
    x: &[f32],
    stride: usize,
    p: usize,
    m: &RealMatrix,
    block: usize,
    columns: usize,
    out: &mut [f32],
) {
    let rows: [&[f32]; M] = std::array::from_fn(|i| &x[(p + i) * stride..][..m.k]);
    let mut sums = [*bias; M];
    for (k, w) in w.chunks_exact(NR).enumerate() {
        let w: &[f32; NR] = w.try_into().unwrap();
        for i in 0..M {
            let a = rows[i][k];
            for j in 0..NR {
                sums[i][j] = madd::<FUSED>(a, w[j], sums[i][j]);
            }
        }
    }
    for (i, sums) in sums.iter().enumerate() {
        let out = &mut out[(p + i) * m.n + block * NR..][..columns];
        if columns == NR { out.copy_from_slice(sums) } else { out.copy_from_slice(&sums[..columns]) }
    }
}

/// One output row of a depthwise convolution: `out[x][c] = bias[c] + Σ w[i][c] · rows[i / kw][x · stride + i % kw][c]`.
///
/// `rows` are padded input rows; `w` is [kernel h x kernel w][period], `bias` [period], both repeated to [`super::period`].
#[allow(clippy::too_many_arguments)] // one row of a convolution
pub fn depthwise_row(isa: Isa, rows: &[&[f32]], w: &[f32], bias: &[f32], c: usize, kw: usize, stride: usize, out: &mut [f32]) {
    for_every_isa!(isa, taps, rows => &[&[f32]], w => &[f32], bias => &[f32], c => usize, kw => usize, stride => usize, out => &mut [f32]);
}

#[inline(always)]
#[allow(clippy::type_complexity)] // the arguments of `depthwise_row`
fn taps<const FUSED: bool>((rows, w, bias, c, kw, stride, out): (&[&[f32]], &[f32], &[f32], usize, usize, usize, &mut [f32])) {
    let p = bias.len();
    // With stride 1 a row is walked flat; else pixel by pixel.
    let span = if stride == 1 { p } else { c };
    let mut start = 0;
    while start < out.len() {
        let end = out.len().min(start + span);
        let at = start / c * stride * c;
        let mut i = 0;
        while i + 16 <= end - start {
            let mut sum: [f32; 16] = bias[i..i + 16].try_into().unwrap();
            for (r, row) in rows.iter().enumerate() {
                for t in 0..kw {
                    let x: &[f32; 16] = row[at + t * c + i..][..16].try_into().unwrap();
                    let w: &[f32; 16] = w[(r * kw + t) * p + i..][..16].try_into().unwrap();
                    for l in 0..16 {
                        sum[l] = madd::<FUSED>(x[l], w[l], sum[l]);
                    }
                }
            }
            out[start + i..start + i + 16].copy_from_slice(&sum);
            i += 16;
        }
        while i < end - start {
            let mut sum = bias[i];
            for (r, row) in rows.iter().enumerate() {
                for t in 0..kw {
                    sum = madd::<FUSED>(row[at + t * c + i], w[(r * kw + t) * p + i], sum);
                }
            }
            out[start + i] = sum;
            i += 1;
        }
        start = end;
    }
}
