//! `posed doctor`: each thing of this machine that posed needs, with the mend where it is not
//! right. Exit code 1 if something is a problem.

use crate::capture::v4l2::describe_device;
use crate::doctor::{self, Level};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the package puts the configuration.
const INSTALLED: &str = "/etc/posed/posed.toml";

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Also look for everything that this configuration names [default: /etc/posed/posed.toml where
    /// it exists]
    #[arg(short, long)]
    config: Option<PathBuf>,
}

pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let installed = || Some(PathBuf::from(INSTALLED)).filter(|p| p.exists());
    let mut findings = args
        .config
        .clone()
        .or_else(installed)
        .map(|path| doctor::configured::examine(Path::new("/"), &path))
        .unwrap_or_default();
    findings.extend(doctor::examine(Path::new("/"), &describe_device));
    for finding in &findings {
        say!("{finding}");
    }
    Ok(if doctor::worst(&findings) == Level::Problem {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
