//! Rows of a crop from rows of a frame.
//!
//! In: a frame in any pixel layout and the columns that are read of it. Out: RGB bytes. A row of the
//! frame is turned to RGB once, at the columns that the crop reads, and interpolated along the row
//! once; two such rows make a row of the crop. A pixel is four numbers (R, G, B and one that is not
//! used), so that the compiler takes its channels as one vector.
//!
//! Compiled once more for x86-64 with AVX2 and FMA; the bits are the same, since a fused
//! multiply-add is asked for by name and rounds once everywhere.

use crate::frame::{Frame, Level, PixelVisitor, Pixels, ShortFrame};
use crate::geometry::Size;

/// Where one output column (or row) reads: the source pixel at or before it, and the share of the
/// next one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tap {
    pub at: i32,
    pub share: f32,
}

/// The columns of the frame that a crop reads, and room for a row of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    /// What is read, in the order in which it is used.
    wanted: Vec<i32>,
    /// Where in `row` each of them is; 0: beside the picture.
    places: Vec<u32>,
    /// The pixels `from..from + span` of a row, behind a black one; if they are far apart, those
    /// wanted, one by one.
    from: usize,
    span: usize,
    scattered: bool,
    row: Vec<Level>,
}

impl Columns {
    /// Room for as many columns.
    pub fn new(most: usize) -> Self {
        Self {
            wanted: Vec::with_capacity(most),
            places: Vec::with_capacity(most),
            row: vec![Level::default(); 1 + Self::longest(most)],
            ..Self::default()
        }
    }

    /// How many pixels beside each other are read rather than those wanted alone.
    fn longest(wanted: usize) -> usize {
        wanted + wanted / 2
    }

    /// Plans for the `wanted` columns of a picture of this `width`.
    pub fn plan(&mut self, wanted: impl Iterator<Item = i32>, width: u32) {
        self.wanted.clear();
        self.wanted.extend(wanted);
        self.places.clear();
        let inside = |x: &i32| (0..i64::from(width)).contains(&i64::from(*x));
        let seen = || self.wanted.iter().copied().filter(inside);
        let (first, last) = (seen().min().unwrap_or(0), seen().max().unwrap_or(-1));
        self.from = first as usize;
        self.span = (last - first + 1) as usize;
        self.scattered = self.span > Self::longest(self.wanted.len());
        self.places
            .extend(self.wanted.iter().enumerate().map(|(i, x)| {
                if !inside(x) {
                    0
                } else if self.scattered {
                    1 + i as u32
                } else {
                    1 + (x - first) as u32
                }
            }));
    }

    /// Reads row `y` of the picture.
    #[inline(always)]
    fn read(&mut self, pixels: &impl Pixels, y: usize) {
        if !self.scattered {
            return pixels.levels(y, self.from, &mut self.row[1..=self.span]);
        }
        for ((x, &place), level) in self.wanted.iter().zip(&self.places).zip(&mut self.row[1..]) {
            if place > 0 {
                *level = pixels.rgb(*x as usize, y).map(f32::from).into();
            }
        }
    }
}

/// Two rows of the frame, interpolated along the row, by the parity of their number.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    rows: [Vec<Level>; 2],
    /// Which rows they are; None: none yet.
    which: [Option<i32>; 2],
}

impl Lines {
    pub fn new(width: usize) -> Self {
        let row = vec![Level::default(); width];
        Self {
            rows: [row.clone(), row],
            which: [None; 2],
        }
    }
}

/// Writes the crop's rows, of which `down` says where they are read, as RGB bytes. `columns` are
/// planned for two columns of each of `across`: the one at or before it, and the next.
pub(super) fn warp(
    frame: &Frame,
    columns: &mut Columns,
    lines: &mut Lines,
    across: &[Tap],
    down: impl Iterator<Item = Tap>,
    rgb: &mut [u8],
) -> Result<(), ShortFrame> {
    lines.which = [None; 2];
    frame.visit(Warp {
        columns,
        lines,
        across,
        down,
        rgb,
    })?;
    Ok(())
}

/// Writes the means of blocks of pixels: `columns` are planned for `across` columns of each output
/// column, `down` gives as many rows of each output row as there are in a block.
pub(super) fn mean(
    frame: &Frame,
    columns: &mut Columns,
    sums: &mut Lines,
    [across, of_rows]: [usize; 2],
    down: impl Iterator<Item = i32>,
    rgb: &mut [u8],
) -> Result<(), ShortFrame> {
    frame.visit(Mean {
        columns,
        sums: &mut sums.rows[0],
        across,
        of_rows,
        down,
        rgb,
    })?;
    Ok(())
}

