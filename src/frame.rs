//! One picture from a source, in the form in which it came.
//!
//! In: bytes of a camera, file or pipe. Out: single pixels as RGB, read by preprocess, display and
//! record, upright whichever way the picture is stored. YUV is BT.601, limited range, by the integer
//! formula of OpenCV's cvtColor, so that a crop equals the one the networks were trained on.

mod layouts;
mod turned;
mod yuv;

use crate::geometry::{Size, Turn};
use layouts::{Grey, Packed, Planar, Plane, Rgb, SemiPlanar};
use std::time::Duration;
use turned::Turned;

pub use yuv::rgb_to_yuv;

/// How the bytes of a [`Frame`] are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// 3 bytes a pixel.
    Rgb,
    /// 3 bytes a pixel, blue first.
    Bgr,
    /// 1 byte a pixel.
    Grey,
    /// 4:2:2 packed, Y0 U Y1 V (V4L2 `YUYV`).
    Yuyv,
    /// 4:2:2 packed, Y0 V Y1 U.
    Yvyu,
    /// 4:2:2 packed, U Y0 V Y1.
    Uyvy,
    /// 4:2:0, a plane of Y, then a plane of interleaved U V (V4L2 `NV12`).
    Nv12,
    /// 4:2:0, a plane of Y, then a plane of interleaved V U.
    Nv21,
    /// 4:2:0, planes of Y, U and V (V4L2 `YU12`, Y4M `C420`, rpicam `yuv420`).
    I420,
    /// A JPEG file; [`crate::decode`] turns it into `Rgb`.
    Mjpeg,
}

impl PixelFormat {
    /// All that are not compressed.
    pub const RAW: [Self; 9] = [
        Self::Rgb,
        Self::Bgr,
        Self::Grey,
        Self::Yuyv,
        Self::Yvyu,
        Self::Uyvy,
        Self::Nv12,
        Self::Nv21,
        Self::I420,
    ];

    /// The bytes of one picture with the shortest stride, or `None` for a compressed format.
    pub fn frame_bytes(self, size: Size) -> Option<usize> {
        self.padded_frame_bytes(size, self.tight_stride(size.width))
    }

    /// The bytes of one picture of which each row of the first plane takes `stride`, as does the
    /// last; `None` for a compressed format.
    pub fn padded_frame_bytes(self, size: Size, stride: usize) -> Option<usize> {
        let h = size.height as usize;
        match self {
            Self::Rgb | Self::Bgr | Self::Grey | Self::Yuyv | Self::Yvyu | Self::Uyvy => {
                Some(stride * h)
            }
            Self::Nv12 | Self::Nv21 => {
                Some(stride * h + stride.next_multiple_of(2) * h.div_ceil(2))
            }
            Self::I420 => Some(stride * h + 2 * stride.div_ceil(2) * h.div_ceil(2)),
            Self::Mjpeg => None,
        }
    }

    /// Bytes from one row (of the first plane) to the next with nothing between.
    pub fn tight_stride(self, width: u32) -> usize {
        let w = width as usize;
        match self {
            Self::Rgb | Self::Bgr => w * 3,
            Self::Yuyv | Self::Yvyu | Self::Uyvy => w.div_ceil(2) * 4,
            Self::Grey | Self::Nv12 | Self::Nv21 | Self::I420 => w,
            Self::Mjpeg => 0,
        }
    }
}

impl std::fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rgb => "RGB",
            Self::Bgr => "BGR",
            Self::Grey => "grey",
            Self::Yuyv => "YUYV",
            Self::Yvyu => "YVYU",
            Self::Uyvy => "UYVY",
            Self::Nv12 => "NV12",
            Self::Nv21 => "NV21",
            Self::I420 => "I420",
            Self::Mjpeg => "MJPEG",
        })
    }
}

/// A picture with its time of capture.
///
/// `time` is monotonic, from the source's own start; every delay in posed is computed from it,
/// never from the clock on the wall, so that a recording gives the same events as the day it was
/// made.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Of the upright picture.
    pub size: Size,
    /// What brings the stored picture upright.
    pub turn: Turn,
    pub format: PixelFormat,
    /// Bytes from one row of the first plane to the next.
    pub stride: usize,
    pub data: Vec<u8>,
    pub time: Duration,
    /// Counts the frames that the source delivered, from 0; a gap is a dropped frame.
    pub sequence: u64,
}

impl Default for Frame {
    fn default() -> Self {
        Self {
            size: Size::default(),
            turn: Turn::NONE,
            format: PixelFormat::Rgb,
            stride: 0,
            data: Vec::new(),
            time: Duration::ZERO,
            sequence: 0,
        }
    }
}

