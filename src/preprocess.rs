//! Frame and box to network input, in one pass over the pixels of the crop.
//!
//! In: a frame in any pixel layout and the box of a person. Out: planar (NCHW) float input. Each
//! output pixel is interpolated from four source pixels, each turned to RGB as it is read; there is
//! no full-frame RGB copy. The arithmetic is that of OpenCV's warpAffine with INTER_LINEAR on 8-bit
//! pictures (coordinates in single precision, rounded where it rounds them; result rounded to a
//! whole grey level, black outside), since the networks saw it in training; then `(value/255 −
//! mean)/std` from a table of 256 values a channel.

use crate::frame::{Frame, PixelVisitor, Pixels, ShortFrame};
use crate::geometry::{Affine, Rect, Size};

/// How a network wants its input.
#[derive(Debug, Clone, PartialEq)]
pub struct InputFormat {
    pub size: Size,
    /// Mean of each RGB channel, on the scale 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of each RGB channel, on the scale 0 to 1.
    pub std: [f32; 3],
    /// The factor by which a person's box is made larger before it is cropped.
    pub padding: f32,
}

/// Turns crops of frames into network input. Allocates nothing after [`Preprocessor::new`].
#[derive(Debug, Clone)]
pub struct Preprocessor {
    format: InputFormat,
    table: [[f32; 256]; 3],
    columns: Vec<Tap>,
    /// Source columns that [`Preprocessor::fill_mean`] reads, [`MOST_SAMPLES`] for each of ours.
    samples: Vec<i32>,
}

/// Samples a pixel and axis at most where a picture is made smaller.
const MOST_SAMPLES: usize = 4;

/// Where one output column (or row) reads: the source pixel at or before it, and the share of the
/// next one.
#[derive(Debug, Clone, Copy, Default)]
struct Tap {
    at: i32,
    share: f32,
}

impl Tap {
    fn new(source: f32) -> Self {
        let floor = source.floor();
        Self {
            at: floor as i32,
            share: source - floor,
        }
    }

    /// Output column `x`: a fused multiply-add in single precision, made of exact double precision.
    fn column(x: usize, scale: f64, offset: f64) -> Self {
        Self::new((f64::from(scale as f32) * x as f64 + f64::from(offset as f32)) as f32)
    }

    /// Output row `y`: rounded twice, as OpenCV does.
    fn row(y: usize, scale: f64, offset: f64) -> Self {
        Self::new(scale as f32 * y as f32 + offset as f32)
    }
}

impl Preprocessor {
    pub fn new(format: InputFormat) -> Self {
        let table = std::array::from_fn(|c| {
            std::array::from_fn(|v| (v as f32 / 255.0 - format.mean[c]) / format.std[c])
        });
        let columns = vec![Tap::default(); format.size.width as usize];
        let samples = vec![0; format.size.width as usize * MOST_SAMPLES];
        Self {
            format,
            table,
            columns,
            samples,
        }
    }

    pub fn format(&self) -> &InputFormat {
        &self.format
    }

    /// The number of floats [`Preprocessor::fill`] writes: 3 x height x width.
    pub fn input_len(&self) -> usize {
        3 * self.format.size.width as usize * self.format.size.height as usize
    }

    /// The map of the crop around a person's box: brought to the input's aspect, padded.
    pub fn crop(&self, person: Rect) -> Affine {
        Affine::crop(person, self.format.padding, self.format.size)
    }

    /// Writes the crop into `input` as three planes R, G, B of height x width.
    ///
    /// # Errors
    /// [`ShortFrame`] if the frame's data does not hold its picture.
    ///
    /// # Panics
    /// If `input` is not [`Preprocessor::input_len`] long; the caller owns both.
    pub fn fill(
        &mut self,
        frame: &Frame,
        crop: Affine,
        input: &mut [f32],
    ) -> Result<(), ShortFrame> {
        let table = &self.table;
        let plane = self.format.size.width as usize * self.format.size.height as usize;
        let (red, rest) = input.split_at_mut(plane);
        let (green, blue) = rest.split_at_mut(plane);
        let width = self.format.size.width as usize;
        warp(
            &mut self.columns,
            self.format.size.height,
            frame,
            crop,
            |x, y, rgb: [u8; 3]| {
                let i = y * width + x;
                red[i] = table[0][rgb[0] as usize];
                green[i] = table[1][rgb[1] as usize];
                blue[i] = table[2][rgb[2] as usize];
            },
        )
    }

    /// The same where the picture becomes much smaller: each pixel is the mean of up to 4 x 4 of the
    /// picture's, so that nothing thin is lost between them.
    ///
    /// # Errors
    /// [`ShortFrame`] if the frame's data does not hold its picture.
    ///
    /// # Panics
    /// As [`Preprocessor::fill`].
    pub fn fill_mean(
        &mut self,
        frame: &Frame,
        crop: Affine,
        input: &mut [f32],
    ) -> Result<(), ShortFrame> {
        let count = |scale: f64| (scale.round() as usize).clamp(1, MOST_SAMPLES);
        let (across, down) = (count(crop.scale_x), count(crop.scale_y));
        if across == 1 && down == 1 {
            return self.fill(frame, crop, input);
        }
        let width = self.format.size.width as usize;
        for (i, sample) in self.samples[..width * across].iter_mut().enumerate() {
            *sample = source(i, across, crop.scale_x, crop.offset_x);
        }
        frame.visit(Mean {
            columns: &self.samples[..width * across],
            across,
            down,
            height: self.format.size.height as usize,
            crop,
            table: &self.table,
            input,
        })?;
        Ok(())
    }

