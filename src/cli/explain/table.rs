//! The tables of `posed explain`. In: what a pose's terms say. Out: lines of text.

use crate::recognise::{Anatomy, Explanation, TermAnatomy, TermNow, Unit, Verdict};
use std::io::{self, Write};

/// A pose as somebody shows it at one moment.
pub(super) fn moment(
    out: &mut impl Write,
    pose: &str,
    anatomy: &Anatomy,
    now: &Explanation,
    joints: &[String],
    active: bool,
) -> io::Result<()> {
    let active = if active { ", active" } else { "" };
    let slack = now.slack.map_or(String::new(), |slack| match slack > 0.0 {
        true => format!(" by {slack:.1} margins"),
        false => format!(", {:.1} margins short", -slack),
    });
    writeln!(out, "{pose}: {}{slack}{active}", now.verdict.name())?;
    rule(out, anatomy)?;
    for (i, (term, now)) in anatomy.terms.iter().zip(&now.terms).enumerate() {
        let value = match now.value {
            Some(value) => number(value, term.unit),
            None => "?".into(),
        };
        writeln!(
            out,
            "  #{i:<2} {:<8} {value:>7} {:<30} {}{}",
            now.verdict.name(),
            limits(term),
            term.text,
            reason(now, joints)
        )?;
    }
    Ok(())
}

/// The rule by the numbers of its terms, where it is more than all of them.
pub(super) fn rule(out: &mut impl Write, anatomy: &Anatomy) -> io::Result<()> {
    let all: Vec<String> = (0..anatomy.terms.len()).map(|i| format!("#{i}")).collect();
    if anatomy.rule == all.join(" and ") {
        return Ok(());
    }
    writeln!(out, "  rule: {}", anatomy.rule)
}

/// A value as precisely as its unit deserves.
pub(super) fn number(value: f32, unit: Unit) -> String {
    match unit {
        Unit::Degrees => format!("{:.1}", value + 0.0),
        Unit::Times | Unit::People => format!("{value:.0}"),
        _ => format!("{:.2}", value + 0.0),
    }
}

/// "above 0.20 torsos (margin 0.10)"
pub(super) fn limits(term: &TermAnatomy) -> String {
    let unit = match term.unit {
        Unit::Torsos => " torsos",
        Unit::Degrees => "°",
        Unit::Score => " score",
        Unit::Share => " of the picture",
        Unit::Speed => " torsos a second",
        Unit::Depth => " of the picture's height inside",
        Unit::Likeness => " like it",
        Unit::Seconds => " s",
        Unit::Times => " times",
        Unit::People => " people",
    };
    // As it was written: a rounded limit would be another.
    let n = |value: f32| format!("{}", (f64::from(value) * 1e4).round() / 1e4);
    let limits = match (term.low, term.high) {
        (Some(low), Some(high)) => format!("{} to {}{unit}", n(low), n(high)),
        (Some(low), None) => format!("above {}{unit}", n(low)),
        (None, Some(high)) => format!("below {}{unit}", n(high)),
        (None, None) => format!("any{unit}"),
    };
    match term.unit {
        Unit::Score | Unit::Seconds | Unit::Times | Unit::People => limits,
        _ => format!("{limits} (margin {})", n(term.margin)),
    }
}

fn reason(now: &TermNow, joints: &[String]) -> String {
    if now.verdict == Verdict::Holds || now.verdict == Verdict::Fails && now.hidden.is_empty() {
        return String::new();
    }
    let name = |&joint: &usize| joints.get(joint).map_or("?", String::as_str);
    let hidden: Vec<&str> = now.hidden.iter().map(name).collect();
    match &hidden[..] {
        [] if now.lacks_torso => "  (too little of the body is seen to measure it)".into(),
        [] => String::new(),
        [one] => format!("  ({one} is hidden)"),
        [most @ .., last] => format!("  ({} and {last} are hidden)", most.join(", ")),
    }
}
