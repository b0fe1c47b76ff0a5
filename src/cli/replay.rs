//! `posed replay`: a clip through the daemon's road, frame by frame, with times from the clip. The
//! same clip gives the same lines, byte for byte.

use super::configuration;
use crate::act::Outputs;
use crate::capture::{self, Next, Pace};
use crate::config::Overrides;
use crate::frame::Frame;
use crate::infer::Infer;
use crate::pipeline::road::{Passed, Road};
use crate::report::{Needs, Report};
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A Y4M or MJPEG AVI file, a folder of numbered JPEGs, or - for stdin
    clip: OsString,
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
    let source = capture::from_argument(&args.clip)?;
    let overrides = Overrides {
        model: args.model.clone(),
        source: Some(source),
        find: None,
        cache: super::plan_directory(),
        drill: None,
        isa: super::kernels(),
    };
    super::check_model(args.model.as_deref(), args.config.as_ref())?;
    let config = configuration(args.config.as_ref(), &overrides)?;
    let mut source = config.source.open(Pace::Recorded)?;
    let mut road = Road::new(Infer::new(&config)?, Outputs::open(&config.outputs)?);
    let mut screens = Vec::new();
    for display in &config.displays {
        screens.push(display.open());
    }
    let mut told = Told::new(!args.events_only);
    let mut frame = Frame::default();
    let mut last = Duration::ZERO;
    let mut sequence = 0;
    while source.next(&mut frame)? == Next::Frame {
        frame.sequence = sequence;
        sequence += 1;
        if road.frame(&mut frame)? == Passed::Damaged {
            continue;
        }
        last = frame.time;
        told.print(|needs, report| road.tell(&frame, None, needs, report))?;
        for screen in &mut screens {
            road.tell(&frame, None, screen.needs(), &mut told.report);
            screen.hear(&told.report);
        }
    }
    road.source_lost(last);
    told.print(|_, report| road.tell_events(last, report))?;
    Ok(ExitCode::SUCCESS)
}

/// Lines on stdout: none may be lost, so they are written at once.
struct Told {
    needs: Needs,
    report: Report,
    lines: Vec<u8>,
}

impl Told {
    fn new(frames: bool) -> Self {
        Self {
            needs: Needs {
                frames,
                events: true,
                ..Needs::default()
            },
            report: Report::default(),
            lines: Vec::new(),
        }
    }

    fn print(&mut self, fill: impl FnOnce(Needs, &mut Report)) -> anyhow::Result<()> {
        fill(self.needs, &mut self.report);
        super::print(&mut self.lines, &self.report, self.needs.frames)
    }
}
