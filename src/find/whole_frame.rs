//! The whole picture as one box. In: a frame. Out: its rectangle. Right where one person fills the
//! view.

use super::{Find, Finder, Finding, Proposal};
use crate::frame::Frame;
use crate::network::NetworkError;
use crate::settings::Kind;
use std::sync::Arc;

/// All that is known of the kind "whole_frame".
pub const KIND: Kind<Arc<dyn Find>> = Kind {
    name: "whole_frame",
    says: "the whole picture as one box: for one person who fills it",
    read: |_| Some(Arc::new(WholeFrameSettings)),
};

/// There is nothing to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholeFrameSettings;

impl Find for WholeFrameSettings {
    fn finder(&self, finding: &Finding) -> Result<Box<dyn Finder>, NetworkError> {
        let padding = finding.input.padding;
        Ok(Box::new(WholeFrame { padding }))
    }
}

/// Proposes the whole frame, shrunk by the crop's padding so that nothing but the picture is looked
/// at.
pub struct WholeFrame {
    /// The factor by which the crop will be enlarged again.
    pub padding: f32,
}

impl Finder for WholeFrame {
    fn propose(&mut self, frame: &Frame, found: &mut Vec<Proposal>) -> Result<(), NetworkError> {
        found.clear();
        let whole = frame.size.rect().scaled(1.0 / self.padding);
        found.push(Proposal::place(whole));
        Ok(())
    }
}
