//! Channels moved from several values into one: what is left of split, concat and shuffle where a
//! place in memory cannot say it. `y[p][j] = x_s(j)[p][c(j)]`.

use super::exit::{self, real_pixels};
use super::{Io, Operator, Scratch, room};
use crate::engine::kernels::rows::{self, Grid};
use crate::engine::memory::Place;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The specification. int8 values keep their bytes: the result's grid is that of the sources,
/// channel by channel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Gather {
    pub from: Vec<Place>,
    /// (source, channel) of every output channel.
    pub channels: Vec<(usize, usize)>,
    pub to: Place,
}

/// Output channels `to`, `to + step`, … from channels `from`, `from + 1`, … of one source.
struct Run {
    source: usize,
    from: usize,
    to: usize,
    step: usize,
    count: usize,
}

/// The prepared form.
pub struct Prepared {
    from: Vec<Place>,
    grids: Vec<Option<Grid>>,
    runs: Vec<Run>,
    to: Place,
}

impl Gather {
    /// # Errors
    /// A channel comes from nowhere.
    pub fn prepare(&self) -> Result<Prepared, String> {
        let size = |p: &Place| [p.shape.h, p.shape.w];
        let inside = self
            .channels
            .iter()
            .all(|&(s, c)| self.from.get(s).is_some_and(|p| c < p.shape.c));
        let bytes = self.to.steps.is_none() || self.from.iter().all(|p| p.steps.is_some());
        if !inside
            || !bytes
            || self.channels.len() != self.to.shape.c
            || self.from.iter().any(|p| size(p) != size(&self.to))
        {
            return Err("a gather's channels do not fit its values".into());
        }
        let grids = self
            .from
            .iter()
            .map(|p| p.steps.as_ref().map(|s| exit::grid(s, p.shape.c, None)))
            .collect();
        Ok(Prepared {
            from: self.from.clone(),
            grids,
            runs: self.runs(),
            to: self.to.clone(),
        })
    }

    /// Cuts the channels into as few runs as possible, each either whole or every second channel.
    fn runs(&self) -> Vec<Run> {
        let n = self.channels.len();
        let mut taken = vec![false; n];
        let mut runs = Vec::new();
        for to in 0..n {
            if taken[to] {
                continue;
            }
            let (source, from) = self.channels[to];
            let length = |step: usize| {
                (0..)
                    .take_while(|i| {
                        self.channels.get(to + i * step) == Some(&(source, from + i))
                            && !taken[to + i * step]
                    })
                    .count()
            };
            let one = length(1);
            let two = length(2);
            let (step, count) = if two > one { (2, two) } else { (1, one) };
            (0..count).for_each(|i| taken[to + i * step] = true);
            runs.push(Run {
                source,
                from,
                to,
                step,
                count,
            });
        }
        runs
    }
}

impl Prepared {
    /// Whether two runs, channel by channel in turn, are the whole result.
    fn alternate(&self, a: &Run, b: &Run) -> bool {
        self.to.is_dense() && (a.step, b.step, a.to, b.to, a.count) == (2, 2, 0, 1, b.count)
    }
}

/// The channels of `run`, from pixels `x` that lie `pixel` numbers apart into the pixels that `out`
/// gives.
fn copy<'a, T: Copy + 'a>(
    x: &[T],
    pixel: usize,
    run: &Run,
    out: impl Iterator<Item = &'a mut [T]>,
) {
    for (x, out) in x.chunks(pixel).zip(out) {
        let x = &x[run.from..][..run.count];
        if run.step == 1 {
            out[run.to..][..run.count].copy_from_slice(x);
        } else {
            out[run.to..]
                .iter_mut()
                .step_by(2)
                .zip(x)
                .for_each(|(o, &x)| *o = x);
        }
    }
}

impl Operator for Prepared {
    fn parts(&self) -> usize {
        self.to.shape.h
    }

    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let from = parts.start * self.to.shape.w;
        let to = parts.end * self.to.shape.w;
        if self.to.steps.is_some() {
            let pixels = |run: &Run| io.memory.int8(&self.from[run.source], from, to);
            if let [a, b] = &self.runs[..]
                && self.alternate(a, b)
            {
                let x = &pixels(a)[a.from..];
                let y = &pixels(b)[b.from..];
                let out = io.memory.int8_mut(&self.to, from, to);
                rows::interleave_bytes(
                    io.isa,
                    x,
                    self.from[a.source].pixel,
                    y,
                    self.from[b.source].pixel,
                    a.count,
                    out,
                );
                return Ok(());
            }
            for run in &self.runs {
                let place = &self.from[run.source];
                let count = (to - from).saturating_sub(1) * place.pixel + place.shape.c;
                let out = (from..to).map(|p| io.memory.int8_mut(&self.to, p, p + 1));
                copy(&pixels(run)[..count], place.pixel, run, out);
            }
            return Ok(());
        }
        if let [a, b] = &self.runs[..]
            && self.alternate(a, b)
            && self.from.iter().all(|p| p.steps.is_none())
        {
            let pixels = |run: &Run| &io.memory.real(&self.from[run.source], from, to)[run.from..];
            let x = self.from[a.source].pixel;
            let y = self.from[b.source].pixel;
            let out = io.memory.real_mut(&self.to, from, to);
            rows::interleave(io.isa, pixels(a), x, pixels(b), y, a.count, out);
            return Ok(());
        }
        for (source, (place, grid)) in self.from.iter().zip(&self.grids).enumerate() {
            let c = place.shape.c;
            let x = room(&mut scratch.real, (to - from) * c);
            let x = real_pixels(
                io.isa,
                io.memory,
                place,
                grid.as_ref(),
                from,
                to,
                &mut scratch.bytes,
                x,
            );
            for run in self.runs.iter().filter(|r| r.source == source) {
                copy(
                    x,
                    c,
                    run,
                    (from..to).map(|p| io.memory.real_mut(&self.to, p, p + 1)),
                );
            }
        }
        Ok(())
    }
}
