//! Cameras through Video4Linux: USB cameras, and whatever else the kernel shows as a picture at
//! /dev/videoN.
//!
//! In: a device and what is wished of it. Out: its frames as the driver gives them, with the
//! driver's time stamps. The kernel's side is described in its "Video for Linux API"
//! (userspace-api/media/v4l).

mod choose;
mod report;

use super::{CaptureError, FrameSource, Next, Pace, STALL_AFTER, Source, clock, fps_text};
use crate::device;
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use choose::{Offer, choose, pixel_format};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use v4l::buffer::{Flags, Metadata, Type};
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

pub use choose::READABLE;
pub use report::{DeviceReport, MULTI_PLANAR_MEND, describe_device};

/// All that is known of the kind "v4l2".
pub const KIND: Kind<Arc<dyn Source>> = Kind {
    name: "v4l2",
    says: "a camera through Video4Linux",
    read,
};

const FORMATS: &[(&str, PixelFormat)] = &[
    ("yuyv", PixelFormat::Yuyv),
    ("yvyu", PixelFormat::Yvyu),
    ("uyvy", PixelFormat::Uyvy),
    ("nv12", PixelFormat::Nv12),
    ("nv21", PixelFormat::Nv21),
    ("i420", PixelFormat::I420),
    ("rgb", PixelFormat::Rgb),
    ("bgr", PixelFormat::Bgr),
    ("grey", PixelFormat::Grey),
    ("mjpeg", PixelFormat::Mjpeg),
];

fn read(s: &mut Section) -> Option<Arc<dyn Source>> {
    let device = s
        .path(
            "device",
            "the camera; a name of /dev/v4l/by-id/ stays the same when cameras are swapped",
        )
        .hint("`posed doctor` lists them")
        .or("/dev/video0".into());
    let size = super::read_size(s, "pixels; without it 640x480, or what is nearest");
    let fps = s
        .number("fps", "frames a second, if the driver can", super::FPS)
        .example("30.0")
        .maybe();
    let format = s
        .choice("format", "the form of pixels asked for", FORMATS)
        .without("YUYV up to 640x480, MJPEG above")
        .maybe();
    Some(Arc::new(CameraSettings {
        device,
        size,
        fps,
        format,
    }))
}

/// Which camera; what is `None` is chosen from what the driver offers.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraSettings {
    pub device: PathBuf,
    pub size: Option<Size>,
    pub fps: Option<f32>,
    pub format: Option<PixelFormat>,
}

impl CameraSettings {
    /// This device, with whatever its driver offers.
    pub fn of(device: &Path) -> Self {
        Self {
            device: device.into(),
            size: None,
            fps: None,
            format: None,
        }
    }
}

impl device::Device for CameraSettings {
    fn check(&self) -> Result<(), Trouble> {
        if self.device.exists() {
            return Ok(());
        }
        Err(Trouble::new(
            format!("{} is not there", self.device.display()),
            "plug the camera in, or name another as `device` under [source]: `v4l2-ctl --list-devices` lists them (package v4l-utils)",
        ))
    }
}

impl Source for CameraSettings {
    fn open(&self, _: Pace) -> Result<Box<dyn FrameSource>, CaptureError> {
        let source = V4l2Source::open(&self.device, self.size, self.fps, self.format)?;
        Ok(Box::new(source))
    }
}

/// One being filled, one being read, two against jitter.
const BUFFERS: u32 = 4;

/// The most buffers that a driver may give in place of [`BUFFERS`] (VIDEO_MAX_FRAME).
const MAX_BUFFERS: usize = 32;

/// So many damaged buffers in a row are a fault of the device (2 s at 15 frames a second).
const MAX_DAMAGED: usize = 30;

const BAYER_MEND: &str = "run `libcamerify posed …` or `rpicam-vid -t 0 --codec yuv420 --width 640 --height 480 -o - | posed run --source -`";

/// A camera that delivers frames.
pub struct V4l2Source {
    name: String,
    /// `None` only while it is dropped.
    stream: Option<Stream<'static>>,
    size: Size,
    format: PixelFormat,
    stride: usize,
    rate: (u32, u32),
    times: Times,
}

