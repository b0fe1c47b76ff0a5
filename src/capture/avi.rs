//! AVI files with MJPEG pictures, as ffmpeg, cameras and posed itself write them.
//!
//! In: a stream of bytes. Out: the JPEGs of the first video stream. The file is walked chunk by
//! chunk from the front, so it needs no index, may be of any size, and may be a recording that was
//! cut off with zero sizes in its headers. The format is RIFF: a four-letter name, a 32-bit size,
//! the bytes, a pad byte after an odd size.

use super::bytes::ByteStream;
use super::clock::sound_rate;
use super::{CaptureError, Demux, MAX_FRAME_BYTES};
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;

const MEND: &str = "convert it: `ffmpeg -i IN -c:v mjpeg -q:v 3 -an OUT.avi`, or pipe Y4M to stdin";

/// Header chunks have at most some hundred bytes that matter.
const MAX_HEADER_BYTES: usize = 4096;

/// What is looked through at once for the next picture after damage.
const READ_BYTES: usize = 64 << 10;

/// One video stream's header.
#[derive(Debug, Clone, Default)]
struct Video {
    /// Number of the stream, as in the chunk name `00dc`.
    number: u32,
    codec: [u8; 4],
    size: Size,
    rate: Option<(u32, u32)>,
}

/// An AVI stream.
pub(crate) struct Avi {
    bytes: ByteStream,
    name: String,
    streams: u32,
    video: Option<Video>,
    /// Whether the last `strh` was that of `video`, so that the `strf` after it is too.
    in_video: bool,
    main_rate: Option<(u32, u32)>,
    /// The chunk before had an odd size, after which a pad byte should come.
    odd: bool,
    in_movie: bool,
}

enum Chunk {
    /// A list was entered, or something without a picture passed.
    Other,
    /// The list of frames begins.
    Movie,
    /// The JPEG of this many bytes lies at the front.
    Picture(usize),
    End,
}

impl Avi {
    /// Walks to the first frame.
    ///
    /// # Errors
    /// The headers are not whole, or the video is not MJPEG.
    pub(crate) fn new(bytes: ByteStream, name: &str) -> Result<Self, CaptureError> {
        let mut avi = Self {
            bytes,
            name: name.into(),
            streams: 0,
            video: None,
            in_video: false,
            main_rate: None,
            odd: false,
            in_movie: false,
        };
        loop {
            match avi.chunk()? {
                Chunk::Movie => break,
                Chunk::Other => {}
                Chunk::Picture(_) | Chunk::End => {
                    return Err(CaptureError::unusable(
                        name,
                        "the AVI headers are not whole",
                        MEND,
                    ));
                }
            }
        }
        match &avi.video {
            None => Err(CaptureError::unusable(name, "the AVI has no video", MEND)),
            Some(v) if !is_mjpeg(v.codec) => {
                let codec = v.codec.escape_ascii().to_string();
                Err(CaptureError::unusable(
                    name,
                    format!("the AVI holds {codec} and not MJPEG"),
                    MEND,
                ))
            }
            Some(_) => Ok(avi),
        }
    }

    fn fill(&mut self, count: usize) -> Result<&[u8], CaptureError> {
        self.bytes
            .fill(count)
            .map_err(|e| CaptureError::read(&self.name, e))
    }

    /// Passes `count` bytes, the rest of a chunk.
    fn skip(&mut self, count: u32) -> Result<Chunk, CaptureError> {
        self.odd = count % 2 == 1;
        let whole = self
            .bytes
            .skip(count.into())
            .map_err(|e| CaptureError::read(&self.name, e))?;
        Ok(if whole { Chunk::Other } else { Chunk::End })
    }

    /// Passes the pad byte after a chunk of odd size. Small cameras leave it out: then the next
    /// chunk's name stands in its place.
    fn pad(&mut self) -> Result<(), CaptureError> {
        if std::mem::take(&mut self.odd) {
            let padded = !begins_chunk(self.fill(4)?);
            self.bytes.consume(padded.into());
        }
        Ok(())
    }

