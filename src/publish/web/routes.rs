//! What is answered to which request. docs/web.md has the same table for users.

mod editing;
mod teaching;

use super::clips;
use super::door::{self, Door, Refusal};
use super::listener::Shared;
use super::sessions::{Attempt, Password, Sessions};
use super::{metrics, pages, state, streams};
use crate::trouble::Trouble;
use axum::extract::{DefaultBodyLimit, Form, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION, SET_COOKIE,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use qrcode::QrCode;
use qrcode::render::svg;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// No configuration is longer.
const LONGEST_BODY: usize = 256 << 10;
/// A request that is not all there by then is given up.
const WITHIN: Duration = Duration::from_secs(10);

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: \
                      data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                      base-uri 'none'";
const EVERYWHERE: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // With none at all, browsers send `Origin: null` with forms.
    (HeaderName::from_static("referrer-policy"), "same-origin"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// What all handlers know.
pub struct Site {
    shared: Arc<Shared>,
    door: Door,
    sessions: Option<Sessions>,
    /// A clip is being written.
    saving: AtomicBool,
}

type Known = State<Arc<Site>>;

/// Why a request has no better answer.
pub struct Problem {
    status: StatusCode,
    says: String,
}

impl Problem {
    pub const TOO_MANY_READERS: Self = Self::of(StatusCode::SERVICE_UNAVAILABLE);
    pub const NO_PICTURE: Self = Self::of(StatusCode::NOT_FOUND);

    const fn of(status: StatusCode) -> Self {
        Self {
            status,
            says: String::new(),
        }
    }

    fn new(status: StatusCode, says: impl Into<String>) -> Self {
        let says = says.into();
        Self { status, says }
    }

    fn says(&self) -> &str {
        match self.status {
            _ if !self.says.is_empty() => &self.says,
            StatusCode::SERVICE_UNAVAILABLE => {
                "as many read this as may: close the page in another browser"
            }
            _ => "there is no picture: the camera gives none now, or picture = \"none\"",
        }
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, trouble.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(json!({"error": self.says()}));
        (self.status, [(CACHE_CONTROL, "no-store")], body).into_response()
    }
}

/// Everything that is answered.
pub fn router(shared: Arc<Shared>, password: Option<Password>) -> Router {
    let site = Arc::new(Site {
        door: Door::new(&shared.settings),
        sessions: password.map(Sessions::new),
        saving: AtomicBool::new(false),
        shared,
    });
    let open = Router::new()
        .route("/login", get(login_page).post(log_in))
        .route("/logout", post(log_out))
        .route("/health", get(health));
    let inside = Router::new()
        .route("/", get(page))
        .route("/state", get(of_state))
        .route(
            "/lines",
            get(|s: Known| async move { streams::lines(&s.shared, true) }),
        )
        .route(
            "/events",
            get(|s: Known| async move { streams::lines(&s.shared, false) }),
        )
        .route(
            "/why",
            get(|s: Known| async move { streams::why(&s.shared) }),
        )
        .route("/stream.mjpg", get(|s: Known| async move { pictures(&s) }))
        .route("/snapshot.jpg", get(snapshot))
        .route("/metrics", get(of_metrics))
        .route("/qr.svg", get(qr))
        .route("/clip", post(clip))
        .route("/config", get(editing::config).post(editing::save))
        .route("/config/check", post(editing::check))
        .route("/taught", get(teaching::taught).post(teaching::teach))
        .route("/taught/forget", post(teaching::forget))
        .layer(from_fn_with_state(Arc::clone(&site), let_in));
    inside
        .merge(open)
        .fallback(file)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(&site), receive))
        .with_state(site)
}

/// Every request comes through here first.
async fn receive(State(site): Known, request: Request, next: Next) -> Response {
    let checked = site.door.check(request.method(), request.headers());
    let mut response = match checked {
        Ok(()) => match timeout(WITHIN, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT, "took too long").into_response(),
        },
        Err(Refusal::Host) => {
            let says = "this machine is not known by that name: use its address, or add the name to `hosts`";
            Problem::new(StatusCode::MISDIRECTED_REQUEST, says).into_response()
        }
        Err(Refusal::Origin) => {
            Problem::new(StatusCode::FORBIDDEN, "asked by another site's page").into_response()
        }
    };
    response = plainly(response);
    for (name, value) in EVERYWHERE {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// An error that was not made here, of a method or a body, said as all others are.
fn plainly(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let says = status.canonical_reason().unwrap_or("refused");
    Problem::new(status, says.to_lowercase()).into_response()
}

/// Lets in who is logged in, where that is asked for.
async fn let_in(State(site): Known, request: Request, next: Next) -> Response {
    if site.sessions.is_none() {
        return next.run(request).await;
    }
    let headers = request.headers().clone();
    let asked = Arc::clone(&site);
    let look = move || {
        asked
            .sessions
            .as_ref()
            .is_none_or(|s| door::is_in(s, &headers))
    };
    // A password with the request takes its time.
    let is_in = match door::basic_password(request.headers()) {
        Some(_) => spawn_blocking(look).await.unwrap_or(false),
        None => look(),
    };
    if is_in {
        return next.run(request).await;
    }
    if request.uri().path() == "/" {
        return moved("/login".into());
    }
    let basic = [(WWW_AUTHENTICATE, "Basic realm=\"posed\", charset=\"UTF-8\"")];
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "log in at /login").into_response();
    // A browser would ask by a window of its own.
    match request.headers().contains_key("sec-fetch-mode") {
        true => problem,
        false => (basic, problem).into_response(),
    }
}

