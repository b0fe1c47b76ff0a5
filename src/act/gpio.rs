//! One GPIO line, by linux-embedded-hal's [`CdevPin`].
//!
//! In: on and off. Out: the line's level. Lines are found by name ("GPIO17") on every chip, since
//! the header of a Raspberry Pi has moved from one chip number to another between kernels; or by
//! chip and offset. Kernel doc: userspace-api/gpio/chardev.

use super::{ActError, Actuator, Cause};
use embedded_hal::digital::{OutputPin, PinState};
use linux_embedded_hal::CdevPin;
use linux_embedded_hal::gpio_cdev::{Chip, Line, LineRequestFlags, chips};

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

/// A line and its polarity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSettings {
    pub address: LineAddress,
    /// Active means low voltage.
    pub active_low: bool,
}

/// An open line, inactive at first.
pub struct GpioLine {
    pin: CdevPin,
    settings: LineSettings,
}

const PERMISSION: &str =
    "is another program holding it, and is the user in group gpio? `gpioinfo` shows who holds it";

impl GpioLine {
    /// Opens the line as an output at its inactive level.
    ///
    /// # Errors
    /// No such line, no permission, or another program holds it.
    pub fn open(settings: &LineSettings) -> Result<Self, ActError> {
        let gpio = |e: linux_embedded_hal::gpio_cdev::Error| ActError::Gpio {
            line: settings.address.to_string(),
            problem: e.to_string(),
            mend: PERMISSION,
        };
        let line = find(&settings.address)?;
        // The polarity is turned here and not by the kernel: CdevPin turns ACTIVE_LOW lines a
        // second time.
        let inactive = u8::from(settings.active_low);
        let handle = line
            .request(LineRequestFlags::OUTPUT, inactive, "posed")
            .map_err(gpio)?;
        Ok(Self {
            pin: CdevPin::new(handle).map_err(gpio)?,
            settings: settings.clone(),
        })
    }

    fn set(&mut self, active: bool) -> Result<(), ActError> {
        let state = PinState::from(active != self.settings.active_low);
        self.pin.set_state(state).map_err(|e| ActError::Gpio {
            line: self.settings.address.to_string(),
            problem: e.to_string(),
            mend: PERMISSION,
        })
    }
}

/// Whether this machine has the line; it is looked up and not touched.
///
/// # Errors
/// There is no such line, or its chip may not be opened.
pub fn check(address: &LineAddress) -> Result<(), ActError> {
    find(address).map(|_| ())
}

fn find(address: &LineAddress) -> Result<Line, ActError> {
    let none = |place: String, mend: &str| ActError::NoLine {
        line: address.to_string(),
        place,
        mend: mend.into(),
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
        LineAddress::Name(name) => {
            let mut seen = 0;
            let mut refused = String::new();
            for chip in
                chips().map_err(|e| none(format!(" ({e})"), "is this a machine with GPIO?"))?
            {
                match chip {
                    Ok(chip) => {
                        seen += 1;
                        for line in chip.lines() {
                            if line.info().is_ok_and(|i| i.name() == Some(name)) {
                                return Ok(line);
                            }
                        }
                    }
                    Err(e) => refused = format!(", and a chip could not be opened ({e})"),
                }
            }
            Err(none(
                format!(" on {seen} chips{refused}"),
                "`gpioinfo` lists the names; use `chip` and `offset` where lines have none",
            ))
        }
    }
}

impl Actuator for GpioLine {
    fn activate(&mut self, _: &Cause) -> Result<(), ActError> {
        self.set(true)
    }

    fn release(&mut self) -> Result<(), ActError> {
        self.set(false)
    }
}
