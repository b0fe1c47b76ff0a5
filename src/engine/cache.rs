//! Plans on disk: a lowered network is kept, so that the next start need not import it again.
//!
//! In: a directory, the model file's SHA-256, the input's size. Out: the plan, if the directory
//! holds it whole and of this very build; else why not. A plan's file is four lines of text (`posed
//! plan`, the build, the model, the size), the payload's length and SHA-256, and the payload
//! (postcard). It is written beside its place and renamed, so no reader ever meets half a file.

use super::program::Program;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The first line of every plan.
const MAGIC: &str = "posed plan";
/// The second: the version, and what build.rs made of all sources that shape a plan.
const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " ", env!("PLAN_SOURCES"));
/// The largest file that is read or written, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// How many plans a directory keeps: a board's disk must not fill up.
const KEPT: usize = 8;
/// A half-written file is its writer's for so long; then the writer was killed.
const ABANDONED: Duration = Duration::from_secs(3600);
const ENDING: &str = ".plan";

/// What is kept of a network.
#[derive(Debug, Clone)]
pub struct Plan {
    pub program: Program,
    /// The nodes that run on tract, as `name (operator)`; they are told at every load.
    pub foreign: Vec<String>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Miss {
    #[error("there is none yet")]
    Absent,
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("it was made by another posed, or of another network")]
    Stale,
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
}

/// The place of one plan.
pub struct Slot {
    directory: PathBuf,
    /// The four lines that its file begins with.
    head: String,
    name: String,
}

impl Slot {
    /// The place in `directory` of the plan of a model file for pictures of `width` x `height`.
    pub fn new(directory: &Path, model: [u8; 32], width: usize, height: usize) -> Self {
        let model: String = model.iter().map(|b| format!("{b:02x}")).collect();
        let head = format!("{MAGIC}\n{BUILD}\n{model}\n{width}x{height}\n");
        Self {
            directory: directory.into(),
            head,
            name: format!("{model}-{width}x{height}{ENDING}"),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// # Errors
    /// There is none, or none that can be trusted.
    pub fn read(&self) -> Result<Plan, Miss> {
        let bytes = self.bytes()?;
        let rest = bytes
            .strip_prefix(self.head.as_bytes())
            .ok_or(Miss::Stale)?;
        let (length, rest) = rest
            .split_first_chunk()
            .ok_or(Miss::Damaged("it ends early"))?;
        let (sum, payload) = rest
            .split_first_chunk::<32>()
            .ok_or(Miss::Damaged("it ends early"))?;
        if u64::from_le_bytes(*length) != payload.len() as u64 {
            return Err(Miss::Damaged("its length differs"));
        }
        if Sha256::digest(payload)[..] != sum[..] {
            return Err(Miss::Damaged("its checksum differs"));
        }
        let (foreign, program) =
            postcard::from_bytes(payload).map_err(|_| Miss::Damaged("it holds no plan"))?;
        Ok(Plan { program, foreign })
    }

    fn bytes(&self) -> Result<Vec<u8>, Miss> {
        let unreadable = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => Miss::Absent,
            _ => Miss::Unreadable(e.to_string()),
        };
        let path = self.path();
        // Before it is opened: a pipe would never open.
        let meta = std::fs::metadata(&path).map_err(unreadable)?;
        if !meta.is_file() || meta.len() > MAX_FILE_BYTES {
            return Err(Miss::Unreadable(format!(
                "it is no file of at most {} MB",
                MAX_FILE_BYTES >> 20
            )));
        }
        let mut bytes = Vec::with_capacity(meta.len() as usize + 1);
        let file = std::fs::File::open(&path).map_err(unreadable)?;
        file.take(MAX_FILE_BYTES)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        Ok(bytes)
    }

    /// Stores the plan and tidies the directory, which is made if it is missing.
    ///
    /// # Errors
    /// The directory cannot be written, or the plan is too large; nothing was changed.
    pub fn write(&self, plan: &Plan) -> Result<(), String> {
        let payload =
            postcard::to_stdvec(&(&plan.foreign, &plan.program)).map_err(|e| e.to_string())?;
        let mut bytes = self.head.clone().into_bytes();
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(Sha256::digest(&payload));
        bytes.extend(payload);
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(format!(
                "{} MB is more than {}",
                bytes.len() >> 20,
                MAX_FILE_BYTES >> 20
            ));
        }
        // 0700, as the XDG base directory specification asks.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .map_err(|e| e.to_string())?;
        self.replace(&bytes).map_err(|e| e.to_string())?;
        self.tidy();
        Ok(())
    }

    /// Without fsync: what a power cut leaves is found by its checksum.
    fn replace(&self, bytes: &[u8]) -> std::io::Result<()> {
        static WRITTEN: AtomicU64 = AtomicU64::new(0);
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let beside = self
            .directory
            .join(format!(".{}.{}.{number}", self.name, std::process::id()));
        let mut file = std::fs::File::create_new(&beside)?;
        let done = file
            .write_all(bytes)
            .and_then(|()| std::fs::rename(&beside, self.path()));
        if done.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        done
    }

    /// Removes this model's plans of other builds, what killed writers left, and the oldest plans
    /// beyond [`KEPT`]. Touches nothing that does not bear a plan's name; what cannot be removed
    /// stays.
    fn tidy(&self) {
        let entries = std::fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        let mut others = Vec::new();
        for entry in entries {
            let name = entry.file_name();
            let Some(kind) = Kind::of(&name) else {
                continue;
            };
            let Ok(modified) = entry.metadata().and_then(|m| m.modified()) else {
                continue;
            };
            let remove = match kind {
                Kind::HalfWritten => SystemTime::now()
                    .duration_since(modified)
                    .is_ok_and(|age| age > ABANDONED),
                Kind::Plan if name == *self.name => continue,
                Kind::Plan => {
                    name.as_encoded_bytes()[..64] == self.name.as_bytes()[..64]
                        && !is_of_this_build(&entry.path())
                }
            };
            if remove {
                let _ = std::fs::remove_file(entry.path());
            } else if matches!(kind, Kind::Plan) {
                others.push((modified, entry.path()));
            }
        }
        others.sort_by(|a, b| b.cmp(a));
        others
            .iter()
            .skip(KEPT - 1)
            .for_each(|(_, path)| _ = std::fs::remove_file(path));
    }
}

fn is_of_this_build(path: &Path) -> bool {
    let wanted = format!("{MAGIC}\n{BUILD}\n");
    let mut found = vec![0; wanted.len()];
    std::fs::File::open(path)
        .and_then(|mut f| f.read_exact(&mut found))
        .is_ok_and(|()| found == wanted.as_bytes())
}

/// What a file in the directory is, by its name.
#[derive(Clone, Copy)]
enum Kind {
    Plan,
    HalfWritten,
}

impl Kind {
    fn of(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?;
        let (kind, rest) = match name.strip_prefix('.') {
            Some(rest) => (Self::HalfWritten, rest),
            None => (Self::Plan, name),
        };
        let (model, rest) = rest.split_at_checked(64)?;
        let end = if matches!(kind, Self::Plan) {
            rest.ends_with(ENDING)
        } else {
            rest.contains(".plan.")
        };
        (model.bytes().all(|b| b.is_ascii_hexdigit()) && rest.starts_with('-') && end)
            .then_some(kind)
    }
}
