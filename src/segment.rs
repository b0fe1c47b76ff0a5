//! Frame and box to the person's mask.
//!
//! In: a frame and the box of one person. Out: which cells of the crop around the box show a
//! person. Crops with [`crate::preprocess`], runs [`crate::engine`]; a cell is a person's where
//! that class has the largest logit. One cell is `input / output` crop pixels wide, 4 in Lite-HRNet
//! (Yu et al., CVPR 2021).

use crate::engine::HeatmapShape;
use crate::estimate::EstimateError;
use crate::estimate::crop_network::CropNetwork;
use crate::frame::Frame;
use crate::geometry::{Affine, CropPoint, Point, Rect, Size};
use crate::model::golden::largest;
use crate::model::{ModelCard, ModelError, Output};
use std::path::Path;

/// The class that is looked for.
pub const PERSON: &str = "person";

/// The cells of a crop, in rows.
#[derive(Debug, Clone, Copy)]
struct Grid {
    crop: Affine,
    /// Crop pixels for a cell.
    stride: f32,
    width: usize,
    height: usize,
}

impl Grid {
    /// Column and row of this place of the picture, in cells.
    fn place(&self, p: Point) -> (f32, f32) {
        let at = self.crop.to_crop(p);
        ((at.x + 0.5) / self.stride, (at.y + 0.5) / self.stride)
    }

    /// The cell in which this place lies.
    fn cell(&self, p: Point) -> Option<usize> {
        let (x, y) = self.place(p);
        // Casts of negative numbers would give cell 0.
        let inside = x >= 0.0 && y >= 0.0 && x < self.width as f32 && y < self.height as f32;
        inside.then_some(y as usize * self.width + x as usize)
    }

    /// The cell nearest to this place.
    fn nearest(&self, p: Point) -> usize {
        let (x, y) = self.place(p);
        // Casts of floats end at 0.
        (y as usize).min(self.height - 1) * self.width + (x as usize).min(self.width - 1)
    }

    fn centre(&self, cell: usize) -> Point {
        let middle = |cell: usize| (cell as f32 + 0.5) * self.stride - 0.5;
        self.crop.to_image(CropPoint {
            x: middle(cell % self.width),
            y: middle(cell / self.width),
        })
    }

    /// Square pixels of the picture.
    fn cell_area(&self) -> f64 {
        f64::from(self.stride) * f64::from(self.stride) * self.crop.scale_x * self.crop.scale_y
    }
}

/// Where in the picture one person is; empty at first.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    grid: Option<Grid>,
    person: Vec<bool>,
}

impl Mask {
    /// Whether this place of the picture shows the person.
    pub fn covers(&self, p: Point) -> bool {
        self.grid
            .and_then(|grid| grid.cell(p))
            .is_some_and(|cell| self.person[cell])
    }

    /// The share of a picture of this size that shows the person, 0 to 1. Cells outside the picture
    /// do not count.
    pub fn share(&self, picture: Size) -> f32 {
        let Some(grid) = self.grid else { return 0.0 };
        let columns = picture.width as f32;
        let rows = picture.height as f32;
        let inside = |cell: &usize| {
            let p = grid.centre(*cell);
            p.x >= -0.5 && p.y >= -0.5 && p.x < columns - 0.5 && p.y < rows - 0.5
        };
        let cells = (0..self.person.len())
            .filter(|&cell| self.person[cell])
            .filter(inside)
            .count();
        (cells as f64 * grid.cell_area() / f64::from(columns * rows)).min(1.0) as f32
    }

    /// Whether nothing was ever looked for.
    pub fn is_empty(&self) -> bool {
        self.grid.is_none()
    }

    /// No person anywhere; the memory stays.
    pub fn clear(&mut self) {
        self.grid = None;
        self.person.clear();
    }

    /// Takes over `other` without a new allocation where the room suffices.
    pub fn copy_from(&mut self, other: &Self) {
        self.grid = other.grid;
        self.person.clone_from(&other.person);
    }
}

/// A loaded segmentation network: which class each cell of a crop is.
pub struct Classifier {
    network: CropNetwork,
    classes: usize,
    grid: Option<Grid>,
}

impl Classifier {
    /// Loads the network of `card`; `threads` and `cache` as in
    /// [`crate::estimate::Estimator::load`]. `padding` stands for the card's.
    ///
    /// # Errors
    /// As there.
    pub fn load(
        card: &ModelCard,
        padding: f32,
        threads: usize,
        cache: Option<&Path>,
    ) -> Result<Self, EstimateError> {
        Ok(Self {
            network: CropNetwork::load(card, padding, threads, cache)?,
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

    /// Looks at the crop around `area` (image pixels, unpadded).
    ///
    /// # Errors
    /// The frame is shorter than its header says, or the network failed.
    pub fn look(&mut self, frame: &Frame, area: Rect) -> Result<(), EstimateError> {
        self.network.run(frame, area)?;
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
            Output::Keypoints(_) => None,
        };
        class.ok_or_else(|| ModelError::NoPerson {
            name: card.name.clone(),
        })
    }

    /// Loads the network of `card`; `threads` and `cache` as in
    /// [`crate::estimate::Estimator::load`].
    ///
    /// # Errors
    /// As there, or the network has no class `person`.
    pub fn load(
        card: &ModelCard,
        threads: usize,
        cache: Option<&Path>,
    ) -> Result<Self, EstimateError> {
        let person = Self::class(card)?;
        Ok(Self {
            classifier: Classifier::load(card, card.input.padding, threads, cache)?,
            person,
        })
    }

    /// Finds which part of the picture around `area` (image pixels, unpadded) shows a person.
    ///
    /// # Errors
    /// As [`Classifier::look`].
    pub fn segment(
        &mut self,
        frame: &Frame,
        area: Rect,
        mask: &mut Mask,
    ) -> Result<(), EstimateError> {
        self.classifier.look(frame, area)?;
        mask.grid = self.classifier.grid;
        let logits = self.classifier.network.output();
        let plane = self.classifier.network.shape().plane();
        mask.person.clear();
        mask.person
            .extend((0..plane).map(|cell| largest(logits, plane, cell) == self.person));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The left half of a 4x4 crop's cells, over the 64x64 pixels from (100, 50).
    fn half() -> Mask {
        let crop = Affine {
            scale_x: 4.0,
            scale_y: 4.0,
            offset_x: 100.0,
            offset_y: 50.0,
        };
        Mask {
            grid: Some(Grid {
                crop,
                stride: 4.0,
                width: 4,
                height: 4,
            }),
            person: (0..16).map(|i| i % 4 < 2).collect(),
        }
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
