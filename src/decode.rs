//! Compressed frames to pixels.
//!
//! In: a frame as the source gave it. Out: the same frame, or for MJPEG and PNG its picture as RGB
//! or grey. A broken picture is an error that names what is wrong; the frame is then dropped, never
//! shown half.

mod header;
mod jpeg;
mod png;

pub use header::Header;

use crate::frame::{Frame, PixelFormat, ShortFrame};
use crate::geometry::Size;

/// The longest side that is accepted, in pixels; larger ones are damage or an attack.
pub const MAX_SIDE_PX: u32 = 8192;

/// Why a picture could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("broken JPEG: {0}")]
    Jpeg(String),
    #[error("JPEG ends in the middle of the picture, or has no end mark")]
    Truncated,
    #[error("broken PNG: {0}")]
    Png(String),
    #[error("{0} is larger than {MAX_SIDE_PX} pixels a side: scale the picture down")]
    TooLarge(Size),
    #[error(transparent)]
    Short(#[from] ShortFrame),
    #[error("neither a JPEG nor a PNG file: convert it, for example with `convert IN out.png`")]
    Unknown,
}

/// Decodes one picture after another; nothing of ours is allocated after the first of a size.
#[derive(Default)]
pub struct Decoder {
    /// None before the first JPEG.
    jpeg: Option<jpeg::Jpeg>,
    spare: Frame,
}

impl Decoder {
    /// Makes `frame` readable as pixels: decodes MJPEG in place, checks any other format.
    ///
    /// # Errors
    /// A truncated or damaged picture; the frame is as it was.
    pub fn decode(&mut self, frame: &mut Frame) -> Result<(), DecodeError> {
        if frame.format == PixelFormat::Mjpeg {
            let mut spare = std::mem::take(&mut self.spare);
            let decoded = self.jpeg(&frame.data, &mut spare);
            if decoded.is_ok() {
                spare.turn(frame.turn);
                spare.time = frame.time;
                spare.sequence = frame.sequence;
                std::mem::swap(frame, &mut spare);
            }
            self.spare = spare;
            decoded?;
        }
        Ok(frame.check()?)
    }

    /// Decodes a JPEG or PNG file into `frame`.
    ///
    /// # Errors
    /// Neither of the two, damaged, or larger than [`MAX_SIDE_PX`].
    pub fn photo(&mut self, bytes: &[u8], frame: &mut Frame) -> Result<(), DecodeError> {
        match bytes {
            [0xff, 0xd8, ..] => self.jpeg(bytes, frame),
            [0x89, b'P', b'N', b'G', ..] => png::decode(bytes, frame),
            _ => Err(DecodeError::Unknown),
        }
    }

    fn jpeg(&mut self, bytes: &[u8], frame: &mut Frame) -> Result<(), DecodeError> {
        match &mut self.jpeg {
            Some(jpeg) => jpeg.decode(bytes, frame),
            none => none.insert(jpeg::Jpeg::new()?).decode(bytes, frame),
        }
    }
}

/// As [`Decoder::photo`], for a single file.
///
/// # Errors
/// As there.
pub fn photo(bytes: &[u8], frame: &mut Frame) -> Result<(), DecodeError> {
    Decoder::default().photo(bytes, frame)
}

#[cfg(test)]
mod tests;
