//! The road of one frame: decode → infer → act → lines and scene.
//!
//! In: a frame as the source gave it. Out: outputs switched, JSON lines in a buffer, a scene to
//! draw. The daemon and `replay` both drive it, so that a recording gives the same events as the
//! day it was made.

use crate::act::{Cause, Outputs};
use crate::decode::decode;
use crate::display::Scene;
use crate::estimate::EstimateError;
use crate::frame::Frame;
use crate::infer::Infer;
use crate::publish::line;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The outputs with the frame time they last heard of, shared with the guard that ends pulses on
/// time.
#[derive(Default)]
pub struct Acting {
    pub outputs: Outputs,
    /// Frame time of the last frame, and when it was here.
    pub last: Option<(Duration, Instant)>,
    /// The guard has released everything: poses must enter anew before they act again.
    pub released_by_guard: bool,
}

/// Shared outputs.
pub type SharedActing = Arc<Mutex<Acting>>;

/// Locks the outputs, also after another thread panicked with them: they must be released all the
/// same.
pub fn lock(acting: &SharedActing) -> MutexGuard<'_, Acting> {
    acting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    Whole,
    /// The picture was broken; nothing was done with it.
    Damaged,
}

/// Everything between a frame and what comes of it.
pub struct Road {
    pub infer: Infer,
    pub acting: SharedActing,
    /// Event lines of the last frame.
    pub events: Vec<u8>,
    /// The frame line of the last frame, if `frames` is set.
    pub frame_line: Vec<u8>,
    pub frames: bool,
    spare: Frame,
    damaged_in_a_row: u32,
}

impl Road {
    pub fn new(infer: Infer, outputs: Outputs, frames: bool) -> Self {
        let acting = Arc::new(Mutex::new(Acting {
            outputs,
            last: None,
            released_by_guard: false,
        }));
        Self {
            infer,
            acting,
            events: Vec::new(),
            frame_line: Vec::new(),
            frames,
            spare: Frame::default(),
            damaged_in_a_row: 0,
        }
    }

    /// Takes one frame down the road; it is decoded in place.
    ///
    /// # Errors
    /// The network failed.
    pub fn frame(&mut self, frame: &mut Frame) -> Result<Passed, EstimateError> {
        self.events.clear();
        self.frame_line.clear();
        if let Err(e) = decode(frame, &mut self.spare) {
            self.damaged_in_a_row += 1;
            if self.damaged_in_a_row.is_power_of_two() {
                log::warn!(
                    "frame {}: {e}; dropped ({} in a row)",
                    frame.sequence,
                    self.damaged_in_a_row
                );
            }
            return Ok(Passed::Damaged);
        }
        self.damaged_in_a_row = 0;
        if std::mem::take(&mut lock(&self.acting).released_by_guard) {
            self.infer.source_lost(frame.time);
            self.act(frame.time);
        }
        self.infer.frame(frame)?;
        self.act(frame.time);
        if self.frames {
            self.write_frame_line(frame);
        }
        Ok(Passed::Whole)
    }

    /// The source has been silent for too long: poses end, outputs are released.
    pub fn source_lost(&mut self, time: Duration) {
        self.events.clear();
        self.frame_line.clear();
        self.infer.source_lost(time);
        self.act(time);
        lock(&self.acting).outputs.release_all();
    }

    fn act(&mut self, time: Duration) {
        let mut acting = lock(&self.acting);
        acting.last = Some((time, Instant::now()));
        for event in self.infer.events() {
            let pose = self.infer.recogniser().poses()[event.pose].name.as_str();
            let cause = Cause {
                pose,
                event: event.kind,
                person: event.person.0,
                confidence: event.confidence,
                time: event.time,
            };
            acting.outputs.event(event.pose, &cause);
            line::event(&mut self.events, event, pose);
        }
        acting.outputs.tick(time);
    }

    fn write_frame_line(&mut self, frame: &Frame) {
        let out = &mut self.frame_line;
        line::frame_start(out, frame.time, frame.sequence, frame.size, None);
        for (i, p) in self.infer.seen(frame.time).enumerate() {
            let person = line::PersonLine {
                id: p.id.0,
                score: p.score,
                area: p.area,
                cover: p.cover,
                skeleton: &p.skeleton,
                poses: self.infer.poses(p.id),
            };
            line::person(out, person, self.infer.keypoints(), i == 0);
        }
        line::frame_end(out);
    }

    /// Fills the scene of the frame that was just taken.
    pub fn fill_scene(&self, frame: &Frame, fps: Option<f32>, scene: &mut Scene) {
        scene.begin(frame);
        scene.fps = fps;
        scene.boxes.extend_from_slice(self.infer.boxes());
        for p in self.infer.seen(frame.time) {
            let drawn = scene.add_person();
            drawn.id = Some(p.id.0);
            drawn.skeleton.copy_from(&p.skeleton);
            drawn.mask.copy_from(&p.mask);
            for (i, pose) in self.infer.poses(p.id).enumerate() {
                if i > 0 {
                    drawn.label.push_str(", ");
                }
                drawn.label.push_str(pose);
            }
        }
    }
}
