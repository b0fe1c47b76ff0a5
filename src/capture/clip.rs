//! A file of moving pictures.
//!
//! In: the path of a Y4M or MJPEG AVI file, told by its content. Out: its frames at its own rate,
//! on request again and again.

use super::bytes::ByteStream;
use super::clock::{Clock, Pace};
use super::folder::Folder;
use super::stream::Container;
use super::{CaptureError, Demux, FrameSource, Next, Source, fps_text};
use crate::device::Device;
use crate::frame::Frame;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Played where a file names no rate, or none that makes sense.
pub(crate) const DEFAULT_RATE: (u32, u32) = (30, 1);

/// All that is known of the kind "clip".
pub const KIND: Kind<Arc<dyn Source>> = Kind {
    name: "clip",
    says: "a Y4M or MJPEG AVI file, told by its content, or a folder of numbered pictures",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Source>> {
    let path = super::read_path(s, "a file, or a folder of pictures", "\"clip.y4m\"");
    let repeat = s.flag("repeat", "it begins anew at its end").or(false);
    Some(Arc::new(ClipSettings {
        path: path?,
        repeat,
    }))
}

/// Which clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipSettings {
    pub path: PathBuf,
    /// From its start again at its end.
    pub repeat: bool,
}

impl ClipSettings {
    /// Once, from its start to its end.
    pub fn of(path: &Path) -> Self {
        Self {
            path: path.into(),
            repeat: false,
        }
    }
}

impl Device for ClipSettings {
    fn check(&self) -> Result<(), Trouble> {
        super::check_path(&self.path)
    }
}

impl Source for ClipSettings {
    fn open(&self, pace: Pace) -> Result<Box<dyn FrameSource>, CaptureError> {
        Ok(if self.path.is_dir() {
            Box::new(Folder::open(&self.path, self.repeat, pace)?)
        } else {
            Box::new(Clip::open(&self.path, self.repeat, pace)?)
        })
    }

    /// One that repeats has no end to hurry to.
    fn is_live(&self) -> bool {
        self.repeat
    }
}

/// A clip being read.
pub struct Clip {
    path: PathBuf,
    repeat: bool,
    demux: Box<dyn Demux>,
    clock: Clock,
}

impl Clip {
    /// Opens the file and reads its headers.
    ///
    /// # Errors
    /// All final: it cannot be read, is no clip, or is of a kind that is not read here.
    pub fn open(path: &Path, repeat: bool, pace: Pace) -> Result<Self, CaptureError> {
        let demux = demux(path)?;
        let rate = demux.rate().unwrap_or_else(|| {
            log::warn!("{}: names no sound rate, taken as 30 fps", path.display());
            DEFAULT_RATE
        });
        Ok(Self {
            path: path.into(),
            repeat,
            demux,
            clock: Clock::new(pace, rate),
        })
    }
}

/// Whether a file holds JPEGs one after the other, by its name: its first bytes are those of a
/// photo.
pub(super) fn is_jpegs(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_ascii_lowercase());
    ending.is_some_and(|e| e == "mjpeg" || e == "mjpg")
}

fn demux(path: &Path) -> Result<Box<dyn Demux>, CaptureError> {
    let name = path.display().to_string();
    let read = |e| CaptureError::read(&name, e);
    let file = File::open(path).map_err(read)?;
    let photo = file.metadata().map_err(read)?.is_file() && !is_jpegs(path);
    let mut bytes = ByteStream::new(file);
    match Container::tell(&mut bytes, &name)? {
        Container::Jpegs | Container::Png if photo => Err(CaptureError::unusable(
            &name,
            "is a photo and not a clip",
            "set kind = \"photo\"; a file of JPEGs one after the other has a name that ends in .mjpeg",
        )),
        Container::Other => Err(CaptureError::unusable(
            &name,
            "is neither Y4M nor AVI nor a stream of JPEGs",
            "convert it: `ffmpeg -i IN -c:v mjpeg -q:v 3 -an OUT.avi`",
        )),
        container => container.open(bytes, &name, None),
    }
}

impl FrameSource for Clip {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let mut read = self.demux.read(frame)?;
        if read.is_none() && self.repeat && self.path.is_file() {
            self.demux = demux(&self.path)?;
            read = self.demux.read(frame)?;
        }
        let Some(steps) = read else {
            return Ok(Next::End);
        };
        (frame.sequence, frame.time) = self.clock.play(steps);
        Ok(Next::Frame)
    }

    fn describe(&self) -> String {
        format!(
            "{} {} {} fps",
            self.path.display(),
            self.demux.shape(),
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
    fn a_repeated_clip_goes_on_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("told by content");
        std::fs::write(
            &path,
            [
                b"YUV4MPEG2 W1 H1 F25:1 Cmono\nFRAME\n".to_vec(),
                vec![1],
                b"FRAME\n".to_vec(),
                vec![2],
            ]
            .concat(),
        )
        .unwrap();
        let mut frame = Frame::default();
        let mut times = |repeat| {
            let mut clip = Clip::open(&path, repeat, Pace::Recorded).unwrap();
            let mut out = Vec::new();
            while out.len() < 5 && clip.next(&mut frame).unwrap() == Next::Frame {
                out.push((frame.data[0], frame.time.as_millis()));
            }
            out
        };
        assert_eq!(times(false), [(1, 0), (2, 40)]);
        assert_eq!(times(true), [(1, 0), (2, 40), (1, 80), (2, 120), (1, 160)]);
    }

    #[test]
    fn what_is_no_clip_says_what_to_do() {
        for (path, word) in [
            ("photos/astronaut.jpg", "photo"),
            ("Cargo.toml", "ffmpeg"),
            ("none.avi", "none.avi"),
        ] {
            let e = Clip::open(Path::new(path), false, Pace::Live)
                .err()
                .unwrap();
            assert!(e.to_string().contains(word) && !e.is_retryable(), "{e}");
        }
    }
}
