//! One picture as a source: for trying out a set-up, and for tests.
//!
//! In: a JPEG or PNG file. Out: its picture, again and again under [`Pace::Live`], once under
//! [`Pace::Recorded`].

use super::clock::{Clock, Pace, rate_of};
use super::{CaptureError, FrameSource, Next, Source, fps_text};
use crate::decode;
use crate::device::Device;
use crate::frame::Frame;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All that is known of the kind "photo".
pub const KIND: Kind<Arc<dyn Source>> = Kind {
    name: "photo",
    says: "one JPEG or PNG",
    read: read_section,
};

fn read_section(s: &mut Section) -> Option<Arc<dyn Source>> {
    let path = super::read_path(s, "a JPEG or PNG file", "\"photos/astronaut.jpg\"");
    let fps = s
        .number("fps", "how often it is shown a second", super::FPS)
        .or(10.0);
    Some(Arc::new(PhotoSettings { path: path?, fps }))
}

/// Which photo.
#[derive(Debug, Clone, PartialEq)]
pub struct PhotoSettings {
    pub path: PathBuf,
    /// Frames a second under [`Pace::Live`].
    pub fps: f32,
}

impl Device for PhotoSettings {
    fn check(&self) -> Result<(), Trouble> {
        super::check_path(&self.path)
    }
}

impl Source for PhotoSettings {
    fn open(&self, pace: Pace) -> Result<Box<dyn FrameSource>, CaptureError> {
        Ok(Box::new(Photo::open(&self.path, self.fps, pace)?))
    }
}

/// A decoded photo.
pub struct Photo {
    name: String,
    picture: Frame,
    clock: Clock,
    shown: bool,
}

impl Photo {
    /// Reads and decodes the file.
    ///
    /// # Errors
    /// All final: it cannot be read, is no whole JPEG or PNG, or `fps` is out of range.
    pub fn open(path: &Path, fps: f32, pace: Pace) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        let clock = Clock::new(pace, rate_of(fps, &name)?);
        Ok(Self {
            picture: read(path)?,
            name,
            clock,
            shown: false,
        })
    }
}

/// The picture of a JPEG or PNG file.
pub(crate) fn read(path: &Path) -> Result<Frame, CaptureError> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| CaptureError::read(&name, e))?;
    let mut picture = Frame::default();
    decode::photo(&bytes, &mut picture).map_err(|error| CaptureError::Picture { name, error })?;
    Ok(picture)
}

impl FrameSource for Photo {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        if self.shown && self.clock.pace() == Pace::Recorded {
            return Ok(Next::End);
        }
        self.shown = true;
        frame.copy_from(&self.picture);
        (frame.sequence, frame.time) = self.clock.play(1);
        Ok(Next::Frame)
    }

    fn describe(&self) -> String {
        format!(
            "{} {} {} fps",
            self.name,
            self.picture.size,
            fps_text(self.clock.rate())
        )
    }

    fn rate(&self) -> (u32, u32) {
        self.clock.rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_comes_once_when_recorded_and_stays_when_live() {
        let path = Path::new("photos/astronaut.jpg");
        let mut frame = Frame::default();
        let mut once = Photo::open(path, 30.0, Pace::Recorded).unwrap();
        assert_eq!(once.next(&mut frame).unwrap(), Next::Frame);
        assert_eq!(once.next(&mut frame).unwrap(), Next::End);
        let mut live = Photo::open(path, 500.0, Pace::Live).unwrap();
        for i in 0..3 {
            assert_eq!(live.next(&mut frame).unwrap(), Next::Frame);
            assert_eq!(frame.sequence, i);
        }
        assert!(Photo::open(Path::new("Cargo.toml"), 30.0, Pace::Live).is_err());
    }
}