/// A frame whose bytes do not hold the picture that its header promises.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {size} {format} frame needs {needed} bytes and has {found}")]
pub struct ShortFrame {
    pub size: Size,
    pub format: PixelFormat,
    pub needed: usize,
    pub found: usize,
}

impl Frame {
    /// Takes over shape, time and bytes of `other` without a new allocation where the room
    /// suffices.
    pub fn copy_from(&mut self, other: &Self) {
        self.data.clone_from(&other.data);
        self.size = other.size;
        self.turn = other.turn;
        self.format = other.format;
        self.stride = other.stride;
        self.time = other.time;
        self.sequence = other.sequence;
    }

    /// Sets the shape with the shortest stride, upright as it is stored; the bytes are the caller's to
    /// fill.
    pub fn set_shape(&mut self, size: Size, format: PixelFormat) {
        self.set_padded_shape(size, format, format.tight_stride(size.width));
    }

    /// The same with `stride` bytes from one row of the first plane to the next.
    pub fn set_padded_shape(&mut self, size: Size, format: PixelFormat, stride: usize) {
        self.size = size;
        self.turn = Turn::NONE;
        self.format = format;
        self.stride = stride;
    }

    /// Turns the picture, after whatever turns it already.
    pub fn turn(&mut self, turn: Turn) {
        self.turn = self.turn.then(turn);
        self.size = turn.of_size(self.size);
    }

    /// Shows the picture as it is stored.
    pub fn lay_as_stored(&mut self) {
        self.size = self.stored_size();
        self.turn = Turn::NONE;
    }

    /// The size of the picture as its bytes have it.
    pub fn stored_size(&self) -> Size {
        self.turn.of_size(self.size)
    }

    /// Checks that the data holds the picture.
    ///
    /// # Errors
    /// [`ShortFrame`] with the bytes needed and found.
    pub fn check(&self) -> Result<(), ShortFrame> {
        let size = self.stored_size();
        let w = size.width as usize;
        let h = size.height as usize;
        let tight = self.format.tight_stride(size.width);
        let needed = match self.format {
            PixelFormat::Mjpeg => 2,
            _ if w == 0 || h == 0 => usize::MAX,
            PixelFormat::Nv12 | PixelFormat::Nv21 => {
                let pairs = self.stride.next_multiple_of(2);
                self.stride * h + pairs * (h.div_ceil(2) - 1) + w.div_ceil(2) * 2
            }
            PixelFormat::I420 => {
                let chroma = self.stride.div_ceil(2);
                self.stride * h + 2 * chroma * (h.div_ceil(2) - 1) + chroma + w.div_ceil(2)
            }
            _ => self.stride * (h - 1) + tight,
        };
        if self.data.len() < needed || self.stride < tight {
            return Err(ShortFrame {
                size,
                format: self.format,
                needed,
                found: self.data.len(),
            });
        }
        Ok(())
    }
}

/// R, G and B of a pixel, 0 to 255, and a fourth number that means nothing: one vector.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(align(16))]
pub struct Level(pub [f32; 4]);

impl From<[f32; 3]> for Level {
    #[inline(always)]
    fn from([r, g, b]: [f32; 3]) -> Self {
        Self([r, g, b, 0.0])
    }
}

/// Reads pixels of one layout; `x` and `y` must lie inside the picture.
pub trait Pixels {
    fn rgb(&self, x: usize, y: usize) -> [u8; 3];

    /// A pixel as a vector.
    #[inline(always)]
    fn level(&self, x: usize, y: usize) -> Level {
        self.rgb(x, y).map(f32::from).into()
    }

    /// The pixels of row `y` from `x` on, as many as `out` takes: as [`Pixels::rgb`], a row at a time.
    #[inline(always)]
    fn levels(&self, y: usize, x: usize, out: &mut [Level]) {
        for (i, level) in out.iter_mut().enumerate() {
            *level = self.level(x + i, y);
        }
    }
}

/// A visitor that is compiled once for each pixel layout, so that the inner loop knows it.
pub trait PixelVisitor {
    type Output;
    fn visit(self, pixels: &impl Pixels, size: Size) -> Self::Output;
}

