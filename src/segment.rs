//! Frame and box to the person's mask.
//!
//! In: a frame and the box of one person. Out: which cells of the crop around the box show a
//! person. Crops with [`crate::preprocess`], runs [`crate::engine`]; a cell is a person's where
//! that class has the largest logit. One cell is `input / output` crop pixels wide, 4 in Lite-HRNet
//! (Yu et al., CVPR 2021).

use crate::engine::{HeatmapShape, Loading};
use crate::frame::Frame;
use crate::geometry::{Point, Rect};
use crate::mask::{Grid, Mask};
use crate::model::{ModelCard, ModelError, Output};
use crate::network::{CropNetwork, NetworkError};

/// The class that is looked for.
pub const PERSON: &str = "person";

/// A loaded segmentation network: which class each cell of a crop is.
pub struct Classifier {
    network: CropNetwork,
    classes: usize,
    grid: Option<Grid>,
}

impl Classifier {
    /// Loads the network of `card`; `padding` stands for the card's.
    ///
    /// # Errors
    /// As [`crate::estimate::Estimator::load`].
    pub fn load(card: &ModelCard, padding: f32, loading: Loading) -> Result<Self, NetworkError> {
        Ok(Self {
            network: CropNetwork::load(card, padding, loading)?,
            classes: card.output.planes(),
            grid: None,
        })
    }

    pub(crate) fn network(&mut self) -> &mut CropNetwork {
        &mut self.network
    }

    /// How many classes it tells apart.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Looks at the crop around `bbox` (image pixels, unpadded).
    ///
    /// # Errors
    /// The frame is shorter than its header says, or the network failed.
    pub fn look(&mut self, frame: &Frame, bbox: Rect) -> Result<(), NetworkError> {
        self.network.run(frame, bbox)?;
        let HeatmapShape { height, width, .. } = self.network.shape();
        self.grid = Some(Grid {
            crop: self.network.crop(),
            stride: self.network.stride(),
            width,
            height,
        });
        Ok(())
    }

    /// The class at this place of the picture that was looked at last; outside the crop that of the
    /// nearest cell.
    pub fn class_at(&self, p: Point) -> Option<usize> {
        let grid = self.grid?;
        Some(largest(
            self.network.output(),
            grid.width * grid.height,
            grid.nearest(p),
        ))
    }
}

/// Finds the people's masks.
pub struct Segmenter {
    classifier: Classifier,
    person: usize,
}

impl Segmenter {
    /// The class of `card` that is a person.
    ///
    /// # Errors
    /// It is no segmentation, or has no such class.
    pub fn class(card: &ModelCard) -> Result<usize, ModelError> {
        let class = match &card.output {
            Output::Classes(names) => names.iter().position(|n| n == PERSON),
            Output::Keypoints(_) | Output::People(_) => None,
        };
        class.ok_or_else(|| ModelError::NoPerson {
            name: card.name.clone(),
        })
    }

    /// Loads the network of `card`.
    ///
    /// # Errors
    /// As [`Classifier::load`], or the network has no class `person`.
    pub fn load(card: &ModelCard, loading: Loading) -> Result<Self, NetworkError> {
        let person = Self::class(card)?;
        Ok(Self {
            classifier: Classifier::load(card, card.input.padding, loading)?,
            person,
        })
    }

    /// Finds which part of the picture around `bbox` (image pixels, unpadded) shows a person.
    ///
    /// # Errors
    /// As [`Classifier::look`].
    pub fn segment(
        &mut self,
        frame: &Frame,
        bbox: Rect,
        mask: &mut Mask,
    ) -> Result<(), NetworkError> {
        self.classifier.look(frame, bbox)?;
        let Some(grid) = self.classifier.grid else {
            return Ok(());
        };
        let logits = self.classifier.network.output();
        let plane = self.classifier.network.shape().plane();
        let shows = |cell| largest(logits, plane, cell) == self.person;
        mask.fill(grid, (0..plane).map(shows));
        Ok(())
    }
}

/// The class with the largest logit in cell `i` of planes of `plane` cells each; the first of equal
/// ones.
pub(crate) fn largest(logits: &[f32], plane: usize, i: usize) -> usize {
    let mut best = 0;
    for class in 1..logits.len() / plane {
        if logits[class * plane + i] > logits[best * plane + i] {
            best = class;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_class_is_the_first_of_equal_ones() {
        let logits = [1.0, 0.0, 2.0, 1.0, 1.0, 3.0];
        let classes: Vec<_> = (0..3).map(|cell| largest(&logits, 3, cell)).collect();
        assert_eq!(classes, [0, 1, 1]);
    }
}
