//! What somebody who is told of the frames may know of the program, and ask of it.
//!
//! In: filled by whoever starts a pipeline, anew with each. Out: read by listeners: which poses there
//! are, how the stages are, and the configuration, where it may be read and written.

use crate::health::Health;
use crate::recognise::Pose;
use crate::settings::Fault;
use crate::skeleton::{KeypointSet, Skeleton, Threshold};
use crate::taught::Report;
use crate::trouble::Trouble;
use crate::zone::Zone;
use std::path::PathBuf;
use std::sync::Arc;

/// Of the pipeline that tells; the next one has another.
#[derive(Clone)]
pub struct Context {
    pub health: Arc<Health>,
    pub poses: Arc<[Pose]>,
    /// The joints that skeletons have.
    pub keypoints: Arc<KeypointSet>,
    /// The score from which a joint counts as seen.
    pub visible: Threshold,
    /// The places in the picture that have names.
    pub zones: Arc<[Arc<Zone>]>,
    /// The file that all this is of; None where there is none to be changed.
    pub configuration: Option<Arc<dyn Configuration>>,
}

/// The configuration, as those may see it who are allowed to change it.
pub trait Configuration: Send + Sync {
    /// As the file is now.
    ///
    /// # Errors
    /// It cannot be read.
    fn text(&self) -> Result<String, Trouble>;

    /// What is wrong with this text, in the order of the lines.
    fn faults(&self, text: &str) -> Vec<Fault>;

    /// Writes this text in the file's place, keeps the old one beside it, and has it taken up.
    ///
    /// # Errors
    /// It cannot be written; the old file stays.
    fn replace(&self, text: &str) -> Result<Saved, Trouble>;

    /// How well the poses that were taught beside the file can be told apart.
    ///
    /// # Errors
    /// They cannot be read.
    fn taught(&self) -> Result<Report, Trouble>;

    /// Adds what these people showed, in image pixels, to the examples of a pose, and has that taken
    /// up.
    ///
    /// # Errors
    /// The name is none, nobody is seen well enough, or the file cannot be written.
    fn teach(&self, name: &str, people: &[Skeleton]) -> Result<Report, Trouble>;

    /// Forgets a taught pose.
    ///
    /// # Errors
    /// There is no such pose, or the configuration needs it.
    fn forget(&self, name: &str) -> Result<Report, Trouble>;
}

/// Where a configuration was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub file: PathBuf,
    /// The one before.
    pub kept: PathBuf,
}
