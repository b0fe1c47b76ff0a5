//! AVI with MJPEG pictures.
//!
//! In: JPEGs, which go in as they are, or raw frames, which are encoded. Out: a file that posed,
//! ffmpeg and players read. Sizes, frame count and index are written at the end; without them posed
//! and ffmpeg still read the frames.

use super::parts::Parts;
use super::{ClipWriter, RecordError, same_size};
use crate::capture::jpeg;
use crate::decode::{DecodeError, Decoder};
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use jpeg_encoder::{ColorType, Encoder};
use std::fs::File;
use std::path::Path;

/// Visually the same as the camera's picture, at about a tenth of the bytes.
const JPEG_QUALITY: u8 = 90;

/// Sizes in an AVI have 32 bits; the rest is room for the last index entries.
const MAX_BYTES: u64 = u32::MAX as u64 - (1 << 20);

// Byte offsets of what `finish` completes, from the layout in `header`.
const RIFF_SIZE_AT: u64 = 4;
const AVIH_FRAMES_AT: u64 = 48;
const STRH_LENGTH_AT: u64 = 140;
const MOVI_SIZE_AT: u64 = 216;
const HEADER_BYTES: usize = 224;

/// Writes an AVI file.
pub struct AviWriter {
    parts: Parts,
    rate: (u32, u32),
    size: Option<Size>,
    /// Where each frame's chunk begins, from the word `movi`, and the bytes of its JPEG: 0 where the
    /// picture before stays.
    index: Vec<(u32, u32)>,
    jpeg: Vec<u8>,
    decoder: Decoder,
    decoded: Frame,
    chunk: Vec<u8>,
}

impl AviWriter {
    pub(super) fn new(file: File, path: &Path, rate: (u32, u32)) -> Self {
        Self {
            parts: Parts::new(file, path),
            rate,
            size: None,
            index: Vec::new(),
            jpeg: Vec::new(),
            decoder: Decoder::default(),
            decoded: Frame::default(),
            chunk: Vec::new(),
        }
    }

    /// Adds a frame's chunk, the first one with the header before it.
    fn put(&mut self, size: Size, jpeg: &[u8]) -> Result<(), RecordError> {
        // Each frame adds its chunk now and 16 bytes of index at the end.
        let bytes = self.parts.bytes() + jpeg.len() as u64 + 16 * self.index.len() as u64;
        if bytes > MAX_BYTES {
            return Err(RecordError::Full(self.parts.path().into()));
        }
        self.chunk.clear();
        if self.parts.bytes() == 0 {
            self.chunk.extend(header(size, self.rate));
        }
        let at = self.parts.bytes() + self.chunk.len() as u64 - MOVI_SIZE_AT - 4;
        let length = jpeg.len() as u32;
        self.chunk.extend(b"00dc");
        self.chunk.extend(length.to_le_bytes());
        self.chunk.extend(jpeg);
        self.chunk.extend(&[0][..jpeg.len() % 2]);
        self.parts.add(&self.chunk)?;
        self.index.push((at as u32, length));
        Ok(())
    }

    fn close(&mut self) -> Result<(), RecordError> {
        if self.parts.bytes() == 0 {
            return Ok(());
        }
        let mut movi = self.parts.bytes() - MOVI_SIZE_AT - 4;
        // On a full disk the last frames make room.
        while let Err(e) = self.parts.add(&index(&self.index)) {
            let Some((at, _)) = self.index.pop().filter(|_| e.is_full_disk()) else {
                return Err(e);
            };
            movi = u64::from(at);
            self.parts.cut(movi + MOVI_SIZE_AT + 4);
        }
        let frames = self.index.len() as u32;
        let sizes = [
            (RIFF_SIZE_AT, (self.parts.bytes() - 8) as u32),
            (MOVI_SIZE_AT, movi as u32),
            (AVIH_FRAMES_AT, frames),
            (STRH_LENGTH_AT, frames),
        ];
        for (at, value) in sizes {
            self.parts.patch(at, &value.to_le_bytes())?;
        }
        Ok(())
    }
}

/// The chunk that says where frames are.
fn index(frames: &[(u32, u32)]) -> Vec<u8> {
    const KEY_FRAME: u32 = 0x10;
    let mut chunk = b"idx1".to_vec();
    chunk.extend((frames.len() as u32 * 16).to_le_bytes());
    for (at, length) in frames {
        chunk.extend(b"00dc");
        chunk.extend([KEY_FRAME, *at, *length].map(u32::to_le_bytes).concat());
    }
    chunk
}

