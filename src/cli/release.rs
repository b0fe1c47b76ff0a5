//! `posed release`: everything that would stay on after posed has died, such as GPIO lines, to its
//! inactive state, then let go. The
//! unit's `ExecStopPost=` runs it, so that nothing is left on after a SIGKILL.

use crate::act::{self, OutputSettings};
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
            Ok((outputs, faults)) => left += release(path, &outputs, &faults, in_use.is_some()),
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

/// How many outputs may still be active. Where the one in use is `known`, a file that is broken now
/// is none of them.
fn release(path: &Path, outputs: &[OutputSettings], faults: &[Fault], known: bool) -> usize {
    for fault in faults {
        log::error!(
            "{}:{}: {}: {}",
            path.display(),
            fault.line,
            fault.key,
            fault.problem
        );
    }
    let mut unclear: Vec<&str> = faults.iter().filter_map(|f| unclear(f, known)).collect();
    unclear.dedup();
    let mut left = unclear.len();
    for output in outputs.iter().filter(|o| o.device.outlives_us()) {
        // Opening it brings it to its inactive state; one that cannot be opened does not keep the
        // others on.
        if let Err(e) = output.device.open(&output.name) {
            log::error!("{}: {e}", output.name);
            left += 1;
        }
    }
    left
}

/// What a fault leaves unclear: the action of which it is not known what it drives, or with a line
/// that is no TOML the file.
fn unclear(fault: &Fault, known: bool) -> Option<&str> {
    let Some(key) = fault.key.strip_prefix("action.") else {
        return (!known).then_some("");
    };
    let (name, last) = key.rsplit_once('.').unwrap_or((key, ""));
    (!act::WHEN.contains(&last)).then_some(name)
}
