//! The whole picture as one box. In: a frame. Out: its rectangle. Right where one person fills the
//! view.

use super::Finder;
use crate::frame::Frame;
use crate::geometry::Rect;

/// Proposes the whole frame, shrunk by the crop's padding so that nothing but the picture is looked
/// at.
pub struct WholeFrame {
    /// The factor by which the crop will be enlarged again.
    pub padding: f32,
}

impl Finder for WholeFrame {
    fn propose(&mut self, frame: &Frame, boxes: &mut Vec<Rect>) {
        boxes.clear();
        boxes.push(frame.size.rect().scaled(1.0 / self.padding));
    }
}