impl V4l2Source {
    /// Opens the device, settles format, size and rate with its driver, and starts it.
    ///
    /// # Errors
    /// Retryable: the device is missing, in use or refuses. Final: it is no camera or has no format
    /// that posed reads.
    pub fn open(
        path: &Path,
        size: Option<Size>,
        fps: Option<f32>,
        format: Option<PixelFormat>,
    ) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        let missing = |error| missing(&name, error);
        let wanted_rate = fps.map(|fps| clock::rate_of(fps, &name)).transpose()?;
        let device = report::open_device(path).map_err(missing)?;
        let offers = offers(&device, &name, format)?;
        let Some((fourcc, _, asked)) = choose(&offers, size, format) else {
            return Err(no_format(&name, &offers, format));
        };
        let got = device
            .set_format(&Format::new(
                asked.width,
                asked.height,
                FourCC::new(&fourcc),
            ))
            .map_err(missing)?;
        let Some(format) = pixel_format(got.fourcc.repr) else {
            return Err(no_format(&name, &offers, format));
        };
        let size = Size::new(got.width, got.height);
        let rate = settle_rate(&device, wanted_rate);
        if size.width == 0 || size.height == 0 {
            return Err(CaptureError::unusable(
                &name,
                format!("the driver offers a picture of {size}"),
                "set width and height",
            ));
        }
        let told = match format {
            PixelFormat::Mjpeg => 0,
            _ => got.stride as usize,
        };
        let stream = start(&device).map_err(missing)?;
        Ok(Self {
            name,
            stream: Some(stream),
            size,
            format,
            stride: format.tight_stride(size.width).max(told),
            rate,
            times: Times::default(),
        })
    }

    /// Waits for a frame without touching the stream: `Stream::next` hands a buffer back before it
    /// waits, and after a time-out or a signal would hand the same one back again, which the kernel
    /// refuses.
    fn wait(&self, stream: &Stream<'static>) -> Result<(), CaptureError> {
        let until = Instant::now() + STALL_AFTER;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match stream.handle().poll(libc::POLLIN, left.as_millis() as i32) {
                Ok(0) => {
                    return Err(CaptureError::Stalled {
                        device: self.name.clone(),
                        waited: STALL_AFTER,
                    });
                }
                Ok(_) => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(CaptureError::Lost {
                        device: self.name.clone(),
                        error,
                    });
                }
            }
        }
    }
}

/// Starts the camera with all buffers but the first in the driver's hands: `Stream::next` hands in
/// that one.
fn start(device: &Device) -> io::Result<Stream<'static>> {
    let mut stream = Stream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
    stream.set_timeout(STALL_AFTER);
    // The stream does not tell how many buffers the driver gave; it refuses the first number that
    // is too high.
    for index in 1..MAX_BUFFERS {
        if CaptureStream::queue(&mut stream, index).is_err() {
            break;
        }
    }
    match stream.start() {
        Ok(()) => Ok(stream),
        Err(e) => {
            stop(stream);
            Err(e)
        }
    }
}

/// Stops and drops the stream. Its own `Drop` panics when STREAMOFF fails with anything but ENODEV,
/// which a broken USB camera does; then its buffers are left mapped until the program ends, which
/// is less harm than a panic.
fn stop(mut stream: Stream<'static>) {
    match stream.stop() {
        Err(e) if e.raw_os_error() != Some(libc::ENODEV) => {
            log::warn!("camera does not stop: {e}");
            std::mem::forget(stream);
        }
        _ => drop(stream),
    }
}

/// Sets the rate where the driver lets it be set, and gives the one it has.
fn settle_rate(device: &Device, wanted: Option<(u32, u32)>) -> (u32, u32) {
    if let Some((num, den)) = wanted
        && let Err(e) = device.set_params(&Parameters::new(Fraction::new(den, num)))
    {
        log::info!("camera keeps its own rate: {e}");
    }
    let interval = device.params().ok().map(|p| p.interval);
    let told = interval.and_then(|i| clock::sound_rate(i.denominator, i.numerator));
    told.or(wanted).unwrap_or((30, 1))
}

/// What the device can give, if it is a camera whose pictures posed reads.
fn offers(
    device: &Device,
    name: &str,
    format: Option<PixelFormat>,
) -> Result<Vec<Offer>, CaptureError> {
    let unusable = |reason, mend| CaptureError::unusable(name, reason, mend);
    let (driver, _, flags) =
        report::capabilities(device).map_err(|error| match error.raw_os_error() {
            Some(libc::ENOTTY | libc::EINVAL) => {
                unusable("is no video device", "see `v4l2-ctl --list-devices`")
            }
            _ => missing(name, error),
        })?;
    if flags.contains(v4l::capability::Flags::VIDEO_CAPTURE_MPLANE) {
        return Err(unusable(
            "is a multi-planar capture device (V4L2_CAP_VIDEO_CAPTURE_MPLANE), whose frames posed does not read itself",
            MULTI_PLANAR_MEND,
        ));
    }
    if !flags.contains(v4l::capability::Flags::VIDEO_CAPTURE) {
        return Err(unusable(
            "gives no single-planar video",
            "choose another node of the camera (`posed doctor` lists them)",
        ));
    }
    let offers = report::offers(device).map_err(|e| missing(name, e))?;
    if format.is_none() && report::is_bayer_only(&driver, &offers) {
        return Err(unusable("raw Bayer sensor", BAYER_MEND));
    }
    Ok(offers)
}

fn missing(name: &str, error: io::Error) -> CaptureError {
    CaptureError::Missing {
        device: name.into(),
        mend: mend(&error),
        error,
    }
}

fn mend(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => "add the user to the group `video`",
        Some(libc::EBUSY) => "another program uses it: find it with `fuser -v DEVICE`",
        _ => "plug the camera in, or choose another one (`posed doctor` lists them)",
    }
}

