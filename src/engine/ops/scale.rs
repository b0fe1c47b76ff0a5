//! A gate on a value: `y[p][c] = x[p][c] · g[p / factor][c]`, in: h x w x c and a gate that is as
//! large, coarser or one pixel.
//!
//! Both weightings of Lite-HRNet are this: cross-resolution weighting has a gate a channel and
//! coarse position, spatial weighting one a channel (arXiv 2104.06403, section 3.2).

use super::exit::{self, Exit, Finish, copy_pixels, get, put, real_pixels};
use super::{Io, Operator, Scratch, room};
use crate::engine::graph::Steps;
use crate::engine::kernels::periodic;
use crate::engine::kernels::rows::fixed::{self, COARSE, GATE, Landing, Scaled};
use crate::engine::kernels::rows::{self, Grid};
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
    straight: Option<Straight>,
    factor: [usize; 2],
}

/// If all is int8: the product in fixed point.
struct Straight {
    /// Zeros of the value, as `rows::fixed` has them.
    zero: Vec<i16>,
    /// From a gate to the factor of its value.
    factors: Scaled,
    landing: Landing,
    /// Shares of a step of the result: [`GATE`], or [`COARSE`] where the factors need it.
    fraction: i32,
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
        let grid = |p: &Place| p.steps.as_ref().map(|s| exit::grid(s, c, None));
        Ok(Prepared {
            grids: [grid(&self.from), grid(&self.gate)],
            finish: self.exit.prepare(),
            straight: self.straight(c, GATE).or_else(|| self.straight(c, COARSE)),
            factor: [x.h / g.h, x.w / g.w],
            from: self.from.clone(),
            gate: self.gate.clone(),
            to: self.exit.to.clone(),
        })
    }

    fn straight(&self, c: usize, fraction: i32) -> Option<Straight> {
        let (from, gate) = (self.from.steps.as_ref()?, self.gate.steps.as_ref()?);
        let (landing, to) = (self.exit.landing(fraction)?, self.exit.steps()?);
        let raised = |steps: &Steps| {
            let zero: Vec<i16> = (0..c).map(|c| fixed::raised(steps.at(c).1)).collect();
            periodic(&zero)
        };
        let unit = |c: usize| f64::from(gate.at(c).0) * f64::from(from.at(c).0) / to[c];
        let factor: Vec<i16> = (0..c)
            // A gate becomes the factor of what it is multiplied with.
            .map(|c| fixed::factor(fraction + 8, unit(c)))
            .collect::<Option<_>>()?;
        Some(Straight {
            zero: raised(from),
            factors: Scaled {
                zero: raised(gate),
                factor: periodic(&factor),
            },
            landing,
            fraction,
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
            shares,
            other_shares,
            real,
            other,
            image,
            ..
        } = scratch;
        let mut held = usize::MAX;
        if let Some(straight) = &self.straight {
            let across = self.gate.shape.w;
            let row = |y: usize, bytes: &mut Vec<i8>, out: &mut [i16]| {
                let gate = get(
                    io.isa,
                    io.memory,
                    &self.gate,
                    y * across,
                    (y + 1) * across,
                    bytes,
                );
                fixed::set_scaled(io.isa, gate, &straight.factors, out);
            };
            let (zero, landing) = (&straight.zero, &straight.landing);
            if self.gate.pixels() == 1 {
                // One gate a channel.
                let factors = room(shares, zero.len());
                row(0, bytes, &mut factors[..c]);
                for at in c..factors.len() {
                    factors[at] = factors[at - c];
                }
                let from = parts.start * w;
                let to = parts.end * w;
                let x = get(io.isa, io.memory, &self.from, from, to, packed);
                put(
                    io.memory,
                    &self.to,
                    from,
                    to,
                    out_bytes,
                    |out| match straight.fraction {
                        GATE => fixed::rescale(io.isa, x, zero, factors, landing, out),
                        _ => fixed::rescale_coarse(io.isa, x, zero, factors, landing, out),
                    },
                );
                return Ok(());
            }
            for y in parts {
                let factors = room(shares, w * c);
                if held != y / fy {
                    held = y / fy;
                    let coarse = room(other_shares, across * c);
                    row(held, bytes, coarse);
                    rows::repeat_shares(io.isa, coarse, c, c, fx, factors);
                }
                let x = get(io.isa, io.memory, &self.from, y * w, (y + 1) * w, packed);
                put(
                    io.memory,
                    &self.to,
                    y * w,
                    (y + 1) * w,
                    out_bytes,
                    |out| match straight.fraction {
                        GATE => fixed::gate(io.isa, x, zero, factors, landing, out),
                        _ => fixed::gate_coarse(io.isa, x, zero, factors, landing, out),
                    },
                );
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
