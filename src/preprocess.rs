//! Frame and box to network input, row by row of the crop.
//!
//! In: a frame in any pixel layout and the box of a person. Out: planar (NCHW) float input. Each
//! output pixel is interpolated from four source pixels; rows are turned to RGB as they are read,
//! where the crop reads them, and there is no full-frame RGB copy. The arithmetic is that of
//! OpenCV's warpAffine with INTER_LINEAR on 8-bit pictures (coordinates in single precision, rounded
//! where it rounds them; result rounded to a whole grey level, black outside), since the networks
//! saw it in training; then `(value/255 − mean)/std` from a table of 256 values a channel.

mod rows;

use crate::frame::{Frame, ShortFrame};
use crate::geometry::{Affine, Rect, Size};
use rows::{Columns, Lines, Tap};

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
    across: Vec<Tap>,
    columns: Columns,
    lines: Lines,
    /// The crop before normalising, height x width x R, G, B and a byte that means nothing.
    rgb: Vec<u8>,
}

/// Samples a pixel and axis at most where a picture is made smaller.
const MOST_SAMPLES: usize = 4;

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
        let width = format.size.width as usize;
        Self {
            table,
            across: vec![Tap::default(); width],
            columns: Columns::new(width * MOST_SAMPLES),
            lines: Lines::new(width),
            rgb: vec![0; 4 * width * format.size.height as usize],
            format,
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
        self.warp(frame, crop)?;
        self.normalise(input);
        Ok(())
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
        let columns = self.format.size.width as usize * across;
        self.columns.plan(
            (0..columns).map(|i| source(i, across, crop.scale_x, crop.offset_x)),
            1,
            frame.size.width,
        );
        let wanted_rows = (0..self.format.size.height as usize * down)
            .map(|i| source(i, down, crop.scale_y, crop.offset_y));
        rows::mean(
            frame,
            &mut self.columns,
            &mut self.lines,
            [across, down],
            wanted_rows,
            &mut self.rgb,
        )?;
        self.normalise(input);
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
        self.warp(frame, crop)?;
        out.clear();
        let pixels = self.rgb.as_chunks::<4>().0;
        out.extend(pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]));
        Ok(())
    }

    fn warp(&mut self, frame: &Frame, crop: Affine) -> Result<(), ShortFrame> {
        for (x, tap) in self.across.iter_mut().enumerate() {
            *tap = Tap::column(x, crop.scale_x, crop.offset_x);
        }
        let wanted = self.across.iter().map(|tap| tap.at);
        self.columns.plan(wanted, 2, frame.size.width);
        let down =
            (0..self.format.size.height as usize).map(|y| Tap::row(y, crop.scale_y, crop.offset_y));
        rows::warp(
            frame,
            &mut self.columns,
            &mut self.lines,
            &self.across,
            down,
            &mut self.rgb,
        )
    }

    /// Bytes to three planes R, G, B of height x width.
    fn normalise(&self, input: &mut [f32]) {
        let plane = self.rgb.len() / 4;
        let (red, rest) = input.split_at_mut(plane);
        let (green, blue) = rest.split_at_mut(plane);
        let planes = red.iter_mut().zip(green).zip(blue);
        for (&[r, g, b, _], ((red, green), blue)) in self.rgb.as_chunks::<4>().0.iter().zip(planes)
        {
            *red = self.table[0][usize::from(r)];
            *green = self.table[1][usize::from(g)];
            *blue = self.table[2][usize::from(b)];
        }
    }
}

/// The source pixel of sample `i`, of which each of ours has `count`.
fn source(i: usize, count: usize, scale: f64, offset: f64) -> i32 {
    let place = (i as f64 + 0.5) / count as f64 - 0.5;
    (place * scale + offset).round() as i32
}
