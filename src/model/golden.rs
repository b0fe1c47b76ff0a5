//! A golden input and output in a model's card, by which an installation checks itself: file,
//! engine and processor together.
//!
//! In: the card. Out: how far this engine is from what ONNX Runtime made of the same picture when
//! the card was written.
//!
//! The picture, an RGB PNG beside the card, is brought to the input's size by nearest neighbour in
//! whole numbers: pixel (x, y) is the picture's (⌊x·w/W⌋, ⌊y·h/H⌋). For every joint the value in
//! the golden heatmap's highest cell, and our own highest value, must be as there; of a
//! segmentation, the share of cells in which each class has the largest logit.

use super::ModelCard;
use crate::decode;
use crate::engine::kernels::Isa;
use crate::engine::{Loading, Network, OnnxFile};
use crate::frame::Frame;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// As it stands in the card.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    input: PathBuf,
    tolerance: f32,
    #[serde(default)]
    peaks: Vec<[f32; 3]>,
    #[serde(default)]
    shares: Vec<f32>,
}

/// What a network must make of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// A PNG.
    picture: PathBuf,
    tolerance: f32,
    expected: Expected,
}

#[derive(Debug, Clone, PartialEq)]
enum Expected {
    /// Column, row and value of each heatmap's highest cell.
    Peaks(Vec<[f32; 3]>),
    Shares(Vec<f32>),
}

impl Golden {
    pub(super) fn new(
        table: Table,
        folder: &Path,
        planes: usize,
        segmentation: bool,
    ) -> Result<Self, String> {
        let (name, given) = if segmentation {
            ("shares", table.shares.len())
        } else {
            ("peaks", table.peaks.len())
        };
        if given != planes {
            return Err(format!(
                "golden.{name} has {given} entries, the network has {planes} outputs: one each"
            ));
        }
        if table.tolerance.is_nan() || table.tolerance <= 0.0 {
            return Err("golden.tolerance must be more than 0".into());
        }
        if !table.tolerance.is_finite()
            || !table
                .peaks
                .iter()
                .flatten()
                .chain(&table.shares)
                .all(|v| v.is_finite())
        {
            return Err("golden: every number must be finite".into());
        }
        let expected = if segmentation {
            Expected::Shares(table.shares)
        } else {
            Expected::Peaks(table.peaks)
        };
        Ok(Self {
            picture: folder.join(table.input),
            tolerance: table.tolerance,
            expected,
        })
    }

    /// Runs the network of `card` and compares: the largest difference, and whether it is within
    /// the tolerance.
    ///
    /// # Errors
    /// The picture or the network cannot be read, or a golden cell lies outside the heatmap: what
    /// and where.
    pub fn check(&self, card: &ModelCard) -> Result<Compared, String> {
        let size = card.input.size;
        let input = self.input(card)?;
        let file = OnnxFile::read(&card.onnx).map_err(|e| e.to_string())?;
        let loading = Loading {
            isa: Isa::best(),
            threads: 1,
            cache: None,
        };
        let planes = card.output.planes();
        let mut network = Network::from_file(
            &file,
            size.width as usize,
            size.height as usize,
            planes,
            loading,
        )
        .map_err(|e| e.to_string())?;
        let mut out = Vec::new();
        network.run(&input, &mut out).map_err(|e| e.to_string())?;
        let width = network.heatmap_shape().width;
        let plane = network.heatmap_shape().plane();
        let difference = match &self.expected {
            Expected::Peaks(peaks) => {
                let mut worst = 0.0f32;
                for (joint, (map, &[x, y, value])) in out.chunks_exact(plane).zip(peaks).enumerate()
                {
                    let at = map
                        .get(y as usize * width + x as usize)
                        .filter(|_| (x as usize) < width);
                    let at = at.ok_or_else(|| {
                        format!("golden.peaks: entry {} lies outside the heatmap", joint + 1)
                    })?;
                    let highest = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let off = (at - value).abs().max((highest - value).abs());
                    worst = if off.is_nan() {
                        f32::INFINITY
                    } else {
                        worst.max(off)
                    };
                    if worst.is_infinite() {
                        break;
                    }
                }
                worst
            }
            Expected::Shares(shares) => {
                let mut cells = vec![0usize; planes];
                for i in 0..plane {
                    cells[largest(&out, plane, i)] += 1;
                }
                cells
                    .iter()
                    .zip(shares)
                    .map(|(&n, share)| (n as f32 / plane as f32 - share).abs())
                    .fold(0.0, f32::max)
            }
        };
        Ok(Compared {
            difference,
            tolerance: self.tolerance,
        })
    }

    /// The picture as the network's input, three planes R, G, B.
    fn input(&self, card: &ModelCard) -> Result<Vec<f32>, String> {
        let unreadable = |e: &dyn std::fmt::Display| {
            format!("{}: {e}. Install the models again", self.picture.display())
        };
        let bytes = std::fs::read(&self.picture).map_err(|e| unreadable(&e))?;
        let mut frame = Frame::default();
        decode::photo(&bytes, &mut frame).map_err(|e| unreadable(&e))?;
        let rgb = frame.to_rgb().map_err(|e| unreadable(&e))?;
        let w = frame.size.width as usize;
        let h = frame.size.height as usize;
        let width = card.input.size.width as usize;
        let height = card.input.size.height as usize;
        let mut input = Vec::with_capacity(3 * width * height);
        for channel in 0..3 {
            for y in 0..height {
                for x in 0..width {
                    let value = rgb[3 * ((y * h / height) * w + x * w / width) + channel];
                    input.push(
                        (f32::from(value) / 255.0 - card.input.mean[channel])
                            / card.input.std[channel],
                    );
                }
            }
        }
        Ok(input)
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

/// How far an engine is from the golden output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// In the heatmaps' unit, or as a share of the picture.
    pub difference: f32,
    pub tolerance: f32,
}

impl Compared {
    /// Whether the difference is within the tolerance.
    pub fn is_good(self) -> bool {
        self.difference <= self.tolerance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(name: &str) -> ModelCard {
        ModelCard::find(name).unwrap()
    }

    #[test]
    fn the_bundled_networks_are_as_onnx_runtime_has_them() {
        for name in [
            "lite_hrnet_18",
            "lite_hrnet_18_f32",
            "wider_naive_lite_hrnet_18",
            "wider_naive_lite_hrnet_18_f32",
        ] {
            let card = card(name);
            let compared = card.golden.as_ref().unwrap().check(&card).unwrap();
            assert!(compared.is_good(), "{name}: {compared:?}");
        }
    }

    #[test]
    fn another_networks_golden_is_not_met() {
        let card = card("lite_hrnet_18_f32");
        let other = self::card("wider_naive_lite_hrnet_18_f32");
        assert!(!other.golden.unwrap().check(&card).unwrap().is_good());
    }

    #[test]
    fn the_largest_class_is_the_first_of_equal_ones() {
        assert_eq!(
            (0..3)
                .map(|i| largest(&[1.0, 0.0, 2.0, 1.0, 1.0, 3.0], 3, i))
                .collect::<Vec<_>>(),
            [0, 1, 1]
        );
    }
}
