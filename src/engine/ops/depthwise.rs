//! Depthwise convolution: `y[p][c] = b[c] + Σ_t w[c][t] · x[p + t][c]`, in: h x w x c,
//! out: h' x w' x c (MobileNets, arXiv 1704.04861).
//!
//! Since no channel meets another, each may have a grid of its own (ONNX QuantizeLinear with
//! axis 1) at no cost. On int8 the sums are exact, and what lies outside the picture is the
//! channel's zero.

use super::conv::{Weights, most, real_weights};
use super::exit::{self, Exit, Finish, Way, copy_pixels, put};
use super::{Io, Operator, Scratch, room};
use crate::engine::graph::Geometry;
use crate::engine::kernels::real::RealTaps;
use crate::engine::kernels::rows::fixed;
use crate::engine::kernels::rows::{self, Grid};
use crate::engine::kernels::{Isa, Row, SLACK, TapShape, Taps, periodic};
use crate::engine::memory::Place;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Depthwise {
    pub geometry: Geometry,
    pub weights: Weights,
    pub bias: Vec<f32>,
    pub from: Place,
    pub exit: Exit,
}

struct Int8 {
    from: Place,
    to: Place,
    taps: Taps,
    way: Way,
    scale: Vec<f32>,
    bias: Vec<f32>,
    finish: Finish,
}

struct Real {
    geometry: Geometry,
    from: Place,
    to: Place,
    grid: Option<Grid>,
    /// [kernel][period].
    weights: Vec<f32>,
    bias: Vec<f32>,
    finish: Finish,
}

impl Depthwise {
    /// # Errors
    /// Its numbers do not fit together.
    pub fn prepare(&self, isa: Isa) -> Result<Box<dyn Operator>, String> {
        let g = &self.geometry;
        let c = self.geometry.outputs;
        let (count, scales) = match &self.weights {
            Weights::Int8 { values, scale } => (values.len(), scale.len()),
            Weights::Real(w) => (w.len(), c),
        };
        let shapes = g.depthwise
            && g.inputs == c
            && self.from.shape.c == c
            && self.exit.to.shape.c == c
            && self.bias.len() == c;
        if !shapes || g.stride == 0 || g.window() == 0 || count != c * g.window() || scales != c {
            return Err("a depthwise convolution's numbers do not fit together".into());
        }
        let from = self.from.clone();
        let to = self.exit.to.clone();
        let finish = self.exit.prepare();
        let (Weights::Int8 { values, scale }, Some(steps)) = (&self.weights, &self.from.steps)
        else {
            let grid = self.from.steps.as_ref().map(|s| exit::grid(s, c, None));
            let w = real_weights(&self.weights, g.window());
            let tap =
                |t: usize| periodic(&(0..c).map(|c| w[c * g.window() + t]).collect::<Vec<_>>());
            let weights = (0..g.window()).flat_map(tap).collect();
            return Ok(Box::new(Real {
                geometry: *g,
                from,
                to,
                grid,
                weights,
                bias: periodic(&self.bias),
                finish,
            }));
        };
        let steps = steps.expand(c);
        let sum = |c: usize| {
            values[c * g.window()..][..g.window()]
                .iter()
                .map(|&w| i32::from(w))
                .sum::<i32>()
        };
        let mut init: Vec<i32> = (0..c).map(|c| -i32::from(steps.zero[c]) * sum(c)).collect();
        let size = |p: &Place| [p.shape.h, p.shape.w];
        let shape = TapShape {
            channels: c,
            kernel: g.kernel,
            stride: g.stride,
            pad: g.pad,
            input: size(&from),
            output: size(&to),
        };
        let real: Vec<f64> = scale
            .iter()
            .zip(&steps.scale)
            .map(|(&w, &x)| f64::from(w) * f64::from(x))
            .collect();
        let most: Vec<f64> = values.chunks_exact(g.window()).map(most).collect();
        let (way, more) = self.exit.way(&real, &self.bias, &most);
        init.iter_mut()
            .zip(more)
            .for_each(|(i, m)| *i = i.wrapping_add(m));
        let scale: Vec<f32> = real.iter().map(|&s| s as f32).collect();
        let taps = Taps::pack(isa, shape, values, &init, &steps.zero);
        Ok(Box::new(Int8 {
            from,
            to,
            taps,
            way,
            scale: periodic(&scale),
            bias: periodic(&self.bias),
            finish,
        }))
    }
}

