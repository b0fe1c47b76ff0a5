//! What outlives a pipeline when the configuration is read again: the clock, the outputs, and
//! whoever is told.
//!
//! In: what is open, and a configuration. Out: what that one names, of which only what changed was
//! closed and opened. A relay must not click, nor a reader be cut off, for a key that concerns
//! neither.

use crate::act::Outputs;
use crate::config::Config;
use crate::health::Counts;
use crate::report::Listener;
use crate::trouble::Trouble;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a pipeline needs to have open before it starts, and gives back when it is handed over.
pub struct Opened {
    /// Since when time counts.
    pub(super) since: Instant,
    /// The poses by whose place in this list outputs know them.
    pub(super) poses: Vec<Arc<str>>,
    pub(super) outputs: Outputs,
    pub(super) listeners: Vec<OpenListener>,
    pub(super) counts: Arc<Counts>,
}

/// Somebody who is told, with what they were opened by.
pub(super) struct OpenListener {
    pub key: Key,
    pub listener: Box<dyn Listener>,
}

/// A listener's section: only one that is the same in both is the same listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// "display.hall".
    pub name: String,
    settings: String,
}

impl Key {
    fn new(name: String, settings: &impl std::fmt::Debug) -> Self {
        let settings = format!("{settings:?}");
        Self { name, settings }
    }

    /// Of all who are told by a configuration.
    pub fn all(config: &Config) -> Vec<Self> {
        wanted(config).into_iter().map(|(key, _)| key).collect()
    }
}

impl Default for Opened {
    /// Nothing yet; time begins.
    fn default() -> Self {
        Self {
            since: Instant::now(),
            poses: Vec::new(),
            outputs: Outputs::default(),
            listeners: Vec::new(),
            counts: Arc::default(),
        }
    }
}

impl Opened {
    /// The time of the frames that come now.
    pub fn now(&self) -> Duration {
        self.since.elapsed()
    }

    /// Closes what `config` does not name, then opens what is missing.
    ///
    /// # Errors
    /// Something cannot be opened; the rest stays open, for the configuration before.
    pub fn open(&mut self, config: &Config) -> Result<(), Trouble> {
        let new: Vec<Arc<str>> = config.poses.iter().map(|p| Arc::clone(&p.name)).collect();
        let old = std::mem::replace(&mut self.poses, new);
        let renumbered = |pose: usize| self.poses.iter().position(|p| *p == old[pose]);
        self.outputs.reopen(&config.outputs, renumbered)?;
        let wanted = wanted(config);
        for mut listener in std::mem::take(&mut self.listeners) {
            if wanted.iter().any(|(key, _)| *key == listener.key) {
                self.listeners.push(listener);
            } else {
                listener.listener.close();
            }
        }
        for (key, open) in wanted {
            if !self.listeners.iter().any(|l| l.key == key) {
                let listener = open()?;
                self.listeners.push(OpenListener { key, listener });
            }
        }
        Ok(())
    }
}

type Open<'a> = Box<dyn Fn() -> Result<Box<dyn Listener>, Trouble> + 'a>;

/// Everyone whom `config` tells, and how to open them.
fn wanted(config: &Config) -> Vec<(Key, Open<'_>)> {
    let mut wanted: Vec<(Key, Open)> = Vec::new();
    for display in &config.displays {
        let key = Key::new(format!("display.{}", display.name), display);
        wanted.push((key, Box::new(|| Ok(display.open()))));
    }
    for publish in &config.publish {
        let key = Key::new(format!("publish.{}", publish.name), publish);
        let open = || publish.sink.open(&publish.name);
        wanted.push((key, Box::new(open)));
    }
    wanted
}
