//! Accuracy of a network on an annotated set of photos.
//!
//! In: a COCO keypoints annotation file and its photos. Out: detections in COCO's results form, and
//! the ten figures of pycocotools; of MPII's annotations PCKh ([`mpii`]), of a segmentation the
//! mean IoU ([`regions`]). Persons are cropped by their ground-truth boxes, so the figures speak of
//! the network alone; [`find`] searches for them, so its figures speak of everything `image` does.

pub mod coco;
pub mod matching;
pub mod mpii;
pub mod oks;
pub mod regions;
pub mod summary;

pub use coco::{Dataset, Detection};
pub use summary::{Summary, evaluate};

use crate::decode::{DecodeError, photo};
use crate::estimate::Estimator;
use crate::frame::Frame;
use crate::geometry::{Rect, Size};
use crate::infer::Infer;
use crate::network::NetworkError;
use crate::report::Report;
use crate::skeleton::{COCO_17, Skeleton, Threshold};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Why a network could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    #[error("{path}: cannot be read: {source}. Check the path and its permissions")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: {problem}. {mend}")]
    Format {
        path: PathBuf,
        problem: String,
        mend: &'static str,
    },
    #[error(
        "{path}: the photo of image {image_id} cannot be read: {source}. Give the folder that holds the annotation file's images"
    )]
    MissingPhoto {
        path: PathBuf,
        image_id: i64,
        source: std::io::Error,
    },
    #[error("{path}: {source}. Download this photo again")]
    Photo { path: PathBuf, source: DecodeError },
    #[error(
        "the model's {found} joints are not COCO's 17 in COCO's order: choose a COCO model (`posed models` lists them)"
    )]
    Joints { found: usize },
    #[error(
        "the model's {found} joints are not MPII's 16 in MPII's order: choose an MPII model, or COCO annotations"
    )]
    NotMpii { found: usize },
    #[error("{path}: {source}")]
    Estimate { path: PathBuf, source: NetworkError },
}

impl EvalError {
    fn unread(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Read {
            path: path.into(),
            source,
        }
    }

    fn format(path: &Path, problem: impl Into<String>, mend: &'static str) -> Self {
        Self::Format {
            path: path.into(),
            problem: problem.into(),
            mend,
        }
    }
}

/// Reads the photo at `path` into `frame`.
fn read_photo(path: &Path, frame: &mut Frame) -> Result<(), EvalError> {
    let bytes = std::fs::read(path).map_err(EvalError::unread(path))?;
    photo(&bytes, frame).map_err(|source| EvalError::Photo {
        path: path.into(),
        source,
    })
}