/// Runs a visitor's `body`, compiled for the instructions that are there.
macro_rules! for_this_processor {
    ($visitor:ty, [$($generics:tt)*]) => {
        impl<$($generics)*> PixelVisitor for $visitor {
            type Output = ();

            fn visit(self, pixels: &impl Pixels, size: Size) {
                #[cfg(target_arch = "x86_64")]
                {
                    #[target_feature(enable = "avx2,fma")]
                    fn fast<$($generics)*>(visitor: $visitor, pixels: &impl Pixels, size: Size) {
                        visitor.body(pixels, size);
                    }
                    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                        // SAFETY: the processor has both.
                        return unsafe { fast(self, pixels, size) };
                    }
                }
                self.body(pixels, size);
            }
        }
    };
}

struct Warp<'a, D> {
    columns: &'a mut Columns,
    lines: &'a mut Lines,
    across: &'a [Tap],
    down: D,
    rgb: &'a mut [u8],
}

for_this_processor!(Warp<'_, D>, [D: Iterator<Item = Tap>]);

impl<D: Iterator<Item = Tap>> Warp<'_, D> {
    #[inline(always)]
    fn body(self, pixels: &impl Pixels, size: Size) {
        let width = self.across.len();
        for (to, tap) in self.rgb.chunks_exact_mut(3 * width).zip(self.down) {
            for y in [tap.at, tap.at.saturating_add(1)] {
                let line = y.rem_euclid(2) as usize;
                if self.lines.which[line] == Some(y) {
                    continue;
                }
                self.lines.which[line] = Some(y);
                let line = &mut self.lines.rows[line][..width];
                if (0..i64::from(size.height)).contains(&i64::from(y)) {
                    self.columns.read(pixels, y as usize);
                    along(self.columns, self.across, line);
                } else {
                    line.fill(Level::default());
                }
            }
            let upper = tap.at.rem_euclid(2) as usize;
            let [even, odd] = &self.lines.rows;
            let (upper, lower) = if upper == 0 { (even, odd) } else { (odd, even) };
            between(&upper[..width], &lower[..width], tap.share, to);
        }
    }
}

/// A row of the frame to the crop's columns.
#[inline(always)]
fn along(columns: &Columns, across: &[Tap], line: &mut [Level]) {
    let places = columns.places.as_chunks::<2>().0;
    for ((to, tap), &[a, b]) in line.iter_mut().zip(across).zip(places) {
        *to = blend(columns.row[a as usize], columns.row[b as usize], tap.share);
    }
}

/// Two rows to one of bytes, rounded half to even.
#[inline(always)]
fn between(upper: &[Level], lower: &[Level], share: f32, to: &mut [u8]) {
    for ((a, b), to) in upper.iter().zip(lower).zip(to.as_chunks_mut::<3>().0) {
        let v = blend(*a, *b, share);
        *to = std::array::from_fn(|c| v.0[c].round_ties_even() as u8);
    }
}

/// `a` and a share of what `b` is more than it.
#[inline(always)]
fn blend(a: Level, b: Level, share: f32) -> Level {
    Level(std::array::from_fn(|c| {
        fused(share, b.0[c] - a.0[c], a.0[c])
    }))
}

struct Mean<'a, D> {
    columns: &'a mut Columns,
    sums: &'a mut Vec<Level>,
    across: usize,
    of_rows: usize,
    down: D,
    rgb: &'a mut [u8],
}

