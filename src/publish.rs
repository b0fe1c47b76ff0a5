//! What posed tells the world: one JSON object a line.
//!
//! In: frames' people, pose events and changes of state. Out: lines in a schema of version 1
//! (docs/output.md), to stdout, a file or a Unix socket. [`mod@line`] writes them without
//! allocating; [`sink`] brings them out. No sink ever stops the program: what cannot be written is
//! dropped and counted.

pub mod line;
mod line_file;
pub mod sink;

use std::path::PathBuf;

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    Stdout,
    /// Appended to this file.
    File(PathBuf),
    /// To everyone who is connected to this Unix socket.
    Socket(PathBuf),
}

/// One output of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishSettings {
    pub sink: Sink,
    /// Whether each frame gives a line, or only events and changes of state.
    pub frames: bool,
}

/// Why a sink cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(
        "{path}: cannot be opened for writing: {source}. Make its folder, let this user write there, or set another `path`"
    )]
    Open {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{path}: another program listens on this socket, or a file of that name is in the way. Stop it, remove the file, or set another `path`"
    )]
    Taken { path: PathBuf },
}
