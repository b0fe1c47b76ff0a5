//! `posed replay`: a clip through the daemon's road, frame by frame, with times from the clip. The
//! same clip gives the same lines, byte for byte.

use super::configuration;
use crate::act::Outputs;
use crate::capture::{self, Next, Pace, SourceSettings};
use crate::config::Overrides;
use crate::display::{self, Scene};
use crate::frame::Frame;
use crate::infer::Infer;
use crate::pipeline::road::{Passed, Road};
use anyhow::Context;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A Y4M or MJPEG AVI file, a folder of numbered JPEGs, or - for stdin
    clip: String,
    /// The configuration; without it the sample's poses and no actions
    #[arg(short, long)]
    config: Option<PathBuf>,
    /// A model instead of the configuration's
    #[arg(short, long)]
    model: Option<String>,
    /// Only events, no line for each frame
    #[arg(long)]
    events_only: bool,
}

pub fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let source = SourceSettings::from_argument(&args.clip)?;
    let overrides = Overrides {
        model: args.model.clone(),
        source: Some(source.clone()),
        cache: super::plan_directory(),
    };
    let config = configuration(args.config.as_ref(), &overrides)?;
    let mut source = capture::open(&source, Pace::Recorded)?;
    let mut road = Road::new(
        Infer::new(&config)?,
        Outputs::open(&config.outputs)?,
        !args.events_only,
    );
    let mut screens = Vec::new();
    for d in &config.displays {
        screens.push((display::open(&d.settings)?, Scene::new(d.show)));
    }
    let mut frame = Frame::default();
    let mut out = std::io::stdout().lock();
    let mut last = Duration::ZERO;
    let mut sequence = 0;
    while source.next(&mut frame)? == Next::Frame {
        frame.sequence = sequence;
        sequence += 1;
        if road.frame(&mut frame)? == Passed::Damaged {
            continue;
        }
        last = frame.time;
        out.write_all(&road.events)
            .and_then(|()| out.write_all(&road.frame_line))
            .context("stdout cannot be written")?;
        for (screen, scene) in &mut screens {
            road.fill_scene(&frame, None, scene);
            screen.show(scene, road.infer.keypoints(), config.visible)?;
        }
    }
    road.source_lost(last);
    out.write_all(&road.events)
        .and_then(|()| out.flush())
        .context("stdout cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
