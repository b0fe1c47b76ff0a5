//! What a display costs the loop: frames a second without one and with each, by turns, on this machine. The
//! small screens' wires are fakes on which a byte takes as long as on real ones.
//!
//! ```sh
//! cargo bench --bench displays
//! ```
//!
//! The whole pipeline runs, with the network of the configuration as it is when none is named, on a photo of two
//! people that comes faster than it can be looked at.

#[path = "../tests/support/screens.rs"]
mod screens;

use posed::capture::Step;
use posed::capture::synthetic::SyntheticSettings;
use posed::config::{Config, Overrides, SAMPLE};
use posed::device::Device;
use posed::display::memory::Memory;
use posed::display::oled::{self, Glass, OledDisplay, OledSettings};
use posed::display::spi::{Controller, SpiDisplay, SpiSettings, Wired};
use posed::display::wires::{I2cWires, Wire};
use posed::display::{Display, DisplaySettings, Layout, Parts, Scene, Screen};
use posed::geometry::Size;
use posed::gpio::LineAddress;
use posed::infer::Infer;
use posed::pipeline::{Opened, Pipeline};
use posed::trouble::Trouble;
use screens::{Deaf, Wires};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(3);

/// A screen that is not there, and how it is opened.
struct Fake(Open);

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

impl Device for Fake {}

impl Screen for Fake {
    fn open(&self) -> Result<Box<dyn Display>, Trouble> {
        Ok(Box::new(Counted((self.0)())))
    }
}

/// Pictures that were shown.
static SHOWN: AtomicU64 = AtomicU64::new(0);

struct Counted(Box<dyn Display>);

impl Display for Counted {
    fn show(&mut self, scene: &Scene) -> Result<bool, Trouble> {
        SHOWN.fetch_add(1, Ordering::Relaxed);
        self.0.show(scene)
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn clear(&mut self) -> Result<(), Trouble> {
        self.0.clear()
    }
}

fn line(name: &str) -> LineAddress {
    LineAddress::Name(name.into())
}

/// 240x320 at 32 MHz: 39 ms a picture.
fn spi() -> Box<dyn Display> {
    let size = Size::new(240, 320);
    let settings = SpiSettings {
        controller: Controller::St7789,
        bus: "/dev/spidev7.0".into(),
        dc: line("GPIO25"),
        reset: None,
        backlight: None,
        size,
        offset: (0, 0),
        turn: (1, false),
        hz: 32_000_000,
        invert: false,
        bgr: false,
        shift_register: false,
        sleep: None,
    };
    let wires = Wires::new(Deaf);
    wires.look().line.byte = Duration::from_nanos(250);
    let own = settings.clone();
    let open = move || {
        let wired = Wired {
            spi: wires.clone(),
            dc: Wire::new(wires.pin("dc"), "dc", "GPIO25"),
            reset: None,
            backlight: None,
        };
        own.start(wired, 4096)
    };
    Box::new(SpiDisplay::new(&settings, open))
}

/// 128x64 at 400 kHz: 23 ms a picture.
fn oled() -> Box<dyn Display> {
    let settings = OledSettings {
        controller: oled::Controller::Ssd1306,
        bus: "/dev/i2c-7".into(),
        size: Glass::W128H64,
        address: screens::ADDRESS,
        dc: None,
        reset: None,
        hz: 0,
        turn: (0, false),
        contrast: 0xcf,
        night: None,
        night_contrast: 1,
        sleep: None,
    };
    let wires = Wires::new(Deaf);
    wires.look().line.byte = Duration::from_nanos(22_500);
    let own = settings.clone();
    let open = move || {
        let bus = I2cWires::new(wires.clone(), own.address, &own.bus);
        own.start::<_, screens::Pin<Deaf>>(bus, None)
    };
    Box::new(OledDisplay::new(&settings, open))
}

/// What drawing alone costs on a screen of this size.
fn memory() -> Box<dyn Display> {
    Box::new(Memory::new(Size::new(800, 480)))
}

type Open = fn() -> Box<dyn Display>;

fn config(display: Option<(Open, Layout)>) -> Config {
    let script = vec![Step::parse("photo photos/basketball.jpg 1000000").unwrap()];
    let source = SyntheticSettings::new(Size::new(640, 480), 1000.0, script);
    let overrides = Overrides {
        source: Some(Arc::new(source)),
        ..Overrides::default()
    };
    let mut config = Config::parse(SAMPLE, Path::new("sample"), &overrides).unwrap();
    config.outputs.clear();
    config.displays = display
        .into_iter()
        .map(|(open, layout)| DisplaySettings {
            name: "bench".into(),
            screen: Arc::new(Fake(open)),
            show: Parts::default(),
            layout,
            page: None,
        })
        .collect();
    config.publish.clear();
    config
}

/// Frames a second that the pipeline looks at, and that are shown.
fn rate(config: &Config) -> (f64, f64) {
    let mut opened = Opened::default();
    opened.open(config).unwrap();
    let infer = Infer::new(config).unwrap();
    let (ended, _end) = mpsc::channel();
    let pipeline = Pipeline::start(config, infer, opened, None, &ended).unwrap();
    std::thread::sleep(WARM_UP);
    let frames = || pipeline.health().counts.frames.load(Ordering::Relaxed);
    let shown = || SHOWN.load(Ordering::Relaxed);
    let (start, before, shown_before) = (Instant::now(), frames(), shown());
    std::thread::sleep(MEASURED);
    let took = start.elapsed().as_secs_f64();
    let rates = (frames() - before, shown() - shown_before);
    pipeline.stop();
    (rates.0 as f64 / took, rates.1 as f64 / took)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    // `cargo test --benches` only wants to see that it is built.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let cases: [(&str, Open, Layout); 5] = [
        ("spi 240x320, 32 MHz, picture", spi, Layout::Picture),
        ("spi 240x320, 32 MHz, skeleton", spi, Layout::Skeleton),
        ("oled 128x64, 400 kHz, skeleton", oled, Layout::Skeleton),
        ("memory 800x480, picture", memory, Layout::Picture),
        ("memory 800x480, big_pose", memory, Layout::BigPose),
    ];
    let none = config(None);
    for (name, open, layout) in cases {
        let with = config(Some((open, layout)));
        let mut ratios = Vec::new();
        let mut rates = Vec::new();
        let mut pictures = Vec::new();
        for _ in 0..ROUNDS {
            let (without, _) = rate(&none);
            let (beside, shown) = rate(&with);
            rates.push(without);
            ratios.push(beside / without);
            pictures.push(shown);
        }
        println!(
            "{name}: {:+.1} % of {:.1} frames a second, {:.1} of them shown (of {ROUNDS} pairs the median)",
            100.0 * (median(ratios) - 1.0),
            median(rates),
            median(pictures)
        );
    }
}
