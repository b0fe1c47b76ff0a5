//! A small screen of two colours, 128x64 and its like, on an I2C or SPI bus.
//!
//! In: scenes. Out: commands and pixels for the controller, by the crate ssd1306 over
//! `linux-embedded-hal`'s buses. The controller's memory is written page by page (eight rows), the way
//! that SSD1306 and SH1106 both know, and only what has changed. Data sheets: SSD1306 (Solomon
//! Systech, 2008), SH1106 (Sino Wealth, 2013), which has 132 columns, of which a panel of 128 shows
//! those from the third on.

use super::back;
use super::retry::Retry;
use super::scene::{Layout, Scene};
use super::spi::read_sleep;
use super::wires::{self, Commanded, I2cWires, Last, SpiWires, Told, Wire};
use super::{Display, Screen};
use crate::device::Device;
use crate::geometry::{Size, Stored, Turn};
use crate::gpio::LineAddress;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use display_interface::{DisplayError, WriteOnlyDataCommand};
use embedded_graphics::geometry::{OriginDimensions, Size as TargetSize};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{DrawTarget, Pixel};
use embedded_hal::digital::OutputPin;
use jiff::civil::Time;
use linux_embedded_hal::CdevPin;
use ssd1306::Ssd1306;
use ssd1306::command::{AddrMode, Command};
use ssd1306::mode::BasicMode;
use ssd1306::prelude::{
    Brightness, DisplayRotation, DisplaySize, DisplaySize64x32, DisplaySize64x48, DisplaySize72x40,
    DisplaySize96x16, DisplaySize128x32, DisplaySize128x64,
};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All that is known of the kind "oled".
pub const KIND: Kind<Arc<dyn Screen>> = Kind {
    name: "oled",
    says: "a small screen of two colours on an I2C or SPI bus, by its controller",
    read,
};

/// Rows that lie in one byte.
const PAGE: usize = 8;
/// Time on the wall between looks at the clock.
const LOOK: Duration = Duration::from_secs(10);

/// The controllers that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    Ssd1306,
    Sh1106,
}

/// The panels that are known by their width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glass {
    W128H64,
    W128H32,
    W96H16,
    W72H40,
    W64H48,
    W64H32,
}

const CONTROLLERS: &[(&str, Controller)] = &[
    ("ssd1306", Controller::Ssd1306),
    ("sh1106", Controller::Sh1106),
];

const SIZES: &[(&str, Glass)] = &[
    ("128x64", Glass::W128H64),
    ("128x32", Glass::W128H32),
    ("96x16", Glass::W96H16),
    ("72x40", Glass::W72H40),
    ("64x48", Glass::W64H48),
    ("64x32", Glass::W64H32),
];

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

fn read(s: &mut Section) -> Option<Arc<dyn Screen>> {
    let controller = s
        .choice(
            "controller",
            "the chip on the panel, as its seller names it",
            CONTROLLERS,
        )
        .or(Controller::Ssd1306);
    let bus = s
        .path(
            "bus",
            "the bus: /dev/i2c-1, or an SPI bus such as /dev/spidev0.0",
        )
        .hint("`posed doctor` lists them")
        .or("/dev/i2c-1".into());
    let size = s
        .choice("size", "of the panel, in pixels", SIZES)
        .or(Glass::W128H64);
    let address = s
        .number("address", "on an I2C bus: 60 (0x3c) or 61 (0x3d)", 8..=119)
        .or(0x3c_u32);
    let dc = wires::read_line(
        s,
        "dc",
        "on an SPI bus: the GPIO line that tells data from commands (DC)",
    )
    .maybe();
    let reset = wires::read_line(
        s,
        "reset",
        "the GPIO line of the panel's reset (RES), where it has one",
    )
    .maybe();
    let mhz = s
        .number("mhz", "on an SPI bus: its clock in MHz", 0.1..=20.0)
        .or(8.0);
    let turn = back::read_turn(s);
    let contrast = s
        .number("contrast", "how bright it is", 0..=255)
        .or(0xcf_u32);
    let night = s
        .text("night", "when it is dimmed, by the clock on the wall")
        .example("\"22:00-06:30\"")
        .without("never")
        .parse(|text| Night::parse(&text))
        .maybe();
    let night_contrast = s
        .number("night_contrast", "how bright it is at `night`", 0..=255)
        .or(1_u32);
    let sleep = read_sleep(s);
    if is_spi(&bus) && dc.is_none() && !s.given("dc") {
        s.missing("dc");
    }
    if controller == Controller::Sh1106 && size != Glass::W128H64 {
        s.fault_with(
            "size",
            "an sh1106 has 128x64 pixels",
            "remove the line, or set `controller` to \"ssd1306\"",
        );
    }
    Some(Arc::new(OledSettings {
        controller,
        bus,
        size,
        address: address as u8,
        dc,
        reset,
        hz: (mhz * 1e6) as u32,
        turn,
        contrast: contrast as u8,
        night,
        night_contrast: night_contrast as u8,
        sleep,
    }))
}

