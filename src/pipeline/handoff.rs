//! Hand-offs between threads that never make the giver wait.
//!
//! [`Latest`] holds one item, a newer one takes its place; [`Lines`] holds a bounded number of byte
//! lines and drops the oldest. Both pass buffers back and forth by swapping, so that nothing is
//! allocated once they have grown.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Item,
    Timeout,
    Closed,
}

struct Slot<T> {
    item: T,
    full: bool,
    closed: bool,
}

/// One item; a newer one replaces it.
pub struct Latest<T> {
    slot: Mutex<Slot<T>>,
    changed: Condvar,
}

impl<T: Default> Default for Latest<T> {
    fn default() -> Self {
        Self {
            slot: Mutex::new(Slot {
                item: T::default(),
                full: false,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }
}

impl<T> Latest<T> {
    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Swaps `item` in and gives whether an older one was never taken.
    pub fn put(&self, item: &mut T) -> bool {
        let mut slot = self.lock();
        std::mem::swap(&mut slot.item, item);
        let replaced = std::mem::replace(&mut slot.full, true);
        self.changed.notify_one();
        replaced
    }

    /// Waits for an item and swaps it into `item`.
    pub fn take(&self, item: &mut T, timeout: Duration) -> Taken {
        let waiting = |s: &mut Slot<T>| !s.full && !s.closed;
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), timeout, waiting);
        let (mut slot, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut slot.full) {
            std::mem::swap(&mut slot.item, item);
            return Taken::Item;
        }
        if slot.closed {
            Taken::Closed
        } else {
            Taken::Timeout
        }
    }

    /// No item will come any more; what waits is still taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// A bounded queue of byte lines.
pub struct Lines {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    waiting: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    closed: bool,
}

/// How many messages may wait for a slow disk or reader.
const MOST_WAITING: usize = 256;

impl Default for Lines {
    fn default() -> Self {
        let queue = Queue {
            waiting: VecDeque::with_capacity(MOST_WAITING),
            spare: Vec::with_capacity(MOST_WAITING),
            closed: false,
        };
        Self {
            queue: Mutex::new(queue),
            changed: Condvar::new(),
        }
    }
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a copy of `lines` in; gives whether the oldest message had to go.
    pub fn put(&self, lines: &[u8]) -> bool {
        let mut queue = self.lock();
        let dropped = if queue.waiting.len() >= MOST_WAITING {
            queue.waiting.pop_front()
        } else {
            None
        };
        let full = dropped.is_some();
        let mut buffer = dropped.or_else(|| queue.spare.pop()).unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(lines);
        queue.waiting.push_back(buffer);
        self.changed.notify_one();
        full
    }

    /// Waits for the oldest message and swaps it into `lines`.
    pub fn take(&self, lines: &mut Vec<u8>, timeout: Duration) -> Taken {
        let waiting = |q: &mut Queue| q.waiting.is_empty() && !q.closed;
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), timeout, waiting);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = queue.waiting.pop_front() {
            queue.spare.push(std::mem::replace(lines, next));
            return Taken::Item;
        }
        if queue.closed {
            Taken::Closed
        } else {
            Taken::Timeout
        }
    }

    /// No more will come; what waits is still taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_wins_and_what_was_put_before_closing_is_taken() {
        let slot = Latest::<u32>::default();
        assert!(!slot.put(&mut 1));
        assert!(slot.put(&mut 2));
        slot.close();
        let mut got = 0;
        assert_eq!((slot.take(&mut got, Duration::ZERO), got), (Taken::Item, 2));
        assert_eq!(slot.take(&mut got, Duration::ZERO), Taken::Closed);
    }

    #[test]
    fn a_full_queue_drops_its_oldest() {
        let lines = Lines::default();
        let full = (0..MOST_WAITING + 3)
            .filter(|i| lines.put(&[*i as u8]))
            .count();
        assert_eq!(full, 3);
        let mut got = Vec::new();
        assert_eq!(lines.take(&mut got, Duration::ZERO), Taken::Item);
        assert_eq!(got, [3]);
    }
}
