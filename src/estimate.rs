//! Frame and box to skeleton.
//!
//! In: a frame and the box of one person. Out: the person's joints in image pixels with scores. Crops with
//! [`crate::preprocess`], runs [`crate::engine`], decodes the heatmaps by DARK.

pub mod dark;

use crate::engine::{EngineError, HeatmapShape, Loading, Network, OnnxFile, Origin, kernels::Isa};
use crate::frame::{Frame, ShortFrame};
use crate::geometry::{Affine, CropPoint, Rect};
use crate::model::{ModelCard, ModelError};
use crate::preprocess::Preprocessor;
use crate::skeleton::{Keypoint, KeypointSet, Skeleton};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Why a frame gave no skeleton.
#[derive(Debug, thiserror::Error)]
pub enum EstimateError {
    #[error(transparent)]
    Frame(#[from] ShortFrame),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// How long the steps of one estimate took.
#[derive(Debug, Clone, Copy, Default)]
pub struct StageTimes {
    pub preprocess: Duration,
    pub inference: Duration,
    pub decode: Duration,
}

/// A loaded network with its pre- and post-processing.
pub struct Estimator {
    preprocessor: Preprocessor,
    network: Network,
    keypoints: Arc<KeypointSet>,
    input: Vec<f32>,
    heatmaps: Vec<f32>,
    times: StageTimes,
}

impl Estimator {
    /// Loads the network of `card`; `threads` is the number of processors one inference may use, `cache` the directory of plans.
    ///
    /// # Errors
    /// The file is missing, differs from the card's checksum, or is no network that the engine runs.
    pub fn load(card: &ModelCard, threads: usize, cache: Option<&Path>) -> Result<Self, EstimateError> {
        let Some(keypoints) = card.keypoints() else { return Err(ModelError::NoJoints { name: card.name.clone() }.into()) };
        let network = load_network(card, threads, cache)?;
        let preprocessor = Preprocessor::new(card.input.clone());
        Ok(Self {
            input: vec![0.0; preprocessor.input_len()],
            heatmaps: Vec::new(),
            keypoints: Arc::clone(keypoints),
            preprocessor,
            network,
            times: StageTimes::default(),
        })
    }

    /// The joints of the skeletons this estimator makes.
    pub fn keypoints(&self) -> &Arc<KeypointSet> {
        &self.keypoints
    }

    /// Takes the time of every operator of the network from now on.
    pub fn start_profile(&mut self) {
        self.network.start_profile();
    }

    /// Class, node and time of every operator since [`Estimator::start_profile`].
    pub fn profile(&self) -> Vec<(&'static str, String, Duration)> {
        self.network.profile()
    }

    /// Where the network's plan came from.
    pub fn origin(&self) -> Origin {
        self.network.origin()
    }

    /// How long the last estimate took.
    pub fn times(&self) -> StageTimes {
        self.times
    }

    /// Finds the joints of the person in `person` (image pixels, unpadded) and writes them into `skeleton`.
    ///
    /// # Errors
    /// The frame is shorter than its header says, or the network failed.
    pub fn estimate(&mut self, frame: &Frame, person: Rect, skeleton: &mut Skeleton) -> Result<(), EstimateError> {
        let start = Instant::now();
        let crop = self.preprocessor.crop(person);
        self.preprocessor.fill(frame, crop, &mut self.input)?;
        let filled = Instant::now();
        self.network.run(&self.input, &mut self.heatmaps)?;
        let ran = Instant::now();
        decode(&self.heatmaps, self.network.heatmap_shape(), self.preprocessor.format().size.width as f32, crop, skeleton);
        self.times = StageTimes { preprocess: filled - start, inference: ran - filled, decode: ran.elapsed() };
        Ok(())
    }
}

/// The network of `card`, whose file is what the card says.
pub(crate) fn load_network(card: &ModelCard, threads: usize, cache: Option<&Path>) -> Result<Network, EstimateError> {
    let file = OnnxFile::read(&card.onnx)?;
    card.compare(file.sha256())?;
    let (size, loading) = (card.input.size, Loading { isa: Isa::best(), threads, cache });
    Ok(Network::from_file(&file, size.width as usize, size.height as usize, card.output.planes(), loading)?)
}

/// Heatmaps (joints x height x width) of a crop `crop_width` pixels wide to joints in image pixels.
pub fn decode(heatmaps: &[f32], shape: HeatmapShape, crop_width: f32, crop: Affine, skeleton: &mut Skeleton) {
    let stride = crop_width / shape.width as f32;
    skeleton.keypoints.clear();
    skeleton.keypoints.extend(heatmaps.chunks_exact(shape.plane()).map(|plane| {
        let peak = dark::peak(plane, shape.width, shape.height);
        let at = CropPoint { x: peak.x * stride, y: peak.y * stride };
        Keypoint { position: crop.to_image(at), score: peak.score }
    }));
}
