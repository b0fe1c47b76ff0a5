//! The sections with names of the user's: poses, actions, displays, publish.

use super::Check;
use crate::act::command::{self, CommandSettings};
use crate::act::gpio::{LineAddress, LineSettings};
use crate::act::{DeviceSettings, Manner, OutputSettings};
use crate::config::{DisplayConfig, file};
use crate::display::{DisplaySettings, SceneOptions};
use crate::publish::{PublishSettings, Sink};
use crate::recognise::{Pose, Rule};
use crate::skeleton::KeypointSet;
use std::time::Duration;

pub(super) fn pose(
    check: &mut Check,
    name: &str,
    p: &file::Pose,
    joints: &KeypointSet,
    segments: bool,
) -> Option<Pose> {
    let key = |k: &str| format!("pose.{name}.{k}");
    if name.is_empty()
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    {
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
                "name one: a section [segment] with model = \"…\"; docs/models.md shows how",
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
        repeat: p
            .repeat_s
            .map(|s| check.seconds(&key("repeat_s"), Some(s), 0.05, 86_400.0, 1.0)),
        margin: check.within(&key("margin"), p.margin, 0.001, 2.0, Pose::MARGIN),
        margin_deg: check.within(
            &key("margin_deg"),
            p.margin_deg,
            0.1,
            90.0,
            Pose::MARGIN_DEG,
        ),
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
            None => check.fault(
                key,
                format!(
                    "there is no pose {pose:?}; the poses are: {}",
                    names.join(", ")
                ),
            ),
        }
    }
    found
}

pub(super) fn action(
    check: &mut Check,
    name: &str,
    a: &file::Action,
    names: &[String],
) -> Option<OutputSettings> {
    let section = format!("action.{name}");
    let key = |k: &str| format!("{section}.{k}");
    let poses = pose_indices(check, &key("pose"), a.pose.list(), names);
    let until = a
        .until
        .as_ref()
        .map(|u| pose_indices(check, &key("until"), u.list(), names))
        .unwrap_or_default();
    let pulse_ms = check.within(&key("pulse_ms"), a.pulse_ms, 1, 3_600_000, 200);
    let default = if a.pulse_ms.is_some() || a.kind == "command" {
        "pulse"
    } else {
        "follow"
    };
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
    let program = [
        ("argv", a.argv.is_some()),
        ("time_limit_s", a.time_limit_s.is_some()),
        ("overlap", a.overlap.is_some()),
    ];
    let path = [("path", a.path.is_some())];
    let device = match a.kind.as_str() {
        "gpio" => {
            check.unused(&section, "gpio", &program);
            check.unused(&section, "gpio", &path);
            let address = match (&a.line, &a.chip, a.offset) {
                (Some(line), None, None) => LineAddress::Name(line.clone()),
                (None, Some(chip), Some(offset)) => LineAddress::Offset {
                    chip: chip.clone(),
                    offset,
                },
                (None, None, None) => return check.needed(&key("line"), None),
                _ => {
                    check.fault(&key("offset"), "give either `line`, or `chip` and `offset`");
                    return None;
                }
            };
            DeviceSettings::Gpio(LineSettings {
                address,
                active_low: a.active_low.unwrap_or(false),
            })
        }
        "command" => {
            check.unused(&section, "command", &gpio);
            check.unused(&section, "command", &path);
            let argv = check.needed(&key("argv"), a.argv.clone())?;
            if let Err(e) = command::check(&argv) {
                check.fault(&key("argv"), e.to_string());
            }
            let time_limit =
                check.seconds(&key("time_limit_s"), a.time_limit_s, 0.1, 86_400.0, 10.0);
            DeviceSettings::Command(CommandSettings {
                argv,
                time_limit,
                overlap: a.overlap.unwrap_or(false),
            })
        }
        "memory" => {
            check.unused(&section, "memory", &gpio);
            check.unused(&section, "memory", &program);
            DeviceSettings::Memory {
                journal: a.path.clone(),
            }
        }
        other => {
            check.fault(&key("kind"), format!("there is no kind {other:?}"));
            return None;
        }
    };
    Some(OutputSettings {
        name: name.into(),
        device,
        manner,
        poses,
        until,
    })
}

pub(super) fn display(
    check: &mut Check,
    name: &str,
    d: &file::Display,
    segments: bool,
) -> Option<DisplayConfig> {
    let section = format!("display.{name}");
    let key = |k: &str| format!("{section}.{k}");
    let show = match &d.show {
        None => SceneOptions::default(),
        Some(parts) => {
            SceneOptions::from_names(parts.iter().map(String::as_str)).unwrap_or_else(|part| {
                check.fault(&key("show"), format!("there is no part {part:?}"));
                SceneOptions::default()
            })
        }
    };
    if d.show.iter().flatten().any(|part| part == "mask") && !segments {
        check.faults.push(check.places.fault(
            &key("show"),
            "there is a mask only with a segmentation network",
            "name one: a section [segment] with model = \"…\"; docs/models.md shows how",
        ));
    }
    let settings = match d.kind.as_str() {
        "framebuffer" => {
            check.unused(
                &section,
                "framebuffer",
                &[("path", d.path.is_some()), ("every_s", d.every_s.is_some())],
            );
            DisplaySettings::Framebuffer {
                device: d.device.clone().unwrap_or_else(|| "/dev/fb0".into()),
            }
        }
        "png" => {
            check.unused(&section, "png", &[("device", d.device.is_some())]);
            let every = check.seconds(&key("every_s"), d.every_s, 0.0, 86_400.0, 1.0);
            DisplaySettings::Png {
                path: check.needed(&key("path"), d.path.clone())?,
                every,
            }
        }
        "memory" => {
            let given = [
                ("device", d.device.is_some()),
                ("path", d.path.is_some()),
                ("every_s", d.every_s.is_some()),
            ];
            check.unused(&section, "memory", &given);
            DisplaySettings::Memory
        }
        other => {
            check.fault(&key("kind"), format!("there is no kind {other:?}"));
            return None;
        }
    };
    Some(DisplayConfig {
        name: name.into(),
        settings,
        show,
    })
}

pub(super) fn publish(check: &mut Check, name: &str, p: &file::Publish) -> Option<PublishSettings> {
    let key = |k: &str| format!("publish.{name}.{k}");
    let sink = match p.kind.as_str() {
        "stdout" => {
            check.unused(
                &format!("publish.{name}"),
                "stdout",
                &[("path", p.path.is_some())],
            );
            Sink::Stdout
        }
        "file" => Sink::File(check.needed(&key("path"), p.path.clone())?),
        "socket" => Sink::Socket(check.needed(&key("path"), p.path.clone())?),
        other => {
            check.fault(&key("kind"), format!("there is no kind {other:?}"));
            return None;
        }
    };
    Some(PublishSettings {
        sink,
        frames: p.frames.unwrap_or(false),
    })
}
