//! From the file as written to settings, with every value checked. In: sections. Out: settings, or all faults at once.

use super::error::{Fault, Places};
use super::{Config, Overrides, file, keys};
use crate::act::command::{self, CommandSettings};
use crate::act::gpio::{LineAddress, LineSettings};
use crate::act::{DeviceSettings, Manner, OutputSettings};
use crate::capture::{SourceSettings, Step};
use crate::display::{DisplaySettings, SceneOptions};
use crate::find::{FindSettings, FinderKind};
use crate::frame::PixelFormat;
use crate::geometry::{Rect, Size};
use crate::model::{DEFAULT_MODEL, ModelCard, ModelError};
use crate::publish::{PublishSettings, Sink};
use crate::recognise::{Pose, Rule};
use crate::segment::Segmenter;
use crate::skeleton::KeypointSet;
use crate::track::TrackSettings;
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
        self.faults.push(self.places.fault(key, problem, keys::mend(key)));
    }

    fn within<T: PartialOrd + std::fmt::Display>(&mut self, key: &str, value: Option<T>, low: T, high: T, default: T) -> T {
        match value {
            Some(v) if v >= low && v <= high => v,
            Some(v) => {
                self.fault(key, format!("{v} is not between {low} and {high}"));
                default
            }
            None => default,
        }
    }

    fn seconds(&mut self, key: &str, value: Option<f64>, low: f64, high: f64, default: f64) -> Duration {
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

pub fn build(file: file::File, places: &Places, overrides: &Overrides) -> Result<Config, Vec<Fault>> {
    let mut check = Check { places, faults: Vec::new() };
    let name = overrides.model.as_deref().or(file.model.as_deref()).unwrap_or(DEFAULT_MODEL);
    let model =
        ModelCard::find(name).map_err(|e| check.faults.push(places.fault("model", e.to_string(), keys::mend("model")))).ok();
    if let Some(m) = model.as_ref().filter(|m| m.keypoints().is_none()) {
        check.faults.push(places.fault("model", ModelError::NoJoints { name: m.name.clone() }.to_string(), keys::mend("model")));
    }
    let joints = model.as_ref().and_then(ModelCard::keypoints).map_or_else(KeypointSet::coco, Arc::clone);
    let segment = file.segment.as_ref().and_then(|s| segment(&mut check, &s.model));
    let threads = check.within("threads", file.threads, 1, 16, 1);
    let cache = cache(&mut check, file.cache, overrides);
    let grace = check.seconds("grace_s", file.grace_s, 0.1, 3600.0, 2.0);
    let visible = check.within("visible", file.visible, 0.05, 0.95, 0.25);
    let source = overrides.source.clone().or_else(|| source(&mut check, file.source));
    let find = find(&mut check, &file.find);
    let track = TrackSettings {
        min_cutoff_hz: check.within("smooth.min_cutoff_hz", file.smooth.min_cutoff_hz, 0.0, 100.0, 1.5),
        beta: check.within("smooth.beta", file.smooth.beta, 0.0, 1000.0, 6.0),
        forget: check.seconds("smooth.forget_s", file.smooth.forget_s, 0.0, 3600.0, 1.0),
        visible,
    };
    let names: Vec<String> = file.pose.keys().cloned().collect();
    let poses = file.pose.iter().filter_map(|(name, p)| pose(&mut check, name, p, &joints, file.segment.is_some())).collect();
    let outputs = file.action.iter().filter_map(|(name, a)| action(&mut check, name, a, &names)).collect();
    let displays = file.display.iter().filter_map(|(name, d)| display(&mut check, name, d, file.segment.is_some())).collect();
    let publish = file.publish.iter().filter_map(|(name, p)| publish(&mut check, name, p)).collect();
    match (model, source) {
        (Some(model), Some(source)) if check.faults.is_empty() => {
            Ok(Config { model, segment, threads, cache, grace, visible, source, find, track, poses, outputs, displays, publish })
        }
        _ => Err(check.faults),
    }
}

/// The outputs alone, all that can be understood: what stands elsewhere in the file must not keep a line active.
pub fn outputs(file: &file::File, places: &Places) -> (Vec<OutputSettings>, Vec<Fault>) {
    let mut check = Check { places, faults: Vec::new() };
    let names: Vec<String> = file.pose.keys().cloned().collect();
    let outputs = file.action.iter().filter_map(|(name, a)| action(&mut check, name, a, &names)).collect();
    (outputs, check.faults)
}

fn segment(check: &mut Check, name: &str) -> Option<ModelCard> {
    let card = ModelCard::find(name).and_then(|card| Segmenter::class(&card).map(|_| card));
    card.map_err(|e| check.fault("segment.model", e.to_string())).ok()
}

/// An empty path keeps no plans.
fn cache(check: &mut Check, given: Option<PathBuf>, overrides: &Overrides) -> Option<PathBuf> {
    let Some(directory) = given else { return overrides.cache.clone() };
    if directory.exists() && !directory.is_dir() {
        check.fault("cache", format!("{} is no directory", directory.display()));
    }
    Some(directory).filter(|d| !d.as_os_str().is_empty())
}

fn source(check: &mut Check, section: Option<file::Source>) -> Option<SourceSettings> {
    let s = check.needed("source", section)?;
    let before = check.faults.len();
    let fps = s.fps.map(|v| check.within("source.fps", Some(v), 0.5, 240.0, 30.0));
    let given = |keys: &[&'static str]| -> Vec<(&'static str, bool)> {
        let is_given = |k: &str| match k {
            "device" => s.device.is_some(),
            "path" => s.path.is_some(),
            "width" => s.width.is_some(),
            "height" => s.height.is_some(),
            "fps" => s.fps.is_some(),
            "format" => s.format.is_some(),
            "repeat" => s.repeat.is_some(),
            _ => s.script.is_some(),
        };
        keys.iter().map(|k| (*k, is_given(k))).collect()
    };
    let settings = match s.kind.as_str() {
        "v4l2" => {
            check.unused("source", "v4l2", &given(&["path", "repeat", "script"]));
            let format = s.format.as_deref().and_then(|f| match f {
                "yuyv" => Some(PixelFormat::Yuyv),
                "nv12" => Some(PixelFormat::Nv12),
                "mjpeg" => Some(PixelFormat::Mjpeg),
                _ => {
                    check.fault("source.format", format!("there is no format {f:?}"));
                    None
                }
            });
            Some(SourceSettings::V4l2 {
                device: s.device.clone().unwrap_or_else(|| "/dev/video0".into()),
                size: picture_size(check, &s),
                fps,
                format,
            })
        }
        "photo" => {
            check.unused("source", "photo", &given(&["device", "width", "height", "format", "repeat", "script"]));
            check.needed("source.path", s.path.clone()).map(|path| SourceSettings::Photo { path, fps: fps.unwrap_or(10.0) })
        }
        "clip" => {
            check.unused("source", "clip", &given(&["device", "width", "height", "fps", "format", "script"]));
            let repeat = s.repeat.unwrap_or(false);
            check.needed("source.path", s.path.clone()).map(|path| SourceSettings::Clip { path, repeat })
        }
        "stdin" => {
            check.unused("source", "stdin", &given(&["device", "path", "format", "repeat", "script"]));
            Some(SourceSettings::Stdin { size: picture_size(check, &s), fps: fps.unwrap_or(30.0) })
        }
        "synthetic" => {
            check.unused("source", "synthetic", &given(&["device", "path", "format", "repeat"]));
            let script = s.script.iter().flatten().filter_map(|text| step(check, text)).collect();
            Some(SourceSettings::Synthetic {
                script,
                size: picture_size(check, &s).unwrap_or(Size::new(640, 480)),
                fps: fps.unwrap_or(30.0),
            })
        }
        other => {
            check.fault("source.kind", format!("there is no kind {other:?}"));
            None
        }
    };
    if let Some(path) = s.path.filter(|p| !p.exists()) {
        check.fault("source.path", format!("{} does not exist", path.display()));
    }
    settings.filter(|_| check.faults.len() == before)
}

/// Width and height, which go together.
fn picture_size(check: &mut Check, s: &file::Source) -> Option<Size> {
    match (s.width, s.height) {
        (Some(w), Some(h)) => {
            let width = check.within("source.width", Some(w), 16, 8192, 640);
            Some(Size::new(width, check.within("source.height", Some(h), 16, 8192, 480)))
        }
        (None, None) => None,
        (w, _) => {
            let missing = if w.is_none() { "source.width" } else { "source.height" };
            check.fault(missing, "is missing: width and height go together");
            None
        }
    }
}

fn step(check: &mut Check, text: &str) -> Option<Step> {
    match Step::parse(text) {
        Ok(Step::Photo { path, .. }) if !path.exists() => {
            check.fault("source.script", format!("{text:?}: {} does not exist", path.display()));
            None
        }
        Ok(step) => Some(step),
        Err(e) => {
            check.fault("source.script", e.to_string());
            None
        }
    }
}

fn find(check: &mut Check, f: &file::Find) -> FindSettings {
    let boxes: Vec<Rect> = f.boxes.iter().flatten().map(|[x, y, w, h]| Rect::new(*x, *y, *w, *h)).collect();
    if boxes.iter().any(|b| !b.is_sound()) {
        check.fault("find.boxes", "a box has no width or height");
    }
    let kind = f.kind.as_deref().unwrap_or(if boxes.is_empty() { "windows" } else { "given" });
    if !boxes.is_empty() && kind != "given" {
        check.fault("find.boxes", format!("has no meaning with kind = {kind:?}"));
    }
    let kind = match kind {
        "windows" => FinderKind::Windows,
        "whole_frame" => FinderKind::WholeFrame,
        "given" => {
            if boxes.is_empty() {
                check.fault("find.boxes", "is missing, and kind = \"given\" needs it");
            }
            FinderKind::Given(boxes)
        }
        other => {
            check.fault("find.kind", format!("there is no kind {other:?}"));
            FinderKind::Windows
        }
    };
    let acquire_score = check.within("find.acquire_score", f.acquire_score, 0.05, 0.95, 0.35);
    FindSettings {
        kind,
        smallest: check.within("find.smallest", f.smallest, 0.1, 1.0, 0.45),
        acquire_score,
        keep_score: check.within("find.keep_score", f.keep_score, 0.01, acquire_score, acquire_score * 0.6),
        look_again: check.seconds("find.look_again_s", f.look_again_s, 0.1, 3600.0, 2.0),
    }
}

fn pose(check: &mut Check, name: &str, p: &file::Pose, joints: &KeypointSet, segments: bool) -> Option<Pose> {
    let key = |k: &str| format!("pose.{name}.{k}");
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        check.faults.push(check.places.fault(
            &format!("pose.{name}"),
            "has a name with other signs than letters, digits, _ and -",
            "rename it, for example [pose.hands_up]",
        ));
    }
    let mut rules = Vec::new();
    for text in p.when.list() {
        match Rule::parse(text, joints) {
            Ok(rule) if rule.needs_cover() && !segments => check.faults.push(check.places.fault(
                &key("when"),
                "person_area is known only with a segmentation network",
                "name one: a section [segment] with model = \"…\"; `posed models` lists them",
            )),
            Ok(rule) => rules.push(rule),
            Err(e) => check.fault(&key("when"), e.to_string()),
        }
    }
    if p.when.list().is_empty() {
        check.fault(&key("when"), "is empty: the pose would always be shown");
    }
    Some(Pose {
        name: name.into(),
        hold: check.seconds(&key("hold_s"), p.hold_s, 0.0, 3600.0, 0.3),
        release: check.seconds(&key("release_s"), p.release_s, 0.0, 3600.0, 0.3),
        cooldown: check.seconds(&key("cooldown_s"), p.cooldown_s, 0.0, 86_400.0, 0.0),
        repeat: p.repeat_s.map(|s| check.seconds(&key("repeat_s"), Some(s), 0.05, 86_400.0, 1.0)),
        margin: check.within(&key("margin"), p.margin, 0.001, 2.0, Pose::MARGIN),
        margin_deg: check.within(&key("margin_deg"), p.margin_deg, 0.1, 90.0, Pose::MARGIN_DEG),
        rule: Rule::all(rules),
    })
}

