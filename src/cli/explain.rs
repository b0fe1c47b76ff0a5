//! `posed explain`: why the people of a photo or clip hold a pose, or do not. Each term of the pose's
//! rule with its value, its limit and what it says: of a photo or of one moment of a clip (`--at`) as
//! it is there, of a clip over all the frames in which a person is seen.
//!
//! ```text
//! photos/basketball.jpg, person 1
//! hands_together: holds
//!   rule: #0
//!   #0  holds    0.14 torsos, below 0.40 (margin 0.10)   left_wrist near right_wrist within 0.4
//! ```

mod clip;
mod table;

use super::configuration;
use crate::act::Outputs;
use crate::capture::{self, FrameSource, Next, Pace};
use crate::config::Overrides;
use crate::decode::Decoder;
use crate::frame::Frame;
use crate::infer::Infer;
use crate::pipeline::road::{Passed, Road};
use crate::recognise::{Anatomy, Pose};
use crate::report::{Needs, Report, Seen};
use anyhow::{Context, bail};
use clap::Args;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A photo, a Y4M or MJPEG AVI file, a folder of numbered JPEGs, or - for stdin
    input: OsString,
    /// Only these poses, separated by commas
    #[arg(short, long, value_delimiter = ',')]
    pose: Vec<String>,
    /// Only this person, by their number
    #[arg(long)]
    person: Option<u32>,
    /// Of a clip, the moment at this many seconds, and not all of it
    #[arg(long)]
    at: Option<f64>,
    /// Poses of this configuration instead of the sample's
    #[arg(short, long)]
    config: Option<PathBuf>,
    /// A model instead of the configuration's
    #[arg(short, long)]
    model: Option<String>,
}

pub fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let overrides = Overrides {
        model: args.model.clone(),
        source: Some(capture::from_argument(&args.input)?),
        cache: super::plan_directory(),
        isa: super::kernels(),
        ..Overrides::default()
    };
    super::check_model(args.model.as_deref(), args.config.as_ref())?;
    let config = configuration(args.config.as_ref(), &overrides)?;
    let mut infer = Infer::new(&config)?;
    let explained = Explained::of(args, &infer)?;
    let mut source = config.source.open(Pace::Recorded)?;
    let mut first = Frame::default();
    let mut second = Frame::default();
    let name = args.input.to_string_lossy();
    if source.next(&mut first)? == Next::End {
        bail!("{name}: has no pictures");
    }
    let mut out = std::io::stdout().lock();
    let written = if source.next(&mut second)? == Next::End {
        if args.at.is_some() {
            bail!("{name}: is one picture, and --at is a moment of a clip: leave it out");
        }
        Decoder::default()
            .decode(&mut first)
            .with_context(|| name.to_string())?;
        let mut report = Report::default();
        infer.photo(&first, &mut report)?;
        explained.moment(&mut out, &name, &report)
    } else {
        let road = Road::new(infer, Outputs::default());
        let frames = Frames {
            source,
            road,
            waiting: vec![second, first],
            report: Report::default(),
        };
        explained.clip(&mut out, &name, frames)?
    };
    written.context("stdout cannot be written")?;
    Ok(ExitCode::SUCCESS)
}

/// The frames of a clip, gone through one by one.
struct Frames {
    source: Box<dyn FrameSource>,
    road: Road,
    /// Those that were read before anybody knew that there are several, the newest first.
    waiting: Vec<Frame>,
    report: Report,
}

impl Frames {
    /// What the next whole frame tells; `None` when there is none.
    fn next(&mut self) -> anyhow::Result<Option<&Report>> {
        const NEEDS: Needs = Needs {
            from: Duration::ZERO,
            frames: true,
            events: true,
            picture: false,
            masks: false,
        };
        loop {
            let mut frame = match self.waiting.pop() {
                Some(frame) => frame,
                None => {
                    let mut frame = Frame::default();
                    if self.source.next(&mut frame)? == Next::End {
                        return Ok(None);
                    }
                    frame
                }
            };
            if self.road.frame(&mut frame)? == Passed::Whole {
                self.road.tell(&frame, None, NEEDS, &mut self.report);
                return Ok(Some(&self.report));
            }
        }
    }
}

/// What is asked for.
struct Explained {
    /// Each with its place among all poses.
    poses: Vec<(Pose, Anatomy)>,
    person: Option<u32>,
    at: Option<Duration>,
}

impl Explained {
    fn of(args: &ExplainArgs, infer: &Infer) -> anyhow::Result<Self> {
        let all = infer.recogniser().poses();
        let known = |name: &String| all.iter().any(|p| *p.name == **name);
        if let Some(unknown) = args.pose.iter().find(|name| !known(name)) {
            let names: Vec<&str> = all.iter().map(|p| &*p.name).collect();
            bail!(
                "--pose {unknown}: there is no such pose; there are {}",
                names.join(", ")
            );
        }
        let at = match args.at {
            None => None,
            Some(at) => Some(Duration::try_from_secs_f64(at).map_err(|_| {
                anyhow::anyhow!("--at {at}: is no time in a clip: give seconds from its start")
            })?),
        };
        let wanted = |p: &&Pose| args.pose.is_empty() || args.pose.contains(&p.name.to_string());
        let anatomy = |p: &Pose| p.anatomy(infer.keypoints(), infer.visible());
        Ok(Self {
            poses: all
                .iter()
                .filter(wanted)
                .map(|p| (p.clone(), anatomy(p)))
                .collect(),
            person: args.person,
            at,
        })
    }

    fn is_wanted(&self, seen: &Seen) -> bool {
        self.person.is_none_or(|id| id == seen.id)
    }

    /// Each wanted person of a report, with every pose as it is there.
    fn moment(&self, out: &mut impl Write, name: &str, report: &Report) -> std::io::Result<()> {
        let mut people = report
            .people
            .iter()
            .filter(|p| self.is_wanted(p))
            .peekable();
        if people.peek().is_none() {
            writeln!(out, "{name}: {}", self.nobody())?;
        }
        for seen in people {
            writeln!(out, "{name}, person {}", seen.id)?;
            for (pose, anatomy) in self.poses.iter().filter(|(p, _)| !p.is_of_scene()) {
                let active = report.holds(pose, Some(seen));
                let explanation = report.explain(pose, seen);
                let joints = report.keypoints.names();
                table::moment(out, &pose.name, anatomy, &explanation, joints, active)?;
            }
        }
        for (i, (pose, anatomy)) in self.of_scene().enumerate() {
            if i == 0 {
                writeln!(out, "{name}, the scene")?;
            }
            let active = report.holds(pose, None);
            let explanation = report.explain_scene(pose);
            table::moment(out, &pose.name, anatomy, &explanation, &[], active)?;
        }
        Ok(())
    }

    /// The poses that are the scene's.
    fn of_scene(&self) -> impl Iterator<Item = &(Pose, Anatomy)> {
        self.poses.iter().filter(|(p, _)| p.is_of_scene())
    }

    fn nobody(&self) -> String {
        match self.person {
            None => "nobody is seen".into(),
            Some(id) => format!("no person {id} is seen"),
        }
    }
}
