//! Frame and box to the person's mask.
//!
//! In: a frame and the box of one person. Out: which cells of the crop around the box show a person. Crops with [`crate::preprocess`], runs
//! [`crate::engine`]; a cell is a person's where that class has the largest logit. One cell is `input / output` crop pixels wide, 4 in
//! Lite-HRNet (Yu et al., CVPR 2021).

use crate::engine::Network;
use crate::estimate::{EstimateError, load_network};
use crate::frame::Frame;
use crate::geometry::{Affine, CropPoint, Point, Rect, Size};
use crate::model::golden::largest;
use crate::model::{ModelCard, ModelError, Output};
use crate::preprocess::Preprocessor;
use std::path::Path;

/// The class that is looked for.
pub const PERSON: &str = "person";

/// Where in the picture one person is; empty at first.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    crop: Option<Affine>,
    /// Crop pixels for a cell.
    stride: f32,
    width: usize,
    /// Row by row.
    person: Vec<bool>,
}

impl Mask {
    /// Whether this place of the picture shows the person.
    pub fn covers(&self, p: Point) -> bool {
        let Some(crop) = self.crop else { return false };
        let at = crop.to_crop(p);
        let (x, y) = ((at.x + 0.5) / self.stride, (at.y + 0.5) / self.stride);
        // Casts of negative numbers would give cell 0.
        x >= 0.0 && y >= 0.0 && x < self.width as f32 && self.person.get(y as usize * self.width + x as usize) == Some(&true)
    }

    /// The share of a picture of this size that shows the person, 0 to 1. Cells outside the picture do not count.
    pub fn share(&self, picture: Size) -> f32 {
        let Some(crop) = self.crop else { return 0.0 };
        let (columns, rows) = (picture.width as f32, picture.height as f32);
        let inside = |i: &usize| {
            let centre = |cell: usize| (cell as f32 + 0.5) * self.stride - 0.5;
            let p = crop.to_image(CropPoint { x: centre(i % self.width), y: centre(i / self.width) });
            p.x >= -0.5 && p.y >= -0.5 && p.x < columns - 0.5 && p.y < rows - 0.5
        };
        let cells = (0..self.person.len()).filter(|&i| self.person[i]).filter(inside).count();
        let cell = f64::from(self.stride) * f64::from(self.stride) * crop.scale_x * crop.scale_y;
        (cells as f64 * cell / f64::from(columns * rows)).min(1.0) as f32
    }

    /// Whether nothing was ever looked for.
    pub fn is_empty(&self) -> bool {
        self.crop.is_none()
    }

    /// No person anywhere; the memory stays.
    pub fn clear(&mut self) {
        self.crop = None;
        self.person.clear();
    }

    /// Takes over `other` without a new allocation where the room suffices.
    pub fn copy_from(&mut self, other: &Self) {
        (self.crop, self.stride, self.width) = (other.crop, other.stride, other.width);
        self.person.clone_from(&other.person);
    }
}

/// A loaded segmentation network with its pre- and post-processing.
pub struct Segmenter {
    preprocessor: Preprocessor,
    network: Network,
    class: usize,
    input: Vec<f32>,
    logits: Vec<f32>,
}

impl Segmenter {
    /// The class of `card` that is a person.
    ///
    /// # Errors
    /// It is no segmentation, or has no such class.
    pub fn class(card: &ModelCard) -> Result<usize, ModelError> {
        let class = match &card.output {
            Output::Classes(names) => names.iter().position(|n| n == PERSON),
            Output::Keypoints(_) => None,
        };
        class.ok_or_else(|| ModelError::NoPerson { name: card.name.clone() })
    }

    /// Loads the network of `card`; `threads` and `cache` as in [`crate::estimate::Estimator::load`].
    ///
    /// # Errors
    /// As there, or the network has no class `person`.
    pub fn load(card: &ModelCard, threads: usize, cache: Option<&Path>) -> Result<Self, EstimateError> {
        let class = Self::class(card)?;
        let network = load_network(card, threads, cache)?;
        let preprocessor = Preprocessor::new(card.input.clone());
        Ok(Self { input: vec![0.0; preprocessor.input_len()], logits: Vec::new(), preprocessor, network, class })
    }

    /// Finds which part of the picture around `person` (image pixels, unpadded) shows a person.
    ///
    /// # Errors
    /// The frame is shorter than its header says, or the network failed.
    pub fn segment(&mut self, frame: &Frame, person: Rect, mask: &mut Mask) -> Result<(), EstimateError> {
        let crop = self.preprocessor.crop(person);
        self.preprocessor.fill(frame, crop, &mut self.input)?;
        self.network.run(&self.input, &mut self.logits)?;
        let shape = self.network.heatmap_shape();
        (mask.crop, mask.width) = (Some(crop), shape.width);
        mask.stride = self.preprocessor.format().size.width as f32 / shape.width as f32;
        mask.person.clear();
        mask.person.extend((0..shape.plane()).map(|i| largest(&self.logits, shape.plane(), i) == self.class));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The left half of a 4x4 crop's cells, over the 64x64 pixels from (100, 50).
    fn half() -> Mask {
        let crop = Affine { scale_x: 4.0, scale_y: 4.0, offset_x: 100.0, offset_y: 50.0 };
        Mask { crop: Some(crop), stride: 4.0, width: 4, person: (0..16).map(|i| i % 4 < 2).collect() }
    }

    #[test]
    fn a_mask_covers_its_cells_and_nothing_around() {
        let mask = half();
        for (x, y, covered) in [
            (105.0, 55.0, true),
            (129.0, 110.0, true),
            (135.0, 55.0, false),
            (90.0, 55.0, false),
            (105.0, 40.0, false),
            (105.0, 120.0, false),
        ] {
            assert_eq!(mask.covers(Point::new(x, y)), covered, "{x}, {y}");
        }
        assert!(!Mask::default().covers(Point::new(0.0, 0.0)));
        assert!(!mask.covers(Point::new(f32::NAN, 0.0)));
    }

    #[test]
    fn its_share_is_that_of_the_cells_inside_the_picture() {
        assert!((half().share(Size::new(200, 200)) - 32.0 * 64.0 / 40_000.0).abs() < 1e-6);
        assert!((half().share(Size::new(116, 200)) - 16.0 * 64.0 / (116.0 * 200.0)).abs() < 1e-6);
        assert_eq!(Mask::default().share(Size::new(10, 10)), 0.0);
    }
}
