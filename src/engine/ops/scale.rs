//! A gate on a value: `y[p][c] = x[p][c] · g[p / factor][c]`, in: h x w x c and a gate that is as
//! large, coarser or one pixel.
//!
//! Both weightings of Lite-HRNet are this: cross-resolution weighting has a gate a channel and
//! coarse position, spatial weighting one a channel (arXiv 2104.06403, section 3.2).

use super::exit::{self, Exit, Finish, copy_pixels, get, put, real_pixels};
use super::{Io, Operator, Scratch, room};
use crate::engine::kernels::rows::{self, Grid, Requant};
use crate::engine::memory::Place;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scale {
    pub from: Place,
    pub gate: Place,
    pub exit: Exit,
}

/// The prepared form.
pub struct Prepared {
    from: Place,
    gate: Place,
    to: Place,
    grids: [Option<Grid>; 2],
    finish: Finish,
    /// If all is int8: from (x − zero) · (gate − zero) to the result's grid; and the gate's zero.
    straight: Option<(Requant, i32)>,
    factor: [usize; 2],
    one: (Option<i32>, Option<f32>),
}

impl Scale {
    /// # Errors
    /// The gate does not fit the value.
    pub fn prepare(&self) -> Result<Prepared, String> {
        let x = self.from.shape;
        let g = self.gate.shape;
        let c = self.from.shape.c;
        let fits = g.h > 0
            && g.w > 0
            && g.c == c
            && c > 0
            && x.h.is_multiple_of(g.h)
            && x.w.is_multiple_of(g.w);
        if !fits || self.exit.to.shape != x {
            return Err("a gate does not fit what it scales".into());
        }
        let straight = match (&self.from.steps, &self.gate.steps) {
            (Some(from), Some(gate)) if gate.is_uniform() => {
                let (step, zero) = gate.at(0);
                let scale: Vec<f64> = from
                    .expand(c)
                    .scale
                    .iter()
                    .map(|&s| f64::from(s) * f64::from(step))
                    .collect();
                self.exit
                    .requant(&scale, &vec![0.0; c], &vec![65_025.0; c])
                    .map(|r| (r, i32::from(zero)))
            }
            _ => None,
        };
        let grid = |p: &Place| p.steps.as_ref().map(|s| exit::grid(s, c, None));
        let grids = [grid(&self.from), grid(&self.gate)];
        let zero = grids[0].as_ref().and_then(|g| rows::common(&g.to.zero));
        let one = (
            zero,
            straight.as_ref().and_then(|(r, _)| rows::common(&r.scale)),
        );
        Ok(Prepared {
            grids,
            one,
            finish: self.exit.prepare(),
            straight,
            factor: [x.h / g.h, x.w / g.w],
            from: self.from.clone(),
            gate: self.gate.clone(),
            to: self.exit.to.clone(),
        })
    }
}

impl Operator for Prepared {
    fn parts(&self) -> usize {
        self.from.shape.h
    }

    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let ([fy, fx], w, c) = (self.factor, self.from.shape.w, self.from.shape.c);
        let Scratch {
            bytes,
            packed,
            out_bytes,
            gates,
            real,
            other,
            image,
            ..
        } = scratch;
        let mut held = usize::MAX;
        if let (Some((requant, gate_zero)), Some(grid)) = (&self.straight, &self.grids[0]) {
            if self.gate.pixels() == 1 {
                // One gate a channel: it becomes the channel's scale.
                let scale = room(real, requant.scale.len());
                let gate = &io.memory.int8(&self.gate, 0, 1)[..c];
                for (scale, (r, &gate)) in scale
                    .iter_mut()
                    .zip(requant.scale.iter().zip(gate.iter().cycle()))
                {
                    *scale = r * (i32::from(gate) - gate_zero) as f32;
                }
                let from = parts.start * w;
                let to = parts.end * w;
                let x = get(io.isa, io.memory, &self.from, from, to, packed);
                put(io.memory, &self.to, from, to, out_bytes, |out| {
                    rows::rescale(io.isa, x, &grid.to.zero, self.one.0, scale, requant, out);
                });
                return Ok(());
            }
            for y in parts {
                if held != y / fy {
                    held = y / fy;
                    let row = io.memory.int8(
                        &self.gate,
                        held * self.gate.shape.w,
                        (held + 1) * self.gate.shape.w,
                    );
                    rows::repeat_bytes(io.isa, row, self.gate.pixel, c, fx, room(gates, w * c));
                }
                let x = get(io.isa, io.memory, &self.from, y * w, (y + 1) * w, packed);
                put(io.memory, &self.to, y * w, (y + 1) * w, out_bytes, |out| {
                    rows::gate(
                        io.isa,
                        x,
                        gates,
                        &grid.to.zero,
                        *gate_zero,
                        requant,
                        self.one,
                        out,
                    );
                });
            }
            return Ok(());
        }
        for y in parts {
            if held != y / fy {
                held = y / fy;
                let from = held * self.gate.shape.w;
                let to = (held + 1) * self.gate.shape.w;
                let row = room(image, self.gate.shape.w * c);
                let row = real_pixels(
                    io.isa,
                    io.memory,
                    &self.gate,
                    self.grids[1].as_ref(),
                    from,
                    to,
                    bytes,
                    row,
                );
                rows::repeat(io.isa, row, c, c, fx, room(other, w * c));
            }
            let real = room(real, w * c);
            copy_pixels(
                io.isa,
                io.memory,
                &self.from,
                self.grids[0].as_ref(),
                y * w,
                (y + 1) * w,
                bytes,
                real,
            );
            rows::multiply(io.isa, &other[..w * c], real);
            self.finish.send(io.isa, io.memory, y * w, real, bytes);
        }
        Ok(())
    }
}
