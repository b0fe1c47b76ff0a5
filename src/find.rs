//! Where people may be.
//!
//! In: a frame. Out: boxes that are worth an estimate, best first. A [`Finder`] looks at the
//! picture; [`previous_pose`] follows a person who was found. A network that detects people will be
//! one more back-end.

pub mod given;
pub mod previous_pose;
pub mod whole_frame;
pub mod windows;

use crate::frame::Frame;
use crate::geometry::Rect;
use crate::preprocess::InputFormat;
use std::time::Duration;

/// Proposes boxes of people in a picture.
pub trait Finder: Send {
    /// Writes the boxes for `frame` into `boxes` (cleared first), the likeliest first, in image
    /// pixels.
    fn propose(&mut self, frame: &Frame, boxes: &mut Vec<Rect>);
}

/// Which finder, and when a find counts.
#[derive(Debug, Clone, PartialEq)]
pub struct FindSettings {
    pub kind: FinderKind,
    /// Height of the smallest person that is looked for, as a share of the picture's height.
    pub smallest: f32,
    /// The skeleton score from which a find counts as a person.
    pub acquire_score: f32,
    /// The score under which a person who is followed is lost.
    pub keep_score: f32,
    /// How often the picture is searched while a person is followed.
    pub look_again: Duration,
}

/// The finders that can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub enum FinderKind {
    Windows,
    WholeFrame,
    Given(Vec<Rect>),
}

impl Default for FindSettings {
    fn default() -> Self {
        Self {
            kind: FinderKind::Windows,
            smallest: 0.45,
            acquire_score: 0.35,
            keep_score: 0.18,
            look_again: Duration::from_secs(2),
        }
    }
}

impl FindSettings {
    /// The chosen finder for a network with this input.
    pub fn finder(&self, input: &InputFormat) -> Box<dyn Finder> {
        let padding = input.padding;
        match &self.kind {
            FinderKind::Windows => {
                let aspect = input.size.width as f32 / input.size.height as f32;
                Box::new(windows::Windows {
                    smallest: self.smallest,
                    padding,
                    aspect,
                })
            }
            FinderKind::WholeFrame => Box::new(whole_frame::WholeFrame { padding }),
            FinderKind::Given(boxes) => Box::new(given::Given(boxes.clone())),
        }
    }
}
