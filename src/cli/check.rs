//! `posed check`: everything that `run` would refuse, without running.

use crate::config::{Config, Overrides};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The configuration file
    #[arg(short, long, default_value = "/etc/posed/posed.toml")]
    config: PathBuf,
}

pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config, &Overrides::default())?;
    for card in std::iter::once(&config.model)
        .chain(&config.segment)
        .chain(config.find.kind.model())
    {
        card.verify()?;
    }
    let names: Vec<&str> = config.poses.iter().map(|p| &*p.name).collect();
    say!("{}: good", args.config.display());
    say!(
        "  model {}, poses {}, {} actions, {} displays, {} outputs",
        config.model.name,
        names.join(" "),
        config.outputs.len(),
        config.displays.len(),
        config.publish.len()
    );
    Ok(ExitCode::SUCCESS)
}
