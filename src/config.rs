//! The configuration: one TOML file, wholly checked before anything starts.
//!
//! In: the file. Out: a [`Config`] that the rooms take as it is, or every fault in it with its key,
//! line and mend. Each room reads its own sections; this says which there are and what refers to
//! what.

use crate::act::{self, OutputSettings};
use crate::capture::{self, Source};
use crate::device::Device;
use crate::display::{self, DisplaySettings};
use crate::engine::Loading;
use crate::engine::kernels::Isa;
use crate::find::{self, Find, FindSettings};
use crate::model::{DEFAULT_MODEL, ModelCard, Output};
use crate::publish::{self, PublishSettings};
use crate::recognise::{self, Pose, Surroundings, Words};
use crate::segment::Segmenter;
pub use crate::settings::Fault;
use crate::settings::{Document, Kind, Row, Section, decode, faults_text, rows};
use crate::skeleton::{KeypointSet, Threshold};
use crate::taught::Taught;
use crate::track::{self, TrackSettings};
use crate::zone::Zone;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The sample configuration, whose poses `image` and `replay` use where none is given.
pub const SAMPLE: &str = include_str!("../config/posed.toml");

/// The sections of a file; the keys at its top are `[""]`.
const SECTIONS: [&str; 11] = [
    "source", "segment", "find", "smooth", "zone", "pose", "count", "scene", "action", "display",
    "publish",
];

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "{path}: cannot be read: {source}. Give a configuration with --config; config/posed.toml is a commented sample"
    )]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}", faults_text(path, faults))]
    Faults { path: PathBuf, faults: Vec<Fault> },
}

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
    pub visible: Threshold,
    /// The folder of taught poses, where the file names one.
    pub taught: Option<PathBuf>,
    pub source: Arc<dyn Source>,
    pub find: FindSettings,
    pub track: TrackSettings,
    pub zones: Arc<[Arc<Zone>]>,
    /// Poses, then counts, then those of the scene.
    pub poses: Vec<Pose>,
    pub outputs: Vec<OutputSettings>,
    pub displays: Vec<DisplaySettings>,
    pub publish: Vec<PublishSettings>,
    pub drill: Option<Drill>,
    /// The instructions that networks run by.
    pub isa: Isa,
    /// The file as it was read.
    pub text: String,
}

/// A fault that is made on purpose, to see on a real machine that a stage that dies or hangs
/// releases the outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drill {
    Panic,
    Stall,
}

/// What the command line and the environment say.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Instead of the file's.
    pub model: Option<String>,
    /// Instead of the file's.
    pub source: Option<Arc<dyn Source>>,
    /// Instead of the file's section, where it is known where people are.
    pub find: Option<Arc<dyn Find>>,
    /// The directory of networks' plans where the file names none.
    pub cache: Option<PathBuf>,
    pub drill: Option<Drill>,
    /// Instead of the fastest.
    pub isa: Option<Isa>,
}

