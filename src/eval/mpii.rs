//! PCKh on MPII (Andriluka et al., CVPR 2014): the share of joints that lie within half a head of
//! the truth.
//!
//! In: mmpose's form of the annotations, a list of persons with `image`, `center`, `scale`,
//! `joints` and `joints_vis`, and the photos. Out: per cent, over all labelled joints but pelvis
//! and thorax, as MPII's own evaluation leaves them out. A head is 0.6 of the diagonal of `headbox`
//! (x1, y1, x2, y2) where every person has one, MPII's rule, else the distance from upper neck to
//! head top.

use super::{EvalError, read_photo};
use crate::estimate::Estimator;
use crate::frame::Frame;
use crate::geometry::{Point, Rect};
use crate::skeleton::{KeypointSet, MPII_16, Skeleton};
use serde::{Deserialize, Serialize};
use std::path::Path;

const MEND: &str = "Give mmpose's mpii_val.json or a file of that form";

#[derive(Deserialize)]
struct Person {
    image: String,
    /// 1-based pixels.
    center: [f64; 2],
    /// Person heights of 200 pixels.
    scale: f64,
    joints: Vec<[f64; 2]>,
    joints_vis: Vec<f64>,
    headbox: Option<[f64; 4]>,
}

impl Person {
    /// A square of 200·scale pixels, 15·scale pixels under the centre that the file gives, as in
    /// mmpose.
    fn area(&self) -> Rect {
        let side = 200.0 * self.scale;
        let x = self.center[0] - 1.0;
        let y = self.center[1] + 15.0 * self.scale - 1.0;
        Rect::new(
            (x - side / 2.0) as f32,
            (y - side / 2.0) as f32,
            side as f32,
            side as f32,
        )
    }

    fn truth(&self, joint: usize) -> Option<Point> {
        (self.joints_vis[joint] > 0.0).then(|| {
            Point::new(
                self.joints[joint][0] as f32 - 1.0,
                self.joints[joint][1] as f32 - 1.0,
            )
        })
    }
}

/// MPII's figures, per cent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pckh {
    #[serde(rename = "PCKh")]
    pub half: f64,
    #[serde(rename = "PCKh@0.1")]
    pub tenth: f64,
}

/// Estimates every person of `annotations` whose photo lies in `images`; `progress` is called with
/// the number done and in all.
///
/// # Errors
/// The file is not of that form, a photo is missing or damaged, the model's joints are not MPII's,
/// or the network failed.
pub fn run(
    estimator: &mut Estimator,
    annotations: &Path,
    images: &Path,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Pckh, EvalError> {
    if estimator.keypoints().names() != MPII_16 {
        return Err(EvalError::NotMpii {
            found: estimator.keypoints().len(),
        });
    }
    let mut people = read(annotations)?;
    people.sort_by(|a, b| a.image.cmp(&b.image)); // so that each photo is decoded once
    let boxed = people.iter().all(|p| p.headbox.is_some());
    let joints = KeypointSet::new(MPII_16);
    let named = |name: &str| joints.index(name).unwrap_or_default();
    let pelvis = named("pelvis");
    let thorax = named("thorax");
    let neck = named("upper_neck");
    let top = named("head_top");
    let (mut frame, mut skeleton, mut open) =
        (Frame::default(), Skeleton::default(), String::new());
    let mut all = 0u32;
    let mut half = 0u32;
    let mut tenth = 0u32;
    for (done, person) in people.iter().enumerate() {
        let path = images.join(&person.image);
        if open != person.image {
            read_photo(&path, &mut frame)?;
            open.clone_from(&person.image);
        }
        estimator
            .estimate(&frame, person.area(), &mut skeleton)
            .map_err(|source| EvalError::Estimate { path, source })?;
        let head = match person.headbox.filter(|_| boxed) {
            Some([x1, y1, x2, y2]) => Some(0.6 * (x2 - x1).hypot(y2 - y1) as f32),
            None => person
                .truth(neck)
                .zip(person.truth(top))
                .map(|(a, b)| a.distance(b)),
        };
        let head = head.filter(|&h| h > 0.0);
        for joint in (0..joints.len()).filter(|&j| j != pelvis && j != thorax) {
            let (Some(head), Some(truth)) = (head, person.truth(joint)) else {
                continue;
            };
            let off = skeleton.keypoints[joint].position.distance(truth) / head;
            all += 1;
            half += u32::from(off <= 0.5);
            tenth += u32::from(off <= 0.1);
        }
        progress(done + 1, people.len());
    }
    let share = |n: u32| 100.0 * f64::from(n) / f64::from(all.max(1));
    Ok(Pckh {
        half: share(half),
        tenth: share(tenth),
    })
}

fn read(path: &Path) -> Result<Vec<Person>, EvalError> {
    let text = std::fs::read_to_string(path).map_err(EvalError::unread(path))?;
    let format = |problem: String| EvalError::format(path, problem, MEND);
    let people: Vec<Person> = serde_json::from_str(&text).map_err(|e| format(e.to_string()))?;
    if people.is_empty() {
        return Err(format("nobody is annotated in it".into()));
    }
    let wrong = |p: &Person| p.joints.len() != MPII_16.len() || p.joints_vis.len() != MPII_16.len();
    match people.iter().position(wrong) {
        Some(n) => Err(format(format!(
            "person {} has {} joints, not {}",
            n + 1,
            people[n].joints.len(),
            MPII_16.len()
        ))),
        None => Ok(people),
    }
}
