//! A network as it runs: operators in order, and buffers for their values.

use super::graph::Shape;
use super::kernels::{Isa, SLACK};
use super::memory::{MAX_BYTES, Memory, Place};
use super::ops::{Io, Operator, Scratch, Spec};
use super::schedule::{Schedule, Touch};
use super::team::{Meeting, Team};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One operator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// The ONNX node it comes from.
    pub name: String,
    pub spec: Spec,
}

/// A network, ready to be stored or prepared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Program {
    pub input: Shape,
    pub output: Place,
    /// Bytes of every buffer that values lie in.
    pub buffers: Vec<usize>,
    pub steps: Vec<Step>,
}

struct Prepared {
    class: &'static str,
    name: String,
    operator: Box<dyn Operator>,
}

/// A program, prepared for an instruction set and a team.
pub struct Runner {
    isa: Isa,
    memory: Memory,
    output: Place,
    steps: Vec<Prepared>,
    schedule: Schedule,
    team: Team,
    meeting: Meeting,
    /// One a member.
    scratch: Vec<Mutex<Scratch>>,
    /// Time of every step so far, if it is taken.
    profile: Option<Vec<Duration>>,
}

impl Program {
    /// The bytes of a buffer that `place` spans, with what a kernel may read behind it.
    fn touch(&self, place: &Place, slack: usize) -> Option<Touch> {
        let (shape, size) = (place.shape, if place.steps.is_some() { 1 } else { 4 });
        let bytes =
            place.bytes().filter(|&b| b > 0 && shape.c > 0 && place.pixel >= shape.c && place.offset.is_multiple_of(size))?;
        // A slice of channels begins inside a pixel and ends as much later.
        let end = place.offset.checked_add(bytes)?.checked_sub((place.pixel - shape.c) * size)?;
        let steps = place.steps.as_ref().is_none_or(|s| {
            matches!(s.scale.len(), n if n == 1 || n == shape.c)
                && s.zero.len() == s.scale.len()
                && s.scale.iter().all(|s| *s > 0.0)
        });
        let inside = *self.buffers.get(place.buffer)? >= end;
        let channels = (place.offset % (place.pixel * size), shape.c * size);
        (inside && steps).then(|| Touch {
            buffer: place.buffer,
            bytes: place.offset..end + slack,
            pixel: place.pixel * size,
            channels,
        })
    }

    /// What every step reads and what it writes.
    ///
    /// # Errors
    /// A value lies outside its buffer, or where its step reads another.
    fn touches(&self) -> Result<Vec<[Vec<Touch>; 2]>, String> {
        if self.buffers.iter().any(|&b| b > MAX_BYTES) {
            return Err("a value too large".into());
        }
        self.touch(&self.output, 0).ok_or("the output lies outside its buffer")?;
        let of = |step: &Step| {
            let (reads, writes) = step.spec.places();
            let all = |places: Vec<&Place>, slack| places.into_iter().map(|p| self.touch(p, slack)).collect::<Option<Vec<_>>>();
            let (Some(reads), Some(writes)) = (all(reads, SLACK), all(writes, 0)) else {
                return Err(format!("{}: a value outside its buffer", step.name));
            };
            if writes.iter().any(|w| reads.iter().any(|r| r.meets(w))) {
                return Err(format!("{}: it would write where it reads", step.name));
            }
            Ok([reads, writes])
        };
        self.steps.iter().map(of).collect()
    }

    /// Packs all weights for `isa` and shares the work out over `threads` threads, 1 or more.
    ///
    /// # Errors
    /// The program is damaged, or tract refuses a foreign operator.
    pub fn prepare(&self, isa: Isa, threads: usize) -> Result<Runner, String> {
        let touches = self.touches()?;
        let prepare = |s: &Step| {
            let operator = s.spec.prepare(isa).map_err(|e| format!("{}: {e}", s.name))?;
            Ok(Prepared { class: s.spec.class(), name: s.name.clone(), operator })
        };
        let steps = self.steps.iter().map(prepare).collect::<Result<Vec<_>, String>>()?;
        let team = Team::new(threads);
        let work: Vec<_> = self.steps.iter().zip(&steps).map(|(s, p)| (s.spec.work(), p.operator.parts())).collect();
        let schedule = Schedule::new(&touches, &work, team.members());
        // The output is read after the last stage.
        let mut lives = schedule.lives(&touches, self.buffers.len());
        lives[self.output.buffer].1 = usize::MAX;
        let memory = Memory::new(&self.buffers, &lives)?;
        let (output, meeting) = (self.output.clone(), team.meeting());
        let scratch = (0..team.members()).map(|_| Mutex::default()).collect();
        Ok(Runner { isa, memory, output, steps, schedule, team, meeting, scratch, profile: None })
    }
}

impl Runner {
    /// Runs one picture (planar, normalised) and writes the heatmaps (planar).
    ///
    /// # Errors
    /// A foreign operator failed, or any operator panicked; the runner can be used again.
    pub fn run(&mut self, picture: &[f32], heatmaps: &mut [f32]) -> Result<(), String> {
        let io = Io { isa: self.isa, memory: &self.memory, picture };
        if let Some(profile) = &mut self.profile {
            let scratch = self.scratch[0].get_mut().unwrap_or_else(PoisonError::into_inner);
            for i in self.schedule.order() {
                let (start, step) = (Instant::now(), &self.steps[i]);
                step.operator.run(&io, 0..step.operator.parts(), scratch).map_err(|e| format!("{}: {e}", step.name))?;
                profile[i] += start.elapsed();
            }
        } else {
            let (steps, schedule, meeting, scratch) = (&self.steps, &self.schedule, &self.meeting, &self.scratch);
            self.team.run(&|member| {
                let mut scratch = scratch[member].lock().unwrap_or_else(PoisonError::into_inner);
                for (round, shares) in (1..).zip(schedule.rounds(member)) {
                    for share in shares {
                        let step = &steps[share.step];
                        step.operator.run(&io, share.parts.clone(), &mut scratch).map_err(|e| format!("{}: {e}", step.name))?;
                    }
                    if !meeting.meet(member, round) {
                        return Ok(());
                    }
                }
                Ok(())
            })?;
        }
        self.leave(heatmaps);
        Ok(())
    }

    /// The output to planar f32.
    fn leave(&mut self, heatmaps: &mut [f32]) {
        let scratch = self.scratch[0].get_mut().unwrap_or_else(PoisonError::into_inner);
        let (c, pixels) = (self.output.shape.c, self.output.pixels());
        let real = super::ops::room(&mut scratch.real, c * pixels);
        let grid = self.output.steps.as_ref().map(|s| super::ops::exit::grid(s, c, None));
        let real = super::ops::exit::real_pixels(
            self.isa,
            &self.memory,
            &self.output,
            grid.as_ref(),
            0,
            pixels,
            &mut scratch.bytes,
            real,
        );
        for (channel, plane) in heatmaps.chunks_exact_mut(pixels).enumerate() {
            plane.iter_mut().zip(real[channel..].iter().step_by(c)).for_each(|(out, &v)| *out = v);
        }
    }

    /// Class, name and time of every step.
    pub fn profile(&self) -> impl Iterator<Item = (&'static str, &str, Duration)> {
        let times = self.profile.iter().flatten().copied().chain(std::iter::repeat(Duration::ZERO));
        self.steps.iter().zip(times).map(|(step, time)| (step.class, step.name.as_str(), time))
    }

    /// Takes the time of every step from now on, all of them on the calling thread.
    pub fn start_profile(&mut self) {
        self.profile = Some(vec![Duration::ZERO; self.steps.len()]);
    }
}
