//! `posed zones`: a photo with a grid over it, to read the corners of zones from, and the zones of a
//! configuration.

use crate::config::{Config, Overrides};
use crate::decode;
use crate::display::{Parts, png};
use crate::frame::Frame;
use crate::report::Report;
use anyhow::Context;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
pub struct ZonesArgs {
    /// A JPEG or PNG file of the camera, as posed sees it: `posed record` or the page give one
    photo: PathBuf,
    /// The picture to write, ending in .png
    #[arg(short, long)]
    output: PathBuf,
    /// Draw the zones of this configuration
    #[arg(short, long)]
    config: Option<PathBuf>,
}

pub fn run(args: &ZonesArgs) -> anyhow::Result<ExitCode> {
    let photo = args.photo.display();
    super::check_picture(&args.output)?;
    anyhow::ensure!(
        !super::image::same_file(&args.photo, &args.output),
        "-o {photo}: is the photo itself: give another path"
    );
    let bytes = std::fs::read(&args.photo).with_context(|| format!("{photo}: cannot be read"))?;
    let mut frame = Frame::default();
    decode::photo(&bytes, &mut frame).with_context(|| photo.to_string())?;
    let mut report = Report::default();
    report.begin(&frame, true);
    if let Some(path) = &args.config {
        let overrides = Overrides {
            source: Some(crate::capture::nothing()),
            ..Overrides::default()
        };
        report.zones = Arc::clone(&Config::read(path, &overrides)?.zones);
    }
    let parts = Parts {
        zones: true,
        grid: true,
        poses: false,
        fps: false,
        ..Parts::default()
    };
    png::write(&args.output, &png::render(&report, parts))?;
    for zone in report.zones.iter() {
        say!("{}: {} corners", zone.name, zone.corners.len());
    }
    Ok(ExitCode::SUCCESS)
}
