//! Answers that go on: lines, explanations and pictures, as long as somebody reads. In: what the
//! listener makes. Out: server-sent events (WHATWG HTML, 9.2) and multipart pictures. Who is slow
//! misses some.

use super::clips::Picture;
use super::listener::{Line, Shared};
use super::readers::{Reader, Stream};
use super::routes::Problem;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

/// Something is sent at least so often, so that a browser that is gone is noticed.
const ALIVE: Duration = Duration::from_secs(15);
const BOUNDARY: &str = "posed-picture";
/// How long a single picture may let wait.
const PICTURE_WITHIN: Duration = Duration::from_secs(3);

fn enter(shared: &Shared, stream: Stream) -> Result<Reader, Problem> {
    shared
        .readers
        .enter(stream)
        .ok_or(Problem::TOO_MANY_READERS)
}

fn events(body: Body) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}

/// Lines, of frames too or of events alone.
pub fn lines(shared: &Shared, frames: bool) -> Result<Response, Problem> {
    let stream = if frames {
        Stream::Lines
    } else {
        Stream::Events
    };
    let reader = enter(shared, stream)?;
    let lines = shared.lines.subscribe();
    let stream = unfold((lines, reader), move |(mut lines, reader)| async move {
        let sent = next_line(&mut lines, frames).await?;
        Some((Ok::<_, Infallible>(sent), (lines, reader)))
    });
    Ok(events(Body::from_stream(stream)))
}

/// The next line as an event; `None` when there will be no more.
async fn next_line(lines: &mut Receiver<Line>, frames: bool) -> Option<Bytes> {
    loop {
        match timeout(ALIVE, lines.recv()).await {
            Ok(Ok(line)) if line.is_frame && !frames => {}
            Ok(Ok(line)) => return Some(format!("data: {}\n\n", line.text).into()),
            Ok(Err(RecvError::Lagged(_))) => {}
            Ok(Err(RecvError::Closed)) => return None,
            Err(_) => return Some(Bytes::from_static(b": still here\n\n")),
        }
    }
}

/// Why poses hold or do not.
pub fn why(shared: &Shared) -> Result<Response, Problem> {
    let reader = enter(shared, Stream::Why)?;
    let mut newest = shared.why.subscribe();
    newest.mark_unchanged();
    let stream = unfold((newest, reader), |(mut newest, reader)| async move {
        let sent = match timeout(ALIVE, newest.changed()).await {
            Ok(Ok(())) => {
                let text = Arc::clone(&newest.borrow_and_update());
                format!("data: {text}\n\n").into()
            }
            Ok(Err(_)) => return None,
            Err(_) => Bytes::from_static(b": still here\n\n"),
        };
        Some((Ok::<_, Infallible>(sent), (newest, reader)))
    });
    Ok(events(Body::from_stream(stream)))
}

/// One picture after another.
pub fn pictures(shared: &Shared) -> Result<Response, Problem> {
    let reader = enter(shared, Stream::Picture)?;
    let mut newest = shared.picture.subscribe();
    newest.mark_unchanged();
    let stream = unfold((newest, reader), |(mut newest, reader)| async move {
        loop {
            newest.changed().await.ok()?;
            let picture = newest.borrow_and_update().clone();
            if let Some(picture) = picture {
                return Some((Ok::<_, Infallible>(part(&picture)), (newest, reader)));
            }
        }
    });
    let kind = format!("multipart/x-mixed-replace; boundary={BOUNDARY}");
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store".into())];
    Ok((headers, Body::from_stream(stream)).into_response())
}

fn part(picture: &Picture) -> Bytes {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\nX-Posed-Frame: {}\r\n\r\n",
        picture.jpeg.len(),
        picture.frame
    );
    [head.as_bytes(), &picture.jpeg, b"\r\n"].concat().into()
}

/// The next picture alone.
pub async fn snapshot(shared: &Shared) -> Result<Response, Problem> {
    let _reader = enter(shared, Stream::Picture)?;
    let mut newest = shared.picture.subscribe();
    newest.mark_unchanged();
    let came = timeout(PICTURE_WITHIN, newest.changed()).await;
    let picture = newest.borrow().clone();
    match (came, picture) {
        (Ok(Ok(())), Some(picture)) => {
            let headers = [(CONTENT_TYPE, "image/jpeg"), (CACHE_CONTROL, "no-store")];
            Ok((headers, picture.jpeg.clone()).into_response())
        }
        _ => Err(Problem::NO_PICTURE),
    }
}
