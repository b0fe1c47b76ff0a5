//! Frame and box to skeleton.
//!
//! In: a frame and the box of one person. Out: the person's joints in image pixels with scores.
//! Crops with [`crate::preprocess`], runs [`crate::engine`], decodes the heatmaps by DARK.

pub mod dark;

use crate::engine::{HeatmapShape, Loading};
use crate::frame::Frame;
use crate::geometry::{Affine, CropPoint, Rect};
use crate::model::ModelCard;
use crate::network::{CropNetwork, NetworkError};
use crate::skeleton::{Keypoint, KeypointSet, Skeleton};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the steps of one estimate took.
#[derive(Debug, Clone, Copy, Default)]
pub struct StageTimes {
    pub preprocess: Duration,
    pub inference: Duration,
    pub decode: Duration,
}

/// A loaded network with its pre- and post-processing.
pub struct Estimator {
    network: CropNetwork,
    keypoints: Arc<KeypointSet>,
    decode: Duration,
}

impl Estimator {
    /// Loads the network of `card`.
    ///
    /// # Errors
    /// The file is missing, differs from the card's checksum, or is no network that the engine
    /// runs.
    pub fn load(card: &ModelCard, loading: Loading) -> Result<Self, NetworkError> {
        let keypoints = card.keypoints()?;
        let network = CropNetwork::load(card, card.input.padding, loading)?;
        Ok(Self {
            network,
            keypoints: Arc::clone(keypoints),
            decode: Duration::ZERO,
        })
    }

    /// The joints of the skeletons this estimator makes.
    pub fn keypoints(&self) -> &Arc<KeypointSet> {
        &self.keypoints
    }

    pub(crate) fn network(&mut self) -> &mut CropNetwork {
        &mut self.network
    }

    /// How long the last estimate took.
    pub fn times(&self) -> StageTimes {
        StageTimes {
            preprocess: self.network.preprocess,
            inference: self.network.inference,
            decode: self.decode,
        }
    }

    /// Finds the joints of the person in `person` (image pixels, unpadded) and writes them into
    /// `skeleton`.
    ///
    /// # Errors
    /// The frame is shorter than its header says, or the network failed.
    pub fn estimate(
        &mut self,
        frame: &Frame,
        person: Rect,
        skeleton: &mut Skeleton,
    ) -> Result<(), NetworkError> {
        self.network.run(frame, person)?;
        let ran = Instant::now();
        decode(
            self.network.output(),
            self.network.shape(),
            self.network.stride(),
            self.network.crop(),
            skeleton,
        );
        self.decode = ran.elapsed();
        Ok(())
    }
}

/// Heatmaps (joints x height x width) whose cells are `stride` pixels of the crop wide, to joints
/// in image pixels.
pub fn decode(
    heatmaps: &[f32],
    shape: HeatmapShape,
    stride: f32,
    crop: Affine,
    skeleton: &mut Skeleton,
) {
    skeleton.keypoints.clear();
    skeleton
        .keypoints
        .extend(heatmaps.chunks_exact(shape.plane()).map(|plane| {
            let peak = dark::peak(plane, shape.width, shape.height);
            let at = CropPoint {
                x: peak.x * stride,
                y: peak.y * stride,
            };
            Keypoint {
                position: crop.to_image(at),
                score: peak.score,
            }
        }));
}
