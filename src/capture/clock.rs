//! When a frame of a file is due, and the time that it carries.
//!
//! In: the rate and how many frames have passed. Out: the frame's `time`, and under [`Pace::Live`]
//! a sleep until it is due.

use super::{CaptureError, STALL_AFTER};
use std::time::{Duration, Instant};

/// Whether frames come by the clock on the wall or as fast as they are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Files are played at their rate; a frame's time is the monotonic time since the source was
    /// opened. A camera's is its driver's stamp, counted from the first frame.
    Live,
    /// No waiting; a frame's time is `index · den / num` in whole nanoseconds, so that a replay
    /// gives the same events every time.
    Recorded,
}

/// Counts the frames of one source.
#[derive(Debug)]
pub(crate) struct Clock {
    pace: Pace,
    rate: (u32, u32),
    started: Instant,
    /// Index of the next frame.
    index: u64,
    /// Added by [`Clock::jump`].
    ahead: Duration,
}

impl Clock {
    pub(crate) fn new(pace: Pace, rate: (u32, u32)) -> Self {
        Self {
            pace,
            rate,
            started: Instant::now(),
            index: 0,
            ahead: Duration::ZERO,
        }
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    pub(crate) fn rate(&self) -> (u32, u32) {
        self.rate
    }

    /// Index of the next frame.
    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// Passes `steps` frame periods, waits until the last is due, and gives its sequence number and
    /// time.
    pub(crate) fn play(&mut self, steps: u64) -> (u64, Duration) {
        let index = self.index + steps.saturating_sub(1);
        if self.pace == Pace::Live {
            // One long wait would hold up a shutdown; clips slower than one frame in two seconds
            // are played faster.
            let due = frame_time(index, self.rate) + self.ahead;
            std::thread::sleep(due.saturating_sub(self.started.elapsed()).min(STALL_AFTER));
        }
        self.stamp(steps)
    }

    /// As [`Clock::play`] without waiting: for a pipe, which comes at its own pace.
    pub(crate) fn stamp(&mut self, steps: u64) -> (u64, Duration) {
        let index = self.index + steps.saturating_sub(1);
        self.index = index + 1;
        let time = match self.pace {
            Pace::Live => self.started.elapsed(),
            Pace::Recorded => frame_time(index, self.rate) + self.ahead,
        };
        (index, time)
    }

    /// Lets `time` pass without a frame: sleeps it away under [`Pace::Live`], only counts it under
    /// [`Pace::Recorded`].
    pub(crate) fn jump(&mut self, time: Duration) {
        self.ahead = self.ahead.saturating_add(time);
        if self.pace == Pace::Live {
            std::thread::sleep(time);
        }
    }
}

/// The time of frame `index` at `rate` frames per second, in whole nanoseconds, rounded down.
pub(crate) fn frame_time(index: u64, (num, den): (u32, u32)) -> Duration {
    let nanos = u128::from(index) * u128::from(den) * 1_000_000_000 / u128::from(num.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A rate from the configuration as a fraction; 29.97, 23.976 and their like become n·1000/1001.
pub(crate) fn rate_of(fps: f32, name: &str) -> Result<(u32, u32), CaptureError> {
    if !(0.5..=1000.0).contains(&fps) {
        return Err(CaptureError::unusable(
            name,
            format!("fps = {fps}"),
            "set fps to a number from 0.5 to 1000",
        ));
    }
    let ntsc = f64::from(fps) * 1.001;
    if (ntsc - ntsc.round()).abs() < 0.002
        && (f64::from(fps) - f64::from(fps.round())).abs() > 0.005
    {
        return Ok((ntsc.round() as u32 * 1000, 1001));
    }
    let milli = (f64::from(fps) * 1000.0).round() as u32;
    let shared = gcd(milli, 1000);
    Ok((milli / shared, 1000 / shared))
}

/// A rate as a file's header names it, or `None` where it makes no sense.
pub(crate) fn sound_rate(num: u32, den: u32) -> Option<(u32, u32)> {
    let n = u64::from(num);
    let d = u64::from(den);
    if n == 0 || d == 0 || n > 1000 * d || d > 3600 * n {
        return None;
    }
    let shared = gcd(num, den);
    Some((num / shared, den / shared))
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_times_are_exact_however_late_they_are_asked() {
        let mut clock = Clock::new(Pace::Recorded, (30000, 1001));
        let times: Vec<_> = (0..4).map(|_| clock.play(1).1.as_nanos()).collect();
        assert_eq!(times, [0, 33_366_666, 66_733_333, 100_100_000]);
        assert_eq!(
            frame_time(30_000 * 3600, (30000, 1001)),
            Duration::from_secs(3600 * 1001)
        );
        assert_eq!(clock.play(3), (6, Duration::from_nanos(200_200_000)));
    }

    #[test]
    fn live_frames_come_no_earlier_than_their_rate() {
        let mut clock = Clock::new(Pace::Live, (100, 1));
        let times: Vec<_> = (0..4).map(|_| clock.play(1).1).collect();
        assert!(times[3] >= Duration::from_millis(30), "{times:?}");
        assert!(times.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn rates_become_the_fractions_of_the_field() {
        for (fps, want) in [
            (30.0, (30, 1)),
            (29.97, (30000, 1001)),
            (23.976, (24000, 1001)),
            (12.5, (25, 2)),
            (59.94, (60000, 1001)),
        ] {
            assert_eq!(rate_of(fps, "x").unwrap(), want);
        }
        for bad in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e9] {
            assert!(rate_of(bad, "x").is_err());
        }
        assert_eq!(sound_rate(0, 0), None);
        assert_eq!(sound_rate(u32::MAX, 1), None);
    }
}
