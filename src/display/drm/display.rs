//! A screen that shows scenes, while it is plugged in and nobody works on another console.

use super::DrmSettings;
use super::driven::Driven;
use crate::display::back::{self, BackBuffer};
use crate::display::{Display, Scene};
use crate::trouble::Trouble;
use std::time::{Duration, Instant};

/// Time on the wall between looks whether a screen was plugged in or another console is worked on.
const LOOK: Duration = Duration::from_millis(500);
/// Which virtual terminal is worked on; a machine without any has no such file.
const ACTIVE: &str = "/sys/class/tty/tty0/active";

/// A screen that shows scenes, while it is plugged in and nobody works on another console.
pub struct DrmDisplay {
    settings: DrmSettings,
    driven: Option<Driven>,
    back: Option<BackBuffer>,
    looked: Option<Instant>,
    /// The virtual terminal on which posed shows; None where the machine has none.
    terminal: Option<String>,
    /// Why the screen could not be taken.
    failed: Option<Trouble>,
    /// It was said that there is no screen.
    said: bool,
}

impl DrmDisplay {
    pub fn new(settings: DrmSettings) -> Self {
        Self {
            settings,
            driven: None,
            back: None,
            looked: None,
            terminal: active_terminal(),
            failed: None,
            said: false,
        }
    }

    /// Takes the screen where it was plugged in, and gives it up where it is gone or another console
    /// is worked on; now and then.
    pub fn look(&mut self) -> Result<(), Trouble> {
        if self.looked.is_none_or(|when| when.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            self.failed = self.look_now().err();
        }
        match &self.failed {
            Some(trouble) => Err(trouble.clone()),
            None => Ok(()),
        }
    }

    fn look_now(&mut self) -> Result<(), Trouble> {
        if active_terminal() != self.terminal {
            if let Some(driven) = self.driven.take() {
                let name = &driven.name;
                log::info!("{name}: another console is worked on and has the screen");
            }
            return Ok(());
        }
        if let Some(driven) = &self.driven {
            if driven.is_connected() {
                return Ok(());
            }
            log::warn!("{}: the screen was unplugged; waiting for it", driven.name);
            self.said = true;
            self.driven = None;
        }
        match Driven::start(&self.settings)? {
            Some(driven) => {
                let layout = driven.layout(self.settings.bits);
                let turn = back::upright(self.settings.turn);
                self.back = Some(BackBuffer::new(layout, turn));
                self.driven = Some(driven);
                self.said = false;
            }
            None if !std::mem::replace(&mut self.said, true) => {
                let which = self.settings.connector.as_deref();
                let which = which.unwrap_or("any connector");
                log::warn!("no screen is plugged in at {which}; waiting for one");
            }
            None => {}
        }
        Ok(())
    }

    fn present(&mut self) -> Result<(), Trouble> {
        let (Some(driven), Some(back)) = (&mut self.driven, &mut self.back) else {
            return Ok(());
        };
        match driven.present(back) {
            Ok(()) => {
                back.is_shown();
                Ok(())
            }
            Err(e) => {
                let trouble = Trouble::new(
                    format!("{}: cannot be drawn on: {e}", driven.name),
                    "has another program taken the screen?",
                );
                self.driven = None;
                self.failed = Some(trouble.clone());
                Err(trouble)
            }
        }
    }
}

/// The virtual terminal that is worked on: "tty1".
fn active_terminal() -> Option<String> {
    let text = std::fs::read_to_string(ACTIVE).ok()?;
    Some(text.trim().to_string())
}

impl Display for DrmDisplay {
    fn show(&mut self, scene: &Scene) -> Result<bool, Trouble> {
        self.look()?;
        if let (Some(_), Some(back)) = (&self.driven, &mut self.back) {
            back.draw(scene);
            self.present()?;
        }
        Ok(self.driven.is_some())
    }

    fn tend(&mut self) -> Result<(), Trouble> {
        self.look()
    }

    fn describe(&self) -> String {
        match &self.driven {
            Some(driven) => {
                let (width, height) = driven.mode.size();
                format!(
                    "{}, {width}x{height}, {} bits a pixel",
                    driven.name, self.settings.bits
                )
            }
            None => "a screen under KMS, not plugged in yet".into(),
        }
    }

    /// The console has the screen again.
    fn clear(&mut self) -> Result<(), Trouble> {
        self.driven = None;
        Ok(())
    }
}