    /// The crop as RGB bytes before normalising, height x width x 3; for tests and for looking at
    /// what the network saw.
    ///
    /// # Errors
    /// [`ShortFrame`] if the frame's data does not hold its picture.
    pub fn fill_rgb(
        &mut self,
        frame: &Frame,
        crop: Affine,
        out: &mut Vec<u8>,
    ) -> Result<(), ShortFrame> {
        out.clear();
        warp(
            &mut self.columns,
            self.format.size.height,
            frame,
            crop,
            |_, _, rgb: [u8; 3]| out.extend_from_slice(&rgb),
        )
    }
}

/// Hands every pixel of the crop, row by row, to `store` with its column and row. `columns` is room
/// for one tap a column.
fn warp(
    columns: &mut [Tap],
    height: u32,
    frame: &Frame,
    crop: Affine,
    store: impl FnMut(usize, usize, [u8; 3]),
) -> Result<(), ShortFrame> {
    for (x, tap) in columns.iter_mut().enumerate() {
        *tap = Tap::column(x, crop.scale_x, crop.offset_x);
    }
    frame.visit(Warp {
        columns,
        height: height as usize,
        crop,
        store,
    })?;
    Ok(())
}

struct Warp<'a, S> {
    columns: &'a [Tap],
    height: usize,
    crop: Affine,
    store: S,
}

impl<S: FnMut(usize, usize, [u8; 3])> PixelVisitor for Warp<'_, S> {
    type Output = ();

    fn visit(mut self, pixels: &impl Pixels, size: Size) {
        let w = size.width as i32;
        let h = size.height as i32;
        let read = |x: i32, y: i32| {
            if x < 0 || y < 0 || x >= w || y >= h {
                [0; 3]
            } else {
                pixels.rgb(x as usize, y as usize)
            }
        };
        for y in 0..self.height {
            let row = Tap::row(y, self.crop.scale_y, self.crop.offset_y);
            for (x, column) in self.columns.iter().enumerate() {
                let quad = [
                    read(column.at, row.at),
                    read(column.at.saturating_add(1), row.at),
                    read(column.at, row.at.saturating_add(1)),
                    read(column.at.saturating_add(1), row.at.saturating_add(1)),
                ];
                (self.store)(x, y, blend(quad, column.share, row.share));
            }
        }
    }
}

/// The source pixel of sample `i`, of which each of ours has `count`.
fn source(i: usize, count: usize, scale: f64, offset: f64) -> i32 {
    let place = (i as f64 + 0.5) / count as f64 - 0.5;
    (place * scale + offset).round() as i32
}

struct Mean<'a> {
    columns: &'a [i32],
    across: usize,
    down: usize,
    height: usize,
    crop: Affine,
    table: &'a [[f32; 256]; 3],
    input: &'a mut [f32],
}

impl PixelVisitor for Mean<'_> {
    type Output = ();

    fn visit(self, pixels: &impl Pixels, size: Size) {
        let w = size.width as i32;
        let h = size.height as i32;
        let width = self.columns.len() / self.across;
        let plane = width * self.height;
        let of = (self.across * self.down) as u32;
        for y in 0..self.height {
            let mut rows = [-1; MOST_SAMPLES];
            for (k, row) in rows[..self.down].iter_mut().enumerate() {
                let i = y * self.down + k;
                *row = source(i, self.down, self.crop.scale_y, self.crop.offset_y);
            }
            for (x, columns) in self.columns.chunks_exact(self.across).enumerate() {
                let mut sum = [of / 2; 3];
                for &row in rows[..self.down].iter().filter(|r| (0..h).contains(*r)) {
                    for &column in columns.iter().filter(|c| (0..w).contains(*c)) {
                        let rgb = pixels.rgb(column as usize, row as usize);
                        for (sum, value) in sum.iter_mut().zip(rgb) {
                            *sum += u32::from(value);
                        }
                    }
                }
                for (c, sum) in sum.into_iter().enumerate() {
                    let value = (sum / of).min(255) as usize;
                    self.input[c * plane + y * width + x] = self.table[c][value];
                }
            }
        }
    }
}

/// Bilinear interpolation of four pixels (upper left, upper right, lower left, lower right),
/// rounded half to even.
#[inline(always)]
fn blend(quad: [[u8; 3]; 4], across: f32, down: f32) -> [u8; 3] {
    std::array::from_fn(|c| {
        let [a, b, d, e] = quad.map(|p| f32::from(p[c]));
        let upper = fused(across, b - a, a);
        let lower = fused(across, e - d, d);
        fused(down, lower - upper, upper).round_ties_even() as u8
    })
}

/// x·y + z rounded once to single precision, as OpenCV's fused multiply-add does: where a crop is
/// enlarged by a simple ratio, half the pixels lie on a tie, and a second rounding would turn them.
/// The same on every machine, with such an instruction or without.
#[inline(always)]
fn fused(x: f32, y: f32, z: f32) -> f32 {
    (f64::from(x) * f64::from(y) + f64::from(z)) as f32
}
