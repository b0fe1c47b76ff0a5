//! Whether every stage still moves.
//!
//! In: a beat from each stage whenever it has done something or has waited in vain and said so.
//! Out: how long each has been silent, and counts. The service's watchdog and the status line read
//! it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The stages that beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Capture,
    Infer,
    Guard,
    /// The listener of this index: each has a thread of its own and may hang alone.
    Listener(usize),
}

const FIXED: [&str; 3] = ["capture", "infer", "guard"];

impl Stage {
    fn index(self) -> usize {
        match self {
            Self::Capture => 0,
            Self::Infer => 1,
            Self::Guard => 2,
            Self::Listener(i) => FIXED.len() + i,
        }
    }
}

/// Heartbeats and counts, shared by all threads.
#[derive(Debug)]
pub struct Health {
    start: Instant,
    /// The name of each stage and its last beat, in milliseconds since `start`.
    beats: Vec<(String, AtomicU64)>,
    pub frames: AtomicU64,
    /// Frames that were captured and replaced by a newer one before they were looked at.
    pub dropped: AtomicU64,
    /// Frames whose picture was broken.
    pub damaged: AtomicU64,
    /// Lines that publish could not take in or a sink could not write.
    pub lines_dropped: AtomicU64,
    /// People who are followed now.
    people: AtomicU64,
    /// How often each of them is looked at, in tenths of a hertz.
    each_tenths: AtomicU64,
}

impl Health {
    /// Of a pipeline with listeners of these names.
    pub fn new(listeners: impl IntoIterator<Item = String>) -> Self {
        let zero = || AtomicU64::new(0);
        let names = FIXED.map(String::from).into_iter().chain(listeners);
        Self {
            start: Instant::now(),
            beats: names.map(|name| (name, zero())).collect(),
            frames: zero(),
            dropped: zero(),
            damaged: zero(),
            lines_dropped: zero(),
            people: zero(),
            each_tenths: zero(),
        }
    }

    /// What the stage is called: "infer", "display.hall".
    pub fn name(&self, stage: Stage) -> &str {
        &self.beats[stage.index()].0
    }

    /// The stage is alive.
    pub fn beat(&self, stage: Stage) {
        self.beats[stage.index()]
            .1
            .store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// The name of a stage that has been silent for longer than `limit`.
    pub fn hanging(&self, limit: Duration) -> Option<&str> {
        let now = self.start.elapsed();
        let silent = |beat: &AtomicU64| {
            now.saturating_sub(Duration::from_millis(beat.load(Ordering::Relaxed))) > limit
        };
        self.beats
            .iter()
            .find(|(_, beat)| silent(beat))
            .map(|(name, _)| &**name)
    }

    /// One more of what `counter` counts.
    pub fn count(counter: &AtomicU64) {
        Self::add(counter, 1);
    }

    pub fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    /// So many people are followed now, each so many times a second.
    pub fn follows(&self, people: usize, each_hz: f32) {
        self.people.store(people as u64, Ordering::Relaxed);
        let tenths = (10.0 * each_hz).round() as u64;
        self.each_tenths.store(tenths, Ordering::Relaxed);
    }

    /// Who is followed, in words; then the counts.
    pub fn status(&self) -> String {
        let people = self.people.load(Ordering::Relaxed);
        let each = self.each_tenths.load(Ordering::Relaxed) as f32 / 10.0;
        let following = match people {
            0 => "nobody is seen".into(),
            1 => format!("1 person is followed, looked at {each:.1} times a second"),
            n => format!("{n} people are followed, each looked at {each:.1} times a second"),
        };
        format!("{following}; {}", self.summary())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_how_many_are_followed_and_how_often() {
        let health = Health::new([]);
        Health::add(&health.frames, 7);
        assert!(health.status().starts_with("nobody is seen; 7 frames"));
        health.follows(1, 14.96);
        assert!(
            health
                .status()
                .starts_with("1 person is followed, looked at 15.0 times")
        );
        health.follows(3, 4.0);
        let status = health.status();
        assert!(
            status.starts_with("3 people are followed, each looked at 4.0 times"),
            "{status}"
        );
    }

    #[test]
    fn one_listener_that_hangs_does_not_hide_behind_another() {
        let health = Health::new(["display.hall".into(), "display.door".into()]);
        let limit = Duration::from_millis(20);
        std::thread::sleep(2 * limit);
        for stage in [
            Stage::Capture,
            Stage::Infer,
            Stage::Guard,
            Stage::Listener(1),
        ] {
            health.beat(stage);
        }
        assert_eq!(health.hanging(limit), Some("display.hall"));
    }
}
