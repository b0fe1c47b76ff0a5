//! The picture: planar f32 as the network's file takes it (1 x 3 x h x w, normalised) to h x w x 3,
//! on the file's first grid if it has one.

use super::exit::{Exit, Finish};
use super::{Io, Operator, Scratch, room};
use crate::engine::graph::Shape;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    pub exit: Exit,
}

/// The prepared form.
pub struct Prepared {
    shape: Shape,
    finish: Finish,
}

impl Image {
    pub fn prepare(&self) -> Prepared {
        Prepared {
            shape: self.exit.to.shape,
            finish: self.exit.prepare(),
        }
    }
}

impl Operator for Prepared {
    fn parts(&self) -> usize {
        self.shape.h
    }

    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let Shape { c, w, .. } = self.shape;
        let row = room(&mut scratch.real, w * c);
        for y in parts {
            let plane = |channel: usize| &io.picture[(channel * self.shape.h + y) * w..][..w];
            if c == 3 {
                let [red, green, blue] = [plane(0), plane(1), plane(2)];
                for (x, out) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                    *out = [red[x], green[x], blue[x]];
                }
            } else {
                for channel in 0..c {
                    row[channel..]
                        .iter_mut()
                        .step_by(c)
                        .zip(plane(channel))
                        .for_each(|(out, &v)| *out = v);
                }
            }
            self.finish
                .send(io.isa, io.memory, y * w, row, &mut scratch.bytes);
        }
        Ok(())
    }
}