    /// Goes on at the next picture after damage; false if there is none.
    fn find_picture(&mut self) -> Result<bool, CaptureError> {
        log::warn!(
            "{}: damaged AVI chunk, going on at the next picture",
            self.name
        );
        loop {
            let front = self.fill(READ_BYTES)?;
            let found = front
                .windows(10)
                .position(|w| matches!(w, [_, _, b'd', b'c' | b'b', _, _, _, _, 0xff, 0xd8]));
            let passed = found.unwrap_or(front.len().saturating_sub(9));
            let ended = front.len() < READ_BYTES;
            let name = front.get(passed..passed + 4).and_then(|n| n.first_chunk());
            if let Some(&name) = name.filter(|_| found.is_some()) {
                let ours = self.is_picture(name);
                self.bytes.consume(if ours { passed } else { passed + 1 });
                if ours {
                    return Ok(true);
                }
                continue;
            }
            self.bytes.consume(passed);
            if ended {
                return Ok(false);
            }
        }
    }

    /// Passes one chunk header and, unless it is a picture, the chunk.
    fn chunk(&mut self) -> Result<Chunk, CaptureError> {
        self.pad()?;
        let head = self.fill(12)?;
        let Some(&[a, b, c, d, s0, s1, s2, s3]) = head.get(..8) else {
            return Ok(Chunk::End);
        };
        let id = [a, b, c, d];
        let bytes = u32::from_le_bytes([s0, s1, s2, s3]);
        if id == *b"RIFF" || id == *b"LIST" {
            let Some(kind) = head.get(8..12).map(<[u8]>::to_vec) else {
                return Ok(Chunk::End);
            };
            let enter = matches!(
                &kind[..],
                b"AVI " | b"AVIX" | b"hdrl" | b"strl" | b"movi" | b"rec "
            );
            self.bytes.consume(12);
            return match enter {
                true if kind == b"movi" => {
                    self.in_movie = true;
                    Ok(Chunk::Movie)
                }
                true => Ok(Chunk::Other),
                false => self.skip(bytes.saturating_sub(4)),
            };
        }
        let too_large = self.is_picture(id) && bytes as usize > MAX_FRAME_BYTES;
        if !id.iter().all(|b| (0x20..0x7f).contains(b)) || too_large {
            if self.in_movie {
                self.bytes.consume(1);
                if self.find_picture()? {
                    return Ok(Chunk::Other);
                }
            }
            return Ok(Chunk::End);
        }
        self.bytes.consume(8);
        if self.is_picture(id) {
            return self.picture(bytes);
        }
        if matches!(&id, b"avih" | b"strh" | b"strf") {
            let wanted = (bytes as usize).min(MAX_HEADER_BYTES);
            let body = self.fill(wanted)?;
            let body = body[..body.len().min(wanted)].to_vec();
            self.header(id, &body);
        }
        self.skip(bytes)
    }

    fn is_picture(&self, [tens, ones, kind @ ..]: [u8; 4]) -> bool {
        let number = u32::from(tens.wrapping_sub(b'0')) * 10 + u32::from(ones.wrapping_sub(b'0'));
        matches!(&kind, b"dc" | b"db") && self.video.as_ref().is_some_and(|v| v.number == number)
    }

    fn picture(&mut self, bytes: u32) -> Result<Chunk, CaptureError> {
        let wanted = bytes as usize;
        if self.fill(wanted)?.len() < wanted {
            log::warn!("{}: ends in the middle of a frame", self.name);
            return Ok(Chunk::End);
        }
        Ok(Chunk::Picture(wanted))
    }

    fn header(&mut self, id: [u8; 4], body: &[u8]) {
        let word = |at: usize| {
            body.get(at..at + 4)
                .map_or([0; 4], |b| [b[0], b[1], b[2], b[3]])
        };
        let number = |at: usize| u32::from_le_bytes(word(at));
        match &id {
            b"avih" => self.main_rate = sound_rate(1_000_000, number(0)),
            b"strh" => {
                self.in_video = self.video.is_none() && word(0) == *b"vids";
                if self.in_video {
                    let rate = sound_rate(number(24), number(20));
                    self.video = Some(Video {
                        number: self.streams,
                        codec: word(4),
                        rate,
                        ..Video::default()
                    });
                }
                self.streams += 1;
            }
            b"strf" if self.in_video => {
                if let Some(video) = &mut self.video {
                    video.size = Size::new(number(4), number(8).cast_signed().unsigned_abs());
                    video.codec = if word(16) == [0; 4] {
                        *b"DIB "
                    } else {
                        word(16)
                    };
                }
                self.in_video = false;
            }
            _ => {}
        }
    }
}

