//! `posed eval`: accuracy of a model on annotated pictures, with ground-truth boxes: COCO's AP,
//! MPII's PCKh, or the IoU of a segmentation; or with `--find` of the whole search for people.

use super::image;
use crate::engine::Loading;
use crate::estimate::Estimator;
use crate::eval::{self, Detection, coco::Dataset, mpii, regions, summary};
use crate::model::{DEFAULT_MODEL, ModelCard, Output};
use crate::segment::Classifier;
use crate::skeleton::Threshold;
use anyhow::Context;
use clap::Args;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Folder of the pictures
    #[arg(long)]
    images: PathBuf,
    /// COCO person keypoints (JSON), MPII as mmpose has it (JSON), or for a segmentation the folder
    /// of its masks (PNG of class numbers)
    #[arg(long)]
    annotations: PathBuf,
    /// Model by name or by the path of its .toml file; without it the default one, with --find that of the
    /// configuration
    #[arg(short, long)]
    model: Option<String>,
    /// Search for the people as `image` does, instead of taking the annotations' boxes
    #[arg(long)]
    find: bool,
    /// With --find: as this configuration says, instead of the sample
    #[arg(short, long, requires = "find")]
    config: Option<PathBuf>,
    /// Write the detections to this file, as COCO results
    #[arg(long)]
    detections: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let folder = args.annotations.is_dir();
    let list = is_list(&args.annotations);
    anyhow::ensure!(
        !(folder || list) || args.detections.is_none(),
        "--detections goes with COCO annotations only: leave it out"
    );
    anyhow::ensure!(
        !(folder || list) || !args.find,
        "--find goes with COCO annotations only: leave it out"
    );
    if args.find {
        return search(args);
    }
    let card = ModelCard::find(args.model.as_deref().unwrap_or(DEFAULT_MODEL))?;
    let plans = super::plan_directory();
    let loading = super::loading(1, plans.as_deref());
    if folder {
        return masks(args, &card, loading);
    }
    let mut estimator = Estimator::load(&card, loading)?;
    if list {
        let found = mpii::run(
            &mut estimator,
            &args.annotations,
            &args.images,
            &mut progress,
        )?;
        let lines = [("PCKh@0.5", found.half), ("PCKh@0.1", found.tenth)];
        return print(args, &found, &lines);
    }
    joints(args, &mut estimator)
}

/// Against a folder of masks.
fn masks(args: &EvalArgs, card: &ModelCard, loading: Loading) -> anyhow::Result<ExitCode> {
    let is_segmentation = matches!(card.output, Output::Classes(_));
    anyhow::ensure!(
        is_segmentation,
        "{}: gives joints, not classes: give a JSON file of COCO's or MPII's as --annotations",
        card.name
    );
    let mut network = Classifier::load(card, 1.0, loading)?;
    let found = regions::run(&mut network, &args.annotations, &args.images, &mut progress)?;
    print(args, &found, &[("mIoU", found.mean)])
}

/// Against COCO's annotations, people being searched for.
fn search(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let dataset = Dataset::read(&args.annotations)?;
    let photos = args.images.clone();
    let mut infer = image::infer(photos, args.model.clone(), None, args.config.as_ref())?;
    let mut progress = |done, all| told(done, all, "images");
    let detections = eval::find(&mut infer, &dataset, &args.images, &mut progress)?;
    summarise(args, &dataset, &detections)
}

/// Against COCO's annotations.
fn joints(args: &EvalArgs, estimator: &mut Estimator) -> anyhow::Result<ExitCode> {
    let dataset = Dataset::read(&args.annotations)?;
    let detections = eval::run(
        estimator,
        &dataset,
        &args.images,
        Threshold::DEFAULT,
        &mut progress,
    )?;
    summarise(args, &dataset, &detections)
}

fn summarise(
    args: &EvalArgs,
    dataset: &Dataset,
    detections: &[Detection],
) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.detections {
        let text = serde_json::to_string(&detections)?;
        std::fs::write(path, text)
            .with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    let summary = summary::evaluate(dataset, detections);
    if args.json {
        say!("{}", serde_json::to_string(&summary)?);
    } else {
        summary.lines().iter().for_each(|line| say!("{line}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn progress(done: usize, all: usize) {
    told(done, all, "people");
}

fn told(done: usize, all: usize, what: &str) {
    if done.is_multiple_of(50) || done == all {
        eprintln!("{done} of {all} {what}");
    }
}

/// MPII's file is a list, COCO's an object.
fn is_list(path: &Path) -> bool {
    let mut first = [0; 64];
    let read = std::fs::File::open(path)
        .and_then(|mut f| f.read(&mut first))
        .unwrap_or(0);
    first[..read].trim_ascii_start().first() == Some(&b'[')
}

fn print(
    args: &EvalArgs,
    figures: &impl serde::Serialize,
    lines: &[(&str, f64)],
) -> anyhow::Result<ExitCode> {
    if args.json {
        say!("{}", serde_json::to_string(figures)?);
    } else {
        lines
            .iter()
            .for_each(|(name, value)| say!("{name:<8} {value:.2}"));
    }
    Ok(ExitCode::SUCCESS)
}