impl Frame {
    /// Runs `visitor` over the picture, or gives `None` for a compressed one.
    ///
    /// # Errors
    /// [`ShortFrame`] if the data does not hold the picture: a visitor never reads outside.
    pub fn visit<V: PixelVisitor>(&self, visitor: V) -> Result<Option<V::Output>, ShortFrame> {
        self.check()?;
        let rows = self.stored_size().height as usize;
        let first = Plane {
            bytes: &self.data,
            stride: self.stride,
        };
        // A plane of colour with `stride`, and what lies behind it.
        let colour = |bytes, stride| Plane { bytes, stride };
        let behind = || &self.data[self.stride * rows..];
        Ok(Some(match self.format {
            PixelFormat::Rgb => self.show(visitor, &Rgb::<0>(first)),
            PixelFormat::Bgr => self.show(visitor, &Rgb::<2>(first)),
            PixelFormat::Grey => self.show(visitor, &Grey(first)),
            PixelFormat::Yuyv => self.show(visitor, &Packed::<0, 1, 3>(first)),
            PixelFormat::Yvyu => self.show(visitor, &Packed::<0, 3, 1>(first)),
            PixelFormat::Uyvy => self.show(visitor, &Packed::<1, 0, 2>(first)),
            PixelFormat::Nv12 => {
                let uv = colour(behind(), self.stride.next_multiple_of(2));
                self.show(visitor, &SemiPlanar::<0> { y: first, uv })
            }
            PixelFormat::Nv21 => {
                let uv = colour(behind(), self.stride.next_multiple_of(2));
                self.show(visitor, &SemiPlanar::<1> { y: first, uv })
            }
            PixelFormat::I420 => {
                let stride = self.stride.div_ceil(2);
                let (u, v) = behind().split_at(stride * rows.div_ceil(2));
                let planes = Planar {
                    y: first,
                    u: colour(u, stride),
                    v: colour(v, stride),
                };
                self.show(visitor, &planes)
            }
            PixelFormat::Mjpeg => return Ok(None),
        }))
    }

    /// Shows the stored pixels upright.
    #[inline(always)]
    fn show<V: PixelVisitor>(&self, visitor: V, stored: &impl Pixels) -> V::Output {
        if self.turn.is_none() {
            return visitor.visit(stored, self.size);
        }
        visitor.visit(&Turned::new(stored, self.turn, self.size), self.size)
    }

