//! Hand-offs between threads that never make the giver wait.
//!
//! A [`Queue`] holds a bounded number of items and drops the oldest; one that holds a single item
//! is a place where the newest wins. Items are passed back and forth by swapping, so that nothing
//! is allocated once they have grown.

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

/// A bounded queue of items that are used again.
pub struct Queue<T> {
    inner: Mutex<Inner<T>>,
    changed: Condvar,
    most: usize,
}

struct Inner<T> {
    waiting: VecDeque<T>,
    spare: Vec<T>,
    closed: bool,
}

impl<T: Default> Queue<T> {
    /// A queue in which at most `most` items wait, at least one.
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        let inner = Inner {
            waiting: VecDeque::with_capacity(most),
            spare: Vec::with_capacity(most),
            closed: false,
        };
        Self {
            inner: Mutex::new(inner),
            changed: Condvar::new(),
            most,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `item` in and leaves a used one in its place; gives whether the oldest had to go.
    pub fn put(&self, item: &mut T) -> bool {
        let mut inner = self.lock();
        let full = inner.waiting.len() >= self.most;
        let oldest = if full {
            inner.waiting.pop_front()
        } else {
            inner.spare.pop()
        };
        let given = std::mem::replace(item, oldest.unwrap_or_default());
        inner.waiting.push_back(given);
        self.changed.notify_one();
        full
    }

    /// Waits for the oldest item and swaps it into `item`.
    pub fn take(&self, item: &mut T, timeout: Duration) -> Taken {
        let waiting = |inner: &mut Inner<T>| inner.waiting.is_empty() && !inner.closed;
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), timeout, waiting);
        let (mut inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = inner.waiting.pop_front() {
            inner.spare.push(std::mem::replace(item, next));
            return Taken::Item;
        }
        if inner.closed {
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
    fn of_a_single_place_the_newest_wins_and_is_taken_after_closing() {
        let queue = Queue::<u32>::new(1);
        assert!(!queue.put(&mut 1));
        assert!(queue.put(&mut 2));
        queue.close();
        let mut got = 0;
        assert_eq!(
            (queue.take(&mut got, Duration::ZERO), got),
            (Taken::Item, 2)
        );
        assert_eq!(queue.take(&mut got, Duration::ZERO), Taken::Closed);
    }

    #[test]
    fn a_full_queue_drops_its_oldest() {
        let queue = Queue::new(5);
        let full = (0..8).filter(|i| queue.put(&mut vec![*i])).count();
        assert_eq!(full, 3);
        let mut got = Vec::new();
        assert_eq!(queue.take(&mut got, Duration::ZERO), Taken::Item);
        assert_eq!(got, [3]);
    }

    #[test]
    fn what_was_taken_comes_back_to_be_filled_again() {
        let queue = Queue::<Vec<u8>>::new(2);
        let mut given = Vec::with_capacity(64);
        let mut taken = Vec::with_capacity(64);
        let memory = [given.as_ptr(), taken.as_ptr()];
        for _ in 0..3 {
            queue.put(&mut given);
            queue.take(&mut taken, Duration::ZERO);
            queue.put(&mut given);
            queue.take(&mut taken, Duration::ZERO);
        }
        assert!(memory.contains(&taken.as_ptr()));
    }
}
