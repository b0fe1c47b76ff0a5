//! Pictures to JPEG, for whoever looks from elsewhere: a browser, home automation, a clip.
//!
//! In: a frame in any uncompressed layout. Out: the bytes of a JPEG file, by libjpeg-turbo; smaller
//! than the frame by a whole factor where its longer side must not be longer than so many pixels.

use crate::frame::{Frame, Level, PixelVisitor, Pixels, ShortFrame};
use crate::geometry::Size;
use std::ffi::{CStr, c_int};
use std::ptr::NonNull;
use turbojpeg_sys as raw;

/// Why a picture cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error(transparent)]
    Short(#[from] ShortFrame),
    #[error("the picture cannot be made a JPEG: {0}")]
    Jpeg(String),
}

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quality {
    /// The longer side has at most so many pixels.
    pub longest: u32,
    /// 1 to 100.
    pub percent: u8,
}

impl Quality {
    fn factor(self, size: Size) -> u32 {
        let longest = size.width.max(size.height);
        longest.div_ceil(self.longest.max(1)).max(1)
    }

    /// The size that a picture of this size is written in.
    pub fn reduced(self, size: Size) -> Size {
        let factor = self.factor(size);
        Size::new(size.width.div_ceil(factor), size.height.div_ceil(factor))
    }
}

/// Writes one picture after another, in room that is used again.
#[derive(Default)]
pub struct JpegEncoder {
    /// None before the first picture.
    compressor: Option<Compressor>,
    rgb: Vec<u8>,
    jpeg: Vec<u8>,
}

/// libjpeg-turbo's compressor.
struct Compressor(NonNull<std::ffi::c_void>);

// SAFETY: the library keeps all state behind the handle, which nobody else has.
unsafe impl Send for Compressor {}

impl JpegEncoder {
    /// Writes the picture, upright.
    ///
    /// ```
    /// # use posed::{encode::{JpegEncoder, Quality}, frame::{Frame, PixelFormat}, geometry::Size};
    /// let mut frame = Frame { data: vec![90; 64 * 32], ..Frame::default() };
    /// frame.set_shape(Size::new(64, 32), PixelFormat::Grey);
    /// let quality = Quality { longest: 32, percent: 80 };
    /// let jpeg = JpegEncoder::default().encode(&frame, quality)?.to_vec();
    /// let mut read = Frame::default();
    /// posed::decode::photo(&jpeg, &mut read)?;
    /// assert_eq!(read.size, Size::new(32, 16));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The frame's bytes do not hold its picture, it is too large for a JPEG, or memory is short.
    pub fn encode(&mut self, frame: &Frame, quality: Quality) -> Result<&[u8], EncodeError> {
        self.rgb.clear();
        let reduce = Reduce {
            factor: quality.factor(frame.size) as usize,
            out: &mut self.rgb,
        };
        let size = quality.reduced(frame.size);
        frame.visit(reduce)?.ok_or_else(|| {
            EncodeError::Jpeg("a picture that is compressed already was to be".into())
        })?;
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            none => none.insert(Compressor::new()?),
        };
        compressor.compress(&self.rgb, size, quality.percent, &mut self.jpeg)?;
        Ok(&self.jpeg)
    }
}

impl Compressor {
    fn new() -> Result<Self, EncodeError> {
        // SAFETY: takes no pointers; gives null where memory is short.
        let handle = unsafe { raw::tj3Init(raw::TJINIT_TJINIT_COMPRESS as c_int) };
        NonNull::new(handle)
            .map(Self)
            .ok_or_else(|| EncodeError::Jpeg("no memory for an encoder".into()))
    }

    /// Fills `jpeg` with the picture of `size` whose pixels `rgb` has, three bytes each.
    fn compress(
        &self,
        rgb: &[u8],
        size: Size,
        percent: u8,
        jpeg: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        for (parameter, value) in [
            (
                raw::TJPARAM_TJPARAM_SUBSAMP,
                raw::TJSAMP_TJSAMP_420 as c_int,
            ),
            (
                raw::TJPARAM_TJPARAM_QUALITY,
                c_int::from(percent.clamp(1, 100)),
            ),
            (raw::TJPARAM_TJPARAM_NOREALLOC, 1),
        ] {
            // SAFETY: the handle is a compressor's, and the parameters are its own.
            self.check(unsafe { raw::tj3Set(self.0.as_ptr(), parameter as c_int, value) })?;
        }
        let (width, height) = (size.width as c_int, size.height as c_int);
        if rgb.len() != 3 * size.width as usize * size.height as usize {
            return Err(EncodeError::Jpeg(
                "it has not the pixels of its size".into(),
            ));
        }
        // SAFETY: takes no pointers.
        let most = unsafe { raw::tj3JPEGBufSize(width, height, raw::TJSAMP_TJSAMP_420 as c_int) };
        jpeg.resize(most as usize, 0);
        let mut place = jpeg.as_mut_ptr();
        let mut bytes = most as _;
        // SAFETY: `rgb` holds `width * height` pixels of three bytes with nothing between rows (a
        // pitch of 0), as was looked at above. `place` has room for `bytes`, the most that such a
        // picture can take, and is not allocated anew.
        self.check(unsafe {
            raw::tj3Compress8(
                self.0.as_ptr(),
                rgb.as_ptr(),
                width,
                0,
                height,
                raw::TJPF_TJPF_RGB as c_int,
                &mut place,
                &mut bytes,
            )
        })?;
        jpeg.truncate(bytes as usize);
        Ok(())
    }

