//! Whether the service may use the network that its configuration asks for.
//!
//! In: the root of the system, and what the configuration names. Out: a finding where something is
//! reached through the network and the unit keeps it away. Drop-ins are read as files (systemd.unit(5));
//! systemd is not asked, which may not be running.

use super::Finding;
use crate::device::Device;
use std::path::Path;

const AREA: &str = "config";
/// Where units lie, and where what is added to them.
const UNITS: [&str; 2] = ["lib/systemd/system", "usr/lib/systemd/system"];
const DROP_INS: [&str; 4] = [
    "etc/systemd/system",
    "run/systemd/system",
    "lib/systemd/system",
    "usr/lib/systemd/system",
];
const MEND: &str = "sudo install -D -m 644 /usr/share/doc/posed/examples/network.conf \
                    /etc/systemd/system/posed.service.d/network.conf && sudo systemctl daemon-reload \
                    && sudo systemctl restart posed";

/// Looks whether what needs the network gets it from the service.
pub fn examine(root: &Path, devices: &[(String, &dyn Device)]) -> Option<Finding> {
    let needing: Vec<&str> = devices
        .iter()
        .filter(|(_, device)| device.needs_network())
        .map(|(section, _)| section.as_str())
        .collect();
    let is_installed = UNITS
        .iter()
        .any(|folder| root.join(folder).join("posed.service").exists());
    if needing.is_empty() || !is_installed || is_allowed(root) {
        return None;
    }
    let verb = if needing.len() == 1 { "needs" } else { "need" };
    let what = format!(
        "{} {verb} the network, which posed.service has not",
        needing.join(", ")
    );
    Some(Finding::problem(AREA, what, MEND.into()))
}

fn is_allowed(root: &Path) -> bool {
    let folders = DROP_INS.map(|folder| root.join(folder).join("posed.service.d"));
    let files = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(Iterator::flatten);
    let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    texts.into_iter().any(|text| {
        let mut lines = text.lines().map(str::trim);
        lines.any(|line| {
            let value = line.strip_prefix("PrivateNetwork=").map(str::trim);
            matches!(value, Some("no" | "false" | "off" | "0"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Remote(bool);

    impl Device for Remote {
        fn needs_network(&self) -> bool {
            self.0
        }
    }

    #[test]
    fn what_needs_the_network_is_named_until_a_drop_in_allows_it() {
        let root = tempfile::tempdir().unwrap();
        let (remote, local) = (Remote(true), Remote(false));
        let devices: [(String, &dyn Device); 2] =
            [("publish page".into(), &remote), ("source".into(), &local)];
        assert!(examine(root.path(), &devices).is_none(), "not installed");
        let units = root.path().join("usr/lib/systemd/system");
        std::fs::create_dir_all(&units).unwrap();
        std::fs::write(
            units.join("posed.service"),
            "[Service]\nPrivateNetwork=yes\n",
        )
        .unwrap();
        let found = examine(root.path(), &devices).unwrap().to_string();
        assert!(found.contains("publish page needs the network"), "{found}");
        assert!(examine(root.path(), &devices[1..]).is_none());
        let drop_in = root.path().join("etc/systemd/system/posed.service.d");
        std::fs::create_dir_all(&drop_in).unwrap();
        std::fs::copy("systemd/network.conf", drop_in.join("network.conf")).unwrap();
        assert!(examine(root.path(), &devices).is_none());
    }
}
