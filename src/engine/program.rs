//! A network as it runs: operators in order, and buffers for their values.

use super::graph::Shape;
use super::kernels::{Isa, SLACK};
use super::memory::{MAX_BYTES, Memory, Place};
use super::ops::{Io, Operator, Scratch, Spec};
use super::schedule::{Schedule, Touch};
use super::team::{self, Team, Work};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
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

/// The steps as a team's work.
struct Plan {
    isa: Isa,
    memory: Memory,
    steps: Vec<Prepared>,
    schedule: Schedule,
    /// One a member.
    scratch: Vec<Mutex<Scratch>>,
    /// The picture of the run under way: address and numbers.
    picture: (AtomicPtr<f32>, AtomicUsize),
}

/// A program, prepared for an instruction set and a team.
pub struct Runner {
    team: Team<Plan>,
    output: Place,
    /// If it is taken.
    profile: Option<Profile>,
}

/// Where the time of all runs so far went.
#[derive(Debug, Default)]
struct Profile {
    /// One a step.
    steps: Vec<Duration>,
    longest: Duration,
}

impl Program {
    /// The bytes of a buffer that `place` spans, with what a kernel may read behind it.
    fn touch(&self, place: &Place, slack: usize) -> Option<Touch> {
        let shape = place.shape;
        let size = if place.steps.is_some() { 1 } else { 4 };
        let bytes = place.bytes().filter(|&b| {
            b > 0 && shape.c > 0 && place.pixel >= shape.c && place.offset.is_multiple_of(size)
        })?;
        // A slice of channels begins inside a pixel and ends as much later.
        let end = place
            .offset
            .checked_add(bytes)?
            .checked_sub((place.pixel - shape.c) * size)?;
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
        self.touch(&self.output, 0)
            .ok_or("the output lies outside its buffer")?;
        let of = |step: &Step| {
            let (reads, writes) = step.spec.places();
            let all = |places: Vec<&Place>, slack| {
                places
                    .into_iter()
                    .map(|p| self.touch(p, slack))
                    .collect::<Option<Vec<_>>>()
            };
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
            let operator = s
                .spec
                .prepare(isa)
                .map_err(|e| format!("{}: {e}", s.name))?;
            Ok(Prepared {
                class: s.spec.class(),
                name: s.name.clone(),
                operator,
            })
        };
        let steps = self
            .steps
            .iter()
            .map(prepare)
            .collect::<Result<Vec<_>, String>>()?;
        let work: Vec<_> = self
            .steps
            .iter()
            .zip(&steps)
            .map(|(s, p)| (s.spec.work(), p.operator.parts()))
            .collect();
        let members = threads.clamp(1, team::MOST);
        let schedule = Schedule::new(&touches, &work, members);
        let mut lives = schedule.lives(&touches, self.buffers.len());
        // The output is read after the last stage.
        lives[self.output.buffer].1 = usize::MAX;
        let memory = Memory::new(&self.buffers, &lives)?;
        let scratch = (0..members).map(|_| Mutex::default()).collect();
        let plan = Plan {
            isa,
            memory,
            steps,
            schedule,
            scratch,
            picture: Default::default(),
        };
        Ok(Runner {
            team: Team::new(plan, members),
            output: self.output.clone(),
            profile: None,
        })
    }
}

