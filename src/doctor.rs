//! What this machine has for posed, what is missing, and how to mend it.
//!
//! In: the root of the system: "/", or a folder that stands for it in tests. Out: a list of
//! [`Finding`]s. Nothing is changed: nodes are opened and asked, never written to.

pub mod buses;
pub mod cameras;
pub mod configured;
pub mod gpio;
pub mod machine;
pub mod models;
mod network;
pub mod screens;

use crate::capture::v4l2::DeviceReport;
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};

/// How a finding bears on running posed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Good,
    /// Worth knowing; posed runs without it.
    Note,
    /// Something that posed needs does not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// config, camera, gpio, screen, bus, machine or models.
    pub area: &'static str,
    pub level: Level,
    pub what: String,
    /// What to do about it; every problem has one.
    pub mend: Option<String>,
}

impl Finding {
    fn good(area: &'static str, what: String) -> Self {
        Self {
            area,
            level: Level::Good,
            what,
            mend: None,
        }
    }

    fn note(area: &'static str, what: String, mend: Option<String>) -> Self {
        Self {
            area,
            level: Level::Note,
            what,
            mend,
        }
    }

    fn problem(area: &'static str, what: String, mend: String) -> Self {
        Self {
            area,
            level: Level::Problem,
            what,
            mend: Some(mend),
        }
    }

    /// `node` belongs to `group`, and this user does not.
    fn no_permission(area: &'static str, node: &str, group: &str) -> Self {
        let mend = format!(
            "`sudo usermod -aG {group} $USER` and log in again; for a service: `SupplementaryGroups={group}` in its unit"
        );
        Self::problem(
            area,
            format!("{node} may not be opened: permission denied"),
            mend,
        )
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Problem => "PROBLEM",
        })
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:<7}  {:<7}  {}", self.area, self.level, self.what)?;
        match &self.mend {
            Some(mend) => write!(f, " -> {mend}"),
            None => Ok(()),
        }
    }
}

/// Looks at cameras, GPIO, screens, buses, the machine and the models, in this order. `camera` asks a
/// video node what it is.
///
/// The models are those of [`crate::model::known_models`], whatever `root` is.
pub fn examine(root: &Path, camera: &dyn Fn(&Path) -> io::Result<DeviceReport>) -> Vec<Finding> {
    let mut findings = cameras::examine(root, camera);
    findings.extend(gpio::examine(root, &crate::gpio::describe_chip));
    findings.extend(screens::examine(root, &screens::try_open));
    findings.extend(buses::examine(root, &screens::try_open));
    findings.extend(machine::examine(root));
    findings.extend(models::examine(crate::model::known_models()));
    findings
}

/// The gravest level among `findings`; [`Level::Good`] if there are none.
pub fn worst(findings: &[Finding]) -> Level {
    findings
        .iter()
        .map(|f| f.level)
        .max()
        .unwrap_or(Level::Good)
}

/// The entries `<prefix><number>` of a folder, in the order of their numbers: each as people know
/// it ("/dev/video0") and as a path under `root`.
fn numbered(root: &Path, folder: &str, prefix: &str) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
        return Vec::new();
    };
    let number = |e: &std::fs::DirEntry| {
        e.file_name()
            .to_str()?
            .strip_prefix(prefix)?
            .parse::<u32>()
            .ok()
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|e| Some((number(&e)?, e.path())))
        .collect();
    found.sort();
    found
        .into_iter()
        .map(|(n, path)| (format!("/{folder}/{prefix}{n}"), path))
        .collect()
}

/// A short text file of /proc or /sys without the white space and zero bytes at its ends; `None` if
/// missing or empty.
fn text(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.into())
}

/// A folder that stands for "/", with these files in it.
#[cfg(test)]
fn fake_root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_area_is_looked_at_and_every_problem_has_a_mend() {
        let root = fake_root(&[("dev/video0", ""), ("dev/gpiochip0", ""), ("dev/fb0", "")]);
        let found = examine(
            root.path(),
            &|_| Err(io::ErrorKind::PermissionDenied.into()),
        );
        for area in ["camera", "gpio", "screen", "bus", "machine", "models"] {
            assert!(found.iter().any(|f| f.area == area), "{area}");
        }
        assert!(
            found
                .iter()
                .all(|f| f.level != Level::Problem || f.mend.is_some())
        );
        assert_eq!(worst(&found), Level::Problem);
    }

    #[test]
    fn the_worst_of_nothing_is_good() {
        let note = Finding::note("gpio", "none".into(), None);
        assert_eq!(worst(&[]), Level::Good);
        assert_eq!(
            worst(&[Finding::good("gpio", "fine".into()), note]),
            Level::Note
        );
    }

    #[test]
    fn a_problem_stands_on_one_line_with_its_mend() {
        let finding = Finding::problem("gpio", "broken".into(), "mend it".into());
        assert_eq!(finding.to_string(), "gpio     PROBLEM  broken -> mend it");
    }
}
