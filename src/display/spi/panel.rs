//! A panel that is woken up: its controller is told what it is, as `mipidsi` knows it.
//!
//! In: the bus and the lines, opened. Out: pixels on the panel, row by row, and its light.

use super::{Controller, SpiSettings};
use crate::display::wires::{SpiWires, Wire};
use crate::trouble::Trouble;
use embedded_graphics::pixelcolor::Rgb565;
use embedded_graphics::pixelcolor::raw::RawU16;
use embedded_hal::digital::OutputPin;
use embedded_hal::spi::SpiDevice;
use linux_embedded_hal::Delay;
use mipidsi::interface::InterfacePixelFormat;
use mipidsi::models::{self, Model};
use mipidsi::options::{ColorInversion, ColorOrder, Orientation, Rotation};
use mipidsi::{Builder, InitError};
use std::ops::Range;

/// The bus and the lines of a panel, opened.
pub struct Wired<S, P> {
    pub spi: S,
    pub dc: Wire<P>,
    pub reset: Option<Wire<P>>,
    pub backlight: Option<Wire<P>>,
}

impl SpiSettings {
    /// Wakes the panel up: its controller is told what it is, as `mipidsi` knows it.
    ///
    /// # Errors
    /// The bus or a line refuses.
    pub fn start<S, P>(&self, wired: Wired<S, P>, at_once: usize) -> Result<Panel, Trouble>
    where
        S: SpiDevice<Error: std::fmt::Display> + Send + 'static,
        P: OutputPin + Send + 'static,
    {
        match self.controller {
            Controller::Gc9107 => self.start_as(models::GC9107, wired, at_once),
            Controller::Gc9a01 => self.start_as(models::GC9A01, wired, at_once),
            Controller::Ili9341 => self.start_as(models::ILI9341Rgb565, wired, at_once),
            Controller::Ili9342c => self.start_as(models::ILI9342CRgb565, wired, at_once),
            Controller::Ili9486 if self.shift_register => {
                self.start_on::<_, _, _, true>(models::ILI9486Rgb565, wired, at_once)
            }
            Controller::Ili9486 => self.start_as(models::ILI9486Rgb666, wired, at_once),
            Controller::Ili9488 => self.start_as(models::ILI9488Rgb666, wired, at_once),
            Controller::St7735 => self.start_as(models::ST7735s, wired, at_once),
            Controller::St7789 => self.start_as(models::ST7789, wired, at_once),
            Controller::St7796 => self.start_as(models::ST7796, wired, at_once),
        }
    }

    fn start_as<M, S, P>(
        &self,
        model: M,
        wired: Wired<S, P>,
        at_once: usize,
    ) -> Result<Panel, Trouble>
    where
        M: Model<ColorFormat: InterfacePixelFormat<u8> + From<Rgb565>> + Send + 'static,
        S: SpiDevice<Error: std::fmt::Display> + Send + 'static,
        P: OutputPin + Send + 'static,
    {
        self.start_on::<M, S, P, false>(model, wired, at_once)
    }

    fn start_on<M, S, P, const WIDE: bool>(
        &self,
        model: M,
        wired: Wired<S, P>,
        at_once: usize,
    ) -> Result<Panel, Trouble>
    where
        M: Model<ColorFormat: InterfacePixelFormat<u8> + From<Rgb565>> + Send + 'static,
        S: SpiDevice<Error: std::fmt::Display> + Send + 'static,
        P: OutputPin + Send + 'static,
    {
        let bus = self.bus.display().to_string();
        let wires = SpiWires::<S, P, WIDE>::new(wired.spi, wired.dc, bus, at_once);
        let (quarters, mirror) = self.turn;
        let rotation = match quarters % 4 {
            0 => Rotation::Deg0,
            1 => Rotation::Deg90,
            2 => Rotation::Deg180,
            _ => Rotation::Deg270,
        };
        let orientation = Orientation::new().rotate(rotation);
        let orientation = match mirror {
            true => orientation.flip_horizontal(),
            false => orientation,
        };
        let inversion = match self.invert {
            true => ColorInversion::Inverted,
            false => ColorInversion::Normal,
        };
        let order = match self.bgr {
            true => ColorOrder::Bgr,
            false => ColorOrder::Rgb,
        };
        let builder = Builder::new(model, wires)
            .display_size(self.size.width as u16, self.size.height as u16)
            .display_offset(self.offset.0, self.offset.1)
            .orientation(orientation)
            .invert_colors(inversion)
            .color_order(order);
        let screen: Box<dyn Controlled> = match wired.reset {
            Some(reset) => {
                let started = builder.reset_pin(reset).init(&mut Delay);
                Box::new(started.map_err(|e| failed(e, |wire| wire.0))?)
            }
            None => {
                let started = builder.init(&mut Delay);
                Box::new(started.map_err(|e| failed(e, |never| match never {}))?)
            }
        };
        let light = wired.backlight.map(|wire| {
            let light: Box<dyn Light> = Box::new(wire);
            light
        });
        Ok(Panel { screen, light })
    }
}

fn failed<P>(e: InitError<Trouble, P>, of_reset: impl Fn(P) -> Trouble) -> Trouble {
    match e {
        InitError::Interface(trouble) => trouble,
        InitError::ResetPin(e) => of_reset(e),
        InitError::InvalidConfiguration(e) => Trouble::new(
            format!("the panel cannot be set up so: {e:?}"),
            "look at `controller`, `size` and `offset`",
        ),
    }
}

/// A controller that is awake.
pub(super) trait Controlled: Send {
    /// Pixels of 5, 6 and 5 bits, little end first, of whole rows, `width` pixels each.
    fn write(&mut self, rows: Range<usize>, width: usize, pixels: &[u8]) -> Result<(), Trouble>;

    fn sleep(&mut self, asleep: bool) -> Result<(), Trouble>;
}

impl<S, P, M, R, const WIDE: bool> Controlled for mipidsi::Display<SpiWires<S, P, WIDE>, M, R>
where
    S: SpiDevice<Error: std::fmt::Display> + Send,
    P: OutputPin + Send,
    R: OutputPin + Send,
    M: Model<ColorFormat: InterfacePixelFormat<u8> + From<Rgb565>> + Send,
{
    fn write(&mut self, rows: Range<usize>, width: usize, pixels: &[u8]) -> Result<(), Trouble> {
        let colour = |bytes: &[u8; 2]| {
            let raw = RawU16::new(u16::from_le_bytes(*bytes));
            M::ColorFormat::from(Rgb565::from(raw))
        };
        let colours = pixels.as_chunks::<2>().0.iter().map(colour);
        let last = (width as u16 - 1, rows.end as u16 - 1);
        self.set_pixels(0, rows.start as u16, last.0, last.1, colours)
    }

    fn sleep(&mut self, asleep: bool) -> Result<(), Trouble> {
        match asleep {
            true => self.sleep(&mut Delay),
            false => self.wake(&mut Delay),
        }
    }
}

/// The light behind a panel.
pub(super) trait Light: Send {
    fn set(&mut self, on: bool) -> Result<(), Trouble>;
}

impl<P: OutputPin + Send> Light for Wire<P> {
    fn set(&mut self, on: bool) -> Result<(), Trouble> {
        let set = match on {
            true => self.set_high(),
            false => self.set_low(),
        };
        set.map_err(|e| e.0)
    }
}

/// A panel that is awake; its light is not lit before something is shown.
pub struct Panel {
    pub(super) screen: Box<dyn Controlled>,
    pub(super) light: Option<Box<dyn Light>>,
}