/// Whether a chunk's name stands here that may come after a picture, rather than a pad byte.
fn begins_chunk(front: &[u8]) -> bool {
    matches!(
        front,
        [
            b'0'..=b'9',
            b'0'..=b'9',
            b'd' | b'w' | b't',
            b'a'..=b'z',
            ..
        ] | [b'L', b'I', b'S', b'T', ..]
            | [b'R', b'I', b'F', b'F', ..]
            | [b'J', b'U', b'N', b'K', ..]
            | [b'i', b'd', b'x', b'1', ..]
            | [b'i', b'x', b'0'..=b'9', b'0'..=b'9', ..]
    )
}

fn is_mjpeg(codec: [u8; 4]) -> bool {
    matches!(
        &codec.map(|b| b.to_ascii_uppercase()),
        b"MJPG" | b"JPEG" | b"AVRN" | b"DMB1" | b"LJPG" | b"IJPG"
    )
}

impl Demux for Avi {
    fn read(&mut self, frame: &mut Frame) -> Result<Option<u64>, CaptureError> {
        let mut steps = 1;
        loop {
            match self.chunk()? {
                Chunk::Other | Chunk::Movie => {}
                Chunk::End => return Ok(None),
                Chunk::Picture(0) => steps += 1, // "show the last picture once more": a dropped frame
                Chunk::Picture(count) => {
                    frame.data.clear();
                    frame.data.extend_from_slice(&self.bytes.front()[..count]);
                    self.bytes.consume(count);
                    self.odd = count % 2 == 1;
                    frame.set_shape(
                        self.video.as_ref().map_or(Size::default(), |v| v.size),
                        PixelFormat::Mjpeg,
                    );
                    return Ok(Some(steps));
                }
            }
        }
    }

    fn bytes(&mut self) -> &mut ByteStream {
        &mut self.bytes
    }

    fn rate(&self) -> Option<(u32, u32)> {
        self.video.as_ref().and_then(|v| v.rate).or(self.main_rate)
    }

