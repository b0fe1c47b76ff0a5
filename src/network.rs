//! A network and the crops it looks at.
//!
//! In: a frame and a box. Out: what the network says of the crop around it, and where that crop
//! lies. Heatmaps and classes are read by [`crate::estimate`] and [`crate::segment`].

use crate::engine::{EngineError, HeatmapShape, Loading, Network, OnnxFile};
use crate::frame::{Frame, ShortFrame};
use crate::geometry::{Affine, Rect};
use crate::model::{ModelCard, ModelError};
use crate::preprocess::{InputFormat, Preprocessor};
use std::time::{Duration, Instant};

/// Why a network gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error(transparent)]
    Frame(#[from] ShortFrame),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// A loaded network with its preprocessing.
pub(crate) struct CropNetwork {
    preprocessor: Preprocessor,
    pub network: Network,
    input: Vec<f32>,
    output: Vec<f32>,
    /// Where the last crop lay.
    crop: Affine,
    pub preprocess: Duration,
    pub inference: Duration,
}

impl CropNetwork {
    /// Loads the network of `card`, whose file must be what the card says. `padding` stands for the
    /// card's.
    pub fn load(card: &ModelCard, padding: f32, loading: Loading) -> Result<Self, NetworkError> {
        let file = OnnxFile::read(&card.onnx)?;
        card.compare(file.sha256())?;
        let width = card.input.size.width as usize;
        let height = card.input.size.height as usize;
        let planes = card.output.planes();
        let network = Network::from_file(&file, width, height, planes, loading)?;
        let preprocessor = Preprocessor::new(InputFormat {
            padding,
            ..card.input.clone()
        });
        Ok(Self {
            input: vec![0.0; preprocessor.input_len()],
            output: Vec::new(),
            crop: Affine {
                scale_x: 1.0,
                scale_y: 1.0,
                offset_x: 0.0,
                offset_y: 0.0,
            },
            preprocess: Duration::ZERO,
            inference: Duration::ZERO,
            preprocessor,
            network,
        })
    }

    /// Runs the network on the crop around `bbox` (image pixels, unpadded).
    pub fn run(&mut self, frame: &Frame, bbox: Rect) -> Result<(), NetworkError> {
        self.run_on(frame, bbox, Preprocessor::fill)
    }

    /// Runs the network on a large part of the picture or the whole of it, black beside the picture.
    pub fn overlook(&mut self, frame: &Frame, part: Rect) -> Result<(), NetworkError> {
        self.run_on(frame, part, Preprocessor::fill_mean)
    }

    fn run_on(
        &mut self,
        frame: &Frame,
        bbox: Rect,
        fill: impl Fn(&mut Preprocessor, &Frame, Affine, &mut [f32]) -> Result<(), ShortFrame>,
    ) -> Result<(), NetworkError> {
        let start = Instant::now();
        self.crop = self.preprocessor.crop(bbox);
        fill(&mut self.preprocessor, frame, self.crop, &mut self.input)?;
        let filled = Instant::now();
        self.network.run(&self.input, &mut self.output)?;
        self.preprocess = filled - start;
        self.inference = filled.elapsed();
        Ok(())
    }

    /// The planes (planes x height x width) of the last run; nothing before it.
    pub fn output(&self) -> &[f32] {
        &self.output
    }

    pub fn shape(&self) -> HeatmapShape {
        self.network.heatmap_shape()
    }

    pub fn crop(&self) -> Affine {
        self.crop
    }

    /// Crop pixels for a cell of the output.
    pub fn stride(&self) -> f32 {
        self.preprocessor.format().size.width as f32 / self.shape().width as f32
    }
}
