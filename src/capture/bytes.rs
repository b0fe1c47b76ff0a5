//! A stream of bytes of which the front can be looked at before it is taken.
//!
//! In: any reader, also one that times out. Out: as many bytes as a parser asks for. A failed read
//! loses nothing, so a parser that takes its bytes only when all of them are there can simply go on
//! after a stall.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

/// What is read at once: also the step in which the buffer grows, so that a header's promise alone
/// allocates little.
const STEP_BYTES: usize = 1 << 20;
const READ_AHEAD_BYTES: usize = 64 << 10;

/// A reader with a front that stays until it is consumed.
pub(crate) struct ByteStream {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    until: Option<Instant>,
}

impl ByteStream {
    pub(crate) fn new(reader: impl Read + Send + 'static) -> Self {
        Self {
            reader: Box::new(reader),
            buffer: Vec::new(),
            start: 0,
            end: 0,
            until: None,
        }
    }

    /// From now on reads time out after so long, although bytes come: somebody waits for a frame,
    /// which rubbish or a byte now and then would never give. None: nobody waits.
    pub(crate) fn allow(&mut self, time: Option<Duration>) {
        self.until = time.map(|time| Instant::now() + time);
    }

    /// Reads until `count` bytes lie at the front and gives the front: shorter only at the end of
    /// the stream.
    pub(crate) fn fill(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.end - self.start < count {
            if self.until.is_some_and(|until| Instant::now() > until) {
                return Err(ErrorKind::TimedOut.into());
            }
            let missing = count - (self.end - self.start);
            self.make_room(missing.clamp(READ_AHEAD_BYTES, STEP_BYTES));
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(n) => self.end += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(self.front())
    }

    fn make_room(&mut self, count: usize) {
        if self.start > 0 && (self.start == self.end || self.end + count > self.buffer.len()) {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end + count > self.buffer.len() {
            self.buffer.resize(self.end + count, 0);
        }
    }

    /// The bytes that are there already.
    pub(crate) fn front(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Drops up to `count` bytes of the front.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    /// Reads past `count` bytes; false if the stream ends before.
    pub(crate) fn skip(&mut self, mut count: u64) -> io::Result<bool> {
        while count > 0 {
            let have = self.fill(1)?.len() as u64;
            if have == 0 {
                return Ok(false);
            }
            let now = have.min(count);
            self.consume(now as usize);
            count -= now;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time and times out before every third.
    struct Drip(u8);

    impl Read for Drip {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0.is_multiple_of(3) {
                return Err(ErrorKind::TimedOut.into());
            }
            out[0] = self.0;
            Ok(1)
        }
    }

    #[test]
    fn a_time_out_loses_no_byte() {
        let mut bytes = ByteStream::new(Drip(0));
        while bytes.fill(4).is_err() {}
        assert_eq!(bytes.front(), [1, 2, 4, 5]);
    }

    #[test]
    fn who_waits_for_a_frame_is_not_kept_by_rubbish() {
        let mut bytes = ByteStream::new(io::repeat(0x55));
        bytes.allow(Some(Duration::from_millis(20)));
        let ended = loop {
            match bytes.fill(1) {
                Ok(front) => {
                    let count = front.len();
                    bytes.consume(count);
                }
                Err(e) => break e,
            }
        };
        assert_eq!(ended.kind(), ErrorKind::TimedOut);
        bytes.allow(None);
        assert!(bytes.fill(1).is_ok());
    }

    #[test]
    fn the_end_gives_what_is_left() {
        let mut bytes = ByteStream::new(&b"abcdef"[..]);
        bytes.fill(2).unwrap();
        bytes.consume(4);
        assert_eq!(bytes.fill(1 << 30).unwrap(), b"ef");
        assert!(bytes.buffer.len() <= 2 * STEP_BYTES);
        assert!(!bytes.skip(3).unwrap());
    }
}
