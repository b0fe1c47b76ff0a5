//! What is measured.
//!
//! In: a model card of any kind. Out: a network that looks at a frame, and the times of its steps.

use crate::engine::Loading;
use crate::estimate::{Estimator, StageTimes};
use crate::find::Proposal;
use crate::find::network::NetworkFinder;
use crate::frame::Frame;
use crate::geometry::Rect;
use crate::model::{ModelCard, Output};
use crate::network::{CropNetwork, NetworkError};
use crate::segment::Classifier;
use crate::skeleton::Skeleton;
use std::time::Duration;

/// What is measured: all that a frame goes through.
pub(super) enum Subject {
    Pose(Estimator, Skeleton),
    Segmentation(Classifier),
    Finder(NetworkFinder, Vec<Proposal>),
}

impl Subject {
    pub fn load(card: &ModelCard, loading: Loading) -> Result<Self, NetworkError> {
        Ok(match card.output {
            Output::Keypoints(_) => {
                Self::Pose(Estimator::load(card, loading)?, Skeleton::default())
            }
            Output::Classes(_) => {
                Self::Segmentation(Classifier::load(card, card.input.padding, loading)?)
            }
            Output::People(_) => Self::Finder(NetworkFinder::load(card, loading)?, Vec::new()),
        })
    }

    pub fn network(&mut self) -> &mut CropNetwork {
        match self {
            Self::Pose(estimator, _) => estimator.network(),
            Self::Segmentation(classifier) => classifier.network(),
            Self::Finder(finder, _) => finder.network(),
        }
    }

    /// Looks at a part of the picture, a finder at the whole of it.
    pub fn look(&mut self, frame: &Frame, area: Rect) -> Result<StageTimes, NetworkError> {
        match self {
            Self::Pose(estimator, skeleton) => {
                estimator.estimate(frame, area, skeleton)?;
                Ok(estimator.times())
            }
            Self::Segmentation(classifier) => {
                classifier.look(frame, area)?;
                Ok(times(classifier.network(), Duration::ZERO))
            }
            Self::Finder(finder, found) => {
                finder.overlook(frame, found)?;
                let decode = finder.decode();
                Ok(times(finder.network(), decode))
            }
        }
    }
}

fn times(network: &CropNetwork, decode: Duration) -> StageTimes {
    StageTimes {
        preprocess: network.preprocess,
        inference: network.inference,
        decode,
    }
}
