//! GPIO lines: finding them, looking at them, asking for them.
//!
//! In: a line's name or its place on a chip. Out: the line. Lines are found by name ("GPIO17") on
//! every chip, since the header of a Raspberry Pi has moved from one chip number to another between
//! kernels. Kernel doc: userspace-api/gpio/chardev.

use crate::settings::Section;
use crate::trouble::Trouble;
use linux_embedded_hal::CdevPin;
use linux_embedded_hal::gpio_cdev::{self, Chip, Line, LineRequestFlags, chips};
use std::io;
use std::path::Path;

/// Which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineAddress {
    /// The kernel's name of the line, as `gpioinfo` prints it.
    Name(String),
    /// A chip ("gpiochip0" or "/dev/gpiochip0") and the line's offset on it.
    Offset { chip: String, offset: u32 },
}

impl std::fmt::Display for LineAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name:?}"),
            Self::Offset { chip, offset } => write!(f, "{offset} of {chip}"),
        }
    }
}

impl LineAddress {
    /// Reads `line`, or `chip` and `offset`.
    pub fn read(s: &mut Section) -> Option<Self> {
        let line = s
            .text("line", "the line's name, which is safer than its number")
            .example("\"GPIO17\"")
            .hint("`gpioinfo` lists them")
            .maybe();
        let chip = s
            .text(
                "chip",
                "where lines have no names: the chip, beside `offset`",
            )
            .example("\"gpiochip0\"")
            .hint("`gpiodetect` lists them")
            .maybe();
        let offset = s
            .number("offset", "the line's number on that `chip`", 0..=u32::MAX)
            .example("17")
            .maybe();
        match (line, chip, offset) {
            (Some(line), None, None) => Some(Self::Name(line)),
            (None, Some(chip), Some(offset)) => Some(Self::Offset { chip, offset }),
            _ if ["line", "chip", "offset"].iter().all(|key| !s.given(key)) => {
                s.missing("line");
                None
            }
            _ => {
                s.fault("offset", "give either `line`, or `chip` and `offset`");
                None
            }
        }
    }

    /// A line in one text: its name, or a chip and an offset with a colon between.
    ///
    /// ```
    /// use posed::gpio::LineAddress;
    ///
    /// assert_eq!(LineAddress::parse("GPIO25"), Ok(LineAddress::Name("GPIO25".into())));
    /// assert_eq!(LineAddress::parse("gpiochip0:25").unwrap().to_string(), "25 of gpiochip0");
    /// assert!(LineAddress::parse("").is_err() && LineAddress::parse("gpiochip0:-1").is_err());
    /// ```
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.rsplit_once(':') {
            Some((chip, offset)) if chip.is_empty() || chip.contains("gpiochip") => {
                let wrong = || {
                    format!(
                        "{text:?} is no line: write a chip, a colon, a number: \"gpiochip0:25\""
                    )
                };
                let offset = offset.parse().ok().filter(|_| !chip.is_empty());
                let (chip, offset) = (chip.into(), offset.ok_or_else(wrong)?);
                Ok(Self::Offset { chip, offset })
            }
            _ if text.trim().is_empty() => Err("names no line".into()),
            _ => Ok(Self::Name(text.into())),
        }
    }

    /// What whoever drives it claims.
    pub fn claim(&self) -> String {
        format!("GPIO line {self}")
    }

    /// Asks for the line as an output at a level: 0 or 1 volt-wise, whatever counts as active.
    ///
    /// # Errors
    /// No such line, no permission, or another program holds it.
    pub fn request(&self, level: u8) -> Result<CdevPin, Trouble> {
        let line = find(self)?;
        let handle = line
            .request(LineRequestFlags::OUTPUT, level, "posed")
            .map_err(|e| self.refused(e))?;
        CdevPin::new(handle).map_err(|e| self.refused(e))
    }

    /// Whether this machine has the line; it is looked up and not touched.
    ///
    /// # Errors
    /// There is no such line, or its chip may not be opened.
    pub fn check(&self) -> Result<(), Trouble> {
        find(self).map(drop)
    }

    /// What a line says that cannot be asked for or driven.
    pub fn refused(&self, error: impl std::fmt::Display) -> Trouble {
        Trouble::new(
            format!("GPIO line {self}: {error}"),
            "is another program holding it, and is the user in group gpio? `gpioinfo` shows who holds it",
        )
    }
}

fn find(address: &LineAddress) -> Result<Line, Trouble> {
    let none = |place: String, mend: &str| {
        Trouble::new(format!("there is no GPIO line {address}{place}"), mend)
    };
    match address {
        LineAddress::Offset { chip, offset } => {
            let path = if chip.starts_with('/') {
                chip.clone()
            } else {
                format!("/dev/{chip}")
            };
            let mut opened = Chip::new(&path).map_err(|e| {
                none(
                    format!(" ({e})"),
                    "`gpiodetect` lists the chips of this machine",
                )
            })?;
            opened
                .get_line(*offset)
                .map_err(|e| none(format!(" ({e})"), "`gpioinfo` lists the lines of each chip"))
        }
        LineAddress::Name(name) => by_name(name).map_err(|place| {
            let mend = "`gpioinfo` lists the names; use `chip` and `offset` where lines have none";
            none(place, mend)
        }),
    }
}

/// The line, or in words where it was looked for.
fn by_name(name: &str) -> Result<Line, String> {
    let mut seen = 0;
    let mut refused = String::new();
    for chip in chips().map_err(|e| format!(" ({e})"))? {
        match chip {
            Ok(chip) => {
                seen += 1;
                let mut lines = chip.lines();
                let named = |line: &Line| line.info().is_ok_and(|i| i.name() == Some(name));
                if let Some(line) = lines.find(named) {
                    return Ok(line);
                }
            }
            Err(e) => refused = format!(", and a chip could not be opened ({e})"),
        }
    }
    Err(format!(" on {seen} chips{refused}"))
}

/// What a GPIO chip says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChipFacts {
    /// Such as "pinctrl-bcm2835".
    pub label: String,
    /// The name of every line, empty where it has none.
    pub lines: Vec<String>,
}

/// Asks the chip at `path`, opened for reading and writing as driving a line needs.
///
/// # Errors
/// It cannot be opened, or is no GPIO chip.
pub fn describe_chip(path: &Path) -> io::Result<ChipFacts> {
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)?;
    let chip = gpio_cdev::Chip::new(path).map_err(io::Error::other)?;
    let name = |line: Line| {
        let info = line.info().ok();
        info.and_then(|i| i.name().map(String::from))
            .unwrap_or_default()
    };
    Ok(ChipFacts {
        label: chip.label().into(),
        lines: chip.lines().map(name).collect(),
    })
}
