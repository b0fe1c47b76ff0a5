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

/// The columns of the frame that a crop reads, some beside each other at a time, and room for a row
/// of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    /// The first of each group of columns.
    wanted: Vec<i32>,
    /// Columns of a group, which lie beside each other in `row` too.
    group: usize,
    /// Where in `row` each group is.
    places: Vec<u32>,
    /// The pixels `from..from + span` of a row, `group` black ones before and behind them; or, if they are
    /// far apart, only the groups, one by one.
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
            row: vec![Level::default(); Self::longest(most) + 2 * MOST_OF_A_GROUP],
            ..Self::default()
        }
    }

    /// How many pixels beside each other are read rather than those wanted alone.
    fn longest(wanted: usize) -> usize {
        wanted + wanted / 2
    }

    /// Plans for groups of columns of a picture of this `width`; `wanted` are the first of each.
    pub fn plan(&mut self, wanted: impl Iterator<Item = i32>, group: usize, width: u32) {
        self.wanted.clear();
        self.wanted.extend(wanted);
        self.group = group;
        let (width, more) = (i64::from(width), group as i64 - 1);
        // The first column of a group whose last one reaches into the picture, to a group's last.
        let seen = |x: &i64| (-more..width).contains(x);
        let firsts = || self.wanted.iter().map(|&x| i64::from(x)).filter(seen);
        let from = firsts().min().unwrap_or(0).max(0);
        let to = firsts()
            .max()
            .map_or(0, |last| (last + more + 1).min(width));
        self.from = from as usize;
        self.span = (to - from) as usize;
        self.scattered = self.span > Self::longest(self.wanted.len() * group);
        let scattered = self.scattered;
        let places = self.wanted.iter().enumerate().map(|(i, &x)| {
            let x = i64::from(x);
            if scattered {
                (i * group) as u32
            } else if seen(&x) {
                (x - from + group as i64) as u32
            } else {
                0
            }
        });
        self.places.clear();
        self.places.extend(places);
        if !scattered {
            self.row[..group].fill(Level::default());
            self.row[group + self.span..][..group].fill(Level::default());
        }
    }

    /// Reads row `y` of the picture.
    #[inline(always)]
    fn read(&mut self, pixels: &impl Pixels, y: usize, size: Size) {
        let group = self.group;
        if !self.scattered {
            return pixels.levels(y, self.from, &mut self.row[group..group + self.span]);
        }
        for (first, levels) in self.wanted.iter().zip(self.row.chunks_exact_mut(group)) {
            for (x, level) in (i64::from(*first)..).zip(levels) {
                *level = if (0..i64::from(size.width)).contains(&x) {
                    pixels.rgb(x as usize, y).map(f32::from).into()
                } else {
                    Level::default()
                };
            }
        }
    }
}

/// A tap and the next one.
const MOST_OF_A_GROUP: usize = 2;

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

/// Writes the crop's rows, of which `down` says where they are read, as bytes: R, G, B and one that
/// means nothing. `columns` are planned for two columns of each of `across`: the one at or before it,
/// and the next.
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
        for (to, tap) in self.rgb.chunks_exact_mut(4 * width).zip(self.down) {
            for y in [tap.at, tap.at.saturating_add(1)] {
                let line = y.rem_euclid(2) as usize;
                if self.lines.which[line] == Some(y) {
                    continue;
                }
                self.lines.which[line] = Some(y);
                let line = &mut self.lines.rows[line][..width];
                if (0..i64::from(size.height)).contains(&i64::from(y)) {
                    self.columns.read(pixels, y as usize, size);
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
    for ((to, tap), &place) in line.iter_mut().zip(across).zip(&columns.places) {
        let [a, b] = columns.row[place as usize..].as_chunks().0[0];
        *to = blend(a, b, tap.share);
    }
}

/// Two rows to one of bytes, rounded half to even.
#[inline(always)]
fn between(upper: &[Level], lower: &[Level], share: f32, to: &mut [u8]) {
    for ((a, b), to) in upper.iter().zip(lower).zip(to.as_chunks_mut::<4>().0) {
        *to = blend(*a, *b, share).0.map(|v| v.round_ties_even() as u8);
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
        for to in self.rgb.chunks_exact_mut(4 * width) {
            sums.fill(Level([half; 4]));
            for y in self.down.by_ref().take(self.of_rows) {
                if !(0..i64::from(size.height)).contains(&i64::from(y)) {
                    continue;
                }
                self.columns.read(pixels, y as usize, size);
                let blocks = self.columns.places.chunks_exact(self.across);
                for (sum, places) in sums.iter_mut().zip(blocks) {
                    for &place in places {
                        let level = self.columns.row[place as usize];
                        *sum = Level(std::array::from_fn(|c| sum.0[c] + level.0[c]));
                    }
                }
            }
            for (sum, to) in sums.iter().zip(to.as_chunks_mut::<4>().0) {
                // Whole numbers under 2^13: the division rounds to no other whole number.
                *to = sum.0.map(|sum| (sum / of) as u8);
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
            fn visit(self, pixels: &impl Pixels, size: Size) -> Vec<f32> {
                self.0.read(pixels, 0, size);
                let group = self.0.group;
                let places = self.0.places.iter().map(|&place| place as usize);
                places
                    .flat_map(|place| {
                        self.0.row[place..place + group]
                            .iter()
                            .map(|level| level.0[1])
                    })
                    .collect()
            }
        }
        let mut columns = Columns::new(8);
        for (wanted, scattered) in [
            ([-1, 0, 1, 2], false),
            ([3, 50, 99, 100], true),
            ([-2, 99, 98, 97], false),
            ([-1, 0, 99, 50], true),
            ([98, 99, 100, 101], false),
            ([i32::MIN, -5, 100, i32::MAX], false),
            ([8, 7, 7, 5], false),
            ([-2, -1, -1, -2], false),
        ] {
            for group in [1, 2] {
                let want: Vec<f32> = wanted
                    .iter()
                    .flat_map(|&x| (0..group).map(move |i| i64::from(x) + i))
                    .map(|x| {
                        if (0..100).contains(&x) {
                            100.0 + x as f32
                        } else {
                            0.0
                        }
                    })
                    .collect();
                columns.row.fill(Level([7.0; 4]));
                columns.plan(wanted.into_iter(), group as usize, 100);
                assert_eq!(columns.scattered, scattered, "{wanted:?}");
                let got = frame.visit(Read(&mut columns)).unwrap().unwrap();
                assert_eq!(got, want, "{wanted:?} by {group}");
            }
        }
    }
}
