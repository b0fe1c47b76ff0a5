//! What a stream of bytes holds.
//!
//! In: bytes, of a pipe, a child, a camera in the network or a file. Out: the reader of its frames:
//! Y4M, AVI, JPEGs one after the other or in the parts of a multipart answer, all told by their
//! first bytes; or raw frames, of which the user says what they are.

use super::avi::Avi;
use super::bytes::ByteStream;
use super::jpeg::Jpegs;
use super::raw::{Raw, RawFrames};
use super::y4m::{self, Y4m};
use super::{CaptureError, Demux};

/// So many first bytes tell a file with a magic number.
const MAGIC_BYTES: usize = 12;
/// And so many the text before the first picture of a camera in the network.
const TEXT_BYTES: usize = 512;

/// What the first bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Y4m,
    Avi,
    /// JPEGs, or text that leads to the first of them.
    Jpegs,
    Png,
    Other,
}

impl Container {
    /// Waits for the first bytes, and leaves them where they are.
    pub(super) fn tell(bytes: &mut ByteStream, name: &str) -> Result<Self, CaptureError> {
        let read = |e| CaptureError::read(name, e);
        let first = bytes.fill(MAGIC_BYTES).map_err(read)?;
        if first.starts_with(b"--") || first.starts_with(b"HTTP/") || first.starts_with(b"\r\n--") {
            return Ok(match is_multipart(bytes.fill(TEXT_BYTES).map_err(read)?) {
                true => Self::Jpegs,
                false => Self::Other,
            });
        }
        Ok(Self::of(first))
    }

    /// The reader of its frames; `raw` is what they are if the container is no other.
    pub(super) fn open(
        self,
        bytes: ByteStream,
        name: &str,
        raw: Option<&Raw>,
    ) -> Result<Box<dyn Demux>, CaptureError> {
        Ok(match self {
            Self::Y4m => Box::new(Y4m::new(bytes, name)?),
            Self::Avi => Box::new(Avi::new(bytes, name)?),
            Self::Jpegs => Box::new(Jpegs::new(bytes, name)),
            Self::Png => {
                let mend = "make JPEGs of them: `ffmpeg … -f image2pipe -c:v mjpeg -`";
                return Err(CaptureError::unusable(name, "a stream of PNGs", mend));
            }
            Self::Other => Box::new(RawFrames::new(bytes, name, raw)?),
        })
    }

    /// By the first bytes of a file.
    pub(super) fn of(first: &[u8]) -> Self {
        match first {
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'A',
                b'V',
                b'I',
                b' ',
                ..,
            ] => Self::Avi,
            [0xff, 0xd8, ..] => Self::Jpegs,
            [0x89, b'P', b'N', b'G', ..] => Self::Png,
            _ if first.starts_with(y4m::MAGIC) => Self::Y4m,
            _ => Self::Other,
        }
    }
}

/// A part's header, as RFC 2046 has it, with or without an HTTP answer's before it.
fn is_multipart(first: &[u8]) -> bool {
    let text = first
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .map(|end| &first[..end]);
    text.is_some_and(|text| {
        let ascii = |b: &u8| matches!(b, b'\r' | b'\n' | b'\t' | b' '..=b'~');
        text.iter().all(ascii)
            && text
                .windows(13)
                .any(|w| w.eq_ignore_ascii_case(b"content-type:"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, PixelFormat};
    use crate::geometry::Size;

    fn stream(bytes: Vec<u8>) -> ByteStream {
        ByteStream::new(std::io::Cursor::new(bytes))
    }

    fn open(mut bytes: ByteStream, raw: Option<&Raw>) -> Result<Box<dyn Demux>, CaptureError> {
        Container::tell(&mut bytes, "test")?.open(bytes, "test", raw)
    }

    fn raw() -> Raw {
        Raw {
            size: Size::new(4, 2),
            format: PixelFormat::I420,
            stride: None,
        }
    }

    fn photo() -> Vec<u8> {
        std::fs::read("photos/astronaut.jpg").unwrap()
    }

    fn parts(count: usize) -> Vec<u8> {
        let part = [
            b"--camera\r\nContent-Type: image/jpeg\r\nContent-Length: 1\r\n\r\n".to_vec(),
            photo(),
            b"\r\n".to_vec(),
        ];
        part.concat().repeat(count)
    }

    #[test]
    fn the_first_bytes_tell_the_kind() {
        let shape = |bytes| {
            open(stream(bytes), Some(&raw()))
                .map(|demux| demux.shape())
                .map_err(|e| e.to_string())
        };
        let says = |bytes: &[u8]| shape(bytes.to_vec()).unwrap();
        assert_eq!(says(b"YUV4MPEG2 W2 H2\n"), "2x2 I420");
        assert_eq!(says(&photo()), "MJPEG");
        assert_eq!(says(&[0; 30]), "4x2 I420");
        assert!(shape(b"\x89PNG\r\n\x1a\n12345678".to_vec()).is_err());
    }

    #[test]
    fn what_posed_records_is_read_from_a_pipe_too() {
        let dir = tempfile::tempdir().unwrap();
        let mut frame = Frame {
            data: photo(),
            ..Frame::default()
        };
        frame.set_shape(Size::new(512, 512), PixelFormat::Mjpeg);
        for name in ["a.avi", "a.y4m"] {
            let path = dir.path().join(name);
            let mut clip = crate::record::create(&path, (25, 1)).unwrap();
            clip.write(&frame).unwrap();
            clip.finish().unwrap();
            let mut demux = open(stream(std::fs::read(&path).unwrap()), None).unwrap();
            assert_eq!(demux.rate(), Some((25, 1)), "{name}");
            assert_eq!(demux.read(&mut frame).unwrap(), Some(1), "{name}");
        }
    }

    #[test]
    fn a_network_cameras_answer_is_never_taken_for_raw_pixels() {
        let http =
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=camera\r\n\r\n";
        for bytes in [
            parts(3),
            [http.to_vec(), parts(3)].concat(),
            [b"\r\n".to_vec(), parts(3)].concat(),
        ] {
            let mut demux = open(stream(bytes), Some(&raw())).unwrap();
            let mut frame = Frame::default();
            let mut count = 0;
            while demux.read(&mut frame).unwrap().is_some() {
                assert_eq!(frame.data, photo());
                count += 1;
            }
            assert_eq!(count, 3);
        }
        let grey = open(stream(vec![b'-'; 600]), Some(&raw())).unwrap();
        assert_eq!(grey.shape(), "4x2 I420");
    }
}
