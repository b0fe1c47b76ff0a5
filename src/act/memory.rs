//! An output with no hardware: it remembers what it was told.
//!
//! In: on and off. Out: a journal in memory, and a text file with a line `NAME on POSE` or `NAME
//! off` for each switch, written at once, so that a test can read it after the process has died.

use super::{Action, Actuator};
use crate::device::Device;
use crate::report::Event;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// All that is known of the kind "memory".
pub const KIND: Kind<Arc<dyn Action>> = Kind {
    name: "memory",
    says: "notes each change, for tests without hardware",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Action>> {
    let journal = s
        .path("path", "the file that each change is noted in")
        .example("\"/var/lib/posed/changes\"")
        .maybe();
    Some(Arc::new(JournalSettings { journal }))
}

/// Where changes are noted beside memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalSettings {
    pub journal: Option<PathBuf>,
}

impl Device for JournalSettings {}

impl Action for JournalSettings {
    fn open(&self, name: &str) -> Result<Box<dyn Actuator>, Trouble> {
        Ok(Box::new(MemoryActuator::new(name, self.journal.as_deref())))
    }
}

/// What a [`MemoryActuator`] was told: `on:POSE` and `off`.
pub type Journal = Arc<Mutex<Vec<String>>>;

/// Remembers instead of switching.
pub struct MemoryActuator {
    name: String,
    journal: Journal,
    file: Option<File>,
}

impl MemoryActuator {
    /// A new one; `path` is a file to which each switch is appended.
    pub fn new(name: &str, path: Option<&Path>) -> Self {
        let file = path.and_then(|p| {
            let opened = OpenOptions::new().create(true).append(true).open(p);
            opened
                .inspect_err(|e| log::error!("action {name}: journal {}: {e}", p.display()))
                .ok()
        });
        Self {
            name: name.into(),
            journal: Journal::default(),
            file,
        }
    }

    /// The journal, shared with the caller.
    pub fn journal(&self) -> Journal {
        Arc::clone(&self.journal)
    }

    fn note(&mut self, memory: String, file: &str) {
        self.journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(memory);
        if let Some(f) = &mut self.file
            && let Err(e) = f.write_all(format!("{} {file}\n", self.name).as_bytes())
        {
            log::error!("action {}: journal: {e}", self.name);
        }
    }
}

impl Actuator for MemoryActuator {
    fn activate(&mut self, event: &Event) -> Result<(), Trouble> {
        self.note(format!("on:{}", event.pose), &format!("on {}", event.pose));
        Ok(())
    }

    fn release(&mut self) -> Result<(), Trouble> {
        self.note("off".into(), "off");
        Ok(())
    }
}