    fn shape(&self) -> String {
        self.video
            .as_ref()
            .map_or_else(String::new, |v| format!("{} MJPEG", v.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(id: &[u8], body: &[u8]) -> Vec<u8> {
        let mut out = [id, &(body.len() as u32).to_le_bytes(), body].concat();
        out.resize(out.len().next_multiple_of(2), 0);
        out
    }

    fn avi(codec: &[u8; 4], movie: &[u8]) -> Vec<u8> {
        let mut strh = [b"vids", &codec[..]].concat();
        strh.resize(48, 0);
        strh[20..24].copy_from_slice(&1001u32.to_le_bytes());
        strh[24..28].copy_from_slice(&30000u32.to_le_bytes());
        let mut strf = vec![0; 40];
        strf[4] = 64;
        strf[8] = 48;
        strf[16..20].copy_from_slice(codec);
        let audio = chunk(
            b"LIST",
            &[
                b"strl".to_vec(),
                chunk(b"strh", b"auds"),
                chunk(b"strf", &[0; 18]),
            ]
            .concat(),
        );
        let video = chunk(
            b"LIST",
            &[
                b"strl".to_vec(),
                chunk(b"strh", &strh),
                chunk(b"strf", &strf),
            ]
            .concat(),
        );
        let hdrl = chunk(
            b"LIST",
            &[b"hdrl".to_vec(), chunk(b"avih", &[0; 56]), audio, video].concat(),
        );
        let info = chunk(
            b"LIST",
            &[b"INFO".to_vec(), chunk(b"ISFT", b"test")].concat(),
        );
        let movi = chunk(b"LIST", &[b"movi", movie].concat());
        chunk(b"RIFF", &[b"AVI ".to_vec(), hdrl, info, movi].concat())
    }

    fn frames(bytes: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, CaptureError> {
        let mut clip = Avi::new(
            ByteStream::new(std::io::Cursor::new(bytes.to_vec())),
            "test.avi",
        )?;
        assert_eq!(clip.rate(), Some((30000, 1001)));
        let mut frame = Frame::default();
        let mut out = Vec::new();
        while let Some(steps) = clip.read(&mut frame)? {
            out.push((steps, frame.data.clone()));
        }
        Ok(out)
    }

    #[test]
    fn pictures_are_found_among_sound_lists_and_left_out_frames() {
        let rec = chunk(
            b"LIST",
            &[
                b"rec ".to_vec(),
                chunk(b"00wb", b"snd"),
                chunk(b"01dc", b"two"),
            ]
            .concat(),
        );
        let movie = [
            chunk(b"01dc", b"one"),
            rec,
            chunk(b"01dc", b""),
            chunk(b"JUNK", b"x"),
            chunk(b"01dc", b"four"),
        ]
        .concat();
        let want = [
            (1, b"one".to_vec()),
            (1, b"two".to_vec()),
            (2, b"four".to_vec()),
        ];
        assert_eq!(frames(&avi(b"MJPG", &movie)).unwrap(), want);
    }

    #[test]
    fn chunks_of_odd_size_are_read_with_and_without_pad_bytes() {
        let odd = |id: &[u8], body: &[u8]| {
            let length = (body.len() as u32).to_le_bytes();
            [id, &length, body].concat()
        };
        for pad in [vec![], vec![0], vec![0x55]] {
            let movie = [
                odd(b"01dc", b"one"),
                pad.clone(),
                odd(b"00wb", b"sound"),
                pad.clone(),
                odd(b"01dc", b"three"),
                pad.clone(),
                odd(b"JUNK", b"x"),
                pad.clone(),
                odd(b"01dc", b"fifth"),
                pad.clone(),
            ];
            let got = frames(&avi(b"MJPG", &movie.concat())).unwrap();
            let got: Vec<_> = got.iter().map(|(_, bytes)| &bytes[..]).collect();
            assert_eq!(got, [&b"one"[..], b"three", b"fifth"], "{pad:?}");
        }
    }

    #[test]
    fn a_clip_goes_on_behind_a_damaged_place() {
        let picture = |i: u8| [&[0xff, 0xd8, 0xff], &[i; 300][..]].concat();
        let movie = |damage: &[u8]| {
            let mut movie: Vec<u8> = (0..4).flat_map(|i| chunk(b"01dc", &picture(i))).collect();
            movie.extend(damage);
            movie.extend((4..9).flat_map(|i| chunk(b"01dc", &picture(i))));
            frames(&avi(b"MJPG", &movie)).unwrap().len()
        };
        assert_eq!(movie(&[]), 9);
        assert_eq!(movie(&[0x99; 70_001]), 9);
        assert_eq!(movie(b"01dc\xff\xff\xff\x7f"), 9);
    }

    #[test]
    fn zero_sizes_of_a_cut_recording_are_no_hindrance() {
        let mut bytes = avi(b"MJPG", &chunk(b"01dc", b"one"));
        bytes[4..8].fill(0);
        let at = bytes.windows(4).position(|w| w == b"movi").unwrap();
        bytes[at - 4..at].fill(0);
        assert_eq!(frames(&bytes).unwrap().len(), 1);
    }

    #[test]
    fn other_codecs_are_told_with_the_mend() {
        let e = frames(&avi(b"H264", b"")).unwrap_err();
        assert!(
            e.to_string().contains("H264") && e.to_string().contains("ffmpeg"),
            "{e}"
        );
    }

    #[test]
    fn an_avi_cut_anywhere_or_with_any_byte_flipped_never_panics() {
        let bytes = avi(
            b"MJPG",
            &(0..20)
                .flat_map(|_| chunk(b"01dc", &[7; 301]))
                .collect::<Vec<_>>(),
        );
        for cut in (0..bytes.len()).step_by(97) {
            assert!(frames(&bytes[..cut]).map_or(0, |f| f.len()) < 20);
        }
        for i in 0..600 {
            let mut bad = bytes.clone();
            bad[i] ^= 0xff;
            if let Ok(mut clip) = Avi::new(ByteStream::new(std::io::Cursor::new(bad)), "bad") {
                let mut frame = Frame::default();
                while clip.read(&mut frame).unwrap().is_some() {}
            }
        }
    }
}
