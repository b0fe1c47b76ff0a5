//! How often something is told.

use std::time::{Duration, Instant};

/// What is to be done at most once in a while.
#[derive(Debug)]
pub(super) struct Due {
    every: Duration,
    last: Option<Instant>,
}

impl Due {
    /// At once, and then once in so long.
    pub fn every(every: Duration) -> Self {
        Self { every, last: None }
    }

    pub fn is_due(&self) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= self.every)
    }

    /// It was done.
    pub fn done(&mut self) {
        self.last = Some(Instant::now());
    }
}
