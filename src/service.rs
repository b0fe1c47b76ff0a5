//! What the service manager is told: ready, reloading, stopping, how things stand, and that nothing
//! hangs.
//!
//! In: the state of the [`Pipeline`]. Out: messages to the socket that `$NOTIFY_SOCKET` names
//! (sd_notify(3)); without one, nothing. The watchdog (`WatchdogSec=` in the unit) is fed only
//! while every enabled stage beats: a stage that waits for a camera to come back beats too, and the
//! status line names what it waits for.

use crate::pipeline::Pipeline;
use sd_notify::NotifyState;
use std::time::{Duration, Instant};

/// The shortest time between two status lines, and between two feedings where no watchdog sets a
/// shorter one.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// The connection to the service manager.
#[derive(Debug)]
pub struct Service {
    watchdog: Option<Duration>,
    fed: Option<Instant>,
    told: Option<Instant>,
    status: String,
    /// The stage that the log named last.
    hanging: Option<String>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            watchdog: sd_notify::watchdog_enabled(),
            fed: None,
            told: None,
            status: String::new(),
            hanging: None,
        }
    }
}

/// How long a stage may be silent: half of what the service manager waits for.
fn patience(watchdog: Duration) -> Duration {
    watchdog / 2
}

/// Says it; a service manager that does not listen is no reason to stop.
fn say(states: &[NotifyState]) {
    if let Err(e) = sd_notify::notify(states) {
        log::debug!("the service manager cannot be told: {e}");
    }
}

impl Service {
    /// Everything is open and running.
    pub fn ready(&mut self) {
        say(&[NotifyState::Ready]);
        self.told = None;
        self.fed = None;
    }

    /// The configuration is being read again; [`Service::ready`] ends it.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => say(&[NotifyState::Reloading, now]),
            Err(e) => log::debug!("no clock for the service manager: {e}"),
        }
    }

    /// The program is ending of its own will.
    pub fn stopping(&self) {
        say(&[NotifyState::Stopping]);
    }

    /// Feeds the watchdog if no stage hangs, and tells how things stand. Cheap; to be called some
    /// times a second.
    pub fn tend(&mut self, pipeline: &Pipeline) {
        let due =
            |last: Option<Instant>, every: Duration| last.is_none_or(|at| at.elapsed() >= every);
        if let Some(watchdog) = self.watchdog
            && due(self.fed, (watchdog / 4).min(STATUS_EVERY))
        {
            let hanging = pipeline.hanging(patience(watchdog));
            match hanging {
                None => {
                    say(&[NotifyState::Watchdog]);
                    self.fed = Some(Instant::now());
                }
                Some(stage) if self.hanging.as_deref() != hanging => {
                    log::error!(
                        "{stage} has not moved for {:?}: the watchdog is no longer fed",
                        patience(watchdog)
                    );
                }
                Some(_) => {}
            }
            self.hanging = hanging.map(String::from);
        }
        if due(self.told, STATUS_EVERY) {
            let status = pipeline.status();
            if status != self.status {
                say(&[NotifyState::Status(&status)]);
                self.status = status;
            }
            self.told = Some(Instant::now());
        }
    }
}
