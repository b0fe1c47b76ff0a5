//! `posed teach`: adds what photos, a clip or a camera show to the examples of a pose, and tells how
//! well the taught poses can be told from each other.
//!
//! ```text
//! posed teach tree tree/*.jpg
//! posed teach tree --source /dev/video0 --seconds 5
//! posed teach --other street/*.jpg
//! ```

mod examples;
mod told;

use crate::config::Config;
use crate::infer::Infer;
use crate::taught::{self, FOLDER, OTHER, Taught};
use anyhow::{Context, bail};
use clap::Args;
use examples::Collector;
pub(super) use examples::example;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct TeachArgs {
    /// The pose's name, then photos of it: JPEG or PNG files, folders of them, Y4M or AVI clips; with
    /// --other photos alone
    #[arg(required_unless_present_any = ["list", "remove"])]
    name_and_photos: Vec<OsString>,
    /// The photos show what is no pose
    #[arg(long)]
    other: bool,
    /// Look through this camera, clip or other source, after a countdown
    #[arg(short, long)]
    source: Option<OsString>,
    /// How long to look through --source
    #[arg(long, default_value_t = 5.0, requires = "source")]
    seconds: f64,
    /// Seconds until it begins
    #[arg(long, default_value_t = 3, requires = "source")]
    countdown: u64,
    /// Tell what was taught, and how well it can be told apart
    #[arg(long, conflicts_with_all = ["name_and_photos", "remove"])]
    list: bool,
    /// Forget this pose
    #[arg(long, value_name = "NAME", conflicts_with = "name_and_photos")]
    remove: Option<String>,
    /// The folder of taught poses; without it `poses` beside the configuration, or here
    #[arg(long)]
    poses: Option<PathBuf>,
    /// The configuration that the poses are for
    #[arg(short, long)]
    config: Option<PathBuf>,
    /// Model by name or by the path of its .toml file
    #[arg(short, long)]
    model: Option<String>,
    /// Judge the poses as `mirror = true` does
    #[arg(long)]
    mirror: bool,
    /// Draw the examples to this PNG file, those that are taken for another pose marked
    #[arg(short, long)]
    output: Option<PathBuf>,
}

pub fn run(args: &TeachArgs) -> anyhow::Result<ExitCode> {
    if let Some(output) = &args.output {
        super::check_picture(output)?;
    }
    let config = super::configuration_of_poses(args.config.as_ref(), args.model.clone())?;
    let folder = folder(args, &config);
    if let Some(name) = &args.remove {
        return remove(&folder, if name == "other" { OTHER } else { name });
    }
    let mut outcome = ExitCode::SUCCESS;
    if !args.list {
        let (name, photos) = lesson(args)?;
        let left_out = teach(args, &config, &folder, &name, photos)?;
        if left_out > 0 {
            outcome = ExitCode::FAILURE;
        }
    }
    let taught = Taught::of(folder, config.model.keypoints()?);
    told::report(&taught, args.mirror)?;
    if let Some(output) = &args.output {
        told::picture(output, &taught, args.mirror)?;
    }
    Ok(outcome)
}

/// Where examples are kept.
fn folder(args: &TeachArgs, config: &Config) -> PathBuf {
    let given = config.taught.as_deref().unwrap_or(Path::new(FOLDER));
    match (&args.poses, &args.config) {
        (Some(folder), _) => folder.clone(),
        (None, Some(file)) => file.parent().unwrap_or(Path::new("")).join(given),
        (None, None) => FOLDER.into(),
    }
}

/// What is taught, and by what.
fn lesson(args: &TeachArgs) -> anyhow::Result<(String, &[OsString])> {
    if args.other {
        return Ok((OTHER.into(), &args.name_and_photos));
    }
    let Some((name, photos)) = args.name_and_photos.split_first() else {
        bail!("give the pose's name, then photos: posed teach tree tree/*.jpg");
    };
    let name = name.to_string_lossy();
    if !taught::is_name(&name) {
        bail!(
            "{name:?} is no name of a pose: write it with letters, digits, _ and -, before the photos: posed teach tree tree/*.jpg"
        );
    }
    Ok((name.into_owned(), photos))
}

/// Gives how many pictures were left out.
fn teach(
    args: &TeachArgs,
    config: &Config,
    folder: &Path,
    name: &str,
    photos: &[OsString],
) -> anyhow::Result<usize> {
    if photos.is_empty() && args.source.is_none() {
        bail!(
            "give photos of {name}, a clip, or a camera: posed teach {name} PHOTO…, posed teach {name} --source /dev/video0"
        );
    }
    let joints = config.model.keypoints()?;
    let mut collector = Collector::new(Infer::new(config)?);
    for photo in photos {
        collector.path(Path::new(photo));
    }
    if let Some(source) = &args.source {
        collector.source(source, args.seconds, args.countdown)?;
    }
    let new = collector.examples.len();
    if new == 0 {
        bail!(
            "nothing was taught: nobody was seen well enough in {}",
            collector.of()
        );
    }
    // Who teaches with the same photo again means the same example.
    let all = taught::add(folder, name, collector.examples, joints)?;
    let file = folder.join(format!("{name}.toml"));
    say!(
        "{}: {new} taken in, {all} in all{}",
        file.display(),
        match collector.failed {
            0 => String::new(),
            n => format!(", {n} left out"),
        }
    );
    Ok(collector.failed)
}

fn remove(folder: &Path, name: &str) -> anyhow::Result<ExitCode> {
    let file = folder.join(format!("{name}.toml"));
    if name.contains('/') || !file.is_file() {
        bail!(
            "there is no taught pose {name:?} in {}: `posed teach --list` tells what there is",
            folder.display()
        );
    }
    std::fs::remove_file(&file)
        .with_context(|| format!("{}: cannot be removed", file.display()))?;
    say!("{}: removed", file.display());
    Ok(ExitCode::SUCCESS)
}