impl ClipWriter for AviWriter {
    fn write(&mut self, frame: &Frame) -> Result<(), RecordError> {
        let mut made = std::mem::take(&mut self.jpeg);
        let result = self.write_with(frame, &mut made);
        self.jpeg = made;
        result
    }

    /// By chunks of no bytes, which players and posed take for "the same once more".
    fn hold(&mut self, frames: u64) -> Result<(), RecordError> {
        let Some(size) = self.size else {
            return Ok(());
        };
        (0..frames).try_for_each(|_| self.put(size, &[]))
    }

    fn finish(mut self: Box<Self>) -> Result<u64, RecordError> {
        self.close()?;
        Ok(self.index.iter().filter(|(_, bytes)| *bytes > 0).count() as u64)
    }
}

impl AviWriter {
    /// Writes `frame`, with `made` as the room for a JPEG.
    fn write_with(&mut self, frame: &Frame, made: &mut Vec<u8>) -> Result<(), RecordError> {
        let (size, jpeg) = if frame.format == PixelFormat::Mjpeg && frame.turn.is_none() {
            let jpeg = jpeg::whole(&frame.data).ok_or(DecodeError::Truncated)?;
            (jpeg::size(jpeg), jpeg)
        } else if frame.format == PixelFormat::Mjpeg {
            // Turned: a JPEG cannot say so in a clip.
            self.decoded.copy_from(frame);
            self.decoder.decode(&mut self.decoded)?;
            made.clear();
            encode(&self.decoded, made)?;
            (self.decoded.size, &**made)
        } else {
            made.clear();
            encode(frame, made)?;
            (frame.size, &**made)
        };
        same_size(&mut self.size, size)?;
        self.put(size, jpeg)
    }
}

fn encode(frame: &Frame, out: &mut Vec<u8>) -> Result<(), RecordError> {
    let rgb = frame.to_rgb()?;
    let side =
        |v: u32| u16::try_from(v).map_err(|_| RecordError::from(DecodeError::TooLarge(frame.size)));
    let w = side(frame.size.width)?;
    let h = side(frame.size.height)?;
    Encoder::new(out, JPEG_QUALITY)
        .encode(&rgb, w, h, ColorType::Rgb)
        .map_err(|e| RecordError::Encode(e.to_string()))
}

/// The bytes before the first frame, with zeros for what is only known at the end.
fn header(size: Size, (num, den): (u32, u32)) -> Vec<u8> {
    let frame_us = (u64::from(den) * 1_000_000 / u64::from(num.max(1))) as u32;
    let w = size.width;
    let h = size.height;
    let mut out = Vec::with_capacity(HEADER_BYTES);
    let text = |out: &mut Vec<u8>, word: &[u8]| out.extend_from_slice(word);
    let words =
        |out: &mut Vec<u8>, words: &[u32]| words.iter().for_each(|w| out.extend(w.to_le_bytes()));
    text(&mut out, b"RIFF\0\0\0\0AVI LIST");
    words(&mut out, &[192]);
    text(&mut out, b"hdrlavih");
    const HAS_INDEX: u32 = 0x10;
    words(
        &mut out,
        &[56, frame_us, 0, 0, HAS_INDEX, 0, 0, 1, 0, w, h, 0, 0, 0, 0],
    );
    text(&mut out, b"LIST");
    words(&mut out, &[116]);
    text(&mut out, b"strlstrh");
    words(&mut out, &[56]);
    text(&mut out, b"vidsMJPG");
    words(
        &mut out,
        &[
            0,
            0,
            0,
            den,
            num,
            0,
            0,
            0,
            u32::MAX,
            0,
            0,
            w & 0xffff | h << 16,
        ],
    );
    text(&mut out, b"strf");
    words(&mut out, &[40, 40, w, h, 1 | 24 << 16]);
    text(&mut out, b"MJPG");
    words(&mut out, &[w.wrapping_mul(h).wrapping_mul(3), 0, 0, 0, 0]);
    text(&mut out, b"LIST\0\0\0\0movi");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_laid_out_as_its_offsets_say() {
        let h = header(Size::new(640, 480), (30, 1));
        let at = |i: u64| &h[i as usize - 4..i as usize];
        assert_eq!(h.len(), HEADER_BYTES);
        assert_eq!(
            (at(RIFF_SIZE_AT), at(MOVI_SIZE_AT), &h[24..32], &h[100..108]),
            (
                &b"RIFF"[..],
                &b"LIST"[..],
                &b"avih\x38\0\0\0"[..],
                &b"strh\x38\0\0\0"[..]
            )
        );
        // After the list of headers (12 + 8 + 192 bytes) comes the list of frames.
        assert_eq!(12 + 8 + 192, MOVI_SIZE_AT - 4);
    }
}
