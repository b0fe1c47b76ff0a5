//! A finder network: everybody in the picture by one inference.
//!
//! In: a frame. Out: a box for each person it shows, with a score. The whole picture is brought to
//! the network's input, black beside it; what comes back is read by [`super::peaks`].

use super::peaks::{self, Planes};
use super::{Find, Finder, Finding, Proposal};
use crate::engine::Loading;
use crate::frame::Frame;
use crate::model::{ModelCard, ModelError, Output};
use crate::network::{CropNetwork, NetworkError};
use crate::settings::{Kind, Section};
use std::sync::Arc;
use std::time::Duration;

/// All that is known of the kind "network".
pub const KIND: Kind<Arc<dyn Find>> = Kind {
    name: "network",
    says: "a finder network: everybody in the picture by one inference",
    read,
};

/// The finder that is used when none is named.
pub const DEFAULT_FINDER: &str = "finder";

fn read(s: &mut Section) -> Option<Arc<dyn Find>> {
    let name = s
        .text(
            "model",
            "a finder network, by name or by the path of its .toml file",
        )
        .hint("`posed models` lists them")
        .or(DEFAULT_FINDER.into());
    let least = s
        .number(
            "least",
            "the score from which what the network shows is looked at",
            0.05..=0.95,
        )
        .or(LEAST);
    let card = ModelCard::find(&name).and_then(|card| match sizes(&card) {
        Ok(_) => Ok(card),
        Err(e) => Err(e),
    });
    let mend = "name a finder: a network whose card has output.sizes; `posed models` lists them";
    let card = card.map_err(|e| s.fault_with("model", e.to_string(), mend));
    let card = card.ok()?;
    Some(Arc::new(NetworkSettings { card, least }))
}

/// The least score of a peak that is looked at, where none is given.
const LEAST: f32 = 0.1;
/// The least height of a person, as a share of the picture's, where none is given.
const SMALLEST: f32 = 0.1;

/// Which network, and what of it is looked at.
#[derive(Debug, Clone)]
pub struct NetworkSettings {
    pub card: ModelCard,
    pub least: f32,
}

impl Find for NetworkSettings {
    fn smallest(&self) -> f32 {
        SMALLEST
    }

    fn finder(&self, finding: &Finding) -> Result<Box<dyn Finder>, NetworkError> {
        let mut finder = NetworkFinder::load(&self.card, finding.loading)?;
        finder.least = self.least;
        finder.smallest = finding.smallest;
        Ok(Box::new(finder))
    }
}

/// The heights of a finder's planes in input pixels.
///
/// # Errors
/// The network is no finder.
pub fn sizes(card: &ModelCard) -> Result<&[f32], ModelError> {
    match &card.output {
        Output::Sizes(sizes) => Ok(sizes),
        Output::Keypoints(_) | Output::Classes(_) => Err(ModelError::NoFinder {
            name: card.name.clone(),
        }),
    }
}

/// A loaded finder network.
pub struct NetworkFinder {
    network: CropNetwork,
    sizes: Vec<f32>,
    least: f32,
    smallest: f32,
    decode: Duration,
}

impl NetworkFinder {
    /// Loads the network of `card`.
    ///
    /// # Errors
    /// It is no finder, or cannot be loaded.
    pub fn load(card: &ModelCard, loading: Loading) -> Result<Self, NetworkError> {
        let sizes = sizes(card)?.to_vec();
        Ok(Self {
            network: CropNetwork::load(card, 1.0, loading)?,
            sizes,
            least: LEAST,
            smallest: SMALLEST,
            decode: Duration::ZERO,
        })
    }

    pub(crate) fn network(&mut self) -> &mut CropNetwork {
        &mut self.network
    }

    /// What it took to read the peaks of the last picture.
    pub fn decode(&self) -> Duration {
        self.decode
    }
}

impl Finder for NetworkFinder {
    fn propose(&mut self, frame: &Frame, found: &mut Vec<Proposal>) -> Result<(), NetworkError> {
        self.network.overlook(frame)?;
        let start = std::time::Instant::now();
        let shape = self.network.shape();
        let planes = Planes {
            values: self.network.output(),
            height: shape.height,
            width: shape.width,
            stride: self.network.stride(),
            crop: self.network.crop(),
        };
        peaks::read(planes, &self.sizes, self.least, found);
        let least = self.smallest * frame.size.height as f32;
        found.retain(|p| p.bbox.height >= least);
        self.decode = start.elapsed();
        Ok(())
    }

    fn shows_people(&self) -> bool {
        true
    }
}
