//! Emulators of the controllers of small screens, written after their data sheets: bytes of a bus in,
//! the picture that somebody before the panel sees out.
#![allow(dead_code)] // each test file uses a part

use embedded_hal::digital::{ErrorType as PinErrors, OutputPin};
use embedded_hal::i2c::{self, I2c};
use embedded_hal::spi::{self, SpiDevice};
use posed::display::png::RgbImage;
use posed::geometry::Size;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What a bus says that is cut, and how long it takes for a byte.
#[derive(Default)]
pub struct Line {
    pub broken: Option<std::io::ErrorKind>,
    pub byte: Duration,
    /// Bytes that came so far.
    pub bytes: usize,
    /// The longest piece.
    pub piece: usize,
}

#[derive(Debug)]
pub struct Broken(pub std::io::ErrorKind);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", std::io::Error::from(self.0))
    }
}

impl spi::Error for Broken {
    fn kind(&self) -> spi::ErrorKind {
        spi::ErrorKind::Other
    }
}

impl i2c::Error for Broken {
    fn kind(&self) -> i2c::ErrorKind {
        i2c::ErrorKind::Other
    }
}

impl Line {
    fn carry(&mut self, bytes: usize) -> Result<(), Broken> {
        if let Some(kind) = self.broken {
            return Err(Broken(kind));
        }
        self.bytes += bytes;
        self.piece = self.piece.max(bytes);
        if !self.byte.is_zero() {
            std::thread::sleep(self.byte * bytes as u32);
        }
        Ok(())
    }
}

/// What is at the other end of the wires.
pub trait Chip: Send {
    fn take(&mut self, is_data: bool, bytes: &[u8]);
    /// Its reset line; low holds it still.
    fn reset(&mut self, high: bool);
}

/// Takes everything and makes nothing of it.
pub struct Deaf;

impl Chip for Deaf {
    fn take(&mut self, _: bool, _: &[u8]) {}
    fn reset(&mut self, _: bool) {}
}

/// The levels of the lines beside a bus.
#[derive(Default)]
pub struct Levels {
    pub dc: bool,
    pub backlight: bool,
}

pub struct Bench<C> {
    pub chip: C,
    pub levels: Levels,
    pub line: Line,
}

/// A chip with its wires, which somebody can look at meanwhile.
pub struct Wires<C>(Arc<Mutex<Bench<C>>>);

impl<C> Clone for Wires<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Chip> Wires<C> {
    pub fn new(chip: C) -> Self {
        Self(Arc::new(Mutex::new(Bench {
            chip,
            levels: Levels::default(),
            line: Line::default(),
        })))
    }

    pub fn look(&self) -> MutexGuard<'_, Bench<C>> {
        self.0.lock().unwrap()
    }

    pub fn pin(&self, which: &'static str) -> Pin<C> {
        Pin(self.clone(), which)
    }

    /// Bytes since this was last asked.
    pub fn sent(&self) -> usize {
        std::mem::take(&mut self.look().line.bytes)
    }
}

