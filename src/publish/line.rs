//! JSON lines, written by hand into a buffer that is used again. In: people, events, states. Out:
//! bytes, each line ended by a newline.
//!
//! Every line begins with `"schema":"posed/1"` and a `type`: `frame`, `event` or `status`. Pixels
//! have two decimals, scores and seconds three, so that a replay gives the same bytes on every
//! machine.

use crate::geometry::{Rect, Size};
use crate::recognise::PoseEvent;
use crate::skeleton::{KeypointSet, Skeleton};
use std::io::Write;
use std::time::Duration;

/// One person of a `frame` line.
pub struct PersonLine<'a, P> {
    pub id: u32,
    pub score: f32,
    pub area: Rect,
    /// The share of the picture that the person covers, where a segmentation network tells.
    pub cover: Option<f32>,
    pub skeleton: &'a Skeleton,
    /// Names of the poses held.
    pub poses: P,
}

fn text(out: &mut Vec<u8>, value: &str) {
    // Writing to a Vec cannot fail.
    let _ = serde_json::to_writer(out, value);
}

fn start(out: &mut Vec<u8>, kind: &str, time: Duration) {
    let _ = write!(
        out,
        "{{\"schema\":\"posed/1\",\"type\":\"{kind}\",\"t\":{:.3}",
        time.as_secs_f64()
    );
}

/// A `frame` line up to its people.
pub fn frame_start(
    out: &mut Vec<u8>,
    time: Duration,
    sequence: u64,
    size: Size,
    source: Option<&str>,
) {
    start(out, "frame", time);
    let _ = write!(
        out,
        ",\"frame\":{sequence},\"size\":[{},{}]",
        size.width, size.height
    );
    if let Some(source) = source {
        out.extend_from_slice(b",\"source\":");
        text(out, source);
    }
    out.extend_from_slice(b",\"people\":[");
}

/// One person; `first` tells whether a comma must stand before.
pub fn person<'p>(
    out: &mut Vec<u8>,
    person: PersonLine<'_, impl Iterator<Item = &'p str>>,
    keypoints: &KeypointSet,
    first: bool,
) {
    if !first {
        out.push(b',');
    }
    let a = person.area;
    let _ = write!(
        out,
        "{{\"id\":{},\"score\":{:.3},\"box\":[{:.2},{:.2},{:.2},{:.2}],",
        person.id, person.score, a.x, a.y, a.width, a.height
    );
    if let Some(cover) = person.cover {
        let _ = write!(out, "\"person_area\":{cover:.4},");
    }
    out.extend_from_slice(b"\"poses\":[");
    for (i, pose) in person.poses.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        text(out, pose);
    }
    out.extend_from_slice(b"],\"keypoints\":{");
    for (i, (name, k)) in keypoints
        .names()
        .iter()
        .zip(&person.skeleton.keypoints)
        .enumerate()
    {
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

/// The end of a `frame` line.
pub fn frame_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"]}\n");
}

/// An `event` line.
pub fn event(out: &mut Vec<u8>, event: &PoseEvent, pose: &str) {
    start(out, "event", event.time);
    let _ = write!(out, ",\"event\":\"{}\",\"pose\":", event.kind.name());
    text(out, pose);
    let _ = writeln!(
        out,
        ",\"person\":{},\"confidence\":{:.3},\"held_s\":{:.3}}}",
        event.person.0,
        event.confidence,
        event.held.as_secs_f64()
    );
}

/// A `status` line: `state` is one of `started`, `source_lost`, `source_back`, `stopped`.
pub fn status(out: &mut Vec<u8>, time: Duration, state: &str, detail: &str) {
    start(out, "status", time);
    out.extend_from_slice(b",\"state\":");
    text(out, state);
    out.extend_from_slice(b",\"detail\":");
    text(out, detail);
    out.extend_from_slice(b"}\n");
}
