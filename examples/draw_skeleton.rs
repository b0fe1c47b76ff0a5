//! Draws a made-up skeleton over a photo: `cargo run --example draw_skeleton [PHOTO [OUT.png
//! [WIDTHxHEIGHT]]]`.
//!
//! In: a photo. Out: a PNG of the photo's size, or as a screen of the given size would show it.

use posed::display::Parts;
use posed::display::png::{RgbImage, render, write};
use posed::frame::Frame;
use posed::geometry::{Point, Rect, Size};
use posed::report::{Report, State};
use posed::skeleton::{Keypoint, Threshold};
use std::path::PathBuf;

/// A person who raises the left hand, in the order of COCO, as shares of the picture's height.
const FIGURE: [(f32, f32); 17] = [
    (0.44, 0.21),
    (0.47, 0.18),
    (0.41, 0.18),
    (0.51, 0.20),
    (0.37, 0.20),
    (0.58, 0.37),
    (0.30, 0.38),
    (0.70, 0.26),
    (0.20, 0.52),
    (0.72, 0.09),
    (0.26, 0.66),
    (0.53, 0.66),
    (0.36, 0.66),
    (0.55, 0.81),
    (0.34, 0.81),
    (0.56, 0.96),
    (0.33, 0.96),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let photo = arguments
        .next()
        .unwrap_or_else(|| "photos/astronaut.jpg".into());
    let out = arguments
        .next()
        .map_or_else(|| std::env::temp_dir().join("skeleton.png"), PathBuf::from);
    let screen = arguments.next();

    let mut frame = Frame::default();
    posed::decode::photo(&std::fs::read(&photo)?, &mut frame)?;
    let report = report(&frame);
    let parts = Parts {
        boxes: true,
        ..Parts::default()
    };
    let image = match screen.as_deref().and_then(|s| s.split_once('x')) {
        None => render(&report, parts),
        Some((width, height)) => {
            let mut image = RgbImage::new(Size::new(width.parse()?, height.parse()?));
            image.draw(&report, parts);
            image
        }
    };
    write(&out, &image)?;
    println!("{}", out.display());
    Ok(())
}

fn report(frame: &Frame) -> Report {
    let mut report = Report {
        visible: Threshold::DEFAULT,
        ..Report::default()
    };
    report.begin(frame, true);
    let unit = frame.size.height as f32;
    let person = report.people.add();
    person.id = 1;
    person.poses.push("left hand up".into());
    let joints = FIGURE.map(|(x, y)| Keypoint {
        position: Point::new(x * unit, y * unit),
        score: 0.9,
    });
    person.skeleton.keypoints.extend(joints);
    let bbox = Rect::new(0.15, 0.05, 0.63, 0.94);
    let bbox = Rect::new(
        bbox.x * unit,
        bbox.y * unit,
        bbox.width * unit,
        bbox.height * unit,
    );
    report.boxes.push(bbox);
    report.rate = Some(12.34);
    report.state = Some(State::SourceLost("camera lost, retrying".into()));
    report
}
