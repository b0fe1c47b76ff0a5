//! Where frames come from.
//!
//! In: the `[source]` of the configuration, or one word of a command line. Out: [`Frame`]s in the
//! form in which the source gives them, each with its time, through a [`FrameSource`]. Errors tell
//! a camera that may come back from a source that never works.

pub mod avi;
pub mod bytes;
pub mod clip;
pub mod clock;
pub mod command;
pub mod folder;
pub mod http;
pub mod jpeg;
mod live;
pub mod photo;
mod pipe;
pub mod raw;
pub mod stdin;
mod stream;
pub mod synthetic;
mod turned;
pub mod v4l2;
pub mod y4m;

use crate::decode::DecodeError;
use crate::device::Device;
use crate::frame::Frame;
use crate::geometry::Size;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stream::Container;

pub use clock::Pace;
pub(crate) use clock::sound_rate;
pub use live::read as read_stream;
pub use synthetic::script::Step;

/// The most bytes that one frame may have; a header that promises more is damage or an attack.
pub const MAX_FRAME_BYTES: usize = 64 << 20;

/// How long a device or pipe may keep silent before it counts as stalled.
pub const STALL_AFTER: Duration = Duration::from_secs(2);

/// What a source can be: a line here and a file beside the others is all a new one takes.
pub const KINDS: &[Kind<Arc<dyn Source>>] = &[
    v4l2::KIND,
    photo::KIND,
    clip::KIND,
    stdin::KIND,
    command::KIND,
    http::KIND,
    synthetic::KIND,
];

/// The settings of a source: the `[source]` of the configuration, or one named on a command line.
pub trait Source: Device {
    /// Opens the source.
    ///
    /// # Errors
    /// A retryable one for a device that is not there, a final one for settings or files that never
    /// work.
    fn open(&self, pace: Pace) -> Result<Box<dyn FrameSource>, CaptureError>;

    /// Whether frames come when they come, and not from a file that knows their times.
    fn is_live(&self) -> bool {
        true
    }

    /// Whether frames come through a pipe, whose end is that of its writer and not of a recording.
    fn is_pipe(&self) -> bool {
        false
    }
}

/// The kind of a source that is a pipe ([`Source::is_pipe`]).
pub const PIPE: &str = stdin::KIND.name;

/// Reads the section `[source]`.
pub fn read(s: &mut Section) -> Option<Arc<dyn Source>> {
    let turn = turned::read(s);
    Some(turned::turn(s.kind(KINDS, None)?, turn))
}

/// A source for a configuration of which nothing is to be seen: it has to have one.
pub fn nothing() -> Arc<dyn Source> {
    Arc::new(synthetic::SyntheticSettings::new(
        Size::new(64, 64),
        1.0,
        Vec::new(),
    ))
}

/// Reads a source as typed on a command line: a camera's device such as `/dev/video0`, `-` for
/// stdin, `synthetic`, the `http://` address of a camera, or the path of a photo, clip or folder.
///
/// ```
/// # use posed::capture::{Next, Pace, from_argument};
/// # use posed::frame::Frame;
/// let mut source = from_argument("photos/astronaut.jpg".as_ref())?.open(Pace::Recorded)?;
/// let mut frame = Frame::default();
/// assert_eq!(source.next(&mut frame)?, Next::Frame);
/// assert_eq!(source.next(&mut frame)?, Next::End);
/// # Ok::<(), posed::capture::CaptureError>(())
/// ```
///
/// # Errors
/// The path does not exist or cannot be read.
pub fn from_argument(argument: &OsStr) -> Result<Arc<dyn Source>, CaptureError> {
    let path = PathBuf::from(argument);
    match argument.to_str() {
        Some("-") => return Ok(Arc::new(stdin::StdinSettings::default())),
        Some("synthetic") => return Ok(Arc::new(synthetic::SyntheticSettings::default())),
        Some(url) if url.contains("://") => {
            return Ok(Arc::new(http::HttpSettings::of(url)?));
        }
        _ => {}
    }
    let kind = std::fs::metadata(&path).map(|m| m.file_type());
    if kind
        .as_ref()
        .map_or(path.starts_with("/dev"), FileTypeExt::is_char_device)
    {
        return Ok(Arc::new(v4l2::CameraSettings::of(&path)));
    }
    // What is read from a pipe to tell what it is would be lost.
    if kind.is_ok_and(|kind| kind.is_dir() || !kind.is_file()) || clip::is_jpegs(&path) {
        return Ok(Arc::new(clip::ClipSettings::of(&path)));
    }
    Ok(match Container::of(&first_bytes(&path)?) {
        Container::Jpegs | Container::Png => Arc::new(photo::PhotoSettings { path, fps: 30.0 }),
        _ => Arc::new(clip::ClipSettings::of(&path)),
    })
}

