//! Y4M: uncompressed I420.
//!
//! In: frames in any form. Out: the file that [`crate::capture::y4m`] describes. I420 and NV12 lose
//! nothing, YUYV half of its chroma rows.

use super::parts::Parts;
use super::{ClipWriter, RecordError, same_size};
use crate::decode::Decoder;
use crate::frame::{Frame, PixelFormat, PixelVisitor, Pixels, rgb_to_yuv};
use crate::geometry::Size;
use std::fs::File;
use std::path::Path;

/// Writes a Y4M file.
pub struct Y4mWriter {
    parts: Parts,
    rate: (u32, u32),
    size: Option<Size>,
    frames: u64,
    /// A decoded JPEG.
    decoded: Frame,
    decoder: Decoder,
    /// The frame as I420 with nothing between its rows.
    planes: Vec<u8>,
    part: Vec<u8>,
}

impl Y4mWriter {
    pub(super) fn new(file: File, path: &Path, rate: (u32, u32)) -> Self {
        Self {
            parts: Parts::new(file, path),
            rate,
            size: None,
            frames: 0,
            decoded: Frame::default(),
            decoder: Decoder::default(),
            planes: Vec::new(),
            part: Vec::new(),
        }
    }

    /// Adds the planes once more, the first time with the header before them.
    fn put(&mut self, size: Size) -> Result<(), RecordError> {
        self.part.clear();
        if self.parts.bytes() == 0 {
            let (num, den) = self.rate;
            let Size { width, height } = size;
            let header = format!(
                "YUV4MPEG2 W{width} H{height} F{num}:{den} Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n"
            );
            self.part.extend(header.bytes());
        }
        self.part.extend(b"FRAME\n");
        self.part.extend(&self.planes);
        self.parts.add(&self.part)
    }
}

impl ClipWriter for Y4mWriter {
    fn write(&mut self, frame: &Frame) -> Result<(), RecordError> {
        let raw = if frame.format == PixelFormat::Mjpeg {
            self.decoded.copy_from(frame);
            self.decoder.decode(&mut self.decoded)?;
            &self.decoded
        } else {
            frame
        };
        raw.check()?;
        let size = raw.size;
        // Before it takes the place of the picture before, which may have to stay.
        same_size(&mut self.size, size)?;
        to_i420(raw, &mut self.planes)?;
        self.put(size)?;
        self.frames += 1;
        Ok(())
    }

    /// By the picture itself: Y4M has no other way.
    fn hold(&mut self, frames: u64) -> Result<(), RecordError> {
        match self.size {
            Some(size) if self.frames > 0 => (0..frames).try_for_each(|_| self.put(size)),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Result<u64, RecordError> {
        Ok(self.frames)
    }
}

/// The picture as planes of Y, U and V with nothing between rows.
fn to_i420(frame: &Frame, out: &mut Vec<u8>) -> Result<(), RecordError> {
    frame.check()?;
    let w = frame.size.width as usize;
    let h = frame.size.height as usize;
    let s = frame.stride;
    let cw = w.div_ceil(2);
    let ch = h.div_ceil(2);
    out.clear();
    let luma = &frame.data[..];
    let rows = |data: &[u8], out: &mut Vec<u8>, stride: usize, width: usize, count: usize| {
        (0..count).for_each(|y| out.extend_from_slice(&data[y * stride..y * stride + width]));
    };
    match frame.format {
        _ if !frame.turn.is_none() => drop(frame.visit(FromRgb(out))?),
        PixelFormat::I420 => {
            let c = s.div_ceil(2);
            rows(luma, out, s, w, h);
            rows(&frame.data[s * h..], out, c, cw, ch);
            rows(&frame.data[s * h + c * ch..], out, c, cw, ch);
        }
        PixelFormat::Nv12 => {
            rows(luma, out, s, w, h);
            let pairs = s.next_multiple_of(2);
            for part in 0..2 {
                (0..ch).for_each(|y| {
                    out.extend((0..cw).map(|x| frame.data[s * h + y * pairs + 2 * x + part]))
                });
            }
        }
        PixelFormat::Yuyv => {
            (0..h).for_each(|y| out.extend((0..w).map(|x| luma[y * s + 2 * x])));
            for part in [1, 3] {
                for y in 0..ch {
                    let a = 2 * y * s;
                    let b = (2 * y + 1).min(h - 1) * s;
                    let chroma = |x: usize| {
                        u16::from(luma[a + 4 * x + part]) + u16::from(luma[b + 4 * x + part])
                    };
                    out.extend((0..cw).map(|x| (chroma(x).div_ceil(2)) as u8));
                }
            }
        }
        _ => drop(frame.visit(FromRgb(out))?),
    }
    Ok(())
}

/// Any pixels to I420, chroma from the mean of each 2x2.
struct FromRgb<'a>(&'a mut Vec<u8>);

impl PixelVisitor for FromRgb<'_> {
    type Output = ();
    fn visit(self, pixels: &impl Pixels, size: Size) {
        let w = size.width as usize;
        let h = size.height as usize;
        for y in 0..h {
            self.0
                .extend((0..w).map(|x| rgb_to_yuv(pixels.rgb(x, y))[0]));
        }
        for part in [1, 2] {
            for y in (0..h).step_by(2) {
                self.0.extend((0..w).step_by(2).map(|x| {
                    let right = (x + 1).min(w - 1);
                    let below = (y + 1).min(h - 1);
                    let four = [(x, y), (right, y), (x, below), (right, below)]
                        .map(|(x, y)| pixels.rgb(x, y));
                    let mean = |c: usize| {
                        ((four.iter().map(|p| u16::from(p[c])).sum::<u16>() + 2) / 4) as u8
                    };
                    rgb_to_yuv([mean(0), mean(1), mean(2)])[part]
                }));
            }
        }
    }
}
