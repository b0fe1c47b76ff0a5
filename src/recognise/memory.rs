//! What terms about time remember of one person, or of the scene.
//!
//! In: a rule's judgement or the places of joints, frame by frame, with the frame's time. Out: since
//! when something holds, where joints were, when something changed. Bounded: a trail has
//! [`MOST_SAMPLES`] places at most.

use super::count::CountState;
use super::sequence::StepState;
use crate::geometry::Point;
use std::collections::VecDeque;
use std::time::Duration;

/// A rule that is unknown for no longer goes on being timed: joints are hidden for a frame or two
/// again and again.
const LAPSE: Duration = Duration::from_millis(500);
/// Of a trail. Frames that come faster are left out.
const MOST_SAMPLES: u32 = 32;
/// A trail that is older than its window by more than this says nothing of what is now.
const STALE: Duration = Duration::from_secs(1);

/// What the rules' terms about time remember of one person.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    pub(super) slots: Vec<Slot>,
}

/// Of nobody, for what needs one.
pub(super) static NOTHING: Memory = Memory::NONE;

impl Memory {
    /// Of nobody.
    pub const NONE: Self = Self { slots: Vec::new() };

    /// Forgets everything; room stays.
    pub fn clear(&mut self) {
        self.slots.iter_mut().for_each(Slot::clear);
    }

    /// Starts every timer anew at `time`, which lies before the last frame's; counts stay.
    pub(super) fn restart(&mut self, time: Duration) {
        for slot in &mut self.slots {
            match slot {
                Slot::Count(state) => state.restart(time),
                other => other.clear(),
            }
        }
    }

    /// The state of a count.
    pub(super) fn count(&mut self, slot: usize) -> Option<&mut CountState> {
        match self.slots.get_mut(slot) {
            Some(Slot::Count(state)) => Some(state),
            _ => None,
        }
    }

    /// Takes in a frame in which the person is not seen.
    pub(super) fn miss(&mut self, time: Duration) {
        for slot in &mut self.slots {
            if let Slot::Run(run) = slot {
                run.step(time, Known::Unknown);
            }
        }
    }

    /// Becomes equal to `other` without giving up room.
    pub fn copy_from(&mut self, other: &Self) {
        self.slots.clone_from(&other.slots);
    }
}

/// What one term remembers; as it is before the first frame, nothing.
#[derive(Debug, PartialEq)]
pub(super) enum Slot {
    Run(Run),
    Trail(Trail),
    Change(Change),
    Step(StepState),
    Count(CountState),
}

// `clone_from` keeps the room that a trail has.
impl Clone for Trail {
    fn clone(&self) -> Self {
        let mut trail = Self::new(self.window, self.width);
        trail.times.extend(&self.times);
        trail.points.extend(&self.points);
        trail
    }

    fn clone_from(&mut self, other: &Self) {
        self.window = other.window;
        self.width = other.width;
        self.times.clone_from(&other.times);
        self.points.clone_from(&other.points);
    }
}

impl Clone for Slot {
    fn clone(&self) -> Self {
        match self {
            Self::Run(run) => Self::Run(*run),
            Self::Trail(trail) => Self::Trail(trail.clone()),
            Self::Change(change) => Self::Change(*change),
            Self::Step(step) => Self::Step(*step),
            Self::Count(count) => Self::Count(*count),
        }
    }

    fn clone_from(&mut self, other: &Self) {
        match (self, other) {
            (Self::Trail(trail), Self::Trail(other)) => trail.clone_from(other),
            (slot, other) => *slot = other.clone(),
        }
    }
}

impl Slot {
    /// Forgets everything; memory stays.
    pub fn clear(&mut self) {
        match self {
            Self::Run(run) => *run = Run::default(),
            Self::Trail(trail) => trail.clear(),
            Self::Change(change) => *change = Change::default(),
            Self::Step(step) => *step = StepState::default(),
            Self::Count(count) => *count = CountState::default(),
        }
    }
}

/// What is known of a rule in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Holds,
    Fails,
    Unknown,
}

/// Since when a rule has held without a break.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Run {
    since: Option<Duration>,
    /// When it was last known to hold.
    last: Duration,
}

impl Run {
    pub fn is_running(&self) -> bool {
        self.since.is_some()
    }

    pub fn step(&mut self, time: Duration, known: Known) {
        match known {
            Known::Holds => {
                self.since.get_or_insert(time);
                self.last = time;
            }
            Known::Fails => self.since = None,
            Known::Unknown if time.saturating_sub(self.last) > LAPSE => self.since = None,
            Known::Unknown => {}
        }
    }

    /// How long it has held at `time`.
    pub fn length(&self, time: Duration) -> Option<Duration> {
        self.since.map(|since| time.saturating_sub(since))
    }
}

/// When a rule last came to hold or to fail.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Change {
    held: Option<bool>,
    at: Option<Duration>,
}

