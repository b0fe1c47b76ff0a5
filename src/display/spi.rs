//! A screen of colours on an SPI bus, such as the 2 to 4 inch panels that are sold for small boards.
//!
//! In: scenes. Out: commands and pixels for the panel's controller, by the crate mipidsi over
//! `linux-embedded-hal`'s SPI and GPIO lines. Only rows that changed are sent, and no frame while the
//! last one is on its way: 320x240 pixels of 16 bits take 31 ms at 40 MHz.

mod display;
mod panel;

pub use display::SpiDisplay;
pub use panel::{Panel, Wired};

use super::wires::{self, Bus};
use super::{Display, Screen, back};
use crate::device::Device;
use crate::geometry::Size;
use crate::gpio::LineAddress;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use linux_embedded_hal::CdevPin;
use mipidsi::models::{self, Model};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// All that is known of the kind "spi".
pub const KIND: Kind<Arc<dyn Screen>> = Kind {
    name: "spi",
    says: "a screen of colours on an SPI bus, by its controller",
    read,
};

/// The controllers that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    Gc9107,
    Gc9a01,
    Ili9341,
    Ili9342c,
    Ili9486,
    Ili9488,
    St7735,
    St7789,
    St7796,
}

/// What is known of a controller and the panels that it usually drives.
struct Facts {
    /// Of its memory.
    memory: Size,
    invert: bool,
    bgr: bool,
}

impl Controller {
    /// The controllers by the names that the key `controller` takes.
    pub const WORDS: &[(&str, Self)] = &[
        ("gc9107", Self::Gc9107),
        ("gc9a01", Self::Gc9a01),
        ("ili9341", Self::Ili9341),
        ("ili9342c", Self::Ili9342c),
        ("ili9486", Self::Ili9486),
        ("ili9488", Self::Ili9488),
        ("st7735", Self::St7735),
        ("st7789", Self::St7789),
        ("st7796", Self::St7796),
    ];

    fn facts(self) -> Facts {
        fn of<M: Model>(_: M, invert: bool, bgr: bool) -> Facts {
            let (width, height) = M::FRAMEBUFFER_SIZE;
            Facts {
                memory: Size::new(width.into(), height.into()),
                invert,
                bgr,
            }
        }
        match self {
            Self::Gc9107 => of(models::GC9107, false, true),
            Self::Gc9a01 => of(models::GC9A01, true, true),
            Self::Ili9341 => of(models::ILI9341Rgb565, false, true),
            Self::Ili9342c => of(models::ILI9342CRgb565, true, true),
            Self::Ili9486 => of(models::ILI9486Rgb666, false, true),
            Self::Ili9488 => of(models::ILI9488Rgb666, false, true),
            Self::St7735 => of(models::ST7735s, false, true),
            Self::St7789 => of(models::ST7789, true, false),
            Self::St7796 => of(models::ST7796, false, true),
        }
    }
}

/// Reads a text such as "240x320".
pub(super) fn size(text: &str) -> Result<Size, String> {
    let wrong = || format!("{text:?} is no size: write width, x, height: \"240x320\"");
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|n| *n > 0);
    match (number(width), number(height)) {
        (Some(width), Some(height)) => Ok(Size::new(width.into(), height.into())),
        _ => Err(wrong()),
    }
}

fn read(s: &mut Section) -> Option<Arc<dyn Screen>> {
    let controller = s
        .choice(
            "controller",
            "the chip on the panel, as its seller names it",
            Controller::WORDS,
        )
        .example("\"st7789\"")
        .needed();
    let bus = s
        .path("bus", "the SPI bus and its chip select")
        .hint("`posed doctor` lists them")
        .or("/dev/spidev0.0".into());
    let dc = wires::read_line(
        s,
        "dc",
        "the GPIO line that tells data from commands (DC, RS or A0 on the panel)",
    )
    .needed();
    let reset =
        wires::read_line(s, "reset", "the GPIO line of the panel's reset (RST, RES)").maybe();
    let backlight = wires::read_line(
        s,
        "backlight",
        "the GPIO line of the panel's light (BL, BLK, LED); it is lit while something is shown",
    )
    .maybe();
    let facts = controller.map(Controller::facts);
    let memory = facts
        .as_ref()
        .map_or(Size::new(1 << 16, 1 << 16), |f| f.memory);
    let size = s
        .text(
            "size",
            "of the panel in its own upright position, before `rotate`",
        )
        .example("\"240x320\"")
        .without("all that the controller has")
        .parse(|text| size(&text))
        .check(|size| within(*size, (0, 0), memory))
        .maybe();
    // Of a size that is wrong, that alone is said.
    let sound = size.is_some() || !s.given("size");
    let size = size.unwrap_or(if sound { memory } else { Size::new(0, 0) });
    let offset = s
        .text(
            "offset",
            "where in the controller's memory the panel begins, for one that is smaller: x and y",
        )
        .example("\"0,80\"")
        .without("`\"0,0\"`")
        .parse(|text| offset(&text))
        .check(|offset| within(size, *offset, memory))
        .maybe()
        .unwrap_or_default();
    let mhz = s
        .number("mhz", "the bus's clock in MHz", 0.1..=125.0)
        .or(32.0);
    let turn = back::read_turn(s);
    let invert = s
        .flag("invert", "the panel wants its colours inverted")
        .without("as the controller's panels usually are: of gc9a01, ili9342c and st7789")
        .maybe();
    let bgr = s
        .flag("bgr", "the panel has blue in the place of red")
        .without("as the controller's panels usually are: of all but st7789")
        .maybe();
    let shift_register = s
        .flag(
            "shift_register",
            "16 bits are shifted in before the controller reads them, as on 3.5 inch screens for a Raspberry Pi's header (ili9486)",
        )
        .or(false);
    if shift_register && !matches!(controller, Some(Controller::Ili9486) | None) {
        s.fault_with(
            "shift_register",
            "is built only with ili9486",
            "remove the line",
        );
    }
    for (part, line) in [("reset", &reset), ("backlight", &backlight)] {
        if line.is_some() && *line == dc {
            s.fault_with(
                part,
                "is the line of `dc`",
                "each part has a line of its own",
            );
        }
    }
    if backlight.is_some() && backlight == reset {
        s.fault_with(
            "backlight",
            "is the line of `reset`",
            "each part has a line of its own",
        );
    }
    let sleep = read_sleep(s);
    let facts = facts?;
    Some(Arc::new(SpiSettings {
        controller: controller?,
        bus,
        dc: dc?,
        reset,
        backlight,
        size,
        offset,
        turn,
        hz: (mhz * 1e6) as u32,
        invert: invert.unwrap_or(facts.invert),
        bgr: bgr.unwrap_or(facts.bgr),
        shift_register,
        sleep,
    }))
}

