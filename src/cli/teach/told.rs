//! What is told of taught poses: a table on stdout, and a picture of all examples.

use crate::display::{Parts, png};
use crate::geometry::{Point, Rect, Size};
use crate::report::Report;
use crate::skeleton::{Keypoint, Threshold};
use crate::taught::{OTHER, Taught, TaughtPose};
use std::path::Path;
use std::sync::Arc;

/// A cell of the picture, in pixels.
const CELL: Size = Size::new(150, 190);
/// A row has no more.
const COLUMNS: usize = 10;
/// Above the figure, for its label.
const LABEL: f32 = 34.0;

/// Prints how well the poses can be told apart, and what to do where they cannot.
pub(super) fn report(taught: &Taught, mirror: bool) -> anyhow::Result<()> {
    let poses = taught.poses()?;
    if poses.is_empty() {
        say!("{}: nothing was taught yet", taught.folder().display());
        return Ok(());
    }
    let report = taught.report(mirror)?;
    let widest = report.scores.iter().map(|s| s.name.len()).max();
    let width = widest.unwrap_or(0).max(4);
    say!(
        "{:width$}  examples  told  unknown  taken for another",
        "pose"
    );
    for score in &report.scores {
        let mut others: Vec<(&str, usize)> = Vec::new();
        for confusion in &score.confused {
            match others.iter_mut().find(|(name, _)| *name == confusion.with) {
                Some((_, n)) => *n += 1,
                None => others.push((&confusion.with, 1)),
            }
        }
        let others: Vec<String> = others
            .iter()
            .map(|(name, n)| format!("{n} {}", shown(name)))
            .collect();
        say!(
            "{:width$}  {:>8}  {:>4}  {:>7}  {}",
            score.name,
            score.examples,
            score.right,
            score.unknown,
            if others.is_empty() {
                "none".into()
            } else {
                others.join(", ")
            }
        );
    }
    if let Some(other) = poses.iter().find(|p| p.name == OTHER) {
        say!("{:width$}  {:>8}", shown(OTHER), other.examples.len());
    }
    for score in &report.scores {
        for confusion in &score.confused {
            let from = |name: &str, place: usize| {
                let pose = poses.iter().find(|p| p.name == name);
                let example = pose.and_then(|p| p.examples.get(place));
                example.map_or("", |e| e.from.as_str())
            };
            say!(
                "{} of {} is nearest to {} of {}",
                from(&score.name, confusion.example),
                score.name,
                from(&confusion.with, confusion.with_example),
                shown(&confusion.with)
            );
        }
    }
    if let Some(closest) = &report.closest {
        let [a, b] = &closest.poses;
        say!(
            "nearest to each other: {a} and {b}, {:.2} apart",
            closest.distance
        );
    }
    for score in &report.scores {
        match (report.trust(&score.name), score.advice()) {
            (Err(trouble), _) => say!("{}: refused: {trouble}", score.name),
            (Ok(()), advice) if !advice.is_empty() => say!("{}: {advice}", score.name),
            _ => {}
        }
    }
    Ok(())
}

/// What is no pose has a file with a name of its own.
fn shown(name: &str) -> &str {
    if name == OTHER { "other" } else { name }
}

/// Draws all examples, a row or more for each pose; those that are taken for another say for which.
pub(super) fn picture(output: &Path, taught: &Taught, mirror: bool) -> anyhow::Result<()> {
    let scores = &taught.report(mirror)?.scores;
    let mut report = Report {
        keypoints: Arc::new(taught.joints().clone()),
        is_frame: true,
        ..Report::default()
    };
    let mut row = 0;
    for pose in taught.poses()? {
        let score = scores.iter().find(|s| s.name == pose.name);
        for (i, example) in pose.examples.iter().enumerate() {
            let confusion = score.and_then(|s| s.confused.iter().find(|c| c.example == i));
            let label = match confusion {
                Some(confusion) => format!("{} = {}?", i + 1, shown(&confusion.with)),
                None if i == 0 => format!("1 {}", shown(&pose.name)),
                None => (i + 1).to_string(),
            };
            let corner = Point::new(
                (i % COLUMNS) as f32 * CELL.width as f32,
                (row + i / COLUMNS) as f32 * CELL.height as f32,
            );
            let person = report.people.add();
            person.poses.push(label.as_str().into());
            let keypoints = &example.skeleton.keypoints;
            place(keypoints, corner, &mut person.skeleton.keypoints);
        }
        row += rows(pose);
    }
    report.size = Size::new(CELL.width * COLUMNS as u32, CELL.height * row.max(1) as u32);
    let parts = Parts {
        picture: false,
        mask: false,
        fps: false,
        ..Parts::default()
    };
    Ok(png::write(output, &png::render(&report, parts))?)
}

fn rows(pose: &TaughtPose) -> usize {
    pose.examples.len().div_ceil(COLUMNS).max(1)
}

/// Puts an example into its cell.
fn place(example: &[Keypoint], corner: Point, placed: &mut Vec<Keypoint>) {
    let visible = Threshold::DEFAULT;
    let seen = example.iter().filter(|k| visible.sees(k));
    let bounds = Rect::around(seen.map(|k| k.position)).unwrap_or_default();
    let room = Size::new(CELL.width - 30, CELL.height - LABEL as u32 - 16);
    let scale = (room.width as f32 / bounds.width.max(0.1))
        .min(room.height as f32 / bounds.height.max(0.1));
    let centre = Point::new(
        corner.x + CELL.width as f32 / 2.0,
        corner.y + LABEL + room.height as f32 / 2.0,
    );
    let middle = bounds.centre();
    placed.extend(example.iter().map(|k| Keypoint {
        position: Point::new(
            centre.x + (k.position.x - middle.x) * scale,
            centre.y + (k.position.y - middle.y) * scale,
        ),
        score: k.score,
    }));
}