fn is_spi(bus: &Path) -> bool {
    bus.to_string_lossy().contains("spi")
}

/// From when to when it is night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Night {
    from: Time,
    to: Time,
}

impl Night {
    /// "22:00-06:30".
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no time of night: write \"22:00-06:30\"");
        let (from, to) = text.split_once('-').ok_or_else(wrong)?;
        let time = |text: &str| text.trim().parse::<Time>().map_err(|_| wrong());
        let (from, to) = (time(from)?, time(to)?);
        match from == to {
            true => Err(format!("{text:?} is no time at all")),
            false => Ok(Self { from, to }),
        }
    }

    /// Whether it is night at this time of day; a night may go over midnight.
    pub fn contains(self, time: Time) -> bool {
        match self.from < self.to {
            true => (self.from..self.to).contains(&time),
            false => time >= self.from || time < self.to,
        }
    }
}

/// A panel and its wires.
#[derive(Debug, Clone)]
pub struct OledSettings {
    pub controller: Controller,
    pub bus: PathBuf,
    pub size: Glass,
    /// On an I2C bus.
    pub address: u8,
    /// On an SPI bus.
    pub dc: Option<LineAddress>,
    pub reset: Option<LineAddress>,
    pub hz: u32,
    /// Quarters of a turn clockwise, and whether it is mirrored.
    pub turn: (u8, bool),
    pub contrast: u8,
    pub night: Option<Night>,
    pub night_contrast: u8,
    /// How long nobody has to be there before it goes dark.
    pub sleep: Option<Duration>,
}

impl Device for OledSettings {
    fn check(&self) -> Result<(), Trouble> {
        wires::check_bus(&self.bus)?;
        for (part, line) in [("dc", &self.dc), ("reset", &self.reset)] {
            if let Some(line) = line {
                line.check().map_err(|e| wires::of_part(part, e))?;
            }
        }
        Ok(())
    }
}

impl Screen for OledSettings {
    fn open(&self) -> Result<Box<dyn Display>, Trouble> {
        self.check()?;
        let settings = self.clone();
        let open = move || {
            let reset = settings.reset.as_ref();
            let reset = reset.map(|line| wires::open_line(line, "reset", 1));
            let reset = reset.transpose()?;
            match &settings.dc {
                Some(dc) if is_spi(&settings.bus) => {
                    let spi = wires::open_spi(&settings.bus, settings.hz)?;
                    let dc = wires::open_line(dc, "dc", 0)?;
                    let bus = settings.bus.display().to_string();
                    let bus = SpiWires::<_, _, false>::new(spi, dc, bus, wires::at_once());
                    settings.start(bus, reset)
                }
                _ => {
                    let i2c = wires::open_i2c(&settings.bus)?;
                    let bus = I2cWires::new(i2c, settings.address, &settings.bus);
                    settings.start::<_, CdevPin>(bus, reset)
                }
            }
        };
        Ok(Box::new(OledDisplay::new(self, open)))
    }

    fn layouts(&self) -> &'static [Layout] {
        &[Layout::Skeleton, Layout::Status, Layout::BigPose]
    }

    fn advice(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (
                "nothing, though no error is said",
                "`size`, `reset`, and that the panel has 3.3 V",
            ),
            (
                "moved by two pixels, a strip of snow at one side",
                "`controller`: \"sh1106\" and \"ssd1306\" look alike",
            ),
            ("only every other row", "`size`"),
            ("the arrow does not point up", "`rotate`"),
            ("words are mirrored", "`mirror`"),
            ("too dim or too bright", "`contrast`"),
        ]
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
trait Controlled: Send {
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
pub struct Panel(Box<dyn Controlled>);

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
    fn show(&mut self, scene: &Scene) -> Result<(), Trouble> {
        if scene.sleeps(self.settings.sleep) {
            return self.darken();
        }
        let Ok(()) = scene.draw_mono(&mut self.pages);
        self.send()
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
    fn a_night_may_go_over_midnight() {
        let at = |hour, minute| Time::constant(hour, minute, 0, 0);
        let night = Night::parse("22:00-06:30").unwrap();
        let dark = [at(22, 0), at(23, 59), at(0, 0), at(6, 29)];
        assert!(dark.into_iter().all(|time| night.contains(time)));
        let light = [at(6, 30), at(12, 0), at(21, 59)];
        assert!(!light.into_iter().any(|time| night.contains(time)));
        let nap = Night::parse("13:00 - 14:00").unwrap();
        assert!(nap.contains(at(13, 30)) && !nap.contains(at(14, 0)) && !nap.contains(at(0, 0)));
        for wrong in ["22:00", "22-6", "25:00-06:00", "06:00-06:00", ""] {
            assert!(Night::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_columns_that_differ_are_sent() {
        assert_eq!(span(&[1, 2, 3], Some(&[1, 2, 3])), None);
        assert_eq!(span(&[1, 9, 3, 9, 5], Some(&[1, 2, 3, 4, 5])), Some((1, 3)));
        assert_eq!(span(&[1, 2, 3], None), Some((0, 2)));
    }
}
