//! Poses that are taught from the page. In: skeletons that the page collected. Out: the examples
//! written, and how well the taught poses can be told apart.

use super::editing::configuration;
use super::{Known, Problem};
use crate::context::Configuration;
use crate::geometry::Point;
use crate::skeleton::{Keypoint, KeypointSet, Skeleton};
use crate::taught::Report;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// What is to be taught.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lesson {
    /// The pose's.
    name: String,
    /// Joints as lines have them, in pixels of the picture.
    people: Vec<BTreeMap<String, [f32; 3]>>,
}

/// What is to be forgotten.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forgotten {
    name: String,
}

pub(super) async fn taught(State(site): Known) -> Result<Json<Value>, Problem> {
    let configuration = configuration(&site)?;
    let report = in_background(move || configuration.taught()).await?;
    Ok(Json(told(&report)))
}

pub(super) async fn teach(
    State(site): Known,
    Json(lesson): Json<Lesson>,
) -> Result<Json<Value>, Problem> {
    let configuration = configuration(&site)?;
    let joints = {
        let scene = site.shared.scene();
        scene.context.as_ref().map(|c| Arc::clone(&c.keypoints))
    };
    let joints = joints.unwrap_or_default();
    let people: Result<Vec<Skeleton>, String> =
        lesson.people.iter().map(|p| skeleton(p, &joints)).collect();
    let people = people.map_err(|says| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, says))?;
    let teach = move || Configuration::teach(&*configuration, &lesson.name, &people);
    let report = in_background(teach).await?;
    Ok(Json(told(&report)))
}

pub(super) async fn forget(
    State(site): Known,
    Json(forgotten): Json<Forgotten>,
) -> Result<Json<Value>, Problem> {
    let configuration = configuration(&site)?;
    let forget = move || Configuration::forget(&*configuration, &forgotten.name);
    let report = in_background(forget).await?;
    Ok(Json(told(&report)))
}

/// Files are read and examples compared: not in the server's thread.
async fn in_background(
    work: impl FnOnce() -> Result<Report, crate::trouble::Trouble> + Send + 'static,
) -> Result<Report, Problem> {
    let failed = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "it could not be done");
    let report = spawn_blocking(work).await.map_err(failed)?;
    report.map_err(|e| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, e.to_string()))
}

fn skeleton(person: &BTreeMap<String, [f32; 3]>, joints: &KeypointSet) -> Result<Skeleton, String> {
    let mut keypoints = vec![Keypoint::default(); joints.len()];
    for (name, &[x, y, score]) in person {
        let joint = joints.index(name);
        let joint = joint.ok_or_else(|| format!("there is no joint {name:?}"))?;
        if ![x, y, score].into_iter().all(f32::is_finite) {
            return Err(format!("{name}: is nowhere"));
        }
        keypoints[joint] = Keypoint {
            position: Point::new(x, y),
            score,
        };
    }
    Ok(Skeleton { keypoints })
}

fn told(report: &Report) -> Value {
    let poses = report.scores.iter().map(|score| {
        let confused = score.confused.iter().map(|c| c.with.as_str());
        json!({
            "name": score.name,
            "examples": score.examples,
            "told": score.right,
            "unknown": score.unknown,
            "confused": confused.collect::<Vec<_>>(),
            "refused": report.trust(&score.name).err().map(|t| t.what),
            "advice": score.advice(),
        })
    });
    json!({
        "poses": poses.collect::<Vec<_>>(),
        "closest": report.closest.as_ref().map(|c| json!({"poses": c.poses, "distance": c.distance})),
    })
}
