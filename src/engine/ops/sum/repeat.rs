//! A sum of one int8 value that is only enlarged, on its own grid: every pixel's bytes so many times
//! down and across.

use super::{Enlarge, Sum};
use crate::engine::memory::Place;
use crate::engine::ops::exit::{get, put};
use crate::engine::ops::{Io, Operator, Scratch};
use std::ops::Range;

/// The prepared form.
pub struct Prepared {
    from: Place,
    to: Place,
    times: [usize; 2],
}

/// None if it is something else.
pub fn prepare(sum: &Sum) -> Option<Prepared> {
    let ([term], [exit]) = (&sum.terms[..], &sum.exits[..]) else {
        return None;
    };
    let Enlarge::Nearest(times) = term.enlarge else {
        return None;
    };
    let same = term.from.steps.is_some() && term.from.steps == exit.to.steps;
    let plain = term.product.is_none() && term.times == 1.0 && exit.activation.is_none();
    (same && plain && term.from.shape.c == exit.to.shape.c).then(|| Prepared {
        from: term.from.clone(),
        to: exit.to.clone(),
        times,
    })
}

impl Operator for Prepared {
    fn parts(&self) -> usize {
        self.to.shape.h
    }

    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let (w, c, out_w) = (self.from.shape.w, self.from.shape.c, self.to.shape.w);
        let [down, across] = self.times;
        let Scratch {
            bytes, out_bytes, ..
        } = scratch;
        for y in parts {
            let (from, to) = (y / down * w, (y / down + 1) * w);
            let row = get(io.isa, io.memory, &self.from, from, to, bytes);
            put(
                io.memory,
                &self.to,
                y * out_w,
                (y + 1) * out_w,
                out_bytes,
                |out| {
                    for (pixel, out) in row.chunks_exact(c).zip(out.chunks_exact_mut(c * across)) {
                        out.chunks_exact_mut(c)
                            .for_each(|o| o.copy_from_slice(pixel));
                    }
                },
            );
        }
        Ok(())
    }
}
