//! The configuration file of a running daemon, as it may be read and changed from outside.
//!
//! In: a new text. Out: its faults, or the file written anew and a wish for a reload.

use crate::config::{Config, ConfigError, Overrides};
use crate::context::{Configuration, Saved};
use crate::settings::Fault;
use crate::skeleton::{Skeleton, Threshold};
use crate::taught::{self, Example, Report, Taught};
use crate::trouble::Trouble;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The file that the daemon was started with.
pub struct ConfigFile {
    path: PathBuf,
    overrides: Overrides,
    changed: AtomicBool,
}

impl ConfigFile {
    pub fn new(path: &Path, overrides: Overrides) -> Self {
        Self {
            path: path.into(),
            overrides,
            changed: AtomicBool::new(false),
        }
    }

    /// Reads and checks the file.
    ///
    /// # Errors
    /// It cannot be read, or all its faults.
    pub fn read(&self) -> Result<Config, ConfigError> {
        Config::read(&self.path, &self.overrides)
    }

    /// Whether it was replaced since this was asked last.
    pub fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::SeqCst)
    }

    /// What was taught beside the file, and the score from which a joint counts as seen.
    fn lessons(&self) -> Result<(Taught, Threshold), Trouble> {
        let trouble = |e: String| Trouble::new(e, "mend the configuration first");
        let config = Config::seeing(&self.path, &self.overrides);
        let config = config.map_err(|e| trouble(e.to_string()))?;
        let set = config
            .model
            .keypoints()
            .map_err(|e| trouble(e.to_string()))?;
        let folder = config.taught.as_deref();
        Ok((Taught::beside(&self.path, folder, set), config.visible))
    }

    fn write(&self, text: &str) -> io::Result<Saved> {
        // A link stays one: what it leads to is replaced.
        let file = self.path.canonicalize()?;
        let mut kept = file.clone().into_os_string();
        kept.push(".old");
        let kept = PathBuf::from(kept);
        let mode = std::fs::metadata(&file)?.permissions();
        let folder = file.parent().unwrap_or(Path::new("/"));
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(text.as_bytes())?;
        new.as_file().set_permissions(mode.clone())?;
        new.as_file().sync_all()?;
        let mut old = tempfile::NamedTempFile::new_in(folder)?;
        old.write_all(&std::fs::read(&file)?)?;
        old.as_file().set_permissions(mode)?;
        old.persist(&kept)?;
        new.persist(&file)?;
        // Names are on disk when their folder is.
        File::open(folder)?.sync_all()?;
        Ok(Saved { file, kept })
    }
}

impl Configuration for ConfigFile {
    fn text(&self) -> Result<String, Trouble> {
        std::fs::read_to_string(&self.path).map_err(|e| {
            Trouble::new(
                format!("{}: cannot be read: {e}", self.path.display()),
                "let the user that posed runs as read it",
            )
        })
    }

    fn faults(&self, text: &str) -> Vec<Fault> {
        match Config::parse(text, &self.path, &self.overrides) {
            Err(ConfigError::Faults { faults, .. }) => faults,
            Ok(_) | Err(ConfigError::Read { .. }) => Vec::new(),
        }
    }

    fn replace(&self, text: &str) -> Result<Saved, Trouble> {
        let saved = self.write(text).map_err(|e| {
            let path = self.path.display();
            Trouble::new(
                format!("{path}: cannot be written: {e}"),
                "the service may write where its unit says ReadWritePaths= and its user owns the folder: docs/web.md shows how",
            )
        })?;
        log::info!(
            "{} was changed from outside; the one before is {}",
            saved.file.display(),
            saved.kept.display()
        );
        self.changed.store(true, Ordering::SeqCst);
        Ok(saved)
    }

    fn taught(&self) -> Result<Report, Trouble> {
        let (taught, _) = self.lessons()?;
        taught.report(true).cloned()
    }

    fn teach(&self, name: &str, people: &[Skeleton]) -> Result<Report, Trouble> {
        if !taught::is_name(name) {
            return Err(Trouble::new(
                format!("{name:?} is no name of a pose"),
                "write it with letters, digits, _ and -, as tree",
            ));
        }
        let (old, visible) = self.lessons()?;
        let set = old.joints();
        let lesson = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
        let seen = people.iter().enumerate().filter_map(|(i, person)| {
            let from = format!("page, {lesson}, {}", i + 1);
            super::teach::example(from, person, set, visible)
        });
        let examples: Vec<Example> = seen.collect();
        if examples.is_empty() {
            return Err(Trouble::new(
                "nobody was seen well enough",
                "stand so that the camera sees you from head to foot, alone, and try again",
            ));
        }
        taught::add(old.folder(), name, examples, set)?;
        self.changed.store(true, Ordering::SeqCst);
        self.taught()
    }

    fn forget(&self, name: &str) -> Result<Report, Trouble> {
        let (old, _) = self.lessons()?;
        let file = old.folder().join(format!("{name}.toml"));
        if !taught::is_name(name) || !file.is_file() {
            return Err(Trouble::new(
                format!("there is no taught pose {name:?}"),
                "",
            ));
        }
        let is_used = |f: &str| {
            f.contains(&format!("like = \"{name}\"")) || f.contains(&format!("like({name})"))
        };
        if is_used(&self.text()?) {
            return Err(Trouble::new(
                format!("the configuration has a pose that is like {name:?}"),
                "remove that first",
            ));
        }
        std::fs::remove_file(&file)
            .map_err(|e| Trouble::new(format!("{}: cannot be removed: {e}", file.display()), ""))?;
        self.taught()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_new_text_takes_the_files_place_and_the_old_one_and_its_mode_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real.toml");
        std::fs::write(&real, "old").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        let link = dir.path().join("posed.toml");
        symlink(&real, &link).unwrap();
        let file = ConfigFile::new(&link, Overrides::default());
        assert!(!file.take_changed());
        let saved = file.replace("new").unwrap();
        assert_eq!(
            (file.text().unwrap().as_str(), saved.file),
            ("new", real.canonicalize().unwrap())
        );
        assert_eq!(std::fs::read_to_string(&saved.kept).unwrap(), "old");
        let mode = std::fs::metadata(&real).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(link.is_symlink() && file.take_changed() && !file.take_changed());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_file_that_cannot_be_written_stays_and_nothing_is_reloaded() {
        let file = ConfigFile::new(Path::new("/proc/self/nothing.toml"), Overrides::default());
        assert!(file.replace("x").is_err() && !file.take_changed());
    }

    #[test]
    fn the_faults_are_those_of_check() {
        let file = ConfigFile::new(Path::new("x.toml"), Overrides::default());
        let faults = file.faults("[source]\nkind = \"synthetic\"\nfsp = 3\n");
        assert_eq!((faults[0].key.as_str(), faults[0].line), ("source.fsp", 3));
    }
}
