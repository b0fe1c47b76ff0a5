//! A file of lines that is added to for years. In: whole lines. Out: a file in which every line is
//! whole or stands alone.
//!
//! A disk that is full or read-only at the start is waited for as one that becomes so later. What a
//! power cut or a full disk tore ends its own line and nobody else's. A file that was rotated away
//! is begun anew, and one that has a limit rotates itself. A named pipe may be given for a file:
//! lines are lost until somebody reads it, and nothing waits.

use super::lines::check_place;
use super::{JsonLines, LineWriter, Sink, frames, unopened};
use crate::device::{Device, check_folder};
use crate::report::Listener;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All that is known of the kind "file".
pub const KIND: Kind<Arc<dyn Sink>> = Kind {
    name: "file",
    says: "a file that lines are appended to",
    read,
};

const MAX_MB: &str = "the most megabytes it may have; then it is renamed to end in `.1`, in place \
                      of the one of that name, and begun anew";
const BYTES_OF_A_MB: u64 = 1_000_000;

fn read(s: &mut Section) -> Option<Arc<dyn Sink>> {
    let path = s
        .path(
            "path",
            "the file, which is made if it is missing, or a named pipe",
        )
        .example("\"/var/lib/posed/lines\"")
        .needed();
    check_place(s, path.as_deref());
    let max_mb = s
        .number("max_mb", MAX_MB, 1..=1_000_000u64)
        .example("100")
        .without("no limit")
        .maybe();
    let frames = frames(s);
    Some(Arc::new(FileSettings {
        path: path?,
        max_bytes: max_mb.map(|mb| mb * BYTES_OF_A_MB),
        frames,
    }))
}

/// Which file.
#[derive(Debug, Clone)]
pub struct FileSettings {
    pub path: PathBuf,
    /// It is begun anew before it is larger than this.
    pub max_bytes: Option<u64>,
    /// Whether each frame gives a line, or only events and changes of state.
    pub frames: bool,
}

impl Device for FileSettings {
    fn claims(&self) -> Vec<String> {
        match self.path.starts_with("/dev") {
            // Such as /dev/null, which many may have.
            true => Vec::new(),
            false => vec![format!("the file {}", self.path.display())],
        }
    }

    fn check(&self) -> Result<(), Trouble> {
        check_folder(&self.path)
    }
}

impl Sink for FileSettings {
    fn open(&self, _: &str) -> Result<Box<dyn Listener>, Trouble> {
        let file = LineFile::open(self.clone()).map_err(|e| unopened(&self.path, &e))?;
        Ok(Box::new(JsonLines::new(file, self.frames)))
    }
}

pub struct LineFile {
    settings: FileSettings,
    file: Option<File>,
    /// The file ends within a line.
    torn: bool,
}

