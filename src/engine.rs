//! The network: ONNX in, heatmaps out. The only room that knows tract.
//!
//! In: an ONNX file and a normalised 1x3xHxW picture. Out: the heatmaps, 1xKxhxw. It knows nothing
//! of people or frames. The file is imported to a graph, lowered to a program and prepared for an
//! instruction set; a program can be cached on disk.

pub mod cache;
pub mod graph;
pub mod guard;
pub mod import;
pub mod kernels;
pub mod lower;
pub mod memory;
pub mod onnx;
pub mod ops;
pub mod panics;
pub mod program;
pub mod schedule;
pub mod team;

pub use onnx::OnnxFile;

use cache::{Miss, Plan, Slot};
use graph::Shape;
use kernels::Isa;
use panics::quietly;
use program::Runner;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tract_core::prelude::*;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

/// Why a network could not be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(
        "{path}: cannot be read: {source}. A model is a card and the .onnx file that it names, beside each other"
    )]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{path}: not a network this engine can run: {reason}. Export it again as ONNX, opset 13 to 18, with a fixed batch of 1"
    )]
    Load { path: PathBuf, reason: String },
    #[error(
        "{path}: its output is {found}, not 1 x {planes} x height x width, a plane for each name of the card. Mend `keypoints`, `classes` or `sizes` in the model's TOML, or export the network so that this is its first output"
    )]
    Output {
        path: PathBuf,
        planes: usize,
        found: String,
    },
    #[error("the network failed on a frame: {0}")]
    Run(String),
}

/// How a network is loaded.
#[derive(Debug, Clone, Copy)]
pub struct Loading<'a> {
    /// One of [`Isa::available`].
    pub isa: Isa,
    /// Processors that one inference may use, 1 or more.
    pub threads: usize,
    /// The directory of cached plans; None imports the file every time.
    pub cache: Option<&'a Path>,
}

impl Default for Loading<'_> {
    /// On one processor, by its fastest instructions, without a cache.
    fn default() -> Self {
        Self {
            isa: Isa::best(),
            threads: 1,
            cache: None,
        }
    }
}

/// Where a network's plan came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The cache.
    Cache,
    /// The ONNX file, imported and lowered.
    Onnx,
    /// The ONNX file, as tract runs it; such a plan is never cached.
    Tract,
}

/// A loaded network, ready to run one picture at a time.
pub struct Network {
    engine: Engine,
    origin: Origin,
    input: [usize; 4],
    heatmaps: HeatmapShape,
    foreign: Vec<String>,
}

enum Engine {
    /// Our operators, with tract's between them where a node is foreign.
    Lowered(Box<Runner>),
    /// tract alone, for a graph that could not be taken apart.
    Tract(Box<TypedSimpleState>),
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
    /// `threads` is the number of processors that one inference may use, 1 or more. Nothing is
    /// cached.
    ///
    /// # Errors
    /// The file is missing, is no ONNX network that tract runs, or has another output.
    pub fn load(
        path: &Path,
        width: usize,
        height: usize,
        joints: usize,
        threads: usize,
    ) -> Result<Self, EngineError> {
        Self::load_for(Isa::best(), path, width, height, joints, threads)
    }

    /// The same for an instruction set of [`Isa::available`].
    ///
    /// # Errors
    /// As [`Network::load`].
    pub fn load_for(
        isa: Isa,
        path: &Path,
        width: usize,
        height: usize,
        joints: usize,
        threads: usize,
    ) -> Result<Self, EngineError> {
        Self::from_file(
            &OnnxFile::read(path)?,
            width,
            height,
            joints,
            Loading {
                isa,
                threads,
                cache: None,
            },
        )
    }

