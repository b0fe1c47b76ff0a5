//! Model cards: what is known of a network beside its weights.
//!
//! In: the name of a model, or the path of its TOML or ONNX file. Out: a [`ModelCard`] with the
//! input, the joints and the file.

mod card;
pub mod golden;

use crate::preprocess::InputFormat;
use crate::skeleton::KeypointSet;
use golden::Golden;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The model that is used when none is named: the most accurate one.
pub const DEFAULT_MODEL: &str = "wider_naive_lite_hrnet_18";

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(
        "no model {name:?}. Known here: {known}. Give one of these, or the path of a model's .toml file; looked in {looked}"
    )]
    Unknown {
        name: String,
        known: String,
        looked: String,
    },
    #[error(
        "{path}: cannot be read: {source}. A model is a card and the .onnx file that it names, beside each other"
    )]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: {problem}. docs/models.md shows a whole card")]
    Card { path: PathBuf, problem: String },
    #[error(
        "{name} is no finder, its card has no output.sizes or output.strides: name a finder network, such as \"finder\""
    )]
    NoFinder { name: String },
    #[error("{name} is {what} and gives no joints: name a pose network; `posed models` lists them")]
    NoJoints { name: String, what: &'static str },
    #[error(
        "{name} gives no class \"person\": under [segment], name a network whose card lists it in output.classes"
    )]
    NoPerson { name: String },
    #[error("{onnx}: has no card beside it: write {card} (docs/models.md shows one)")]
    NoCard { onnx: PathBuf, card: PathBuf },
    #[error(
        "{path}: checksum is {found}, the card says {wanted}: the file is damaged or another one. Install it again, or correct `sha256` in the card"
    )]
    Checksum {
        path: PathBuf,
        wanted: String,
        found: String,
    },
}

/// What is known of one network.
#[derive(Debug, Clone)]
pub struct ModelCard {
    pub name: String,
    pub title: String,
    /// The ONNX file, absolute or relative to the working directory.
    pub onnx: PathBuf,
    pub sha256: Option<String>,
    pub precision: String,
    pub licence: String,
    pub source: String,
    pub parameters: String,
    pub flops: String,
    pub input: InputFormat,
    pub output: Output,
    pub accuracy: Accuracy,
    pub golden: Option<Golden>,
}

/// What a network says of a picture, one plane (a quarter of the input's height and width in the
/// bundled ones) for each name.
#[derive(Debug, Clone)]
pub enum Output {
    /// Heatmaps of joints.
    Keypoints(Arc<KeypointSet>),
    /// Logits of classes: a segmentation.
    Classes(Vec<String>),
    /// People: a finder.
    People(People),
}

/// In which form a finder tells of people.
#[derive(Debug, Clone, PartialEq)]
pub enum People {
    /// As peaks over place, one plane for each height in input pixels.
    Sizes(Vec<f32>),
    /// As boxes: for each of these strides (input pixels from cell to cell) five planes, score
    /// (logit), left, top, right and bottom in input pixels from the cell.
    Strides(Vec<usize>),
}

impl People {
    /// Planes for each stride.
    pub const BOX: usize = 5;

    fn planes(&self) -> usize {
        match self {
            Self::Sizes(sizes) => sizes.len(),
            Self::Strides(strides) => Self::BOX * strides.len(),
        }
    }
}

impl Output {
    /// The number of planes.
    pub fn planes(&self) -> usize {
        match self {
            Self::Keypoints(joints) => joints.len(),
            Self::Classes(classes) => classes.len(),
            Self::People(people) => people.planes(),
        }
    }
}

/// Accuracy as the card states it, in per cent.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    pub ap: Option<f64>,
    pub ap50: Option<f64>,
    pub pck: Option<f64>,
    /// PCKh@0.5 on MPII.
    pub pckh: Option<f64>,
    pub miou: Option<f64>,
}

impl std::fmt::Display for Accuracy {
    /// The figures that are known; `-` where none is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let figures = [
            ("AP", self.ap),
            ("PCK", self.pck),
            ("PCKh", self.pckh),
            ("mIoU", self.miou),
        ];
        let known: Vec<String> = figures
            .iter()
            .filter_map(|(name, v)| v.map(|v| format!("{name} {v:.1}")))
            .collect();
        f.pad(&if known.is_empty() {
            "-".into()
        } else {
            known.join(", ")
        })
    }
}

