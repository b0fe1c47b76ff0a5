//! A file of lines that is added to for years. In: whole lines. Out: a file in which every line is
//! whole or stands alone.
//!
//! A disk that is full or read-only at the start is waited for as one that becomes so later. What a
//! power cut or a full disk tore ends its own line and nobody else's.

use super::{JsonLines, LineWriter, Sink, check_folder, unopened};
use crate::device::Device;
use crate::report::Listener;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All that is known of the kind "file".
pub const KIND: Kind<Arc<dyn Sink>> = Kind {
    name: "file",
    says: "a file that lines are appended to",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Sink>> {
    let path = s
        .path("path", "the file, which is made if it is missing")
        .example("\"/var/lib/posed/lines\"")
        .needed()?;
    Some(Arc::new(FileSettings { path }))
}

/// Which file.
#[derive(Debug, Clone)]
pub struct FileSettings {
    pub path: PathBuf,
}

impl Device for FileSettings {
    fn check(&self) -> Result<(), Trouble> {
        check_folder(&self.path)
    }
}

impl Sink for FileSettings {
    fn open(&self, _: &str, frames: bool) -> Result<Box<dyn Listener>, Trouble> {
        let file = LineFile::open(&self.path).map_err(|e| unopened(&self.path, &e))?;
        Ok(Box::new(JsonLines::new(file, frames)))
    }
}

pub struct LineFile {
    path: PathBuf,
    file: Option<File>,
    /// The file ends within a line.
    torn: bool,
}

impl LineFile {
    /// Opens or makes `path`; with a full, read-only or failing disk it is opened at a later write.
    ///
    /// # Errors
    /// The path itself is wrong: no such folder, no right to write there.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut lines = Self {
            path: path.into(),
            file: None,
            torn: false,
        };
        match lines.reopen() {
            Err(e) if !passes(&e) => Err(e),
            // The first write says what is wrong.
            _ => Ok(lines),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        self.torn = ends_within_a_line(&self.path).unwrap_or(false);
        self.file = Some(file);
        Ok(())
    }
}

impl LineWriter for LineFile {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn write(&mut self, rest: &mut &[u8]) -> io::Result<u64> {
        if self.file.is_none() {
            self.reopen()?;
        }
        let Some(file) = &mut self.file else {
            return Ok(0);
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
        Ok(0)
    }
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

    #[test]
    fn a_torn_line_stands_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        std::fs::write(&path, "{\"a\":1}\n{\"b\":").unwrap();
        LineFile::open(&path)
            .unwrap()
            .write(&mut &b"{\"c\":3}\n"[..])
            .unwrap();
        LineFile::open(&path)
            .unwrap()
            .write(&mut &b"{\"d\":4}\n"[..])
            .unwrap();
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
            LineFile::open(&path)
                .unwrap()
                .write(&mut &b"{\"c\":3}\n"[..])
                .unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn a_missing_folder_is_an_error_at_once() {
        assert!(LineFile::open(Path::new("/nowhere/at/all")).is_err());
    }

    #[test]
    fn a_read_only_disk_may_pass_and_a_forbidden_file_does_not() {
        assert!(passes(&io::Error::from_raw_os_error(libc::EROFS)));
        assert!(passes(&io::Error::from_raw_os_error(libc::ENOSPC)));
        assert!(!passes(&io::Error::from_raw_os_error(libc::EACCES)));
        assert!(!passes(&io::Error::from_raw_os_error(libc::ENOENT)));
    }
}
