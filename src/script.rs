//! People without pictures: skeletons frame by frame, to try rules on.
//!
//! In: JSON lines as posed prints them, or a script in TOML (`play`). Out: frames of skeletons.

mod lines;
mod play;

use crate::geometry::Size;
use crate::skeleton::{KeypointSet, Skeleton};
use crate::trouble::Trouble;
use std::path::Path;
use std::time::Duration;

/// A longer file is none of ours.
const MOST_BYTES: usize = 1 << 30;

/// Who is there at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    pub time: Duration,
    /// Of the picture in which the skeletons lie, in pixels.
    pub size: Size,
    pub people: Vec<Role>,
    /// The camera was lost: nobody can be seen.
    pub is_lost: bool,
}

/// Somebody who is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// From 1.
    pub id: u32,
    /// In image pixels, in the joints of the [`KeypointSet`] it was read with.
    pub skeleton: Skeleton,
    /// The share of the picture that the person covers, where the file has it.
    pub share: Option<f32>,
}

/// Reads a file: a script where its name ends in `.toml`, else JSON lines.
///
/// # Errors
/// It is neither; the message has the line.
pub fn read(name: &Path, bytes: &[u8], joints: &KeypointSet) -> Result<Vec<Moment>, Trouble> {
    let wrong = |what: String| {
        Trouble::new(
            format!("{}: {what}", name.display()),
            "give lines of `posed replay` or `posed run`, or a script in TOML: docs/rules.md shows both",
        )
    };
    if bytes.len() > MOST_BYTES {
        return Err(wrong("is too long".into()));
    }
    // A mark of the byte order may begin a file.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("is no text in UTF-8".into()))?;
    let is_script = name
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("toml"));
    let moments = match is_script {
        true => play::read(text, joints),
        false => lines::read(text, joints),
    };
    let moments = moments.map_err(wrong)?;
    if !moments.iter().any(|m| !m.is_lost) {
        return Err(wrong("has no frames".into()));
    }
    Ok(moments)
}
