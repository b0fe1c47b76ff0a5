//! A source whose camera hangs on its side or upside down, or is shown as in a mirror.
//!
//! In: a source, and how its pictures are turned. Out: its frames with that turn, which costs no
//! copy: pixels are read where they are stored ([`crate::geometry::Turn`]).

use super::{CaptureError, FrameSource, Next, Pace, Source};
use crate::device::Device;
use crate::frame::Frame;
use crate::geometry::Turn;
use crate::settings::Section;
use crate::trouble::Trouble;
use std::sync::Arc;

/// Reads `rotate` and `mirror`, which every kind of source takes.
pub(super) fn read(s: &mut Section) -> Turn {
    let quarters = s.quarters(
        "rotate",
        "degrees by which the picture is turned clockwise, for a camera on its side or upside down: 90, 180 or 270",
    );
    let mirror = s
        .flag(
            "mirror",
            "the picture comes from a mirror, or a camera that mirrors: left and right are exchanged, after turning",
        )
        .or(false);
    Turn::new(quarters, mirror)
}

/// `source` with its pictures turned.
pub(super) fn turn(source: Arc<dyn Source>, turn: Turn) -> Arc<dyn Source> {
    match turn.is_none() {
        true => source,
        false => Arc::new(Turned { source, turn }),
    }
}

#[derive(Debug)]
struct Turned {
    source: Arc<dyn Source>,
    turn: Turn,
}

impl Device for Turned {
    fn check(&self) -> Result<(), Trouble> {
        self.source.check()
    }

    fn needs_network(&self) -> bool {
        self.source.needs_network()
    }

    fn outlives_us(&self) -> bool {
        self.source.outlives_us()
    }
}

impl Source for Turned {
    fn open(&self, pace: Pace) -> Result<Box<dyn FrameSource>, CaptureError> {
        Ok(Box::new(TurnedSource {
            source: self.source.open(pace)?,
            turn: self.turn,
        }))
    }

    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn is_pipe(&self) -> bool {
        self.source.is_pipe()
    }
}

struct TurnedSource {
    source: Box<dyn FrameSource>,
    turn: Turn,
}

impl FrameSource for TurnedSource {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let next = self.source.next(frame)?;
        if next == Next::Frame {
            frame.turn(self.turn);
        }
        Ok(next)
    }

    fn describe(&self) -> String {
        format!("{}, turned", self.source.describe())
    }

    fn rate(&self) -> (u32, u32) {
        self.source.rate()
    }
}

#[cfg(test)]
mod tests {
    use super::super::photo::PhotoSettings;
    use super::*;
    use crate::geometry::Size;
    use std::path::PathBuf;

    #[test]
    fn a_turned_source_gives_upright_pictures_with_left_on_the_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("2x1.png");
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[10, 200]).unwrap();
        writer.finish().unwrap();
        std::fs::write(&path, bytes).unwrap();
        let shown = |quarters, mirrored| {
            let path = PathBuf::from(&path);
            let photo = Arc::new(PhotoSettings { path, fps: 10.0 });
            let source = turn(photo, Turn::new(quarters, mirrored));
            let mut source = source.open(Pace::Recorded).unwrap();
            let mut frame = Frame::default();
            assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
            let rgb = frame.to_rgb().unwrap();
            (frame.size, rgb.iter().step_by(3).copied().collect())
        };
        let lying = Size::new(2, 1);
        let standing = Size::new(1, 2);
        let pixels = |a: u8, b: u8| vec![a, b];
        assert_eq!(shown(0, false), (lying, pixels(10, 200)));
        assert_eq!(shown(1, false), (standing, pixels(10, 200)));
        assert_eq!(shown(2, false), (lying, pixels(200, 10)));
        assert_eq!(shown(3, false), (standing, pixels(200, 10)));
        assert_eq!(shown(0, true), (lying, pixels(200, 10)));
        assert_eq!(shown(2, true), (lying, pixels(10, 200)));
    }
}
