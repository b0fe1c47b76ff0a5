//! Whether every stage still moves.
//!
//! In: a beat from each stage whenever it has done something or has waited in vain and said so. Out: how long each has been silent, and counts. The
//! service's watchdog and the status line read it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The stages that beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Capture,
    Infer,
    Display,
    Publish,
}

impl Stage {
    pub const ALL: [Self; 4] = [Self::Capture, Self::Infer, Self::Display, Self::Publish];

    pub fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Infer => "infer",
            Self::Display => "display",
            Self::Publish => "publish",
        }
    }
}

/// Heartbeats and counts, shared by all threads.
#[derive(Debug)]
pub struct Health {
    start: Instant,
    beats_ms: [AtomicU64; 4],
    pub frames: AtomicU64,
    /// Frames that were captured and replaced by a newer one before they were looked at.
    pub dropped: AtomicU64,
    /// Frames whose picture was broken.
    pub damaged: AtomicU64,
    /// Lines that publish could not take in.
    pub lines_dropped: AtomicU64,
}

impl Default for Health {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            start: Instant::now(),
            beats_ms: std::array::from_fn(|_| zero()),
            frames: zero(),
            dropped: zero(),
            damaged: zero(),
            lines_dropped: zero(),
        }
    }
}

impl Health {
    /// The stage is alive.
    pub fn beat(&self, stage: Stage) {
        self.beats_ms[stage as usize].store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// How long the stage has been silent.
    pub fn silence(&self, stage: Stage) -> Duration {
        let last = Duration::from_millis(self.beats_ms[stage as usize].load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(last)
    }

    /// One more of what `counter` counts.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts in words, for the last line of the log.
    pub fn summary(&self) -> String {
        let n = |c: &AtomicU64| c.load(Ordering::Relaxed);
        format!(
            "{} frames looked at, {} replaced by newer ones, {} damaged, {} lines not published",
            n(&self.frames),
            n(&self.dropped),
            n(&self.damaged),
            n(&self.lines_dropped)
        )
    }
}
