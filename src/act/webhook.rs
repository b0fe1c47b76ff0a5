//! An HTTP request, for whatever has an address: home automation, a chat, a server of one's own.
//!
//! In: pose events. Out: a POST with the event as JSON, as a line of docs/output.md has it. A thread of
//! its own sends them one after the other, and tries again, with growing pauses, what was not taken;
//! what does not fit in its queue meanwhile is lost, and counted in the log.

use super::{Action, Actuator, Moments, section};
use crate::address;
use crate::device::Device;
use crate::report::{Event, json};
use crate::settings::{Kind, Section};
use crate::tls;
use crate::trouble::Trouble;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::time::{Duration, Instant, SystemTime};
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

/// All that is known of the kind "webhook".
pub const KIND: Kind<Arc<dyn Action>> = Kind {
    name: "webhook",
    says: "sends the event to an HTTP address (POST, JSON)",
    read,
};

/// Events that may wait while the other side does not answer.
const WAITING: usize = 64;
/// Waits between attempts: this, doubled each time, up to the longest.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// How long the last events may take at the end of the program.
const LAST_WORD: Duration = Duration::from_secs(1);
/// The longest sleep before it is looked whether the program ends.
const NAP: Duration = Duration::from_millis(50);

fn read(s: &mut Section) -> Option<Arc<dyn Action>> {
    let url = s
        .text("url", "where the event is sent")
        .example("\"https://example.org/hook\"")
        .check(|url| check_url(url))
        .needed();
    let token_file = s
        .path(
            "token_file",
            "a file whose content is sent as `Authorization: Bearer …`",
        )
        .example("\"/etc/posed/hook.token\"")
        .maybe();
    let ca_file = s
        .path(
            "ca_file",
            "with `https://`: the certificate of a server that no public authority vouches for (PEM)",
        )
        .example("\"/etc/posed/ca.pem\"")
        .maybe();
    if ca_file.is_some() && url.as_ref().is_some_and(|url| !url.starts_with("https:")) {
        s.fault_with(
            "ca_file",
            "only goes with a url that begins with https://",
            "remove the line, or write url = \"https://…\"",
        );
    }
    let time_limit = s
        .seconds("time_limit_s", "an answer may take so long", 0.1..=300.0)
        .or(Duration::from_secs(10));
    let retries = s
        .number(
            "retries",
            "how often it is tried again where nobody answers, or with a status of 408, 429 or 500 and up",
            0..=100u32,
        )
        .or(5);
    let on = section::moments(s);
    Some(Arc::new(WebhookSettings {
        url: url?,
        token_file,
        ca_file,
        time_limit,
        retries,
        on,
    }))
}

fn check_url(url: &str) -> Result<(), String> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err("begins neither with http:// nor with https://".into());
    }
    let uri: Uri = url.parse().map_err(|e| format!("is no address: {e}"))?;
    let authority = uri.authority().map_or("", |a| a.as_str());
    address::check(authority, "`token_file`")
}

/// Where the events go.
#[derive(Debug, Clone)]
struct WebhookSettings {
    url: String,
    token_file: Option<PathBuf>,
    /// Trusted in place of the system's authorities.
    ca_file: Option<PathBuf>,
    time_limit: Duration,
    retries: u32,
    on: Moments,
}

impl WebhookSettings {
    fn token(&self) -> Result<Option<String>, Trouble> {
        let Some(path) = &self.token_file else {
            return Ok(None);
        };
        let token = tls::read_file(path, "token_file")?.trim().to_string();
        if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
            return Err(Trouble::new(
                format!(
                    "{}: holds no token, which is one word of ASCII",
                    path.display()
                ),
                "write the token into it and nothing else",
            ));
        }
        Ok(Some(token))
    }

    /// # Errors
    /// A file that is named cannot be read or is not what it should be.
    fn agent(&self) -> Result<Agent, Trouble> {
        let mut config = Agent::config_builder()
            .timeout_global(Some(self.time_limit))
            .http_status_as_error(false)
            // A POST that is sent elsewhere would arrive as a GET.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("posed/", env!("CARGO_PKG_VERSION")));
        if self.url.starts_with("https:") {
            let authorities = tls::authorities(self.ca_file.as_deref())?;
            let authorities: Vec<Certificate> = authorities
                .iter()
                .map(|c| Certificate::from_der(c).to_owned())
                .collect();
            let tls = TlsConfig::builder()
                .provider(TlsProvider::Rustls)
                .root_certs(RootCerts::new_with_certs(&authorities))
                .unversioned_rustls_crypto_provider(tls::provider());
            config = config.tls_config(tls.build());
        }
        Ok(config.build().new_agent())
    }
}

