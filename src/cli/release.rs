//! `posed release`: every GPIO line of a configuration to its inactive level, then let go. The
//! unit's `ExecStopPost=` runs it, so that nothing is left on after a SIGKILL.

use crate::act::{self, DeviceSettings, OutputSettings};
use crate::config::{Config, Fault};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The configuration file
    #[arg(short, long, default_value = "/etc/posed/posed.toml")]
    config: PathBuf,
}

pub fn run(args: &ReleaseArgs) -> anyhow::Result<ExitCode> {
    // What was in use counts first: the file may have been changed since, or half so.
    let in_use = super::in_use().filter(|p| p.exists());
    let mut left = 0;
    for path in in_use.iter().chain([&args.config]) {
        match Config::outputs(path) {
            Ok((outputs, faults)) => left += release(path, &outputs, &faults),
            Err(e) if in_use.is_some() => log::warn!("{e}"),
            Err(e) => return Err(e.into()),
        }
    }
    anyhow::ensure!(
        left == 0,
        "{left} outputs could not be put to inactive: the lines above say why"
    );
    Ok(ExitCode::SUCCESS)
}

/// How many outputs may still be active.
fn release(path: &Path, outputs: &[OutputSettings], faults: &[Fault]) -> usize {
    for fault in faults {
        log::error!(
            "{}:{}: {}: {}",
            path.display(),
            fault.line,
            fault.key,
            fault.problem
        );
    }
    let understood = |key: &str| {
        outputs.iter().any(|o| {
            key.strip_prefix("action.")
                .is_some_and(|k| k.split('.').next() == Some(&o.name))
        })
    };
    let mut unclear: Vec<&str> = faults
        .iter()
        .map(|f| f.key.as_str())
        .filter(|key| !understood(key))
        .collect();
    unclear.dedup_by_key(|key| key.split('.').nth(1));
    let mut left = unclear.len();
    for output in outputs
        .iter()
        .filter(|o| matches!(o.device, DeviceSettings::Gpio(_)))
    {
        // Opening a line sets it to its inactive level; one that cannot be opened does not keep the
        // others on.
        if let Err(e) = act::open(&output.device, &output.name) {
            log::error!("{}: {e}", output.name);
            left += 1;
        }
    }
    left
}
