//! From the file as written to settings, with every value checked. In: sections. Out: settings, or
//! all faults at once.

mod named;
mod sources;

use super::error::{Fault, Places};
use super::{Config, Overrides, file, keys};
use crate::act::OutputSettings;
use crate::model::{DEFAULT_MODEL, ModelCard, ModelError};
use crate::segment::Segmenter;
use crate::skeleton::KeypointSet;
use crate::track::TrackSettings;
use named::{action, display, pose, publish};
use sources::{find, source};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Gathers faults while values are read, so that the user sees all of them.
struct Check<'a> {
    places: &'a Places<'a>,
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn fault(&mut self, key: &str, problem: impl Into<String>) {
        self.faults
            .push(self.places.fault(key, problem, keys::mend(key)));
    }

    fn within<T: PartialOrd + std::fmt::Display>(
        &mut self,
        key: &str,
        value: Option<T>,
        low: T,
        high: T,
        default: T,
    ) -> T {
        match value {
            Some(v) if v >= low && v <= high => v,
            Some(v) => {
                self.fault(key, format!("{v} is not between {low} and {high}"));
                default
            }
            None => default,
        }
    }

    fn seconds(
        &mut self,
        key: &str,
        value: Option<f64>,
        low: f64,
        high: f64,
        default: f64,
    ) -> Duration {
        Duration::from_secs_f64(self.within(key, value, low, high, default))
    }

    fn needed<T>(&mut self, key: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.fault(key, "is missing");
        }
        value
    }

    /// A key that the chosen kind has no use for is a fault: it would be silently ignored.
    fn unused(&mut self, section: &str, kind: &str, keys: &[(&str, bool)]) {
        for (key, _) in keys.iter().filter(|(_, given)| *given) {
            let fault = self.places.fault(
                &format!("{section}.{key}"),
                format!("has no meaning with kind = \"{kind}\""),
                "remove the line",
            );
            self.faults.push(fault);
        }
    }
}

const NO_SEGMENTATION: &str = "name a pose network here, and this one as `model` under [segment]";

pub fn build(
    file: file::File,
    places: &Places,
    overrides: &Overrides,
) -> Result<Config, Vec<Fault>> {
    let mut check = Check {
        places,
        faults: Vec::new(),
    };
    let name = overrides
        .model
        .as_deref()
        .or(file.model.as_deref())
        .unwrap_or(DEFAULT_MODEL);
    let model = ModelCard::find(name)
        .map_err(|e| {
            check
                .faults
                .push(places.fault("model", e.to_string(), keys::mend("model")))
        })
        .ok();
    if let Some(m) = model.as_ref().filter(|m| m.keypoints().is_none()) {
        check.faults.push(
            places.fault(
                "model",
                ModelError::NoJoints {
                    name: m.name.clone(),
                }
                .to_string(),
                NO_SEGMENTATION,
            ),
        );
    }
    let joints = model
        .as_ref()
        .and_then(ModelCard::keypoints)
        .map_or_else(KeypointSet::coco, Arc::clone);
    let segment = file
        .segment
        .as_ref()
        .and_then(|s| segment(&mut check, &s.model));
    let threads = check.within("threads", file.threads, 1, 16, 1);
    let cache = cache(&mut check, file.cache, overrides);
    let grace = check.seconds("grace_s", file.grace_s, 0.1, 3600.0, 2.0);
    let visible = check.within("visible", file.visible, 0.05, 0.95, 0.25);
    let source = overrides
        .source
        .clone()
        .or_else(|| source(&mut check, file.source));
    let find = find(&mut check, &file.find);
    let track = TrackSettings {
        min_cutoff_hz: check.within(
            "smooth.min_cutoff_hz",
            file.smooth.min_cutoff_hz,
            0.0,
            100.0,
            1.5,
        ),
        beta: check.within("smooth.beta", file.smooth.beta, 0.0, 1000.0, 6.0),
        forget: check.seconds("smooth.forget_s", file.smooth.forget_s, 0.0, 3600.0, 1.0),
        visible,
    };
    let names: Vec<String> = file.pose.keys().cloned().collect();
    let poses = file
        .pose
        .iter()
        .filter_map(|(name, p)| pose(&mut check, name, p, &joints, file.segment.is_some()))
        .collect();
    let outputs = file
        .action
        .iter()
        .filter_map(|(name, a)| action(&mut check, name, a, &names))
        .collect();
    let displays = file
        .display
        .iter()
        .filter_map(|(name, d)| display(&mut check, name, d, file.segment.is_some()))
        .collect();
    let publish = file
        .publish
        .iter()
        .filter_map(|(name, p)| publish(&mut check, name, p))
        .collect();
    match (model, source) {
        (Some(model), Some(source)) if check.faults.is_empty() => Ok(Config {
            model,
            segment,
            threads,
            cache,
            grace,
            visible,
            source,
            find,
            track,
            poses,
            outputs,
            displays,
            publish,
            text: places.text().into(),
        }),
        _ => Err(check.faults),
    }
}

/// The outputs alone, all that can be understood: what stands elsewhere in the file must not keep a
/// line active.
pub fn outputs(table: &toml::Table, places: &Places) -> (Vec<OutputSettings>, Vec<Fault>) {
    let mut check = Check {
        places,
        faults: Vec::new(),
    };
    let section = |name: &str| {
        table
            .get(name)
            .and_then(toml::Value::as_table)
            .cloned()
            .unwrap_or_default()
    };
    let names: Vec<String> = section("pose").keys().cloned().collect();
    let mut outputs = Vec::new();
    for (name, written) in section("action") {
        match written.try_into::<file::Action>() {
            Ok(written) => outputs.extend(action(&mut check, &name, &written, &names)),
            Err(e) => check.fault(&format!("action.{name}"), e.message()),
        }
    }
    (outputs, check.faults)
}

fn segment(check: &mut Check, name: &str) -> Option<ModelCard> {
    let card = ModelCard::find(name).and_then(|card| Segmenter::class(&card).map(|_| card));
    card.map_err(|e| check.fault("segment.model", e.to_string()))
        .ok()
}

/// An empty path keeps no plans.
fn cache(check: &mut Check, given: Option<PathBuf>, overrides: &Overrides) -> Option<PathBuf> {
    let Some(directory) = given else {
        return overrides.cache.clone();
    };
    if directory.exists() && !directory.is_dir() {
        check.fault("cache", format!("{} is no directory", directory.display()));
    }
    Some(directory).filter(|d| !d.as_os_str().is_empty())
}
