//! How many people a frame this board can follow.
//!
//! In: how long frames took and how many inferences each had. Out: the inferences a frame that leave
//! `min_fps`, and words for the status and the log when people take turns.

use crate::infer::Following;
use std::time::Duration;

/// The share of the newest frame in the mean cost of an inference.
const NEWEST: f32 = 0.1;
/// So often at most the log says that people take turns.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Carries what an inference costs.
pub(super) struct Pace {
    min_fps: f32,
    /// Seconds, with all that a frame costs beside it.
    cost: Option<f32>,
    said: Option<Duration>,
}

impl Pace {
    pub fn new(min_fps: f32) -> Self {
        Self {
            min_fps,
            cost: None,
            said: None,
        }
    }

    /// Takes in that a frame took so long for so many inferences; gives how many the next may have,
    /// once that is known.
    pub fn affords(&mut self, took: Duration, inferences: usize) -> Option<usize> {
        if inferences > 0 {
            let now = took.as_secs_f32() / inferences as f32;
            self.cost = Some(self.cost.map_or(now, |c| c + (now - c) * NEWEST));
        }
        // Beyond what anybody asks for the number means nothing.
        let affords = |cost: f32| (1.0 / (self.min_fps * cost.max(1e-6))).clamp(1.0, 1e3) as usize;
        self.cost.map(affords)
    }

    /// How often each person is looked at a second, at so many frames a second.
    pub fn each(following: Following, fps: f32) -> f32 {
        fps * following.looked_for as f32 / following.people.max(1) as f32
    }

    /// What the log should say now, if anything.
    pub fn says(&mut self, time: Duration, following: Following, fps: f32) -> Option<String> {
        if following.looked_for >= following.people {
            return None;
        }
        let recently = |at: Duration| time.checked_sub(at).is_some_and(|ago| ago < SAY_EVERY);
        if self.said.is_some_and(recently) {
            return None;
        }
        self.said = Some(time);
        Some(format!(
            "{} people take turns, each {:.1} times a second; min_fps, max_inferences and \
             max_people of [find] set how many are followed, and how often",
            following.people,
            Self::each(following, fps)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_board_affords_fewer_and_never_none() {
        let mut pace = Pace::new(5.0);
        let ms = Duration::from_millis;
        assert_eq!(pace.affords(ms(300), 0), None);
        assert_eq!(pace.affords(ms(300), 6), Some(4));
        assert_eq!(
            pace.affords(ms(7), 0),
            Some(4),
            "an empty room says nothing"
        );
        let mut slow = Pace::new(5.0);
        assert_eq!(slow.affords(ms(2000), 1), Some(1));
        let mut quick = Pace::new(0.1);
        assert_eq!(quick.affords(Duration::ZERO, 1), Some(1000));
        for _ in 0..100 {
            pace.affords(ms(100), 1);
        }
        assert_eq!(pace.affords(ms(100), 1), Some(2));
    }

    #[test]
    fn turns_are_told_of_now_and_then() {
        let mut pace = Pace::new(5.0);
        let following = |looked_for| Following {
            people: 4,
            looked_for,
            inferences: looked_for,
        };
        let s = Duration::from_secs;
        assert_eq!(pace.says(s(1), following(4), 10.0), None);
        let said = pace.says(s(2), following(2), 10.0).unwrap();
        assert!(
            said.starts_with("4 people take turns, each 5.0 times"),
            "{said}"
        );
        assert_eq!(pace.says(s(30), following(2), 10.0), None);
        assert!(pace.says(s(63), following(2), 10.0).is_some());
        assert!(
            pace.says(s(1), following(2), 10.0).is_some(),
            "time began anew"
        );
    }
}
