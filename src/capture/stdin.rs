//! Frames through a pipe, from `rpicam-vid`, `ffmpeg` or anything else that writes to stdout.
//!
//! In: stdin. Out: frames of whatever `stream.rs` tells, or raw ones.

use super::bytes::ByteStream;
use super::clip::DEFAULT_RATE;
use super::clock::{Pace, rate_of};
use super::live::{self, Live, NotBegun, Stream};
use super::pipe::Pipe;
use super::raw::Raw;
use super::{CaptureError, FrameSource, Kept, Next, Source};
use crate::device::Device;
use crate::frame::Frame;
use crate::settings::{Kind, Section};
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

const NAME: &str = "stdin";

/// All that is known of the kind "stdin".
pub const KIND: Kind<Arc<dyn Source>> = Kind {
    name: "stdin",
    says: "a pipe: Y4M, AVI, JPEGs or a network camera's multipart answer, told by their first bytes, or raw frames",
    read: read_section,
};

fn read_section(s: &mut Section) -> Option<Arc<dyn Source>> {
    let raw = Raw::read(s);
    let fps = live::read_fps(s);
    Some(Arc::new(StdinSettings::new(raw, fps)))
}

/// What a pipe cannot say itself.
#[derive(Debug)]
pub struct StdinSettings {
    pub raw: Option<Raw>,
    /// Frames a second of streams that name none.
    pub fps: f32,
    left: Arc<Kept<Stream>>,
}

impl StdinSettings {
    /// With nothing read yet.
    pub fn new(raw: Option<Raw>, fps: f32) -> Self {
        let left = Arc::default();
        Self { raw, fps, left }
    }
}

impl Default for StdinSettings {
    fn default() -> Self {
        Self::new(None, 30.0)
    }
}

impl Device for StdinSettings {}

impl Source for StdinSettings {
    fn open(&self, pace: Pace) -> Result<Box<dyn FrameSource>, CaptureError> {
        Ok(Box::new(Stdin::open(self, pace)?))
    }

    fn is_pipe(&self) -> bool {
        true
    }
}

/// Stdin being read.
pub struct Stdin {
    /// None only while it is dropped.
    live: Option<Live>,
    left: Arc<Kept<Stream>>,
}

impl Stdin {
    /// Waits for the first bytes and tells what they are.
    ///
    /// # Errors
    /// Retryable: nothing comes. Final: stdin is closed or empty, or raw frames come and `raw` is
    /// `None`.
    pub fn open(settings: &StdinSettings, pace: Pace) -> Result<Self, CaptureError> {
        let rate = rate_of(settings.fps, NAME)?;
        let stream = match settings.left.take() {
            Some(left) => left,
            None => {
                let file = io::stdin()
                    .as_fd()
                    .try_clone_to_owned()
                    .map_err(|e| CaptureError::read(NAME, e))?;
                Stream::Bytes(ByteStream::new(Pipe(file.into())))
            }
        };
        let demux = stream
            .begin(NAME, settings.raw.as_ref())
            .map_err(|not| match not {
                NotBegun::Silent(e, left) => {
                    settings.left.put(*left);
                    e
                }
                NotBegun::Empty(e) | NotBegun::Unusable(e) => e,
            })?;
        Ok(Self {
            live: Some(Live::new(demux, pace, rate)),
            left: Arc::clone(&settings.left),
        })
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        if let Some(live) = self.live.take() {
            self.left.put(Stream::Frames(live.demux));
        }
    }
}

impl FrameSource for Stdin {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let Some(live) = &mut self.live else {
            return Ok(Next::End);
        };
        Ok(match live.next(frame)? {
            true => Next::Frame,
            false => Next::End,
        })
    }

    fn describe(&self) -> String {
        self.live
            .as_ref()
            .map_or_else(String::new, |live| live.describe(NAME))
    }

    fn rate(&self) -> (u32, u32) {
        self.live.as_ref().map_or(DEFAULT_RATE, Live::rate)
    }
}
