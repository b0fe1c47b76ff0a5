//! `posed release`: every GPIO line of a configuration to its inactive level, then let go. The unit's `ExecStopPost=` runs it, so that nothing is
//! left on after a SIGKILL.

use crate::act::{self, DeviceSettings};
use crate::config::Config;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The configuration file
    #[arg(short, long, default_value = "/etc/posed/posed.toml")]
    config: PathBuf,
}

pub fn run(args: &ReleaseArgs) -> anyhow::Result<ExitCode> {
    let (outputs, faults) = Config::outputs(&args.config)?;
    for fault in &faults {
        log::error!("{}:{}: {}: {}", args.config.display(), fault.line, fault.key, fault.problem);
    }
    let mut failed = faults.len();
    for output in outputs.iter().filter(|o| matches!(o.device, DeviceSettings::Gpio(_))) {
        // Opening a line sets it to its inactive level; one that cannot be opened does not keep the others on.
        if let Err(e) = act::open(&output.device, &output.name) {
            log::error!("{}: {e}", output.name);
            failed += 1;
        }
    }
    anyhow::ensure!(failed == 0, "{failed} outputs could not be put to inactive: the lines above say why");
    Ok(ExitCode::SUCCESS)
}
