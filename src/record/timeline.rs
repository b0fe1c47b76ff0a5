//! Which frame of a clip a picture becomes, so that the clip lasts as long as reality did.
//!
//! In: the times of pictures, and the clip's rate. Out: for how many frames the picture before
//! stays. A source that is slower than its rate, as cameras are in the dark and pipes that name
//! none, leaves gaps; one that is faster loses nothing and makes a longer clip.

use std::time::Duration;

/// A picture may come later than its frame by so many quarters of a frame before the one before it
/// stays: drivers and pipes are not exact.
const LATE_QUARTERS: u128 = 3;

pub(super) struct Timeline {
    rate: (u32, u32),
    /// The time of the clip's first picture.
    first: Option<Duration>,
    /// Frames that the clip has.
    frames: u64,
}

impl Timeline {
    /// Of a clip of this rate, which has no picture yet.
    pub fn new(rate: (u32, u32)) -> Self {
        Self {
            rate,
            first: None,
            frames: 0,
        }
    }

    /// How long after the clip's first picture `time` is.
    pub fn since_first(&self, time: Duration) -> Duration {
        time.saturating_sub(self.first.unwrap_or(time))
    }

    /// How many frames are missing before a picture of this time.
    pub fn gap(&self, time: Duration) -> u64 {
        let (num, den) = (u128::from(self.rate.0), u128::from(self.rate.1.max(1)));
        let quarters = self.since_first(time).as_nanos() * num * 4 / (den * 1_000_000_000);
        let due = (quarters + 4 - LATE_QUARTERS) / 4;
        u64::try_from(due)
            .unwrap_or(u64::MAX)
            .saturating_sub(self.frames)
    }

    /// A picture of this time was added.
    pub fn picture(&mut self, time: Duration) {
        self.first.get_or_insert(time);
        self.frames += 1;
    }

    /// The picture before stays for so many frames more.
    pub fn hold(&mut self, frames: u64) {
        self.frames += frames;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gap before each picture of these times, in milliseconds.
    fn gaps(rate: (u32, u32), times: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut timeline = Timeline::new(rate);
        let gap = |ms| {
            let time = Duration::from_millis(ms);
            let gap = timeline.gap(time);
            timeline.hold(gap);
            timeline.picture(time);
            gap
        };
        times.into_iter().map(gap).collect()
    }

    #[test]
    fn a_third_of_the_rate_is_every_third_frame() {
        assert_eq!(
            gaps((30, 1), (0..5).map(|i| 700 + i * 100)),
            [0, 2, 2, 2, 2]
        );
    }

    #[test]
    fn a_source_on_time_has_no_gaps_however_it_trembles() {
        let exact = (0..300).map(|i| i * 1001 / 30);
        assert_eq!(gaps((30000, 1001), exact), [0; 300]);
        let trembling = (0..300).map(|i| 100 + i * 100 / 3 + i * 7 % 20 - 10);
        assert_eq!(gaps((30, 1), trembling).iter().sum::<u64>(), 0);
    }

    #[test]
    fn a_source_that_is_too_fast_loses_nothing() {
        assert_eq!(gaps((30, 1), (0..60).map(|i| i * 10)), [0; 60]);
    }
}
