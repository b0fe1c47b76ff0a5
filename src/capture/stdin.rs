//! Frames through a pipe, from `rpicam-vid`, `ffmpeg` or anything else that writes to stdout.
//!
//! In: stdin. Out: frames of Y4M, AVI, a stream of JPEGs (all told by their first bytes) or raw
//! I420.

use super::avi::Avi;
use super::bytes::ByteStream;
use super::clock::{Clock, Pace, rate_of};
use super::jpeg::Jpegs;
use super::y4m::{self, Y4m};
use super::{
    CaptureError, Demux, FrameSource, Kept, MAX_FRAME_BYTES, Next, STALL_AFTER, Source, fps_text,
};
use crate::device::Device;
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use crate::settings::{Kind, Section};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

const NAME: &str = "stdin";

/// All that is known of the kind "stdin".
pub const KIND: Kind<Arc<dyn Source>> = Kind {
    name: "stdin",
    says: "a pipe: Y4M, AVI or JPEGs, told by their first bytes, or raw I420",
    read: read_section,
};

fn read_section(s: &mut Section) -> Option<Arc<dyn Source>> {
    let size = super::read_size(s, "pixels, of raw I420");
    let fps = s
        .number("fps", "frames a second of raw I420 and JPEGs", super::FPS)
        .or(30.0);
    Some(Arc::new(StdinSettings::new(size, fps)))
}

/// What a pipe cannot say itself.
#[derive(Debug)]
pub struct StdinSettings {
    /// Of raw frames.
    pub size: Option<Size>,
    /// Frames a second of streams that name none.
    pub fps: f32,
    left: Arc<Kept<Left>>,
}

impl StdinSettings {
    /// With nothing read yet.
    pub fn new(size: Option<Size>, fps: f32) -> Self {
        let left = Arc::default();
        Self { size, fps, left }
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
}

/// What was read of stdin but not yet used when its source was dropped. A pipe cannot be opened
/// again at its start: after a stall the next source must go on in the middle of the frame where
/// the last one stopped.
enum Left {
    Bytes(ByteStream),
    Demux(Box<dyn Demux>),
}

/// Reads a file descriptor and gives [`ErrorKind::TimedOut`] when nothing comes for
/// [`STALL_AFTER`].
struct Pipe(File);

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut wait = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: `wait` is one valid pollfd, and its descriptor is open as long as `self.0` lives.
        match unsafe { libc::poll(&raw mut wait, 1, STALL_AFTER.as_millis() as libc::c_int) } {
            0 => Err(ErrorKind::TimedOut.into()),
            n if n < 0 => Err(io::Error::last_os_error()),
            _ => self.0.read(out),
        }
    }
}

/// Stdin being read.
pub struct Stdin {
    demux: Option<Box<dyn Demux>>,
    clock: Clock,
    left: Arc<Kept<Left>>,
}

impl Stdin {
    /// Waits for the first bytes and tells what they are.
    ///
    /// # Errors
    /// Retryable: nothing comes. Final: stdin is closed or empty, or raw frames come and `size` is
    /// `None`.
    pub fn open(settings: &StdinSettings, pace: Pace) -> Result<Self, CaptureError> {
        let given = rate_of(settings.fps, NAME)?;
        let demux = match settings.left.take() {
            Some(Left::Demux(demux)) => demux,
            Some(Left::Bytes(bytes)) => first_demux(bytes, settings)?,
            None => {
                let file = io::stdin()
                    .as_fd()
                    .try_clone_to_owned()
                    .map_err(|e| CaptureError::read(NAME, e))?;
                first_demux(ByteStream::new(Pipe(file.into())), settings)?
            }
        };
        let rate = demux.rate().unwrap_or(given);
        Ok(Self {
            demux: Some(demux),
            clock: Clock::new(pace, rate),
            left: Arc::clone(&settings.left),
        })
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        if let Some(demux) = self.demux.take() {
            self.left.put(Left::Demux(demux));
        }
    }
}

/// As [`demux`], but keeps the bytes if they are slow to come.
fn first_demux(
    mut bytes: ByteStream,
    settings: &StdinSettings,
) -> Result<Box<dyn Demux>, CaptureError> {
    if let Err(e) = bytes.fill(12) {
        let e = CaptureError::read(NAME, e);
        if e.is_retryable() {
            settings.left.put(Left::Bytes(bytes));
        }
        return Err(e);
    }
    demux(bytes, settings.size)
}

