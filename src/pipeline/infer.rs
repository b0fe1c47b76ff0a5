//! The thread in which everything happens that must not wait. In: the newest frame. Out: outputs
//! switched, and reports of it for those who are told.

use super::handoff::Taken;
use super::listeners::Telling;
use super::pace::Pace;
use super::road::{Passed, Road};
use super::{BEAT, Shared};
use crate::config::Drill;
use crate::frame::Frame;
use crate::health::{Health, Stage};
use crate::report::State;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

/// An engine that fails so often in a row will not recover.
const MOST_FAILURES: u32 = 10;
/// Frames that are looked at before a drill begins.
const BEFORE_A_DRILL: u32 = 5;

/// Takes frames down the road until there are no more, and says when the source is silent for
/// longer than `grace`. Gives the reason why it cannot go on.
pub(super) fn run(
    shared: &Shared,
    road: Road,
    grace: Duration,
    pace: Pace,
    drill: Option<Drill>,
) -> Result<(), String> {
    let mut inferring = Inferring {
        shared,
        road,
        telling: Telling::new(shared),
        silence: Silence::new(grace, shared.began),
        rate: Rate::default(),
        pace,
        failures: 0,
    };
    let start = inferring.silence.last_time;
    inferring.state(start, &State::Started(new_name()));
    let mut frame = Frame::default();
    let mut looked_at = 0;
    loop {
        let taken = shared.frames.take(&mut frame, BEAT);
        shared.health.beat(Stage::Infer);
        match taken {
            Taken::Closed => break,
            Taken::Timeout => inferring.nothing_came(),
            Taken::Item => {
                looked_at += u32::from(inferring.take(&mut frame)?);
                if looked_at >= BEFORE_A_DRILL {
                    practise(shared, drill);
                }
            }
        }
    }
    let time = inferring.silence.last_time;
    inferring.end(time, State::Stopped);
    Ok(())
}

/// A name for this run that none has had before.
fn new_name() -> String {
    // std's own source of random numbers.
    let mut random = RandomState::new().build_hasher();
    random.write_u32(std::process::id());
    format!("{:016x}", random.finish())
}

/// Does what the drill asks for: dies, or hangs without a beat as a stage does whose device never
/// answers.
fn practise(shared: &Shared, drill: Option<Drill>) {
    match drill {
        None => {}
        Some(Drill::Panic) => panic!("asked for by POSED_FAULT"),
        Some(Drill::Stall) => {
            while !shared.stopping() {
                std::thread::sleep(BEAT);
            }
        }
    }
}

struct Inferring<'a> {
    shared: &'a Shared,
    road: Road,
    telling: Telling<'a>,
    silence: Silence,
    rate: Rate,
    pace: Pace,
    failures: u32,
}