impl ModelCard {
    /// Finds a model by name in the model directories, or by the path of its TOML or ONNX file.
    ///
    /// # Errors
    /// No such model (the known ones are listed), or a card that is not right.
    pub fn find(name: &str) -> Result<Self, ModelError> {
        let path = Path::new(name);
        match path.extension().and_then(|e| e.to_str()) {
            Some("toml") => return Self::read(path),
            Some("onnx") => {
                let card = path.with_extension("toml");
                return if card.exists() {
                    Self::read(&card)
                } else {
                    Err(ModelError::NoCard {
                        onnx: path.into(),
                        card,
                    })
                };
            }
            _ => {}
        }
        let directories = model_directories();
        let is_plain = !name.is_empty() && !name.contains(['/', '\\']);
        for directory in directories.iter().filter(|_| is_plain) {
            let card = directory.join(format!("{name}.toml"));
            if card.exists() {
                return Self::read(&card);
            }
        }
        let known: Vec<String> = known_models()
            .into_iter()
            .filter_map(Result::ok)
            .map(|m| m.name)
            .collect();
        Err(ModelError::Unknown {
            name: name.into(),
            known: if known.is_empty() {
                "none".into()
            } else {
                known.join(", ")
            },
            looked: match &directories[..] {
                [] => "models/ and /usr/share/posed/models, which are not there".into(),
                _ => directories
                    .iter()
                    .map(|d| d.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
            },
        })
    }

    /// Reads and checks one card.
    ///
    /// # Errors
    /// The file is missing, is no TOML, or a value makes no sense; the message names the key and
    /// the line.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let text = std::fs::read_to_string(path).map_err(|source| ModelError::Read {
            path: path.into(),
            source,
        })?;
        card::parse(&text, path).map_err(|problem| ModelError::Card {
            path: path.into(),
            problem,
        })
    }

    /// The joints.
    ///
    /// # Errors
    /// It is no pose network.
    pub fn keypoints(&self) -> Result<&Arc<KeypointSet>, ModelError> {
        let what = match &self.output {
            Output::Keypoints(joints) => return Ok(joints),
            Output::Classes(_) => "a segmentation network",
            Output::People(_) => "a finder network",
        };
        let name = self.name.clone();
        Err(ModelError::NoJoints { name, what })
    }

    /// Reads the ONNX file and compares it with the card's checksum; of a card without one, only
    /// whether the file is there.
    ///
    /// # Errors
    /// The file cannot be read or differs.
    pub fn verify(&self) -> Result<(), ModelError> {
        let bytes = std::fs::read(&self.onnx).map_err(|source| ModelError::Read {
            path: self.onnx.clone(),
            source,
        })?;
        self.compare(Sha256::digest(&bytes).into())
    }

    /// The same for a file that was hashed already.
    ///
    /// # Errors
    /// The card states another checksum.
    pub fn compare(&self, sha256: [u8; 32]) -> Result<(), ModelError> {
        let Some(wanted) = &self.sha256 else {
            return Ok(());
        };
        let found: String = sha256.iter().map(|b| format!("{b:02x}")).collect();
        if found != wanted.to_lowercase() {
            return Err(ModelError::Checksum {
                path: self.onnx.clone(),
                wanted: wanted.clone(),
                found,
            });
        }
        Ok(())
    }
}

/// Every card in the model directories; a name that stands in two of them counts where it is found
/// first.
pub fn known_models() -> Vec<Result<ModelCard, ModelError>> {
    let mut seen = Vec::new();
    let mut cards = Vec::new();
    for directory in model_directories() {
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
        paths.sort();
        for path in paths
            .iter()
            .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        {
            let stem = path.file_stem().map(|s| s.to_owned());
            if !seen.contains(&stem) && has_network(path) {
                seen.push(stem);
                cards.push(ModelCard::read(path));
            }
        }
    }
    cards
}

/// A card and nothing else (models/ also holds a Python project's TOML).
fn has_network(card: &Path) -> bool {
    std::fs::read_to_string(card).is_ok_and(|text| text.contains(".onnx"))
}

/// Where models are looked for: `$POSED_MODELS`, `models/` here and beside the program's build
/// folder, and the installed ones.
pub fn model_directories() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    if let Some(own) = std::env::var_os("POSED_MODELS") {
        directories.push(PathBuf::from(own));
    }
    directories.push("models".into());
    if let Ok(program) = std::env::current_exe() {
        directories.extend(
            program
                .ancestors()
                .skip(1)
                .take(4)
                .map(|a| a.join("models")),
        );
    }
    directories.push("/usr/share/posed/models".into());
    directories.retain(|d| d.is_dir());
    directories.dedup_by_key(|d| d.canonicalize().ok());
    directories
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_models_match_their_checksums() {
        let cards: Vec<_> = known_models().into_iter().map(Result::unwrap).collect();
        assert!(cards.len() >= 4);
        for card in cards {
            card.verify().unwrap();
            let planes = match card.output {
                Output::People(_) => 15,
                Output::Keypoints(_) | Output::Classes(_) => 17,
            };
            assert_eq!(card.output.planes(), planes, "{}", card.name);
            assert!(card.golden.is_some());
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let text = ModelCard::find("nobody").unwrap_err().to_string();
        assert!(
            text.contains("nobody") && text.contains("wider_naive_lite_hrnet_18"),
            "{text}"
        );
        assert!(ModelCard::find("../etc/passwd").is_err());
    }

    #[test]
    fn a_damaged_network_file_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string("models/lite_hrnet_18.toml").unwrap();
        std::fs::write(dir.path().join("m.toml"), text).unwrap();
        std::fs::write(dir.path().join("lite_hrnet_18.onnx"), b"damaged").unwrap();
        let card = ModelCard::read(&dir.path().join("m.toml")).unwrap();
        assert!(matches!(card.verify(), Err(ModelError::Checksum { .. })));
    }
}
