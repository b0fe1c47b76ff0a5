//! The wires to a small screen: an SPI or I2C bus, and GPIO lines beside it.
//!
//! In: what `linux-embedded-hal` has of a bus, or whatever else is one (a test's). Out: commands and
//! pixels on it, as the drivers of controllers want to send them; every error names the bus or the line
//! and what to look at. Kernel doc: spi/spidev, i2c/dev-interface.

mod told;

pub use told::{Commanded, Last, Told};

use crate::device::{is_node, no_permission};
use crate::gpio::LineAddress;
use crate::settings::{Key, Section};
use crate::trouble::Trouble;
use embedded_hal::digital::OutputPin;
use embedded_hal::i2c::I2c;
use embedded_hal::spi::SpiDevice;
use linux_embedded_hal::spidev::{SpiModeFlags, SpidevOptions};
use linux_embedded_hal::{CdevPin, I2cdev, SpidevDevice};
use mipidsi::interface::{Interface, InterfaceKind};
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// Bytes that spidev takes at once unless it is told otherwise (its parameter `bufsiz`).
const AT_ONCE: usize = 4096;

/// A GPIO line by its part on the screen: "dc".
pub struct Wire<P> {
    pin: P,
    part: &'static str,
    line: String,
}

/// A wire that could not be driven.
#[derive(Debug)]
pub struct WireError(pub Trouble);

impl embedded_hal::digital::Error for WireError {
    fn kind(&self) -> embedded_hal::digital::ErrorKind {
        embedded_hal::digital::ErrorKind::Other
    }
}

impl<P: OutputPin> embedded_hal::digital::ErrorType for Wire<P> {
    type Error = WireError;
}

impl<P: OutputPin> Wire<P> {
    /// `part` is the key that names it, `line` what it is connected to.
    pub fn new(pin: P, part: &'static str, line: impl Into<String>) -> Self {
        let line = line.into();
        Self { pin, part, line }
    }

    fn refused(&self, e: impl std::fmt::Debug) -> WireError {
        WireError(Trouble::new(
            format!("`{}`, GPIO line {}: {e:?}", self.part, self.line),
            "is another program holding the line? `gpioinfo` shows who does",
        ))
    }
}

impl<P: OutputPin> OutputPin for Wire<P> {
    fn set_low(&mut self) -> Result<(), WireError> {
        self.pin.set_low().map_err(|e| self.refused(e))
    }

    fn set_high(&mut self) -> Result<(), WireError> {
        self.pin.set_high().map_err(|e| self.refused(e))
    }
}

/// Reads the key of a line beside a bus: a name, or a chip and an offset with a colon between.
pub(super) fn read_line<'s, 'a>(
    s: &'s mut Section<'a>,
    key: &'static str,
    meaning: &'static str,
) -> Key<'s, 'a, LineAddress> {
    s.text(key, meaning)
        .example("\"GPIO25\"")
        .hint("`gpioinfo` lists the lines; \"gpiochip0:25\" is one without a name")
        .parse(|text| LineAddress::parse(&text))
        .without("none")
}

/// Asks for the line as an output, at `level` first.
pub(super) fn open_line(
    line: &LineAddress,
    part: &'static str,
    level: u8,
) -> Result<Wire<CdevPin>, Trouble> {
    let pin = line.request(level).map_err(|e| of_part(part, e))?;
    Ok(Wire::new(pin, part, line.to_string()))
}

/// What a line says, with the key that names it.
pub(super) fn of_part(part: &str, e: Trouble) -> Trouble {
    Trouble::new(
        format!("`{part}`: {}", e.what),
        "`gpioinfo` lists the lines and who holds them; \"gpiochip0:25\" is one without a name; using them wants the group gpio",
    )
}

/// Sorts of buses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bus {
    Spi,
    I2c,
}

impl Bus {
    fn name(self) -> &'static str {
        match self {
            Self::Spi => "SPI",
            Self::I2c => "I2C",
        }
    }

    fn group(self) -> &'static str {
        match self {
            Self::Spi => "spi",
            Self::I2c => "i2c",
        }
    }

    /// Of the kernel's nodes (Documentation/admin-guide/devices.txt).
    fn major(self) -> u32 {
        match self {
            Self::Spi => 153,
            Self::I2c => 89,
        }
    }
}

