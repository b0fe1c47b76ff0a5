//! A file that is written part by part. In: whole parts. Out: a file that ends after the last of
//! them, whatever became of the next: a disk that is full takes in half a frame.

use super::RecordError;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub(super) struct Parts {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Parts {
    /// None yet, into a new file.
    pub fn new(file: File, path: &Path) -> Self {
        let path = path.into();
        Self {
            file,
            path,
            bytes: 0,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of all parts.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a part, or nothing of it.
    pub fn add(&mut self, part: &[u8]) -> Result<(), RecordError> {
        match self.file.write_all(part) {
            Ok(()) => {
                self.bytes += part.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.cut(self.bytes);
                Err(self.failed(error))
            }
        }
    }

    /// Lets the file end after so many bytes. What cannot be cut, a pipe, stays as it is.
    pub fn cut(&mut self, bytes: u64) {
        let _ = self.file.set_len(bytes);
        let _ = self.file.seek(SeekFrom::Start(bytes));
        self.bytes = bytes;
    }

    /// Writes over what is there.
    pub fn patch(&self, at: u64, bytes: &[u8]) -> Result<(), RecordError> {
        let written = self.file.write_all_at(bytes, at);
        written.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: std::io::Error) -> RecordError {
        RecordError::Write {
            path: self.path.clone(),
            error,
        }
    }
}
