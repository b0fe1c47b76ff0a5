//! A network as it runs: operators in order, and one block of memory.

use super::graph::Shape;
use super::kernels::Isa;
use super::memory::{Memory, Place};
use super::ops::{Io, Operator, Scratch, Spec};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// The most memory that a network may work in, in bytes.
const MAX_BYTES: usize = 256 << 20;

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
    /// Memory for its values.
    pub bytes: usize,
    pub steps: Vec<Step>,
}

/// A program, prepared for an instruction set.
pub struct Runner {
    isa: Isa,
    memory: Memory,
    output: Place,
    steps: Vec<(&'static str, String, Box<dyn Operator>)>,
    scratch: Scratch,
    /// Time of every step so far, if it is taken.
    pub profile: Option<Vec<Duration>>,
}

impl Program {
    /// # Errors
    /// A value lies outside the memory, or where its step reads another.
    fn check(&self) -> Result<(), String> {
        if self.bytes > MAX_BYTES {
            return Err(format!("its values need {} MB, more than {}", self.bytes >> 20, MAX_BYTES >> 20));
        }
        let span = |p: &Place| {
            let bytes = p.bytes().filter(|&b| b > 0 && p.shape.c > 0 && p.pixel >= p.shape.c)?;
            let size = if p.steps.is_some() { 1 } else { 4 };
            // A slice of channels begins inside a pixel and ends as much later.
            let end = p.offset.checked_add(bytes)?.checked_sub((p.pixel - p.shape.c) * size)?;
            let steps = p.steps.as_ref().is_none_or(|s| {
                matches!(s.scale.len(), n if n == 1 || n == p.shape.c)
                    && s.zero.len() == s.scale.len()
                    && s.scale.iter().all(|s| *s > 0.0)
            });
            (end <= self.bytes && steps && p.offset.is_multiple_of(size)).then_some((p.offset, end))
        };
        for step in &self.steps {
            let (reads, writes) = step.spec.places();
            let spans = |places: Vec<&Place>| places.into_iter().map(span).collect::<Option<Vec<_>>>();
            let (Some(reads), Some(writes)) = (spans(reads), spans(writes)) else {
                return Err(format!("{}: a value outside the memory", step.name));
            };
            if writes.iter().any(|w| reads.iter().any(|r| r.0 < w.1 && w.0 < r.1)) {
                return Err(format!("{}: it would write where it reads", step.name));
            }
        }
        span(&self.output).map(|_| ()).ok_or_else(|| "the output lies outside the memory".into())
    }

    /// Packs all weights for `isa`.
    ///
    /// # Errors
    /// The program is damaged, or tract refuses a foreign operator.
    pub fn prepare(&self, isa: Isa) -> Result<Runner, String> {
        self.check()?;
        let prepare =
            |s: &Step| Ok((s.spec.class(), s.name.clone(), s.spec.prepare(isa).map_err(|e| format!("{}: {e}", s.name))?));
        let steps = self.steps.iter().map(prepare).collect::<Result<_, String>>()?;
        let (memory, output) = (Memory::new(self.bytes), self.output.clone());
        Ok(Runner { isa, memory, output, steps, scratch: Scratch::default(), profile: None })
    }
}

impl Runner {
    /// Runs one picture (planar, normalised) and writes the heatmaps (planar).
    ///
    /// # Errors
    /// A foreign operator failed.
    pub fn run(&mut self, picture: &[f32], heatmaps: &mut [f32]) -> Result<(), String> {
        let io = Io { isa: self.isa, memory: &self.memory, picture };
        for (i, (_, name, step)) in self.steps.iter().enumerate() {
            let start = self.profile.is_some().then(Instant::now);
            step.run(&io, 0..step.parts(), &mut self.scratch).map_err(|e| format!("{name}: {e}"))?;
            if let (Some(start), Some(profile)) = (start, &mut self.profile) {
                profile[i] += start.elapsed();
            }
        }
        let (c, pixels) = (self.output.shape.c, self.output.pixels());
        let real = super::ops::room(&mut self.scratch.real, c * pixels);
        let grid = self.output.steps.as_ref().map(|s| super::ops::exit::grid(s, c, None));
        let real = super::ops::exit::real_pixels(
            self.isa,
            &self.memory,
            &self.output,
            grid.as_ref(),
            0,
            pixels,
            &mut self.scratch.bytes,
            real,
        );
        for (channel, plane) in heatmaps.chunks_exact_mut(pixels).enumerate() {
            plane.iter_mut().zip(real[channel..].iter().step_by(c)).for_each(|(out, &v)| *out = v);
        }
        Ok(())
    }

    /// Class, name and time of every step.
    pub fn profile(&self) -> impl Iterator<Item = (&'static str, &str, Duration)> {
        let times = self.profile.iter().flatten().copied().chain(std::iter::repeat(Duration::ZERO));
        self.steps.iter().zip(times).map(|((class, name, _), time)| (*class, name.as_str(), time))
    }

    /// Takes the time of every step from now on.
    pub fn start_profile(&mut self) {
        self.profile = Some(vec![Duration::ZERO; self.steps.len()]);
    }
}