impl Device for WebhookSettings {
    fn check(&self) -> Result<(), Trouble> {
        self.token()?;
        self.agent().map(drop)
    }

    fn needs_network(&self) -> bool {
        true
    }
}

impl Action for WebhookSettings {
    fn open(&self, name: &str) -> Result<Box<dyn Actuator>, Trouble> {
        Ok(Box::new(Webhook::start(self, name)?))
    }

    fn happens_at(&self) -> Option<Moments> {
        Some(self.on)
    }
}

/// A thread that sends events.
struct Webhook {
    events: Option<SyncSender<Vec<u8>>>,
    lost: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    /// Says that the thread has ended.
    ended: std::sync::Mutex<Receiver<()>>,
}

impl Webhook {
    fn start(settings: &WebhookSettings, name: &str) -> Result<Self, Trouble> {
        let (events, waiting) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let (ending, ended) = mpsc::channel::<()>();
        let lost = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let mut sender = Sender {
            what: format!("action {name}: {}", host(&settings.url)),
            agent: settings.agent()?,
            token: settings.token()?,
            url: settings.url.clone(),
            retries: settings.retries,
            lost: Arc::clone(&lost),
            stop: Arc::clone(&stop),
        };
        std::thread::Builder::new()
            .name("webhook".into())
            .spawn(move || {
                while let Ok(event) = waiting.recv() {
                    sender.deliver(&event);
                }
                drop(ending);
            })
            .map_err(|e| Trouble::new(format!("a thread could not be started: {e}"), ""))?;
        Ok(Self {
            events: Some(events),
            lost,
            stop,
            ended: std::sync::Mutex::new(ended),
        })
    }
}

/// Of an address what may stand in a log: its path may be the secret.
fn host(url: &str) -> String {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(|u| u.authority());
    host.map_or_else(String::new, ToString::to_string)
}

impl Actuator for Webhook {
    fn activate(&mut self, event: &Event) -> Result<(), Trouble> {
        let mut line = Vec::new();
        json::event(&mut line, event, Some(SystemTime::now()));
        line.pop();
        let Some(events) = &self.events else {
            return Ok(());
        };
        if let Err(TrySendError::Full(_)) = events.try_send(line) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// What was sent is sent.
    fn release(&mut self) -> Result<(), Trouble> {
        Ok(())
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.events = None;
        let ended = self.ended.lock();
        let ended = ended.unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = ended.recv_timeout(LAST_WORD);
    }
}

/// The thread's part.
struct Sender {
    what: String,
    agent: Agent,
    token: Option<String>,
    url: String,
    retries: u32,
    lost: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

/// Why an event was not taken.
struct Refused {
    why: String,
    /// Whether it may be taken another time.
    is_passing: bool,
}

impl Sender {
    /// Sends an event until it is taken, or is given up.
    fn deliver(&mut self, event: &[u8]) {
        let mut pause = FIRST_RETRY;
        let mut left = self.retries;
        loop {
            let Err(refused) = self.send(event) else {
                let lost = self.lost.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    log::warn!(
                        "{}: {lost} events were lost while it did not answer",
                        self.what
                    );
                }
                return;
            };
            let stopping = self.stop.load(Ordering::SeqCst);
            if !refused.is_passing || left == 0 || stopping {
                log::error!("{}: {}; the event is lost", self.what, refused.why);
                return;
            }
            log::warn!("{}: {}; trying again in {pause:?}", self.what, refused.why);
            self.sleep(pause);
            pause = (pause * 2).min(LONGEST_RETRY);
            left -= 1;
        }
    }

    /// At the end of the program there is one more attempt at once.
    fn sleep(&self, pause: Duration) {
        let start = Instant::now();
        while start.elapsed() < pause && !self.stop.load(Ordering::SeqCst) {
            std::thread::sleep(NAP);
        }
    }

    fn send(&self, event: &[u8]) -> Result<(), Refused> {
        let mut request = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer = request.send(event).map_err(|e| Refused {
            why: format!("it cannot be reached: {e}"),
            is_passing: true,
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let moved = answer.headers().get("Location");
        let moved = moved.map_or(String::new(), |to| {
            format!(
                " to {}: write that as `url`",
                String::from_utf8_lossy(to.as_bytes())
            )
        });
        Err(Refused {
            why: format!("it answers {status}{moved}"),
            is_passing: status.is_server_error() || matches!(status.as_u16(), 408 | 429),
        })
    }
}

#[cfg(test)]
mod tests;