/// A GPIO line of the bench.
pub struct Pin<C>(Wires<C>, &'static str);

impl<C> PinErrors for Pin<C> {
    type Error = std::convert::Infallible;
}

impl<C: Chip> Pin<C> {
    fn set(&mut self, high: bool) {
        let mut bench = self.0.look();
        match self.1 {
            "dc" => bench.levels.dc = high,
            "backlight" => bench.levels.backlight = high,
            "reset" => bench.chip.reset(high),
            other => panic!("no line {other}"),
        }
    }
}

impl<C: Chip> OutputPin for Pin<C> {
    fn set_low(&mut self) -> Result<(), Self::Error> {
        self.set(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Self::Error> {
        self.set(true);
        Ok(())
    }
}

impl<C> spi::ErrorType for Wires<C> {
    type Error = Broken;
}

impl<C: Chip> SpiDevice for Wires<C> {
    fn transaction(&mut self, operations: &mut [spi::Operation<'_, u8>]) -> Result<(), Broken> {
        for operation in operations {
            let spi::Operation::Write(bytes) = operation else {
                panic!("a panel is only written to");
            };
            let mut bench = self.look();
            let bench = &mut *bench;
            bench.line.carry(bytes.len())?;
            bench.chip.take(bench.levels.dc, bytes);
        }
        Ok(())
    }
}

impl<C> i2c::ErrorType for Wires<C> {
    type Error = Broken;
}

/// Where OLED panels answer.
pub const ADDRESS: u8 = 0x3c;

impl<C: Chip> I2c for Wires<C> {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [i2c::Operation<'_>],
    ) -> Result<(), Broken> {
        for operation in operations {
            let i2c::Operation::Write(bytes) = operation else {
                panic!("a panel is only written to");
            };
            let mut bench = self.look();
            let bench = &mut *bench;
            if address != ADDRESS {
                return Err(Broken(std::io::ErrorKind::NotConnected));
            }
            // With the address.
            bench.line.carry(bytes.len() + 1)?;
            match bytes {
                [0x00, rest @ ..] => bench.chip.take(false, rest),
                [0x40, rest @ ..] => bench.chip.take(true, rest),
                other => panic!("no control byte: {other:02x?}"),
            }
        }
        Ok(())
    }
}

/// A controller of the MIPI display command set: ST7735, ST7789, ILI9341 and their like.
pub struct Dcs {
    memory: (usize, usize),
    /// The panel shows this part of the memory.
    glass: (usize, usize),
    offset: (usize, usize),
    /// How the panel's colours lie, and whether it wants them inverted.
    bgr: bool,
    inverted: bool,
    /// 16 bits are shifted in before the controller reads them.
    wide: bool,
    pixels: Vec<[u8; 3]>,
    command: u8,
    arguments: Vec<u8>,
    half: Vec<u8>,
    columns: (usize, usize),
    rows: (usize, usize),
    at: (usize, usize),
    madctl: u8,
    /// Bytes of a pixel, by COLMOD.
    depth: usize,
    inverts: bool,
    pub awake: bool,
    pub on: bool,
    held: bool,
}

impl Dcs {
    pub fn new(memory: Size, glass: Size, offset: (u16, u16), bgr: bool, inverted: bool) -> Self {
        let size = |s: Size| (s.width as usize, s.height as usize);
        let mut chip = Self {
            memory: size(memory),
            glass: size(glass),
            offset: (offset.0.into(), offset.1.into()),
            bgr,
            inverted,
            wide: false,
            // Snow, as after power comes.
            pixels: (0..size(memory).0 * size(memory).1)
                .map(|i| [(i * 37) as u8, (i * 91) as u8, (i * 53) as u8])
                .collect(),
            command: 0,
            arguments: Vec::new(),
            half: Vec::new(),
            columns: (0, 0),
            rows: (0, 0),
            at: (0, 0),
            madctl: 0,
            depth: 3,
            inverts: false,
            awake: false,
            on: false,
            held: false,
        };
        chip.start();
        chip
    }

    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    fn start(&mut self) {
        self.command = 0;
        self.madctl = 0;
        self.depth = 3;
        self.inverts = false;
        self.awake = false;
        self.on = false;
        self.columns = (0, self.memory.0 - 1);
        self.rows = (0, self.memory.1 - 1);
    }

    fn take_command(&mut self, command: u8) {
        self.command = command;
        self.arguments.clear();
        self.half.clear();
        match command {
            0x01 => self.start(),
            0x10 => self.awake = false,
            0x11 => self.awake = true,
            0x20 => self.inverts = false,
            0x21 => self.inverts = true,
            0x28 => self.on = false,
            0x29 => self.on = true,
            0x2c => self.at = (self.columns.0, self.rows.0),
            _ => {}
        }
    }

    fn take_data(&mut self, byte: u8) {
        if self.command == 0x2c {
            self.half.push(byte);
            if self.half.len() == self.depth {
                let pixel = match self.half[..] {
                    [high, low] => {
                        let value = u16::from_be_bytes([high, low]);
                        [
                            (value >> 11) << 3,
                            (value >> 5 & 63) << 2,
                            (value & 31) << 3,
                        ]
                        .map(|v| v as u8)
                    }
                    [r, g, b] => [r & 0xfc, g & 0xfc, b & 0xfc],
                    _ => unreachable!(),
                };
                self.half.clear();
                self.put(pixel);
            }
            return;
        }
        self.arguments.push(byte);
        let pair = |a: &[u8]| {
            let value = |i: usize| usize::from(u16::from_be_bytes([a[i], a[i + 1]]));
            (value(0), value(2))
        };
        match (self.command, &self.arguments[..]) {
            (0x2a, a) if a.len() == 4 => self.columns = pair(a),
            (0x2b, a) if a.len() == 4 => self.rows = pair(a),
            (0x36, [madctl]) => self.madctl = *madctl,
            (0x3a, [format]) => {
                self.depth = match format & 7 {
                    5 => 2,
                    6 => 3,
                    other => panic!("a pixel format {other}"),
                }
            }
            _ => {}
        }
    }

    /// A pixel at the address that comes next; beyond the window it begins anew.
    fn put(&mut self, pixel: [u8; 3]) {
        let (column, row) = self.at;
        let has = |bit: u8| self.madctl & bit != 0;
        let (mut x, mut y) = match has(0x20) {
            true => (row, column),
            false => (column, row),
        };
        let (width, height) = self.memory;
        assert!(x < width && y < height, "{x}, {y} is not in the memory");
        if has(0x40) {
            x = width - 1 - x;
        }
        if has(0x80) {
            y = height - 1 - y;
        }
        self.pixels[y * width + x] = pixel;
        self.at.0 += 1;
        if self.at.0 > self.columns.1 {
            self.at.0 = self.columns.0;
            self.at.1 += 1;
            if self.at.1 > self.rows.1 {
                self.at.1 = self.rows.0;
            }
        }
    }

    /// What is seen, row by row from the panel's own upper left.
    pub fn seen(&self) -> RgbImage {
        let (width, height) = self.glass;
        let mut data = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            for x in 0..width {
                let at = (y + self.offset.1) * self.memory.0 + x + self.offset.0;
                let [r, g, b] = match self.awake && self.on {
                    true => self.pixels[at],
                    false => [0; 3],
                };
                let exchanged = (self.madctl & 0x08 != 0) != self.bgr;
                let pixel = if exchanged { [b, g, r] } else { [r, g, b] };
                let negative = self.inverts != self.inverted && self.awake && self.on;
                data.extend(pixel.map(|v| if negative { !v & 0xf8 } else { v }));
            }
        }
        RgbImage {
            size: Size::new(width as u32, height as u32),
            data,
        }
    }
}

impl Chip for Dcs {
    fn take(&mut self, is_data: bool, bytes: &[u8]) {
        assert!(!self.held, "its reset is held");
        let words: Vec<u8> = match self.wide && !(is_data && self.command == 0x2c) {
            true => {
                let (words, rest) = bytes.as_chunks::<2>();
                assert!(rest.is_empty(), "half a word");
                assert!(words.iter().all(|w| w[0] == 0), "{words:02x?}");
                words.iter().map(|w| w[1]).collect()
            }
            false => bytes.to_vec(),
        };
        for byte in words {
            match is_data {
                true => self.take_data(byte),
                false => self.take_command(byte),
            }
        }
    }

    fn reset(&mut self, high: bool) {
        self.held = !high;
        if !high {
            self.start();
        }
    }
}

/// An SSD1306, or an SH1106, which has 132 columns and knows pages only.
pub struct Oled {
    is_sh1106: bool,
    /// The panel's pixels, and the first column of the memory that it shows.
    glass: (usize, usize),
    first: usize,
    memory: Vec<u8>,
    columns: usize,
    page: usize,
    column: usize,
    waiting: Vec<u8>,
    remapped: bool,
    reversed: bool,
    rows: usize,
    alternating: bool,
    pumped: bool,
    pub on: bool,
    pub contrast: u8,
    held: bool,
}

impl Oled {
    pub fn new(is_sh1106: bool, width: usize, height: usize, first: usize) -> Self {
        let columns = if is_sh1106 { 132 } else { 128 };
        let mut chip = Self {
            is_sh1106,
            glass: (width, height),
            first,
            memory: (0..columns * 8).map(|i| (i * 73) as u8).collect(),
            columns,
            page: 0,
            column: 0,
            waiting: Vec::new(),
            remapped: false,
            reversed: false,
            rows: 64,
            alternating: true,
            pumped: false,
            on: false,
            contrast: 0x7f,
            held: false,
        };
        chip.start();
        chip
    }

    fn start(&mut self) {
        self.on = false;
        self.pumped = self.is_sh1106;
        self.remapped = false;
        self.reversed = false;
        self.rows = 64;
        self.alternating = true;
        self.waiting.clear();
    }

    /// Arguments that a command takes.
    fn arguments(&self, command: u8) -> usize {
        match command {
            0x81 | 0x8d | 0xa8 | 0xd3 | 0xd5 | 0xd9 | 0xda | 0xdb | 0x20 | 0xad => 1,
            0x21 | 0x22 => 2,
            _ => 0,
        }
    }

    fn take_command(&mut self, byte: u8) {
        self.waiting.push(byte);
        let command = self.waiting[0];
        if self.waiting.len() <= self.arguments(command) {
            return;
        }
        let argument = self.waiting.get(1).copied().unwrap_or(0);
        self.waiting.clear();
        match command {
            0x00..=0x0f => self.column = self.column & 0xf0 | usize::from(command),
            0x10..=0x1f => self.column = self.column & 0x0f | usize::from(command & 0xf) << 4,
            0x20 => assert!(argument == 2, "only pages are known to both controllers"),
            0x40..=0x7f => assert_eq!(command, 0x40, "the first row is the first"),
            0x81 => self.contrast = argument,
            0x8d => self.pumped = self.pumped || argument & 4 != 0,
            0xa0 | 0xa1 => self.remapped = command & 1 != 0,
            0xa4 => {}
            0xa6 | 0xa7 => assert_eq!(command, 0xa6, "not inverted"),
            0xa8 => self.rows = usize::from(argument) + 1,
            0xae | 0xaf => self.on = command & 1 != 0,
            0xb0..=0xb7 => self.page = usize::from(command & 7),
            0xc0 | 0xc8 => self.reversed = command & 8 != 0,
            0xda => self.alternating = argument & 0x10 != 0,
            0xd3 => assert_eq!(argument, 0),
            0x2e | 0xd5 | 0xd9 | 0xdb | 0xad | 0xe3 => {}
            other => panic!("no command {other:#04x}"),
        }
    }

    /// Whether each pixel of the panel is lit, row by row.
    pub fn seen(&self) -> Vec<Vec<bool>> {
        let (width, height) = self.glass;
        // Rows of a panel of 64 or 48, or of 64x32, are wired by turns to both sides of the chip.
        let wired = height > 32 || width == 64;
        let lit = |x: usize, y: usize| {
            let column = match self.remapped {
                true => self.first + x,
                false => self.columns - 1 - self.first - x,
            };
            let row = match self.reversed {
                true => y,
                false => self.rows - 1 - y,
            };
            // The panel's supply comes from the chip's charge pump.
            self.on
                && self.pumped
                && (self.alternating == wired || y.is_multiple_of(2))
                && self.memory[row / 8 * self.columns + column] >> (row % 8) & 1 == 1
        };
        assert_eq!(self.rows, height, "the panel's rows");
        (0..height)
            .map(|y| (0..width).map(|x| lit(x, y)).collect())
            .collect()
    }
}

impl Chip for Oled {
    fn take(&mut self, is_data: bool, bytes: &[u8]) {
        assert!(!self.held, "its reset is held");
        for byte in bytes {
            if !is_data {
                self.take_command(*byte);
                continue;
            }
            assert!(self.column < self.columns, "column {}", self.column);
            self.memory[self.page * self.columns + self.column] = *byte;
            self.column += 1;
        }
    }

    fn reset(&mut self, high: bool) {
        self.held = !high;
        if !high {
            self.start();
        }
    }
}
