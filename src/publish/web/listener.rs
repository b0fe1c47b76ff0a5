//! The page's ear. In: reports. Out: what is to be sent, made only where somebody reads it.

use super::clips::{Past, Picture};
use super::readers::{Readers, Stream};
use super::server::Server;
use super::state::Scene;
use super::{Picture as Shown, WebSettings, json};
use crate::context::Context;
use crate::encode::{JpegEncoder, Quality};
use crate::report::{Listener, Needs, Report, json as lines};
use crate::trouble::Trouble;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// Reports that may wait while a picture is compressed; each may have a picture.
const BACKLOG: usize = 16;
/// Lines that may wait for a slow browser before it misses some.
const LINES: usize = 256;

const WHOLE: Quality = Quality {
    longest: 1280,
    percent: 75,
};
/// Nobody can be told apart in so few pixels.
const BLURRED: Quality = Quality {
    longest: 24,
    percent: 90,
};

/// A line on its way to browsers.
#[derive(Debug, Clone)]
pub struct Line {
    pub text: Arc<str>,
    pub is_frame: bool,
}

/// What the listener and the server share.
pub struct Shared {
    pub settings: WebSettings,
    pub readers: Arc<Readers>,
    pub lines: broadcast::Sender<Line>,
    pub why: watch::Sender<Arc<str>>,
    pub picture: watch::Sender<Option<Arc<Picture>>>,
    scene: Mutex<Scene>,
    past: Mutex<Past>,
}

impl Shared {
    pub fn new(settings: WebSettings) -> Self {
        Self {
            settings,
            readers: Arc::default(),
            lines: broadcast::Sender::new(LINES),
            why: watch::Sender::new("".into()),
            picture: watch::Sender::new(None),
            scene: Mutex::default(),
            past: Mutex::default(),
        }
    }

    pub fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn needs_picture(&self) -> bool {
        self.readers.of(Stream::Picture) > 0 || self.settings.clips.is_some()
    }
}

/// Tells the page what is seen.
pub struct Page {
    shared: Arc<Shared>,
    server: Option<Server>,
    encoder: JpegEncoder,
    bytes: Vec<u8>,
}

impl Page {
    /// Starts the server.
    ///
    /// # Errors
    /// The password's file is wrong, or no thread can be started.
    pub fn start(settings: &WebSettings) -> Result<Self, Trouble> {
        let password = settings.password()?;
        let shared = Arc::new(Shared::new(settings.clone()));
        Ok(Self {
            server: Some(Server::start(Arc::clone(&shared), password)?),
            shared,
            encoder: JpegEncoder::default(),
            bytes: Vec::new(),
        })
    }

    fn tell_lines(&mut self, report: &Report) {
        self.bytes.clear();
        lines::write(&mut self.bytes, report, false);
        self.broadcast(false);
        if report.is_frame && self.shared.readers.of(Stream::Lines) > 0 {
            self.bytes.clear();
            lines::frame(&mut self.bytes, report);
            self.broadcast(true);
        }
    }

    /// Each line for itself; nobody may be there to take it.
    fn broadcast(&self, is_frame: bool) {
        for line in self.bytes.split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
            let text = String::from_utf8_lossy(line).into();
            let _ = self.shared.lines.send(Line { text, is_frame });
        }
    }

    fn tell_why(&self, report: &Report) {
        if self.shared.readers.of(Stream::Why) == 0 {
            return;
        }
        let poses = self
            .shared
            .scene()
            .context
            .as_ref()
            .map(|c| Arc::clone(&c.poses));
        let why = json::why(report, &poses.unwrap_or_default());
        self.shared.why.send_replace(why.into());
    }

    fn tell_picture(&mut self, report: &Report) -> Result<(), String> {
        let quality = match self.shared.settings.picture {
            Shown::Whole => WHOLE,
            Shown::Blurred => BLURRED,
            Shown::None => return Ok(()),
        };
        let own = report.own_picture();
        let Some(own) = own.filter(|_| self.shared.needs_picture()) else {
            return Ok(());
        };
        let jpeg = self.encoder.encode(own, quality);
        let jpeg = jpeg.map_err(|e| e.to_string())?.to_vec();
        let picture = Arc::new(Picture {
            time: report.time,
            frame: report.sequence,
            size: quality.reduced(report.size),
            jpeg,
        });
        if self.shared.settings.clips.is_some() {
            self.shared.past().add(&picture);
        }
        self.shared.picture.send_replace(Some(picture));
        Ok(())
    }
}

impl Listener for Page {
    fn describe(&self) -> String {
        let settings = &self.shared.settings;
        format!("a page at http://{}/", settings.listen)
    }

    fn needs(&self) -> Needs {
        let readers = &self.shared.readers;
        let picture = self.shared.needs_picture();
        let frames = [Stream::Lines, Stream::Why]
            .iter()
            .any(|s| readers.of(*s) > 0);
        Needs {
            from: Duration::ZERO,
            frames: frames || picture,
            events: true,
            picture,
            masks: false,
        }
    }

    fn backlog(&self) -> usize {
        BACKLOG
    }

    fn begin(&mut self, context: &Context) {
        self.shared.scene().begin(context);
    }

    fn hear(&mut self, report: &Report) -> u64 {
        self.shared.scene().take(report);
        self.tell_lines(report);
        if report.is_frame {
            self.tell_why(report);
            if let Err(e) = self.tell_picture(report) {
                log::warn!("publish: {}: {e}", self.describe());
            }
        }
        0
    }

    fn close(&mut self) {
        self.server = None;
    }
}
