//! Raw frames with nothing between them.
//!
//! In: bytes, and what the user says of them. Out: frames.

use super::bytes::ByteStream;
use super::{CaptureError, Demux, MAX_FRAME_BYTES};
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use crate::settings::Section;

/// What a raw stream cannot say itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw {
    pub size: Size,
    pub format: PixelFormat,
    /// Bytes from one row (of the first plane) to the next; None: nothing lies between them.
    pub stride: Option<u32>,
}

const FORMATS: &[(&str, PixelFormat)] = &[
    ("i420", PixelFormat::I420),
    ("nv12", PixelFormat::Nv12),
    ("nv21", PixelFormat::Nv21),
    ("yuyv", PixelFormat::Yuyv),
    ("yvyu", PixelFormat::Yvyu),
    ("uyvy", PixelFormat::Uyvy),
    ("rgb", PixelFormat::Rgb),
    ("bgr", PixelFormat::Bgr),
    ("grey", PixelFormat::Grey),
];

impl Raw {
    /// Reads `width`, `height`, `format` and `stride`; `None` without a size.
    pub(super) fn read(s: &mut Section) -> Option<Self> {
        let size = super::read_size(s, "pixels, of raw frames");
        let format = s
            .choice("format", "the form of raw pixels", FORMATS)
            .or(PixelFormat::I420);
        let stride = s
            .number(
                "stride",
                "bytes from one row of raw pixels to the next, where rows are padded: rpicam-vid pads them to a multiple of 64",
                16..=8192 * 4,
            )
            .example("704")
            .maybe();
        let size = size?;
        if let Some(stride) = stride
            && (stride as usize) < format.tight_stride(size.width)
        {
            let least = format.tight_stride(size.width);
            s.fault(
                "stride",
                format!("{stride} bytes hold no row of {size} {format}, which has {least}"),
            );
        }
        let halved = matches!(
            format,
            PixelFormat::I420 | PixelFormat::Nv12 | PixelFormat::Nv21
        );
        if stride.is_some_and(|stride| halved && stride % 2 == 1) {
            let problem = format!("is odd: rows of {format} have pairs of pixels");
            s.fault("stride", problem);
        }
        Some(Self {
            size,
            format,
            stride,
        })
    }

    fn stride(&self) -> usize {
        let tight = self.format.tight_stride(self.size.width);
        self.stride
            .map_or(tight, |stride| tight.max(stride as usize))
    }
}

/// A stream of raw frames.
pub(super) struct RawFrames {
    bytes: ByteStream,
    name: String,
    raw: Raw,
    frame_bytes: usize,
}

impl RawFrames {
    /// # Errors
    /// Nothing is said of the frames, or what is said makes no picture.
    pub(super) fn new(
        bytes: ByteStream,
        name: &str,
        raw: Option<&Raw>,
    ) -> Result<Self, CaptureError> {
        let Some(&raw) = raw else {
            let mend = "set width and height to those of the program that writes it (640 and 480 in `rpicam-vid --width 640 --height 480`), and `format` if it is not i420";
            return Err(CaptureError::unusable(
                name,
                "raw frames of unknown size",
                mend,
            ));
        };
        let sides = 1..=u32::from(u16::MAX);
        let sound = sides.contains(&raw.size.width) && sides.contains(&raw.size.height);
        let frame_bytes = raw.format.padded_frame_bytes(raw.size, raw.stride());
        match frame_bytes.filter(|bytes| sound && (1..=MAX_FRAME_BYTES).contains(bytes)) {
            Some(frame_bytes) => Ok(Self {
                bytes,
                name: name.into(),
                raw,
                frame_bytes,
            }),
            None => Err(CaptureError::unusable(
                name,
                format!("no picture is {}", raw.size),
                "set width and height to the picture's",
            )),
        }
    }
}

impl Demux for RawFrames {
    fn read(&mut self, frame: &mut Frame) -> Result<Option<u64>, CaptureError> {
        let front = self
            .bytes
            .fill(self.frame_bytes)
            .map_err(|e| CaptureError::read(&self.name, e))?;
        if front.len() < self.frame_bytes {
            if !front.is_empty() {
                log::warn!(
                    "{}: ends in the middle of a frame: are width, height, format and stride those of the program that writes it?",
                    self.name
                );
            }
            return Ok(None);
        }
        frame.data.clear();
        frame.data.extend_from_slice(&front[..self.frame_bytes]);
        frame.set_padded_shape(self.raw.size, self.raw.format, self.raw.stride());
        self.bytes.consume(self.frame_bytes);
        Ok(Some(1))
    }

    fn bytes(&mut self) -> &mut ByteStream {
        &mut self.bytes
    }

    fn rate(&self) -> Option<(u32, u32)> {
        None
    }

    fn shape(&self) -> String {
        format!("{} {}", self.raw.size, self.raw.format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(bytes: Vec<u8>, raw: Option<Raw>) -> Result<RawFrames, CaptureError> {
        let bytes = ByteStream::new(std::io::Cursor::new(bytes));
        RawFrames::new(bytes, "test", raw.as_ref())
    }

    fn i420(width: u32, height: u32) -> Option<Raw> {
        Some(Raw {
            size: Size::new(width, height),
            format: PixelFormat::I420,
            stride: None,
        })
    }

    #[test]
    fn raw_frames_without_a_size_say_what_to_set() {
        let e = open(vec![0; 30], None).err().unwrap();
        assert!(e.to_string().contains("width") && !e.is_retryable(), "{e}");
        assert!(open(vec![0; 30], i420(0, 9)).is_err());
        assert!(open(vec![0; 30], i420(60_000, 60_000)).is_err());
    }

    #[test]
    fn raw_frames_end_whole() {
        let padded = Raw {
            stride: Some(64),
            format: PixelFormat::Nv21,
            ..i420(4, 2).unwrap()
        };
        for (raw, bytes) in [(i420(4, 2), 12), (Some(padded), 3 * 64)] {
            let mut frames = open(vec![5; bytes * 3 + 7], raw).unwrap();
            let mut frame = Frame::default();
            let mut n = 0;
            while frames.read(&mut frame).unwrap().is_some() {
                frame.check().unwrap();
                n += 1;
            }
            assert_eq!(n, 3);
        }
    }
}