/// Reads `width` and `height`, which go together.
pub(crate) fn read_size(s: &mut Section, meaning: &'static str) -> Option<Size> {
    const SIDE: std::ops::RangeInclusive<u32> = 16..=8192;
    let width = s.number("width", meaning, SIDE).example("640").maybe();
    let height = s.number("height", meaning, SIDE).example("480").maybe();
    let both = match (s.given("width"), s.given("height")) {
        (true, false) => "height",
        (false, true) => "width",
        _ => return Some(Size::new(width?, height?)),
    };
    s.fault(both, "is missing: width and height go together");
    None
}

/// Reads `path`, which must exist.
pub(crate) fn read_path(
    s: &mut Section,
    meaning: &'static str,
    example: &'static str,
) -> Option<PathBuf> {
    s.path("path", meaning)
        .example(example)
        .check(|path| match path.exists() {
            true => Ok(()),
            false => Err(format!("{} does not exist", path.display())),
        })
        .needed()
}

/// Whether a file that is to be played is there.
pub(crate) fn check_path(path: &Path) -> Result<(), Trouble> {
    if path.exists() {
        return Ok(());
    }
    Err(Trouble::new(
        format!("{} is not there", path.display()),
        "set `path` under [source] to a file that is there",
    ))
}

/// Frames a second, as a source may be given them.
pub(crate) const FPS: std::ops::RangeInclusive<f32> = 0.5..=240.0;

/// What [`FrameSource::next`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The frame is filled.
    Frame,
    /// The source is at its end; the frame is as it was or partly overwritten.
    End,
}

/// A camera, file or pipe that gives one frame after another.
pub trait FrameSource: Send {
    /// Fills `frame`, using its buffer again. Blocks until a frame is due; a device blocks at most
    /// [`STALL_AFTER`].
    ///
    /// # Errors
    /// See [`CaptureError::is_retryable`]: after a retryable error, drop the source and open
    /// it again.
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError>;

    /// The source in words, such as `/dev/video0 640x480 YUYV 30 fps`.
    fn describe(&self) -> String;

    /// Nominal frames per second as a fraction, such as (30000, 1001).
    fn rate(&self) -> (u32, u32);
}

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("{device}: cannot be opened: {error}; {mend}")]
    Missing {
        device: String,
        error: io::Error,
        mend: &'static str,
    },
    #[error("{device}: no frame for {} s; {}", waited.as_secs_f32(), where_to_look(device))]
    Stalled { device: String, waited: Duration },
    #[error("{device}: lost: {error}; {}", where_to_look(device))]
    Lost { device: String, error: io::Error },
    #[error("{name}: cannot be read: {error}")]
    Read { name: String, error: io::Error },
    #[error("{name}: {error}")]
    Picture { name: String, error: DecodeError },
    #[error("{name}: {reason}; {mend}")]
    Unusable {
        name: String,
        reason: String,
        mend: String,
    },
}

/// What may be wrong with a source that gives nothing any more.
fn where_to_look(device: &str) -> &'static str {
    match device {
        _ if device.starts_with("/dev/") => "check the cable, the power supply and `dmesg`",
        _ if device.contains("://") => "see whether the camera is on and the network reaches it",
        _ => "see whether the program that writes it still runs",
    }
}

impl CaptureError {
    /// Whether the source may come back: a camera that is missing, in use, lost or stalled.
    /// Everything else is final.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. } | Self::Stalled { .. } | Self::Lost { .. }
        )
    }

    pub(crate) fn unusable(name: &str, reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Unusable {
            name: name.into(),
            reason: reason.into(),
            mend: mend.into(),
        }
    }

    /// A failed read; a pipe's time-out counts as a stall.
    pub(crate) fn read(name: &str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Stalled {
                device: name.into(),
                waited: STALL_AFTER,
            },
            _ => Self::Read {
                name: name.into(),
                error,
            },
        }
    }
}