fn no_format(name: &str, offers: &[Offer], wanted: Option<PixelFormat>) -> CaptureError {
    let list: Vec<_> = offers
        .iter()
        .map(|o| o.fourcc.escape_ascii().to_string())
        .collect();
    let list = if list.is_empty() {
        "nothing".into()
    } else {
        list.join(", ")
    };
    match wanted {
        Some(format) => CaptureError::unusable(
            name,
            format!("does not offer {format}, but {list}"),
            "leave format out",
        ),
        None => CaptureError::unusable(
            name,
            format!("offers only {list}"),
            "pipe it through ffmpeg: see docs/sources.md",
        ),
    }
}

/// Turns the driver's stamps into times from the first frame that never run backwards.
#[derive(Debug, Default)]
struct Times {
    first: Option<Duration>,
    first_sequence: u32,
    last: Duration,
}

impl Times {
    /// Time and sequence number of a frame that the driver stamped `stamp` and counted as
    /// `sequence`.
    fn of(&mut self, stamp: Duration, sequence: u32) -> (Duration, u64) {
        if self.first.is_none() {
            self.first_sequence = sequence;
        }
        let first = *self.first.get_or_insert(stamp);
        self.last = self.last.max(stamp.saturating_sub(first));
        (self.last, sequence.wrapping_sub(self.first_sequence).into())
    }
}

/// The driver's stamp where it is of CLOCK_MONOTONIC, else that clock now.
fn stamp(meta: &Metadata) -> Duration {
    let time = &meta.timestamp;
    if meta.flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC
        && (time.sec, time.usec) != (0, 0)
    {
        return duration(time.sec, time.usec, 1000);
    }
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid timespec to write to.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    duration(now.tv_sec, now.tv_nsec, 1)
}

/// C's integers are of 32 or 64 bits; `unit`: nanoseconds of a fraction.
fn duration(seconds: impl TryInto<u64>, fraction: impl TryInto<u64>, unit: u64) -> Duration {
    let second = 1_000_000_000;
    Duration::from_secs(seconds.try_into().unwrap_or(0))
        + Duration::from_nanos(
            fraction
                .try_into()
                .map_or(0, |f| f.saturating_mul(unit).min(second - 1)),
        )
}

impl FrameSource for V4l2Source {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        for _ in 0..MAX_DAMAGED {
            let Some(mut stream) = self.stream.take() else {
                return Ok(Next::End);
            };
            let waited = self.wait(&stream);
            let got = waited.and_then(|()| {
                let (bytes, meta) =
                    CaptureStream::next(&mut stream).map_err(|error| match error.kind() {
                        ErrorKind::TimedOut => CaptureError::Stalled {
                            device: self.name.clone(),
                            waited: STALL_AFTER,
                        },
                        _ => CaptureError::Lost {
                            device: self.name.clone(),
                            error,
                        },
                    })?;
                if meta.flags.contains(Flags::ERROR) {
                    return Ok(false);
                }
                // Some drivers leave bytesused at 0 for uncompressed frames.
                let used = if meta.bytesused == 0 {
                    bytes.len()
                } else {
                    bytes.len().min(meta.bytesused as usize)
                };
                frame.data.clear();
                frame.data.extend_from_slice(&bytes[..used]);
                frame.set_padded_shape(self.size, self.format, self.stride);
                (frame.time, frame.sequence) = self.times.of(stamp(meta), meta.sequence);
                Ok(true)
            });
            self.stream = Some(stream);
            if got? {
                return Ok(Next::Frame);
            }
        }
        let error = io::Error::other(format!("{MAX_DAMAGED} damaged frames in a row"));
        Err(CaptureError::Lost {
            device: self.name.clone(),
            error,
        })
    }

    fn describe(&self) -> String {
        format!(
            "{} {} {} {} fps",
            self.name,
            self.size,
            self.format,
            fps_text(self.rate)
        )
    }

    fn rate(&self) -> (u32, u32) {
        self.rate
    }
}

impl Drop for V4l2Source {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            stop(stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_start_at_the_first_frame_and_never_run_backwards() {
        let mut times = Times::default();
        let ms = Duration::from_millis;
        let got = [(5000, 7), (5033, 8), (5020, 9), (4000, 10), (5100, 12)]
            .map(|(t, n)| times.of(ms(t), n));
        assert_eq!(
            got.map(|(t, n)| (t.as_millis(), n)),
            [(0, 0), (33, 1), (33, 2), (33, 3), (100, 5)]
        );
    }

    #[test]
    fn what_is_no_camera_is_final_and_what_is_missing_may_come() {
        let open = |path: &str| {
            V4l2Source::open(Path::new(path), None, None, None)
                .err()
                .unwrap()
        };
        assert!(!open("/dev/null").is_retryable());
        assert!(open("/dev/video-none").is_retryable());
        assert!(V4l2Source::open(Path::new("/dev/null"), None, Some(-1.0), None).is_err());
    }
}
