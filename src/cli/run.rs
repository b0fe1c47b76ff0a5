//! `posed run`: the daemon. SIGTERM and SIGINT stop it, SIGHUP reloads the configuration; a broken new one is refused and the old one kept.

use crate::capture::SourceSettings;
use crate::config::{Config, Overrides};
use crate::pipeline::{Ended, Pipeline};
use anyhow::Context;
use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The configuration file
    #[arg(short, long, default_value = "/etc/posed/posed.toml")]
    config: PathBuf,
    /// A source instead of the configuration's: /dev/video0, a photo, clip or folder, - for stdin, or synthetic
    #[arg(short, long)]
    source: Option<String>,
    /// A model instead of the configuration's
    #[arg(short, long)]
    model: Option<String>,
}

pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let source = args.source.as_deref().map(SourceSettings::from_argument).transpose()?;
    let overrides = Overrides { model: args.model.clone(), source };
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).context("signals cannot be caught")?;
    let mut config = Config::read(&args.config, &overrides)?;
    loop {
        let (ended, ends) = mpsc::channel();
        let pipeline = Pipeline::start(&config, &ended)?;
        log::info!("running with {}, {} poses, {} actions", config.model.name, config.poses.len(), config.outputs.len());
        match wait(&mut signals, &ends, args, &overrides) {
            Next::Stop => return Ok(ExitCode::SUCCESS),
            Next::Fail(ended) => {
                pipeline.stop();
                anyhow::bail!("{ended}");
            }
            Next::Reload(new) => {
                pipeline.stop();
                config = try_out(*new, config);
            }
        }
    }
}

enum Next {
    Stop,
    Fail(String),
    Reload(Box<Config>),
}

fn wait(signals: &mut Signals, ends: &Receiver<Ended>, args: &RunArgs, overrides: &Overrides) -> Next {
    loop {
        for signal in signals.pending() {
            if signal != SIGHUP {
                log::info!("stopping");
                return Next::Stop;
            }
            match Config::read(&args.config, overrides) {
                Ok(config) => return Next::Reload(Box::new(config)),
                Err(e) => log::error!("the new configuration is refused and the old one kept:\n{e}"),
            }
        }
        match ends.recv_timeout(Duration::from_millis(50)) {
            Ok(Ended::SourceEnd) => return Next::Stop,
            Ok(Ended::Failed { stage, reason }) => return Next::Fail(format!("{stage} has ended: {reason}")),
            Err(_) => {}
        }
    }
}

/// The new configuration if all it names can be opened, otherwise the old one. Devices are free: the pipeline was stopped.
fn try_out(new: Config, old: Config) -> Config {
    match crate::act::Outputs::open(&new.outputs)
        .map_err(|e| e.to_string())
        .and_then(|_| new.displays.iter().try_for_each(|(d, _)| crate::display::open(d).map(drop).map_err(|e| e.to_string())))
    {
        Ok(()) => {
            log::info!("the configuration was reloaded");
            new
        }
        Err(e) => {
            log::error!("the new configuration is refused and the old one kept: {e}");
            old
        }
    }
}
