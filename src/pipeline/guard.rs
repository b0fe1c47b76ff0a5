//! The thread that looks after the outputs. In: the outputs, and when the last frame was here. Out:
//! pulses that end on time, and outputs released when infer has been silent for too long.

use super::Shared;
use super::road::{Acting, SharedActing, lock};
use crate::health::Stage;
use std::time::Duration;

/// How long it sleeps at most.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// Infer has its own way to end poses after `grace`; this comes after it.
const AFTER_INFER: Duration = Duration::from_millis(500);

/// Guards until the pipeline stops.
pub(super) fn run(shared: &Shared, acting: &SharedActing, grace: Duration) -> Result<(), String> {
    let mut silence = Silence {
        limit: grace + AFTER_INFER,
        released: false,
    };
    while !shared.stopping() {
        shared.health.beat(Stage::Guard);
        let sleep = silence.look(&mut lock(acting));
        std::thread::sleep(sleep.max(Duration::from_millis(1)));
    }
    Ok(())
}

struct Silence {
    limit: Duration,
    /// Everything was released in the silence that goes on.
    released: bool,
}

impl Silence {
    /// Gives how long there will be nothing to do.
    fn look(&mut self, acting: &mut Acting) -> Duration {
        let Some((time, at)) = acting.last else {
            return LONGEST_SLEEP;
        };
        let now = time + at.elapsed();
        acting.outputs.tick(now);
        let next = acting.outputs.next_deadline();
        let silent = at.elapsed() > self.limit;
        if silent && !self.released {
            acting.outputs.release_all();
            acting.released = true;
        }
        self.released = silent;
        next.map_or(LONGEST_SLEEP, |deadline| {
            LONGEST_SLEEP.min(deadline.saturating_sub(now))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_silence_releases_once_and_the_recogniser_is_told() {
        let mut silence = Silence {
            limit: Duration::from_millis(20),
            released: false,
        };
        let mut acting = Acting::default();
        assert_eq!(silence.look(&mut acting), LONGEST_SLEEP);
        assert!(!acting.released, "before the first frame");
        acting.last = Some((Duration::ZERO, Instant::now()));
        std::thread::sleep(Duration::from_millis(30));
        silence.look(&mut acting);
        assert!(std::mem::take(&mut acting.released));
        silence.look(&mut acting);
        assert!(!acting.released, "told once a silence");
    }
}
