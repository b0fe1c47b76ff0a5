//! A network's file, read and hashed once. In: a path. Out: its bytes and their SHA-256, by which
//! cards and cached plans know it.

use crate::engine::EngineError;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The largest ONNX file that is read, in bytes; a pose network for a board has some millions.
pub const MAX_FILE_BYTES: u64 = 128 << 20;

/// The bytes of an ONNX file; whether they are a network shows when [`crate::engine::Network::from_file`]
/// loads them.
pub struct OnnxFile {
    path: PathBuf,
    bytes: Vec<u8>,
    sha256: [u8; 32],
}

impl OnnxFile {
    /// # Errors
    /// The file is missing, cannot be read, or is far too large.
    pub fn read(path: &Path) -> Result<Self, EngineError> {
        let read = |source| EngineError::Read {
            path: path.into(),
            source,
        };
        let len = std::fs::metadata(path).map_err(read)?.len();
        if len > MAX_FILE_BYTES {
            let reason = format!("the file has {len} bytes, more than {MAX_FILE_BYTES}");
            return Err(EngineError::Load {
                path: path.into(),
                reason,
            });
        }
        Ok(Self::from_bytes(path, std::fs::read(path).map_err(read)?))
    }

    /// A file that is in memory already; `path` is what messages call it.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Self {
        let sha256 = Sha256::digest(&bytes).into();
        Self {
            path: path.into(),
            bytes,
            sha256,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
}
