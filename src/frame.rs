//! One picture from a source, in the form in which it came.
//!
//! In: bytes of a camera, file or pipe. Out: single pixels as RGB, read by preprocess, display and
//! record. YUV is BT.601, limited range, by the integer formula of OpenCV's cvtColor, so that a
//! crop equals the one the networks were trained on.

use crate::geometry::Size;
use std::time::Duration;

/// How the bytes of a [`Frame`] are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// 3 bytes a pixel.
    Rgb,
    /// 1 byte a pixel.
    Grey,
    /// 4:2:2 packed, Y0 U Y1 V (V4L2 `YUYV`).
    Yuyv,
    /// 4:2:0, a plane of Y, then a plane of interleaved U V (V4L2 `NV12`).
    Nv12,
    /// 4:2:0, planes of Y, U and V (V4L2 `YU12`, Y4M `C420`, rpicam `yuv420`).
    I420,
    /// A JPEG file; [`crate::decode`] turns it into `Rgb` or `Grey`.
    Mjpeg,
}

impl PixelFormat {
    /// The bytes of one picture with the shortest stride, or `None` for a compressed format.
    pub fn frame_bytes(self, size: Size) -> Option<usize> {
        let w = size.width as usize;
        let h = size.height as usize;
        let chroma = w.div_ceil(2) * h.div_ceil(2) * 2;
        match self {
            Self::Rgb => Some(w * h * 3),
            Self::Grey => Some(w * h),
            Self::Yuyv => Some(w.div_ceil(2) * 4 * h),
            Self::Nv12 | Self::I420 => Some(w * h + chroma),
            Self::Mjpeg => None,
        }
    }

    /// Bytes from one row (of the first plane) to the next with nothing between.
    pub fn tight_stride(self, width: u32) -> usize {
        let w = width as usize;
        match self {
            Self::Rgb => w * 3,
            Self::Yuyv => w.div_ceil(2) * 4,
            Self::Grey | Self::Nv12 | Self::I420 => w,
            Self::Mjpeg => 0,
        }
    }
}

impl std::fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rgb => "RGB",
            Self::Grey => "grey",
            Self::Yuyv => "YUYV",
            Self::Nv12 => "NV12",
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
    pub size: Size,
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
        self.format = other.format;
        self.stride = other.stride;
        self.time = other.time;
        self.sequence = other.sequence;
    }

    /// Sets the shape with the shortest stride; the bytes are the caller's to fill.
    pub fn set_shape(&mut self, size: Size, format: PixelFormat) {
        self.size = size;
        self.format = format;
        self.stride = format.tight_stride(size.width);
    }

    /// Checks that the data holds the picture.
    ///
    /// # Errors
    /// [`ShortFrame`] with the bytes needed and found.
    pub fn check(&self) -> Result<(), ShortFrame> {
        let w = self.size.width as usize;
        let h = self.size.height as usize;
        let needed = match self.format {
            PixelFormat::Mjpeg => 2,
            _ if w == 0 || h == 0 => usize::MAX,
            PixelFormat::Rgb | PixelFormat::Grey | PixelFormat::Yuyv => {
                self.stride * (h - 1) + self.format.tight_stride(self.size.width)
            }
            PixelFormat::Nv12 => {
                self.stride * h + self.stride * (h.div_ceil(2) - 1) + w.div_ceil(2) * 2
            }
            PixelFormat::I420 => {
                let chroma = self.stride.div_ceil(2);
                self.stride * h + 2 * chroma * (h.div_ceil(2) - 1) + chroma + w.div_ceil(2)
            }
        };
        if self.data.len() < needed || self.stride < self.format.tight_stride(self.size.width) {
            return Err(ShortFrame {
                size: self.size,
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

    /// The pixels of row `y` from `x` on, as many as `out` takes: as [`Pixels::rgb`], a row at a time.
    #[inline(always)]
    fn levels(&self, y: usize, x: usize, out: &mut [Level]) {
        for (i, level) in out.iter_mut().enumerate() {
            *level = self.rgb(x + i, y).map(f32::from).into();
        }
    }
}

/// A visitor that is compiled once for each pixel layout, so that the inner loop knows it.
pub trait PixelVisitor {
    type Output;
    fn visit(self, pixels: &impl Pixels, size: Size) -> Self::Output;
}

struct Rgb<'a>(&'a [u8], usize);
struct Grey<'a>(&'a [u8], usize);
struct Yuyv<'a>(&'a [u8], usize);
struct Nv12<'a> {
    y: &'a [u8],
    uv: &'a [u8],
    stride: usize,
}
struct I420<'a> {
    y: &'a [u8],
    u: &'a [u8],
    v: &'a [u8],
    stride: usize,
    chroma_stride: usize,
}