    /// The same from a file that was read already, and from the cache if it holds this file's plan.
    /// A cache that cannot be used costs time and a line in the log, never the network.
    ///
    /// # Errors
    /// As [`Network::load`].
    pub fn from_file(
        file: &OnnxFile,
        width: usize,
        height: usize,
        joints: usize,
        loading: Loading,
    ) -> Result<Self, EngineError> {
        let input = [1, 3, height, width];
        let ready = ready(file, input, loading).map_err(|reason| EngineError::Load {
            path: file.path().into(),
            reason,
        })?;
        for node in &ready.foreign {
            log::warn!(
                "{}: the node {node} runs on tract's own operator",
                file.path().display()
            );
        }
        let heatmaps = match ready.shape[..] {
            [1, k, height, width] if k == joints && height > 0 && width > 0 => HeatmapShape {
                joints,
                height,
                width,
            },
            _ => {
                return Err(EngineError::Output {
                    path: file.path().into(),
                    planes: joints,
                    found: format!("{:?}", ready.shape),
                });
            }
        };
        Ok(Self {
            engine: ready.engine,
            origin: ready.origin,
            input,
            heatmaps,
            foreign: ready.foreign,
        })
    }

    /// Where its plan came from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    pub fn heatmap_shape(&self) -> HeatmapShape {
        self.heatmaps
    }

    /// The nodes that run on tract's own operators, as `name (operator)`.
    pub fn foreign(&self) -> &[String] {
        &self.foreign
    }

    /// The number of floats that [`Network::run`] takes.
    pub fn input_len(&self) -> usize {
        self.input.iter().product()
    }

    /// Runs one picture (1x3xHxW, planar, normalised) and copies the heatmaps (joints x height x
    /// width) into `heatmaps`.
    ///
    /// # Errors
    /// An operator failed; the network can be run again.
    pub fn run(&mut self, picture: &[f32], heatmaps: &mut Vec<f32>) -> Result<(), EngineError> {
        if picture.len() != self.input_len() {
            return Err(EngineError::Run(format!(
                "a picture of {} numbers instead of {}",
                picture.len(),
                self.input_len()
            )));
        }
        // A panic of tract's ends here too: the next frame may be another.
        quietly(|| self.run_unguarded(picture, heatmaps)).map_err(EngineError::Run)
    }

    fn run_unguarded(&mut self, picture: &[f32], heatmaps: &mut Vec<f32>) -> Result<(), String> {
        match &mut self.engine {
            Engine::Lowered(runner) => {
                heatmaps.resize(self.heatmaps.joints * self.heatmaps.plane(), 0.0);
                runner.run(picture, heatmaps)
            }
            Engine::Tract(state) => {
                let failed = |e: TractError| format!("{e:#}");
                let input = Tensor::from_shape(&self.input, picture).map_err(failed)?;
                let outputs = state.run(tvec!(input.into_tvalue())).map_err(failed)?;
                let view = outputs[0].to_plain_array_view::<f32>().map_err(failed)?;
                heatmaps.clear();
                heatmaps.extend(view.iter());
                if heatmaps.len() != self.heatmaps.joints * self.heatmaps.plane() {
                    return Err(format!("tract made {} numbers", heatmaps.len()));
                }
                Ok(())
            }
        }
    }

    /// Takes the time of every operator from now on.
    pub fn start_profile(&mut self) {
        if let Engine::Lowered(runner) = &mut self.engine {
            runner.start_profile();
        }
    }

    /// Class, node and time of every operator since [`Network::start_profile`]; empty if tract runs
    /// the network alone.
    pub fn profile(&self) -> Vec<(&'static str, String, Duration)> {
        match &self.engine {
            Engine::Lowered(runner) => runner
                .profile()
                .map(|(class, name, time)| (class, name.into(), time))
                .collect(),
            Engine::Tract(_) => Vec::new(),
        }
    }

    /// The same time where its threads share the work: that of the one with most to do, waits not
    /// counted.
    pub fn longest(&self) -> Duration {
        match &self.engine {
            Engine::Lowered(runner) => runner.longest(),
            Engine::Tract(_) => Duration::ZERO,
        }
    }
}

/// A network that can run, with the shape of its output.
struct Ready {
    engine: Engine,
    origin: Origin,
    shape: Vec<usize>,
    foreign: Vec<String>,
}

