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
            for (channel, plane) in io.picture.chunks_exact(self.shape.h * w).enumerate() {
                let plane = &plane[y * w..][..w];
                row[channel..]
                    .iter_mut()
                    .step_by(c)
                    .zip(plane)
                    .for_each(|(out, &v)| *out = v);
            }
            self.finish
                .send(io.isa, io.memory, y * w, row, &mut scratch.bytes);
        }
        Ok(())
    }
}
