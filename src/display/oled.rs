//! A small screen of two colours, 128x64 and its like, on an I2C or SPI bus.
//!
//! In: scenes. Out: commands and pixels for the controller, by the crate ssd1306 over
//! `linux-embedded-hal`'s buses. The controller's memory is written page by page (eight rows), the way
//! that SSD1306 and SH1106 both know, and only what has changed. Data sheets: SSD1306 (Solomon
//! Systech, 2008), SH1106 (Sino Wealth, 2013), which has 132 columns, of which a panel of 128 shows
//! those from the third on.

mod display;
mod panel;

pub use display::OledDisplay;
pub use panel::Panel;

use super::spi::read_sleep;
use super::wires::{self, Bus, I2cWires, SpiWires};
use super::{Display, Layout, Screen, back};
use crate::device::Device;
use crate::gpio::LineAddress;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use jiff::civil::Time;
use linux_embedded_hal::CdevPin;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// All that is known of the kind "oled".
pub const KIND: Kind<Arc<dyn Screen>> = Kind {
    name: "oled",
    says: "a small screen of two colours on an I2C or SPI bus, by its controller",
    read,
};

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
        .text(
            "night",
            "when it is dimmed, by the clock on the wall: \"22:00-06:30\"",
        )
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
    let (unused, sort) = match is_spi(&bus) {
        true => (&["address"][..], "an SPI bus"),
        false => (&["dc", "mhz"][..], "an I2C bus"),
    };
    for key in unused {
        if s.given(key) {
            s.fault_with(
                key,
                format!("has no meaning on {sort}"),
                "remove the line, or set `bus`: \"/dev/spidev0.0\" or \"/dev/i2c-1\"",
            );
        }
    }
    if night.is_none() && s.given("night_contrast") && !s.given("night") {
        s.fault_with(
            "night_contrast",
            "has no meaning without `night`",
            "say when it is night: night = \"22:00-06:30\"",
        );
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
    fn claims(&self) -> Vec<String> {
        let bus = self.bus.display();
        let mut claims = vec![match is_spi(&self.bus) {
            true => format!("the bus {bus}"),
            false => format!("address {:#04x} of the bus {bus}", self.address),
        }];
        let lines = [self.dc.as_ref(), self.reset.as_ref()];
        claims.extend(lines.into_iter().flatten().map(LineAddress::claim));
        claims
    }

    fn check(&self) -> Result<(), Trouble> {
        let sort = match is_spi(&self.bus) {
            true => Bus::Spi,
            false => Bus::I2c,
        };
        wires::check_bus(&self.bus, sort)?;
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
}
