//! Y4M: a line of header, then uncompressed frames, each after a line of its own.
//!
//! In: a stream of bytes. Out: I420 or grey frames, BT.601 limited range as everywhere in posed.
//! The format is described in yuv4mpeg(5); ffmpeg writes it with `-f yuv4mpegpipe`.

use super::bytes::ByteStream;
use super::clock::sound_rate;
use super::{CaptureError, Demux, MAX_FRAME_BYTES};
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;

pub(crate) const MAGIC: &[u8] = b"YUV4MPEG2";

/// Longer header lines are damage; ffmpeg's have about 80 bytes.
const MAX_LINE_BYTES: usize = 1024;

const MEND: &str = "convert it: `ffmpeg -i IN -pix_fmt yuv420p OUT.y4m`";

/// What the header line says.
#[derive(Debug, Clone, PartialEq)]
struct Header {
    size: Size,
    rate: Option<(u32, u32)>,
    format: PixelFormat,
    /// Whether luma goes from 0 to 255, as JPEG has it, instead of 16 to 235.
    full_range: bool,
}

impl Header {
    /// Reads the line without its newline.
    fn parse(line: &str, name: &str) -> Result<Self, CaptureError> {
        let broken = |reason: String| CaptureError::unusable(name, reason, MEND);
        let mut header = Self {
            size: Size::default(),
            rate: None,
            format: PixelFormat::I420,
            full_range: false,
        };
        for word in line.split(' ').skip(1).filter(|w| !w.is_empty()) {
            let (key, value) = word.split_at_checked(1).unwrap_or((word, ""));
            match key {
                "W" => {
                    header.size.width = value
                        .parse()
                        .map_err(|_| broken(format!("Y4M width `{value}`")))?
                }
                "H" => {
                    header.size.height = value
                        .parse()
                        .map_err(|_| broken(format!("Y4M height `{value}`")))?
                }
                "F" => {
                    header.rate = value
                        .split_once(':')
                        .and_then(|(n, d)| sound_rate(n.parse().ok()?, d.parse().ok()?))
                }
                "C" => {
                    header.format = match value {
                        "420" | "420jpeg" | "420mpeg2" | "420paldv" => PixelFormat::I420,
                        "mono" => PixelFormat::Grey,
                        _ => {
                            return Err(broken(format!(
                                "Y4M pixel format C{value} is not read here"
                            )));
                        }
                    }
                }
                "X" => header.full_range |= value == "COLORRANGE=FULL",
                _ => {}
            }
        }
        let Size { width, height } = header.size;
        let sides = 1..=u32::from(u16::MAX); // larger ones would overflow the number of bytes on 32-bit boards
        let w = u64::from(width);
        let h = u64::from(height);
        let sound = sides.contains(&width) && sides.contains(&height);
        if !sound || w * h + 2 * w.div_ceil(2) * h.div_ceil(2) > MAX_FRAME_BYTES as u64 {
            return Err(broken(format!("Y4M picture size {}", header.size)));
        }
        Ok(header)
    }
}

/// A Y4M stream.
pub(crate) struct Y4m {
    bytes: ByteStream,
    name: String,
    header: Header,
}

impl Y4m {
    /// Reads the header.
    ///
    /// # Errors
    /// It is not whole, or names a pixel format that is not read here.
    pub(crate) fn new(mut bytes: ByteStream, name: &str) -> Result<Self, CaptureError> {
        let Some(length) = line_length(&mut bytes, 0, name)? else {
            return Err(CaptureError::unusable(
                name,
                "the Y4M header is not whole",
                MEND,
            ));
        };
        let line = String::from_utf8_lossy(&bytes.front()[..length]).into_owned();
        let header = Header::parse(&line, name)?;
        bytes.consume(length + 1);
        Ok(Self {
            bytes,
            name: name.into(),
            header,
        })
    }
}

/// The length of the line that starts at byte `from` of the front, without its newline; `None` if
/// there is no end to it.
fn line_length(
    bytes: &mut ByteStream,
    from: usize,
    name: &str,
) -> Result<Option<usize>, CaptureError> {
    let mut seen = from;
    while seen < from + MAX_LINE_BYTES {
        let front = bytes
            .fill(seen + 1)
            .map_err(|e| CaptureError::read(name, e))?;
        if front.len() <= seen {
            return Ok(None);
        }
        if let Some(i) = front[seen..]
            .iter()
            .take(MAX_LINE_BYTES)
            .position(|&b| b == b'\n')
        {
            return Ok(Some(seen - from + i));
        }
        seen = front.len();
    }
    Ok(None)
}

