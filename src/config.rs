//! The configuration: one TOML file, wholly checked before anything starts.
//!
//! In: the file. Out: a [`Config`] that the rooms take as it is, or every fault in it with its key,
//! line and mend.

mod build;
mod error;
mod file;
mod keys;
mod syntax;

pub use error::{ConfigError, Fault};

use crate::act::OutputSettings;
use crate::capture::SourceSettings;
use crate::display::{DisplaySettings, SceneOptions};
use crate::find::FindSettings;
use crate::model::ModelCard;
use crate::publish::PublishSettings;
use crate::recognise::Pose;
use crate::track::TrackSettings;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The sample configuration, whose poses `image` and `replay` use where none is given.
pub const SAMPLE: &str = include_str!("../config/posed.toml");

/// All that the daemon needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub model: ModelCard,
    /// The network that tells where in the picture a person is.
    pub segment: Option<ModelCard>,
    /// Processors that one inference may use.
    pub threads: usize,
    /// The directory of networks' plans; None keeps none.
    pub cache: Option<PathBuf>,
    /// Outputs are released when no frame has come for so long.
    pub grace: Duration,
    /// The score from which a joint counts as seen.
    pub visible: f32,
    pub source: SourceSettings,
    pub find: FindSettings,
    pub track: TrackSettings,
    pub poses: Vec<Pose>,
    pub outputs: Vec<OutputSettings>,
    pub displays: Vec<DisplayConfig>,
    pub publish: Vec<PublishSettings>,
    /// The file as it was read.
    pub text: String,
}

/// A section `[display.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct DisplayConfig {
    pub name: String,
    pub settings: DisplaySettings,
    pub show: SceneOptions,
}

/// What the command line and the environment say.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Instead of the file's.
    pub model: Option<String>,
    /// Instead of the file's.
    pub source: Option<SourceSettings>,
    /// The directory of networks' plans where the file names none.
    pub cache: Option<PathBuf>,
}

impl Config {
    /// Reads and checks `path`.
    ///
    /// # Errors
    /// The file cannot be read, or every fault that was found in it.
    pub fn read(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.into(),
            source,
        })?;
        Self::parse(&text, path, overrides)
    }

    /// Checks a configuration's text; `path` is named in errors.
    ///
    /// # Errors
    /// Every fault that was found.
    pub fn parse(text: &str, path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let faults = |faults| ConfigError::Faults {
            path: path.into(),
            faults,
        };
        let places = error::Places::new(text);
        let file: file::File =
            toml::from_str(text).map_err(|e| faults(vec![places.parse_fault(&e)]))?;
        build::build(file, &places, overrides).map_err(faults)
    }

    /// The outputs of `path` that can be understood, and the faults of the others. No model, rule
    /// or camera needs to be right or there.
    ///
    /// # Errors
    /// The file cannot be read, or is no TOML.
    pub fn outputs(path: &Path) -> Result<(Vec<OutputSettings>, Vec<Fault>), ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.into(),
            source,
        })?;
        let places = error::Places::new(&text);
        let faults = |fault| ConfigError::Faults {
            path: path.into(),
            faults: vec![fault],
        };
        let table: toml::Table =
            toml::from_str(&text).map_err(|e| faults(places.parse_fault(&e)))?;
        Ok(build::outputs(&table, &places))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_right() {
        let config = Config::parse(
            SAMPLE,
            Path::new("config/posed.toml"),
            &Overrides::default(),
        )
        .unwrap();
        assert!(config.poses.len() >= 5);
        assert_eq!(config.publish.len(), 1);
    }

    #[test]
    fn arbitrary_damage_to_the_sample_never_panics() {
        for i in 0..SAMPLE.len() {
            if SAMPLE.is_char_boundary(i) {
                let _ = Config::parse(&SAMPLE[..i], Path::new("x"), &Overrides::default());
            }
        }
    }
}
