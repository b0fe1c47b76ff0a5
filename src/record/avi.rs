//! AVI with MJPEG pictures.
//!
//! In: JPEGs, which go in as they are, or raw frames, which are encoded. Out: a file that posed,
//! ffmpeg and players read. Sizes, frame count and index are written at the end; without them posed
//! and ffmpeg still read the frames.

use super::{ClipWriter, RecordError, same_size};
use crate::capture::jpeg;
use crate::decode::{DecodeError, Decoder};
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use jpeg_encoder::{ColorType, Encoder};
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

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
    out: BufWriter<File>,
    path: PathBuf,
    rate: (u32, u32),
    size: Option<Size>,
    /// Where each frame's chunk begins, from the word `movi`, and the bytes of its JPEG.
    index: Vec<(u32, u32)>,
    bytes: u64,
    jpeg: Vec<u8>,
    decoder: Decoder,
    decoded: Frame,
}

impl AviWriter {
    pub(super) fn new(file: File, path: &Path, rate: (u32, u32)) -> Self {
        let out = BufWriter::new(file);
        let path = path.into();
        Self {
            out,
            path,
            rate,
            size: None,
            index: Vec::new(),
            bytes: 0,
            jpeg: Vec::new(),
            decoder: Decoder::default(),
            decoded: Frame::default(),
        }
    }

    fn put(&mut self, size: Size, jpeg: &[u8]) -> io::Result<()> {
        if self.bytes == 0 {
            self.out.write_all(&header(size, self.rate))?;
            self.bytes = HEADER_BYTES as u64;
        }
        let length = jpeg.len() as u32;
        self.out.write_all(b"00dc")?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(jpeg)?;
        self.out.write_all(&[0][..jpeg.len() % 2])?;
        self.out.flush()?; // so that a cut recording lacks one frame at most
        self.index
            .push(((self.bytes - MOVI_SIZE_AT - 4) as u32, length));
        self.bytes += 8 + u64::from(length) + u64::from(length % 2);
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        if self.bytes == 0 {
            return self.out.flush();
        }
        let frames = self.index.len() as u32;
        self.out.seek(SeekFrom::Start(self.bytes))?; // a write that failed may have left half a frame there
        self.out.write_all(b"idx1")?;
        self.out.write_all(&(frames * 16).to_le_bytes())?;
        for (at, length) in &self.index {
            const KEY_FRAME: u32 = 0x10;
            self.out.write_all(b"00dc")?;
            for word in [KEY_FRAME, *at, *length] {
                self.out.write_all(&word.to_le_bytes())?;
            }
        }
        let all = self.bytes + 8 + u64::from(frames) * 16;
        let movi = self.bytes - MOVI_SIZE_AT - 4;
        let sizes = [
            (RIFF_SIZE_AT, (all - 8) as u32),
            (MOVI_SIZE_AT, movi as u32),
            (AVIH_FRAMES_AT, frames),
            (STRH_LENGTH_AT, frames),
        ];
        for (at, value) in sizes {
            self.out.seek(SeekFrom::Start(at))?;
            self.out.write_all(&value.to_le_bytes())?;
        }
        self.out.flush()
    }
}

impl ClipWriter for AviWriter {
    fn write(&mut self, frame: &Frame) -> Result<(), RecordError> {
        let mut made = std::mem::take(&mut self.jpeg);
        let result = self.write_with(frame, &mut made);
        self.jpeg = made;
        result
    }

    fn finish(mut self: Box<Self>) -> Result<u64, RecordError> {
        self.close().map_err(|error| RecordError::Write {
            path: self.path.clone(),
            error,
        })?;
        Ok(self.index.len() as u64)
    }
}

impl AviWriter {
    /// Writes `frame`, with `made` as the room for a JPEG.
    fn write_with(&mut self, frame: &Frame, made: &mut Vec<u8>) -> Result<(), RecordError> {
        let (size, jpeg) = if frame.format == PixelFormat::Mjpeg && frame.turn.is_none() {
            let jpeg = jpeg::whole(&frame.data).ok_or(DecodeError::Truncated)?;
            (jpeg::size(jpeg), jpeg)
        } else {
            made.clear();
            self.decoded.copy_from(frame);
            self.decoder.decode(&mut self.decoded)?;
            encode(&self.decoded, made)?;
            (self.decoded.size, &**made)
        };
        same_size(&mut self.size, size)?;
        // Each frame adds its chunk now and 16 bytes of index at the end.
        if self.bytes + jpeg.len() as u64 + 16 * self.index.len() as u64 > MAX_BYTES {
            return Err(RecordError::Full(self.path.clone()));
        }
        self.put(size, jpeg).map_err(|error| RecordError::Write {
            path: self.path.clone(),
            error,
        })
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
