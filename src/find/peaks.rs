//! People as peaks over place and size.
//!
//! In: a finder network's planes, one a size, half an octave apart or so. Out: boxes and scores,
//! the surest first. A person is a cell no lower than its 26 neighbours in x, y and size; a
//! parabola through the neighbours on each axis says where between the cells (after Objects as
//! Points, Zhou et al. 2019, with the size as a third axis). The same arithmetic stands in
//! models/posed_models/data/planes.py, which made what the network learnt.

use super::Proposal;
use super::planes::{Planes, distinct};
use crate::geometry::{CropPoint, Rect};

/// Width over height of the box around a person: the crop's that a pose is found in.
const ASPECT: f32 = 0.75;
/// Cells that are compared with the threshold at once.
const CHUNK: usize = 16;
/// From this score on a find is not doubted.
const SURE: f32 = 0.25;

/// Whether no neighbour is higher; a NaN beside it is none.
fn is_peak(planes: &Planes, plane: usize, row: usize, column: usize) -> bool {
    let top = planes.at(plane, row, column);
    let around = |at: usize, end: usize| at.saturating_sub(1)..(at + 2).min(end);
    around(plane, planes.depth()).all(|p| {
        around(row, planes.height)
            .all(|r| around(column, planes.width).all(|c| planes.at(p, r, c).max(top) <= top))
    })
}

/// Where between cells the top lies, −0.5 to 0.5; 0 at an end of the axis.
fn between(at: usize, end: usize, value: impl Fn(usize) -> f32) -> f32 {
    if at == 0 || at + 1 >= end {
        return 0.0;
    }
    let [a, top, b] = [at - 1, at, at + 1].map(value);
    let bend = a - 2.0 * top + b;
    if bend < -1e-6 {
        (0.5 * (a - b) / bend).clamp(-0.5, 0.5)
    } else {
        0.0
    }
}

/// Writes the people of `planes` that score more than `least` into `out` (cleared first), the
/// surest first, each once. `sizes`: heights of a person in input pixels, one a plane, each as many
/// times the one before.
pub fn read(planes: Planes, sizes: &[f32], least: f32, out: &mut Vec<Proposal>) {
    out.clear();
    if planes.height * planes.width == 0 || planes.depth() != sizes.len() {
        return;
    }
    let ratio = match sizes {
        [a, b, ..] => b / a,
        _ => 1.0,
    };
    let plane = planes.height * planes.width;
    for (first, chunk) in (0..).step_by(CHUNK).zip(planes.values.chunks(CHUNK)) {
        // Nearly everywhere is nobody: one comparison for sixteen cells.
        if !chunk.iter().fold(false, |any, &v| any | (v > least)) {
            continue;
        }
        for (i, &score) in (first..).zip(chunk) {
            let (p, row, column) = (i / plane, i % plane / planes.width, i % planes.width);
            if !(score > least && score.is_finite() && is_peak(&planes, p, row, column)) {
                continue;
            }
            let x = column as f32 + between(column, planes.width, |c| planes.at(p, row, c));
            let y = row as f32 + between(row, planes.height, |r| planes.at(p, r, column));
            let along = between(p, sizes.len(), |p| planes.at(p, row, column));
            let height = sizes[p] * ratio.powf(along);
            let centre = planes.crop.to_image(CropPoint {
                x: x * planes.stride,
                y: y * planes.stride,
            });
            let height = height * planes.crop.scale_y as f32;
            let width = height * ASPECT;
            out.push(Proposal {
                bbox: Rect::new(
                    centre.x - width / 2.0,
                    centre.y - height / 2.0,
                    width,
                    height,
                ),
                score,
                doubt: (SURE - score).max(0.0),
            });
        }
    }
    distinct(out);
}

#[cfg(test)]
mod tests {
    use super::super::planes::MOST;
    use super::*;
    use crate::geometry::Affine;

    const SIZES: [f32; 9] = [
        20.0, 28.284_27, 40.0, 56.568_54, 80.0, 113.137_08, 160.0, 226.274_17, 320.0,
    ];
    const HEIGHT: usize = 48;
    const WIDTH: usize = 64;