impl Inferring<'_> {
    /// Gives whether the frame was a whole one and is told.
    fn take(&mut self, frame: &mut Frame) -> Result<bool, String> {
        if self.silence.ends() {
            self.shared.set_trouble(None);
            self.state(frame.time, &State::SourceBack);
        }
        let start = Instant::now();
        match self.road.frame(frame) {
            Ok(Passed::Whole) => self.failures = 0,
            Ok(Passed::Damaged) => {
                Health::count(&self.shared.health.counts.damaged);
                return Ok(false);
            }
            Err(e) => {
                self.failures += 1;
                log::error!("frame {}: {e}", frame.sequence);
                if self.failures >= MOST_FAILURES {
                    return Err(format!("{} frames in a row failed: {e}", self.failures));
                }
                return Ok(false);
            }
        }
        self.rate.count(self.silence.seen(frame.time));
        let health = &self.shared.health;
        health.looked(self.road.spent(), self.rate.0);
        self.keep_pace(frame.time, start.elapsed());
        self.tell(frame);
        Ok(true)
    }

    /// Lets fewer or more people be looked for a frame, after one that took so long.
    fn keep_pace(&mut self, time: Duration, took: Duration) {
        let following = self.road.following(time);
        if let Some(affords) = self.pace.affords(took, following.inferences) {
            self.road.afford(affords);
        }
        let fps = self.rate.0.unwrap_or_default();
        let each = Pace::each(following, fps);
        self.shared.health.follows(following.people, each);
        if let Some(words) = self.pace.says(time, following, fps) {
            log::info!("{words}");
        }
    }

    fn tell(&mut self, frame: &Frame) {
        let road = &self.road;
        let rate = self.rate.0;
        self.telling.tell(
            |needs| needs.frame(frame.time) || (needs.events && road.has_events()),
            |needs, report| road.tell(frame, rate, needs, report),
        );
    }

    /// Says so once when nothing has come for too long.
    fn nothing_came(&mut self) {
        let Some(silent) = self.silence.begins() else {
            return;
        };
        let said = self.shared.trouble();
        let trouble = said.unwrap_or_else(|| format!("no frame for {:.1} s", silent.as_secs_f32()));
        let time = self.silence.last_time + silent;
        self.silence.last_time = time;
        self.end(time, State::SourceLost(trouble));
    }

    /// Everyone leaves; `state` says why.
    fn end(&mut self, time: Duration, state: State) {
        self.road.source_lost(time);
        let road = &self.road;
        self.telling.tell(
            |needs| needs.events && road.has_events(),
            |_, report| road.tell_events(time, report),
        );
        self.state(time, &state);
    }

    fn state(&mut self, time: Duration, state: &State) {
        let lost = matches!(state, State::SourceLost(_));
        self.telling.tell(
            |needs| needs.events || lost,
            |_, report| {
                report.clear();
                report.time = time;
                report.state = Some(state.clone());
            },
        );
    }
}

/// How long nothing has come.
struct Silence {
    grace: Duration,
    /// When the last frame was here, and its time.
    seen_at: Instant,
    last_time: Duration,
    told: bool,
}

impl Silence {
    fn new(grace: Duration, now: Duration) -> Self {
        Self {
            grace,
            seen_at: Instant::now(),
            last_time: now,
            told: false,
        }
    }

    /// How long it has lasted, once it is longer than `grace`, once.
    fn begins(&mut self) -> Option<Duration> {
        let silent = self.seen_at.elapsed();
        (silent > self.grace && !std::mem::replace(&mut self.told, true)).then_some(silent)
    }

    /// Something came: gives whether a silence had been told.
    fn ends(&mut self) -> bool {
        std::mem::take(&mut self.told)
    }

    /// A whole frame of this time is here: gives how long after the one before.
    fn seen(&mut self, time: Duration) -> Duration {
        let now = Instant::now();
        let interval = now - self.seen_at;
        self.seen_at = now;
        self.last_time = time;
        interval
    }
}

/// Frames a second, smoothed.
#[derive(Default)]
struct Rate(Option<f32>);

impl Rate {
    fn count(&mut self, interval: Duration) {
        const SHARE_OF_THE_NEWEST: f32 = 0.1;
        let now = 1.0 / interval.as_secs_f32().max(1e-4);
        let rate = self.0.map_or(now, |r| r + (now - r) * SHARE_OF_THE_NEWEST);
        self.0 = Some(rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_told_once_and_its_end_once() {
        let mut silence = Silence::new(Duration::from_millis(10), Duration::ZERO);
        assert!(silence.begins().is_none() && !silence.ends());
        std::thread::sleep(Duration::from_millis(20));
        assert!(
            silence
                .begins()
                .is_some_and(|s| s > Duration::from_millis(10))
        );
        assert!(silence.begins().is_none());
        assert!(silence.ends() && !silence.ends());
        silence.seen(Duration::from_secs(7));
        assert!(silence.begins().is_none() && silence.last_time.as_secs() == 7);
    }

    #[test]
    fn the_rate_follows_slowly() {
        let mut rate = Rate::default();
        rate.count(Duration::from_millis(100));
        assert_eq!(rate.0, Some(10.0));
        rate.count(Duration::from_millis(50));
        assert_eq!(rate.0, Some(11.0));
    }
}
