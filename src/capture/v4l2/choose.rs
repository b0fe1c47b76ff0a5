//! Which of a camera's formats and sizes to take.
//!
//! In: what the driver offers. Out: the choice, by rules without any device.

use crate::frame::PixelFormat;
use crate::geometry::Size;

/// Asked for where nobody says anything: enough for a network of 192x256 and cheap on a small
/// board.
pub(super) const DEFAULT_SIZE: Size = Size::new(640, 480);

/// Sizes from `min` to `max` in steps of `step`; a single size has `min == max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes {
    pub(super) min: Size,
    pub(super) max: Size,
    pub(super) step: Size,
}

impl Sizes {
    pub(super) fn one(size: Size) -> Self {
        Self {
            min: size,
            max: size,
            step: Size::new(1, 1),
        }
    }

    /// The size in the range that is nearest to `wanted`.
    fn nearest(&self, wanted: Size) -> Size {
        let axis = |v: u32, min: u32, max: u32, step: u32| {
            let inside = v.clamp(min, max.max(min));
            inside - (inside - min) % step.max(1)
        };
        Size::new(
            axis(
                wanted.width,
                self.min.width,
                self.max.width,
                self.step.width,
            ),
            axis(
                wanted.height,
                self.min.height,
                self.max.height,
                self.step.height,
            ),
        )
    }
}

/// One pixel format and the sizes that come with it; no sizes means that the driver does not tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offer {
    pub(super) fourcc: [u8; 4],
    pub(super) sizes: Vec<Sizes>,
}

impl Offer {
    fn nearest(&self, wanted: Size) -> Size {
        let distance = |s: &Size| {
            s.width.abs_diff(wanted.width) as u64 + s.height.abs_diff(wanted.height) as u64
        };
        self.sizes
            .iter()
            .map(|s| s.nearest(wanted))
            .min_by_key(distance)
            .unwrap_or(wanted)
    }
}

/// The formats that posed reads, by their four letters.
pub const READABLE: [(&str, PixelFormat); 11] = [
    ("YUYV", PixelFormat::Yuyv),
    ("YVYU", PixelFormat::Yvyu),
    ("UYVY", PixelFormat::Uyvy),
    ("NV12", PixelFormat::Nv12),
    ("NV21", PixelFormat::Nv21),
    ("YU12", PixelFormat::I420),
    ("MJPG", PixelFormat::Mjpeg),
    ("JPEG", PixelFormat::Mjpeg),
    ("RGB3", PixelFormat::Rgb),
    ("BGR3", PixelFormat::Bgr),
    ("GREY", PixelFormat::Grey),
];

pub(super) fn pixel_format(fourcc: [u8; 4]) -> Option<PixelFormat> {
    let read = READABLE
        .iter()
        .find(|(letters, _)| letters.as_bytes() == fourcc);
    read.map(|&(_, format)| format)
}

/// Whether a V4L2 pixel format is a raw Bayer mosaic (linux/videodev2.h, "Bayer formats"): 8 to 16
/// bits, packed, or compressed.
pub(super) fn is_bayer(fourcc: [u8; 4]) -> bool {
    match &fourcc {
        b"BA81" | b"GBRG" | b"GRBG" | b"RGGB" | b"BYR2" | b"GB16" | b"GR16" | b"RG16" => true,
        [b'B' | b'G' | b'R', order, b'1', b'0' | b'2' | b'4' | b'6'] => {
            matches!(order, b'G' | b'B' | b'A' | b'R')
        }
        [b'p' | b'a' | b'b', b'B' | b'G' | b'g' | b'R', a, b] => {
            a == b && matches!(a, b'A' | b'C' | b'E' | b'8') || *a == b'A' && *b == b'8'
        }
        [b'P', b'C', b'1' | b'2', b'B' | b'G' | b'g' | b'R'] => true, // PiSP compressed
        _ => false,
    }
}