/// Reads `sleep_s`.
pub(super) fn read_sleep(s: &mut Section) -> Option<Duration> {
    s.seconds(
        "sleep_s",
        "the screen goes dark when nobody has been there for so long",
        1.0..=86_400.0,
    )
    .example("120.0")
    .without("never")
    .maybe()
}

fn offset(text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("{text:?} is no offset: write x, a comma, y: \"0,80\"");
    let (x, y) = text.split_once(',').ok_or_else(wrong)?;
    match (x.trim().parse(), y.trim().parse()) {
        (Ok(x), Ok(y)) => Ok((x, y)),
        _ => Err(wrong()),
    }
}

fn within(size: Size, offset: (u16, u16), memory: Size) -> Result<(), String> {
    let fits = size.width.saturating_add(offset.0.into()) <= memory.width
        && size.height.saturating_add(offset.1.into()) <= memory.height;
    match fits {
        true => Ok(()),
        false => Err(format!("the controller has only {memory} pixels")),
    }
}

/// A panel and its wires.
#[derive(Debug, Clone)]
pub struct SpiSettings {
    pub controller: Controller,
    pub bus: PathBuf,
    pub dc: LineAddress,
    pub reset: Option<LineAddress>,
    pub backlight: Option<LineAddress>,
    /// As the controller has it, before it is turned.
    pub size: Size,
    pub offset: (u16, u16),
    /// Quarters of a turn clockwise, and whether it is mirrored then.
    pub turn: (u8, bool),
    pub hz: u32,
    pub invert: bool,
    pub bgr: bool,
    pub shift_register: bool,
    /// How long nobody has to be there before it goes dark.
    pub sleep: Option<Duration>,
}

impl Device for SpiSettings {
    fn claims(&self) -> Vec<String> {
        let lines = [Some(&self.dc), self.reset.as_ref(), self.backlight.as_ref()];
        let mut claims = vec![format!("the bus {}", self.bus.display())];
        claims.extend(lines.into_iter().flatten().map(LineAddress::claim));
        claims
    }

    fn check(&self) -> Result<(), Trouble> {
        wires::check_bus(&self.bus, Bus::Spi)?;
        let lines = [("dc", Some(&self.dc))].into_iter();
        let lines = lines.chain([
            ("reset", self.reset.as_ref()),
            ("backlight", self.backlight.as_ref()),
        ]);
        for (part, line) in lines {
            if let Some(line) = line {
                line.check().map_err(|e| wires::of_part(part, e))?;
            }
        }
        Ok(())
    }
}

impl Screen for SpiSettings {
    fn open(&self) -> Result<Box<dyn Display>, Trouble> {
        self.check()?;
        let settings = self.clone();
        let open = move || {
            let spi = wires::open_spi(&settings.bus, settings.hz)?;
            let dc = wires::open_line(&settings.dc, "dc", 0)?;
            let reset = settings.reset.as_ref();
            let reset = reset.map(|line| wires::open_line(line, "reset", 1));
            let backlight = settings.backlight.as_ref();
            let backlight = backlight.map(|line| wires::open_line(line, "backlight", 0));
            let panel = Wired {
                spi,
                dc,
                reset: reset.transpose()?,
                backlight: backlight.transpose()?,
            };
            settings.start::<_, CdevPin>(panel, wires::at_once())
        };
        Ok(Box::new(SpiDisplay::new(self, open)))
    }

    fn advice(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (
                "nothing, or only light",
                "`controller`, and the wires of `dc` and `reset`",
            ),
            ("snow or wrong rows", "a lower `mhz`, shorter wires"),
            (
                "a dark picture where light should be, K is white",
                "`invert`",
            ),
            ("R is blue and B is red", "`bgr`"),
            (
                "an edge's line is missing, or there is a strip of snow",
                "`size` and `offset`",
            ),
            ("the arrow does not point up", "`rotate`"),
            ("words are mirrored", "`mirror`"),
        ]
    }
}
