//! Where people may be.
//!
//! In: a frame. Out: boxes that are worth an estimate, best first. A [`Finder`] looks at the picture; [`previous_pose`] follows a
//! person who was found. A network that detects people will be one more back-end.

pub mod given;
pub mod previous_pose;
pub mod whole_frame;
pub mod windows;

use crate::frame::Frame;
use crate::geometry::Rect;

/// Proposes boxes of people in a picture.
pub trait Finder: Send {
    /// Writes the boxes for `frame` into `boxes` (cleared first), the likeliest first, in image pixels.
    fn propose(&mut self, frame: &Frame, boxes: &mut Vec<Rect>);
}
