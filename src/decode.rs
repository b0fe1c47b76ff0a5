//! Compressed frames to pixels.
//!
//! In: a frame as the source gave it. Out: the same frame, or for MJPEG and PNG its picture as RGB
//! or grey. A broken picture is an error that names what is wrong; the frame is then dropped, never
//! shown half.

use crate::frame::{Frame, PixelFormat, ShortFrame};
use crate::geometry::Size;
use std::io::Cursor;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The longest side that is accepted, in pixels; larger ones are damage or an attack.
pub const MAX_SIDE_PX: u32 = 8192;

/// Why a picture could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("broken JPEG: {0}")]
    Jpeg(String),
    #[error("JPEG ends in the middle of the picture")]
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

/// Makes `frame` readable as pixels: decodes MJPEG into `spare` and swaps, checks any other format.
///
/// # Errors
/// A truncated or damaged picture.
pub fn decode(frame: &mut Frame, spare: &mut Frame) -> Result<(), DecodeError> {
    if frame.format == PixelFormat::Mjpeg {
        jpeg(&frame.data, spare)?;
        spare.time = frame.time;
        spare.sequence = frame.sequence;
        std::mem::swap(frame, spare);
    }
    Ok(frame.check()?)
}

/// Decodes a JPEG or PNG file into `frame`.
///
/// # Errors
/// Neither of the two, damaged, or larger than [`MAX_SIDE_PX`].
pub fn photo(bytes: &[u8], frame: &mut Frame) -> Result<(), DecodeError> {
    match bytes {
        [0xff, 0xd8, ..] => jpeg(bytes, frame),
        [0x89, b'P', b'N', b'G', ..] => png(bytes, frame),
        _ => Err(DecodeError::Unknown),
    }
}

fn jpeg(bytes: &[u8], frame: &mut Frame) -> Result<(), DecodeError> {
    let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |i| i + 1); // cameras pad with zeros
    if end < 4 || bytes[end - 2..end] != [0xff, 0xd9] {
        return Err(DecodeError::Truncated);
    }
    let broken = |e: zune_jpeg::errors::DecodeErrors| DecodeError::Jpeg(format!("{e:?}"));
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder =
        zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(&bytes[..end]), options);
    decoder.decode_headers().map_err(broken)?;
    let (w, h) = decoder
        .dimensions()
        .ok_or_else(|| DecodeError::Jpeg("no size".into()))?;
    let size = Size::new(w as u32, h as u32);
    if w > MAX_SIDE_PX as usize || h > MAX_SIDE_PX as usize {
        return Err(DecodeError::TooLarge(size));
    }
    let needed = decoder
        .output_buffer_size()
        .ok_or_else(|| DecodeError::Jpeg("no size".into()))?;
    frame.data.resize(needed, 0);
    decoder.decode_into(&mut frame.data).map_err(broken)?;
    frame.set_shape(size, PixelFormat::Rgb);
    Ok(frame.check()?)
}

fn png(bytes: &[u8], frame: &mut Frame) -> Result<(), DecodeError> {
    let broken = |e: png::DecodingError| DecodeError::Png(e.to_string());
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(broken)?;
    let size = Size::new(reader.info().width, reader.info().height);
    if size.width > MAX_SIDE_PX || size.height > MAX_SIDE_PX {
        return Err(DecodeError::TooLarge(size));
    }
    let needed = reader
        .output_buffer_size()
        .ok_or(DecodeError::TooLarge(size))?;
    frame.data.resize(needed, 0);
    let info = reader.next_frame(&mut frame.data).map_err(broken)?;
    let channels = info.color_type.samples();
    let pixels = size.width as usize * size.height as usize;
    if channels == 2 || channels == 4 {
        for i in 0..pixels {
            frame.data.copy_within(
                i * channels..i * channels + channels - 1,
                i * (channels - 1),
            );
        }
    }
    let format = if channels < 3 {
        PixelFormat::Grey
    } else {
        PixelFormat::Rgb
    };
    frame
        .data
        .truncate(pixels * if channels < 3 { 1 } else { 3 });
    frame.set_shape(size, format);
    Ok(frame.check()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo_bytes() -> Vec<u8> {
        std::fs::read("photos/astronaut.jpg").unwrap()
    }

    #[test]
    fn a_jpeg_cut_anywhere_is_an_error_and_never_a_panic() {
        let bytes = photo_bytes();
        let mut frame = Frame::default();
        photo(&bytes, &mut frame).unwrap();
        assert_eq!(
            (frame.size, frame.format),
            (Size::new(512, 512), PixelFormat::Rgb)
        );
        for cut in (0..bytes.len()).step_by(997) {
            assert!(photo(&bytes[..cut], &mut frame).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn flipped_bytes_never_panic() {
        let mut frame = Frame::default();
        for i in (2..2000).step_by(3) {
            let mut bytes = photo_bytes();
            bytes[i] ^= 0xff;
            let _ = photo(&bytes, &mut frame);
        }
    }

    #[test]
    fn png_with_alpha_loses_only_the_alpha() {
        let mut bytes = Vec::new();
        let mut e = png::Encoder::new(&mut bytes, 2, 1);
        e.set_color(png::ColorType::Rgba);
        e.write_header()
            .unwrap()
            .write_image_data(&[1, 2, 3, 4, 5, 6, 7, 8])
            .unwrap();
        let mut frame = Frame::default();
        photo(&bytes, &mut frame).unwrap();
        assert_eq!(frame.data, [1, 2, 3, 5, 6, 7]);
    }
}
