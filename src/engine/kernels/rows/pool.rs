//! Sums over windows and rows.

use super::Isa;

/// Numbers of int8 that int16 can sum.
const FIT: usize = 256;

/// Sums over windows of `kernel` rows and columns: `out[x][c] = init[c] + Σ x`, `stride` numbers
/// from pixel to pixel, `row` from row to row.
pub fn pool_windows(
    isa: Isa,
    x: &[i8],
    stride: usize,
    row: usize,
    kernel: [usize; 2],
    init: &[i32],
    out: &mut [i32],
) {
    #[cfg(target_arch = "aarch64")]
    if init.len() >= 16 && (1..=FIT).contains(&(kernel[0] * kernel[1])) && isa != Isa::Portable {
        let (c, [kh, kw]) = (init.len(), kernel);
        for (i, out) in out.chunks_exact_mut(c).enumerate() {
            let x = &x[i * kw * stride..];
            assert!(
                x.len() >= (kh - 1) * row + (kw - 1) * stride + c,
                "a window outside"
            );
            for at in (0..c).step_by(16).map(|at| at.min(c - 16)) {
                let (init, out) = (&init[at..at + 16], &mut out[at..at + 16]);
                let (Ok(init), Ok(out)) = (init.try_into(), out.try_into()) else {
                    unreachable!("sixteen are sixteen")
                };
                // SAFETY: the window lies in `x`, as just checked.
                unsafe {
                    let x = x.as_ptr().add(at);
                    super::super::aarch64::pool::sixteen(x, (kh, row), (kw, stride), init, out);
                }
            }
        }
        return;
    }
    windows_plainly(isa, x, stride, row, kernel, init, out);
}

for_every_isa! {
    /// [`pool_windows`] in plain Rust.
    fn windows_plainly(x: &[i8], stride: usize, row: usize, kernel: [usize; 2], init: &[i32], out: &mut [i32]) {
        let (c, [kh, kw]) = (init.len(), kernel);
        for (i, out) in out.chunks_exact_mut(c).enumerate() {
            let x = &x[i * kw * stride..];
            // A window's sums of 16 channels stay in registers; the last piece of a pixel overlaps
            // the one before it.
            let mut at = 0;
            while c >= 16 && kw <= FIT && at < c {
                let from = at.min(c - 16);
                let mut sums: [i32; 16] = init[from..from + 16].try_into().unwrap();
                let rows = FIT / kw;
                for first in (0..kh).step_by(rows) {
                    let mut part = [0i16; 16];
                    for y in first..kh.min(first + rows) {
                        let line = &x[y * row + from..][..(kw - 1) * stride + 16];
                        for p in 0..kw {
                            let x: &[i8; 16] = line[p * stride..][..16].try_into().unwrap();
                            for l in 0..16 {
                                part[l] += i16::from(x[l]);
                            }
                        }
                    }
                    for l in 0..16 {
                        sums[l] += i32::from(part[l]);
                    }
                }
                out[from..from + 16].copy_from_slice(&sums);
                at += 16;
            }
            for from in if c < 16 || kw > FIT { 0..c } else { 0..0 } {
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
    /// Sums a whole picture into one period of sums; `part` is room for as many.
    pub fn pool_all(x: &[i8], part: &mut [i16], out: &mut [i32]) {
        let period = out.len();
        for x in x.chunks(FIT * period) {
            part.fill(0);
            for x in x.chunks(period) {
                let part = &mut part[..x.len()];
                each!(part, (x), |o: i16| o + i16::from(x));
            }
            each!(out, (part), |o: i32| o + i32::from(part));
        }
    }
}