/// The parameter that makes a bus, for the mend.
fn bus_mend(sort: Bus) -> String {
    let (parameter, list) = match sort {
        Bus::Spi => ("dtparam=spi=on", "ls /dev/spidev*"),
        Bus::I2c => ("dtparam=i2c_arm=on", "ls /dev/i2c-*"),
    };
    format!(
        "on a Raspberry Pi write `{parameter}` into /boot/firmware/config.txt and restart it; `{list}` shows which there are, and `posed doctor` what is missing"
    )
}

/// Whether the node of a bus is there, is one, and may be opened.
pub(super) fn check_bus(bus: &Path, sort: Bus) -> Result<(), Trouble> {
    if !is_node(bus, sort.major()).map_err(|e| open_error(bus, sort, &e))? {
        let (bus, sort_name) = (bus.display(), sort.name());
        return Err(Trouble::new(
            format!("{bus}: is no {sort_name} bus"),
            bus_mend(sort),
        ));
    }
    let opened = OpenOptions::new().read(true).write(true).open(bus);
    opened.map(drop).map_err(|e| open_error(bus, sort, &e))
}

fn open_error(bus: &Path, sort: Bus, e: &Error) -> Trouble {
    let name = bus.display();
    match e.kind() {
        ErrorKind::NotFound => {
            Trouble::new(format!("{name}: there is no such bus"), bus_mend(sort))
        }
        ErrorKind::PermissionDenied => no_permission(bus, sort.group()),
        _ => Trouble::new(format!("{name}: cannot be opened: {e}"), bus_mend(sort)),
    }
}

/// Opens an SPI bus in mode 0 at `hz`.
pub(super) fn open_spi(bus: &Path, hz: u32) -> Result<SpidevDevice, Trouble> {
    check_bus(bus, Bus::Spi)?;
    let refused = |e: &dyn Display| {
        Trouble::new(
            format!("{}: is no SPI bus at {hz} Hz: {e}", bus.display()),
            "name one of `ls /dev/spidev*`, or lower `mhz`",
        )
    };
    let mut spi = SpidevDevice::open(bus).map_err(|e| refused(&e))?;
    let options = SpidevOptions::new()
        .bits_per_word(8)
        .max_speed_hz(hz)
        .mode(SpiModeFlags::SPI_MODE_0)
        .build();
    spi.configure(&options).map_err(|e| refused(&e))?;
    Ok(spi)
}

/// Opens an I2C bus.
pub(super) fn open_i2c(bus: &Path) -> Result<I2cdev, Trouble> {
    check_bus(bus, Bus::I2c)?;
    I2cdev::new(bus).map_err(|e| {
        Trouble::new(
            format!("{}: is no I2C bus: {e}", bus.display()),
            "name one of `ls /dev/i2c-*`",
        )
    })
}

/// Bytes that may be sent over spidev at once on this machine.
pub(super) fn at_once() -> usize {
    let told = std::fs::read_to_string("/sys/module/spidev/parameters/bufsiz");
    let told = told.ok().and_then(|text| text.trim().parse().ok());
    told.unwrap_or(AT_ONCE).clamp(64, 1 << 16)
}

/// An SPI bus with the line that tells data from commands. `WIDE`: before the controller there is a
/// shift register of 16 bits, as on 3.5 inch screens for a Raspberry Pi's header: commands and what
/// belongs to them are sent as two bytes each.
pub struct SpiWires<S, P, const WIDE: bool> {
    spi: S,
    dc: Wire<P>,
    bus: String,
    buffer: Vec<u8>,
}

