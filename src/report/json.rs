//! JSON lines, written by hand into a buffer that is used again. In: a [`Report`]. Out: bytes, each
//! line ended by a newline.
//!
//! Every line begins with `"schema":"posed/1"` and a `type`: `frame`, `event` or `status`. Pixels
//! have two decimals, scores and seconds three, so that a replay gives the same bytes on every
//! machine. Only a report that has a time on the wall, which those of a replay have not, gives it.

use super::{Event, Report, Seen, State};
use crate::skeleton::KeypointSet;
use jiff::Timestamp;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Writes what the report tells: its events, its state, and if `frames` its frame.
pub fn write(out: &mut Vec<u8>, report: &Report, frames: bool) {
    for e in &report.events {
        event(out, e, report.wall);
    }
    if let Some(state) = &report.state {
        status(out, report, state);
    }
    if frames && report.is_frame {
        frame(out, report);
    }
}

fn text(out: &mut Vec<u8>, value: &str) {
    // Writing to a Vec cannot fail.
    let _ = serde_json::to_writer(out, value);
}

fn start(out: &mut Vec<u8>, kind: &str, time: Duration, wall: Option<SystemTime>) {
    let _ = write!(
        out,
        "{{\"schema\":\"posed/1\",\"type\":\"{kind}\",\"t\":{:.3}",
        time.as_secs_f64()
    );
    // A clock that is set to a year beyond 9999 is left out.
    if let Some(Ok(wall)) = wall.map(Timestamp::try_from) {
        let _ = write!(out, ",\"time\":\"{wall:.3}\"");
    }
}

/// Writes the line of the report's frame.
pub fn frame(out: &mut Vec<u8>, report: &Report) {
    start(out, "frame", report.time, report.wall);
    let _ = write!(
        out,
        ",\"frame\":{},\"size\":[{},{}]",
        report.sequence, report.size.width, report.size.height
    );
    if let Some(file) = &report.file {
        out.extend_from_slice(b",\"source\":");
        text(out, file);
    }
    out.extend_from_slice(b",\"people\":[");
    for (i, seen) in report.people.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        person(out, seen, &report.keypoints);
    }
    out.push(b']');
    counts(out, &report.totals);
    out.extend_from_slice(b"}\n");
}

/// How often something was done, where anything is counted.
fn counts(out: &mut Vec<u8>, counts: &[(Arc<str>, u32)]) {
    for (i, (name, number)) in counts.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b",\"counts\":{" } else { b"," });
        text(out, name);
        let _ = write!(out, ":{number}");
    }
    if !counts.is_empty() {
        out.push(b'}');
    }
}

fn person(out: &mut Vec<u8>, person: &Seen, keypoints: &KeypointSet) {
    let b = person.bbox;
    let _ = write!(
        out,
        "{{\"id\":{},\"score\":{:.3},\"box\":[{:.2},{:.2},{:.2},{:.2}],",
        person.id, person.score, b.x, b.y, b.width, b.height
    );
    if let Some(seen) = person.waits_since {
        let _ = write!(out, "\"seen_t\":{:.3},", seen.as_secs_f64());
    }
    if let Some(share) = person.share {
        let _ = write!(out, "\"person_area\":{share:.4},");
    }
    out.extend_from_slice(b"\"poses\":[");
    for (i, pose) in person.poses.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        text(out, pose);
    }
    out.push(b']');
    counts(out, &person.counts);
    out.extend_from_slice(b",\"keypoints\":{");
    let joints = keypoints.names().iter().zip(&person.skeleton.keypoints);
    for (i, (name, k)) in joints.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        text(out, name);
        let _ = write!(
            out,
            ":[{:.2},{:.2},{:.3}]",
            k.position.x, k.position.y, k.score
        );
    }
    out.extend_from_slice(b"}}");
}

/// Writes the line of one event; `wall` is the time on the wall when it is told.
pub fn event(out: &mut Vec<u8>, event: &Event, wall: Option<SystemTime>) {
    start(out, "event", event.time, wall);
    let _ = write!(out, ",\"event\":\"{}\",\"pose\":", event.kind.name());
    text(out, &event.pose);
    let _ = write!(
        out,
        ",\"person\":{},\"confidence\":{:.3},\"held_s\":{:.3}",
        event.person,
        event.confidence,
        event.held.as_secs_f64()
    );
    if let Some(count) = event.count {
        let _ = write!(out, ",\"count\":{count}");
    }
    out.extend_from_slice(b"}\n");
}

fn status(out: &mut Vec<u8>, report: &Report, state: &State) {
    start(out, "status", report.time, report.wall);
    out.extend_from_slice(b",\"state\":");
    text(out, state.name());
    out.extend_from_slice(b",\"detail\":");
    text(out, state.detail());
    if let State::Started(run) = state {
        out.extend_from_slice(b",\"run\":");
        text(out, run);
    }
    out.extend_from_slice(b"}\n");
}
