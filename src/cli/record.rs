//! `posed record`: a clip from any source, for `replay`. Whatever ends it, Ctrl-C, a lost camera or
//! a full disk, what was written until then is a whole clip.

use crate::capture::{CaptureError, FrameSource, Next, Pace, Source, from_argument};
use crate::config::{Config, Overrides};
use crate::frame::Frame;
use crate::record::Recorder;
use anyhow::Context;
use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[derive(Debug, Args)]
pub struct RecordArgs {
    /// The clip to write: .y4m (uncompressed) or .avi (MJPEG)
    output: PathBuf,
    /// /dev/video0, a clip or folder, - for stdin, or synthetic
    #[arg(short, long, default_value = "/dev/video0", conflicts_with = "config")]
    source: OsString,
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
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .context("signals cannot be caught")?;
    }
    // A file's frames have their times whether they are waited for or not.
    let pace = match settings.is_live() {
        true => Pace::Live,
        false => Pace::Recorded,
    };
    check_output(&args.output)?;
    let Some(mut source) = open(settings.as_ref(), pace, &stop)? else {
        return Ok(ExitCode::SUCCESS);
    };
    check_is_no_source(&args.output)?;
    let mut recorder = Recorder::create(&args.output, source.rate())?;
    log::info!(
        "recording {} to {}",
        source.describe(),
        args.output.display()
    );
    let seconds = args.seconds.map(Duration::try_from_secs_f64).transpose();
    let seconds = seconds.context("--seconds: give a number that is not negative")?;
    let outcome = record(source.as_mut(), &mut recorder, seconds, &stop);
    let recorded = recorder.finish()?;
    eprintln!(
        "{} frames in {}, {} damaged and left out",
        recorded.pictures,
        args.output.display(),
        recorded.left_out
    );
    outcome?;
    if recorded.pictures == 0 {
        // Nothing of it could be played.
        let _ = std::fs::remove_file(&args.output);
        anyhow::bail!("no picture came: nothing was recorded");
    }
    Ok(ExitCode::SUCCESS)
}

/// A pipe would hold up the start until somebody reads it, and a clip's end is written at its start.
fn check_output(path: &Path) -> anyhow::Result<()> {
    let is_file = std::fs::metadata(path).map_or(true, |m| m.is_file() || m.is_dir());
    anyhow::ensure!(
        is_file,
        "{}: is no file: give the path of a clip to write",
        path.display()
    );
    Ok(())
}

/// The clip must not be the file that the frames come from, which this program has open by now.
fn check_is_no_source(path: &Path) -> anyhow::Result<()> {
    let Ok(output) = std::fs::metadata(path) else {
        return Ok(());
    };
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
    let same = |file: std::fs::Metadata| file.dev() == output.dev() && file.ino() == output.ino();
    let source = open
        .flatten()
        .any(|entry| std::fs::metadata(entry.path()).is_ok_and(same));
    anyhow::ensure!(
        !source,
        "{}: is the source itself: give another path",
        path.display()
    );
    Ok(())
}

/// Opens the source; one that gives nothing yet is waited for, until somebody stops it.
fn open(
    settings: &dyn Source,
    pace: Pace,
    stop: &AtomicBool,
) -> anyhow::Result<Option<Box<dyn FrameSource>>> {
    while !stop.load(Ordering::Relaxed) {
        match settings.open(pace) {
            Err(e @ CaptureError::Stalled { .. }) => log::warn!("{e}; waiting"),
            opened => return Ok(Some(opened?)),
        }
    }
    Ok(None)
}

/// Takes frames until the source ends, `seconds` are full or somebody stops it.
fn record(
    source: &mut dyn FrameSource,
    recorder: &mut Recorder,
    seconds: Option<Duration>,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let mut frame = Frame::default();
    while !stop.load(Ordering::Relaxed) && source.next(&mut frame)? == Next::Frame {
        let past = recorder.since_first(frame.time);
        if let Some(seconds) = seconds.filter(|s| past >= *s) {
            let end = frame.time - (past - seconds);
            return Ok(recorder.hold_until(end)?);
        }
        recorder.take(&frame)?;
    }
    Ok(())
}