impl Pixels for Rgb<'_> {
    #[inline(always)]
    fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        let i = y * self.1 + x * 3;
        [self.0[i], self.0[i + 1], self.0[i + 2]]
    }
}

impl Pixels for Grey<'_> {
    #[inline(always)]
    fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        [self.0[y * self.1 + x]; 3]
    }
}

impl Pixels for Yuyv<'_> {
    #[inline(always)]
    fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        let pair = y * self.1 + (x / 2) * 4;
        yuv_to_rgb(
            self.0[pair + (x % 2) * 2],
            self.0[pair + 1],
            self.0[pair + 3],
        )
    }

    #[inline(always)]
    fn levels(&self, y: usize, x: usize, out: &mut [Level]) {
        let row = self.0[y * self.1..].as_chunks::<4>().0;
        yuv_levels(x, out, |pair| row[pair]);
    }
}

impl Pixels for Nv12<'_> {
    #[inline(always)]
    fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        let c = (y / 2) * self.stride + (x / 2) * 2;
        yuv_to_rgb(self.y[y * self.stride + x], self.uv[c], self.uv[c + 1])
    }

    #[inline(always)]
    fn levels(&self, y: usize, x: usize, out: &mut [Level]) {
        let luma = &self.y[y * self.stride..];
        let chroma = &self.uv[y / 2 * self.stride..];
        let chroma = chroma.as_chunks::<2>().0;
        yuv_levels(x, out, |pair| {
            let [u, v] = chroma[pair];
            [luma[2 * pair], u, second(luma, pair), v]
        });
    }
}

impl Pixels for I420<'_> {
    #[inline(always)]
    fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        let c = (y / 2) * self.chroma_stride + x / 2;
        yuv_to_rgb(self.y[y * self.stride + x], self.u[c], self.v[c])
    }

    #[inline(always)]
    fn levels(&self, y: usize, x: usize, out: &mut [Level]) {
        let luma = &self.y[y * self.stride..];
        let (u, v) = (
            &self.u[y / 2 * self.chroma_stride..],
            &self.v[y / 2 * self.chroma_stride..],
        );
        yuv_levels(x, out, |pair| {
            [luma[2 * pair], u[pair], second(luma, pair), v[pair]]
        });
    }
}

/// BT.601 limited range to RGB with the 20-bit constants of OpenCV's `COLOR_YUV2RGB_*`: equal to it
/// bit for bit.
#[inline(always)]
pub fn yuv_to_rgb(y: u8, u: u8, v: u8) -> [u8; 3] {
    let [r, g, b, _] = lit(y, tint(u, v));
    [r, g, b].map(|level| level as u8)
}

/// Bits behind the point of what a pixel is computed in.
const SHIFT: i32 = 20;

/// What colour adds to a pixel's R, G and B, and half a level; and a fourth number that means
/// nothing.
#[inline(always)]
fn tint(u: u8, v: u8) -> [i32; 4] {
    let u = i32::from(u) - 128;
    let v = i32::from(v) - 128;
    let half = 1 << (SHIFT - 1);
    [
        1_673_527 * v + half,
        -852_492 * v - 409_993 * u + half,
        2_116_026 * u + half,
        0,
    ]
}

