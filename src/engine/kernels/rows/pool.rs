//! Sums over windows and rows.

use super::Isa;

for_every_isa! {
    /// Sums over windows of `kernel` rows and columns: `out[x][c] = init[c] + Σ x`, `stride`
    /// numbers from pixel to pixel, `row` from row to row.
    pub fn pool_windows(x: &[i8], stride: usize, row: usize, kernel: [usize; 2], init: &[i32], out: &mut [i32]) {
        let (c, [kh, kw]) = (init.len(), kernel);
        for (i, out) in out.chunks_exact_mut(c).enumerate() {
            let x = &x[i * kw * stride..];
            // A window's sums of 16 channels stay in registers; the last piece of a pixel overlaps
            // the one before it.
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
