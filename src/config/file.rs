//! The configuration as it is written: one struct a section, unknown keys refused.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub model: Option<String>,
    pub threads: Option<usize>,
    pub cache: Option<PathBuf>,
    pub grace_s: Option<f64>,
    pub visible: Option<f32>,
    pub source: Option<Source>,
    pub segment: Option<Segment>,
    #[serde(default)]
    pub find: Find,
    #[serde(default)]
    pub smooth: Smooth,
    #[serde(default)]
    pub pose: BTreeMap<String, Pose>,
    #[serde(default)]
    pub action: BTreeMap<String, Action>,
    #[serde(default)]
    pub display: BTreeMap<String, Display>,
    #[serde(default)]
    pub publish: BTreeMap<String, Publish>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub kind: String,
    pub device: Option<PathBuf>,
    pub path: Option<PathBuf>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub fps: Option<f32>,
    pub format: Option<String>,
    pub repeat: Option<bool>,
    pub script: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    pub model: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Find {
    pub kind: Option<String>,
    pub boxes: Option<Vec<[f32; 4]>>,
    pub smallest: Option<f32>,
    pub acquire_score: Option<f32>,
    pub keep_score: Option<f32>,
    pub look_again_s: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smooth {
    pub min_cutoff_hz: Option<f32>,
    pub beta: Option<f32>,
    pub forget_s: Option<f64>,
}

/// A text or a list of texts.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
pub enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    pub fn list(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pose {
    pub when: Texts,
    pub hold_s: Option<f64>,
    pub release_s: Option<f64>,
    pub cooldown_s: Option<f64>,
    pub repeat_s: Option<f64>,
    pub margin: Option<f32>,
    pub margin_deg: Option<f32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    pub kind: String,
    pub pose: Texts,
    pub until: Option<Texts>,
    pub mode: Option<String>,
    pub pulse_ms: Option<u64>,
    pub line: Option<String>,
    pub chip: Option<String>,
    pub offset: Option<u32>,
    pub active_low: Option<bool>,
    pub argv: Option<Vec<String>>,
    pub time_limit_s: Option<f64>,
    pub overlap: Option<bool>,
    pub path: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    pub kind: String,
    pub device: Option<PathBuf>,
    pub path: Option<PathBuf>,
    pub every_s: Option<f64>,
    pub show: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    pub kind: String,
    pub path: Option<PathBuf>,
    pub frames: Option<bool>,
}
