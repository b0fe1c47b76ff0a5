//! Clips whose truth is known: people cut out of the bundled photos, moved before the wall of one.
//!
//! The outlines are tests/clips/outlines.json: polygons in pixels of the photos.
#![allow(dead_code)] // each test file uses a part

use posed::decode;
use posed::frame::{Frame, PixelFormat};
use posed::geometry::{Rect, Size};
use std::collections::HashMap;
use std::time::Duration;

pub const WIDTH: usize = 640;
pub const HEIGHT: usize = 480;
/// The wall in photos/basketball.jpg between its two men.
const WALL: (usize, usize) = (215, 425);

struct Photo {
    rgb: Vec<u8>,
    width: usize,
    height: usize,
}

impl Photo {
    fn read(path: &str) -> Self {
        let mut frame = Frame::default();
        decode::photo(&std::fs::read(path).unwrap(), &mut frame).unwrap();
        Self {
            rgb: frame.to_rgb().unwrap(),
            width: frame.size.width as usize,
            height: frame.size.height as usize,
        }
    }

    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let i = 3 * (y.min(self.height - 1) * self.width + x.min(self.width - 1));
        [self.rgb[i], self.rgb[i + 1], self.rgb[i + 2]]
    }
}

/// A person without what was behind them.
struct Cutout {
    photo: Photo,
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    /// Whether a pixel of the rectangle is the person's.
    inside: Vec<bool>,
}

impl Cutout {
    fn new(photo: Photo, outline: &[(f32, f32)]) -> Self {
        let xs = || outline.iter().map(|p| p.0);
        let ys = || outline.iter().map(|p| p.1);
        let (left, right) = (xs().fold(f32::MAX, f32::min), xs().fold(0.0, f32::max));
        let (top, bottom) = (ys().fold(f32::MAX, f32::min), ys().fold(0.0, f32::max));
        let (width, height) = ((right - left) as usize + 1, (bottom - top) as usize + 1);
        let is_inside = |x: f32, y: f32| {
            let mut inside = false;
            let next = outline.iter().cycle().skip(1);
            for (a, b) in outline.iter().zip(next) {
                if (a.1 > y) != (b.1 > y) && x < a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0) {
                    inside = !inside;
                }
            }
            inside
        };
        let cells = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let inside = cells.map(|(x, y)| is_inside(left + x as f32, top + y as f32));
        Self {
            inside: inside.collect(),
            photo,
            left: left as usize,
            top: top as usize,
            width,
            height,
        }
    }
}

/// Where somebody is in a frame: who, the middle of their lowest edge, and their height, in pixels.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub who: &'static str,
    pub id: u32,
    pub x: f32,
    pub foot: f32,
    pub height: f32,
    pub mirrored: bool,
}

/// What the truth says of somebody: their number, the box around them, and the share of them that
/// the picture shows.
#[derive(Debug, Clone, Copy)]
pub struct Truth {
    pub id: u32,
    pub bbox: Rect,
    pub visible: f32,
}

/// The photos and the people in them.
pub struct Stage {
    wall: Photo,
    people: HashMap<String, Cutout>,
}

impl Stage {
    pub fn new() -> Self {
        let text = std::fs::read_to_string("tests/clips/outlines.json").unwrap();
        let all: HashMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        let people = all.into_iter().map(|(name, v)| {
            let points = v["outline"].as_array().unwrap().iter();
            let number = |v: &serde_json::Value| v.as_f64().unwrap() as f32;
            let outline: Vec<_> = points.map(|p| (number(&p[0]), number(&p[1]))).collect();
            let photo = Photo::read(v["photo"].as_str().unwrap());
            (name, Cutout::new(photo, &outline))
        });
        Self {
            people: people.collect(),
            wall: Photo::read("photos/basketball.jpg"),
        }
    }

    /// The wall, with nobody before it.
    fn empty(&self) -> Vec<u8> {
        let mut rgb = Vec::with_capacity(3 * WIDTH * HEIGHT);
        let (from, to) = WALL;
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                // Mirrored wherever it ends, so that it has no seam.
                let (turn, at) = (x / (to - from), x % (to - from));
                let at = if turn.is_multiple_of(2) {
                    from + at
                } else {
                    to - 1 - at
                };
                rgb.extend(self.wall.at(at, y));
            }
        }
        rgb
    }

    /// A picture of these people, the last before the others, with the truth.
    pub fn frame(&self, time: Duration, places: &[Place]) -> (Frame, Vec<Truth>) {
        let mut rgb = self.empty();
        // Whose each pixel is.
        let mut whose = vec![0u32; WIDTH * HEIGHT];
        let mut truth: Vec<(Truth, usize)> = Vec::new();
        for place in places {
            let cutout = &self.people[place.who];
            let scale = place.height / cutout.height as f32;
            let width = cutout.width as f32 * scale;
            let (left, top) = (place.x - width / 2.0, place.foot - place.height);
            let mut all = 0;
            for y in 0..place.height as usize {
                for x in 0..width as usize {
                    let across = ((x as f32 / scale) as usize).min(cutout.width - 1);
                    let across = if place.mirrored {
                        cutout.width - 1 - across
                    } else {
                        across
                    };
                    let down = ((y as f32 / scale) as usize).min(cutout.height - 1);
                    if !cutout.inside[down * cutout.width + across] {
                        continue;
                    }
                    all += 1;
                    let (px, py) = (left + x as f32, top + y as f32);
                    if px < 0.0 || py < 0.0 || px >= WIDTH as f32 || py >= HEIGHT as f32 {
                        continue;
                    }
                    let at = py as usize * WIDTH + px as usize;
                    let pixel = cutout.photo.at(cutout.left + across, cutout.top + down);
                    rgb[3 * at..3 * at + 3].copy_from_slice(&pixel);
                    whose[at] = place.id;
                }
            }
            let whole = Rect::new(left, top, width, place.height);
            let bbox = whole.intersection(Rect::new(0.0, 0.0, WIDTH as f32, HEIGHT as f32));
            let visible = 0.0;
            let id = place.id;
            truth.push((Truth { id, bbox, visible }, all));
        }
        for (truth, all) in &mut truth {
            let left = whose.iter().filter(|w| **w == truth.id).count();
            truth.visible = left as f32 / (*all).max(1) as f32;
        }
        let mut frame = Frame {
            data: rgb,
            time,
            ..Frame::default()
        };
        frame.set_shape(Size::new(WIDTH as u32, HEIGHT as u32), PixelFormat::Rgb);
        (frame, truth.into_iter().map(|(truth, _)| truth).collect())
    }
}