impl<S: SpiDevice<Error: Display>, P: OutputPin, const WIDE: bool> SpiWires<S, P, WIDE> {
    /// `at_once`: bytes that the bus takes in one piece.
    pub fn new(spi: S, dc: Wire<P>, bus: impl Into<String>, at_once: usize) -> Self {
        Self {
            spi,
            dc,
            bus: bus.into(),
            buffer: Vec::with_capacity(at_once.max(16)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let piece = self.buffer.capacity();
        for bytes in bytes.chunks(piece) {
            let written = self.spi.write(bytes);
            written.map_err(|e| spi_refused(&self.bus, &e))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        let written = self.spi.write(&self.buffer);
        self.buffer.clear();
        written.map_err(|e| spi_refused(&self.bus, &e))
    }
}

fn spi_refused(bus: &str, e: &dyn Display) -> Trouble {
    Trouble::new(
        format!("{bus}: the screen cannot be written to: {e}"),
        "look at the wires of SCLK, MOSI and CE0, and lower `mhz`",
    )
}

impl<S: SpiDevice<Error: Display>, P: OutputPin, const WIDE: bool> Interface
    for SpiWires<S, P, WIDE>
{
    type Word = u8;
    type Error = Trouble;

    // What is behind a shift register is a bus of 16 bits to the controller.
    const KIND: InterfaceKind = match WIDE {
        true => InterfaceKind::Parallel16Bit,
        false => InterfaceKind::Serial4Line,
    };

    fn send_command(&mut self, command: u8, args: &[u8]) -> Result<(), Trouble> {
        self.dc.set_low().map_err(|e| e.0)?;
        match WIDE {
            true => self.write(&[0, command])?,
            false => self.write(&[command])?,
        }
        self.dc.set_high().map_err(|e| e.0)?;
        if args.is_empty() {
            return Ok(());
        }
        if !WIDE {
            return self.write(args);
        }
        self.buffer.clear();
        self.buffer.extend(args.iter().flat_map(|arg| [0, *arg]));
        self.flush()
    }

    fn send_pixels<const N: usize>(
        &mut self,
        pixels: impl IntoIterator<Item = [u8; N]>,
    ) -> Result<(), Trouble> {
        self.buffer.clear();
        for pixel in pixels {
            if self.buffer.len() + N > self.buffer.capacity() {
                self.flush()?;
            }
            self.buffer.extend(pixel);
        }
        match self.buffer.is_empty() {
            true => Ok(()),
            false => self.flush(),
        }
    }

    fn send_repeated_pixel<const N: usize>(
        &mut self,
        pixel: [u8; N],
        count: u32,
    ) -> Result<(), Trouble> {
        self.send_pixels(std::iter::repeat_n(pixel, count as usize))
    }
}

impl<S: SpiDevice<Error: Display>, P: OutputPin> Commanded for SpiWires<S, P, false> {
    fn commands(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.dc.set_low().map_err(|e| e.0)?;
        self.write(bytes)
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.dc.set_high().map_err(|e| e.0)?;
        self.write(bytes)
    }
}

/// An I2C bus and the address of a screen on it.
pub struct I2cWires<I> {
    i2c: I,
    address: u8,
    bus: PathBuf,
    buffer: Vec<u8>,
}

impl<I: I2c<Error: Display>> I2cWires<I> {
    pub fn new(i2c: I, address: u8, bus: impl Into<PathBuf>) -> Self {
        let bus = bus.into();
        let buffer = Vec::new();
        Self {
            i2c,
            address,
            bus,
            buffer,
        }
    }

    /// Bytes after a control byte that says what they are.
    fn write(&mut self, control: u8, bytes: &[u8]) -> Result<(), Trouble> {
        self.buffer.clear();
        self.buffer.push(control);
        self.buffer.extend(bytes);
        let written = self.i2c.write(self.address, &self.buffer);
        written.map_err(|e| {
            let (address, bus) = (self.address, self.bus.display());
            Trouble::new(
                format!("{bus}: no screen answers at address {address:#04x}: {e}"),
                "look at the wires of SDA, SCL, 3.3 V and ground; `i2cdetect -y` with the bus's number lists who answers, and `address` names another",
            )
        })
    }
}

impl<I: I2c<Error: Display>> Commanded for I2cWires<I> {
    fn commands(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.write(0x00, bytes)
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.write(0x40, bytes)
    }
}
