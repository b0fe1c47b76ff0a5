//! Poses that were shown to `posed teach`.
//!
//! In: the files `poses/NAME.toml`, and the skeleton of somebody. Out: how like a pose they are, and
//! whether the poses can be told from each other.

mod file;
mod likeness;
mod measure;
mod report;

pub use file::{Example, MOST_EXAMPLES, read, write};
use likeness::Gallery;
pub use likeness::Likeness;
pub use report::{Confusion, Report, Score};

use crate::skeleton::KeypointSet;
use crate::trouble::Trouble;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder's name, beside a configuration.
pub const FOLDER: &str = "poses";
/// Each is compared with each other at the start, and somebody with all of them in each frame.
pub const MOST_IN_ALL: usize = 1500;
/// The name of what is no pose: `posed teach --other`.
pub const OTHER: &str = "_other";
/// A pose of which fewer of the examples are told rightly is refused.
pub const LEAST_RIGHT: f32 = 0.75;
/// Fewer examples of a pose say nothing of how much it varies.
pub const LEAST_EXAMPLES: usize = 3;

/// A pose and its examples.
#[derive(Debug, Clone, PartialEq)]
pub struct TaughtPose {
    pub name: String,
    pub examples: Vec<Example>,
}

/// The poses of a folder; read when somebody asks for one.
#[derive(Debug)]
pub struct Taught {
    folder: PathBuf,
    set: KeypointSet,
    read: OnceCell<Result<Vec<TaughtPose>, Trouble>>,
    /// Without and with mirroring.
    galleries: [OnceCell<Arc<Gallery>>; 2],
    reports: [OnceCell<Report>; 2],
}

/// Whether this may be the name of a pose: of letters, digits, _ and -.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !name.is_empty() && name.len() <= 64 && name.chars().all(plain) && !name.starts_with(['-', '_'])
}

/// Adds examples to a pose of a folder: one that is from the same place as an older one takes its place.
/// Gives how many there are now.
///
/// # Errors
/// The file of the pose cannot be read or written, or has too many examples.
pub fn add(
    folder: &Path,
    name: &str,
    mut new: Vec<Example>,
    set: &KeypointSet,
) -> Result<usize, Trouble> {
    let file = folder.join(format!("{name}.toml"));
    let mut examples = match file.exists() {
        true => read(&file, set)?,
        false => Vec::new(),
    };
    examples.retain(|old| !new.iter().any(|e| e.from == old.from));
    examples.append(&mut new);
    if examples.len() > MOST_EXAMPLES {
        return Err(Trouble::new(
            format!(
                "{name} would have {} examples, at most {MOST_EXAMPLES} are kept",
                examples.len()
            ),
            format!("more tell nothing new; to begin anew: posed teach --remove {name}"),
        ));
    }
    write(&file, name, &examples, set)?;
    Ok(examples.len())
}

impl Taught {
    /// Those of a folder, in the joints of `set`.
    pub fn of(folder: PathBuf, set: &KeypointSet) -> Self {
        Self {
            folder,
            set: set.clone(),
            read: OnceCell::new(),
            galleries: Default::default(),
            reports: Default::default(),
        }
    }

    /// Those that go with a configuration: in `folder`, which counts from where the configuration
    /// is, or in [`FOLDER`] beside it; where there is none, in the one here.
    pub fn beside(configuration: &Path, folder: Option<&Path>, set: &KeypointSet) -> Self {
        let home = configuration.parent().unwrap_or(Path::new(""));
        let folder = match folder {
            Some(folder) => home.join(folder),
            None => match home.join(FOLDER) {
                beside if beside.is_dir() => beside,
                beside => Some(PathBuf::from(FOLDER))
                    .filter(|here| here.is_dir())
                    .unwrap_or(beside),
            },
        };
        Self::of(folder, set)
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The joints that examples have.
    pub fn joints(&self) -> &KeypointSet {
        &self.set
    }

    /// Every pose, in the order of the names; what is none (`posed teach --other`) among them.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn poses(&self) -> Result<&[TaughtPose], Trouble> {
        let read = self.read.get_or_init(|| self.read_all());
        read.as_deref().map_err(Clone::clone)
    }

    fn read_all(&self) -> Result<Vec<TaughtPose>, Trouble> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => {
                return Err(Trouble::new(
                    format!("{}: cannot be read: {e}", self.folder.display()),
                    "make it readable for the user that posed runs as",
                ));
            }
        };
        let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
        files.sort();
        let pose = |file: &PathBuf| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            Ok(TaughtPose {
                name: name.into_owned(),
                examples: read(file, &self.set)?,
            })
        };
        let poses: Vec<TaughtPose> = files.iter().map(pose).collect::<Result<_, Trouble>>()?;
        let all: usize = poses.iter().map(|p| p.examples.len()).sum();
        if all > MOST_IN_ALL {
            return Err(Trouble::new(
                format!(
                    "{}: has {all} examples in all, at most {MOST_IN_ALL} are taken",
                    self.folder.display()
                ),
                "ten to twenty a pose are enough: remove what is not used, posed teach --remove NAME",
            ));
        }
        Ok(poses)
    }

    /// What tells how like this pose somebody is; with `mirror`, or how like its mirrored form.
    ///
    /// # Errors
    /// There is no such pose, or a file cannot be read.
    pub fn like(&self, name: &str, mirror: bool) -> Result<Arc<Likeness>, Trouble> {
        if !is_name(name) {
            return Err(Trouble::new(
                format!("{name:?} is no name of a taught pose"),
                "names are of letters, digits, _ and -, as tree",
            ));
        }
        let poses = self.poses()?;
        let names = poses.iter().map(|p| p.name.as_str());
        let names: Vec<&str> = names.filter(|n| *n != OTHER).collect();
        if !names.contains(&name) {
            let known = match &names[..] {
                [] => "nothing was taught there yet".into(),
                names => format!("taught are {}", names.join(", ")),
            };
            return Err(Trouble::new(
                format!(
                    "there is no taught pose {name:?} in {}",
                    self.folder.display()
                ),
                format!("{known}; teach it: posed teach {name} PHOTO…"),
            ));
        }
        let place = poses
            .iter()
            .position(|p| p.name == name)
            .unwrap_or_default();
        Ok(Arc::new(Likeness::new(self.gallery(poses, mirror), place)))
    }

    /// Whether a pose can be told from the others.
    ///
    /// # Errors
    /// It cannot, or not well enough.
    pub fn trust(&self, name: &str, mirror: bool) -> Result<(), Trouble> {
        self.report(mirror)?.trust(name)
    }

    /// How well the poses can be told from each other.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn report(&self, mirror: bool) -> Result<&Report, Trouble> {
        let poses = self.poses()?;
        let report = &self.reports[usize::from(mirror)];
        Ok(report.get_or_init(|| Report::of(poses, &self.set, mirror)))
    }

    fn gallery(&self, poses: &[TaughtPose], mirror: bool) -> Arc<Gallery> {
        let gallery = &self.galleries[usize::from(mirror)];
        let made = || Arc::new(Gallery::new(poses, &self.set, mirror));
        Arc::clone(gallery.get_or_init(made))
    }
}