impl Config {
    /// How networks are loaded.
    pub fn loading(&self) -> Loading<'_> {
        Loading {
            isa: self.isa,
            threads: self.threads,
            cache: self.cache.as_deref(),
        }
    }

    /// Reads and checks `path`.
    ///
    /// # Errors
    /// The file cannot be read, or every fault that was found in it.
    pub fn read(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        Self::parse(&read_text(path)?, path, overrides)
    }

    /// Checks a configuration's text; `path` is named in errors.
    ///
    /// # Errors
    /// Every fault that was found.
    pub fn parse(text: &str, path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let document = Document::parse(text);
        let config = compose(&document, path, overrides);
        let faults = document.faults();
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(ConfigError::Faults {
                path: path.into(),
                faults,
            }),
        }
    }

    /// What of `path` tells how people are seen (network, finder, scores), whatever its poses and
    /// actions are.
    ///
    /// # Errors
    /// The file cannot be read, or what it says of this has faults.
    pub fn seeing(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let text = read_text(path)?;
        let document = Document::parse(&text);
        let config = compose(&document, path, overrides);
        let mut faults = document.faults();
        let is_seeing = |f: &Fault| {
            let section = f.key.split('.').next().unwrap_or_default();
            !OF_POSES.contains(&section) && section != "action"
        };
        faults.retain(is_seeing);
        match config {
            Some(config) if faults.is_empty() => Ok(Self {
                poses: Vec::new(),
                outputs: Vec::new(),
                ..config
            }),
            _ => Err(ConfigError::Faults {
                path: path.into(),
                faults,
            }),
        }
    }

    /// The outputs of `path` that can be understood, and the faults of the others. No model, rule or
    /// camera needs to be right or there.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn outputs(path: &Path) -> Result<(Vec<OutputSettings>, Vec<Fault>), ConfigError> {
        let text = read_text(path)?;
        let document = Document::parse(&text);
        Ok((outputs(&document), document.faults()))
    }

    /// The displays of `path` that can be understood, and the faults of the others. Nothing else needs
    /// to be right.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn displays(path: &Path) -> Result<(Vec<DisplaySettings>, Vec<Fault>), ConfigError> {
        let text = read_text(path)?;
        let document = Document::parse(&text);
        Ok((displays(&document), document.faults()))
    }

    /// Everything that the file names and that may or may not be there, each with its section. To read
    /// a configuration asks none of them; [`Device::check`] may, through the network too.
    pub fn devices(&self) -> Vec<(String, &dyn Device)> {
        let mut devices: Vec<(String, &dyn Device)> = vec![("source".into(), &*self.source)];
        for output in &self.outputs {
            devices.push((format!("action {}", output.name), &*output.device));
        }
        for display in &self.displays {
            devices.push((format!("display {}", display.name), &*display.screen));
        }
        for publish in &self.publish {
            devices.push((format!("publish {}", publish.name), &*publish.sink));
        }
        devices
    }
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    let bytes = std::fs::read(path).map_err(|source| ConfigError::Read {
        path: path.into(),
        source,
    })?;
    let text = decode(&bytes).map_err(|fault| ConfigError::Faults {
        path: path.into(),
        faults: vec![fault],
    })?;
    Ok(text.to_string())
}

/// The source of the command line; what a pipe cannot say itself (raw frames' size and format, how
/// they are turned) is taken from a section of a pipe.
fn with_what_is_said(document: &Document, source: &Arc<dyn Source>) -> Arc<dyn Source> {
    if source.is_pipe()
        && document.kind("source") == Some(capture::PIPE)
        && let Some(said) = document.section("source", capture::read)
    {
        return said;
    }
    Arc::clone(source)
}

/// `None` where a part without which there is no configuration has a fault.
fn compose(document: &Document, path: &Path, overrides: &Overrides) -> Option<Config> {
    let top = document.top(&SECTIONS, |s| Top::read(s, overrides));
    let segments = document.has("segment");
    let segment = document.section("segment", |s| segment(s, segments));
    let source = match &overrides.source {
        Some(source) => Some(with_what_is_said(document, source)),
        None if document.has("source") => document.section("source", capture::read),
        None => {
            let kinds: Vec<&str> = capture::KINDS.iter().map(|k| k.name).collect();
            document.missing("source", format!("with kind = one of {}", kinds.join(", ")));
            None
        }
    };
    let joints = top.model.as_ref().and_then(|card| card.keypoints().ok());
    let joints = joints.map_or_else(|| Arc::new(KeypointSet::default()), Arc::clone);
    let zones = document.named("zone", |s, _| Zone::read(s).map(Arc::new));
    let words = Words {
        joints: &joints,
        zones: &zones,
        taught: Some(&Taught::beside(path, top.taught.as_deref(), &joints)),
        mirror: false,
    };
    let publish = document.named("publish", |s, _| publish::read(s));
    let page = publish.iter().find_map(|publish| publish.sink.page());
    let mut displays = displays(document);
    displays.iter_mut().for_each(|display| display.page = page);
    let config = Config {
        segment,
        threads: top.threads,
        cache: top.cache,
        grace: top.grace,
        visible: top.visible,
        taught: top.taught.clone(),
        find: find(document, overrides),
        track: document.section("smooth", |s| track::read(s, top.visible)),
        poses: poses(document, words, segments),
        zones: zones.iter().cloned().collect(),
        outputs: outputs(document),
        displays,
        publish,
        drill: overrides.drill,
        isa: overrides.isa.unwrap_or_else(Isa::best),
        text: document.text().into(),
        model: top.model?,
        source: source?,
    };
    share_nothing(document, &config);
    Some(config)
}

