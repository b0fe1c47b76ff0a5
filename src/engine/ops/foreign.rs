//! An operator that only tract knows, run by tract as a model of its own: values leave as NCHW f32
//! and come back so.

use super::{Io, Operator, Scratch};
use crate::engine::memory::Place;
use crate::engine::onnx::typed;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use tract_onnx::prelude::*;

/// The specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Foreign {
    /// The ONNX model of this one node, as a file's bytes.
    pub model: Vec<u8>,
    /// Its inputs, and the dimensions that tract takes them in.
    pub from: Vec<Place>,
    pub dims: Vec<Vec<usize>>,
    pub to: Place,
}

/// The prepared form.
pub struct Prepared {
    spec: Foreign,
    state: Mutex<TypedSimpleState>,
}

impl Foreign {
    /// # Errors
    /// tract refuses the model.
    pub fn prepare(&self) -> Result<Prepared, String> {
        let build = || -> TractResult<TypedSimpleState> {
            let onnx = tract_onnx::onnx();
            let proto = onnx.proto_model_for_read(&mut &self.model[..])?;
            let plan: Arc<TypedSimplePlan> = typed(&onnx, &proto)?.into_runnable()?;
            plan.spawn()
        };
        let state = build().map_err(|e| format!("{e:#}"))?;
        let spec = Self {
            model: Vec::new(),
            ..self.clone()
        };
        Ok(Prepared {
            spec,
            state: Mutex::new(state),
        })
    }
}

/// Channels last to channels first, and back with `back`.
fn turn(x: &[f32], out: &mut [f32], pixels: usize, channels: usize, back: bool) {
    for p in 0..pixels {
        for c in 0..channels {
            let last = p * channels + c;
            let first = c * pixels + p;
            if back {
                out[last] = x[first]
            } else {
                out[first] = x[last]
            }
        }
    }
}

impl Operator for Prepared {
    fn parts(&self) -> usize {
        1
    }

    fn run(&self, io: &Io, _: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let failed = |e: TractError| format!("{e:#}");
        let mut inputs = tvec!();
        for (place, dims) in self.spec.from.iter().zip(&self.spec.dims) {
            let n = place.shape.count();
            let real = super::room(&mut scratch.real, n);
            let grid = place
                .steps
                .as_ref()
                .map(|s| super::exit::grid(s, place.shape.c, None));
            let last = place.pixels();
            let real = super::exit::real_pixels(
                io.isa,
                io.memory,
                place,
                grid.as_ref(),
                0,
                last,
                &mut scratch.bytes,
                real,
            );
            let turned = super::room(&mut scratch.other, n);
            turn(real, turned, last, place.shape.c, false);
            inputs.push(
                Tensor::from_shape(dims, turned)
                    .map_err(failed)?
                    .into_tvalue(),
            );
        }
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let outputs = state.run(inputs).map_err(failed)?;
        let view = outputs[0].to_plain_array_view::<f32>().map_err(failed)?;
        let out = io.memory.real_mut(&self.spec.to, 0, self.spec.to.pixels());
        if view.len() != out.len() {
            return Err(format!(
                "tract made {} values instead of {}",
                view.len(),
                out.len()
            ));
        }
        let flat: Vec<f32> = view.iter().copied().collect();
        turn(
            &flat,
            out,
            self.spec.to.pixels(),
            self.spec.to.shape.c,
            true,
        );
        Ok(())
    }
}
