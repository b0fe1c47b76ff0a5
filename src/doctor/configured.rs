//! What the configuration names: whether each of it is there.
//!
//! In: the path of a configuration. Out: findings. Nothing is switched: a line is looked up, a
//! device's node opened.

use super::{Finding, network};
use crate::config::{Config, ConfigError, Overrides};
use crate::model::{ModelCard, model_directories};
use std::path::Path;

const AREA: &str = "config";

/// Looks at everything that the configuration at `path` names; `root` stands for `/` where the service
/// is looked at.
pub fn examine(root: &Path, path: &Path) -> Vec<Finding> {
    let config = match Config::read(path, &Overrides::default()) {
        Ok(config) => config,
        Err(ConfigError::Faults { faults, .. }) => {
            let finding = |f: crate::config::Fault| {
                Finding::problem(
                    AREA,
                    format!("{}:{}: {}: {}", path.display(), f.line, f.key, f.problem),
                    f.mend,
                )
            };
            return faults.into_iter().map(finding).collect();
        }
        Err(ConfigError::Read { source, .. }) => {
            let mend = "give it with --config, or let this user read it (group posed)";
            return vec![Finding::problem(
                AREA,
                format!("{}: cannot be read: {source}", path.display()),
                mend.into(),
            )];
        }
    };
    let mut found = Vec::new();
    // The installed ones have been verified under "models".
    let installed = model_directories();
    let own = |card: &&ModelCard| !installed.iter().any(|d| card.onnx.starts_with(d));
    for card in std::iter::once(&config.model)
        .chain(&config.segment)
        .filter(own)
    {
        let mend = "install the models again, or correct the card (docs/models.md)";
        found.extend(
            card.verify()
                .err()
                .map(|e| Finding::problem(AREA, e.to_string(), mend.into())),
        );
    }
    let devices = config.devices();
    found.extend(network::examine(root, &devices));
    for (section, device) in devices {
        if let Err(e) = device.check() {
            let what = format!("{section}: {}", e.what);
            found.push(Finding::problem(AREA, what, e.mend));
        }
    }
    if found.is_empty() {
        found.push(Finding::good(
            AREA,
            format!("{}: everything that it names is there", path.display()),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn of(config: &str) -> Vec<Finding> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("posed.toml");
        std::fs::write(&path, config).unwrap();
        examine(dir.path(), &path)
    }

    #[test]
    fn each_missing_thing_is_a_problem_of_its_own_with_a_mend() {
        let found = of(
            "[source]\nkind = \"v4l2\"\ndevice = \"/dev/video77\"\n[pose.p]\nwhen = \"nose above left_elbow\"\n\
            [action.lamp]\nkind = \"gpio\"\nline = \"NO_SUCH_LINE\"\npose = \"p\"\n\
            [display.d]\nkind = \"framebuffer\"\ndevice = \"/dev/fb77\"\n",
        );
        assert!(
            found
                .iter()
                .all(|f| f.level == Level::Problem && f.mend.is_some()),
            "{found:?}"
        );
        let whole: String = found.iter().map(|f| f.to_string() + "\n").collect();
        for name in ["/dev/video77", "NO_SUCH_LINE", "/dev/fb77"] {
            assert!(whole.contains(name), "{name} is not named:\n{whole}");
        }
    }

    #[test]
    fn what_is_there_is_good_and_a_fault_has_its_line() {
        assert_eq!(of("[source]\nkind = \"synthetic\"\n")[0].level, Level::Good);
        let found =
            of("[source]\nkind = \"synthetic\"\n[pose.p]\nwhen = \"nose abvoe left_elbow\"\n");
        assert!(
            found[0].level == Level::Problem && found[0].what.contains(":4: pose.p.when"),
            "{}",
            found[0]
        );
        let found = of(
            "[source]\nkind = \"synthetic\"\n[publish.f]\nkind = \"file\"\npath = \"/no/such/folder/lines\"\n",
        );
        assert!(found[0].what.contains("/no/such/folder") && found[0].mend.is_some());
    }
}
