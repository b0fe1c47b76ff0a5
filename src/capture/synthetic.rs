//! Drawn pictures and scripted faults: the source that tests choose in place of a camera.
//!
//! In: size, rate and a script of [`Step`]s. Out: frames as a camera would give them, whole or
//! damaged, and a camera's errors.

mod draw;
pub mod script;

use super::clock::{Clock, Pace, rate_of};
use super::{CaptureError, FrameSource, Kept, Next, Source, fps_text, photo};
use crate::device::Device;
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use crate::settings::{Kind, Section};
use script::Step;
use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NAME: &str = "synthetic";

/// All that is known of the kind "synthetic".
pub const KIND: Kind<Arc<dyn Source>> = Kind {
    name: "synthetic",
    says: "drawn pictures and scripted faults, for tests",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Source>> {
    let or = SyntheticSettings::default();
    let size = super::read_size(s, "pixels of a frame");
    let fps = s.number("fps", "frames a second", super::FPS).or(or.fps);
    let script = s
        .texts(
            "script",
            "what happens, step by step; without it a moving gradient",
        )
        .example(r#"["frames 30", "stall 2", "end"]"#)
        .each(|text| match Step::parse(&text) {
            Ok(Step::Photo { path, .. }) if !path.exists() => {
                Err(format!("{text:?}: {} does not exist", path.display()))
            }
            step => step.map_err(|e| e.to_string()),
        })
        .maybe();
    let size = size.unwrap_or(or.size);
    let script = script.unwrap_or_default();
    Some(Arc::new(SyntheticSettings::new(size, fps, script)))
}

/// What is drawn.
#[derive(Debug)]
pub struct SyntheticSettings {
    pub size: Size,
    pub fps: f32,
    /// Without steps a gradient for ever.
    pub script: Vec<Step>,
    away: Arc<Kept<Away>>,
}

impl SyntheticSettings {
    /// A source that is there from the start.
    pub fn new(size: Size, fps: f32, script: Vec<Step>) -> Self {
        let away = Arc::default();
        Self {
            size,
            fps,
            script,
            away,
        }
    }
}

impl Default for SyntheticSettings {
    fn default() -> Self {
        Self::new(Size::new(640, 480), 30.0, Vec::new())
    }
}

impl Device for SyntheticSettings {}

impl Source for SyntheticSettings {
    fn open(&self, pace: Pace) -> Result<Box<dyn FrameSource>, CaptureError> {
        Ok(Box::new(Synthetic::open(self, pace)?))
    }
}

/// Larger pictures are refused: YUYV of this many pixels is the most that a frame may have.
const MAX_PIXELS: u64 = (super::MAX_FRAME_BYTES / 2) as u64;

/// A source that vanished: where its script goes on, and when. A camera that is unplugged is gone
/// whatever object it was read through before, so this is left in the settings.
#[derive(Clone, Copy)]
struct Away {
    until: Instant,
    step: usize,
    size: Size,
    /// Time that passed while it was away, under [`Pace::Recorded`].
    jump: Duration,
}

/// A source that follows a script.
pub struct Synthetic {
    away: Arc<Kept<Away>>,
    script: Vec<Step>,
    photos: HashMap<Arc<Path>, Frame>,
    /// The step under way, and how many of its frames are done.
    step: usize,
    done: u64,
    size: Size,
    clock: Clock,
    /// The picture from which JPEGs are made.
    rgb: Vec<u8>,
}

impl Synthetic {
    /// Reads the script's photos. Settings that vanished before go on with the step after.
    ///
    /// # Errors
    /// Retryable while the source has vanished; final for a size, rate or photo that cannot be
    /// used.
    pub fn open(settings: &SyntheticSettings, pace: Pace) -> Result<Self, CaptureError> {
        let script = match &settings.script[..] {
            [] => vec![Step::Frames(u64::MAX)],
            steps => steps.to_vec(),
        };
        let mut photos = HashMap::new();
        check_size(settings.size)?;
        for step in &script {
            match step {
                Step::Photo { path, .. } => {
                    photos.insert(path.clone(), photo::read(path)?);
                }
                Step::Resize(size) => check_size(*size)?,
                _ => {}
            }
        }
        let rate = rate_of(settings.fps, NAME)?;
        let back = come_back(&settings.away)?;
        let mut clock = Clock::new(pace, rate);
        if let (Some(away), Pace::Recorded) = (back, pace) {
            clock.jump(away.jump);
        }
        let (step, size) = back.map_or((0, settings.size), |away| (away.step, away.size));
        Ok(Self {
            away: Arc::clone(&settings.away),
            script,
            photos,
            step,
            done: 0,
            size,
            clock,
            rgb: Vec::new(),
        })
    }

    /// Ends the step under way unless it still has frames to give.
    fn has_more(&mut self, count: u64) -> bool {
        if self.done < count {
            self.done += 1;
            return true;
        }
        self.go_to(self.step + 1);
        false
    }

    fn go_to(&mut self, step: usize) {
        self.step = step;
        self.done = 0;
    }

    fn vanish(&mut self, jump: Duration) -> CaptureError {
        let pause = if self.clock.pace() == Pace::Live {
            jump
        } else {
            Duration::ZERO
        };
        let now = Instant::now();
        let until = now.checked_add(pause).unwrap_or(now);
        let away = Away {
            until,
            step: self.step + 1,
            size: self.size,
            jump,
        };
        self.away.put(away);
        CaptureError::Lost {
            device: NAME.into(),
            error: Error::new(ErrorKind::NotConnected, "the script says `vanish`"),
        }
    }

    /// Fills `frame` by the step `now`, which has a frame to give.
    fn draw(&mut self, now: &Step, frame: &mut Frame) -> Result<(), CaptureError> {
        let at = self.clock.index();
        frame.set_shape(self.size, PixelFormat::Yuyv);
        match now {
            Step::Photo { path, .. } => match self.photos.get(path) {
                Some(picture) => draw::scaled(picture, frame),
                None => draw::blank(frame),
            },
            Step::Blank(_) => draw::blank(frame),
            Step::Mjpeg(_) | Step::TruncatedMjpeg(_) => {
                draw::jpeg(at, &mut self.rgb, frame).map_err(|reason| {
                    CaptureError::unusable(NAME, reason, "choose a size that a JPEG can have")
                })?;
                if matches!(now, Step::TruncatedMjpeg(_)) {
                    frame.data.truncate(frame.data.len() / 2);
                }
            }
            _ => draw::gradient(at, frame),
        }
        if matches!(now, Step::Short(_)) {
            frame.data.truncate(frame.data.len() / 2);
        }
        Ok(())
    }
}

/// Whether the source vanished before, and if so where it goes on; an error while it is away.
fn come_back(away: &Kept<Away>) -> Result<Option<Away>, CaptureError> {
    let mut away = away.lock();
    if away.is_some_and(|away| Instant::now() < away.until) {
        let error = Error::new(ErrorKind::NotFound, "the script says `vanish`");
        return Err(CaptureError::Missing {
            device: NAME.into(),
            error,
            mend: "it comes back by itself",
        });
    }
    Ok(away.take())
}

fn check_size(size: Size) -> Result<(), CaptureError> {
    let pixels = u64::from(size.width) * u64::from(size.height);
    if pixels == 0 || pixels > MAX_PIXELS || size.width.max(size.height) > u16::MAX.into() {
        return Err(CaptureError::unusable(
            NAME,
            format!("no picture is {size}"),
            "choose a size such as 640x480",
        ));
    }
    Ok(())
}

impl FrameSource for Synthetic {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let mut quiet_steps = 0;
        while let Some(now) = self.script.get(self.step).cloned() {
            match now {
                Step::Frames(n)
                | Step::Blank(n)
                | Step::Mjpeg(n)
                | Step::TruncatedMjpeg(n)
                | Step::Short(n)
                | Step::Photo { count: n, .. } => {
                    if self.has_more(n) {
                        self.draw(&now, frame)?;
                        (frame.sequence, frame.time) = self.clock.play(1);
                        return Ok(Next::Frame);
                    }
                }
                Step::Stall(time) => {
                    self.clock.jump(time);
                    self.go_to(self.step + 1);
                }
                Step::Vanish(time) => return Err(self.vanish(time)),
                Step::Resize(size) => {
                    self.size = size;
                    self.go_to(self.step + 1);
                }
                Step::End => break,
                Step::Loop => self.go_to(0),
            }
            quiet_steps += 1;
            if quiet_steps > 2 * self.script.len() + 1 {
                log::warn!("{NAME}: the script loops without giving a frame: taken as its end");
                break;
            }
        }
        Ok(Next::End)
    }

    fn describe(&self) -> String {
        format!("{NAME} {} {} fps", self.size, fps_text(self.clock.rate()))
    }

    fn rate(&self) -> (u32, u32) {
        self.clock.rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;

    fn settings(script: &str) -> SyntheticSettings {
        let steps = script.split(", ").map(|s| Step::parse(s).unwrap());
        SyntheticSettings::new(Size::new(32, 24), 10.0, steps.collect())
    }

    fn open(script: &str, pace: Pace) -> Result<Synthetic, CaptureError> {
        Synthetic::open(&settings(script), pace)
    }

    fn times(source: &mut Synthetic) -> Vec<u128> {
        let mut frame = Frame::default();
        let mut out = Vec::new();
        while out.len() < 20 && source.next(&mut frame).unwrap() == Next::Frame {
            out.push(frame.time.as_millis());
        }
        out
    }

    #[test]
    fn frames_follow_the_script_and_a_stall_takes_its_time() {
        let mut source = open(
            "frames 2, stall 4, blank 1, photo photos/astronaut.jpg 1, end, frames 9",
            Pace::Recorded,
        )
        .unwrap();
        assert_eq!(times(&mut source), [0, 100, 4200, 4300]);
        assert_eq!(
            times(&mut open("frames 3, loop", Pace::Recorded).unwrap()).len(),
            20
        );
    }

    #[test]
    fn a_live_stall_passes_by_the_clock_on_the_wall() {
        let got = times(&mut open("frames 1, stall 0.3, frames 1", Pace::Live).unwrap());
        assert!(got[1] >= 400, "{got:?}");
    }

    #[test]
    fn what_vanishes_is_lost_then_missing_then_goes_on() {
        let mut frame = Frame::default();
        let camera = settings("frames 1, vanish 0.3, blank 1");
        let open = || Synthetic::open(&camera, Pace::Live);
        let mut source = open().unwrap();
        source.next(&mut frame).unwrap();
        assert!(source.next(&mut frame).unwrap_err().is_retryable());
        assert!(open().err().unwrap().is_retryable());
        std::thread::sleep(Duration::from_millis(320));
        assert_eq!(times(&mut open().unwrap()).len(), 1);
        let camera = settings("frames 1, vanish 5, blank 2");
        let open = || Synthetic::open(&camera, Pace::Recorded).unwrap();
        let mut source = open();
        source.next(&mut frame).unwrap();
        source.next(&mut frame).unwrap_err();
        assert_eq!(times(&mut open()), [5000, 5100]);
    }

    #[test]
    fn damaged_frames_fail_in_the_decoder_and_good_ones_do_not() {
        let mut source = open(
            "short 1, truncated_mjpeg 1, mjpeg 1, resize 16x16, frames 1",
            Pace::Recorded,
        )
        .unwrap();
        let mut frame = Frame::default();
        let mut decoder = decode::Decoder::default();
        let mut good = Vec::new();
        while source.next(&mut frame).unwrap() == Next::Frame {
            good.push(decoder.decode(&mut frame).is_ok());
        }
        assert_eq!(good, [false, false, true, true]);
        assert_eq!(frame.size, Size::new(16, 16));
    }

    #[test]
    fn a_script_without_frames_ends_instead_of_turning_for_ever() {
        assert!(times(&mut open("frames 0, loop", Pace::Live).unwrap()).is_empty());
        assert!(open("resize 0x5", Pace::Live).is_err());
    }
}
