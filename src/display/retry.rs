//! Something that is opened, and opened again after it has failed, but not at every frame.

use crate::trouble::Trouble;
use std::time::{Duration, Instant};

/// Time on the wall between two attempts: what fails at once would fail thirty times a second.
const BETWEEN: Duration = Duration::from_secs(1);

/// A device that may be away.
pub(super) struct Retry<T> {
    device: Option<T>,
    failed: Option<(Instant, Trouble)>,
}

impl<T> Retry<T> {
    /// Not opened yet.
    pub fn new() -> Self {
        Self {
            device: None,
            failed: None,
        }
    }

    /// The device, opened by `open` where it is not. The failure before, where it is too early for
    /// another attempt.
    pub fn get(&mut self, open: impl FnOnce() -> Result<T, Trouble>) -> Result<&mut T, Trouble> {
        let device = match self.device.take() {
            Some(device) => device,
            None => {
                if let Some((when, trouble)) = &self.failed
                    && when.elapsed() < BETWEEN
                {
                    return Err(trouble.clone());
                }
                open().inspect_err(|e| self.failed = Some((Instant::now(), e.clone())))?
            }
        };
        self.failed = None;
        Ok(self.device.insert(device))
    }

    /// The device, if it is open, to be looked at.
    pub fn peek(&self) -> Option<&T> {
        self.device.as_ref()
    }

    /// The device, if it is open.
    pub fn opened(&mut self) -> Option<&mut T> {
        self.device.as_mut()
    }

    /// It has failed: it is opened anew, in a while.
    pub fn lost(&mut self, trouble: &Trouble) {
        self.device = None;
        self.failed = Some((Instant::now(), trouble.clone()));
    }

    /// It is closed; the next that ask open it at once.
    pub fn close(&mut self) {
        self.device = None;
    }
}