impl Operator for Int8 {
    fn parts(&self) -> usize {
        self.to.shape.h
    }

    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let Scratch {
            taps,
            bytes,
            packed,
            real,
            shares,
            ..
        } = scratch;
        let x = match self.from.is_dense() {
            true => io.memory.int8(&self.from, 0, self.from.pixels()),
            false => {
                let n = self.from.pixels() * self.from.shape.c;
                room(packed, n + SLACK);
                // Only the rows under these parts are needed, but where they lie must stay the
                // same.
                let (first, last) = self.rows_under(&parts);
                let c = self.from.shape.c;
                let w = self.from.shape.w;
                let rows = io.memory.int8(&self.from, first * w, last * w);
                rows::pick_bytes(
                    io.isa,
                    rows,
                    self.from.pixel,
                    c,
                    &mut packed[first * w * c..last * w * c],
                );
                &packed[..n + SLACK]
            }
        };
        let width = self.to.shape.w;
        let rounding = match &self.way {
            Way::Straight(fixed) => Some(fixed),
            _ => None,
        };
        self.taps.run(x, parts, taps, rounding, &mut |y, row| {
            let from = y * width;
            let to = (y + 1) * width;
            match (row, &self.way) {
                (Row::Rounded(row), _) => put(io.memory, &self.to, from, to, bytes, |out| {
                    out.copy_from_slice(row)
                }),
                (Row::Sums(sums), Way::Straight(fixed)) => {
                    put(io.memory, &self.to, from, to, bytes, |out| {
                        fixed::round_sums(io.isa, sums, fixed, out)
                    })
                }
                (Row::Sums(sums), Way::Curve(curve)) => {
                    let shares = room(shares, sums.len());
                    fixed::set_sums(io.isa, sums, curve.shares(), shares);
                    put(io.memory, &self.to, from, to, bytes, |out| {
                        curve.read(io.isa, shares, out)
                    });
                }
                (Row::Sums(sums), Way::Real) => {
                    let real = room(real, sums.len());
                    rows::to_real(io.isa, sums, &self.scale, &self.bias, real);
                    self.finish.send(io.isa, io.memory, from, real, bytes);
                }
            }
        });
        Ok(())
    }
}

impl Int8 {
    fn rows_under(&self, parts: &Range<usize>) -> (usize, usize) {
        let s = &self.taps.shape;
        let h = self.from.shape.h;
        let first = (parts.start * s.stride).saturating_sub(s.pad[0]).min(h);
        (
            first,
            (parts.end * s.stride + s.kernel[0])
                .saturating_sub(s.pad[0])
                .clamp(first, h),
        )
    }
}

impl Operator for Real {
    fn parts(&self) -> usize {
        self.to.shape.h
    }

    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let (g, c, [h, w]) = (
            &self.geometry,
            self.from.shape.c,
            [self.from.shape.h, self.from.shape.w],
        );
        let [kh, kw] = g.kernel;
        // Room for every column that the last output reads, and for whole vectors.
        let width = (w + g.pad[1]).max((self.to.shape.w - 1) * g.stride + kw);
        let size = width * c + SLACK;
        exit::rows_of(scratch, kh, size);
        let outputs = self.to.shape.w;
        let out = room(&mut scratch.real, outputs * c + SLACK);
        let taps = RealTaps {
            weights: &self.weights,
            bias: &self.bias,
            channels: c,
            width: kw,
            stride: g.stride,
        };
        // A ring of padded rows, the input row in each; `usize::MAX` for none.
        let mut held = [usize::MAX; 32];
        for y in parts {
            for ky in 0..kh {
                let iy = y * g.stride + ky;
                if held[iy % kh] == iy {
                    continue;
                }
                held[iy % kh] = iy;
                let row = &mut scratch.rows[iy % kh][..size];
                row.fill(0.0);
                if (g.pad[0]..g.pad[0] + h).contains(&iy) {
                    let from = (iy - g.pad[0]) * w;
                    let to = (iy - g.pad[0] + 1) * w;
                    let inside = &mut row[g.pad[1] * c..][..w * c];
                    copy_pixels(
                        io.isa,
                        io.memory,
                        &self.from,
                        self.grid.as_ref(),
                        from,
                        to,
                        &mut scratch.bytes,
                        inside,
                    );
                }
            }
            let mut rows: [&[f32]; 32] = [&[]; 32];
            for (ky, row) in rows[..kh].iter_mut().enumerate() {
                *row = &scratch.rows[(y * g.stride + ky) % kh];
            }
            taps.row(io.isa, &rows[..kh], outputs, out);
            self.finish.send(
                io.isa,
                io.memory,
                y * outputs,
                &mut out[..outputs * c],
                &mut scratch.bytes,
            );
        }
        Ok(())
    }
}