    fn view(scale: f64) -> Affine {
        Affine {
            scale_x: scale,
            scale_y: scale,
            offset_x: 0.0,
            offset_y: 0.0,
        }
    }

    /// Planes with a person of this height, centre in input pixels, as training wants them.
    fn drawn(people: &[(f32, f32, f32)]) -> Vec<f32> {
        let mut out = vec![0.0f32; SIZES.len() * HEIGHT * WIDTH];
        for &(x, y, size) in people {
            let sigma = (0.07 * size / 4.0).clamp(0.9, 3.0);
            let at = 2.0 * (size / SIZES[0]).log2();
            for (i, cell) in out.iter_mut().enumerate() {
                let p = (i / (HEIGHT * WIDTH)) as f32;
                let row = (i / WIDTH % HEIGHT) as f32;
                let column = (i % WIDTH) as f32;
                let away = (column - x / 4.0).powi(2) + (row - y / 4.0).powi(2);
                let value = (-away / (2.0 * sigma * sigma)).exp()
                    * (-(p - at).powi(2) / (2.0 * 0.7 * 0.7)).exp();
                *cell = cell.max(value);
            }
        }
        out
    }

    fn read_all(values: &[f32], scale: f64, least: f32) -> Vec<Proposal> {
        let mut out = vec![Proposal::default(); 3];
        let planes = Planes {
            values,
            height: HEIGHT,
            width: WIDTH,
            stride: 4.0,
            crop: view(scale),
        };
        read(planes, &SIZES, least, &mut out);
        out
    }

    #[test]
    fn people_come_back_where_and_as_large_as_they_are() {
        for size in [20.0, 33.0, 60.0, 113.0, 200.0, 320.0] {
            let found = read_all(&drawn(&[(131.0, 94.0, size)]), 2.5, 0.2);
            assert_eq!(found.len(), 1, "{size}: {found:?}");
            let bbox = found[0].bbox;
            assert!(
                (bbox.height / 2.5 / size - 1.0).abs() < 0.06,
                "{size}: {bbox:?}"
            );
            assert!((bbox.width / bbox.height - 0.75).abs() < 1e-4);
            let centre = bbox.centre();
            assert!((centre.x / 2.5 - 131.0).abs() < 1.0 && (centre.y / 2.5 - 94.0).abs() < 1.0);
        }
    }

    #[test]
    fn the_surest_comes_first_and_nobody_twice() {
        let mut values = drawn(&[(60.0, 60.0, 80.0), (190.0, 100.0, 113.0)]);
        for v in &mut values[..] {
            *v *= 0.8;
        }
        let near = drawn(&[(61.0, 60.0, 84.0)]);
        for (v, n) in values.iter_mut().zip(near) {
            *v = v.max(0.9 * n);
        }
        let found = read_all(&values, 1.0, 0.2);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].score > found[1].score && found[0].bbox.x < found[1].bbox.x);
        let small_before_large = read_all(
            &drawn(&[(128.0, 100.0, 40.0), (128.0, 96.0, 190.0)]),
            1.0,
            0.3,
        );
        assert_eq!(small_before_large.len(), 2);
    }

    #[test]
    fn edges_plateaus_and_what_is_no_number_do_no_harm() {
        assert_eq!(read_all(&vec![0.0; 9 * HEIGHT * WIDTH], 1.0, 0.2), []);
        let mut values = vec![0.0; 9 * HEIGHT * WIDTH];
        values[0] = 0.9;
        *values.last_mut().unwrap() = 0.8;
        let found = read_all(&values, 1.0, 0.2);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].bbox.height, found[1].bbox.height), (20.0, 320.0));
        values.fill(0.7);
        assert!(read_all(&values, 1.0, 0.2).len() <= MOST);
        values.fill(f32::NAN);
        assert_eq!(read_all(&values, 1.0, 0.2), []);
        values.fill(f32::INFINITY);
        assert_eq!(read_all(&values, 1.0, 0.2), []);
        let mut none = vec![Proposal::default()];
        let planes = Planes {
            values: &[],
            height: 0,
            width: 0,
            stride: 4.0,
            crop: view(1.0),
        };
        read(planes, &SIZES, 0.2, &mut none);
        assert!(none.is_empty());
    }
}
