//! A model card as it is written: TOML beside the ONNX file.
//!
//! In: the text. Out: a [`ModelCard`] whose values make sense, or what is wrong, with its line
//! where the form is.

use super::golden::{self, Golden};
use super::{Accuracy, ModelCard, Output, People};
use crate::geometry::Size;
use crate::preprocess::InputFormat;
use crate::skeleton::KeypointSet;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardFile {
    #[serde(default)]
    title: String,
    file: PathBuf,
    sha256: Option<String>,
    #[serde(default)]
    precision: String,
    #[serde(default)]
    licence: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    parameters: String,
    #[serde(default)]
    flops: String,
    input: InputFile,
    output: OutputFile,
    #[serde(default)]
    accuracy: Accuracy,
    golden: Option<golden::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputFile {
    width: u32,
    height: u32,
    mean: [f32; 3],
    std: [f32; 3],
    #[serde(default = "default_padding")]
    padding: f32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputFile {
    keypoints: Option<Vec<String>>,
    classes: Option<Vec<String>>,
    sizes: Option<Vec<f32>>,
    strides: Option<Vec<usize>>,
}

fn default_padding() -> f32 {
    1.25
}

/// Reads the text of the card at `path`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(text: &str, path: &Path) -> Result<ModelCard, String> {
    let file: CardFile = toml::from_str(text).map_err(|e| e.to_string().trim_end().to_string())?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let output = output(file.output)?;
    let golden = file
        .golden
        .map(|table| {
            Golden::new(
                table,
                folder,
                output.planes(),
                matches!(output, Output::Classes(_)),
            )
        })
        .transpose()?;
    Ok(ModelCard {
        name: path
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default(),
        title: file.title,
        onnx: folder.join(file.file),
        sha256: file.sha256,
        precision: file.precision,
        licence: file.licence,
        source: file.source,
        parameters: file.parameters,
        flops: file.flops,
        input: input(&file.input)?,
        output,
        accuracy: file.accuracy,
        golden,
    })
}

fn input(i: &InputFile) -> Result<InputFormat, String> {
    if !(32..=2048).contains(&i.width) || !(32..=2048).contains(&i.height) {
        return Err(format!(
            "input.width and input.height must be 32 to 2048, found {}x{}",
            i.width, i.height
        ));
    }
    if i.std.iter().any(|s| !(1e-6..=1e6).contains(s)) || i.mean.iter().any(|m| !m.is_finite()) {
        return Err(
            "input.mean and input.std must be numbers on the scale 0 to 1, std above 0".into(),
        );
    }
    if !(1.0..=4.0).contains(&i.padding) {
        return Err(format!(
            "input.padding must be 1.0 to 4.0, found {}",
            i.padding
        ));
    }
    Ok(InputFormat {
        size: Size::new(i.width, i.height),
        mean: i.mean,
        std: i.std,
        padding: i.padding,
    })
}

fn output(o: OutputFile) -> Result<Output, String> {
    match (o.keypoints, o.classes, o.sizes, o.strides) {
        (Some(names), None, None, None) => Ok(Output::Keypoints(Arc::new(KeypointSet::new(once_each(
            "output.keypoints",
            names,
        )?)))),
        (None, None, Some(sizes), None) => {
            evenly_spread(sizes).map(|sizes| Output::People(People::Sizes(sizes)))
        }
        (None, None, None, Some(strides)) => {
            multiples(strides).map(|strides| Output::People(People::Strides(strides)))
        }
        (None, Some(names), None, None) => {
            let names = once_each("output.classes", names)?;
            if names.len() < 2 {
                return Err("output.classes must name two classes or more, such as [\"background\", \"person\"]".into());
            }
            Ok(Output::Classes(names))
        }
        _ => Err(
            "output must have one of `keypoints` (a pose network), `classes` (a segmentation), and `sizes` or `strides` (a finder)"
                .into(),
        ),
    }
}

/// Strides of a finder's levels: each a multiple of the first, ascending.
fn multiples(strides: Vec<usize>) -> Result<Vec<usize>, String> {
    let ascending = strides.windows(2).all(|pair| pair[0] < pair[1]);
    let whole = strides
        .iter()
        .all(|&s| (1..=256).contains(&s) && strides[0] > 0 && s.is_multiple_of(strides[0]));
    if !(1..=8).contains(&strides.len()) || !ascending || !whole {
        return Err(format!(
            "output.strides must list 1 to 8 distances of cells in input pixels, each a multiple of the first, such as [8, 16, 32]; found {strides:?}"
        ));
    }
    Ok(strides)
}

/// Heights of a finder's planes: each as many times the one before, to a hundredth.
fn evenly_spread(sizes: Vec<f32>) -> Result<Vec<f32>, String> {
    let all = (2..=32).contains(&sizes.len()) && sizes.iter().all(|s| (1.0..=4096.0).contains(s));
    let ratio = |pair: &[f32]| pair[1] / pair[0];
    let first = if all { ratio(&sizes) } else { 0.0 };
    if first < 1.05
        || sizes
            .windows(2)
            .any(|pair| (ratio(pair) / first - 1.0).abs() > 0.01)
    {
        return Err(format!(
            "output.sizes must list 2 to 32 heights in input pixels, each as many times the one before, such as [20, 28.28, 40]; found {sizes:?}"
        ));
    }
    Ok(sizes)
}

fn once_each(key: &str, names: Vec<String>) -> Result<Vec<String>, String> {
    let twice = names
        .iter()
        .enumerate()
        .find(|(n, name)| names[..*n].contains(name));
    if names.is_empty() || names.len() > 512 || twice.is_some() {
        return Err(format!(
            "{key} must list each name once, in the network's order"
        ));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "file = \"m.onnx\"\n[input]\nwidth = 192\nheight = 256\nmean = [0.5, 0.5, 0.5]\nstd = [0.2, 0.2, 0.2]\n[output]\n";

    fn read(tail: &str) -> Result<ModelCard, String> {
        parse(&format!("{HEAD}{tail}"), Path::new("models/m.toml"))
    }

    #[test]
    fn a_card_is_of_a_pose_network_or_of_a_segmentation() {
        assert_eq!(
            read("keypoints = [\"nose\"]")
                .unwrap()
                .keypoints()
                .unwrap()
                .len(),
            1
        );
        let seen = read("classes = [\"background\", \"person\"]").unwrap();
        assert!(seen.keypoints().is_err() && seen.output.planes() == 2);
        let finder = read("sizes = [20, 28.28, 40]").unwrap();
        assert!(finder.keypoints().is_err() && finder.output.planes() == 3);
        assert!(read("").unwrap_err().contains("one of"));
        for wrong in [
            "20",
            "20, 20",
            "40, 20",
            "20, 30, 80",
            "0, 1",
            "nan, nan",
            "-4, -2, -1",
        ] {
            let e = read(&format!("sizes = [{wrong}]")).unwrap_err();
            assert!(e.contains("such as [20, 28.28, 40]"), "{wrong}: {e}");
        }
        let finder = read("strides = [8, 16, 32]").unwrap();
        assert!(finder.keypoints().is_err() && finder.output.planes() == 15);
        for wrong in ["", "0", "8, 8", "16, 8", "8, 20", "8, 512", "-8, 8"] {
            assert!(read(&format!("strides = [{wrong}]")).is_err(), "{wrong}");
        }
        assert!(read("sizes = [20, 40]\nstrides = [8]").is_err());
        assert!(read("keypoints = [\"nose\"]\nclasses = [\"a\", \"b\"]").is_err());
        assert!(
            read("keypoints = [\"nose\", \"nose\"]")
                .unwrap_err()
                .contains("once")
        );
    }

    #[test]
    fn a_golden_table_fits_its_network() {
        let golden = |table: &str| {
            read(&format!(
                "keypoints = [\"nose\"]\n[golden]\ninput = \"golden.png\"\ntolerance = 0.1\n{table}"
            ))
        };
        assert!(golden("peaks = [[1, 2, 0.5]]").is_ok());
        assert!(
            golden("peaks = [[1, 2, 0.5], [1, 2, 0.5]]")
                .unwrap_err()
                .contains("1")
        );
        assert!(golden("shares = [0.5]").unwrap_err().contains("peaks"));
    }
}