/// Faults of sections that claim what another one has: a line, a file, a port.
fn share_nothing(document: &Document, config: &Config) {
    let mut claimed: Vec<(String, String)> = Vec::new();
    for (section, device) in config.devices() {
        let section = section.replacen(' ', ".", 1);
        for claim in device.claims() {
            match claimed.iter().find(|(other, _)| *other == claim) {
                Some((_, owner)) if *owner != section => {
                    let (group, name) = section.split_once('.').unwrap_or((&section, ""));
                    let problem = format!("wants {claim}, which [{owner}] has");
                    document.contradicts(group, name, problem, "give each its own");
                }
                Some(_) => {}
                None => claimed.push((claim, section.clone())),
            }
        }
    }
}

fn find(document: &Document, overrides: &Overrides) -> FindSettings {
    let Some(kind) = &overrides.find else {
        return document.section("find", find::read);
    };
    // A section that is not there would ask for a finder that nobody needs.
    let read = document
        .has("find")
        .then(|| document.section("find", find::read));
    FindSettings {
        kind: Arc::clone(kind),
        ..read.unwrap_or_default()
    }
}

/// The sections that say when something is entered, in the order in which [`Config::poses`] has them.
const OF_POSES: [&str; 3] = ["pose", "count", "scene"];

/// Reads the sections of [`OF_POSES`].
fn poses(document: &Document, words: Words, segments: bool) -> Vec<Pose> {
    let poses = document.names("pose");
    let sequences: Vec<bool> = poses
        .iter()
        .map(|name| document.gives("pose", name, "sequence"))
        .collect();
    let poses: Vec<Arc<str>> = poses.into_iter().map(Arc::from).collect();
    let around = Surroundings {
        words,
        segments,
        poses: &poses,
        sequences: &sequences,
    };
    let unlike_others = |s: &Section, group: &str| {
        let of_before = OF_POSES.iter().take_while(|g| **g != group);
        let name = s.last_name();
        for other in of_before {
            if document.names(other).iter().any(|n| n == name) {
                s.fault_with(
                    "",
                    format!("has the name of [{other}.{name}]"),
                    "actions and lines speak of both by their names: rename one of them",
                );
            }
        }
    };
    let mut all = document.named("pose", |s, _| recognise::read_pose(s, around));
    all.extend(document.named("count", |s, _| {
        unlike_others(s, "count");
        recognise::read_count(s, around)
    }));
    all.extend(document.named("scene", |s, _| {
        unlike_others(s, "scene");
        recognise::read_scene(s, around)
    }));
    all
}

fn displays(document: &Document) -> Vec<DisplaySettings> {
    let segments = document.has("segment");
    document.named("display", |s, _| display::read(s, segments))
}

fn outputs(document: &Document) -> Vec<OutputSettings> {
    let drivers = OF_POSES.iter().flat_map(|group| {
        let names = document.names(group).into_iter();
        names.map(move |name| act::Driver {
            repeats: document.gives(group, &name, "repeat_s"),
            counts: *group == "count",
            is_entered: *group != "count" || document.gives(group, &name, "goal"),
            name,
        })
    });
    let drivers: Vec<act::Driver> = drivers.collect();
    document.named("action", |s, _| act::read(s, &drivers))
}

/// The keys at the top of the file.
struct Top {
    model: Option<ModelCard>,
    threads: usize,
    cache: Option<PathBuf>,
    grace: Duration,
    visible: Threshold,
    taught: Option<PathBuf>,
}

impl Top {
    fn read(s: &mut Section, overrides: &Overrides) -> Self {
        let model = model(s, overrides);
        let threads = s
            .number(
                "threads",
                "how many processors an inference may use",
                1..=16,
            )
            .or(1);
        let cache = cache(s, overrides);
        let grace = s
            .seconds(
                "grace_s",
                "outputs are released when no frame comes for so long",
                0.1..=3600.0,
            )
            .or(Duration::from_secs(2));
        let visible = s
            .number(
                "visible",
                "the score from which a joint counts as seen",
                0.05..=0.95,
            )
            .or(Threshold::DEFAULT.0);
        Self {
            model,
            threads,
            cache,
            grace,
            visible: Threshold(visible),
            taught: s
                .path(
                    "taught",
                    "the folder of taught poses, where `posed teach` writes",
                )
                .example("\"/etc/posed/poses\"")
                .without("`poses` beside the configuration")
                .check(|folder| match folder.as_os_str().is_empty() {
                    true => Err("is empty".into()),
                    false => Ok(()),
                })
                .maybe(),
        }
    }
}

