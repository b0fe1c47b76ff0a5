//! Buses that small screens are wired to: SPI /dev/spidev* and I2C /dev/i2c-*.
//!
//! In: the root of the system and a function that tries to open a node. Out: findings. Nobody on a bus
//! is asked anything.

use super::{Finding, numbered, text};
use std::io;
use std::path::{Path, PathBuf};

const AREA: &str = "bus";
/// Buses shown by name; a desktop's graphics card has a dozen.
const SHOWN: usize = 4;

/// Looks at every SPI and I2C bus.
pub fn examine(root: &Path, open: &dyn Fn(&Path) -> io::Result<()>) -> Vec<Finding> {
    let mut spi: Vec<(String, PathBuf)> = (0..16)
        .flat_map(|bus| numbered(root, "dev", &format!("spidev{bus}.")))
        .collect();
    spi.sort();
    let i2c = numbered(root, "dev", "i2c-");
    let mut findings = buses(root, &spi, "SPI", "spi", "dtparam=spi=on", open);
    findings.extend(buses(root, &i2c, "I2C", "i2c", "dtparam=i2c_arm=on", open));
    findings
}

fn buses(
    root: &Path,
    nodes: &[(String, PathBuf)],
    sort: &str,
    group: &str,
    parameter: &str,
    open: &dyn Fn(&Path) -> io::Result<()>,
) -> Vec<Finding> {
    if nodes.is_empty() {
        let mend = format!(
            "for a screen on it, on a Raspberry Pi: write `{parameter}` into /boot/firmware/config.txt and restart; elsewhere enable it in the device tree"
        );
        return vec![Finding::note(AREA, format!("no {sort} bus"), Some(mend))];
    }
    let mut usable = Vec::new();
    let mut findings = Vec::new();
    for (node, path) in nodes {
        match open(path) {
            Ok(()) => usable.push(named(root, node)),
            // Of one group, which is said once.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied && findings.is_empty() => {
                findings.push(Finding::no_permission(AREA, node, group));
            }
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {}
            Err(e) => {
                let mend = format!("look at `dmesg | grep -i {group}` for the driver's reason");
                let what = format!("{node} cannot be opened: {e}");
                findings.push(Finding::problem(AREA, what, mend));
            }
        }
    }
    if !usable.is_empty() {
        let more = usable.len().saturating_sub(SHOWN);
        usable.truncate(SHOWN);
        let more = match more {
            0 => String::new(),
            n => format!(", and {n} more"),
        };
        let what = format!("{sort}: {}{more}", usable.join(", "));
        findings.push(Finding::good(AREA, what));
    }
    findings
}

/// The node, with the name of the adapter where it has one.
fn named(root: &Path, node: &str) -> String {
    let device = node.trim_start_matches("/dev/");
    let name = root.join("sys/class/i2c-dev").join(device).join("name");
    match text(&name) {
        Some(name) => format!("{node} ({name})"),
        None => node.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::screens::try_open;
    use crate::doctor::{Level, fake_root};

    #[test]
    fn buses_are_listed_with_their_adapters() {
        let root = fake_root(&[
            ("dev/spidev0.1", ""),
            ("dev/spidev0.0", ""),
            ("dev/i2c-1", ""),
            ("sys/class/i2c-dev/i2c-1/name", "bcm2835 (i2c@7e804000)\n"),
        ]);
        let found = examine(root.path(), &try_open);
        let lines: Vec<String> = found.iter().map(Finding::to_string).collect();
        assert_eq!(
            lines,
            [
                "bus      ok       SPI: /dev/spidev0.0, /dev/spidev0.1",
                "bus      ok       I2C: /dev/i2c-1 (bcm2835 (i2c@7e804000))",
            ]
        );
    }

    #[test]
    fn what_is_off_is_a_note_with_the_parameter_and_a_missing_right_is_said_once() {
        let none = examine(fake_root(&[]).path(), &try_open);
        assert!(none.iter().all(|f| f.level == Level::Note));
        let mend = |i: usize| none[i].mend.clone().unwrap();
        assert!(mend(0).contains("dtparam=spi=on") && mend(1).contains("dtparam=i2c_arm=on"));
        let root = fake_root(&[
            ("dev/spidev0.0", ""),
            ("dev/spidev0.1", ""),
            ("dev/i2c-1", ""),
        ]);
        let denied = examine(
            root.path(),
            &|_| Err(io::ErrorKind::PermissionDenied.into()),
        );
        assert_eq!(denied.len(), 2);
        assert!(
            denied[0]
                .mend
                .as_deref()
                .unwrap()
                .contains("usermod -aG spi")
        );
        assert!(
            denied[1]
                .mend
                .as_deref()
                .unwrap()
                .contains("usermod -aG i2c")
        );
        let broken = examine(root.path(), &|_| Err(io::ErrorKind::NotFound.into()));
        assert!(broken.iter().all(|f| f.level == Level::Problem));
    }

    #[test]
    fn many_buses_are_counted() {
        let names: Vec<String> = (0..9).map(|n| format!("dev/i2c-{n}")).collect();
        let files: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), "")).collect();
        let found = examine(fake_root(&files).path(), &try_open);
        assert!(
            found[1].what.ends_with("/dev/i2c-3, and 5 more"),
            "{}",
            found[1]
        );
    }
}
