//! Frames of a stream that comes at its own pace and cannot be read twice.
//!
//! In: a stream of bytes, as far as it was read. Out: its frames with the time at which they came.
//! When its source is dropped, the stream stays in the settings: after a stall the next source must
//! go on in the middle of the frame where the last one stopped.

use super::bytes::ByteStream;
use super::clip::DEFAULT_RATE;
use super::clock::{Clock, Pace};
use super::raw::Raw;
use super::stream::Container;
use super::{CaptureError, Demux, FPS, FrameSource, Next, STALL_AFTER, fps_text};
use crate::frame::Frame;
use crate::settings::Section;
use std::io::Read;

/// Reads `fps`, of a stream that may name no rate.
pub(super) fn read_fps(s: &mut Section) -> f32 {
    s.number("fps", "frames a second of raw frames and JPEGs", FPS)
        .or(30.0)
}

/// A stream as far as it was read.
pub(super) enum Stream {
    /// Too little to tell what it is.
    Bytes(ByteStream),
    Frames(Box<dyn Demux>),
}

impl Stream {
    /// Waits until it is known what the stream is.
    pub(super) fn begin(self, name: &str, raw: Option<&Raw>) -> Result<Box<dyn Demux>, NotBegun> {
        self.begin_as(name, raw, |bytes| Container::tell(bytes, name))
    }

    /// The same where JPEGs come, whatever stands before them.
    pub(super) fn begin_with_jpegs(self, name: &str) -> Result<Box<dyn Demux>, NotBegun> {
        self.begin_as(name, None, |bytes| match bytes.fill(1) {
            Ok(_) => Ok(Container::Jpegs),
            Err(e) => Err(CaptureError::read(name, e)),
        })
    }

    fn begin_as(
        self,
        name: &str,
        raw: Option<&Raw>,
        tell: impl FnOnce(&mut ByteStream) -> Result<Container, CaptureError>,
    ) -> Result<Box<dyn Demux>, NotBegun> {
        let mut bytes = match self {
            Self::Frames(demux) => return Ok(demux),
            Self::Bytes(bytes) => bytes,
        };
        bytes.allow(Some(STALL_AFTER));
        match tell(&mut bytes) {
            Ok(_) if bytes.front().is_empty() => Err(NotBegun::Empty(empty(name))),
            Ok(container) => container.open(bytes, name, raw).map_err(NotBegun::Unusable),
            Err(e) if e.is_retryable() => Err(NotBegun::Silent(e, Box::new(Self::Bytes(bytes)))),
            Err(e) => Err(NotBegun::Unusable(e)),
        }
    }
}

/// Why a stream gives no frames.
pub(super) enum NotBegun {
    /// Nothing comes yet; the stream as far as it came.
    Silent(CaptureError, Box<Stream>),
    /// It ends before it began.
    Empty(CaptureError),
    /// It is nothing that is read here, or cannot be read.
    Unusable(CaptureError),
}

fn empty(name: &str) -> CaptureError {
    let mend =
        "write frames into it, such as those of `ffmpeg -i IN -f yuv4mpegpipe -pix_fmt yuv420p -`";
    CaptureError::unusable(name, "is empty", mend)
}

/// A stream being read.
pub(super) struct Live {
    pub(super) demux: Box<dyn Demux>,
    clock: Clock,
}

impl Live {
    /// `rate`: of a stream that names none.
    pub(super) fn new(demux: Box<dyn Demux>, pace: Pace, rate: (u32, u32)) -> Self {
        let clock = Clock::new(pace, demux.rate().unwrap_or(rate));
        Self { demux, clock }
    }

    /// False: the stream is at its end.
    pub(super) fn next(&mut self, frame: &mut Frame) -> Result<bool, CaptureError> {
        let live = self.clock.pace() == Pace::Live;
        self.demux.bytes().allow(live.then_some(STALL_AFTER));
        let Some(steps) = self.demux.read(frame)? else {
            return Ok(false);
        };
        (frame.sequence, frame.time) = self.clock.stamp(steps);
        Ok(true)
    }

    pub(super) fn pace(&self) -> Pace {
        self.clock.pace()
    }

    pub(super) fn rate(&self) -> (u32, u32) {
        self.clock.rate()
    }

    pub(super) fn describe(&self, name: &str) -> String {
        let shape = self.demux.shape();
        format!("{name} {shape} {} fps", fps_text(self.clock.rate()))
    }
}

/// Frames of any reader, told by its first bytes: Y4M, AVI, JPEGs or a multipart answer; raw frames
/// where `raw` says what they are. `name` stands in messages.
///
/// # Errors
/// Retryable: the reader times out. Final: it is empty, or nothing that is read here.
pub fn read(
    reader: impl Read + Send + 'static,
    name: &str,
    raw: Option<&Raw>,
    pace: Pace,
) -> Result<Box<dyn FrameSource>, CaptureError> {
    let stream = Stream::Bytes(ByteStream::new(reader));
    let demux = stream.begin(name, raw).map_err(|not| match not {
        NotBegun::Silent(e, _) | NotBegun::Empty(e) | NotBegun::Unusable(e) => e,
    })?;
    Ok(Box::new(Reader {
        name: name.into(),
        live: Live::new(demux, pace, DEFAULT_RATE),
    }))
}

struct Reader {
    name: String,
    live: Live,
}

impl FrameSource for Reader {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        Ok(match self.live.next(frame)? {
            true => Next::Frame,
            false => Next::End,
        })
    }

    fn describe(&self) -> String {
        self.live.describe(&self.name)
    }

    fn rate(&self) -> (u32, u32) {
        self.live.rate()
    }
}
