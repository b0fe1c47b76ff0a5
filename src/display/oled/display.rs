//! A panel that shows scenes: only columns that changed are sent, it sleeps while nobody is there, and is
//! dimmed at night.

use super::OledSettings;
use super::panel::{PAGE, Panel};
use crate::display::retry::Retry;
use crate::display::{Display, Scene, back};
use crate::geometry::{Size, Stored, Turn};
use crate::trouble::Trouble;
use embedded_graphics::geometry::{OriginDimensions, Size as TargetSize};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{DrawTarget, Pixel};
use std::convert::Infallible;
use std::time::{Duration, Instant};

/// Time on the wall between looks at the clock.
const LOOK: Duration = Duration::from_secs(10);

/// Pixels as the controller has them: bytes are columns of eight pixels, the uppermost in the lowest
/// bit.
struct Pages {
    /// As it is looked at.
    upright: Size,
    map: Stored,
    width: usize,
    bytes: Vec<u8>,
}

impl Pages {
    fn new(panel: Size, turn: Turn) -> Self {
        let upright = turn.of_size(panel);
        let width = panel.width as usize;
        Self {
            upright,
            map: turn.to_stored(upright),
            width,
            bytes: vec![0; width * panel.height as usize / PAGE],
        }
    }
}

impl OriginDimensions for Pages {
    fn size(&self) -> TargetSize {
        TargetSize::new(self.upright.width, self.upright.height)
    }
}

impl DrawTarget for Pages {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) else {
                continue;
            };
            if x >= self.upright.width || y >= self.upright.height {
                continue;
            }
            let (x, y) = self.map.at(x as usize, y as usize);
            let byte = &mut self.bytes[y / PAGE * self.width + x];
            let bit = 1 << (y % PAGE);
            match colour {
                BinaryColor::On => *byte |= bit,
                BinaryColor::Off => *byte &= !bit,
            }
        }
        Ok(())
    }
}

/// A panel that shows scenes.
pub struct OledDisplay {
    settings: OledSettings,
    open: Box<dyn Fn() -> Result<Panel, Trouble> + Send>,
    panel: Retry<Panel>,
    pages: Pages,
    /// What is in the controller's memory; empty where that is not known.
    shown: Vec<u8>,
    lit: bool,
    /// The contrast that was set, and when the clock was looked at for it.
    contrast: Option<u8>,
    looked: Option<Instant>,
}

impl OledDisplay {
    /// `open` wakes the panel up, at first and whenever it has failed.
    pub fn new(
        settings: &OledSettings,
        open: impl Fn() -> Result<Panel, Trouble> + Send + 'static,
    ) -> Self {
        Self {
            settings: settings.clone(),
            open: Box::new(open),
            panel: Retry::new(),
            pages: Pages::new(settings.pixels(), back::upright(settings.turn)),
            shown: Vec::new(),
            lit: false,
            contrast: None,
            looked: None,
        }
    }

    /// How bright it is to be now.
    fn wanted_contrast(&self) -> u8 {
        let now = || jiff::Zoned::now().time();
        match self.settings.night {
            Some(night) if night.contains(now()) => self.settings.night_contrast,
            _ => self.settings.contrast,
        }
    }

    /// Sends what is drawn and not in the controller's memory yet, and lights it.
    fn send(&mut self) -> Result<(), Trouble> {
        if self.panel.opened().is_none() {
            self.shown.clear();
            (self.lit, self.contrast, self.looked) = (false, None, None);
        }
        let wanted = match self.looked {
            Some(when) if when.elapsed() < LOOK => self.contrast,
            _ => {
                self.looked = Some(Instant::now());
                Some(self.wanted_contrast())
            }
        };
        let panel = self.panel.get(&self.open)?;
        let sent = (|| {
            if wanted != self.contrast {
                panel.0.contrast(wanted.unwrap_or(self.settings.contrast))?;
            }
            let width = self.pages.width;
            for (page, bytes) in self.pages.bytes.chunks_exact(width).enumerate() {
                let shown = self.shown.get(page * width..(page + 1) * width);
                if let Some((first, last)) = span(bytes, shown) {
                    panel.0.write(page, first, &bytes[first..=last])?;
                }
            }
            if !self.lit {
                panel.0.light(true)?;
            }
            Ok(())
        })();
        match sent {
            Ok(()) => {
                self.shown.clone_from(&self.pages.bytes);
                (self.lit, self.contrast) = (true, wanted);
            }
            Err(ref e) => self.panel.lost(e),
        }
        sent
    }

    /// Makes it dark; its memory stays.
    fn darken(&mut self) -> Result<(), Trouble> {
        let Some(panel) = self.panel.opened() else {
            return Ok(());
        };
        if std::mem::take(&mut self.lit)
            && let Err(e) = panel.0.light(false)
        {
            self.panel.lost(&e);
            return Err(e);
        }
        Ok(())
    }
}

/// The first and the last column that differ; all where nothing is known.
fn span(bytes: &[u8], shown: Option<&[u8]>) -> Option<(usize, usize)> {
    let Some(shown) = shown else {
        return Some((0, bytes.len() - 1));
    };
    let differs = |(a, b): (&u8, &u8)| a != b;
    let first = bytes.iter().zip(shown).position(differs)?;
    let last = bytes.iter().zip(shown).rposition(differs)?;
    Some((first, last))
}

impl Display for OledDisplay {
    fn show(&mut self, scene: &Scene) -> Result<bool, Trouble> {
        if scene.sleeps(self.settings.sleep) {
            return self.darken().map(|()| true);
        }
        let Ok(()) = scene.draw_mono(&mut self.pages);
        self.send().map(|()| true)
    }

    fn describe(&self) -> String {
        let size = self.settings.pixels();
        let controller = format!("{:?}", self.settings.controller).to_lowercase();
        let bus = self.settings.bus.display();
        format!("{bus}, {controller}, {size}")
    }

    fn clear(&mut self) -> Result<(), Trouble> {
        let dark = self.darken();
        self.panel.close();
        dark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_columns_that_differ_are_sent() {
        assert_eq!(span(&[1, 2, 3], Some(&[1, 2, 3])), None);
        assert_eq!(span(&[1, 9, 3, 9, 5], Some(&[1, 2, 3, 4, 5])), Some((1, 3)));
        assert_eq!(span(&[1, 2, 3], None), Some((0, 2)));
    }
}
