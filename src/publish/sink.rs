//! Where lines go out. In: whole lines. Out: stdout, a file or the readers of a Unix socket.
//!
//! A write that fails loses the line and is counted; a full disk or a closed pipe is said once in
//! the log and tried again with the next line.

use super::line_file::LineFile;
use super::{PublishError, PublishSettings, Sink};
use std::io::{self, ErrorKind, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A reader of the socket who takes longer than this is cut off.
const SLOWEST_READER: Duration = Duration::from_millis(200);
/// No more readers than this at once.
const MOST_READERS: usize = 16;

/// An open sink.
pub struct Output {
    way: Way,
    name: String,
    pub frames: bool,
    broken: bool,
    lost: u64,
}

enum Way {
    Stdout,
    File(LineFile),
    Socket {
        listener: UnixListener,
        readers: Vec<UnixStream>,
        path: PathBuf,
    },
}

impl Output {
    /// Opens a sink.
    ///
    /// # Errors
    /// The file cannot be written, or the socket's path is taken.
    pub fn open(settings: &PublishSettings) -> Result<Self, PublishError> {
        let (way, name) = match &settings.sink {
            Sink::Stdout => (Way::Stdout, "stdout".to_string()),
            Sink::File(path) => {
                let file = LineFile::open(path).map_err(|source| PublishError::Open {
                    path: path.clone(),
                    source,
                })?;
                (Way::File(file), path.display().to_string())
            }
            Sink::Socket(path) => (listen(path)?, path.display().to_string()),
        };
        Ok(Self {
            way,
            name,
            frames: settings.frames,
            broken: false,
            lost: 0,
        })
    }

    /// Brings out whole lines; gives the number that were lost.
    pub fn write(&mut self, lines: &[u8]) -> u64 {
        let mut rest = lines;
        let written = match &mut self.way {
            Way::Stdout => io::stdout()
                .lock()
                .write_all(lines)
                .and_then(|()| io::stdout().lock().flush()),
            Way::File(file) => file.write(&mut rest),
            Way::Socket {
                listener, readers, ..
            } => {
                let slow = serve(listener, readers, lines);
                if slow > 0 {
                    log::warn!(
                        "publish: {}: {slow} readers took longer than {SLOWEST_READER:?} and were cut off",
                        self.name
                    );
                }
                return slow * count(lines);
            }
        };
        match written {
            Ok(()) if self.broken => {
                self.broken = false;
                log::info!(
                    "publish: {} can be written again, {} lines were lost",
                    self.name,
                    self.lost
                );
            }
            Ok(()) => {}
            Err(e) => {
                let lost = count(rest);
                self.lost += lost;
                if !std::mem::replace(&mut self.broken, true) {
                    log::error!(
                        "publish: {}: {e}; lines are dropped until it can be written again",
                        self.name
                    );
                }
                return lost;
            }
        }
        0
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&b| b == b'\n').count() as u64
}

fn listen(path: &Path) -> Result<Way, PublishError> {
    if let Ok(meta) = std::fs::symlink_metadata(path) {
        use std::os::unix::fs::FileTypeExt;
        // A socket that nobody answers on was left by a run that was killed.
        if !meta.file_type().is_socket() || UnixStream::connect(path).is_ok() {
            return Err(PublishError::Taken { path: path.into() });
        }
        let _ = std::fs::remove_file(path);
    }
    let open = |source| PublishError::Open {
        path: path.into(),
        source,
    };
    let listener = UnixListener::bind(path).map_err(open)?;
    listener.set_nonblocking(true).map_err(open)?;
    Ok(Way::Socket {
        listener,
        readers: Vec::new(),
        path: path.into(),
    })
}

/// Gives how many readers were too slow; one who has left is no loss.
fn serve(listener: &UnixListener, readers: &mut Vec<UnixStream>, lines: &[u8]) -> u64 {
    loop {
        match listener.accept() {
            Ok((stream, _)) if readers.len() < MOST_READERS => {
                if stream
                    .set_nonblocking(false)
                    .and_then(|()| stream.set_write_timeout(Some(SLOWEST_READER)))
                    .is_ok()
                {
                    readers.push(stream);
                }
            }
            Ok(_) => log::warn!(
                "publish: more than {MOST_READERS} readers on the socket, one was turned away"
            ),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let mut slow = 0;
    readers.retain_mut(|reader| {
        let written = reader.write_all(lines);
        slow += u64::from(
            written
                .as_ref()
                .is_err_and(|e| e.kind() == ErrorKind::WouldBlock),
        );
        written.is_ok()
    });
    slow
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Way::Socket { path, .. } = &self.way {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    #[test]
    fn a_full_disk_loses_lines_and_nothing_else() {
        let settings = PublishSettings {
            sink: Sink::File("/dev/full".into()),
            frames: true,
        };
        let mut out = Output::open(&settings).unwrap();
        assert_eq!(out.write(b"{}\n{}\n"), 2);
        assert_eq!(out.write(b"{}\n"), 1);
    }

    #[test]
    fn a_socket_serves_readers_and_survives_their_leaving() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let settings = PublishSettings {
            sink: Sink::Socket(path.clone()),
            frames: true,
        };
        let mut out = Output::open(&settings).unwrap();
        assert!(matches!(
            Output::open(&settings),
            Err(PublishError::Taken { .. })
        ));
        let mut reader = BufReader::new(UnixStream::connect(&path).unwrap());
        out.write(b"one\n");
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert_eq!(line, "one\n");
        drop(reader);
        for _ in 0..3 {
            out.write(b"two\n");
        }
        drop(out);
        assert!(!path.exists());
    }

    #[test]
    fn a_reader_who_never_reads_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let mut out = Output::open(&PublishSettings {
            sink: Sink::Socket(path.clone()),
            frames: true,
        })
        .unwrap();
        let _sleeper = UnixStream::connect(&path).unwrap();
        let lines = vec![b'\n'; 1 << 20];
        let lost: u64 = (0..4).map(|_| out.write(&lines)).sum();
        assert_eq!(lost, 1 << 20);
        let Way::Socket { readers, .. } = &out.way else {
            unreachable!()
        };
        assert!(readers.is_empty());
    }
}
