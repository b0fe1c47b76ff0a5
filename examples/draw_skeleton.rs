//! Draws a made-up skeleton over a photo: `cargo run --example draw_skeleton [PHOTO [OUT.png
//! [WIDTHxHEIGHT]]]`.
//!
//! In: a photo. Out: a PNG of the photo's size, or as a screen of the given size would show it.

use posed::display::png::{RgbImage, render, write};
use posed::display::{Scene, SceneOptions};
use posed::frame::Frame;
use posed::geometry::{Point, Rect, Size};
use posed::skeleton::{Keypoint, KeypointSet};
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
    let scene = scene(&frame);
    let coco = KeypointSet::coco();
    let image = match screen.as_deref().and_then(|s| s.split_once('x')) {
        None => render(&scene, &coco, 0.25),
        Some((width, height)) => {
            let mut image = RgbImage::new(Size::new(width.parse()?, height.parse()?));
            image.draw(&scene, &coco, 0.25);
            image
        }
    };
    write(&out, &image)?;
    println!("{}", out.display());
    Ok(())
}

fn scene(frame: &Frame) -> Scene {
    let mut scene = Scene::new(SceneOptions {
        boxes: true,
        ..SceneOptions::default()
    });
    scene.begin(frame);
    let unit = frame.size.height as f32;
    let person = scene.add_person();
    person.id = Some(1);
    person.label.push_str("left hand up");
    person
        .skeleton
        .keypoints
        .extend(FIGURE.map(|(x, y)| Keypoint {
            position: Point::new(x * unit, y * unit),
            score: 0.9,
        }));
    scene.boxes.push(Rect::new(
        0.15 * unit,
        0.05 * unit,
        0.63 * unit,
        0.94 * unit,
    ));
    scene.fps = Some(12.34);
    scene.note.push_str("camera lost, retrying");
    scene
}
