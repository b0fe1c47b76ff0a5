//! What the configuration names: whether each of it is there.
//!
//! In: the path of a configuration. Out: findings. Nothing is switched: a line is looked up, a
//! device's node opened.

use super::{Finding, screens};
use crate::act::{ActError, DeviceSettings, gpio};
use crate::capture::SourceSettings;
use crate::config::{Config, ConfigError, Overrides};
use crate::display::DisplaySettings;
use crate::model::{ModelCard, model_directories};
use crate::publish::Sink;
use std::io::ErrorKind;
use std::path::Path;

const AREA: &str = "config";

/// Looks at everything that the configuration at `path` names.
pub fn examine(path: &Path) -> Vec<Finding> {
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
    found.extend(source(&config.source));
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
    for output in &config.outputs {
        // A command's program was looked for when the configuration was read.
        if let DeviceSettings::Gpio(line) = &output.device {
            found.extend(
                gpio::check(&line.address)
                    .err()
                    .map(|e| action(&output.name, &e)),
            );
        }
    }
    for display in &config.displays {
        if let DisplaySettings::Framebuffer { device } = &display.settings {
            found.extend(screens::try_open(device).err().map(|e| screen(device, &e)));
        }
    }
    for sink in &config.publish {
        if let Sink::File(file) | Sink::Socket(file) = &sink.sink {
            let folder = file
                .parent()
                .filter(|p| !p.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            // The service's own folders are made when it starts.
            let made = ["/run/posed", "/var/lib/posed", "/var/cache/posed"]
                .iter()
                .any(|own| folder.to_string_lossy().starts_with(own));
            if !made && !folder.is_dir() {
                let mend = format!(
                    "`sudo install -d -o posed {}`, or set another `path`",
                    folder.display()
                );
                found.push(Finding::problem(
                    AREA,
                    format!("publish: there is no folder {}", folder.display()),
                    mend,
                ));
            }
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

fn source(settings: &SourceSettings) -> Option<Finding> {
    let (named, mend) = match settings {
        SourceSettings::V4l2 { device, .. } => (
            device,
            "plug the camera in, or name another as `device` under [source]: `v4l2-ctl --list-devices` lists them (package v4l-utils)",
        ),
        SourceSettings::Photo { path, .. } | SourceSettings::Clip { path, .. } => {
            (path, "set `path` under [source] to a file that is there")
        }
        _ => return None,
    };
    (!named.exists()).then(|| {
        Finding::problem(
            AREA,
            format!("source: {} is not there", named.display()),
            mend.into(),
        )
    })
}

fn action(name: &str, e: &ActError) -> Finding {
    let (what, mend) = match e {
        ActError::NoLine { line, place, mend } => {
            (format!("there is no line {line}{place}"), mend.clone())
        }
        other => (
            other.to_string(),
            "`gpioinfo` lists this machine's lines".into(),
        ),
    };
    Finding::problem(AREA, format!("action {name}: {what}"), mend)
}

fn screen(device: &Path, e: &std::io::Error) -> Finding {
    if e.kind() == ErrorKind::PermissionDenied {
        return Finding::no_permission(AREA, &device.display().to_string(), "video");
    }
    let mend = "enable the display's overlay (/boot/firmware/config.txt on a Raspberry Pi), or name another `device`: `ls /dev/fb*`";
    Finding::problem(
        AREA,
        format!("display: {} cannot be opened: {e}", device.display()),
        mend.into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn of(config: &str) -> Vec<Finding> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("posed.toml");
        std::fs::write(&path, config).unwrap();
        examine(&path)
    }

    #[test]
    fn each_missing_thing_is_a_problem_of_its_own_with_a_mend() {
        let found = of(
            "[source]\nkind = \"v4l2\"\ndevice = \"/dev/video77\"\n[pose.p]\nwhen = \"nose above left_elbow\"\n\
            [action.lamp]\nkind = \"gpio\"\nline = \"NO_SUCH_LINE\"\npose = \"p\"\n\
            [display.d]\nkind = \"framebuffer\"\ndevice = \"/dev/fb77\"\n[publish.f]\nkind = \"file\"\npath = \"/no/such/folder/lines\"\n",
        );
        assert!(
            found
                .iter()
                .all(|f| f.level == Level::Problem && f.mend.is_some()),
            "{found:?}"
        );
        let whole: String = found.iter().map(|f| f.to_string() + "\n").collect();
        for name in [
            "/dev/video77",
            "NO_SUCH_LINE",
            "/dev/fb77",
            "/no/such/folder",
        ] {
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
    }
}
