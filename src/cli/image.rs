//! `posed image`: people and poses in photos. One `frame` line a photo on stdout; with `-o` a PNG
//! of each with the skeletons drawn over it.

use super::{configuration, parse_box};
use crate::capture::photo::PhotoSettings;
use crate::config::Overrides;
use crate::decode;
use crate::display::{Parts, png};
use crate::find::Find;
use crate::find::given::GivenSettings;
use crate::frame::Frame;
use crate::geometry::Rect;
use crate::infer::Infer;
use crate::report::Report;
use anyhow::{Context, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
pub struct ImageArgs {
    /// JPEG or PNG files
    #[arg(required = true)]
    photos: Vec<PathBuf>,
    /// A folder for the pictures with skeletons (made if missing), or for one photo a file ending
    /// in .png
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Model by name or by the path of its .toml file
    #[arg(short, long)]
    model: Option<String>,
    /// A person's box in pixels, x,y,width,height; may be given several times; without it people
    /// are searched for
    #[arg(long = "box", value_parser = parse_box, allow_hyphen_values = true)]
    boxes: Vec<Rect>,
    /// Poses of this configuration instead of the sample's
    #[arg(short, long)]
    config: Option<PathBuf>,
}

pub fn run(args: &ImageArgs) -> anyhow::Result<ExitCode> {
    let boxes = args.boxes.clone();
    let given = (!boxes.is_empty()).then(|| Arc::new(GivenSettings { boxes }) as Arc<dyn Find>);
    let first = args.photos.first().cloned().unwrap_or_default();
    let mut infer = infer(first, args.model.clone(), given, args.config.as_ref())?;
    let targets = targets(args)?;
    let mut failed = 0;
    for (i, photo) in args.photos.iter().enumerate() {
        if let Err(e) = one(&mut infer, args, i, photo, targets.get(i)) {
            eprintln!("posed: {}", super::told(&e));
            failed += 1;
        }
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What looks at photos, of which this is one.
///
/// # Errors
/// The configuration has faults, or a network cannot be loaded.
pub(super) fn infer(
    photo: PathBuf,
    model: Option<String>,
    find: Option<Arc<dyn Find>>,
    config: Option<&PathBuf>,
) -> anyhow::Result<Infer> {
    // Photos are read one by one; a configuration has a source all the same.
    let photo = PhotoSettings {
        path: photo,
        fps: 1.0,
    };
    let overrides = Overrides {
        model,
        source: Some(Arc::new(photo)),
        find,
        cache: super::plan_directory(),
        drill: None,
        isa: super::kernels(),
    };
    super::check_model(overrides.model.as_deref(), config)?;
    Ok(Infer::new(&configuration(config, &overrides)?)?)
}

fn targets(args: &ImageArgs) -> anyhow::Result<Vec<PathBuf>> {
    let Some(output) = &args.output else {
        return Ok(Vec::new());
    };
    if output
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("png"))
        && !output.is_dir()
    {
        if args.photos.len() > 1 {
            bail!(
                "-o {} is one file for {} photos: give a folder",
                output.display(),
                args.photos.len()
            );
        }
        super::check_picture(output)?;
        return Ok(vec![output.clone()]);
    }
    if let Some(kind) = picture_kind(output)
        && !output.is_dir()
    {
        bail!(
            "-o {}: pictures are written as PNG, not as {kind}: give {}, or a folder",
            output.display(),
            output.with_extension("png").display()
        );
    }
    std::fs::create_dir_all(output).with_context(|| {
        format!(
            "{}: cannot be made; give -o another folder",
            output.display()
        )
    })?;
    let mut targets: Vec<PathBuf> = Vec::new();
    for photo in &args.photos {
        let stem = photo
            .file_stem()
            .unwrap_or(photo.as_os_str())
            .to_string_lossy();
        let plain = output.join(format!("{stem}.png"));
        // Two photos of one name in different folders must not overwrite each other, nor a photo
        // itself.
        let taken =
            |t: &PathBuf| targets.contains(t) || args.photos.iter().any(|p| same_file(p, t));
        let free = (1..)
            .map(|n| {
                if n == 1 {
                    plain.clone()
                } else {
                    output.join(format!("{stem}-{n}.png"))
                }
            })
            .find(|t| !taken(t));
        targets.push(free.unwrap_or(plain));
    }
    Ok(targets)
}

/// The kind of picture that the path's ending promises: nobody means a folder of that name.
fn picture_kind(path: &Path) -> Option<String> {
    const OTHERS: [&str; 12] = [
        "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "ppm", "svg", "pdf",
    ];
    let kind = path.extension()?.to_str()?.to_ascii_lowercase();
    OTHERS.contains(&kind.as_str()).then_some(kind)
}

pub(super) fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn one(
    infer: &mut Infer,
    args: &ImageArgs,
    index: usize,
    photo: &Path,
    target: Option<&PathBuf>,
) -> anyhow::Result<()> {
    let bytes =
        std::fs::read(photo).with_context(|| format!("{}: cannot be read", photo.display()))?;
    let mut frame = Frame::default();
    decode::photo(&bytes, &mut frame).with_context(|| photo.display().to_string())?;
    frame.sequence = index as u64;
    let mut report = Report::default();
    let size = frame.size;
    let outside = |b: &&Rect| b.intersection(size.rect()).area() <= 0.0;
    if let Some(b) = args.boxes.iter().find(outside) {
        bail!(
            "{}: the box {},{},{},{} lies outside of the picture, which is {size}; give one that \
             shows a part of it",
            photo.display(),
            b.x,
            b.y,
            b.width,
            b.height
        );
    }
    if args.boxes.is_empty() {
        infer.photo(&frame, &mut report)?;
    } else {
        infer.boxes_of(&frame, &args.boxes, &mut report)?;
    }
    if report.people.is_empty() {
        eprintln!(
            "posed: {}: nobody found; give the person's place with --box x,y,width,height",
            photo.display()
        );
    }
    report.file = Some(photo.to_string_lossy().into_owned());
    super::print(&mut Vec::new(), &report, true)?;
    if let Some(target) = target {
        let parts = Parts {
            boxes: !args.boxes.is_empty(),
            ..Parts::default()
        };
        if let [alone] = &mut *report.people {
            // A number tells nothing where there is one person.
            alone.id = 0;
        }
        png::write(target, &png::render(&report, parts))?;
    }
    Ok(())
}