fn pose_indices(check: &mut Check, key: &str, wanted: &[String], names: &[String]) -> Vec<usize> {
    let mut found = Vec::new();
    if wanted.is_empty() {
        check.fault(key, "is empty");
    }
    for pose in wanted {
        match names.iter().position(|n| n == pose) {
            Some(i) => found.push(i),
            None => check.fault(key, format!("there is no pose {pose:?}; the poses are: {}", names.join(", "))),
        }
    }
    found
}

fn action(check: &mut Check, name: &str, a: &file::Action, names: &[String]) -> Option<OutputSettings> {
    let section = format!("action.{name}");
    let key = |k: &str| format!("{section}.{k}");
    let poses = pose_indices(check, &key("pose"), a.pose.list(), names);
    let until = a.until.as_ref().map(|u| pose_indices(check, &key("until"), u.list(), names)).unwrap_or_default();
    let pulse_ms = check.within(&key("pulse_ms"), a.pulse_ms, 1, 3_600_000, 200);
    let default = if a.pulse_ms.is_some() || a.kind == "command" { "pulse" } else { "follow" };
    let manner = match a.mode.as_deref().unwrap_or(default) {
        "pulse" => Manner::Pulse(Duration::from_millis(pulse_ms)),
        "latch" => Manner::Latch,
        "follow" => Manner::Follow,
        other => {
            check.fault(&key("mode"), format!("there is no mode {other:?}"));
            Manner::Follow
        }
    };
    if a.pulse_ms.is_some() && !matches!(manner, Manner::Pulse(_)) {
        check.fault(&key("pulse_ms"), "only goes with mode = \"pulse\"");
    }
    if a.until.is_some() && manner != Manner::Latch {
        check.fault(&key("until"), "only goes with mode = \"latch\"");
    }
    let gpio = [
        ("line", a.line.is_some()),
        ("chip", a.chip.is_some()),
        ("offset", a.offset.is_some()),
        ("active_low", a.active_low.is_some()),
    ];
    let program = [("argv", a.argv.is_some()), ("time_limit_s", a.time_limit_s.is_some()), ("overlap", a.overlap.is_some())];
    let path = [("path", a.path.is_some())];
    let device = match a.kind.as_str() {
        "gpio" => {
            check.unused(&section, "gpio", &program);
            check.unused(&section, "gpio", &path);
            let address = match (&a.line, &a.chip, a.offset) {
                (Some(line), None, None) => LineAddress::Name(line.clone()),
                (None, Some(chip), Some(offset)) => LineAddress::Offset { chip: chip.clone(), offset },
                (None, None, None) => return check.needed(&key("line"), None),
                _ => {
                    check.fault(&key("offset"), "give either `line`, or `chip` and `offset`");
                    return None;
                }
            };
            DeviceSettings::Gpio(LineSettings { address, active_low: a.active_low.unwrap_or(false) })
        }
        "command" => {
            check.unused(&section, "command", &gpio);
            check.unused(&section, "command", &path);
            let argv = check.needed(&key("argv"), a.argv.clone())?;
            if let Err(e) = command::check(&argv) {
                check.fault(&key("argv"), e.to_string());
            }
            let time_limit = check.seconds(&key("time_limit_s"), a.time_limit_s, 0.1, 86_400.0, 10.0);
            DeviceSettings::Command(CommandSettings { argv, time_limit, overlap: a.overlap.unwrap_or(false) })
        }
        "memory" => {
            check.unused(&section, "memory", &gpio);
            check.unused(&section, "memory", &program);
            DeviceSettings::Memory { journal: a.path.clone() }
        }
        other => {
            check.fault(&key("kind"), format!("there is no kind {other:?}"));
            return None;
        }
    };
    Some(OutputSettings { name: name.into(), device, manner, poses, until })
}

