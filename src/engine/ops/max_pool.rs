//! Maximum pool: `y[p][c] = max of x over a window`, in: h x w x c, out: h' x w' x c. What lies
//! outside the picture is less than anything.
//!
//! On int8 the grid stays what it is: the greatest byte is the greatest number (He et al., Spatial
//! Pyramid Pooling, 2014, is what uses it).

use super::exit::{self, Exit, Finish, copy_pixels, get, put};
use super::{Io, Operator, Scratch, room};
use crate::engine::graph::Window;
use crate::engine::kernels::rows::Grid;
use crate::engine::memory::Place;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MaxPool {
    pub window: Window,
    pub from: Place,
    pub exit: Exit,
}

/// The prepared form.
pub struct Prepared {
    window: Window,
    from: Place,
    to: Place,
    grid: Option<Grid>,
    finish: Finish,
    /// int8 in and out, on one grid.
    bytes: bool,
}

impl MaxPool {
    /// # Errors
    /// A window sees nothing of the picture.
    pub fn prepare(&self) -> Result<Prepared, String> {
        let (w, from, to) = (&self.window, self.from.shape, self.exit.to.shape);
        let sees = |axis: usize, input: usize, output: usize| {
            let (k, s, pad) = (w.kernel[axis], w.stride[axis], w.pad[axis]);
            s > 0 && pad < k && output > 0 && (output - 1) * s < input + pad
        };
        if to.c != from.c || from.c == 0 || !sees(0, from.h, to.h) || !sees(1, from.w, to.w) {
            return Err("a maximum pool's window does not fit its picture".into());
        }
        let same = self.from.steps.is_some()
            && self.from.steps == self.exit.to.steps
            && self.exit.activation.is_none();
        let steps = self.from.steps.as_ref();
        Ok(Prepared {
            window: *w,
            grid: steps.map(|s| exit::grid(s, from.c, None)),
            from: self.from.clone(),
            to: self.exit.to.clone(),
            finish: self.exit.prepare(),
            bytes: same,
        })
    }
}

/// The part of window `at` that lies inside `length`.
fn inside(at: usize, stride: usize, kernel: usize, pad: usize, length: usize) -> Range<usize> {
    let start = at * stride;
    start.saturating_sub(pad).min(length)..(start + kernel).saturating_sub(pad).min(length)
}

fn keep_greater<T: Copy + PartialOrd>(x: &[T], out: &mut [T]) {
    for (o, &x) in out.iter_mut().zip(x) {
        *o = if x > *o { x } else { *o };
    }
}

impl Prepared {
    /// One row of the output from the greatest of each column.
    fn across<T: Copy + PartialOrd>(&self, columns: &[T], out: &mut [T]) {
        let (c, w) = (self.from.shape.c, &self.window);
        for (x, out) in out.chunks_exact_mut(c).enumerate() {
            let seen = inside(x, w.stride[1], w.kernel[1], w.pad[1], self.from.shape.w);
            out.copy_from_slice(&columns[seen.start * c..][..c]);
            for x in seen.skip(1) {
                keep_greater(&columns[x * c..][..c], out);
            }
        }
    }
}

impl Operator for Prepared {
    fn parts(&self) -> usize {
        self.to.shape.h
    }

    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let (c, w, out_w) = (self.from.shape.c, self.from.shape.w, self.to.shape.w);
        let Scratch {
            bytes,
            packed,
            out_bytes,
            real,
            other,
            image,
            ..
        } = scratch;
        let window = &self.window;
        for y in parts {
            let seen = inside(
                y,
                window.stride[0],
                window.kernel[0],
                window.pad[0],
                self.from.shape.h,
            );
            let (from, to) = (y * out_w, (y + 1) * out_w);
            if self.bytes {
                let columns = room(packed, w * c);
                columns.fill(i8::MIN);
                for iy in seen {
                    let row = get(io.isa, io.memory, &self.from, iy * w, (iy + 1) * w, bytes);
                    keep_greater(row, columns);
                }
                put(io.memory, &self.to, from, to, out_bytes, |out| {
                    self.across(columns, out);
                });
                continue;
            }
            let columns = room(other, w * c);
            columns.fill(f32::NEG_INFINITY);
            let row = room(image, w * c);
            for iy in seen {
                copy_pixels(
                    io.isa,
                    io.memory,
                    &self.from,
                    self.grid.as_ref(),
                    iy * w,
                    (iy + 1) * w,
                    bytes,
                    row,
                );
                keep_greater(row, columns);
            }
            let out = room(real, out_w * c);
            self.across(columns, out);
            self.finish.send(io.isa, io.memory, from, out, bytes);
        }
        Ok(())
    }
}
