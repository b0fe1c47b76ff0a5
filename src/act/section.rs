//! The sections `[action.NAME]` of a configuration: what is switched, and when.

use super::whose::{WHO, Who};
use super::{KINDS, Manner, Moments, OutputSettings};
use crate::recognise::EventKind;
use crate::settings::Section;
use std::time::Duration;

/// The keys that say when something is switched, and not what.
pub const WHEN: [&str; 6] = ["pose", "who", "until", "mode", "pulse_ms", "on"];

/// A pose of the file, as an action refers to it.
pub struct Driver {
    pub name: String,
    /// Whether it has `hold` events.
    pub repeats: bool,
    /// Whether it has `count` events.
    pub counts: bool,
    /// Whether it is ever entered: a count without a goal is not.
    pub is_entered: bool,
}

/// Reads a section `[action.NAME]`; `poses` are those of the file, in their order.
pub fn read(s: &mut Section, poses: &[Driver]) -> Option<OutputSettings> {
    let device = s.kind(KINDS, None);
    let moments = device.as_ref().and_then(|d| d.happens_at());
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
    let who = s
        .choice(
            "who",
            "whose pose drives it: `any`: anybody's; `all`: everybody who is there must hold it; `largest`, `nearest_centre`: that person's alone",
            WHO,
        )
        .or(Who::Any);
    let manner = manner(s, moments);
    if let (Some(moments), Some(driven_by)) = (moments, &driven_by)
        && moments.hold
        && !driven_by.iter().any(|&pose| poses[pose].repeats)
    {
        s.fault_with(
            "on",
            "\"hold\" never comes: none of its poses has `repeat_s`",
            "give a pose of `pose` a line repeat_s = 1.0, or leave \"hold\" out",
        );
    }
    let drivers = || driven_by.iter().flatten().map(|&pose| &poses[pose]);
    if moments.is_some_and(|m| m.count) && driven_by.is_some() && !drivers().any(|d| d.counts) {
        s.fault_with(
            "on",
            "\"count\" never comes: none of its poses is a [count.NAME]",
            "name a count in `pose`, or leave \"count\" out",
        );
    }
    if !moments.is_some_and(|m| m.count)
        && let Some(never) = drivers().find(|d| !d.is_entered)
    {
        s.fault_with(
            "pose",
            format!("{:?} is never entered: it is a count without a goal", never.name),
            format!("give [count.{}] a line goal = 10, or write on = [\"count\"] where the action takes it", never.name),
        );
    }
    if moments.is_none() && manner != Manner::Latch && s.given("until") {
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
        who,
        until: until.unwrap_or_default(),
    })
}

fn some(names: &[String]) -> Result<(), String> {
    if names.is_empty() {
        return Err("is empty".into());
    }
    Ok(())
}

fn index(name: &str, poses: &[Driver]) -> Result<usize, String> {
    let found = poses.iter().position(|p| p.name == name);
    found.ok_or_else(|| match poses {
        [] => format!("there is no pose {name:?}: the file has no section [pose.NAME]"),
        _ => format!(
            "there is no pose {name:?}; the poses are: {}",
            poses
                .iter()
                .map(|p| p.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
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

/// Reads `on` of a device that is over as soon as it has happened.
pub(super) fn moments(s: &mut Section) -> Moments {
    const EVENTS: [EventKind; 4] = [
        EventKind::Enter,
        EventKind::Hold,
        EventKind::Exit,
        EventKind::Count,
    ];
    let word = |name: String| {
        let found = EVENTS.into_iter().find(|e| e.name() == name);
        found.ok_or_else(|| {
            format!("there is no event {name:?}; the events are enter, hold, exit, count")
        })
    };
    let events = s
        .one_or_more(
            "on",
            "at which events of its poses it happens: \"enter\", \"hold\" (every `repeat_s` of the pose), \"exit\", and of a [count] \"count\"",
        )
        .example("[\"enter\", \"exit\"]")
        .without("`[\"enter\"]`")
        .check(|names| some(names))
        .each(word)
        .maybe();
    events.map_or(Moments::ENTER, |events| Moments {
        enter: events.contains(&EventKind::Enter),
        hold: events.contains(&EventKind::Hold),
        exit: events.contains(&EventKind::Exit),
        count: events.contains(&EventKind::Count),
    })
}

/// Reads `mode` and `pulse_ms`, which say nothing of a device that happens at `moments`.
fn manner(s: &mut Section, moments: Option<Moments>) -> Manner {
    let mode = s
        .choice(
            "mode",
            "when it is on; not for commands and webhooks, which have `on`",
            MODES,
        )
        .without("`pulse` where `pulse_ms` is given, else `follow`")
        .maybe();
    let pulse_ms = s
        .number(
            "pulse_ms",
            "milliseconds on, with mode = \"pulse\"",
            1..=3_600_000u64,
        )
        .or(200);
    if let Some(moments) = moments {
        for key in ["mode", "pulse_ms", "until"] {
            if s.given(key) {
                let problem = "says nothing of what happens at events and never stays on";
                let mend = "remove the line, or say at which events: on = [\"enter\", \"exit\"]";
                s.fault_with(key, problem, mend);
            }
        }
        return Manner::Each(moments);
    }
    let usual = match s.given("pulse_ms") {
        true => Mode::Pulse,
        false => Mode::Follow,
    };
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
