//! Frames into a clip file.
//!
//! In: frames of one size in any form. Out: a `.y4m` file (uncompressed, large, exact) or a MJPEG
//! `.avi` file (small), both of which [`crate::capture`] reads back, also when the recording was
//! cut off.
//!
//! A clip has one rate and no time stamps: frame i is replayed at `i / rate`. A [`Recorder`] lets
//! the picture before stay where none came, so that the clip lasts as long as reality did.

pub mod avi;
mod parts;
mod timeline;
pub mod y4m;

use crate::decode::DecodeError;
use crate::frame::{Frame, ShortFrame};
use crate::geometry::Size;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;
use timeline::Timeline;

/// So many frames of another size in a row are no damage: the camera has changed.
const MOST_OF_ANOTHER_SIZE: u32 = 30;

/// Takes one frame after another into a file.
pub trait ClipWriter: Send {
    /// Adds a frame; its `time` is not kept.
    ///
    /// # Errors
    /// The frame has another size than the first or is damaged (the clip stays good and may go on),
    /// or the file cannot be written.
    fn write(&mut self, frame: &Frame) -> Result<(), RecordError>;

    /// Lets the last picture stay for so many frames more; without one nothing happens.
    ///
    /// # Errors
    /// The file cannot be written.
    fn hold(&mut self, frames: u64) -> Result<(), RecordError>;

    /// Completes the file and gives the number of its pictures. A clip dropped without it can still
    /// be read. On a disk that is full the last pictures make room for what completes it.
    ///
    /// # Errors
    /// The file cannot be written.
    fn finish(self: Box<Self>) -> Result<u64, RecordError>;
}

/// Why a frame was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("{}: cannot be written: {error}; free space or choose another path", path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("{}: unknown kind of clip: name it .y4m or .avi", .0.display())]
    Kind(PathBuf),
    #[error("a rate of {}/{} frames per second: give a number above 0 and up to 1000", .0.0, .0.1)]
    Rate((u32, u32)),
    #[error(
        "the clip is {first} and this frame {found}: begin a new clip when the camera's size changes"
    )]
    Size { first: Size, found: Size },
    #[error("frame cannot be recorded: {0}")]
    Frame(#[from] DecodeError),
    #[error("frame cannot be recorded as JPEG: {0}")]
    Encode(String),
    #[error("{}: is at the 4 GB that an AVI can hold: begin a new clip", .0.display())]
    Full(PathBuf),
}

impl RecordError {
    /// Whether the clip may go on with the next frame.
    fn is_of_one_frame(&self) -> bool {
        matches!(self, Self::Size { .. } | Self::Frame(_) | Self::Encode(_))
    }

    /// Whether less might have been written.
    fn is_full_disk(&self) -> bool {
        const FULL: [ErrorKind; 3] = [
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::FileTooLarge,
        ];
        matches!(self, Self::Write { error, .. } if FULL.contains(&error.kind()))
    }
}

impl From<ShortFrame> for RecordError {
    fn from(error: ShortFrame) -> Self {
        Self::Frame(error.into())
    }
}

/// Creates a clip, in place of any file of that name; the ending `.y4m` or `.avi` tells the kind.
/// `rate` is frames per second as a fraction.
///
/// # Errors
/// Another ending, a rate that makes no sense, or a path that cannot be written.
pub fn create(path: &Path, rate: (u32, u32)) -> Result<Box<dyn ClipWriter>, RecordError> {
    let ending = path
        .extension()
        .map(|e| e.to_ascii_lowercase())
        .unwrap_or_default();
    if ending != "y4m" && ending != "avi" {
        return Err(RecordError::Kind(path.into()));
    }
    let rate = crate::capture::sound_rate(rate.0, rate.1).ok_or(RecordError::Rate(rate))?;
    let file = File::create(path).map_err(|error| RecordError::Write {
        path: path.into(),
        error,
    })?;
    Ok(if ending == "y4m" {
        Box::new(y4m::Y4mWriter::new(file, path, rate))
    } else {
        Box::new(avi::AviWriter::new(file, path, rate))
    })
}

/// Takes frames with their times into a clip that lasts as long as they did.
pub struct Recorder {
    clip: Box<dyn ClipWriter>,
    timeline: Timeline,
    left_out: u64,
    of_another_size: u32,
}