/// Tells what the stream is by its first bytes.
fn demux(mut bytes: ByteStream, size: Option<Size>) -> Result<Box<dyn Demux>, CaptureError> {
    let first = bytes.fill(12).map_err(|e| CaptureError::read(NAME, e))?;
    if first.is_empty() {
        let mend = "pipe frames into it, such as `ffmpeg -i IN -f yuv4mpegpipe -pix_fmt yuv420p - | posed run --source -`";
        return Err(CaptureError::unusable(NAME, "is empty", mend));
    }
    if first.starts_with(y4m::MAGIC) {
        return Ok(Box::new(Y4m::new(bytes, NAME)?));
    }
    if first.starts_with(b"RIFF") && first.ends_with(b"AVI ") {
        return Ok(Box::new(Avi::new(bytes, NAME)?));
    }
    if first.starts_with(&[0xff, 0xd8]) {
        return Ok(Box::new(Jpegs::new(bytes, NAME)));
    }
    let Some(size) = size else {
        let mend = "set width and height to those of the program that writes it (640 and 480 in `rpicam-vid --width 640 --height 480`)";
        return Err(CaptureError::unusable(
            NAME,
            "raw I420 frames of unknown size",
            mend,
        ));
    };
    let sides = 1..=u32::from(u16::MAX);
    let sound = sides.contains(&size.width) && sides.contains(&size.height);
    match PixelFormat::I420.frame_bytes(size).filter(|_| sound) {
        Some(frame_bytes) if (1..=MAX_FRAME_BYTES).contains(&frame_bytes) => Ok(Box::new(Raw {
            bytes,
            size,
            frame_bytes,
        })),
        _ => Err(CaptureError::unusable(
            NAME,
            format!("no picture is {size}"),
            "set width and height to the picture's",
        )),
    }
}

/// I420 frames with nothing between them.
struct Raw {
    bytes: ByteStream,
    size: Size,
    frame_bytes: usize,
}

impl Demux for Raw {
    fn read(&mut self, frame: &mut Frame) -> Result<Option<u64>, CaptureError> {
        let front = self
            .bytes
            .fill(self.frame_bytes)
            .map_err(|e| CaptureError::read(NAME, e))?;
        if front.len() < self.frame_bytes {
            if !front.is_empty() {
                log::warn!(
                    "{NAME}: ends in the middle of a frame: are width and height those of the program that writes it?"
                );
            }
            return Ok(None);
        }
        frame.data.clear();
        frame.data.extend_from_slice(&front[..self.frame_bytes]);
        frame.set_shape(self.size, PixelFormat::I420);
        self.bytes.consume(self.frame_bytes);
        Ok(Some(1))
    }

    fn rate(&self) -> Option<(u32, u32)> {
        None
    }

    fn shape(&self) -> String {
        format!("{} I420", self.size)
    }
}

impl FrameSource for Stdin {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let Some(demux) = &mut self.demux else {
            return Ok(Next::End);
        };
        let Some(steps) = demux.read(frame)? else {
            return Ok(Next::End);
        };
        (frame.sequence, frame.time) = self.clock.stamp(steps);
        Ok(Next::Frame)
    }

    fn describe(&self) -> String {
        let shape = self.demux.as_ref().map_or_else(String::new, |d| d.shape());
        format!("{NAME} {shape} {} fps", fps_text(self.clock.rate()))
    }

    fn rate(&self) -> (u32, u32) {
        self.clock.rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(bytes: Vec<u8>) -> ByteStream {
        ByteStream::new(io::Cursor::new(bytes))
    }

    #[test]
    fn the_first_bytes_tell_the_kind() {
        let shape = |bytes: Vec<u8>| demux(stream(bytes), Some(Size::new(4, 2))).unwrap().shape();
        assert_eq!(shape(b"YUV4MPEG2 W2 H2\n".to_vec()), "2x2 I420");
        assert_eq!(
            shape(std::fs::read("photos/astronaut.jpg").unwrap()),
            "MJPEG"
        );
        assert_eq!(shape(vec![0; 30]), "4x2 I420");
    }

    #[test]
    fn raw_frames_without_a_size_say_what_to_set() {
        let e = demux(stream(vec![0; 30]), None).err().unwrap();
        assert!(e.to_string().contains("width") && !e.is_retryable(), "{e}");
        assert!(
            demux(stream(vec![]), None)
                .err()
                .unwrap()
                .to_string()
                .contains("empty")
        );
        assert!(demux(stream(vec![0; 30]), Some(Size::new(0, 9))).is_err());
        assert!(demux(stream(vec![0; 30]), Some(Size::new(60_000, 60_000))).is_err());
    }

    #[test]
    fn raw_frames_end_whole() {
        let mut raw = demux(stream(vec![5; 12 * 3 + 7]), Some(Size::new(4, 2))).unwrap();
        let mut frame = Frame::default();
        let mut n = 0;
        while raw.read(&mut frame).unwrap().is_some() {
            frame.check().unwrap();
            n += 1;
        }
        assert_eq!(n, 3);
    }

    #[test]
    fn a_silent_pipe_times_out_and_loses_nothing() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut bytes = ByteStream::new(Pipe(File::from(std::os::fd::OwnedFd::from(reader))));
        io::Write::write_all(&mut writer, &[1, 2]).unwrap();
        assert_eq!(bytes.fill(4).unwrap_err().kind(), ErrorKind::TimedOut);
        io::Write::write_all(&mut writer, &[3, 4]).unwrap();
        assert_eq!(bytes.fill(4).unwrap(), [1, 2, 3, 4]);
    }
}