/// What a source leaves behind in its settings for whoever opens them next: the rest of a pipe,
/// which cannot be read twice. It is no part of what the settings say.
pub(crate) struct Kept<T>(Mutex<Option<T>>);

impl<T> Kept<T> {
    pub(crate) fn put(&self, left: T) {
        *self.lock() = Some(left);
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.lock().take()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> std::fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("_")
    }
}

/// Cuts a stream of bytes into frames; one file each for Y4M, AVI, JPEGs and raw I420.
pub(crate) trait Demux: Send {
    /// Fills size, format and bytes of `frame` and gives how many frame periods have passed since
    /// the one before: 1, or more where the clip leaves frames out. `None` is the end.
    fn read(&mut self, frame: &mut Frame) -> Result<Option<u64>, CaptureError>;
    /// The stream, to say how long a frame may take.
    fn bytes(&mut self) -> &mut bytes::ByteStream;
    /// The rate that the stream's header names.
    fn rate(&self) -> Option<(u32, u32)>;
    /// Size and pixel format in words.
    fn shape(&self) -> String;
}

/// Up to 12 bytes from the start of a file, enough to tell what it is.
fn first_bytes(path: &Path) -> Result<Vec<u8>, CaptureError> {
    use io::Read;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|f| f.take(12).read_to_end(&mut bytes));
    read.map_err(|error| CaptureError::read(&path.display().to_string(), error))?;
    Ok(bytes)
}

/// A rate in words: `30`, `29.97`.
pub(crate) fn fps_text((num, den): (u32, u32)) -> String {
    let text = format!("{:.2}", f64::from(num) / f64::from(den.max(1)));
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_told_by_name_and_content() {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().unwrap();
        let clip = dir.path().join(OsStr::from_bytes(b"no UTF-8 \xff.avi"));
        std::fs::write(&clip, b"RIFF....AVI ").unwrap();
        let shared = Path::new("/dev/shm").join(format!("posed {}", std::process::id()));
        std::fs::write(&shared, b"YUV4MPEG2").unwrap();
        let pipe = dir.path().join("pipe");
        let name = std::ffi::CString::new(pipe.as_os_str().as_bytes()).unwrap();
        // SAFETY: the name is a C string.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        let kind = |argument: &OsStr| format!("{:?}", from_argument(argument).unwrap());
        for (argument, settings) in [
            ("-".as_ref(), "StdinSettings"),
            ("synthetic".as_ref(), "SyntheticSettings"),
            ("/dev/v4l/by-id/cam".as_ref(), "CameraSettings"),
            ("/dev/null".as_ref(), "CameraSettings"),
            ("http://camera/stream".as_ref(), "HttpSettings"),
            ("photos/astronaut.jpg".as_ref(), "PhotoSettings"),
            ("photos".as_ref(), "ClipSettings"),
            (clip.as_os_str(), "ClipSettings"),
            (shared.as_os_str(), "ClipSettings"),
            (pipe.as_os_str(), "ClipSettings"),
        ] {
            let kind = kind(argument);
            assert!(kind.starts_with(settings), "{argument:?}: {kind}");
        }
        std::fs::remove_file(shared).unwrap();
        let missing = from_argument("no/such/file".as_ref()).unwrap_err();
        assert!(
            !missing.is_retryable() && missing.to_string().contains("no/such/file"),
            "{missing}"
        );
    }

    #[test]
    fn a_missing_camera_may_come_back_and_a_missing_file_may_not() {
        let open = |source: &dyn Source| source.open(Pace::Live).err().unwrap();
        let camera = from_argument("/dev/video-none".as_ref()).unwrap();
        assert!(open(camera.as_ref()).is_retryable());
        let clip = clip::ClipSettings::of("none.y4m".as_ref());
        assert!(!open(&clip).is_retryable());
    }

    #[test]
    fn rates_read_as_people_write_them() {
        assert_eq!(
            [
                fps_text((30, 1)),
                fps_text((30000, 1001)),
                fps_text((25, 2))
            ],
            ["30", "29.97", "12.5"]
        );
    }
}
