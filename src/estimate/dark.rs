//! Where in a heatmap the joint is, to a fraction of a cell.
//!
//! In: one heatmap. Out: its peak. DARK (Zhang et al., Distribution-Aware Coordinate Representation
//! for Human Pose Estimation, CVPR 2020, section 3.2): blur the heatmap with an 11x11 Gaussian,
//! take the logarithm, and make one Newton step from the highest cell of the raw heatmap. Only the
//! 5x5 cells that the step reads are blurred.

/// A heatmap's peak: cell coordinates with a fraction, and the raw maximum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    pub x: f32,
    pub y: f32,
    pub score: f32,
}

/// Half the blur's width: 11 cells in all.
const RADIUS: usize = 5;
/// The blur's standard deviation in cells: what OpenCV takes for an 11-wide kernel, 0.3·((11−1)/2 −
/// 1) + 0.8.
const SIGMA: f64 = 2.0;
/// The longest Newton step that is believed, in cells; on a flat heatmap it would leave the
/// picture.
const LONGEST_STEP: f64 = 2.0;

/// The peak of `heatmap`, `height` rows of `width` cells; a heatmap without a finite value peaks at
/// (0, 0) with score 0.
pub fn peak(heatmap: &[f32], width: usize, height: usize) -> Peak {
    let mut at = 0;
    let mut score = f32::NEG_INFINITY;
    for (i, &v) in heatmap.iter().enumerate() {
        if v > score {
            at = i;
            score = v;
        }
    }
    if !score.is_finite() {
        return Peak {
            x: 0.0,
            y: 0.0,
            score: 0.0,
        };
    }
    let x = at % width;
    let y = at / width;
    let (dx, dy) = if score > 0.0 && x > 1 && y > 1 && x + 2 < width && y + 2 < height {
        newton_step(&log_window(heatmap, width, height, x, y))
    } else {
        (0.0, 0.0)
    };
    Peak {
        x: (x as f64 + dx) as f32,
        y: (y as f64 + dy) as f32,
        score,
    }
}

/// Logarithm of the blurred heatmap on the 5x5 cells around (x, y), zero beyond the border.
fn log_window(heatmap: &[f32], width: usize, height: usize, x: usize, y: usize) -> [[f64; 5]; 5] {
    let kernel = kernel();
    let rows = RADIUS + 2;
    let mut across = [[0.0f64; 5]; 2 * (RADIUS + 2) + 1];
    for (r, row) in across.iter_mut().enumerate() {
        let Some(source) = (y + r).checked_sub(rows).filter(|&s| s < height) else {
            continue;
        };
        for (c, cell) in row.iter_mut().enumerate() {
            for (k, weight) in kernel.iter().enumerate() {
                if let Some(column) = (x + c + k).checked_sub(rows).filter(|&s| s < width) {
                    *cell += weight * f64::from(heatmap[source * width + column]);
                }
            }
        }
    }
    std::array::from_fn(|r| {
        std::array::from_fn(|c| {
            let sum: f64 = kernel
                .iter()
                .enumerate()
                .map(|(k, weight)| weight * across[r + k][c])
                .sum();
            sum.max(1e-10).ln()
        })
    })
}

fn kernel() -> [f64; 2 * RADIUS + 1] {
    let raw: [f64; 2 * RADIUS + 1] = std::array::from_fn(|i| {
        let d = i as f64 - RADIUS as f64;
        (-d * d / (2.0 * SIGMA * SIGMA)).exp()
    });
    let sum: f64 = raw.iter().sum();
    raw.map(|v| v / sum)
}

/// −H⁻¹·g at the window's centre, by central differences.
fn newton_step(n: &[[f64; 5]; 5]) -> (f64, f64) {
    let gx = (n[2][3] - n[2][1]) / 2.0;
    let gy = (n[3][2] - n[1][2]) / 2.0;
    let xx = (n[2][4] - 2.0 * n[2][2] + n[2][0]) / 4.0;
    let yy = (n[4][2] - 2.0 * n[2][2] + n[0][2]) / 4.0;
    let xy = (n[3][3] - n[1][3] - n[3][1] + n[1][1]) / 4.0;
    let det = xx * yy - xy * xy;
    if det == 0.0 {
        return (0.0, 0.0);
    }
    let dx = (xy * gy - yy * gx) / det;
    let dy = (xy * gx - xx * gy) / det;
    if dx.hypot(dy) <= LONGEST_STEP {
        (dx, dy)
    } else {
        (0.0, 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gaussian(cx: f32, cy: f32) -> Vec<f32> {
        (0..64 * 48)
            .map(|i| {
                let x = (i % 48) as f32;
                let y = (i / 48) as f32;
                (-((x - cx).powi(2) + (y - cy).powi(2)) / 8.0).exp()
            })
            .collect()
    }

    proptest! {
        #[test]
        fn a_gaussian_is_found_to_a_twentieth_of_a_cell(x in 12.0f32..36.0, y in 12.0f32..52.0) {
            let p = peak(&gaussian(x, y), 48, 64);
            prop_assert!((p.x - x).abs() < 0.05 && (p.y - y).abs() < 0.05, "{p:?}");
        }

        #[test]
        fn any_heatmap_gives_a_finite_peak(values in prop::collection::vec(prop_oneof![Just(f32::NAN), Just(f32::INFINITY), -1e30f32..1e30], 48)) {
            let p = peak(&values, 8, 6);
            prop_assert!(p.x.is_finite() && p.y.is_finite() && p.score.is_finite());
        }
    }
}
