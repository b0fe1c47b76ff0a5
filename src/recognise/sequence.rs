//! Poses that are made of others, one after another.
//!
//! In: which steps are shown, frame by frame, with the frame's time. Out: whether the last one is
//! shown after all before it.
//!
//! A step is reached when it begins to be shown no later than `within` after the one before was last
//! shown, and stays reached while it is shown. The last step is looked at first, so that one frame
//! reaches one step of a kind: what comes together did not come one after another.

use super::memory::{Run, Slot};
use super::rule::Rule;
use std::sync::Arc;
use std::time::Duration;

/// Steps that must come one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    pub(super) steps: Vec<Step>,
    /// From the end of one step to the beginning of the next.
    pub(super) within: Duration,
    /// From the end of the first to the beginning of the last.
    pub(super) all_within: Option<Duration>,
    /// Of the first step in a person's memory.
    pub(super) slot: usize,
}

/// What has to be shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// A pose that is active, by its place.
    Pose(usize, Arc<str>),
    Rule(Rule, String),
}

/// What is remembered of a step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct StepState {
    /// Of a step that is a rule.
    pub run: Run,
    /// In the last frame.
    pub shown: bool,
    /// When it was last shown, after all before it.
    pub reached: Option<Duration>,
    /// When the first step was last shown, on the way here.
    from: Duration,
}

impl Step {
    /// A sequence has no more.
    pub const MOST: usize = 16;

    /// As the file has it.
    pub fn text(&self) -> &str {
        match self {
            Self::Pose(_, name) => name,
            Self::Rule(_, text) => text,
        }
    }
}

/// Takes in which of the steps are shown in the frame taken at `time`; `within` and `all_within` are the
/// sequence's. Gives whether the last is, after all others.
pub(super) fn advance(
    states: &mut [Slot],
    within: Duration,
    all_within: Option<Duration>,
    time: Duration,
    is_shown: impl Fn(usize) -> bool,
) -> bool {
    let last = states.len().saturating_sub(1);
    for k in (0..states.len()).rev() {
        let before = k
            .checked_sub(1)
            .map(|before| way(&states[before], before == 0));
        let Slot::Step(state) = &mut states[k] else {
            return false;
        };
        let shown = is_shown(k);
        let begins = shown && !state.shown;
        let in_time = |at: Option<Duration>| at.is_some_and(|at| time.saturating_sub(at) <= within);
        let goes_on = state.shown && state.reached.is_some();
        let follows = |(at, from): (Option<Duration>, Duration)| {
            let whole = |limit: Duration| time.saturating_sub(from) <= limit;
            in_time(at) && (k < last || all_within.is_none_or(whole))
        };
        if shown && (goes_on || begins && before.is_none_or(follows)) {
            if !goes_on {
                state.from = before.map_or(time, |(_, from)| from);
            }
            state.reached = Some(time);
        } else if !in_time(state.reached) {
            state.reached = None;
        }
        state.shown = shown;
    }
    let last = states.last().map(|s| match s {
        Slot::Step(state) => state.shown && state.reached == Some(time),
        _ => false,
    });
    last.unwrap_or_default()
}

/// When a step was last reached, and when the first was last shown on the way there.
fn way(slot: &Slot, is_first: bool) -> (Option<Duration>, Duration) {
    match slot {
        Slot::Step(state) => {
            let from = state.reached.filter(|_| is_first);
            (state.reached, from.unwrap_or(state.from))
        }
        _ => (None, Duration::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames 100 ms apart, each with the letters of the steps that are shown; the frames in which
    /// the sequence is complete.
    fn complete(steps: &str, within_ms: u64, frames: &[&str]) -> Vec<usize> {
        complete_in(steps, within_ms, None, frames)
    }

    fn complete_in(
        steps: &str,
        within_ms: u64,
        all_within: Option<Duration>,
        frames: &[&str],
    ) -> Vec<usize> {
        let steps: Vec<char> = steps.chars().collect();
        let mut states = vec![Slot::Step(StepState::default()); steps.len()];
        let within = Duration::from_millis(within_ms);
        let mut complete = Vec::new();
        for (i, frame) in frames.iter().enumerate() {
            let time = Duration::from_millis(100 * i as u64);
            if advance(&mut states, within, all_within, time, |k| {
                frame.contains(steps[k])
            }) {
                complete.push(i);
            }
        }
        complete
    }

    #[test]
    fn steps_in_their_order_and_in_time_complete_it_while_the_last_is_shown() {
        let frames = ["a", "a", "", "b", "b", "", "b"];
        assert_eq!(complete("ab", 200, &frames), [3, 4]);
        assert_eq!(complete("ab", 100, &frames), [0usize; 0]);
        assert_eq!(complete("ba", 1000, &frames), [0usize; 0]);
    }

    #[test]
    fn a_step_must_begin_after_the_one_before() {
        assert_eq!(complete("ab", 500, &["b", "ab", "b", "b"]), [0usize; 0]);
        assert_eq!(complete("ab", 500, &["ab", "ab", "a", "ab"]), [3]);
    }

    #[test]
    fn a_sequence_may_have_to_be_whole_in_a_time() {
        let slow = ["l", "l", "r", "r", "r", "l", "r", "l"];
        let all = |ms| Some(Duration::from_millis(ms));
        // From the end of the first l to the beginning of the last.
        assert_eq!(complete_in("lrl", 100, all(400), &slow), [5, 7]);
        assert_eq!(complete_in("lrl", 100, all(300), &slow), [7]);
        assert_eq!(complete_in("lrl", 100, all(100), &slow), [0usize; 0]);
    }

    #[test]
    fn one_motion_back_and_forth_may_be_the_end_of_one_and_the_beginning_of_the_next() {
        let frames = ["l", "r", "l", "r", "l", "", "l"];
        assert_eq!(complete("lrl", 200, &frames), [2, 4]);
    }
}
