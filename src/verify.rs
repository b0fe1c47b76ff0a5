//! Whether file, engine and processor together give what they should.
//!
//! In: a model's card with its golden picture. Out: how far this engine is from what ONNX Runtime
//! made of the same picture when the card was written.

use crate::decode;
use crate::engine::{Loading, Network, OnnxFile};
use crate::frame::Frame;
use crate::model::ModelCard;
use crate::model::golden::{Expected, Golden};
use crate::segment::largest;

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

/// Runs the network of `card` on `golden`'s picture and compares.
///
/// # Errors
/// The picture or the network cannot be read, or a golden cell lies outside the heatmap: what and
/// where.
pub fn verify(card: &ModelCard, golden: &Golden, loading: Loading) -> Result<Compared, String> {
    let size = card.input.size;
    let input = input(card, golden)?;
    let file = OnnxFile::read(&card.onnx).map_err(|e| e.to_string())?;
    let planes = card.output.planes();
    let (width, height) = (size.width as usize, size.height as usize);
    let mut network =
        Network::from_file(&file, width, height, planes, loading).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    network.run(&input, &mut out).map_err(|e| e.to_string())?;
    let shape = network.heatmap_shape();
    let difference = match &golden.expected {
        Expected::Peaks(peaks) => peaks_off(&out, peaks, shape.width, shape.plane())?,
        Expected::Shares(shares) => shares_off(&out, shares, shape.plane()),
    };
    Ok(Compared {
        difference,
        tolerance: golden.tolerance,
    })
}

/// The largest difference in a golden cell and in a map's highest value, as a share of that where it
/// is more than 1.
fn peaks_off(out: &[f32], peaks: &[[f32; 3]], width: usize, plane: usize) -> Result<f32, String> {
    let mut worst = 0.0f32;
    for (joint, (map, &[x, y, value])) in out.chunks_exact(plane).zip(peaks).enumerate() {
        let (column, row) = (x as usize, y as usize);
        let at = map.get(row * width + column).filter(|_| column < width);
        let at = at
            .ok_or_else(|| format!("golden.peaks: entry {} lies outside the heatmap", joint + 1))?;
        let highest = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // Of logits and distances, which may be many, a share.
        let off = (at - value).abs().max((highest - value).abs()) / value.abs().max(1.0);
        if !off.is_finite() {
            return Ok(f32::INFINITY);
        }
        worst = worst.max(off);
    }
    Ok(worst)
}

/// The largest difference in the share of cells that a class has.
fn shares_off(out: &[f32], shares: &[f32], plane: usize) -> f32 {
    let mut cells = vec![0usize; shares.len()];
    for i in 0..plane {
        cells[largest(out, plane, i)] += 1;
    }
    let off = |(&n, share): (&usize, &f32)| (n as f32 / plane as f32 - share).abs();
    cells.iter().zip(shares).map(off).fold(0.0, f32::max)
}

/// The picture as the network's input, three planes R, G, B.
fn input(card: &ModelCard, golden: &Golden) -> Result<Vec<f32>, String> {
    let unreadable = |e: &dyn std::fmt::Display| {
        format!(
            "{}: {e}. Install the models again",
            golden.picture.display()
        )
    };
    let bytes = std::fs::read(&golden.picture).map_err(|e| unreadable(&e))?;
    let mut frame = Frame::default();
    decode::photo(&bytes, &mut frame).map_err(|e| unreadable(&e))?;
    let rgb = frame.to_rgb().map_err(|e| unreadable(&e))?;
    let w = frame.size.width as usize;
    let h = frame.size.height as usize;
    let width = card.input.size.width as usize;
    let height = card.input.size.height as usize;
    let mut input = Vec::with_capacity(3 * width * height);
    for channel in 0..3 {
        let mean = card.input.mean[channel];
        let std = card.input.std[channel];
        for y in 0..height {
            for x in 0..width {
                let value = rgb[3 * ((y * h / height) * w + x * w / width) + channel];
                input.push((f32::from(value) / 255.0 - mean) / std);
            }
        }
    }
    Ok(input)
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
            "finder",
        ] {
            let card = card(name);
            let compared =
                verify(&card, card.golden.as_ref().unwrap(), Loading::default()).unwrap();
            assert!(compared.is_good(), "{name}: {compared:?}");
        }
    }

    #[test]
    fn another_networks_golden_is_not_met() {
        let card = card("lite_hrnet_18_f32");
        let other = self::card("wider_naive_lite_hrnet_18_f32");
        let compared = verify(&card, &other.golden.unwrap(), Loading::default()).unwrap();
        assert!(!compared.is_good(), "{compared:?}");
    }

    #[test]
    fn a_map_of_nothing_is_no_match_and_a_cell_outside_is_told() {
        let nothing = [f32::NAN; 4];
        let golden = [[0.0, 0.0, 0.5]];
        assert_eq!(peaks_off(&nothing, &golden, 2, 4), Ok(f32::INFINITY));
        let outside = peaks_off(&[0.0; 4], &[[2.0, 0.0, 0.5]], 2, 4).unwrap_err();
        assert!(outside.contains("entry 1"), "{outside}");
    }
}
