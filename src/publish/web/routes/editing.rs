//! The configuration, read and written by the page. In: a text. Out: its faults, or that it was saved:
//! only whole, and by who saw the last one.

use super::{Known, Problem, Site};
use crate::context::Configuration;
use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::task::spawn_blocking;

pub(super) fn configuration(site: &Site) -> Result<Arc<dyn Configuration>, Problem> {
    let scene = site.shared.scene();
    let Some(context) = &scene.context else {
        let says = "posed is only just starting: ask again in a second";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, says));
    };
    let configuration = context.configuration.clone();
    configuration
        .filter(|_| site.shared.settings.edit)
        .ok_or_else(|| {
            let says = "the configuration is not shown here: edit = true allows it";
            Problem::new(StatusCode::NOT_FOUND, says)
        })
}

fn tag(text: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let hex: String = hash[..8].iter().map(|b| format!("{b:02x}")).collect();
    format!("\"{hex}\"")
}

pub(super) async fn config(State(site): Known) -> Result<Response, Problem> {
    let text = configuration(&site)?.text()?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_string()),
        (CACHE_CONTROL, "no-store".into()),
        (ETAG, tag(&text)),
    ];
    Ok((headers, text).into_response())
}

pub(super) async fn check(State(site): Known, text: String) -> Result<Response, Problem> {
    let faults = faults(configuration(&site)?, text.into()).await?;
    Ok(Json(json!({"faults": faults})).into_response())
}

/// What is wrong with a text; networks' cards are read for it, so not in the server's thread.
async fn faults(
    configuration: Arc<dyn Configuration>,
    text: Arc<str>,
) -> Result<Vec<serde_json::Value>, Problem> {
    let found = spawn_blocking(move || configuration.faults(&text)).await;
    let failed = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "it could not be checked");
    let told = found
        .map_err(failed)?
        .into_iter()
        .map(|f| json!({"line": f.line, "key": f.key, "problem": f.problem, "mend": f.mend}));
    Ok(told.collect())
}

pub(super) async fn save(
    State(site): Known,
    headers: HeaderMap,
    text: String,
) -> Result<Response, Problem> {
    let configuration = configuration(&site)?;
    let text: Arc<str> = text.into();
    let faults = faults(Arc::clone(&configuration), Arc::clone(&text)).await?;
    if !faults.is_empty() {
        let body = Json(json!({"error": "the text has faults", "faults": faults}));
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, body).into_response());
    }
    let asked = headers.get(IF_MATCH).and_then(|t| t.to_str().ok());
    if asked.is_none() {
        let says = "send the ETag of /config as If-Match";
        return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, says));
    }
    if asked != Some(tag(&configuration.text()?).as_str()) {
        let says = "the file was changed meanwhile: load it again";
        return Err(Problem::new(StatusCode::PRECONDITION_FAILED, says));
    }
    let saved = configuration.replace(&text)?;
    let body = json!({
        "saved": saved.file.display().to_string(),
        "kept": saved.kept.display().to_string(),
    });
    Ok(([(ETAG, tag(&text))], Json(body)).into_response())
}