/// What became of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Pictures in the clip.
    pub pictures: u64,
    /// Frames that were damaged and are not in it.
    pub left_out: u64,
}

impl Recorder {
    /// As [`create`].
    ///
    /// # Errors
    /// Those of [`create`].
    pub fn create(path: &Path, rate: (u32, u32)) -> Result<Self, RecordError> {
        Ok(Self {
            clip: create(path, rate)?,
            timeline: Timeline::new(rate),
            left_out: 0,
            of_another_size: 0,
        })
    }

    /// How long after the clip's first picture a frame of this time is.
    pub fn since_first(&self, time: Duration) -> Duration {
        self.timeline.since_first(time)
    }

    /// Adds a frame at its time; one that is damaged is left out and counted.
    ///
    /// # Errors
    /// The recording cannot go on: the file cannot be written, or the camera's size has changed for
    /// good. [`Recorder::finish`] completes it all the same.
    pub fn take(&mut self, frame: &Frame) -> Result<(), RecordError> {
        self.hold_until(frame.time)?;
        match self.clip.write(frame) {
            Ok(()) => {
                self.timeline.picture(frame.time);
                self.of_another_size = 0;
                Ok(())
            }
            Err(e) if e.is_of_one_frame() => {
                self.of_another_size += u32::from(matches!(e, RecordError::Size { .. }));
                if self.of_another_size >= MOST_OF_ANOTHER_SIZE {
                    return Err(e);
                }
                self.left_out += 1;
                log::warn!("frame {}: {e}; left out", frame.sequence);
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    /// Lets the last picture stay until `time`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn hold_until(&mut self, time: Duration) -> Result<(), RecordError> {
        let gap = self.timeline.gap(time);
        self.clip.hold(gap)?;
        self.timeline.hold(gap);
        Ok(())
    }

    /// Completes the clip, whatever ended it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<Recorded, RecordError> {
        Ok(Recorded {
            pictures: self.clip.finish()?,
            left_out: self.left_out,
        })
    }
}

/// Checks that `found` is as large as the frames before it.
fn same_size(first: &mut Option<Size>, found: Size) -> Result<(), RecordError> {
    match *first.get_or_insert(found) {
        first if first != found => Err(RecordError::Size { first, found }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::clip::ClipSettings;
    use crate::capture::synthetic::SyntheticSettings;
    use crate::capture::{Next, Pace, Source, Step};
    use crate::decode;
    use crate::frame::PixelFormat;

    fn synthetic(script: &str) -> Vec<Frame> {
        let script = script
            .split(", ")
            .map(|s| Step::parse(s).unwrap())
            .collect();
        read(&SyntheticSettings::new(Size::new(37, 21), 25.0, script))
    }

    fn read(settings: &dyn Source) -> Vec<Frame> {
        let mut source = settings.open(Pace::Recorded).unwrap();
        let mut frame = Frame::default();
        let mut out = Vec::new();
        while source.next(&mut frame).unwrap() == Next::Frame {
            out.push(frame.clone());
        }
        out
    }

    fn round_trip(name: &str, frames: &[Frame], finish: bool) -> Vec<Frame> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        let mut clip = create(&path, (30000, 1001)).unwrap();
        frames.iter().for_each(|f| clip.write(f).unwrap());
        if finish {
            assert_eq!(clip.finish().unwrap(), frames.len() as u64);
        } else {
            drop(clip);
        }
        read(&ClipSettings {
            path,
            repeat: false,
        })
    }

    fn rgb(frame: &Frame) -> Vec<u8> {
        let mut frame = frame.clone();
        decode::Decoder::default().decode(&mut frame).unwrap();
        frame.to_rgb().unwrap()
    }

    fn assert_alike(a: &[Frame], b: &[Frame]) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            let a = rgb(a);
            let b = rgb(b);
            let sum: u64 = a
                .iter()
                .zip(&b)
                .map(|(a, b)| u64::from(a.abs_diff(*b)))
                .sum();
            assert!(
                a.len() == b.len() && sum < 8 * a.len() as u64,
                "mean difference {}",
                sum as f64 / a.len() as f64
            );
        }
    }