impl LineFile {
    /// Opens or makes the file; with a full, read-only or failing disk, or a pipe that nobody
    /// reads, it is opened at a later write.
    ///
    /// # Errors
    /// The path itself is wrong: no such folder, no right to write there.
    pub fn open(settings: FileSettings) -> io::Result<Self> {
        let mut lines = Self {
            settings,
            file: None,
            torn: false,
        };
        match lines.reopen() {
            Err(e) if !passes(&e) && !is_pipe(&lines.settings.path) => Err(e),
            // The first write says what is wrong.
            _ => Ok(lines),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = None;
        let path = &self.settings.path;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            // A pipe that nobody reads would be waited for, and no signal would end that.
            .custom_flags(libc::O_NONBLOCK)
            .open(path)?;
        self.torn = ends_within_a_line(path).unwrap_or(false);
        self.file = Some(file);
        Ok(())
    }

    /// Makes sure that a file is open, that it is the one at the path, and that it has room.
    fn make_ready(&mut self, bytes: u64) -> io::Result<()> {
        if self.file.as_ref().is_none_or(|f| self.is_elsewhere(f)) {
            self.reopen()?;
        }
        if self.file.as_ref().is_some_and(|f| self.is_full(f, bytes)) {
            let mut old = self.settings.path.clone().into_os_string();
            old.push(".1");
            std::fs::rename(&self.settings.path, old)?;
            self.reopen()?;
        }
        Ok(())
    }

    /// Whether the open file was renamed or removed: logrotate does so.
    fn is_elsewhere(&self, file: &File) -> bool {
        match (std::fs::metadata(&self.settings.path), file.metadata()) {
            (Ok(there), Ok(open)) => (there.dev(), there.ino()) != (open.dev(), open.ino()),
            (Err(e), _) => e.kind() == ErrorKind::NotFound,
            _ => false,
        }
    }

    fn is_full(&self, file: &File, more: u64) -> bool {
        let Some(max) = self.settings.max_bytes else {
            return false;
        };
        // A line that is longer than the limit has a file of its own.
        let full = |f: std::fs::Metadata| f.is_file() && f.len() > 0 && f.len() + more > max;
        file.metadata().is_ok_and(full)
    }

    fn put(&mut self, rest: &mut &[u8]) -> io::Result<()> {
        self.make_ready(rest.len() as u64)?;
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        if self.torn {
            file.write_all(b"\n")?;
            self.torn = false;
        }
        while !rest.is_empty() {
            match file.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.torn = rest[n - 1] != b'\n';
                    *rest = &rest[n..];
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl LineWriter for LineFile {
    fn name(&self) -> String {
        self.settings.path.display().to_string()
    }

    fn write(&mut self, rest: &mut &[u8]) -> io::Result<u64> {
        match self.put(rest) {
            Ok(()) => Ok(0),
            Err(e) if is_pipe(&self.settings.path) => Err(self.of_a_pipe(e)),
            Err(e) => Err(e),
        }
    }
}

impl LineFile {
    /// What is wrong with a pipe, in words.
    fn of_a_pipe(&mut self, error: io::Error) -> io::Error {
        if error.kind() == ErrorKind::WouldBlock {
            return io::Error::other("who reads this pipe is too slow");
        }
        let nobody = error.kind() == ErrorKind::BrokenPipe;
        if nobody || error.raw_os_error() == Some(libc::ENXIO) {
            // Whoever comes next shall begin with a whole line.
            self.file = None;
            return io::Error::other("nobody reads this pipe");
        }
        error
    }
}

fn is_pipe(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo())
}

/// The fault of a disk, which may pass, not of the configuration.
fn passes(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    ) || e.raw_os_error() == Some(libc::EIO)
}

/// Whether the file ends within a line. Zeros at its end, which a power cut leaves where a length
/// was written and no data, are cut off.
fn ends_within_a_line(path: &Path) -> io::Result<bool> {
    if !std::fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let whole = file.metadata()?.len();
    let mut end = whole;
    let mut block = [0; 4096];
    while end > 0 {
        let from = end.saturating_sub(block.len() as u64);
        let part = &mut block[..(end - from) as usize];
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(part)?;
        if let Some(last) = part.iter().rposition(|&b| b != 0) {
            let torn = part[last] != b'\n';
            end = from + last as u64 + 1;
            if end < whole {
                file.set_len(end)?;
            }
            return Ok(torn);
        }
        end = from;
    }
    if whole > 0 {
        file.set_len(0)?;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> LineFile {
        limited(path, None)
    }

    fn limited(path: &Path, max_bytes: Option<u64>) -> LineFile {
        LineFile::open(FileSettings {
            path: path.into(),
            max_bytes,
            frames: true,
        })
        .unwrap()
    }

    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_torn_line_stands_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        std::fs::write(&path, "{\"a\":1}\n{\"b\":").unwrap();
        open(&path).write(&mut &b"{\"c\":3}\n"[..]).unwrap();
        open(&path).write(&mut &b"{\"d\":4}\n"[..]).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"a\":1}\n{\"b\":\n{\"c\":3}\n{\"d\":4}\n"
        );
    }

    #[test]
    fn zeros_of_a_power_cut_are_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        for (before, after) in [
            ("{}\n", "{}\n{\"c\":3}\n"),
            ("{}\n{\"b", "{}\n{\"b\n{\"c\":3}\n"),
            ("", "{\"c\":3}\n"),
        ] {
            let mut bytes = before.as_bytes().to_vec();
            bytes.resize(bytes.len() + 10_000, 0);
            std::fs::write(&path, bytes).unwrap();
            open(&path).write(&mut &b"{\"c\":3}\n"[..]).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn a_missing_folder_is_an_error_at_once() {
        let nowhere = FileSettings {
            path: "/nowhere/at/all".into(),
            max_bytes: None,
            frames: false,
        };
        assert!(LineFile::open(nowhere).is_err());
    }

    #[test]
    fn a_read_only_disk_may_pass_and_a_forbidden_file_does_not() {
        assert!(passes(&io::Error::from_raw_os_error(libc::EROFS)));
        assert!(passes(&io::Error::from_raw_os_error(libc::ENOSPC)));
        assert!(!passes(&io::Error::from_raw_os_error(libc::EACCES)));
        assert!(!passes(&io::Error::from_raw_os_error(libc::ENOENT)));
    }

    #[test]
    fn a_file_that_was_renamed_or_removed_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let old = dir.path().join("lines.old");
        let mut lines = open(&path);
        lines.write(&mut &b"1\n"[..]).unwrap();
        std::fs::rename(&path, &old).unwrap();
        lines.write(&mut &b"2\n"[..]).unwrap();
        assert_eq!((text(&old), text(&path)), ("1\n".into(), "2\n".into()));
        std::fs::remove_file(&path).unwrap();
        lines.write(&mut &b"3\n"[..]).unwrap();
        assert_eq!(text(&path), "3\n");
    }

    #[test]
    fn a_file_with_a_limit_keeps_one_older_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines.jsonl");
        let mut lines = limited(&path, Some(6));
        for i in 0..8 {
            lines.write(&mut format!("{i}\n").as_bytes()).unwrap();
        }
        assert_eq!(text(&path), "6\n7\n");
        assert_eq!(text(&dir.path().join("lines.jsonl.1")), "3\n4\n5\n");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_pipe_loses_lines_while_nobody_reads_it_and_waits_for_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let mut lines = open(&path);
        let mut says = |line: &str| lines.write(&mut line.as_bytes()).map_err(|e| e.to_string());
        let nobody = Err("nobody reads this pipe".to_string());
        assert_eq!(says("1\n"), nobody);
        let reader = || {
            OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(&path)
        };
        let mut first = reader().unwrap();
        assert_eq!(says("2\n"), Ok(0));
        let mut got = [0; 8];
        assert_eq!(first.read(&mut got).unwrap(), 2);
        assert_eq!(&got[..2], b"2\n");
        drop(first);
        assert_eq!(says("3\n"), nobody);
        let second = reader().unwrap();
        assert_eq!(says("4\n"), Ok(0));
        let long = "x".repeat(1 << 20) + "\n";
        assert_eq!(says(&long), Err("who reads this pipe is too slow".into()));
        drop(second);
    }
}
