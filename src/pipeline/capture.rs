//! The thread that reads frames. In: the settings of a source. Out: the newest frame, for infer.

use super::{BEAT, Shared};
use crate::capture::{CaptureError, FrameSource, Next, Pace, Source};
use crate::frame::Frame;
use crate::health::{Health, Stage};
use std::time::{Duration, Instant};

/// Waits between attempts to open a lost source: this, doubled each time, up to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// Reads until the pipeline stops or the source ends; one that is lost is opened again, with
/// growing pauses, for ever. Gives the reason why it cannot go on.
pub(super) fn run(shared: &Shared, settings: &dyn Source) -> Result<(), String> {
    let mut reader = Reader {
        shared,
        frame: Frame::default(),
        sequence: 0,
        retry: FIRST_RETRY,
    };
    while !shared.stopping() {
        match reader.read(settings) {
            Ok(()) => break,
            Err(e) if e.is_retryable() => reader.wait(&e),
            Err(e) => return Err(e.to_string()),
        }
    }
    shared.frames.close();
    Ok(())
}

struct Reader<'a> {
    shared: &'a Shared,
    frame: Frame,
    sequence: u64,
    retry: Duration,
}

impl Reader<'_> {
    /// Opens the source and reads it to its end.
    fn read(&mut self, settings: &dyn Source) -> Result<(), CaptureError> {
        // A source that is opened again counts its time from 0: frames go on from the daemon's own
        // start, whatever was reloaded since.
        let offset = self.shared.since.elapsed();
        let mut source = settings.open(Pace::Live)?;
        log::info!("source: {}", source.describe());
        while !self.shared.stopping() {
            if self.next(source.as_mut(), offset)? == Next::End {
                break;
            }
        }
        Ok(())
    }

    fn next(
        &mut self,
        source: &mut dyn FrameSource,
        offset: Duration,
    ) -> Result<Next, CaptureError> {
        if source.next(&mut self.frame)? == Next::End {
            return Ok(Next::End);
        }
        self.retry = FIRST_RETRY;
        self.frame.time += offset;
        self.frame.sequence = self.sequence;
        self.sequence += 1;
        self.shared.health.beat(Stage::Capture);
        if self.shared.frames.put(&mut self.frame) {
            Health::count(&self.shared.health.counts.dropped);
        }
        Ok(Next::Frame)
    }

    fn wait(&mut self, error: &CaptureError) {
        log::warn!("source: {error}; trying again in {:?}", self.retry);
        self.shared.set_trouble(Some(error.to_string()));
        let start = Instant::now();
        while start.elapsed() < self.retry && !self.shared.stopping() {
            self.shared.health.beat(Stage::Capture);
            std::thread::sleep(BEAT.min(self.retry.saturating_sub(start.elapsed())));
        }
        self.retry = (self.retry * 2).min(LONGEST_RETRY);
    }
}