    fn check(&self, result: c_int) -> Result<(), EncodeError> {
        if result == 0 {
            return Ok(());
        }
        // SAFETY: the library gives a C string that stands until its next call with this handle.
        let said = unsafe { CStr::from_ptr(raw::tj3GetErrorStr(self.0.as_ptr())) };
        Err(EncodeError::Jpeg(said.to_string_lossy().into()))
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        // SAFETY: the handle is the one that `tj3Init` gave, and is used no more.
        unsafe { raw::tj3Destroy(self.0.as_ptr()) };
    }
}

/// Pushes the means of blocks of `factor` by `factor` pixels, those at the edges of what there is.
struct Reduce<'a> {
    factor: usize,
    out: &'a mut Vec<u8>,
}

impl PixelVisitor for Reduce<'_> {
    type Output = ();

    fn visit(self, pixels: &impl Pixels, size: Size) {
        let (w, h) = (size.width as usize, size.height as usize);
        if self.factor == 1 {
            let rows = (0..h).flat_map(|y| (0..w).map(move |x| (x, y)));
            rows.for_each(|(x, y)| self.out.extend_from_slice(&pixels.rgb(x, y)));
            return;
        }
        let mut row = vec![Level::default(); w];
        let mut sums = vec![[0.0; 3]; w.div_ceil(self.factor)];
        for top in (0..h).step_by(self.factor) {
            sums.fill([0.0; 3]);
            let bottom = (top + self.factor).min(h);
            for y in top..bottom {
                pixels.levels(y, 0, &mut row);
                for (block, sum) in row.chunks(self.factor).zip(&mut sums) {
                    for Level([r, g, b, _]) in block {
                        *sum = [sum[0] + r, sum[1] + g, sum[2] + b];
                    }
                }
            }
            for (block, sum) in row.chunks(self.factor).zip(&sums) {
                let count = (block.len() * (bottom - top)) as f32;
                self.out.extend(sum.map(|s| (s / count).round() as u8));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;
    use crate::geometry::Turn;

    /// A frame whose left half is dark and right half bright.
    fn halves(size: Size) -> Frame {
        let row = (0..size.width).map(|x| if x < size.width / 2 { 40 } else { 200 });
        let row: Vec<u8> = row.collect();
        let mut frame = Frame {
            data: row.repeat(size.height as usize),
            ..Frame::default()
        };
        frame.set_shape(size, PixelFormat::Grey);
        frame
    }

    fn read(jpeg: &[u8]) -> Frame {
        let mut frame = Frame::default();
        crate::decode::photo(jpeg, &mut frame).unwrap();
        frame
    }

    #[test]
    fn a_picture_is_read_back_as_it_was_and_a_turned_one_upright() {
        let mut encoder = JpegEncoder::default();
        let quality = Quality {
            longest: 4096,
            percent: 90,
        };
        let mut frame = halves(Size::new(64, 32));
        let same = read(encoder.encode(&frame, quality).unwrap());
        assert_eq!(same.size, Size::new(64, 32));
        let rgb = same.to_rgb().unwrap();
        assert!(rgb[0].abs_diff(40) < 4 && rgb[63 * 3].abs_diff(200) < 4);
        // On its side.
        frame.turn(Turn::of_exif(6));
        let upright = read(encoder.encode(&frame, quality).unwrap());
        assert_eq!(upright.size, Size::new(32, 64));
        let rgb = upright.to_rgb().unwrap();
        assert!(rgb[0].abs_diff(40) < 4 && rgb[63 * 32 * 3].abs_diff(200) < 4);
    }

    #[test]
    fn a_reduced_picture_has_the_means_of_blocks_and_keeps_its_aspect() {
        let mut encoder = JpegEncoder::default();
        let quality = Quality {
            longest: 24,
            percent: 90,
        };
        let small = read(
            encoder
                .encode(&halves(Size::new(640, 480)), quality)
                .unwrap(),
        );
        assert_eq!(small.size, Size::new(24, 18));
        let rgb = small.to_rgb().unwrap();
        assert!(rgb[0].abs_diff(40) < 8 && rgb[23 * 3].abs_diff(200) < 8);
        let odd = read(encoder.encode(&halves(Size::new(49, 3)), quality).unwrap());
        assert_eq!(odd.size, Size::new(17, 1));
    }

    #[test]
    fn a_frame_without_its_bytes_is_refused_and_the_next_one_is_not() {
        let mut encoder = JpegEncoder::default();
        let quality = Quality {
            longest: 4096,
            percent: 90,
        };
        let mut short = halves(Size::new(64, 32));
        short.data.truncate(100);
        assert!(encoder.encode(&short, quality).is_err());
        assert!(encoder.encode(&halves(Size::new(64, 32)), quality).is_ok());
    }
}