for_this_processor!(Mean<'_, D>, [D: Iterator<Item = i32>]);

impl<D: Iterator<Item = i32>> Mean<'_, D> {
    #[inline(always)]
    fn body(mut self, pixels: &impl Pixels, size: Size) {
        let width = self.columns.wanted.len() / self.across;
        let of = (self.across * self.of_rows) as f32;
        let half = ((self.across * self.of_rows) / 2) as f32;
        let sums = &mut self.sums[..width];
        for to in self.rgb.chunks_exact_mut(3 * width) {
            sums.fill(Level([half; 4]));
            for y in self.down.by_ref().take(self.of_rows) {
                if !(0..i64::from(size.height)).contains(&i64::from(y)) {
                    continue;
                }
                self.columns.read(pixels, y as usize);
                let blocks = self.columns.places.chunks_exact(self.across);
                for (sum, places) in sums.iter_mut().zip(blocks) {
                    for &place in places {
                        let level = self.columns.row[place as usize];
                        *sum = Level(std::array::from_fn(|c| sum.0[c] + level.0[c]));
                    }
                }
            }
            for (sum, to) in sums.iter().zip(to.as_chunks_mut::<3>().0) {
                // Whole numbers under 2^13: the division rounds to no other whole number.
                *to = std::array::from_fn(|c| (sum.0[c] / of) as u8);
            }
        }
    }
}

/// x·y + z rounded once to single precision, as OpenCV's fused multiply-add does: where a crop is
/// enlarged by a simple ratio, half the pixels lie on a tie, and a second rounding would turn them.
#[cfg(not(target_arch = "arm"))]
#[inline(always)]
fn fused(x: f32, y: f32, z: f32) -> f32 {
    x.mul_add(y, z)
}

/// The same where there may be no such instruction, in double precision: the product is exact there,
/// and a sum that is not is made odd, so that rounding it once more rounds it as if it were exact.
#[cfg(any(target_arch = "arm", test))]
#[inline(always)]
fn fused_in_double(x: f32, y: f32, z: f32) -> f32 {
    let (product, z) = (f64::from(x) * f64::from(y), f64::from(z));
    let sum = product + z;
    let part = sum - product;
    let error = (product - (sum - part)) + (z - part);
    if error == 0.0 || !sum.is_finite() || sum.to_bits() & 1 == 1 {
        return sum as f32;
    }
    let away = (error > 0.0) == (sum > 0.0);
    f64::from_bits(if away {
        sum.to_bits() + 1
    } else {
        sum.to_bits() - 1
    }) as f32
}

#[cfg(target_arch = "arm")]
use fused_in_double as fused;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fused_product_in_double_precision_rounds_as_the_instruction_does() {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        let mut sign_of_zero = 0;
        for _ in 0..2_000_000 {
            let share = f32::from_bits(next() % 0x3f80_0000);
            let z = f32::from_bits(0x3f00_0000 + next() % 0x0400_0000);
            let y = f32::from_bits(0x3f00_0000 + next() % 0x0400_0000)
                * if next() % 2 == 0 { 1.0 } else { -1.0 };
            let (got, want) = (fused_in_double(share, y, z), share.mul_add(y, z));
            sign_of_zero += u32::from(want == 0.0);
            assert!(got == want, "{share} · {y} + {z}: {got} {want}");
        }
        assert!(sign_of_zero < 1000);
        // A tie in single precision that only the last bits of the product decide.
        let (x, y) = (1.0 + f32::EPSILON, 1.0 + f32::EPSILON);
        assert_eq!(
            fused_in_double(x, y, 16_777_216.0),
            x.mul_add(y, 16_777_216.0)
        );
    }

    #[test]
    fn columns_beside_the_picture_are_black_and_those_far_apart_are_read_one_by_one() {
        let mut frame = Frame::default();
        frame.set_shape(Size::new(100, 1), crate::frame::PixelFormat::Grey);
        frame.data = (100..200).collect();
        struct Read<'a>(&'a mut Columns);
        impl PixelVisitor for Read<'_> {
            type Output = Vec<f32>;
            fn visit(self, pixels: &impl Pixels, _: Size) -> Vec<f32> {
                self.0.read(pixels, 0);
                self.0
                    .places
                    .iter()
                    .map(|&p| self.0.row[p as usize].0[1])
                    .collect()
            }
        }
        let mut columns = Columns::new(4);
        for (wanted, want, scattered) in [
            ([-1, 0, 1, 2], [0.0, 100.0, 101.0, 102.0], false),
            ([3, 50, 99, 100], [103.0, 150.0, 199.0, 0.0], true),
            ([i32::MIN, -5, 100, i32::MAX], [0.0; 4], false),
            ([8, 7, 7, 5], [108.0, 107.0, 107.0, 105.0], false),
        ] {
            columns.plan(wanted.into_iter(), 100);
            assert_eq!(columns.scattered, scattered);
            assert_eq!(frame.visit(Read(&mut columns)).unwrap().unwrap(), want);
        }
    }
}
