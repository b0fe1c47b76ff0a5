//! A golden input and output in a model's card, by which an installation checks itself: file,
//! engine and processor together.
//!
//! In: the card. Out: the picture and what must come of it; [`crate::verify`] compares.
//!
//! The picture, an RGB PNG beside the card, is brought to the input's size by nearest neighbour in
//! whole numbers: pixel (x, y) is the picture's (⌊x·w/W⌋, ⌊y·h/H⌋). For every joint the value in
//! the golden heatmap's highest cell, and our own highest value, must be as there; of a
//! segmentation, the share of cells in which each class has the largest logit.

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
    pub picture: PathBuf,
    /// How far the engine may be from it, in the unit of what is expected.
    pub tolerance: f32,
    pub expected: Expected,
}

/// What is looked at in the output.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// Column, row and value of each heatmap's highest cell.
    Peaks(Vec<[f32; 3]>),
    /// Of cells in which each class has the largest logit.
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
}