fn display(check: &mut Check, name: &str, d: &file::Display, segments: bool) -> Option<(DisplaySettings, SceneOptions)> {
    let section = format!("display.{name}");
    let key = |k: &str| format!("{section}.{k}");
    let show = match &d.show {
        None => SceneOptions::default(),
        Some(parts) => SceneOptions::from_names(parts.iter().map(String::as_str)).unwrap_or_else(|part| {
            check.fault(&key("show"), format!("there is no part {part:?}"));
            SceneOptions::default()
        }),
    };
    if d.show.iter().flatten().any(|part| part == "mask") && !segments {
        check.faults.push(check.places.fault(
            &key("show"),
            "there is a mask only with a segmentation network",
            "name one: a section [segment] with model = \"…\"; `posed models` lists them",
        ));
    }
    let settings = match d.kind.as_str() {
        "framebuffer" => {
            check.unused(&section, "framebuffer", &[("path", d.path.is_some()), ("every_s", d.every_s.is_some())]);
            DisplaySettings::Framebuffer { device: d.device.clone().unwrap_or_else(|| "/dev/fb0".into()) }
        }
        "png" => {
            check.unused(&section, "png", &[("device", d.device.is_some())]);
            let every = check.seconds(&key("every_s"), d.every_s, 0.0, 86_400.0, 1.0);
            DisplaySettings::Png { path: check.needed(&key("path"), d.path.clone())?, every }
        }
        "memory" => {
            let given = [("device", d.device.is_some()), ("path", d.path.is_some()), ("every_s", d.every_s.is_some())];
            check.unused(&section, "memory", &given);
            DisplaySettings::Memory
        }
        other => {
            check.fault(&key("kind"), format!("there is no kind {other:?}"));
            return None;
        }
    };
    Some((settings, show))
}

fn publish(check: &mut Check, name: &str, p: &file::Publish) -> Option<PublishSettings> {
    let key = |k: &str| format!("publish.{name}.{k}");
    let sink = match p.kind.as_str() {
        "stdout" => {
            check.unused(&format!("publish.{name}"), "stdout", &[("path", p.path.is_some())]);
            Sink::Stdout
        }
        "file" => Sink::File(check.needed(&key("path"), p.path.clone())?),
        "socket" => Sink::Socket(check.needed(&key("path"), p.path.clone())?),
        other => {
            check.fault(&key("kind"), format!("there is no kind {other:?}"));
            return None;
        }
    };
    Some(PublishSettings { sink, frames: p.frames.unwrap_or(false) })
}
