//! A panel that is woken up, by the crate ssd1306.
//!
//! In: a bus. Out: bytes in the controller's memory, page by page, the way that SSD1306 and SH1106 both
//! know.

use super::{Controller, Glass, OledSettings};
use crate::display::wires::{Commanded, Last, Told, Wire};
use crate::geometry::Size;
use crate::trouble::Trouble;
use display_interface::{DisplayError, WriteOnlyDataCommand};
use embedded_hal::digital::OutputPin;
use ssd1306::Ssd1306;
use ssd1306::command::{AddrMode, Command};
use ssd1306::mode::BasicMode;
use ssd1306::prelude::{
    Brightness, DisplayRotation, DisplaySize, DisplaySize64x32, DisplaySize64x48, DisplaySize72x40,
    DisplaySize96x16, DisplaySize128x32, DisplaySize128x64,
};
use std::time::Duration;

/// Rows that lie in one byte.
pub(super) const PAGE: usize = 8;

/// Where an SH1106's memory is shown.
#[derive(Debug, Clone, Copy)]
struct Sh1106;

impl DisplaySize for Sh1106 {
    const WIDTH: u8 = 128;
    const HEIGHT: u8 = 64;
    const DRIVER_COLS: u8 = 132;
    const OFFSETX: u8 = 2;
    // Not used: pages are sent from a buffer of our own.
    type Buffer = [u8; 0];

    fn configure(&self, bus: &mut impl WriteOnlyDataCommand) -> Result<(), DisplayError> {
        Command::ComPinConfig(true, false).send(bus)
    }
}

impl OledSettings {
    /// Of the panel.
    pub fn pixels(&self) -> Size {
        fn of<S: DisplaySize>(_: S) -> Size {
            Size::new(S::WIDTH.into(), S::HEIGHT.into())
        }
        match self.size {
            Glass::W128H64 => of(DisplaySize128x64),
            Glass::W128H32 => of(DisplaySize128x32),
            Glass::W96H16 => of(DisplaySize96x16),
            Glass::W72H40 => of(DisplaySize72x40),
            Glass::W64H48 => of(DisplaySize64x48),
            Glass::W64H32 => of(DisplaySize64x32),
        }
    }

    /// Wakes the panel up; it shows nothing yet.
    ///
    /// # Errors
    /// The bus or a line refuses, or nobody answers.
    pub fn start<B, P>(&self, bus: B, reset: Option<Wire<P>>) -> Result<Panel, Trouble>
    where
        B: Commanded + Send + 'static,
        P: OutputPin + Send + 'static,
    {
        match (self.controller, self.size) {
            (Controller::Sh1106, _) => self.start_as(Sh1106, bus, reset),
            (_, Glass::W128H64) => self.start_as(DisplaySize128x64, bus, reset),
            (_, Glass::W128H32) => self.start_as(DisplaySize128x32, bus, reset),
            (_, Glass::W96H16) => self.start_as(DisplaySize96x16, bus, reset),
            (_, Glass::W72H40) => self.start_as(DisplaySize72x40, bus, reset),
            (_, Glass::W64H48) => self.start_as(DisplaySize64x48, bus, reset),
            (_, Glass::W64H32) => self.start_as(DisplaySize64x32, bus, reset),
        }
    }

    fn start_as<B, P, S>(&self, size: S, bus: B, reset: Option<Wire<P>>) -> Result<Panel, Trouble>
    where
        B: Commanded + Send + 'static,
        P: OutputPin + Send + 'static,
        S: DisplaySize + Send + 'static,
    {
        let last = Last::default();
        // What is turned is drawn so: a narrow panel's columns would lie elsewhere.
        let rotation = DisplayRotation::Rotate0;
        let mut driver = Ssd1306::new(Told::new(bus, &last), size, rotation);
        let mut reset = reset;
        if let Some(wire) = &mut reset {
            // The data sheet asks for 3 microseconds; the crate's own error has no room for a line's
            // words.
            wire.set_low().map_err(|e| e.0)?;
            std::thread::sleep(Duration::from_millis(1));
            wire.set_high().map_err(|e| e.0)?;
            std::thread::sleep(Duration::from_millis(1));
        }
        let started = driver
            .init_with_addr_mode(AddrMode::Page)
            // Dark until its memory is written: what is in it is snow.
            .and_then(|()| driver.set_display_on(false));
        started.map_err(|e| last.trouble(e))?;
        Ok(Panel(Box::new(Driven {
            driver,
            last,
            _reset: reset,
        })))
    }
}

/// A controller that is awake.
pub(super) trait Controlled: Send {
    /// Writes bytes of a page, each a column of eight pixels, from this column on.
    fn write(&mut self, page: usize, column: usize, bytes: &[u8]) -> Result<(), Trouble>;

    fn contrast(&mut self, contrast: u8) -> Result<(), Trouble>;

    fn light(&mut self, on: bool) -> Result<(), Trouble>;
}

struct Driven<B, S, P> {
    driver: Ssd1306<Told<B>, S, BasicMode>,
    last: Last,
    /// Held as long as the panel is used: a line that is let go may fall.
    _reset: Option<Wire<P>>,
}

impl<B: Commanded + Send, S: DisplaySize + Send, P: Send> Controlled for Driven<B, S, P> {
    fn write(&mut self, page: usize, column: usize, bytes: &[u8]) -> Result<(), Trouble> {
        let driver = &mut self.driver;
        let written = driver
            .set_row((page * PAGE) as u8)
            .and_then(|()| driver.set_column(column as u8 + S::OFFSETX))
            .and_then(|()| driver.draw(bytes));
        written.map_err(|e| self.last.trouble(e))
    }

    fn contrast(&mut self, contrast: u8) -> Result<(), Trouble> {
        let set = self.driver.set_brightness(Brightness::custom(2, contrast));
        set.map_err(|e| self.last.trouble(e))
    }

    fn light(&mut self, on: bool) -> Result<(), Trouble> {
        let set = self.driver.set_display_on(on);
        set.map_err(|e| self.last.trouble(e))
    }
}

/// A panel that is awake.
pub struct Panel(pub(super) Box<dyn Controlled>);