/// From the cache, else from the file on our operators, else on tract's.
fn ready(file: &OnnxFile, input: [usize; 4], loading: Loading) -> Result<Ready, String> {
    let slot = loading
        .cache
        .map(|directory| Slot::new(directory, file.sha256(), input[3], input[2]));
    if let Some(ready) = slot.as_ref().and_then(|slot| cached(slot, loading)) {
        return Ok(ready);
    }
    let model = quietly(|| guard::parse(file.bytes()))?;
    let reason = match lowered(&model, input, loading, slot.as_ref()) {
        Ok(ready) => return Ok(ready),
        Err(reason) => reason,
    };
    log::warn!(
        "{}: runs on tract's own operators, slowly and on one processor: {reason}",
        file.path().display()
    );
    // tract has asserts that a damaged file can reach: they end here as an error.
    let plan = quietly(|| guard::walk(&model, input).and_then(|()| plan(&model, input)));
    on_tract(&plan.map_err(|tract| {
        if tract == reason {
            tract
        } else {
            format!("{reason}; {tract}")
        }
    })?)
}

fn prepared(plan: &Plan, loading: Loading, origin: Origin) -> Result<Ready, String> {
    let runner = plan.program.prepare(loading.isa, loading.threads)?;
    let Shape { c, h, w } = plan.program.output.shape;
    Ok(Ready {
        engine: Engine::Lowered(Box::new(runner)),
        origin,
        shape: vec![1, c, h, w],
        foreign: plan.foreign.clone(),
    })
}

fn on_tract(plan: &Arc<TypedSimplePlan>) -> Result<Ready, String> {
    let failed = |e: TractError| format!("{e:#}");
    let fact = plan.model().output_fact(0).map_err(failed)?;
    if fact.datum_type != f32::datum_type() {
        return Err(format!("its output is {:?}, not f32", fact.datum_type));
    }
    let shape = fact.shape.as_concrete().map(<[usize]>::to_vec);
    Ok(Ready {
        engine: Engine::Tract(Box::new(plan.spawn().map_err(failed)?)),
        origin: Origin::Tract,
        shape: shape.unwrap_or_default(),
        foreign: Vec::new(),
    })
}

/// From the cache; None if it holds nothing that can be used.
fn cached(slot: &Slot, loading: Loading) -> Option<Ready> {
    let place = slot.path();
    match slot
        .read()
        .map(|plan| quietly(|| prepared(&plan, loading, Origin::Cache)))
    {
        Ok(Ok(ready)) => return Some(ready),
        Ok(Err(reason)) => log::warn!("{}: the plan is made anew: {reason}", place.display()),
        // What cannot be read is replaced, or told when that fails.
        Err(why @ (Miss::Absent | Miss::Stale | Miss::Unreadable(_))) => {
            log::debug!("{}: the plan is made anew: {why}", place.display());
        }
        Err(why) => log::warn!("{}: the plan is made anew: {why}", place.display()),
    }
    None
}

/// From the file, and then into the cache.
fn lowered(
    model: &ModelProto,
    input: [usize; 4],
    loading: Loading,
    slot: Option<&Slot>,
) -> Result<Ready, String> {
    let (plan, ready) = quietly(|| {
        let (graph, foreign) = import::import(model, input)?;
        let plan = Plan {
            program: lower::lower(graph)?,
            foreign,
        };
        let ready = prepared(&plan, loading, Origin::Onnx)?;
        Ok((plan, ready))
    })?;
    if let Some((slot, Err(reason))) = slot.map(|slot| (slot.path(), slot.write(&plan))) {
        let mend = "name a directory that can be written as `cache` in the configuration, or \"\" for none";
        log::warn!(
            "{}: the plan cannot be kept, so every start takes as long: {reason}; {mend}",
            slot.display()
        );
    }
    Ok(ready)
}

fn plan(model: &ModelProto, input: [usize; 4]) -> Result<Arc<TypedSimplePlan>, String> {
    let build = || -> TractResult<Arc<TypedSimplePlan>> {
        tract_onnx::onnx()
            .model_for_proto_model(model)?
            .with_input_fact(0, f32::fact(input).into())?
            .into_optimized()?
            .into_runnable()
    };
    build().map_err(|e| format!("{e:#}"))
}
