//! The reading end of a pipe.

use super::STALL_AFTER;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsRawFd;

/// Reads a file descriptor and gives [`ErrorKind::TimedOut`] when nothing comes for
/// [`STALL_AFTER`].
pub(super) struct Pipe(pub File);

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut wait = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: `wait` is one valid pollfd, and its descriptor is open as long as `self.0` lives.
        match unsafe { libc::poll(&raw mut wait, 1, STALL_AFTER.as_millis() as libc::c_int) } {
            0 => Err(ErrorKind::TimedOut.into()),
            n if n < 0 => Err(io::Error::last_os_error()),
            _ => self.0.read(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bytes::ByteStream;
    use super::*;
    use std::io::Write;
    use std::os::fd::OwnedFd;

    #[test]
    fn a_silent_pipe_times_out_and_loses_nothing() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut bytes = ByteStream::new(Pipe(File::from(OwnedFd::from(reader))));
        writer.write_all(&[1, 2]).unwrap();
        assert_eq!(bytes.fill(4).unwrap_err().kind(), ErrorKind::TimedOut);
        writer.write_all(&[3, 4]).unwrap();
        assert_eq!(bytes.fill(4).unwrap(), [1, 2, 3, 4]);
    }
}
