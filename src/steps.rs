//! How long each step of a frame takes.
//!
//! In: the steps, as they are done. Out: the time that each took in one frame. For whoever watches
//! the program (the page, metrics); nothing that is seen or recognised is computed from it.

use std::time::{Duration, Instant};

/// The steps of a frame, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Decode,
    Find,
    Estimate,
    Segment,
    Track,
    Recognise,
    Act,
}

impl Step {
    pub const ALL: [Self; 7] = [
        Self::Decode,
        Self::Find,
        Self::Estimate,
        Self::Segment,
        Self::Track,
        Self::Recognise,
        Self::Act,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Find => "find",
            Self::Estimate => "estimate",
            Self::Segment => "segment",
            Self::Track => "track",
            Self::Recognise => "recognise",
            Self::Act => "act",
        }
    }
}

/// What the steps of one frame took; a step that was not done took none.
///
/// ```
/// use posed::steps::{Spent, Step};
///
/// let mut spent = Spent::default();
/// assert_eq!(spent.time(Step::Find, || 6 * 7), 42);
/// assert!(spent.on(Step::Find).is_some() && spent.on(Step::Act).is_none());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent([Option<Duration>; Step::ALL.len()]);

impl Spent {
    /// Does a part of `step`.
    pub fn time<T>(&mut self, step: Step, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.add(step, start.elapsed());
        done
    }

    /// So much more was spent on `step`.
    pub fn add(&mut self, step: Step, took: Duration) {
        *self.0[step as usize].get_or_insert_default() += took;
    }

    /// Adds what was spent elsewhere on the same frame.
    pub fn merge(&mut self, other: &Self) {
        for step in Step::ALL {
            if let Some(took) = other.on(step) {
                self.add(step, took);
            }
        }
    }

    /// The time that was spent on `step`, if it was done.
    pub fn on(&self, step: Step) -> Option<Duration> {
        self.0[step as usize]
    }
}
