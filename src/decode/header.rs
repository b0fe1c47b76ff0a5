//! What a JPEG says before its picture, without decoding it (ITU T.81, annex B; EXIF 2.32).

use crate::geometry::{Size, Turn};

const SOS: u8 = 0xda;
const EOI: u8 = 0xd9;
const APP1: u8 = 0xe1;
const EXIF: &[u8] = b"Exif\0\0";

/// A JPEG's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// As it is stored.
    pub size: Size,
    /// What brings it upright, by its EXIF orientation.
    pub turn: Turn,
    /// Whether all there is of the picture comes once, from top to bottom: a Huffman coded baseline
    /// JPEG with one scan.
    pub sequential: bool,
}

impl Header {
    /// Reads the segments up to the first scan; `None` where there is no frame header before it.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut at = 2;
        let mut turn = Turn::NONE;
        let mut frame = None;
        while let [0xff, marker, rest @ ..] = bytes.get(at..)? {
            if *marker == 0xff {
                at += 1; // a fill byte
                continue;
            }
            let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
            let body = rest.get(2..length.max(2));
            match *marker {
                SOS => {
                    let (size, components, baseline) = frame?;
                    return Some(Self {
                        size,
                        turn,
                        sequential: baseline && body?.first() == Some(&components),
                    });
                }
                EOI => return None,
                0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                    let &[_, h1, h0, w1, w0, components, ..] = body? else {
                        return None;
                    };
                    let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
                    let size = Size::new(side(w1, w0), side(h1, h0));
                    frame = Some((size, components, matches!(marker, 0xc0 | 0xc1)));
                }
                APP1 => {
                    if let Some(tiff) = body.and_then(|body| body.strip_prefix(EXIF)) {
                        turn = orientation(tiff);
                    }
                }
                _ => {}
            }
            at += 2 + length.max(2);
        }
        None
    }
}

/// The turn that EXIF data ask for; none where they say nothing or cannot be read.
pub(super) fn orientation(tiff: &[u8]) -> Turn {
    let read = exif::Reader::new().read_raw(tiff.to_vec());
    let orientation = read.ok().and_then(|exif| {
        exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY)?
            .value
            .get_uint(0)
    });
    orientation.map_or(Turn::NONE, Turn::of_exif)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_tells_the_size() {
        let photo = std::fs::read("photos/astronaut.jpg").unwrap();
        let header = Header::read(&photo).unwrap();
        assert_eq!(
            (header.size, header.sequential),
            (Size::new(512, 512), true)
        );
        assert_eq!(Header::read(&[0xff, 0xd8, 0xff]), None);
        for cut in 0..400 {
            assert!(Header::read(&photo[..cut]).is_none_or(|cut| cut == header));
        }
    }
}
