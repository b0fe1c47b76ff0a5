//! The pictures of a synthetic source.
//!
//! In: a frame with its shape set, and its number. Out: its bytes.

use crate::frame::{Frame, PixelFormat, PixelVisitor, Pixels, rgb_to_yuv};
use crate::geometry::Size;
use jpeg_encoder::{ColorType, Encoder};

/// A grey ramp that moves by four levels a frame.
pub(super) fn gradient(at: u64, frame: &mut Frame) {
    let stride = frame.stride;
    let step = at.wrapping_mul(4) as usize;
    frame.data.resize(stride * frame.size.height as usize, 0);
    for (y, row) in frame.data.chunks_exact_mut(stride).enumerate() {
        for (x, pair) in row.chunks_exact_mut(2).enumerate() {
            pair.copy_from_slice(&[((x + y + step) % 220 + 16) as u8, 128]);
        }
    }
}

/// Flat grey.
pub(super) fn blank(frame: &mut Frame) {
    frame.data.clear();
    frame
        .data
        .resize(frame.stride * frame.size.height as usize, 128);
}

/// `picture` stretched over the whole frame, nearest pixel.
pub(super) fn scaled(picture: &Frame, frame: &mut Frame) {
    struct Stretch<'a>(&'a mut Frame);
    impl PixelVisitor for Stretch<'_> {
        type Output = ();
        fn visit(self, pixels: &impl Pixels, from: Size) {
            let w = self.0.size.width as usize;
            let h = self.0.size.height as usize;
            let stride = self.0.stride;
            for (y, row) in self.0.data.chunks_exact_mut(stride).enumerate() {
                for (pair, four) in row.chunks_exact_mut(4).enumerate() {
                    let pixel = |x: usize| {
                        pixels.rgb(
                            x.min(w - 1) * from.width as usize / w,
                            y * from.height as usize / h,
                        )
                    };
                    let [a, u, v] = rgb_to_yuv(pixel(pair * 2));
                    let [b, ..] = rgb_to_yuv(pixel(pair * 2 + 1));
                    four.copy_from_slice(&[a, u, b, v]);
                }
            }
        }
    }
    blank(frame);
    if let Err(e) = picture.visit(Stretch(frame)) {
        log::warn!("synthetic: photo left grey: {e}");
    }
}

/// A colour ramp as a JPEG file; `rgb` is scratch.
pub(super) fn jpeg(at: u64, rgb: &mut Vec<u8>, frame: &mut Frame) -> Result<(), String> {
    let size = frame.size;
    let (Ok(w), Ok(h)) = (u16::try_from(size.width), u16::try_from(size.height)) else {
        return Err(format!("size {size}"));
    };
    let step = at.wrapping_mul(4) as usize;
    rgb.clear();
    for y in 0..usize::from(h) {
        rgb.extend((0..usize::from(w)).flat_map(|x| [(x + step) as u8, (y + step) as u8, 90]));
    }
    frame.data.clear();
    let encoded = Encoder::new(&mut frame.data, 85).encode(rgb, w, h, ColorType::Rgb);
    encoded.map_err(|e| e.to_string())?;
    frame.set_shape(size, PixelFormat::Mjpeg);
    Ok(())
}