/// The offer and size to ask for: `wanted` if given, else YUYV up to 640x480 and MJPEG above, then
/// the others; among those first the ones that have exactly the size. `None` if there is no offer
/// that posed can read.
pub(super) fn choose(
    offers: &[Offer],
    size: Option<Size>,
    wanted: Option<PixelFormat>,
) -> Option<([u8; 4], PixelFormat, Size)> {
    use PixelFormat::{Bgr, Grey, I420, Mjpeg, Nv12, Nv21, Rgb, Uyvy, Yuyv, Yvyu};
    let size = size.unwrap_or(DEFAULT_SIZE);
    let small = size.width <= 640 && size.height <= 480;
    // Above 640x480 uncompressed frames overload USB 2; below, decoding JPEGs costs more than it
    // saves.
    let order = if small {
        [Yuyv, Uyvy, Yvyu, Mjpeg, Nv12, Nv21, I420, Rgb, Bgr, Grey]
    } else {
        [Mjpeg, Nv12, Nv21, Yuyv, Uyvy, Yvyu, I420, Rgb, Bgr, Grey]
    };
    let rank = |format: PixelFormat| order.iter().position(|&f| f == format);
    let usable = offers.iter().filter_map(|o| {
        let format = pixel_format(o.fourcc).filter(|&f| wanted.is_none_or(|w| w == f))?;
        Some((o.fourcc, format, o.nearest(size)))
    });
    usable.min_by_key(|&(_, format, got)| (got != size, rank(format)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(fourcc: &[u8; 4], sizes: &[(u32, u32)]) -> Offer {
        Offer {
            fourcc: *fourcc,
            sizes: sizes
                .iter()
                .map(|&(w, h)| Sizes::one(Size::new(w, h)))
                .collect(),
        }
    }

    fn webcam() -> Vec<Offer> {
        vec![
            offer(b"MJPG", &[(640, 480), (1280, 720)]),
            offer(b"YUYV", &[(320, 240), (640, 480)]),
            offer(b"H264", &[(1280, 720)]),
        ]
    }

    #[test]
    fn small_pictures_come_as_yuyv_and_large_ones_as_mjpeg() {
        let pick = |size, format| choose(&webcam(), size, format).map(|(_, f, s)| (f, s));
        assert_eq!(
            pick(None, None),
            Some((PixelFormat::Yuyv, Size::new(640, 480)))
        );
        assert_eq!(
            pick(Some(Size::new(1280, 720)), None),
            Some((PixelFormat::Mjpeg, Size::new(1280, 720)))
        );
        assert_eq!(
            pick(None, Some(PixelFormat::Mjpeg)),
            Some((PixelFormat::Mjpeg, Size::new(640, 480)))
        );
        assert_eq!(
            pick(Some(Size::new(300, 200)), Some(PixelFormat::Yuyv)),
            Some((PixelFormat::Yuyv, Size::new(320, 240)))
        );
        assert_eq!(pick(None, Some(PixelFormat::Nv12)), None);
    }

    #[test]
    fn a_format_with_the_exact_size_wins() {
        let offers = [offer(b"YUYV", &[(160, 120)]), offer(b"NV12", &[(640, 480)])];
        assert_eq!(choose(&offers, None, None).unwrap().1, PixelFormat::Nv12);
    }

    #[test]
    fn a_range_of_sizes_is_met_on_its_steps() {
        let range = Sizes {
            min: Size::new(32, 32),
            max: Size::new(1920, 1080),
            step: Size::new(16, 2),
        };
        assert_eq!(range.nearest(Size::new(650, 481)), Size::new(640, 480));
        assert_eq!(range.nearest(Size::new(9999, 1)), Size::new(1920, 32));
        let odd = Sizes {
            min: Size::new(8, 8),
            max: Size::new(1, 1),
            step: Size::new(0, 0),
        };
        assert_eq!(odd.nearest(Size::new(5, 5)), Size::new(8, 8));
    }

    #[test]
    fn bayer_is_told_from_pictures() {
        for f in [
            b"BA81", b"GBRG", b"RG10", b"pRAA", b"pgAA", b"BG10", b"pBAA", b"pRCC", b"pGEE",
            b"BA12", b"GB16", b"aBA8", b"BYR2",
        ] {
            assert!(is_bayer(*f), "{}", f.escape_ascii());
        }
        for f in [
            b"YUYV", b"NV12", b"MJPG", b"GREY", b"RGB3", b"BGR3", b"YU12", b"Y10 ", b"H264",
            b"RGBP",
        ] {
            assert!(!is_bayer(*f), "{}", f.escape_ascii());
        }
    }
}
