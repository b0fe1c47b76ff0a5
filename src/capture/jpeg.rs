//! JPEG files one after the other in a stream (`rpicam-vid --codec mjpeg`), and the size that a
//! JPEG's header names.
//!
//! In: bytes. Out: whole JPEG files, cut by their markers (ITU T.81, B.1), never decoded here.

use super::bytes::ByteStream;
use super::{CaptureError, Demux, MAX_FRAME_BYTES};
use crate::decode::Header;
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

/// The picture's size from a JPEG's frame header, without decoding; 0x0 where it names none.
pub fn size(bytes: &[u8]) -> Size {
    Header::read(bytes).map_or(Size::default(), |header| header.size)
}

/// The bytes of the JPEG at the start of `bytes`, with its end mark but without what lies behind it;
/// `None` where it does not end there.
pub fn whole(bytes: &[u8]) -> Option<&[u8]> {
    match EndFinder::default().look(bytes) {
        Found::End(count) => bytes.get(..count),
        Found::More(_) | Found::Broken => None,
    }
}

/// Finds the end of the JPEG at the start of a growing buffer.
#[derive(Debug, Default)]
struct EndFinder {
    at: usize,
    in_scan: bool,
}

enum Found {
    /// The buffer must hold at least this many bytes before the search can go on.
    More(usize),
    /// The JPEG has this many bytes.
    End(usize),
    /// No marker where one must be.
    Broken,
}

impl EndFinder {
    fn look(&mut self, bytes: &[u8]) -> Found {
        if self.at == 0 {
            self.at = 2; // the caller has seen SOI
        }
        loop {
            if self.in_scan {
                let from = self.at.min(bytes.len());
                let Some(i) = bytes[from..].iter().position(|&b| b == 0xff) else {
                    self.at = bytes.len();
                    return Found::More(bytes.len() + 1);
                };
                self.at = from + i;
            }
            let Some(&[lead, marker]) = bytes.get(self.at..self.at + 2) else {
                return Found::More(self.at + 2);
            };
            match marker {
                _ if lead != 0xff => return Found::Broken,
                0xff => self.at += 1,
                0 | 0xd0..=0xd7 if self.in_scan => self.at += 2,
                EOI => return Found::End(self.at + 2),
                0 | 0x01 | 0xd0..=SOI => return Found::Broken,
                _ => {
                    let Some(&[high, low]) = bytes.get(self.at + 2..self.at + 4) else {
                        return Found::More(self.at + 4);
                    };
                    self.at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
                    self.in_scan = marker == SOS;
                }
            }
        }
    }
}

/// A stream of JPEG files.
pub(crate) struct Jpegs {
    bytes: ByteStream,
    name: String,
    finder: EndFinder,
}

impl Jpegs {
    pub(crate) fn new(bytes: ByteStream, name: &str) -> Self {
        Self {
            bytes,
            name: name.into(),
            finder: EndFinder::default(),
        }
    }

    /// Drops bytes until the front is a JPEG's start; false at the end of the stream.
    fn find_start(&mut self) -> Result<bool, CaptureError> {
        loop {
            let front = self
                .bytes
                .fill(3)
                .map_err(|e| CaptureError::read(&self.name, e))?;
            if front.len() < 3 {
                return Ok(false);
            }
            match front.windows(3).position(|w| w == [0xff, SOI, 0xff]) {
                Some(at) => {
                    self.bytes.consume(at);
                    return Ok(true);
                }
                None => {
                    let all_but_two = front.len() - 2;
                    self.bytes.consume(all_but_two);
                }
            }
        }
    }
}

impl Demux for Jpegs {
    fn read(&mut self, frame: &mut Frame) -> Result<Option<u64>, CaptureError> {
        loop {
            if self.finder.at == 0 && !self.find_start()? {
                return Ok(None);
            }
            match self.finder.look(self.bytes.front()) {
                Found::End(count) => {
                    frame.data.clear();
                    frame.data.extend_from_slice(&self.bytes.front()[..count]);
                    frame.set_shape(size(&frame.data), PixelFormat::Mjpeg);
                    self.bytes.consume(count);
                    self.finder = EndFinder::default();
                    return Ok(Some(1));
                }
                Found::More(count) if count <= MAX_FRAME_BYTES => {
                    if self
                        .bytes
                        .fill(count)
                        .map_err(|e| CaptureError::read(&self.name, e))?
                        .len()
                        < count
                    {
                        log::warn!("{}: ends in the middle of a JPEG", self.name);
                        return Ok(None);
                    }
                }
                Found::More(_) | Found::Broken => {
                    log::warn!(
                        "{}: damaged JPEG in the stream, going on at the next",
                        self.name
                    );
                    self.bytes.consume(2);
                    self.finder = EndFinder::default();
                }
            }
        }
    }

    fn bytes(&mut self) -> &mut ByteStream {
        &mut self.bytes
    }

    fn rate(&self) -> Option<(u32, u32)> {
        None
    }

    fn shape(&self) -> String {
        "MJPEG".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(bytes: Vec<u8>) -> usize {
        let mut jpegs = Jpegs::new(ByteStream::new(std::io::Cursor::new(bytes)), "test");
        let mut frame = Frame::default();
        let mut n = 0;
        while jpegs.read(&mut frame).unwrap().is_some() {
            n += 1;
        }
        n
    }

    fn photo() -> Vec<u8> {
        std::fs::read("photos/astronaut.jpg").unwrap()
    }

    #[test]
    fn a_stream_is_cut_into_the_files_it_was_made_of() {
        let a = photo();
        let b = std::fs::read("photos/cameraman.jpg").unwrap();
        let mut jpegs = Jpegs::new(
            ByteStream::new(std::io::Cursor::new(
                [a.clone(), b.clone(), a.clone()].concat(),
            )),
            "test",
        );
        let mut frame = Frame::default();
        for want in [&a, &b, &a] {
            assert_eq!(jpegs.read(&mut frame).unwrap(), Some(1));
            assert_eq!(&frame.data, want);
        }
        assert_eq!(jpegs.read(&mut frame).unwrap(), None);
    }

    #[test]
    fn rubbish_between_files_is_skipped() {
        let rubbish = vec![0x55; 5000];
        assert_eq!(
            count([rubbish.clone(), photo(), rubbish, photo()].concat()),
            2
        );
    }

    #[test]
    fn a_stream_cut_anywhere_ends() {
        let bytes = [photo(), photo()].concat();
        for cut in (0..bytes.len()).step_by(97) {
            assert!(count(bytes[..cut].to_vec()) <= 1, "cut at {cut}");
        }
    }
}