    /// The whole picture as tight RGB, for tools that are not on the frame's road (PNG files,
    /// tests).
    ///
    /// # Errors
    /// [`ShortFrame`] as [`Frame::visit`]; a compressed frame gives an empty picture.
    pub fn to_rgb(&self) -> Result<Vec<u8>, ShortFrame> {
        struct All;
        impl PixelVisitor for All {
            type Output = Vec<u8>;
            fn visit(self, pixels: &impl Pixels, size: Size) -> Vec<u8> {
                let mut out = Vec::with_capacity(size.width as usize * size.height as usize * 3);
                for y in 0..size.height as usize {
                    for x in 0..size.width as usize {
                        out.extend_from_slice(&pixels.rgb(x, y));
                    }
                }
                out
            }
        }
        Ok(self.visit(All)?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use super::yuv::yuv_to_rgb;

    const RAW: [PixelFormat; 9] = PixelFormat::RAW;

    fn frame(format: PixelFormat, size: Size, data: Vec<u8>) -> Frame {
        let mut f = Frame {
            data,
            ..Frame::default()
        };
        f.set_shape(size, format);
        f
    }

    #[test]
    fn every_layout_reads_the_same_grey() {
        let size = Size::new(5, 3);
        for format in RAW {
            let f = frame(format, size, vec![128; format.frame_bytes(size).unwrap()]);
            let want = if matches!(
                format,
                PixelFormat::Rgb | PixelFormat::Bgr | PixelFormat::Grey
            ) {
                128
            } else {
                130
            };
            assert!(f.to_rgb().unwrap().iter().all(|&v| v == want), "{format}");
        }
    }

    #[test]
    fn a_row_at_a_time_is_the_same_as_pixel_by_pixel() {
        struct Compare;
        impl PixelVisitor for Compare {
            type Output = ();
            fn visit(self, pixels: &impl Pixels, size: Size) {
                let width = size.width as usize;
                for y in 0..size.height as usize {
                    for from in 0..width {
                        for to in from..=width {
                            let mut row = vec![Level::default(); to - from];
                            pixels.levels(y, from, &mut row);
                            for (x, level) in (from..to).zip(row) {
                                assert_eq!(level.0[..3], pixels.rgb(x, y).map(f32::from));
                            }
                        }
                    }
                }
            }
        }
        for size in [Size::new(7, 5), Size::new(8, 2), Size::new(1, 1)] {
            for format in RAW {
                let bytes = format.frame_bytes(size).unwrap();
                let data = (0..bytes).map(|i| (i * 151 + i * i * 7) as u8).collect();
                for turn in (1..=8).map(Turn::of_exif) {
                    let mut frame = frame(format, size, Vec::clone(&data));
                    frame.turn(turn);
                    frame.visit(Compare).unwrap().unwrap();
                }
            }
        }
    }

    #[test]
    fn colours_lie_where_each_layout_has_them() {
        let size = Size::new(2, 2);
        let red = yuv_to_rgb(81, 90, 240);
        for (format, data) in [
            (PixelFormat::Rgb, [red; 4].concat()),
            (PixelFormat::Bgr, [[red[2], red[1], red[0]]; 4].concat()),
            (PixelFormat::Yuyv, [[81, 90, 81, 240]; 2].concat()),
            (PixelFormat::Yvyu, [[81, 240, 81, 90]; 2].concat()),
            (PixelFormat::Uyvy, [[90, 81, 240, 81]; 2].concat()),
            (PixelFormat::Nv12, vec![81, 81, 81, 81, 90, 240]),
            (PixelFormat::Nv21, vec![81, 81, 81, 81, 240, 90]),
            (PixelFormat::I420, vec![81, 81, 81, 81, 90, 240]),
        ] {
            let rgb = frame(format, size, data).to_rgb().unwrap();
            assert_eq!(rgb, [red; 4].concat(), "{format}");
        }
    }

    #[test]
    fn padded_rows_are_the_same_picture() {
        let size = Size::new(5, 3);
        for format in RAW {
            let stride = 64;
            let count = format.padded_frame_bytes(size, stride).unwrap();
            let mut padded = frame(format, size, (0..count).map(|i| (i * 37) as u8).collect());
            padded.set_padded_shape(size, format, stride);
            let mut tight = vec![];
            let mut take = |from: usize, stride: usize, bytes: usize, rows: usize| {
                for row in padded.data[from..].chunks(stride).take(rows) {
                    tight.extend(&row[..bytes]);
                }
            };
            take(0, stride, format.tight_stride(size.width), 3);
            match format {
                PixelFormat::Nv12 | PixelFormat::Nv21 => take(3 * stride, stride, 6, 2),
                PixelFormat::I420 => take(3 * stride, stride / 2, 3, 4),
                _ => {}
            }
            assert_eq!(tight.len(), format.frame_bytes(size).unwrap(), "{format}");
            let tight = frame(format, size, tight);
            assert_eq!(padded.to_rgb(), tight.to_rgb(), "{format}");
        }
    }

    #[test]
    fn a_turned_frame_reads_as_its_turned_pixels_do() {
        let size = Size::new(7, 4);
        for format in RAW {
            let count = format.frame_bytes(size).unwrap();
            let stored = frame(format, size, (0..count).map(|i| (i * 83) as u8).collect());
            let pixels = stored.to_rgb().unwrap();
            for turn in (1..=8).map(Turn::of_exif) {
                let mut turned = stored.clone();
                turned.turn(turn);
                assert_eq!(turned.size, turn.of_size(size));
                let map = turn.to_stored(turned.size);
                let got = turned.to_rgb().unwrap();
                for (i, pixel) in got.chunks(3).enumerate() {
                    let width = turned.size.width as usize;
                    let (x, y) = map.at(i % width, i / width);
                    assert_eq!(pixel, &pixels[3 * (y * 7 + x)..][..3], "{format} {turn:?}");
                }
            }
        }
    }

    #[test]
    fn a_short_frame_is_an_error_and_not_a_panic() {
        let size = Size::new(5, 3);
        for format in RAW {
            let full = format.frame_bytes(size).unwrap();
            assert!(
                frame(format, size, vec![0; full]).check().is_ok(),
                "{format}"
            );
            for n in 0..full {
                let f = frame(format, size, vec![0; n]);
                if f.check().is_ok() {
                    f.to_rgb().unwrap();
                }
            }
            assert!(
                frame(format, size, vec![0; full - 2]).to_rgb().is_err(),
                "{format}"
            );
        }
        assert!(
            frame(PixelFormat::Rgb, Size::new(0, 9), vec![])
                .to_rgb()
                .is_err()
        );
    }

    #[test]
    fn rgb_survives_the_way_through_yuv() {
        for rgb in [
            [0, 0, 0],
            [255, 255, 255],
            [200, 30, 60],
            [10, 180, 90],
            [20, 40, 220],
        ] {
            let [y, u, v] = rgb_to_yuv(rgb);
            for (a, b) in yuv_to_rgb(y, u, v).into_iter().zip(rgb) {
                assert!(a.abs_diff(b) <= 2, "{rgb:?}");
            }
        }
    }
}
