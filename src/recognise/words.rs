//! What a rule may speak of.

use crate::skeleton::KeypointSet;
use crate::taught::Taught;
use crate::zone::Zone;
use std::sync::Arc;

/// The names that a rule may use, beside the words of the language.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    pub joints: &'a KeypointSet,
    pub zones: &'a [Arc<Zone>],
    /// The poses that were shown to `posed teach`; `None` where nobody can tell.
    pub taught: Option<&'a Taught>,
    /// Whether the mirrored form of a taught pose is the same pose.
    pub mirror: bool,
}

impl<'a> From<&'a KeypointSet> for Words<'a> {
    /// Joints alone.
    fn from(joints: &'a KeypointSet) -> Self {
        Self {
            joints,
            zones: &[],
            taught: None,
            mirror: false,
        }
    }
}

impl<'a> From<&'a Arc<KeypointSet>> for Words<'a> {
    fn from(joints: &'a Arc<KeypointSet>) -> Self {
        Self::from(&**joints)
    }
}
