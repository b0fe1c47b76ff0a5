//! Reports as JSON lines, for sinks that take lines. In: reports. Out: whole lines, each ended by a
//! newline.

use crate::device::check_folder;
use crate::report::{Listener, Needs, Report, json};
use crate::settings::Section;
use crate::trouble::Trouble;
use std::io;
use std::path::Path;

/// Reads `frames`.
pub(super) fn frames(s: &mut Section) -> bool {
    let meaning = "a line from every frame, and not for events alone";
    s.flag("frames", meaning).or(false)
}

/// Looks whether there is a folder for what `path` names, which is a fault of the file otherwise.
pub(super) fn check_place(s: &Section, path: Option<&Path>) {
    if let Some(Err(trouble)) = path.map(check_folder) {
        s.fault_with("path", trouble.what, trouble.mend);
    }
}

/// Where lines go.
pub(super) trait LineWriter: Send {
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
pub(super) struct JsonLines<W> {
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

pub(super) fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&b| b == b'\n').count() as u64
}

/// A sink that cannot be opened.
pub(super) fn unopened(path: &Path, error: &io::Error) -> Trouble {
    Trouble::new(
        format!("{}: cannot be opened for writing: {error}", path.display()),
        "make its folder, let this user write there, or set another `path`",
    )
}