impl Change {
    pub fn is_holding(&self) -> bool {
        self.held == Some(true)
    }

    pub fn step(&mut self, time: Duration, known: Known) {
        let held = match known {
            Known::Holds => true,
            Known::Fails => false,
            Known::Unknown => return,
        };
        if self.held.replace(held).is_some_and(|before| before != held) {
            self.at = Some(time);
        }
    }

    /// Time since the last change; `None` where there was none. `Err` where it was never known
    /// whether the rule holds.
    pub fn age(&self, time: Duration) -> Result<Option<Duration>, ()> {
        self.held.ok_or(())?;
        Ok(self.at.map(|at| time.saturating_sub(at)))
    }
}

/// Where some points were, not much further back than a window.
#[derive(Debug, PartialEq)]
pub(super) struct Trail {
    window: Duration,
    width: usize,
    times: VecDeque<Duration>,
    /// `width` for each time; `None` where one was hidden.
    points: VecDeque<Option<Point>>,
}

impl Trail {
    /// Of `width` points over `window`.
    pub fn new(window: Duration, width: usize) -> Self {
        // One before the window's beginning, and one more before it is dropped.
        let samples = MOST_SAMPLES as usize + 2;
        Self {
            window,
            width,
            times: VecDeque::with_capacity(samples),
            points: VecDeque::with_capacity(samples * width),
        }
    }

    pub fn clear(&mut self) {
        self.times.clear();
        self.points.clear();
    }

    /// Takes in where the points are in the frame taken at `time`.
    pub fn step(&mut self, time: Duration, points: impl Iterator<Item = Option<Point>>) {
        let apart = self.window / MOST_SAMPLES;
        let last = self.times.back();
        if last.is_some_and(|&last| time.saturating_sub(last) < apart) {
            return;
        }
        self.times.push_back(time);
        let before = self.points.len();
        self.points.extend(points.take(self.width));
        self.points.resize(before + self.width, None);
        let is_old = |t: &Duration| time.saturating_sub(*t) >= self.window;
        while self.times.get(1).is_some_and(is_old) {
            self.times.pop_front();
            self.points.drain(..self.width);
        }
    }

    /// All places of the window with the point that each is of; `None` where nothing is known of a whole
    /// window.
    pub fn all(&self, time: Duration) -> Option<impl Iterator<Item = (usize, Option<Point>)>> {
        let _known = self.before(time)?;
        let width = self.width;
        let places = self.points.iter().enumerate();
        Some(places.map(move |(i, place)| (i % width, *place)))
    }

    /// The places a window ago, and how long ago that was; `None` where nothing is known of then.
    pub fn before(
        &self,
        time: Duration,
    ) -> Option<(Duration, impl Iterator<Item = Option<Point>>)> {
        let age = time.saturating_sub(*self.times.front()?);
        let known = age >= self.window && age <= self.window * 2 + STALE;
        known.then(|| (age, self.points.iter().take(self.width).copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_run_outlives_a_short_lapse_and_no_long_one() {
        let mut run = Run::default();
        run.step(ms(0), Known::Holds);
        run.step(ms(400), Known::Unknown);
        run.step(ms(450), Known::Holds);
        assert_eq!(run.length(ms(1000)), Some(ms(1000)));
        run.step(ms(951), Known::Unknown);
        assert_eq!(run.length(ms(1000)), None);
        run.step(ms(1000), Known::Holds);
        run.step(ms(1001), Known::Fails);
        assert!(!run.is_running());
    }

    #[test]
    fn a_change_is_one_between_two_frames_in_which_it_is_known() {
        let mut change = Change::default();
        assert_eq!(change.age(ms(0)), Err(()));
        change.step(ms(0), Known::Holds);
        change.step(ms(100), Known::Unknown);
        change.step(ms(200), Known::Holds);
        assert_eq!(change.age(ms(200)), Ok(None));
        change.step(ms(300), Known::Fails);
        assert_eq!(change.age(ms(500)), Ok(Some(ms(200))));
    }

    #[test]
    fn a_trail_stays_small_however_fast_frames_come_and_reaches_back_a_window() {
        for apart in [1, 7, 33, 100, 450] {
            let mut trail = Trail::new(ms(500), 1);
            let room = trail.points.capacity();
            for t in (0..5000).step_by(apart) {
                trail.step(ms(t), [Some(Point::new(t as f32, 0.0))].into_iter());
                let Some((age, mut points)) = trail.before(ms(t)) else {
                    assert!(t < 500 + apart as u64, "{apart} {t}");
                    continue;
                };
                assert!(
                    age >= ms(500) && age < ms(500 + 32 + apart as u64),
                    "{age:?}"
                );
                let then = points.next().flatten().unwrap();
                assert_eq!(ms(then.x as u64), ms(t) - age);
            }
            assert_eq!(trail.points.capacity(), room);
        }
    }
}
