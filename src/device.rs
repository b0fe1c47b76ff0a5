//! What the configuration names and what may or may not be there: cameras, lines, screens, sockets.
//!
//! Each room extends [`Device`] by a way to open its own; whoever looks after all of them (the
//! doctor, `posed release`) knows no kind by name.

use crate::trouble::Trouble;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Whether the folder that `file` would lie in is there, or is made by the service at its start.
///
/// # Errors
/// It is neither.
pub fn check_folder(file: &Path) -> Result<(), Trouble> {
    const MADE_AT_THE_START: [&str; 3] = ["/run/posed", "/var/lib/posed", "/var/cache/posed"];
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // /run/posed-door, of posed@door, too.
    let made = MADE_AT_THE_START
        .iter()
        .any(|own| folder.to_string_lossy().starts_with(own));
    if made || folder.is_dir() {
        return Ok(());
    }
    Err(Trouble::new(
        format!("there is no folder {}", folder.display()),
        format!(
            "`sudo install -d -o posed {}`, or set another `path`",
            folder.display()
        ),
    ))
}

/// Whether `path` is a node of this major number, as the kernel gives them out
/// (Documentation/admin-guide/devices.txt).
///
/// # Errors
/// There is nothing of this name.
pub fn is_node(path: &Path, major: u32) -> std::io::Result<bool> {
    let there = std::fs::metadata(path)?;
    Ok(there.file_type().is_char_device() && libc::major(there.rdev()) as u32 == major)
}

/// What is said of a node that this user may not open, and only `group` may.
pub fn no_permission(node: &Path, group: &str) -> Trouble {
    Trouble::new(
        format!("{}: permission denied", node.display()),
        format!(
            "add the user to the group {group} (`sudo usermod -aG {group} $USER`) and log in again; for a service: `SupplementaryGroups={group}` in its unit"
        ),
    )
}

/// The settings of one back-end.
pub trait Device: std::fmt::Debug + Send + Sync {
    /// Looks whether it is there, without touching it.
    ///
    /// # Errors
    /// It is not, or may not be used.
    fn check(&self) -> Result<(), Trouble> {
        Ok(())
    }

    /// What nobody else can have beside it, in words: a line, a file, a port. Two sections that claim the
    /// same are a fault of the configuration.
    fn claims(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it is reached through the network, which the service has only where it is allowed.
    fn needs_network(&self) -> bool {
        false
    }

    /// Whether it stays as it is when the program dies. Such a thing is brought to its inactive
    /// state by `posed release`, by opening it.
    fn outlives_us(&self) -> bool {
        false
    }
}
