//! What posed tells the world: one JSON object a line.
//!
//! In: [`Report`]s. Out: lines in a schema of version 1 (docs/output.md), to stdout, a file or a
//! Unix socket. [`json`] writes them without allocating. No sink ever stops the program: what
//! cannot be written is dropped and counted.

pub mod file;
pub mod json;
pub mod socket;
pub mod stdout;

use crate::device::Device;
use crate::report::{Listener, Needs, Report};
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::io;
use std::sync::Arc;

/// What a sink can be: a line here and a file beside the others is all a new one takes.
pub const KINDS: &[Kind<Arc<dyn Sink>>] = &[stdout::KIND, file::KIND, socket::KIND];

/// The settings of a sink.
pub trait Sink: Device {
    /// Opens it; `name` is that of its section, `frames` whether each frame is told, or only events
    /// and changes of state.
    ///
    /// # Errors
    /// The file cannot be written, or the socket's path is taken.
    fn open(&self, name: &str, frames: bool) -> Result<Box<dyn Listener>, Trouble>;
}

/// A section `[publish.NAME]`.
#[derive(Debug, Clone)]
pub struct PublishSettings {
    pub name: String,
    pub sink: Arc<dyn Sink>,
    /// Whether each frame gives a line, or only events and changes of state.
    pub frames: bool,
}

/// Reads a section `[publish.NAME]`.
pub fn read(s: &mut Section) -> Option<PublishSettings> {
    let sink = s.kind(KINDS, None);
    let frames = s
        .flag(
            "frames",
            "a line from every frame, and not for events alone",
        )
        .or(false);
    Some(PublishSettings {
        name: s.last_name().into(),
        sink: sink?,
        frames,
    })
}

/// Where lines go.
pub trait LineWriter: Send {
    /// Its name, for the log.
    fn name(&self) -> String;

    /// Brings out whole lines; gives how many of them a reader missed who was too slow.
    ///
    /// # Errors
    /// Why lines could not be written; `rest` is left with those.
    fn write(&mut self, rest: &mut &[u8]) -> io::Result<u64>;

    /// Looks after what goes by itself.
    fn tend(&mut self) {}
}

/// How many reports may wait for a slow disk or reader.
const BACKLOG: usize = 256;

/// Writes reports as JSON lines.
pub struct JsonLines<W> {
    to: W,
    frames: bool,
    lines: Vec<u8>,
    broken: bool,
    lost: u64,
}

impl<W: LineWriter> JsonLines<W> {
    /// To this writer; `frames` tells whether each frame gives a line.
    pub fn new(to: W, frames: bool) -> Self {
        Self {
            to,
            frames,
            lines: Vec::new(),
            broken: false,
            lost: 0,
        }
    }
}

impl<W: LineWriter> Listener for JsonLines<W> {
    fn describe(&self) -> String {
        self.to.name()
    }

    fn needs(&self) -> Needs {
        Needs {
            frames: self.frames,
            events: true,
            ..Needs::default()
        }
    }

    fn backlog(&self) -> usize {
        BACKLOG
    }

    /// A write that fails loses the line and is counted; a full disk or a closed pipe is said once
    /// in the log and tried again with the next line.
    fn hear(&mut self, report: &Report) -> u64 {
        self.lines.clear();
        json::write(&mut self.lines, report, self.frames);
        if self.lines.is_empty() {
            return 0;
        }
        let mut rest = self.lines.as_slice();
        match self.to.write(&mut rest) {
            Ok(missed) => {
                if std::mem::take(&mut self.broken) {
                    log::info!(
                        "publish: {} can be written again, {} lines were lost",
                        self.to.name(),
                        self.lost
                    );
                }
                missed
            }
            Err(e) => {
                let lost = count(rest);
                self.lost += lost;
                if !std::mem::replace(&mut self.broken, true) {
                    log::error!(
                        "publish: {}: {e}; lines are dropped until it can be written again",
                        self.to.name()
                    );
                }
                lost
            }
        }
    }

    fn tend(&mut self) {
        self.to.tend();
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&b| b == b'\n').count() as u64
}

/// A sink that cannot be opened.
fn unopened(path: &std::path::Path, error: &io::Error) -> Trouble {
    Trouble::new(
        format!("{}: cannot be opened for writing: {error}", path.display()),
        "make its folder, let this user write there, or set another `path`",
    )
}

#[cfg(test)]
mod tests;
