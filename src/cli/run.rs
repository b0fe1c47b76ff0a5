//! `posed run`: the daemon. SIGTERM and SIGINT stop it, and so does the SIGHUP of a terminal that
//! closes. As a service, or with `--reload-on-hup`, SIGHUP reloads the configuration; a broken new one
//! is refused and the old one kept. A reload loads the new network beside the old, then opens only what
//! changed.

use super::config_file::ConfigFile;
use crate::capture;
use crate::config::{Config, Overrides};
use crate::context::Configuration;
use crate::infer::Infer;
use crate::pipeline::{Ended, Opened, Pipeline};
use crate::service::Service;
use anyhow::Context;
use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The configuration file
    #[arg(short, long, default_value = "/etc/posed/posed.toml")]
    config: PathBuf,
    /// A source instead of the configuration's: /dev/video0, a photo, clip or folder, - for stdin,
    /// or synthetic
    #[arg(short, long)]
    source: Option<OsString>,
    /// A model instead of the configuration's
    #[arg(short, long)]
    model: Option<String>,
    /// SIGHUP reloads the configuration, as it does under systemd, instead of ending the program
    #[arg(long)]
    reload_on_hup: bool,
}

pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let source = args
        .source
        .as_deref()
        .map(capture::from_argument)
        .transpose()?;
    let overrides = Overrides {
        model: args.model.clone(),
        source,
        find: None,
        cache: super::plan_directory(),
        drill: super::drill(),
        isa: super::kernels(),
    };
    super::check_model(args.model.as_deref(), Some(&args.config))?;
    let reloads = args.reload_on_hup || super::is_service();
    let mut signals = vec![SIGTERM, SIGINT];
    if reloads || !is_hup_ignored() {
        signals.push(SIGHUP);
    }
    let file = Arc::new(ConfigFile::new(&args.config, overrides));
    let mut daemon = Daemon {
        signals: Signals::new(signals).context("signals cannot be caught")?,
        service: Service::default(),
        reloads,
        file: &file,
    };
    let mut config = file.read()?;
    let mut infer = Infer::new(&config)?;
    let mut opened = Opened::default();
    opened.open(&config)?;
    loop {
        let (ended, ends) = mpsc::channel();
        let configuration = Some(Arc::clone(&file) as Arc<dyn Configuration>);
        let pipeline = Pipeline::start(&config, infer, opened, configuration, &ended)
            .context("a thread could not be started")?;
        log::info!(
            "running with {}, {} poses, {} actions",
            config.model.name,
            config.poses.len(),
            config.outputs.len()
        );
        keep_in_use(&config.text);
        daemon.service.ready();
        let Reload(mut new, new_infer) = match daemon.wait(&pipeline, &ends) {
            Next::Stop => {
                daemon.service.stopping();
                return Ok(ExitCode::SUCCESS);
            }
            Next::SourceEnd => {
                daemon.service.stopping();
                if config.source.is_pipe() {
                    log::error!("stdin has ended: whoever writes the frames has stopped or died");
                    return Ok(ExitCode::from(super::PIPE_ENDED));
                }
                return Ok(ExitCode::SUCCESS);
            }
            Next::Fail(ended) => {
                pipeline.stop();
                anyhow::bail!("{ended}");
            }
            Next::Reload(reload) => *reload,
        };
        keep_source(&config, &mut new);
        opened = pipeline.hand_over(&new);
        match opened.open(&new) {
            Ok(()) => {
                config = new;
                infer = new_infer;
            }
            Err(e) => {
                refuse(e);
                opened.open(&config)?;
                infer = Infer::new(&config)?;
            }
        }
    }
}

fn refuse(error: impl std::fmt::Display) {
    log::error!("the new configuration is refused and the old one kept: {error}");
}

/// A source whose settings are the same goes on as itself: of a pipe something may have been read
/// that is not used yet.
fn keep_source(old: &Config, new: &mut Config) {
    if format!("{:?}", old.source) == format!("{:?}", new.source) {
        new.source = Arc::clone(&old.source);
    }
}

/// Keeps the configuration that is in use where `posed release` finds it, whatever becomes of the
/// file meanwhile.
fn keep_in_use(text: &str) {
    let Some(path) = super::in_use() else { return };
    if let Err(e) = std::fs::write(&path, text) {
        log::warn!(
            "{}: cannot be written: {e}; after a SIGKILL, lines are released by the file as it is then",
            path.display()
        );
    }
}

/// Whether the program was started to outlive its terminal: nohup(1) has SIGHUP ignored.
fn is_hup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (SIGHUP - 1) & 1 == 1)
}

enum Next {
    Stop,
    SourceEnd,
    Fail(String),
    Reload(Box<Reload>),
}

/// What the daemon goes on with.
struct Reload(Config, Infer);

/// What goes on while pipelines come and go.
struct Daemon<'a> {
    signals: Signals,
    service: Service,
    /// Whether SIGHUP is a wish for the new configuration, not the end of a terminal.
    reloads: bool,
    file: &'a ConfigFile,
}

/// Reads the configuration again and loads its network, while the old one goes on.
fn reload(file: &ConfigFile) -> anyhow::Result<Reload> {
    let config = file.read()?;
    let infer = Infer::new(&config)?;
    Ok(Reload(config, infer))
}

impl Daemon<'_> {
    /// What comes next where the configuration is to be taken up; `None` if it is refused.
    fn reload(&mut self) -> Option<Next> {
        self.service.reloading();
        match reload(self.file) {
            Ok(reload) => return Some(Next::Reload(Box::new(reload))),
            Err(e) => refuse(super::told(&e)),
        }
        self.service.ready();
        None
    }

    /// Tends the service until a signal or the pipeline says what comes next.
    fn wait(&mut self, pipeline: &Pipeline, ends: &Receiver<Ended>) -> Next {
        loop {
            self.service.tend(pipeline);
            log::logger().flush();
            for signal in self.signals.pending() {
                if signal != SIGHUP || !self.reloads {
                    log::info!("stopping");
                    return Next::Stop;
                }
                if let Some(next) = self.reload() {
                    return next;
                }
            }
            if self.file.take_changed()
                && let Some(next) = self.reload()
            {
                return next;
            }
            match ends.recv_timeout(Duration::from_millis(50)) {
                Ok(Ended::SourceEnd) => return Next::SourceEnd,
                Ok(Ended::Failed { stage, reason }) => {
                    return Next::Fail(format!("{stage} has ended: {reason}"));
                }
                Err(_) => {}
            }
        }
    }
}
