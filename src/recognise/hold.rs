//! The timers of one person and one pose.
//!
//! In: whether the pose is shown, frame by frame, with the frame's time. Out: at most one
//! [`EventKind`] a frame.

use super::{EventKind, Pose};
use std::time::Duration;

/// Where one person stands with one pose.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct HoldState {
    /// Not active: since when the pose is shown. Active: since when it is not.
    changing_since: Option<Duration>,
    active: Option<Active>,
    /// When the last exit was, while the cool-down runs.
    exited: Option<Duration>,
    /// When it was last shown.
    confidence: f32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Active {
    entered: Duration,
    next_hold: Option<Duration>,
}

impl HoldState {
    pub fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// Whether it can be forgotten when the person is gone.
    pub fn is_idle(&self) -> bool {
        self.active.is_none() && self.exited.is_none()
    }

    /// The confidence of the last frame that showed the pose.
    pub fn confidence(&self) -> f32 {
        self.confidence
    }

    /// How long the pose is active at `time`.
    pub fn held(&self, time: Duration) -> Duration {
        self.active
            .map_or(Duration::ZERO, |a| time.saturating_sub(a.entered))
    }

    /// Takes in a frame: `shown` is the confidence where the pose is shown. Gives the event and how
    /// long the pose was held.
    pub fn step(
        &mut self,
        pose: &Pose,
        time: Duration,
        shown: Option<f32>,
    ) -> Option<(EventKind, Duration)> {
        if let Some(confidence) = shown {
            self.confidence = confidence;
        }
        match self.active {
            Some(active) => self.step_active(active, pose, time, shown.is_some()),
            None => self.step_inactive(pose, time, shown.is_some()),
        }
    }

    fn step_active(
        &mut self,
        active: Active,
        pose: &Pose,
        time: Duration,
        shown: bool,
    ) -> Option<(EventKind, Duration)> {
        if shown {
            self.changing_since = None;
        } else {
            let since = *self.changing_since.get_or_insert(time);
            if time.saturating_sub(since) >= pose.release {
                return self.exit(time);
            }
        }
        let due = active.next_hold.filter(|&next| time >= next)?;
        // In step with the entry, but one event after a gap in the frames, not all that were
        // missed.
        let after = pose
            .repeat
            .map(|every| due.saturating_add(every))
            .filter(|&next| next > time);
        let next_hold = after.or(pose.repeat.map(|every| time.saturating_add(every)));
        self.active = Some(Active {
            next_hold,
            ..active
        });
        Some((EventKind::Hold, self.held(time)))
    }

    fn step_inactive(
        &mut self,
        pose: &Pose,
        time: Duration,
        shown: bool,
    ) -> Option<(EventKind, Duration)> {
        if self
            .exited
            .is_some_and(|exited| time.saturating_sub(exited) >= pose.cooldown)
        {
            self.exited = None;
        }
        if !shown {
            self.changing_since = None;
            return None;
        }
        let since = *self.changing_since.get_or_insert(time);
        if time.saturating_sub(since) < pose.hold || self.exited.is_some() {
            return None;
        }
        self.changing_since = None;
        self.active = Some(Active {
            entered: time,
            next_hold: pose.repeat.map(|every| time.saturating_add(every)),
        });
        Some((EventKind::Enter, Duration::ZERO))
    }

    /// Ends an active pose now.
    pub fn exit(&mut self, time: Duration) -> Option<(EventKind, Duration)> {
        let held = self.held(time);
        self.active.take()?;
        self.changing_since = None;
        self.exited = Some(time);
        Some((EventKind::Exit, held))
    }

    /// Starts every running timer anew at `time`, which lies before the last frame's.
    pub fn restart(&mut self, pose: &Pose, time: Duration) {
        self.changing_since = None;
        self.active = self.active.map(|_| Active {
            entered: time,
            next_hold: pose.repeat.map(|every| time.saturating_add(every)),
        });
        self.exited = self.exited.map(|_| time);
    }
}
