//! `posed record`: a clip from any source, for `replay`. Ctrl-C ends it; what was written until
//! then is a whole clip.

use crate::capture::{Next, Pace, from_argument};
use crate::config::{Config, Overrides};
use crate::frame::Frame;
use crate::record;
use anyhow::Context;
use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, Args)]
pub struct RecordArgs {
    /// The clip to write: .y4m (uncompressed) or .avi (MJPEG)
    output: PathBuf,
    /// /dev/video0, a clip or folder, - for stdin, or synthetic
    #[arg(short, long, default_value = "/dev/video0", conflicts_with = "config")]
    source: String,
    /// The source of this configuration
    #[arg(short, long)]
    config: Option<PathBuf>,
    /// Stop after so many seconds of frames
    #[arg(long)]
    seconds: Option<f64>,
}

pub fn run(args: &RecordArgs) -> anyhow::Result<ExitCode> {
    let settings = match &args.config {
        Some(path) => Config::read(path, &Overrides::default())?.source,
        None => from_argument(&args.source)?,
    };
    super::check_folder(&args.output)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .context("signals cannot be caught")?;
    }
    let mut source = settings.open(Pace::Live)?;
    let mut writer = record::create(&args.output, source.rate())?;
    log::info!(
        "recording {} to {}",
        source.describe(),
        args.output.display()
    );
    let mut frame = Frame::default();
    let mut outcome = Ok(());
    while !stop.load(Ordering::Relaxed) {
        match source.next(&mut frame) {
            Ok(Next::Frame) => {}
            Ok(Next::End) => break,
            Err(e) => {
                outcome = Err(e);
                break;
            }
        }
        if args.seconds.is_some_and(|s| frame.time.as_secs_f64() >= s) {
            break;
        }
        writer.write(&frame)?;
    }
    let frames = writer.finish()?;
    eprintln!("{frames} frames in {}", args.output.display());
    outcome?;
    Ok(ExitCode::SUCCESS)
}
