//! Average pool without overlap: `y[p][c] = mean of x over a window`, in: h x w x c, out: h/kh x
//! w/kw x c.
//!
//! On int8 the sum is exact and rounded once. Lite-HRNet pools every branch to the coarsest one's
//! size, and to one pixel (arXiv 2104.06403, section 3.2).

use super::exit::{Exit, Finish, put, real_pixels};
use super::{Io, Operator, Scratch, room};
use crate::engine::kernels::rows;
use crate::engine::kernels::rows::fixed::{self, Fixed};
use crate::engine::kernels::{period, periodic};
use crate::engine::memory::Place;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pool {
    pub kernel: [usize; 2],
    pub from: Place,
    pub exit: Exit,
}

/// The prepared form.
pub struct Prepared {
    kernel: [usize; 2],
    from: Place,
    to: Place,
    finish: Finish,
    /// − window · zero, a channel.
    init: Vec<i32>,
    /// Real value of a sum, a channel, repeated.
    scale: Vec<f32>,
    none: Vec<f32>,
    fixed: Option<Fixed>,
}

impl Pool {
    /// # Errors
    /// The window does not fit.
    pub fn prepare(&self) -> Result<Prepared, String> {
        let ([kh, kw], from, to) = (self.kernel, self.from.shape, self.exit.to.shape);
        if kh == 0
            || kw == 0
            || to.c != from.c
            || from.c == 0
            || to.h * kh != from.h
            || to.w * kw != from.w
        {
            return Err("a pool's window does not fit its picture".into());
        }
        let window = (kh * kw) as f64;
        let mut init = Vec::new();
        let mut scale = vec![1.0 / window; from.c];
        if let Some(steps) = &self.from.steps {
            let steps = steps.expand(from.c);
            init = steps
                .zero
                .iter()
                .map(|&z| -i32::from(z) * (kh * kw) as i32)
                .collect();
            scale = steps.scale.iter().map(|&s| f64::from(s) / window).collect();
        }
        let none = vec![0.0; from.c];
        let fixed = match &self.from.steps {
            Some(_) => self
                .exit
                .fixed(&scale, &none, &vec![window * 255.0; from.c]),
            None => None,
        };
        let fixed = fixed.map(|(fixed, more)| {
            init.iter_mut().zip(more).for_each(|(i, m)| *i += m);
            fixed
        });
        Ok(Prepared {
            kernel: self.kernel,
            finish: self.exit.prepare(),
            fixed,
            scale: periodic(&scale.iter().map(|&s| s as f32).collect::<Vec<_>>()),
            none: periodic(&none),
            init,
            from: self.from.clone(),
            to: self.exit.to.clone(),
        })
    }
}

impl Operator for Prepared {
    fn parts(&self) -> usize {
        self.to.shape.h
    }

    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let ([kh, kw], c, w, out_w) = (
            self.kernel,
            self.from.shape.c,
            self.from.shape.w,
            self.to.shape.w,
        );
        let Scratch {
            bytes,
            sums,
            shares,
            real,
            other,
            ..
        } = scratch;
        for y in parts {
            if self.from.steps.is_none() {
                let row = room(other, w * c);
                let total = room(real, out_w * c);
                total.fill(0.0);
                for line in y * kh..(y + 1) * kh {
                    let row = real_pixels(
                        io.isa,
                        io.memory,
                        &self.from,
                        None,
                        line * w,
                        (line + 1) * w,
                        bytes,
                        row,
                    );
                    rows::pool_real(io.isa, row, c, kw, total);
                }
                rows::multiply_channels(io.isa, &self.scale, total);
                self.finish.send(io.isa, io.memory, y * out_w, total, bytes);
                continue;
            }
            let total = room(sums, out_w * c + period(c));
            let x = io.memory.int8(&self.from, y * kh * w, (y + 1) * kh * w);
            if out_w == 1 && self.from.is_dense() {
                // One window: walked flat, then the period folded to its channels.
                let (fold, wide) = total.split_at_mut(c);
                wide.fill(0);
                rows::pool_all(io.isa, &x[..kh * w * c], room(shares, period(c)), wide);
                fold.copy_from_slice(&self.init);
                for part in wide.chunks_exact(c) {
                    fold.iter_mut().zip(part).for_each(|(f, p)| *f += p);
                }
            } else {
                let pixel = self.from.pixel;
                let row = self.from.pixel * w;
                rows::pool_windows(
                    io.isa,
                    x,
                    pixel,
                    row,
                    self.kernel,
                    &self.init,
                    &mut total[..out_w * c],
                );
            }
            let total = &total[..out_w * c];
            match &self.fixed {
                Some(fixed) => put(
                    io.memory,
                    &self.to,
                    y * out_w,
                    (y + 1) * out_w,
                    bytes,
                    |out| {
                        fixed::round_sums(io.isa, total, fixed, out);
                    },
                ),
                None => {
                    let real = room(real, out_w * c);
                    rows::to_real(io.isa, total, &self.scale, &self.none, real);
                    self.finish.send(io.isa, io.memory, y * out_w, real, bytes);
                }
            }
        }
        Ok(())
    }
}
