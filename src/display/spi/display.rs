//! A panel that shows scenes: only rows that changed are sent, and it sleeps while nobody is there.

use super::SpiSettings;
use super::panel::Panel;
use crate::display::back::{self, BackBuffer};
use crate::display::canvas::PixelLayout;
use crate::display::retry::Retry;
use crate::display::{Display, RGB565, Scene};
use crate::geometry::Turn;
use crate::trouble::Trouble;
use std::time::Duration;

/// A panel that shows scenes.
pub struct SpiDisplay {
    open: Box<dyn Fn() -> Result<Panel, Trouble> + Send>,
    panel: Retry<Panel>,
    back: BackBuffer,
    sleep: Option<Duration>,
    asleep: bool,
    lit: bool,
    says: String,
}

impl SpiDisplay {
    /// `open` wakes the panel up, at first and whenever it has failed.
    pub fn new(
        settings: &SpiSettings,
        open: impl Fn() -> Result<Panel, Trouble> + Send + 'static,
    ) -> Self {
        let shown = back::upright(settings.turn).of_size(settings.size);
        let layout = PixelLayout {
            size: shown,
            ..RGB565
        };
        let says = format!(
            "{}, {:?}, {shown}, {:.1} MHz",
            settings.bus.display(),
            settings.controller,
            f64::from(settings.hz) / 1e6
        );
        Self {
            open: Box::new(open),
            panel: Retry::new(),
            // The controller turns what it shows.
            back: BackBuffer::new(layout, Turn::NONE),
            sleep: settings.sleep,
            asleep: false,
            lit: false,
            says: says.to_lowercase(),
        }
    }

    /// Sends what is drawn and not on the screen yet.
    fn send(&mut self) -> Result<(), Trouble> {
        if self.panel.opened().is_none() {
            self.back.forget();
            (self.asleep, self.lit) = (false, false);
        }
        let panel = self.panel.get(&self.open)?;
        let sent = (|| {
            let width = self.back.layout().size.width as usize;
            for rows in self.back.changed() {
                let pixels = self.back.rows(rows.clone());
                panel.screen.write(rows, width, pixels)?;
            }
            if std::mem::take(&mut self.asleep) {
                panel.screen.sleep(false)?;
            }
            if !self.lit
                && let Some(light) = &mut panel.light
            {
                light.set(true)?;
            }
            self.lit = true;
            Ok(())
        })();
        match sent {
            Ok(()) => self.back.is_shown(),
            Err(ref e) => self.panel.lost(e),
        }
        sent
    }

    /// Makes it dark.
    fn darken(&mut self) -> Result<(), Trouble> {
        if std::mem::replace(&mut self.asleep, true) {
            return Ok(());
        }
        self.lit = false;
        let Some(panel) = self.panel.opened() else {
            return Ok(());
        };
        if let Some(light) = &mut panel.light {
            light.set(false)?;
        }
        panel.screen.sleep(true)
    }
}

impl Display for SpiDisplay {
    fn show(&mut self, scene: &Scene) -> Result<bool, Trouble> {
        if scene.sleeps(self.sleep) {
            return self.darken().map(|()| true);
        }
        self.back.draw(scene);
        self.send().map(|()| true)
    }

    fn describe(&self) -> String {
        self.says.clone()
    }

    fn clear(&mut self) -> Result<(), Trouble> {
        if self.panel.opened().is_none() {
            return Ok(());
        }
        self.back.blacken();
        let sent = self.send();
        let dark = self.darken();
        self.panel.close();
        sent.and(dark)
    }
}
