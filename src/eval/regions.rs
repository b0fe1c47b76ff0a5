//! Mean intersection over union of a segmentation.
//!
//! In: a folder of PNG masks, each pixel a class number (255: not counted), and the photos of the
//! same names. Out: IoU of each class and their mean, per cent. The whole photo is brought to the
//! network's input, its aspect kept; a pixel's class is that of the cell it lies in, as on the
//! display and in rules.

use super::{EvalError, lay_as_annotated, read_photo};
use crate::frame::Frame;
use crate::geometry::{Point, Rect, Size};
use crate::segment::Classifier;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What the truth of a pixel is that does not count.
const IGNORED: usize = 255;

/// Counts of pixels by true and found class.
#[derive(Debug, Clone)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

impl Confusion {
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: vec![0; classes * classes],
        }
    }

    pub fn add(&mut self, truth: usize, found: usize) {
        self.counts[truth * self.classes + found] += 1;
    }

    /// Of each class; `None` for one that is neither in the truth nor found.
    pub fn iou(&self) -> Vec<Option<f64>> {
        let n = self.classes;
        let one = |class: usize| {
            let both = self.counts[class * n + class];
            let rows: u64 = self.counts[class * n..(class + 1) * n].iter().sum();
            let columns: u64 = (0..n).map(|truth| self.counts[truth * n + class]).sum();
            let union = rows + columns - both;
            (union > 0).then(|| 100.0 * both as f64 / union as f64)
        };
        (0..n).map(one).collect()
    }
}

/// Per cent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Regions {
    #[serde(rename = "mIoU")]
    pub mean: f64,
    /// In the order of the card's classes.
    #[serde(rename = "IoU")]
    pub classes: Vec<Option<f64>>,
}

/// Compares the network with every mask of `masks`; `progress` is called with the number done and
/// in all.
///
/// # Errors
/// There is no mask, a mask or photo is missing, damaged or of another size, or the network failed.
pub fn run(
    network: &mut Classifier,
    masks: &Path,
    images: &Path,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Regions, EvalError> {
    let files = masks_in(masks)?;
    let mut confusion = Confusion::new(network.classes());
    let mut frame = Frame::default();
    for (done, file) in files.iter().enumerate() {
        let (truth, size) = mask(file)?;
        let path = photo_of(file, images)?;
        read_photo(&path, &mut frame)?;
        lay_as_annotated(&mut frame, size);
        if frame.size != size {
            return Err(EvalError::format(
                file,
                format!("it is {size}, its photo {}", frame.size),
                "Make both of one size",
            ));
        }
        let whole = Rect::new(0.0, 0.0, size.width as f32, size.height as f32);
        network
            .look(&frame, whole)
            .map_err(|source| EvalError::Estimate { path, source })?;
        count(network, file, &truth, size, &mut confusion)?;
        progress(done + 1, files.len());
    }
    let classes = confusion.iou();
    let known: Vec<f64> = classes.iter().flatten().copied().collect();
    Ok(Regions {
        mean: known.iter().sum::<f64>() / known.len().max(1) as f64,
        classes,
    })
}

/// The masks of a folder in the order of their names; there is one at least.
fn masks_in(folder: &Path) -> Result<Vec<PathBuf>, EvalError> {
    let entries = std::fs::read_dir(folder).map_err(EvalError::unread(folder))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "png"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(EvalError::format(
            folder,
            "there is no .png mask in it",
            "Give the folder of class maps, named like the photos",
        ));
    }
    Ok(files)
}

fn photo_of(mask: &Path, images: &Path) -> Result<PathBuf, EvalError> {
    let name = Path::new(mask.file_name().unwrap_or_default());
    ["jpg", "jpeg", "png"]
        .map(|extension| images.join(name.with_extension(extension)))
        .into_iter()
        .find(|p| p.exists())
        .ok_or_else(|| {
            EvalError::format(
                mask,
                "there is no photo of that name",
                "Give the folder of the photos with --images",
            )
        })
}

/// Counts the pixels of the picture that `network` has just looked at.
fn count(
    network: &Classifier,
    file: &Path,
    truth: &[u8],
    size: Size,
    confusion: &mut Confusion,
) -> Result<(), EvalError> {
    let width = size.width as usize;
    for (i, &class) in truth.iter().enumerate() {
        let class = usize::from(class);
        let Some(found) = network.class_at(Point::new((i % width) as f32, (i / width) as f32))
        else {
            continue;
        };
        if class < network.classes() {
            confusion.add(class, found);
        } else if class != IGNORED {
            let classes = network.classes();
            return Err(EvalError::format(
                file,
                format!("class {class} is none of the network's {classes}"),
                "255 marks what is not to be counted",
            ));
        }
    }
    Ok(())
}

/// The bytes of a grey or indexed PNG as they are: class numbers.
fn mask(path: &Path) -> Result<(Vec<u8>, Size), EvalError> {
    let file = std::fs::File::open(path).map_err(EvalError::unread(path))?;
    let broken = |problem: String| {
        let mend = "A mask is an 8-bit grey or indexed PNG of class numbers";
        EvalError::format(path, problem, mend)
    };
    let mut reader = png::Decoder::new(std::io::BufReader::new(file))
        .read_info()
        .map_err(|e| broken(e.to_string()))?;
    let mut bytes = vec![
        0;
        reader
            .output_buffer_size()
            .ok_or_else(|| broken("it is too large".into()))?
    ];
    let info = reader
        .next_frame(&mut bytes)
        .map_err(|e| broken(e.to_string()))?;
    if info.bit_depth != png::BitDepth::Eight || info.color_type.samples() != 1 {
        return Err(broken(format!(
            "it has {:?} pixels of {:?} bits",
            info.color_type, info.bit_depth
        )));
    }
    bytes.truncate(info.buffer_size());
    Ok((bytes, Size::new(info.width, info.height)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_is_what_both_share_of_what_either_has() {
        let mut confusion = Confusion::new(3);
        for (truth, found, n) in [(0, 0, 6), (0, 1, 2), (1, 1, 3), (1, 0, 1)] {
            (0..n).for_each(|_| confusion.add(truth, found));
        }
        assert_eq!(confusion.iou(), [Some(100.0 * 6.0 / 9.0), Some(50.0), None]);
    }
}
