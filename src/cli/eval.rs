//! `posed eval`: COCO keypoint accuracy of a model on annotated pictures, with ground-truth boxes.

use crate::estimate::Estimator;
use crate::eval::{self, coco::Dataset, summary};
use crate::model::{DEFAULT_MODEL, ModelCard};
use anyhow::Context;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Folder of the pictures
    #[arg(long)]
    images: PathBuf,
    /// COCO person keypoints annotations (JSON)
    #[arg(long)]
    annotations: PathBuf,
    /// Model by name or by the path of its .toml file
    #[arg(short, long, default_value = DEFAULT_MODEL)]
    model: String,
    /// Write the detections to this file, as COCO results
    #[arg(long)]
    detections: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let dataset = Dataset::read(&args.annotations)?;
    let mut estimator = Estimator::load(&ModelCard::find(&args.model)?, 1, super::plan_directory().as_deref())?;
    let mut progress = |done: usize, all: usize| {
        if done.is_multiple_of(50) || done == all {
            eprintln!("{done} of {all} people");
        }
    };
    let detections = eval::run(&mut estimator, &dataset, &args.images, 0.2, &mut progress)?;
    if let Some(path) = &args.detections {
        let text = serde_json::to_string(&detections)?;
        std::fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    let summary = summary::evaluate(&dataset, &detections);
    if args.json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        summary.lines().iter().for_each(|line| println!("{line}"));
    }
    Ok(ExitCode::SUCCESS)
}
