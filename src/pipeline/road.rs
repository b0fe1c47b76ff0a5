//! The road of one frame: decode → infer → act → report.
//!
//! In: a frame as the source gave it. Out: outputs switched, and reports filled. The daemon and
//! `replay` both drive it, so that a recording gives the same events as the day it was made.

use crate::act::{Outputs, Present};
use crate::decode::Decoder;
use crate::frame::Frame;
use crate::infer::{Following, Infer};
use crate::network::NetworkError;
use crate::report::{Event, Needs, Report};
use crate::steps::{Spent, Step};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The outputs with the frame time they last heard of, shared with the guard that ends pulses on
/// time.
#[derive(Default)]
pub struct Acting {
    pub outputs: Outputs,
    /// Frame time of the last frame, and when it was here.
    pub last: Option<(Duration, Instant)>,
    /// Everything was released behind the recogniser's back: poses must enter anew before they act
    /// again.
    pub released: bool,
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
    infer: Infer,
    acting: SharedActing,
    events: Vec<Event>,
    /// Of the poses.
    names: Vec<Arc<str>>,
    /// Who is there, where it matters to an output.
    present: Vec<Present>,
    decoder: Decoder,
    spent: Spent,
}

impl Road {
    /// Through these.
    pub fn new(infer: Infer, outputs: Outputs) -> Self {
        let poses = infer.recogniser().poses().iter();
        let names = poses.map(|p| Arc::clone(&p.name)).collect();
        let acting = Acting {
            outputs,
            ..Acting::default()
        };
        Self {
            infer,
            acting: Arc::new(Mutex::new(acting)),
            events: Vec::new(),
            names,
            present: Vec::new(),
            decoder: Decoder::default(),
            spent: Spent::default(),
        }
    }

    /// The outputs, to be shared with a guard.
    pub fn acting(&self) -> &SharedActing {
        &self.acting
    }

    /// Takes one frame down the road; it is decoded in place.
    ///
    /// # Errors
    /// The network failed.
    pub fn frame(&mut self, frame: &mut Frame) -> Result<Passed, NetworkError> {
        self.events.clear();
        self.spent = Spent::default();
        let decode = || self.decoder.decode(frame);
        if let Err(e) = self.spent.time(Step::Decode, decode) {
            log::warn!("frame {}: {e}; dropped", frame.sequence);
            return Ok(Passed::Damaged);
        }
        if std::mem::take(&mut lock(&self.acting).released) {
            self.infer.source_lost(frame.time);
            self.act(frame.time);
        }
        self.infer.frame(frame)?;
        let start = Instant::now();
        self.act(frame.time);
        self.spent.add(Step::Act, start.elapsed());
        self.spent.merge(self.infer.spent());
        Ok(Passed::Whole)
    }

    /// What the steps of the last frame took.
    pub fn spent(&self) -> &Spent {
        &self.spent
    }

    /// What recognises the poses.
    pub fn infer(&self) -> &Infer {
        &self.infer
    }

    /// The source has been silent for too long: poses end, outputs are released.
    pub fn source_lost(&mut self, time: Duration) {
        self.events.clear();
        self.infer.source_lost(time);
        self.act(time);
        lock(&self.acting).outputs.release_all();
    }

    fn act(&mut self, time: Duration) {
        let mut acting = lock(&self.acting);
        acting.last = Some((time, Instant::now()));
        for event in self.infer.events() {
            let told = Event::of(event, &self.names[event.pose]);
            acting.outputs.event(event.pose, &told);
            self.events.push(told);
        }
        if acting.outputs.chooses() {
            look_round(&self.infer, time, &mut self.present);
            acting.outputs.people(time, &self.present, &self.names);
        }
        acting.outputs.tick(time);
    }

    /// Who is followed, after the frame taken at `time`.
    pub fn following(&self, time: Duration) -> Following {
        self.infer.following(time)
    }

    /// So many pose inferences a frame can be had from now on.
    pub fn afford(&mut self, inferences: usize) {
        self.infer.afford(inferences);
    }

    /// Whether the last frame, or the loss of the source, had events.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Fills `report` with what the last frame told that `needs` names.
    pub fn tell(&self, frame: &Frame, rate: Option<f32>, needs: Needs, report: &mut Report) {
        if needs.frame(frame.time) {
            report.begin(frame, needs.picture);
            report.rate = rate;
            self.infer.tell(frame.time, needs.masks, report);
        } else {
            report.clear();
            report.time = frame.time;
        }
        report.events.extend_from_slice(&self.events);
        self.infer.tell_held(report);
    }

    /// Fills `report` with the events of a loss of the source.
    pub fn tell_events(&self, time: Duration, report: &mut Report) {
        report.clear();
        report.time = time;
        report.events.extend_from_slice(&self.events);
    }
}

/// Fills `present` with who is there in the frame taken at `time`, and what they hold.
fn look_round(infer: &Infer, time: Duration, present: &mut Vec<Present>) {
    let mut count = 0;
    for person in infer.here(time) {
        if present.len() == count {
            present.push(Present::default());
        }
        let place = &mut present[count];
        place.id = person.id.0;
        place.bbox = person.bbox;
        place.size = infer.size();
        place.poses.clear();
        place.poses.extend(infer.recogniser().holding(person.id));
        count += 1;
    }
    present.truncate(count);
}
