//! Whether every stage still moves.
//!
//! In: a beat from each stage whenever it has done something or has waited in vain and said so.
//! Out: how long each has been silent, and counts. The service's watchdog, the status line and
//! whoever is told read it.

use crate::steps::{Spent, Step};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
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

/// What is counted from the program's start to its end, whatever is reloaded meanwhile.
#[derive(Debug)]
pub struct Counts {
    since: Instant,
    pub frames: AtomicU64,
    /// Frames that were captured and replaced by a newer one before they were looked at.
    pub dropped: AtomicU64,
    /// Frames whose picture was broken.
    pub damaged: AtomicU64,
    /// Lines that publish could not take in or a sink could not write.
    pub lines_dropped: AtomicU64,
    /// What each of [`Step::ALL`] took in the frames where it was done, in seconds.
    pub steps: StepTimes,
}

/// A histogram for each step, under the label `step`.
pub type StepTimes = Family<[(&'static str, &'static str); 1], Histogram, fn() -> Histogram>;

fn histogram() -> Histogram {
    // From what a fast board takes for the least to what a slow one takes for the most.
    const SECONDS: [f64; 14] = [
        0.0001, 0.0003, 0.001, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0,
    ];
    Histogram::new(SECONDS)
}

impl Default for Counts {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            since: Instant::now(),
            frames: zero(),
            dropped: zero(),
            damaged: zero(),
            lines_dropped: zero(),
            steps: Family::new_with_constructor(histogram),
        }
    }
}

impl Counts {
    /// How long the program has been running.
    pub fn uptime(&self) -> Duration {
        self.since.elapsed()
    }
}

/// Heartbeats and counts, shared by all threads.
#[derive(Debug)]
pub struct Health {
    start: Instant,
    /// The name of each stage and its last beat, in milliseconds since `start`.
    beats: Vec<(String, AtomicU64)>,
    pub counts: Arc<Counts>,
    /// People who are followed now.
    people: AtomicU64,
    /// How often each of them is looked at, in tenths of a hertz.
    each_tenths: AtomicU64,
    /// Frames a second, as the bits of an f32; NaN before there is a rate.
    rate: AtomicU32,
    /// What each step took of late, a smoothed mean in microseconds.
    recent_us: [AtomicU64; Step::ALL.len()],
}

impl Health {
    /// Of a pipeline with listeners of these names, which goes on with `counts`.
    pub fn new(listeners: impl IntoIterator<Item = String>, counts: Arc<Counts>) -> Self {
        let zero = || AtomicU64::new(0);
        let names = FIXED.map(String::from).into_iter().chain(listeners);
        Self {
            start: Instant::now(),
            beats: names.map(|name| (name, zero())).collect(),
            counts,
            people: zero(),
            each_tenths: zero(),
            rate: AtomicU32::new(f32::NAN.to_bits()),
            recent_us: std::array::from_fn(|_| zero()),
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

    /// A frame was looked at, which took this; so many come a second.
    pub fn looked(&self, spent: &Spent, rate: Option<f32>) {
        Self::count(&self.counts.frames);
        let rate = rate.unwrap_or(f32::NAN);
        self.rate.store(rate.to_bits(), Ordering::Relaxed);
        for (i, step) in Step::ALL.into_iter().enumerate() {
            let took = spent.on(step);
            if let Some(took) = took {
                let times = self.counts.steps.get_or_create(&[("step", step.name())]);
                times.observe(took.as_secs_f64());
            }
            let now = took.unwrap_or_default().as_micros() as u64;
            // Only infer writes it. A sixteenth of the newest: about a second's worth.
            let before = self.recent_us[i].load(Ordering::Relaxed);
            let smoothed = (15 * before + now + 8) / 16;
            self.recent_us[i].store(smoothed, Ordering::Relaxed);
        }
    }

    /// Frames a second, once there were two.
    pub fn rate(&self) -> Option<f32> {
        Some(f32::from_bits(self.rate.load(Ordering::Relaxed))).filter(|r| r.is_finite())
    }

    /// What a step takes of a frame of late, as a mean.
    pub fn recent(&self, step: Step) -> Duration {
        Duration::from_micros(self.recent_us[step as usize].load(Ordering::Relaxed))
    }

    /// How many people are followed now.
    pub fn people(&self) -> u64 {
        self.people.load(Ordering::Relaxed)
    }

    /// Who is followed, in words; then the counts.
    pub fn status(&self) -> String {
        let people = self.people();
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
            n(&self.counts.frames),
            n(&self.counts.dropped),
            n(&self.counts.damaged),
            n(&self.counts.lines_dropped)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_how_many_are_followed_and_how_often() {
        let health = Health::new([], Arc::default());
        Health::add(&health.counts.frames, 7);
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
    fn what_a_step_takes_is_smoothed_and_what_was_not_done_takes_nothing() {
        let health = Health::new([], Arc::default());
        assert_eq!(health.rate(), None);
        let mut spent = Spent::default();
        spent.time(Step::Find, || std::thread::sleep(Duration::from_millis(4)));
        for _ in 0..200 {
            health.looked(&spent, Some(9.5));
        }
        assert_eq!(health.rate(), Some(9.5));
        let took = spent.on(Step::Find).unwrap();
        assert!(health.recent(Step::Find).abs_diff(took) < took / 50);
        assert_eq!(health.recent(Step::Decode), Duration::ZERO);
        for _ in 0..200 {
            health.looked(&Spent::default(), None);
        }
        assert!(health.recent(Step::Find) < Duration::from_micros(20));
        assert_eq!(health.counts.frames.load(Ordering::Relaxed), 400);
    }

    #[test]
    fn one_listener_that_hangs_does_not_hide_behind_another() {
        let health = Health::new(
            ["display.hall".into(), "display.door".into()],
            Arc::default(),
        );
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
