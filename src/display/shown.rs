//! A display that is told what to show.
//!
//! In: reports. Out: scenes on a screen, with what else there is to tell: how long nobody has been
//! there, where the page is, how hot the board is. A screen that fails is tried again.

use super::code::Code;
use super::retry::Retry;
use super::scene::{Layout, Live, Scene};
use super::{Display, DisplaySettings};
use crate::address;
use crate::report::{Listener, Needs, Report};
use crate::temperature;
use crate::trouble::Trouble;
use std::path::Path;
use std::time::Duration;

/// How long nobody has to be there before the page's address is shown, in frame time.
const ALONE: Duration = Duration::from_secs(3);
/// Frame time between two pictures at least: more than 30 a second nobody sees.
const LEAST: Duration = Duration::from_millis(30);
/// Frame time between looks at what changes slowly.
const SLOW: Duration = Duration::from_secs(10);

pub(super) struct Shown {
    display: Retry<Box<dyn Display>>,
    settings: DisplaySettings,
    /// A failure was said, and it has not shown anything since.
    broken: bool,
    /// The frame time from which it draws again.
    due: Duration,
    /// Since when nobody has been there.
    alone_since: Option<Duration>,
    /// When what changes slowly was looked at.
    looked: Option<Duration>,
    code: Option<Code>,
    celsius: Option<f64>,
}

impl Shown {
    pub fn new(settings: &DisplaySettings) -> Self {
        let mut display = Retry::new();
        // Said when it is to show something, if it is not there by then.
        let _ = display.get(|| settings.screen.open());
        Self {
            display,
            settings: settings.clone(),
            broken: false,
            due: Duration::ZERO,
            alone_since: None,
            looked: None,
            code: None,
            celsius: None,
        }
    }

    /// How long nobody has been there.
    fn alone(&mut self, report: &Report) -> Duration {
        let somebody = !report.people.is_empty() || !report.is_frame;
        // A time before the last one is a source that began anew.
        let since = self.alone_since.filter(|since| *since <= report.time);
        self.alone_since = match somebody {
            true => None,
            false => Some(since.unwrap_or(report.time)),
        };
        self.alone_since
            .map_or(Duration::ZERO, |since| report.time - since)
    }

    /// Looks at what changes slowly, now and then: the address, the temperature.
    fn look(&mut self, now: Duration) {
        if self
            .looked
            .is_some_and(|last| now >= last && now - last < SLOW)
        {
            return;
        }
        self.looked = Some(now);
        self.celsius = temperature::hottest(Path::new("/")).map(|(celsius, _)| celsius);
        let page = self.settings.page.and_then(address::reached_at);
        if page.as_deref() != self.code.as_ref().map(Code::address) {
            self.code = page.and_then(|page| Code::new(&page));
        }
    }

    /// Says once what is wrong, and that something is shown again.
    fn say(&mut self, result: Result<bool, Trouble>) {
        let name = &self.settings.name;
        match result {
            Ok(false) => {}
            Ok(true) => {
                if std::mem::take(&mut self.broken) {
                    log::info!("display {name}: shows again");
                }
            }
            Err(e) => {
                if !std::mem::replace(&mut self.broken, true) {
                    log::error!("display {name}: {e}; trying again");
                }
            }
        }
    }
}

impl Listener for Shown {
    fn describe(&self) -> String {
        match self.display.peek() {
            Some(display) => display.describe(),
            None => "not there yet".into(),
        }
    }

    fn needs(&self) -> Needs {
        let is_picture = self.settings.layout == Layout::Picture;
        let draws = is_picture || self.settings.layout == Layout::Skeleton;
        Needs {
            frames: true,
            from: self
                .due
                .max(self.display.peek().map_or(Duration::ZERO, |d| d.due())),
            events: false,
            picture: is_picture && self.settings.show.picture,
            masks: draws && self.settings.show.mask,
        }
    }

    fn backlog(&self) -> usize {
        1
    }

    fn hear(&mut self, report: &Report) -> u64 {
        self.due = report.time + LEAST;
        let alone = self.alone(report);
        self.look(report.time);
        let scene = Scene::Live(Live {
            report,
            parts: self.settings.show,
            layout: self.settings.layout,
            alone,
            code: self.code.as_ref().filter(|_| alone >= ALONE),
            celsius: self.celsius,
        });
        let display = self.display.get(|| self.settings.screen.open());
        let shown = display.and_then(|display| display.show(&scene));
        self.say(shown);
        0
    }

    fn tend(&mut self) {
        let Some(display) = self.display.opened() else {
            return;
        };
        if let Err(e) = display.tend() {
            self.say(Err(e));
        }
    }

    fn close(&mut self) {
        if let Some(display) = self.display.opened()
            && let Err(e) = display.clear()
        {
            log::warn!("display {}: {e}", self.settings.name);
        }
    }
}
