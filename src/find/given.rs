//! Boxes that the user gave. In: nothing. Out: always the same boxes.

use super::{Find, Finder, Finding, Proposal};
use crate::frame::Frame;
use crate::geometry::Rect;
use crate::network::NetworkError;
use crate::settings::{Kind, Section};
use std::sync::Arc;

/// All that is known of the kind "given".
pub const KIND: Kind<Arc<dyn Find>> = Kind {
    name: "given",
    says: "always the same boxes",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Find>> {
    let boxes = s
        .tuples(
            "boxes",
            "where people are: x, y, width and height in pixels",
        )
        .example("[[0, 0, 320, 480]]")
        .each(
            |[x, y, width, height]| match Rect::new(x, y, width, height) {
                bbox if bbox.is_sound() => Ok(bbox),
                _ => Err("a box has no width or height".into()),
            },
        )
        .check(|boxes| match boxes[..] {
            [] => Err("is an empty list, and kind = \"given\" needs a box".into()),
            _ => Ok(()),
        })
        .needed()?;
    Some(Arc::new(GivenSettings { boxes }))
}

/// Which boxes, in image pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenSettings {
    pub boxes: Vec<Rect>,
}

impl Find for GivenSettings {
    fn finder(&self, _: &Finding) -> Result<Box<dyn Finder>, NetworkError> {
        Ok(Box::new(Given(self.boxes.clone())))
    }
}

/// Proposes the boxes of the configuration or of `--box`.
pub struct Given(pub Vec<Rect>);

impl Finder for Given {
    fn propose(&mut self, _: &Frame, found: &mut Vec<Proposal>) -> Result<(), NetworkError> {
        found.clear();
        found.extend(self.0.iter().copied().map(Proposal::place));
        Ok(())
    }
}
