//! PNG files to RGB or grey.

use super::{DecodeError, MAX_SIDE_PX, header};
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use std::io::Cursor;

pub(super) fn decode(bytes: &[u8], frame: &mut Frame) -> Result<(), DecodeError> {
    let broken = |e: ::png::DecodingError| DecodeError::Png(e.to_string());
    let mut decoder = ::png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(::png::Transformations::normalize_to_color8());
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
    let turn = reader
        .info()
        .exif_metadata
        .as_deref()
        .map(header::orientation);
    frame.set_shape(size, format);
    frame.turn(turn.unwrap_or_default());
    Ok(frame.check()?)
}