    #[test]
    fn what_is_recorded_is_read_back_whether_finished_or_cut_off() {
        let frames = synthetic("frames 3, photo photos/astronaut.jpg 2, mjpeg 3");
        for name in ["a.y4m", "a.avi", "B.AVI"] {
            for finish in [true, false] {
                let back = round_trip(name, &frames, finish);
                assert_alike(&frames, &back);
                assert_eq!(back[2].time.as_nanos(), 66_733_333);
            }
        }
    }

    #[test]
    fn every_layout_is_recorded() {
        let mut photo = Frame::default();
        decode::photo(&std::fs::read("photos/astronaut.jpg").unwrap(), &mut photo).unwrap();
        for format in PixelFormat::RAW {
            let size = Size::new(13, 7);
            let data = (0..format.frame_bytes(size).unwrap())
                .map(|i| 100 + (i % 5) as u8)
                .collect();
            let mut frame = Frame {
                data,
                ..Frame::default()
            };
            frame.set_shape(size, format);
            for name in ["a.y4m", "a.avi"] {
                assert_alike(&[frame.clone()], &round_trip(name, &[frame.clone()], true));
            }
        }
    }

    #[test]
    fn i420_goes_through_y4m_bit_for_bit_and_jpegs_through_avi() {
        let size = Size::new(13, 7);
        let bytes = PixelFormat::I420.frame_bytes(size).unwrap();
        let mut frame = Frame {
            data: (0..bytes).map(|i| i as u8).collect(),
            ..Frame::default()
        };
        frame.set_shape(size, PixelFormat::I420);
        assert_eq!(
            round_trip("a.y4m", &[frame.clone()], true)[0].data,
            frame.data
        );
        let frames = synthetic("mjpeg 4");
        let back = round_trip("a.avi", &frames, true);
        assert!(frames.iter().zip(&back).all(|(a, b)| a.data == b.data));
    }

    #[test]
    fn a_frame_of_another_size_is_refused_and_the_clip_goes_on() {
        let frames = synthetic("frames 1, resize 16x16, frames 1, resize 37x21, frames 1");
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.y4m", "a.avi"] {
            let mut clip = create(&dir.path().join(name), (25, 1)).unwrap();
            clip.write(&frames[0]).unwrap();
            let e = clip.write(&frames[1]).unwrap_err().to_string();
            assert!(e.contains("37x21") && e.contains("16x16"), "{e}");
            clip.write(&frames[2]).unwrap();
            assert_eq!(clip.finish().unwrap(), 2);
        }
    }

    #[test]
    fn damaged_frames_are_refused_and_the_clip_stays_good() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.y4m", "a.avi"] {
            let path = dir.path().join(name);
            let mut clip = create(&path, (25, 1)).unwrap();
            let frames = synthetic("truncated_mjpeg 1, short 1, frames 2");
            let taken = frames.iter().filter(|f| clip.write(f).is_ok()).count();
            assert_eq!((taken, clip.finish().unwrap()), (2, 2), "{name}");
            assert_eq!(
                read(&ClipSettings {
                    path,
                    repeat: false
                })
                .len(),
                2
            );
        }
    }

    #[test]
    fn a_full_disk_names_the_path() {
        let file = || File::options().write(true).open("/dev/full").unwrap();
        let frames = synthetic("frames 1");
        let path = Path::new("/dev/full");
        let y4m: Box<dyn ClipWriter> = Box::new(y4m::Y4mWriter::new(file(), path, (25, 1)));
        let avi: Box<dyn ClipWriter> = Box::new(avi::AviWriter::new(file(), path, (25, 1)));
        for mut clip in [y4m, avi] {
            let e = clip
                .write(&frames[0])
                .and_then(|()| clip.finish().map(|_| ()))
                .unwrap_err()
                .to_string();
            assert!(e.contains("/dev/full") && e.contains("space"), "{e}");
        }
    }

    #[test]
    fn unknown_endings_and_rates_are_refused_before_a_file_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.mp4");
        assert!(
            create(&path, (25, 1))
                .err()
                .unwrap()
                .to_string()
                .contains(".avi")
        );
        assert!(create(&dir.path().join("a.avi"), (0, 1)).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