fn moved(to: String) -> Response {
    let headers = [(LOCATION, to), (CACHE_CONTROL, "no-store".into())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn served(path: &str) -> Response {
    match pages::find(path) {
        Some(file) => {
            let headers = [(CONTENT_TYPE, file.kind), (CACHE_CONTROL, "no-cache")];
            (headers, file.text).into_response()
        }
        None => Problem::new(StatusCode::NOT_FOUND, "there is nothing here").into_response(),
    }
}

async fn page() -> Response {
    served("/")
}

async fn login_page(State(site): Known) -> Response {
    match site.sessions {
        Some(_) => served("/login"),
        None => moved("/".into()),
    }
}

/// Scripts and styles tell nothing of what is seen.
async fn file(request: Request) -> Response {
    match request.uri().path() {
        "/" | "/login" => served(""),
        path => served(path),
    }
}

#[derive(serde::Deserialize)]
struct Login {
    password: String,
}

async fn log_in(State(site): Known, Form(login): Form<Login>) -> Response {
    let asked = Arc::clone(&site);
    let attempt = spawn_blocking(move || {
        let sessions = asked.sessions.as_ref();
        sessions.map(|s| s.log_in(&login.password))
    });
    match attempt.await.ok().flatten() {
        Some(Attempt::In(token)) => {
            let headers = [(SET_COOKIE, door::cookie(Some(&token)))];
            (headers, moved("/".into())).into_response()
        }
        Some(Attempt::Wrong) => {
            log::warn!("publish: a wrong password was given to the page");
            moved("/login?wrong".into())
        }
        Some(Attempt::Wait(wait)) => moved(format!("/login?wait={}", wait.as_secs() + 1)),
        None => moved("/".into()),
    }
}

async fn log_out(State(site): Known, headers: HeaderMap) -> Response {
    if let (Some(sessions), Some(token)) = (&site.sessions, door::token(&headers)) {
        sessions.log_out(token);
    }
    let headers = [(SET_COOKIE, door::cookie(None))];
    (headers, moved("/login".into())).into_response()
}

/// Whether the program is well; for whoever restarts it, so without a password.
async fn health(State(site): Known) -> Response {
    let hanging = site.shared.scene().hanging();
    match hanging {
        None => (
            [(CACHE_CONTROL, "no-store")],
            Json(json!({"state": "well"})),
        )
            .into_response(),
        Some(stage) => {
            let says = format!("{stage} hangs");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, says).into_response()
        }
    }
}

async fn of_state(State(site): Known) -> Response {
    let state = site.shared.scene().json(&site.shared.settings);
    ([(CACHE_CONTROL, "no-store")], Json(state)).into_response()
}

async fn of_metrics(State(site): Known) -> Response {
    let text = metrics::write(&site.shared.scene());
    let headers = [
        (CONTENT_TYPE, metrics::CONTENT_TYPE),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, text.unwrap_or_default()).into_response()
}

fn has_picture(site: &Site) -> Result<(), Problem> {
    match site.shared.settings.picture {
        super::Picture::None => Err(Problem::NO_PICTURE),
        _ => Ok(()),
    }
}

fn pictures(site: &Site) -> Result<Response, Problem> {
    has_picture(site)?;
    streams::pictures(&site.shared)
}

async fn snapshot(State(site): Known) -> Result<Response, Problem> {
    has_picture(&site)?;
    streams::snapshot(&site.shared).await
}

/// The address of the page as a code for a telephone's camera: the one by which it was asked for,
/// unless that leads to the telephone itself.
async fn qr(State(site): Known, headers: HeaderMap) -> Result<Response, Problem> {
    let host = headers
        .get(HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or_default();
    let is_local = ["localhost", "127.", "[::1]"]
        .iter()
        .any(|l| host.starts_with(l));
    let address = match is_local {
        true => state::address_of(site.shared.settings.listen),
        false => format!("http://{host}/"),
    };
    let code = QrCode::new(address.as_bytes())
        .map_err(|e| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?;
    let picture = code.render::<svg::Color>().min_dimensions(240, 240).build();
    let headers = [(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "no-store")];
    Ok((headers, picture).into_response())
}

async fn clip(State(site): Known) -> Result<Response, Problem> {
    let Some(folder) = site.shared.settings.clips.clone() else {
        let says = "clips are not saved here: `clips` names no folder";
        return Err(Problem::new(StatusCode::NOT_FOUND, says));
    };
    if site.saving.swap(true, Ordering::SeqCst) {
        return Err(Problem::new(StatusCode::CONFLICT, "a clip is being saved"));
    }
    let pictures = site.shared.past().pictures();
    let saved = spawn_blocking(move || clips::save(&folder, &pictures)).await;
    site.saving.store(false, Ordering::SeqCst);
    let failed = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the clip was not saved");
    Ok(Json(saved.map_err(failed)??).into_response())
}