const CACHE: &str = "where networks are kept as lowered plans, so that the next start takes \
                     milliseconds; \"\" keeps none";
const NO_CACHE: &str = "systemd's `$CACHE_DIRECTORY`, else `$XDG_CACHE_HOME/posed`, else \
                        `~/.cache/posed`";

fn cache(s: &mut Section, overrides: &Overrides) -> Option<PathBuf> {
    let given = s
        .path("cache", CACHE)
        .example("\"/var/cache/posed\"")
        .without(NO_CACHE)
        .check(
            |directory| match directory.exists() && !directory.is_dir() {
                true => Err(format!("{} is no directory", directory.display())),
                false => Ok(()),
            },
        )
        .maybe();
    // An empty path keeps no plans.
    match given {
        Some(directory) => Some(directory).filter(|d| !d.as_os_str().is_empty()),
        None => overrides.cache.clone(),
    }
}

fn model(s: &mut Section, overrides: &Overrides) -> Option<ModelCard> {
    let named = s
        .text(
            "model",
            "the network, by name or by the path of its .toml file",
        )
        .hint("`posed models` lists them")
        .or(DEFAULT_MODEL.into());
    let name = overrides.model.as_deref().unwrap_or(&named);
    let by = match &overrides.model {
        Some(_) => "--model: ",
        None => "",
    };
    let card = ModelCard::find(name).map_err(|e| s.fault("model", format!("{by}{e}")));
    if let Ok(card) = &card
        && let Err(e) = card.keypoints()
    {
        let place = match card.output {
            Output::People(_) => "name a pose network here, and this one as `model` under [find]",
            _ => "name a pose network here, and this one as `model` under [segment]",
        };
        s.fault_with("model", format!("{by}{e}"), place);
    }
    card.ok()
}

/// Reads the section `[segment]`, if there is one.
fn segment(s: &mut Section, is_there: bool) -> Option<ModelCard> {
    let key = s
        .text(
            "model",
            "a segmentation network, by name or by the path of its .toml file",
        )
        .example("\"/etc/posed/person.toml\"")
        .hint("models/README.md tells how to make one");
    let name = if is_there { key.needed() } else { key.maybe() }?;
    let card = ModelCard::find(&name).and_then(|card| Segmenter::class(&card).map(|_| card));
    card.map_err(|e| s.fault("model", e.to_string())).ok()
}

/// Every table of keys that docs/ has, by its name there, such as `action.gpio`; the keys that all
/// kinds of a section share are under its name alone.
pub fn tables() -> Vec<(String, Vec<Row>)> {
    let joints = KeypointSet::default();
    let nothing = Overrides::default();
    let around = Surroundings {
        words: Words::from(&joints),
        segments: false,
        poses: &[],
        sequences: &[],
    };
    let mut tables = vec![
        ("top".into(), rows(|s| drop(Top::read(s, &nothing)))),
        ("segment".into(), rows(|s| drop(segment(s, true)))),
        (
            "smooth".into(),
            rows(|s| _ = track::read(s, Threshold::DEFAULT)),
        ),
        ("zone".into(), rows(|s| drop(Zone::read(s)))),
        (
            "pose".into(),
            rows(|s| drop(recognise::read_pose(s, around))),
        ),
        (
            "count".into(),
            rows(|s| drop(recognise::read_count(s, around))),
        ),
        (
            "scene".into(),
            rows(|s| drop(recognise::read_scene(s, around))),
        ),
    ];
    tables.push(("source".into(), rows(|s| drop(capture::read(s)))));
    tables.extend(kinds("source", capture::KINDS));
    tables.push(("find".into(), rows(|s| drop(find::read(s)))));
    tables.extend(kinds("find", find::KINDS));
    tables.push(("action".into(), rows(|s| drop(act::read(s, &[])))));
    tables.extend(kinds("action", act::KINDS));
    tables.push(("display".into(), rows(|s| drop(display::read(s, false)))));
    tables.extend(kinds("display", display::KINDS));
    tables.push(("publish".into(), rows(|s| drop(publish::read(s)))));
    tables.extend(kinds("publish", publish::KINDS));
    tables
}

fn kinds<T>(section: &str, kinds: &[Kind<T>]) -> Vec<(String, Vec<Row>)> {
    let table = |k: &Kind<T>| {
        let name = format!("{section}.{}", k.name);
        (name, rows(|s| drop((k.read)(s))))
    };
    kinds.iter().map(table).collect()
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