impl Plan {
    fn scratch(&self, member: usize) -> MutexGuard<'_, Scratch> {
        self.scratch[member]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work for Plan {
    fn rounds(&self) -> usize {
        self.schedule.rounds.len()
    }

    fn pieces(&self, round: usize, queue: usize) -> usize {
        self.schedule.rounds[round][queue].len()
    }

    fn piece(&self, member: usize, round: usize, queue: usize, piece: usize) -> Result<(), String> {
        let start = self.picture.0.load(Ordering::Relaxed);
        let numbers = self.picture.1.load(Ordering::Relaxed);
        // SAFETY: `Runner::run` has put its picture there before the run began and keeps it until
        // no piece is under way.
        let picture = unsafe { std::slice::from_raw_parts(start, numbers) };
        let io = Io {
            isa: self.isa,
            memory: &self.memory,
            picture,
        };
        let mut scratch = self.scratch(member);
        for share in &self.schedule.rounds[round][queue][piece] {
            let step = &self.steps[share.step];
            step.operator
                .run(&io, share.parts.clone(), &mut scratch)
                .map_err(|e| format!("{}: {e}", step.name))?;
        }
        Ok(())
    }
}

impl Runner {
    /// Runs one picture (planar, normalised) and writes the heatmaps (planar).
    ///
    /// # Errors
    /// A foreign operator failed, or any operator panicked; the runner can be used again.
    pub fn run(&mut self, picture: &[f32], heatmaps: &mut [f32]) -> Result<(), String> {
        if self.profile.is_some() {
            self.run_timed(picture)?;
        } else {
            let plan = self.team.work();
            plan.picture
                .0
                .store(picture.as_ptr().cast_mut(), Ordering::Relaxed);
            plan.picture.1.store(picture.len(), Ordering::Relaxed);
            self.team.run()?;
        }
        self.leave(heatmaps);
        Ok(())
    }

    /// Does every member's work on this thread and takes its time.
    fn run_timed(&mut self, picture: &[f32]) -> Result<(), String> {
        let plan = self.team.work();
        let io = Io {
            isa: plan.isa,
            memory: &plan.memory,
            picture,
        };
        let mut scratch = plan.scratch(0);
        let profile = self.profile.get_or_insert_default();
        profile.steps.resize(plan.steps.len(), Duration::ZERO);
        for round in &plan.schedule.rounds {
            let mut longest = Duration::ZERO;
            for queue in round {
                let mut all = Duration::ZERO;
                for share in queue.iter().flatten() {
                    let start = Instant::now();
                    let step = &plan.steps[share.step];
                    step.operator
                        .run(&io, share.parts.clone(), &mut scratch)
                        .map_err(|e| format!("{}: {e}", step.name))?;
                    let time = start.elapsed();
                    profile.steps[share.step] += time;
                    all += time;
                }
                longest = longest.max(all);
            }
            profile.longest += longest;
        }
        Ok(())
    }

    /// The output to planar f32.
    fn leave(&self, heatmaps: &mut [f32]) {
        let plan = self.team.work();
        let scratch = &mut *plan.scratch(0);
        let c = self.output.shape.c;
        let pixels = self.output.pixels();
        let real = super::ops::room(&mut scratch.real, c * pixels);
        let grid = self
            .output
            .steps
            .as_ref()
            .map(|s| super::ops::exit::grid(s, c, None));
        let real = super::ops::exit::real_pixels(
            plan.isa,
            &plan.memory,
            &self.output,
            grid.as_ref(),
            0,
            pixels,
            &mut scratch.bytes,
            real,
        );
        for (channel, plane) in heatmaps.chunks_exact_mut(pixels).enumerate() {
            plane
                .iter_mut()
                .zip(real[channel..].iter().step_by(c))
                .for_each(|(out, &v)| *out = v);
        }
    }

    /// Class, name and time of every step.
    pub fn profile(&self) -> impl Iterator<Item = (&'static str, &str, Duration)> {
        let times = self.profile.iter().flat_map(|p| p.steps.iter().copied());
        self.team
            .work()
            .steps
            .iter()
            .zip(times.chain(std::iter::repeat(Duration::ZERO)))
            .map(|(step, time)| (step.class, step.name.as_str(), time))
    }

    /// The time of who had most to do in each round, if nobody had helped another.
    pub fn longest(&self) -> Duration {
        self.profile
            .as_ref()
            .map_or(Duration::ZERO, |profile| profile.longest)
    }

    /// Takes the time of every step from now on, all of them on the calling thread.
    pub fn start_profile(&mut self) {
        self.profile = Some(Profile::default());
    }
}

#[cfg(test)]
mod tests;
