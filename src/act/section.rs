//! The sections `[action.NAME]` of a configuration: what is switched, and when.

use super::{KINDS, Manner, OutputSettings};
use crate::settings::Section;
use std::time::Duration;

/// The keys that say when something is switched, and not what.
pub const WHEN: [&str; 4] = ["pose", "until", "mode", "pulse_ms"];

/// Reads a section `[action.NAME]`; `poses` are the names of the file's poses, in their order.
pub fn read(s: &mut Section, poses: &[String]) -> Option<OutputSettings> {
    let device = s.kind(KINDS, None);
    let momentary = device.as_ref().is_some_and(|d| d.is_momentary());
    let driven_by = s
        .one_or_more("pose", "the poses of this file that switch it, by name")
        .example("\"hands_up\"")
        .check(|names| some(names))
        .each(|name| index(&name, poses))
        .needed();
    let until = s
        .one_or_more("until", "the poses that end a latch, with mode = \"latch\"")
        .example("\"hands_down\"")
        .check(|names| some(names))
        .each(|name| index(&name, poses))
        .maybe();
    let manner = manner(s, momentary);
    if manner != Manner::Latch && s.given("until") {
        s.fault_with(
            "until",
            "only goes with mode = \"latch\"",
            "remove the line, or write mode = \"latch\"",
        );
    }
    Some(OutputSettings {
        name: s.last_name().into(),
        device: device?,
        manner,
        poses: driven_by.unwrap_or_default(),
        until: until.unwrap_or_default(),
    })
}

fn some(names: &[String]) -> Result<(), String> {
    if names.is_empty() {
        return Err("is empty".into());
    }
    Ok(())
}

fn index(name: &str, poses: &[String]) -> Result<usize, String> {
    let found = poses.iter().position(|p| p == name);
    found.ok_or_else(|| match poses {
        [] => format!("there is no pose {name:?}: the file has no section [pose.NAME]"),
        _ => format!(
            "there is no pose {name:?}; the poses are: {}",
            poses.join(", ")
        ),
    })
}

/// [`Manner`] as `mode` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Follow,
    Pulse,
    Latch,
}

const MODES: &[(&str, Mode)] = &[
    ("follow", Mode::Follow),
    ("pulse", Mode::Pulse),
    ("latch", Mode::Latch),
];

/// Reads `mode` and `pulse_ms`; a `momentary` device pulses where neither is given.
fn manner(s: &mut Section, momentary: bool) -> Manner {
    let mode = s
        .choice("mode", "when it is on", MODES)
        .without("`pulse` for commands and where `pulse_ms` is given, else `follow`")
        .maybe();
    let pulse_ms = s
        .number(
            "pulse_ms",
            "milliseconds on, with mode = \"pulse\"",
            1..=3_600_000u64,
        )
        .or(200);
    let pulses = momentary || s.given("pulse_ms");
    let usual = if pulses { Mode::Pulse } else { Mode::Follow };
    let mode = mode.unwrap_or(usual);
    if mode != Mode::Pulse && s.given("pulse_ms") {
        s.fault_with(
            "pulse_ms",
            "only goes with mode = \"pulse\"",
            "remove the line, or write mode = \"pulse\"",
        );
    }
    match mode {
        Mode::Follow => Manner::Follow,
        Mode::Pulse => Manner::Pulse(Duration::from_millis(pulse_ms)),
        Mode::Latch => Manner::Latch,
    }
}