/// The pixel of this luma with a tint: four levels, 0 to 255.
#[inline(always)]
fn lit(y: u8, tint: [i32; 4]) -> [i32; 4] {
    let y = (i32::from(y) - 16).max(0) * 1_220_542;
    tint.map(|c| ((y + c) >> SHIFT).clamp(0, 255))
}

/// A row's pixels from `x` on; `pair` gives Y0 U Y1 V of two pixels that share a colour.
#[inline(always)]
fn yuv_levels(x: usize, out: &mut [Level], pair: impl Fn(usize) -> [u8; 4]) {
    let level = |y: u8, tint| Level(lit(y, tint).map(|level| level as f32));
    let (odd, out) = out.split_at_mut((x % 2).min(out.len()));
    for out in odd {
        let [_, u, y, v] = pair(x / 2);
        *out = level(y, tint(u, v));
    }
    let first = x.div_ceil(2);
    let (pairs, last) = out.as_chunks_mut::<2>();
    let count = pairs.len();
    for (i, out) in pairs.iter_mut().enumerate() {
        let [y0, u, y1, v] = pair(first + i);
        let tint = tint(u, v);
        *out = [level(y0, tint), level(y1, tint)];
    }
    for out in last {
        let [y, u, _, v] = pair(first + count);
        *out = level(y, tint(u, v));
    }
}

/// The luma of a pair's second pixel, or anything where the picture ends in the middle of the pair.
#[inline(always)]
fn second(luma: &[u8], pair: usize) -> u8 {
    luma.get(2 * pair + 1).copied().unwrap_or_default()
}

/// RGB to BT.601 limited range, for recording: Y 16 to 235, U and V 16 to 240.
#[inline(always)]
pub fn rgb_to_yuv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let r = i32::from(r);
    let g = i32::from(g);
    let b = i32::from(b);
    let y = (16_829 * r + 33_039 * g + 6_416 * b + (16 << 16) + (1 << 15)) >> 16;
    let u = (-9_714 * r - 19_070 * g + 28_784 * b + (128 << 16) + (1 << 15)) >> 16;
    let v = (28_784 * r - 24_103 * g - 4_681 * b + (128 << 16) + (1 << 15)) >> 16;
    [
        y.clamp(0, 255) as u8,
        u.clamp(0, 255) as u8,
        v.clamp(0, 255) as u8,
    ]
}

impl Frame {
    /// Runs `visitor` over the picture, or gives `None` for a compressed one.
    ///
    /// # Errors
    /// [`ShortFrame`] if the data does not hold the picture: a visitor never reads outside.
    pub fn visit<V: PixelVisitor>(&self, visitor: V) -> Result<Option<V::Output>, ShortFrame> {
        self.check()?;
        let s = self.stride;
        let luma = self.stride * self.size.height as usize;
        Ok(Some(match self.format {
            PixelFormat::Rgb => visitor.visit(&Rgb(&self.data, s), self.size),
            PixelFormat::Grey => visitor.visit(&Grey(&self.data, s), self.size),
            PixelFormat::Yuyv => visitor.visit(&Yuyv(&self.data, s), self.size),
            PixelFormat::Nv12 => {
                let (y, uv) = self.data.split_at(luma);
                visitor.visit(&Nv12 { y, uv, stride: s }, self.size)
            }
            PixelFormat::I420 => {
                let (y, chroma) = self.data.split_at(luma);
                let chroma_stride = s.div_ceil(2);
                let (u, v) =
                    chroma.split_at(chroma_stride * (self.size.height as usize).div_ceil(2));
                visitor.visit(
                    &I420 {
                        y,
                        u,
                        v,
                        stride: s,
                        chroma_stride,
                    },
                    self.size,
                )
            }
            PixelFormat::Mjpeg => return Ok(None),
        }))
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

    const RAW: [PixelFormat; 5] = [
        PixelFormat::Rgb,
        PixelFormat::Grey,
        PixelFormat::Yuyv,
        PixelFormat::Nv12,
        PixelFormat::I420,
    ];

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
            let want = if matches!(format, PixelFormat::Rgb | PixelFormat::Grey) {
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
                frame(format, size, data).visit(Compare).unwrap().unwrap();
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
