//! How often something was done.
//!
//! In: which poses a person holds, frame by frame. Out: each repetition, once it is whole.

use super::memory::{Memory, Slot};
use std::sync::Arc;
use std::time::Duration;

/// Counts repetitions.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    pub(super) of: Repetition,
    /// It is shown from so many on; 0 where it never is.
    pub(super) goal: u32,
    /// It begins anew when nothing was counted for so long.
    pub(super) reset_after: Option<Duration>,
    /// It begins anew when one of these poses is entered.
    pub(super) reset_by: Vec<usize>,
    /// Everybody's together.
    pub(super) is_total: bool,
    /// In a person's memory.
    pub(super) slot: usize,
    /// In the scene's, of one that is everybody's.
    pub(super) total: usize,
}

/// What is one repetition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Repetition {
    /// This pose is entered.
    Of(usize, Arc<str>),
    /// From the one pose to the other and back.
    Between {
        up: usize,
        down: usize,
        names: (Arc<str>, Arc<str>),
    },
}

/// How far somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct CountState {
    stage: Stage,
    /// So many since it began anew.
    pub number: u32,
    /// When the last one was counted.
    last: Duration,
    /// Whether a pose that has it begin anew was held in the last frame.
    was_asked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Stage {
    #[default]
    Nothing,
    /// In the first pose.
    Up,
    /// In the other one, after the first.
    Down,
}

impl CountState {
    /// Times before `time` are of another run.
    pub fn restart(&mut self, time: Duration) {
        self.last = time;
    }
}

impl Repetition {
    /// Takes in who holds what; gives whether a repetition is whole.
    fn step(&self, state: &mut CountState, holds: impl Fn(usize) -> bool) -> bool {
        match *self {
            Self::Of(pose, _) => {
                let before = state.stage;
                state.stage = if holds(pose) {
                    Stage::Up
                } else {
                    Stage::Nothing
                };
                before == Stage::Nothing && state.stage == Stage::Up
            }
            Self::Between { up, down, .. } => match (holds(up), holds(down)) {
                (true, false) => std::mem::replace(&mut state.stage, Stage::Up) == Stage::Down,
                (false, true) if state.stage == Stage::Up => {
                    state.stage = Stage::Down;
                    false
                }
                _ => false,
            },
        }
    }
}

impl Count {
    /// Takes in a frame of one person; gives whether a repetition is whole in it.
    pub(super) fn repeat(&self, state: &mut CountState, holds: impl Fn(usize) -> bool) -> bool {
        self.of.step(state, holds)
    }

    /// One more.
    pub(super) fn add(state: &mut CountState, time: Duration) {
        state.number = state.number.saturating_add(1);
        state.last = time;
    }

    /// Whether a pose is held that has it begin anew.
    pub(super) fn is_asked_to_reset(&self, holds: impl Fn(usize) -> bool) -> bool {
        self.reset_by.iter().any(|&pose| holds(pose))
    }

    /// Begins anew where it is time to, or where a pose that asks for it has been entered. Gives
    /// whether anything was counted before.
    pub(super) fn reset(&self, state: &mut CountState, time: Duration, is_asked: bool) -> bool {
        let was_asked = std::mem::replace(&mut state.was_asked, is_asked);
        let idle = |after: Duration| time.saturating_sub(state.last) >= after;
        let is_over = state.number > 0 && self.reset_after.is_some_and(idle);
        (is_asked && !was_asked || is_over) && std::mem::take(&mut state.number) > 0
    }

    /// How sure the network is of the pose that makes a repetition whole.
    pub(super) fn confidence(&self, of: impl Fn(usize) -> f32) -> f32 {
        match self.of {
            Repetition::Of(pose, _) => of(pose),
            Repetition::Between { up, .. } => of(up),
        }
    }

    /// "10 times squat"
    pub(super) fn text(&self) -> String {
        let of = match &self.of {
            Repetition::Of(_, name) => name.to_string(),
            Repetition::Between { names, .. } => format!("{} to {} and back", names.0, names.1),
        };
        match self.goal {
            0 => of,
            goal => format!("{goal} times {of}"),
        }
    }

    /// How often it was done, by the one whose memory this is.
    pub(super) fn number(&self, memory: &Memory) -> Option<u32> {
        let slot = if self.is_total { self.total } else { self.slot };
        match memory.slots.get(slot)? {
            Slot::Count(state) => Some(state.number),
            _ => None,
        }
    }

    pub(super) fn is_reached(&self, state: &CountState) -> bool {
        self.goal > 0 && state.number >= self.goal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: Repetition, frames: &[&str]) -> Vec<usize> {
        let mut state = CountState::default();
        let holds = |frame: &str, pose: usize| frame.contains(['u', 'd'][pose]);
        let whole = |(i, frame): (usize, &&str)| {
            of.step(&mut state, |pose| holds(frame, pose)).then_some(i)
        };
        frames.iter().enumerate().filter_map(whole).collect()
    }

    #[test]
    fn a_repetition_goes_there_and_back_and_half_of_one_is_none() {
        let between = Repetition::Between {
            up: 0,
            down: 1,
            names: ("up".into(), "down".into()),
        };
        let frames = ["d", "", "u", "u", "", "u", "d", "d", "", "d", "u", "d", "u"];
        assert_eq!(counts(between.clone(), &frames), [10, 12]);
        assert_eq!(counts(between, &["u", "ud", "u", "d", "ud", "", "u"]), [6]);
    }

    #[test]
    fn each_entry_of_a_pose_is_one() {
        let of = Repetition::Of(1, "down".into());
        assert_eq!(counts(of, &["d", "d", "", "u", "d"]), [0, 4]);
    }
}