/// Estimates every annotated person of `dataset` whose photo lies in `images`.
///
/// A person counts if it has labelled keypoints and is no crowd. A detection's score is the mean
/// score of the joints that reach `visible`, 0 if none does. `progress` is called after each person
/// with the number done and the number in all.
///
/// # Errors
/// A photo is missing or damaged, the model's joints are not COCO's, or the network failed; the
/// message names the file.
pub fn run(
    estimator: &mut Estimator,
    dataset: &Dataset,
    images: &Path,
    visible: Threshold,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Detection>, EvalError> {
    if estimator.keypoints().names() != COCO_17 {
        return Err(EvalError::Joints {
            found: estimator.keypoints().len(),
        });
    }
    let photos: HashMap<i64, &coco::Image> = dataset.images.iter().map(|i| (i.id, i)).collect();
    // By image, so that each photo is decoded once.
    let mut people: BTreeMap<i64, Vec<&coco::Annotation>> = BTreeMap::new();
    for person in dataset
        .annotations
        .iter()
        .filter(|a| a.num_keypoints > 0 && a.iscrowd == 0)
    {
        people.entry(person.image_id).or_default().push(person);
    }
    let total = people.values().map(Vec::len).sum();
    let mut detections = Vec::with_capacity(total);
    let mut frame = Frame::default();
    let mut skeleton = Skeleton::default();
    for (image_id, people) in people {
        let Some(image) = photos.get(&image_id) else {
            continue;
        }; // Dataset::read lets no such annotation in
        let path = images.join(&image.file_name);
        read_image(&path, image, &mut frame)?;
        for person in people {
            let [x, y, width, height] = person.bbox.map(|v| v as f32);
            estimator
                .estimate(&frame, Rect::new(x, y, width, height), &mut skeleton)
                .map_err(|source| EvalError::Estimate {
                    path: path.clone(),
                    source,
                })?;
            detections.push(detection(person, &skeleton, visible));
            progress(detections.len(), total);
        }
    }
    Ok(detections)
}

/// Reads the photo of an image that the annotations name.
fn read_image(path: &Path, image: &coco::Image, frame: &mut Frame) -> Result<(), EvalError> {
    read_photo(path, frame).map_err(|e| match e {
        EvalError::Read { path, source } => EvalError::MissingPhoto {
            path,
            image_id: image.id,
            source,
        },
        other => other,
    })?;
    lay_as_annotated(frame, Size::new(image.width, image.height));
    Ok(())
}

/// Some photos were annotated by programs that know nothing of EXIF: the `annotated` size tells.
fn lay_as_annotated(frame: &mut Frame, annotated: Size) {
    if frame.size != annotated && frame.stored_size() == annotated {
        frame.lay_as_stored();
    }
}

/// Searches every image of `dataset`, whose photos lie in `images`, for people, as `posed image`
/// does. A detection's score is the person's. `progress` is called after each image with the number
/// done and the number in all.
///
/// # Errors
/// As [`run`].
pub fn find(
    infer: &mut Infer,
    dataset: &Dataset,
    images: &Path,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Detection>, EvalError> {
    let category_id = dataset.categories.first().map_or(1, |c| c.id);
    let mut detections = Vec::new();
    let mut frame = Frame::default();
    let mut report = Report::default();
    for (done, image) in dataset.images.iter().enumerate() {
        let path = images.join(&image.file_name);
        read_image(&path, image, &mut frame)?;
        let found = infer.photo(&frame, &mut report);
        found.map_err(|source| EvalError::Estimate { path, source })?;
        if report.keypoints.names() != COCO_17 {
            return Err(EvalError::Joints {
                found: report.keypoints.len(),
            });
        }
        detections.extend(report.people.iter().map(|person| Detection {
            image_id: image.id,
            category_id,
            keypoints: keypoints(&person.skeleton),
            score: person.score.into(),
        }));
        progress(done + 1, dataset.images.len());
    }
    Ok(detections)
}

/// Column, row and score of each joint, as COCO's results have them.
fn keypoints(skeleton: &Skeleton) -> Vec<f64> {
    let joint =
        |k: &crate::skeleton::Keypoint| [k.position.x, k.position.y, k.score].map(f64::from);
    skeleton.keypoints.iter().flat_map(joint).collect()
}

fn detection(person: &coco::Annotation, skeleton: &Skeleton, visible: Threshold) -> Detection {
    let keypoints = keypoints(skeleton);
    let seen: Vec<f64> = skeleton.seen(visible).map(|k| f64::from(k.score)).collect();
    let score = if seen.is_empty() {
        0.0
    } else {
        seen.iter().sum::<f64>() / seen.len() as f64
    };
    Detection {
        image_id: person.image_id,
        category_id: person.category_id,
        keypoints,
        score,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Loading;
    use crate::geometry::Point;
    use crate::model::ModelCard;
    use crate::skeleton::Keypoint;

    fn person(image_id: i64) -> coco::Annotation {
        let keypoints = vec![1.0; 51];
        let bbox = [140.0, 10.0, 200.0, 500.0];
        coco::Annotation {
            id: 1,
            image_id,
            category_id: 1,
            bbox,
            area: 5e4,
            iscrowd: 0,
            keypoints,
            num_keypoints: 17,
        }
    }

    fn dataset(file_name: &str) -> Dataset {
        let images = vec![coco::Image {
            id: 7,
            file_name: file_name.into(),
            width: 512,
            height: 512,
        }];
        let bare = coco::Annotation {
            num_keypoints: 0,
            ..person(7)
        };
        let crowd = coco::Annotation {
            iscrowd: 1,
            ..person(7)
        };
        Dataset {
            images,
            annotations: vec![person(7), bare, crowd],
            categories: vec![coco::Category { id: 1 }],
        }
    }

    #[test]
    fn only_labelled_persons_outside_crowds_are_estimated() {
        let mut estimator = Estimator::load(
            &ModelCard::find("lite_hrnet_18_f32").unwrap(),
            Loading::default(),
        )
        .unwrap();
        let mut calls = Vec::new();
        let found = run(
            &mut estimator,
            &dataset("astronaut.jpg"),
            Path::new("photos"),
            Threshold(0.2),
            &mut |done, all| calls.push((done, all)),
        );
        let found = found.unwrap();
        assert_eq!(
            (found.len(), found[0].image_id, found[0].keypoints.len()),
            (1, 7, 51)
        );
        assert!(found[0].score > 0.2 && found[0].score < 1.5);
        assert_eq!(calls, [(1, 1)]);
        let missing = run(
            &mut estimator,
            &dataset("nowhere.jpg"),
            Path::new("photos"),
            Threshold(0.2),
            &mut |_, _| (),
        );
        let text = missing.unwrap_err().to_string();
        assert!(
            text.contains("photos/nowhere.jpg")
                && text.contains("image 7")
                && text.contains("folder"),
            "{text}"
        );
        let no_photo = run(
            &mut estimator,
            &dataset("README.md"),
            Path::new("photos"),
            Threshold(0.2),
            &mut |_, _| (),
        );
        assert!(matches!(no_photo, Err(EvalError::Photo { .. })));
    }

    #[test]
    fn a_detections_score_is_the_mean_of_the_joints_that_are_seen() {
        let joint = |score| Keypoint {
            position: Point::new(3.0, 4.0),
            score,
        };
        let skeleton = Skeleton {
            keypoints: vec![joint(0.5), joint(0.25), joint(0.125)],
        };
        assert_eq!(
            detection(&person(7), &skeleton, Threshold(0.2)).score,
            0.375
        );
        assert_eq!(detection(&person(7), &skeleton, Threshold(0.9)).score, 0.0);
        assert_eq!(
            detection(&person(7), &skeleton, Threshold(0.2)).keypoints[..3],
            [3.0, 4.0, 0.5]
        );
    }
}
