//! Windows over the picture, from the whole of it down to the smallest person that is looked for.
//!
//! In: a frame's size. Out: overlapping boxes in the network's aspect, large before small, the
//! middle before the edges. A single-person network answers each window with its best skeleton, so
//! a search over them finds people without a detector: slowly, in a second or two, which is enough
//! to take hold of a person whom `previous_pose` then follows.

use super::{Find, Finder, Finding, Proposal};
use crate::frame::Frame;
use crate::geometry::Rect;
use crate::network::NetworkError;
use crate::settings::Kind;
use std::sync::Arc;

/// All that is known of the kind "windows".
pub const KIND: Kind<Arc<dyn Find>> = Kind {
    name: "windows",
    says: "windows over the picture, from the whole of it down to the smallest person",
    read: |_| Some(Arc::new(WindowsSettings)),
};

/// There is nothing to set that other finders have not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowsSettings;

impl Find for WindowsSettings {
    fn finder(&self, finding: &Finding) -> Result<Box<dyn Finder>, NetworkError> {
        let input = finding.input;
        Ok(Box::new(Windows {
            smallest: finding.smallest,
            padding: input.padding,
            aspect: input.size.width as f32 / input.size.height as f32,
        }))
    }
}

/// Each size of window is this much smaller than the one before.
const STEP: f32 = 0.68;
/// Windows of one size overlap by half.
const OVERLAP: f32 = 0.5;
/// Nobody is seen in fewer rows of pixels.
const LEAST_ROWS: f32 = 24.0;
/// A picture of common shape takes forty; of a long strip, the middle is looked at.
const MOST: usize = 128;

/// Proposes the whole frame, then ever smaller windows.
pub struct Windows {
    /// Height of the smallest window as a share of the frame's height, 0.1 to 1.
    pub smallest: f32,
    /// The factor by which a crop will be enlarged again.
    pub padding: f32,
    /// Width over height of the network's input.
    pub aspect: f32,
}

impl Finder for Windows {
    fn propose(&mut self, frame: &Frame, found: &mut Vec<Proposal>) -> Result<(), NetworkError> {
        found.clear();
        let whole = frame.size.rect();
        found.push(Proposal::place(whole.scaled(1.0 / self.padding)));
        let mut share = 1.0;
        while share >= self.smallest - 1e-3 && whole.height * share >= LEAST_ROWS {
            let height = whole.height * share;
            let width = height * self.aspect;
            if width < whole.width || share < 1.0 {
                let from = found.len();
                for y in starts(whole.height, height) {
                    for x in starts(whole.width, width) {
                        let window = Rect::new(x, y, width, height);
                        found.push(Proposal::place(window.scaled(1.0 / self.padding)));
                    }
                }
                let middle = whole.centre();
                found[from..].sort_by(|a, b| {
                    a.bbox
                        .centre()
                        .distance(middle)
                        .total_cmp(&b.bbox.centre().distance(middle))
                });
            }
            share *= STEP;
        }
        found.truncate(MOST);
        Ok(())
    }
}

/// Evenly spread starts of windows of `length` that cover `total` with at least the overlap.
fn starts(total: f32, length: f32) -> impl Iterator<Item = f32> {
    let room = (total - length).max(0.0);
    let steps = (room / (length * (1.0 - OVERLAP))).ceil();
    let first = if total < length {
        (total - length) / 2.0
    } else {
        0.0
    };
    (0..=steps as usize).map(move |i| {
        first
            + if steps > 0.0 {
                room * i as f32 / steps
            } else {
                0.0
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Point, Size};

    #[test]
    fn a_strip_of_any_shape_takes_few_windows() {
        for (width, height) in [
            (8192, 1),
            (1, 8192),
            (8192, 8),
            (8192, 64),
            (3, 1920),
            (1, 1),
        ] {
            let frame = Frame {
                size: Size::new(width, height),
                ..Frame::default()
            };
            let mut windows = Windows {
                smallest: 0.1,
                padding: 1.25,
                aspect: 0.75,
            };
            let mut boxes = Vec::new();
            windows.propose(&frame, &mut boxes).unwrap();
            assert!((1..=MOST).contains(&boxes.len()), "{width}x{height}");
        }
    }

    #[test]
    fn every_place_lies_in_the_middle_part_of_some_window() {
        let frame = Frame {
            size: Size::new(640, 480),
            ..Frame::default()
        };
        let mut boxes = Vec::new();
        Windows {
            smallest: 0.45,
            padding: 1.25,
            aspect: 0.75,
        }
        .propose(&frame, &mut boxes)
        .unwrap();
        assert!(boxes.len() < 60, "{}", boxes.len());
        for x in (40..600).step_by(20) {
            for y in (40..440).step_by(20) {
                let p = Point::new(x as f32, y as f32);
                let near = boxes[1..].iter().any(|b| {
                    (b.bbox.centre().x - p.x).abs() < b.bbox.width * 0.8
                        && (b.bbox.centre().y - p.y).abs() < b.bbox.height * 0.8
                });
                assert!(near, "{p:?}");
            }
        }
    }

    #[test]
    fn a_tall_picture_has_windows_too() {
        let frame = Frame {
            size: Size::new(192, 640),
            ..Frame::default()
        };
        let mut boxes = Vec::new();
        Windows {
            smallest: 0.45,
            padding: 1.25,
            aspect: 0.75,
        }
        .propose(&frame, &mut boxes)
        .unwrap();
        assert!((2..20).contains(&boxes.len()), "{}", boxes.len());
    }
}
