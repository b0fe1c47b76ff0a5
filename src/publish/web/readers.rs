//! Who reads which stream now. In: readers who come and go. Out: how many there are, so that nothing
//! is made that nobody reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// No more readers than this of one stream.
const MOST: usize = 8;

/// What can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// A line from every frame.
    Lines,
    /// Events and changes of state.
    Events,
    /// Why poses hold or do not.
    Why,
    Picture,
}

/// How many readers each stream has.
#[derive(Debug, Default)]
pub struct Readers([AtomicUsize; 4]);

impl Readers {
    /// How many read it now.
    pub fn of(&self, stream: Stream) -> usize {
        self.0[stream as usize].load(Ordering::SeqCst)
    }

    /// One more; `None` if there are as many as may be.
    pub fn enter(self: &Arc<Self>, stream: Stream) -> Option<Reader> {
        let more = |now: usize| (now < MOST).then_some(now + 1);
        let count = &self.0[stream as usize];
        let entered = count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        entered.ok().map(|_| Reader {
            readers: Arc::clone(self),
            stream,
        })
    }
}

/// Somebody who reads, until it is dropped.
#[derive(Debug)]
pub struct Reader {
    readers: Arc<Readers>,
    stream: Stream,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.readers.0[self.stream as usize].fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_may_read_and_who_leaves_makes_room() {
        let readers = Arc::new(Readers::default());
        let mut inside: Vec<_> = (0..MOST).map(|_| readers.enter(Stream::Why)).collect();
        assert!(inside.iter().all(Option::is_some) && readers.enter(Stream::Why).is_none());
        assert!(readers.enter(Stream::Lines).is_some());
        assert_eq!(
            (readers.of(Stream::Why), readers.of(Stream::Lines)),
            (MOST, 0)
        );
        inside.pop();
        assert!(readers.enter(Stream::Why).is_some());
    }
}