impl Demux for Y4m {
    fn read(&mut self, frame: &mut Frame) -> Result<Option<u64>, CaptureError> {
        let line = line_length(&mut self.bytes, 0, &self.name)?;
        let front = self.bytes.front();
        if front.is_empty() {
            return Ok(None);
        }
        let Some(line) = line.filter(|_| front.starts_with(b"FRAME")) else {
            log::warn!(
                "{}: no frame where one should start: taken as the end of the clip",
                self.name
            );
            return Ok(None);
        };
        let wanted = self
            .header
            .format
            .frame_bytes(self.header.size)
            .unwrap_or(0);
        let all = line + 1 + wanted;
        let front = self
            .bytes
            .fill(all)
            .map_err(|e| CaptureError::read(&self.name, e))?;
        if front.len() < all {
            log::warn!("{}: ends in the middle of a frame", self.name);
            return Ok(None);
        }
        frame.data.clear();
        frame.data.extend_from_slice(&front[line + 1..all]);
        self.bytes.consume(all);
        frame.set_shape(self.header.size, self.header.format);
        if self.header.full_range && self.header.format == PixelFormat::I420 {
            to_limited_range(&mut frame.data, self.header.size);
        }
        Ok(Some(1))
    }

    fn bytes(&mut self) -> &mut ByteStream {
        &mut self.bytes
    }

    fn rate(&self) -> Option<(u32, u32)> {
        self.header.rate
    }

    fn shape(&self) -> String {
        format!("{} {}", self.header.size, self.header.format)
    }
}

/// From JPEG's 0 to 255 to luma 16 to 235 and chroma 16 to 240.
fn to_limited_range(data: &mut [u8], size: Size) {
    let (luma, chroma) = data.split_at_mut(size.width as usize * size.height as usize);
    luma.iter_mut()
        .for_each(|v| *v = ((u32::from(*v) * 219 + 127) / 255 + 16) as u8);
    chroma
        .iter_mut()
        .for_each(|v| *v = ((u32::from(*v) * 224 + 128 * 31 + 127) / 255) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(bytes: &[u8]) -> Result<Y4m, CaptureError> {
        Y4m::new(
            ByteStream::new(std::io::Cursor::new(bytes.to_vec())),
            "test.y4m",
        )
    }

    fn count(bytes: &[u8]) -> Result<usize, CaptureError> {
        let mut clip = open(bytes)?;
        let mut frame = Frame::default();
        let mut n = 0;
        while clip.read(&mut frame)?.is_some() {
            frame.check().unwrap();
            n += 1;
        }
        Ok(n)
    }

    fn clip(header: &str, frame_bytes: usize, frames: usize) -> Vec<u8> {
        let mut bytes = format!("{header}\n").into_bytes();
        for _ in 0..frames {
            bytes.extend(b"FRAME Ip\n");
            bytes.extend(vec![90; frame_bytes]);
        }
        bytes
    }

    #[test]
    fn every_420_variant_and_mono_are_read_at_odd_sizes() {
        for c in ["", " C420", " C420jpeg", " C420mpeg2", " C420paldv"] {
            assert_eq!(
                count(&clip(&format!("YUV4MPEG2 W5 H3 F30:1 Ip{c}"), 15 + 12, 3)).unwrap(),
                3,
                "{c}"
            );
        }
        assert_eq!(count(&clip("YUV4MPEG2 W5 H3 Cmono", 15, 4)).unwrap(), 4);
    }

    #[test]
    fn other_formats_name_the_option_that_mends_them() {
        for c in ["422", "444", "420p10", "444alpha"] {
            let e = count(&clip(&format!("YUV4MPEG2 W5 H3 C{c}"), 45, 1)).unwrap_err();
            assert!(
                e.to_string().contains("-pix_fmt yuv420p") && !e.is_retryable(),
                "{e}"
            );
        }
    }

    #[test]
    fn the_header_names_the_rate() {
        assert_eq!(
            open(b"YUV4MPEG2 W2 H2 F30000:1001\n").unwrap().rate(),
            Some((30000, 1001))
        );
        assert_eq!(open(b"YUV4MPEG2 W2 H2 F0:0\n").unwrap().rate(), None);
    }

    #[test]
    fn hostile_headers_are_errors() {
        for header in [
            "W0 H9",
            "W4294967295 H4294967295",
            "W-1 H2",
            "W99999999999 H2",
            "W9",
            "H9",
            "",
            "W60000 H60000",
            "W\u{fc} H2",
        ] {
            assert!(
                open(format!("YUV4MPEG2 {header}\n").as_bytes()).is_err(),
                "{header}"
            );
        }
        assert!(open(&[b'Y'; 100_000]).is_err());
    }

    #[test]
    fn a_clip_cut_anywhere_ends_with_the_whole_frames() {
        let bytes = clip("YUV4MPEG2 W16 H16 F25:1", 384, 20);
        for cut in (0..bytes.len()).step_by(97) {
            match count(&bytes[..cut]) {
                Ok(n) => assert_eq!(n, (cut - 24) / (384 + 9), "cut at {cut}"),
                Err(e) => assert!(cut < 24 && !e.is_retryable(), "cut at {cut}: {e}"),
            }
        }
    }

    #[test]
    fn full_range_becomes_limited() {
        let mut bytes = b"YUV4MPEG2 W2 H2 C420jpeg XCOLORRANGE=FULL\nFRAME\n".to_vec();
        bytes.extend([0, 255, 128, 255, 0, 255]);
        let mut frame = Frame::default();
        open(&bytes).unwrap().read(&mut frame).unwrap();
        assert_eq!(frame.data, [16, 235, 126, 235, 16, 240]);
    }
}
