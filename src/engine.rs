//! The network: ONNX in, heatmaps out. The only room that knows tract.
//!
//! In: an ONNX file and a normalised 1x3xHxW picture. Out: the heatmaps, 1xKxhxw. It knows nothing of people or frames.
//! Today every graph, float or QDQ int8, runs on tract's own operators.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use tract_core::prelude::*;
use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::prelude::*;

/// Why a network could not be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("{path}: cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "{path}: not a network this engine can run: {reason}. Export it again as ONNX, opset 13 to 18, with a fixed batch of 1"
    )]
    Load { path: PathBuf, reason: String },
    #[error(
        "{path}: its output is {found}, not 1 x {joints} joints x height x width. Mend `keypoints` in the model's TOML, or export the heatmaps as the first output"
    )]
    Output { path: PathBuf, joints: usize, found: String },
    #[error("the network failed on a frame: {0}")]
    Run(String),
}

/// The largest ONNX file that is read, in bytes; a pose network for a board is a hundredth of it.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// A loaded network, ready to run one picture at a time.
pub struct Network {
    state: TypedSimpleState,
    executor: Executor,
    input: [usize; 4],
    heatmaps: HeatmapShape,
}

/// Shape of a network's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeatmapShape {
    pub joints: usize,
    pub height: usize,
    pub width: usize,
}

impl HeatmapShape {
    /// Cells of one joint's heatmap.
    pub fn plane(self) -> usize {
        self.height * self.width
    }
}

impl Network {
    /// Loads `path` for pictures of `width` x `height` and checks that it gives `joints` heatmaps.
    ///
    /// `threads` is the number of processors that one inference may use, 1 or more.
    ///
    /// # Errors
    /// The file is missing, is no ONNX network that tract runs, or has another output.
    pub fn load(path: &Path, width: usize, height: usize, joints: usize, threads: usize) -> Result<Self, EngineError> {
        let read = |source| EngineError::Read { path: path.into(), source };
        let failed = |reason: String| EngineError::Load { path: path.into(), reason };
        let len = std::fs::metadata(path).map_err(read)?.len();
        if len > MAX_FILE_BYTES {
            return Err(failed(format!("the file has {len} bytes, more than {MAX_FILE_BYTES}")));
        }
        let bytes = std::fs::read(path).map_err(read)?;
        let input = [1, 3, height, width];
        // tract has asserts that a damaged file can reach: they end here as an error.
        let plan = quietly(|| plan(&bytes, input)).map_err(failed)?;
        let fact = plan.model().output_fact(0).map_err(|e| failed(format!("{e:#}")))?;
        let shape = fact.shape.as_concrete().map(<[usize]>::to_vec).unwrap_or_default();
        let heatmaps = match shape[..] {
            [1, k, height, width] if k == joints && height > 0 && width > 0 => HeatmapShape { joints, height, width },
            _ => return Err(EngineError::Output { path: path.into(), joints, found: format!("{:?}", fact.shape) }),
        };
        let state = plan.spawn().map_err(|e| failed(format!("{e:#}")))?;
        let executor = if threads > 1 { Executor::multithread(threads) } else { Executor::SingleThread };
        Ok(Self { state, executor, input, heatmaps })
    }

    pub fn heatmap_shape(&self) -> HeatmapShape {
        self.heatmaps
    }

    /// The number of floats that [`Network::run`] takes.
    pub fn input_len(&self) -> usize {
        self.input.iter().product()
    }

    /// Runs one picture (1x3xHxW, planar, normalised) and copies the heatmaps (joints x height x width) into `heatmaps`.
    ///
    /// # Errors
    /// An operator failed; the network can be run again.
    pub fn run(&mut self, picture: &[f32], heatmaps: &mut Vec<f32>) -> Result<(), EngineError> {
        let failed = |e: TractError| EngineError::Run(format!("{e:#}"));
        let input = Tensor::from_shape(&self.input, picture).map_err(failed)?;
        let state = &mut self.state;
        let outputs = multithread_tract_scope(self.executor.clone(), || state.run(tvec!(input.into_tvalue()))).map_err(failed)?;
        let view = outputs[0].to_plain_array_view::<f32>().map_err(failed)?;
        heatmaps.clear();
        match view.as_slice() {
            Some(values) => heatmaps.extend_from_slice(values),
            None => heatmaps.extend(view.iter()),
        }
        Ok(())
    }
}

fn plan(bytes: &[u8], input: [usize; 4]) -> Result<Arc<TypedSimplePlan>, String> {
    let build = || -> TractResult<Arc<TypedSimplePlan>> {
        tract_onnx::onnx()
            .model_for_read(&mut &bytes[..])?
            .with_input_fact(0, f32::fact(input).into())?
            .into_optimized()?
            .into_runnable()
    };
    build().map_err(|e| format!("{e:#}"))
}

fn quietly<T>(f: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("damaged graph ({})", text.unwrap_or("no reason given")))
    })
}
