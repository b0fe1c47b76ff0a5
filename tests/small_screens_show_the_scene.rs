//! What goes over the wires to small screens, read by emulators of their controllers, is the scene. The
//! pictures lie in target/screens for whoever wants to look.

#[path = "support/screens.rs"]
mod screens;

use posed::config::{Config, Overrides, SAMPLE};
use posed::display::oled::{self, Glass, OledDisplay, OledSettings};
use posed::display::png::{self, RgbImage};
use posed::display::spi::{Controller, SpiDisplay, SpiSettings, Wired};
use posed::display::wires::{I2cWires, SpiWires, Wire};
use posed::display::{Card, Code, Display, Layout, Live, Parts, Scene};
use posed::frame::Frame;
use posed::geometry::{Point, Size};
use posed::gpio::LineAddress;
use posed::infer::Infer;
use posed::report::{Report, State};
use posed::skeleton::{COCO_17, Keypoint, KeypointSet, Threshold};
use screens::{ADDRESS, Dcs, Oled, Wires};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const CARD: Scene<'static> = Scene::Card(Card { name: "hall" });

/// What the network tells of a photo of two people.
fn people() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| {
        let overrides = Overrides {
            source: Some(posed::capture::nothing()),
            ..Overrides::default()
        };
        let config = Config::parse(SAMPLE, Path::new("sample"), &overrides).unwrap();
        let mut infer = Infer::new(&config).unwrap();
        let mut frame = Frame::default();
        let bytes = std::fs::read("photos/basketball.jpg").unwrap();
        posed::decode::photo(&bytes, &mut frame).unwrap();
        let mut report = Report::default();
        report.begin(&frame, true);
        infer.photo(&frame, &mut report).unwrap();
        assert!(!report.people.is_empty());
        report.held = vec!["hands_together".into()];
        report.rate = Some(12.5);
        report
    })
}

fn live(report: &Report, layout: Layout) -> Live<'_> {
    Live {
        layout,
        ..Live::picture(report, Parts::default())
    }
}

fn settings(controller: Controller, size: Size) -> SpiSettings {
    let line = |name: &str| LineAddress::Name(name.into());
    SpiSettings {
        controller,
        bus: "/dev/spidev7.0".into(),
        dc: line("GPIO25"),
        reset: Some(line("GPIO24")),
        backlight: Some(line("GPIO18")),
        size,
        offset: (0, 0),
        turn: (0, false),
        hz: 32_000_000,
        invert: false,
        bgr: false,
        shift_register: false,
        sleep: Some(Duration::from_secs(60)),
    }
}

fn spi(settings: &SpiSettings, chip: Dcs) -> (Wires<Dcs>, SpiDisplay) {
    let wires = Wires::new(chip);
    let (own, opened) = (settings.clone(), wires.clone());
    let open = move || {
        let wire = |part, line: &str| Wire::new(opened.pin(part), part, line);
        let wired = Wired {
            spi: opened.clone(),
            dc: wire("dc", "GPIO25"),
            reset: own.reset.as_ref().map(|_| wire("reset", "GPIO24")),
            backlight: Some(wire("backlight", "GPIO18")),
        };
        own.start(wired, 4096)
    };
    (wires, SpiDisplay::new(settings, open))
}

/// The scene as a picture of this size.
fn drawn(scene: &Scene, size: Size) -> RgbImage {
    let mut image = RgbImage::new(size);
    image.show(scene);
    image
}

/// The picture mirrored, then turned clockwise, quarter by quarter.
fn turned(image: &RgbImage, (quarters, mirror): (u8, bool)) -> RgbImage {
    let mut image = image.clone();
    if mirror {
        for row in image.data.chunks_exact_mut(image.size.width as usize * 3) {
            row.as_chunks_mut::<3>().0.reverse();
        }
    }
    for _ in 0..quarters {
        let Size { width, height } = image.size;
        let mut next = RgbImage::new(Size::new(height, width));
        for y in 0..height as usize {
            for x in 0..width as usize {
                let from = (y * width as usize + x) * 3;
                let to = (x * height as usize + height as usize - 1 - y) * 3;
                next.data[to..to + 3].copy_from_slice(&image.data[from..from + 3]);
            }
        }
        image = next;
    }
    image
}

/// As a panel of 5, 6 and 5 bits has it.
fn coarse(image: &RgbImage) -> RgbImage {
    let mut image = image.clone();
    for pixel in image.data.as_chunks_mut::<3>().0 {
        *pixel = [pixel[0] & 0xf8, pixel[1] & 0xfc, pixel[2] & 0xf8];
    }
    image
}

fn keep(name: &str, image: &RgbImage) {
    std::fs::create_dir_all("target/screens").unwrap();
    let path = Path::new("target/screens").join(format!("{name}.png"));
    png::write(&path, image).unwrap();
}

fn assert_same(name: &str, seen: &RgbImage, wanted: &RgbImage) {
    keep(name, seen);
    assert_eq!(seen.size, wanted.size, "{name}");
    let pairs = seen.data.chunks_exact(3).zip(wanted.data.chunks_exact(3));
    // A panel of 6 bits a colour fills up the lowest bits of 5.
    let wrong = pairs.filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > 4));
    assert_eq!(
        wrong.count(),
        0,
        "pixels of {name}, see target/screens/{name}.png"
    );
}

#[test]
fn every_controller_shows_the_card_as_it_is_drawn() {
    for (controller, memory, size, offset) in [
        (Controller::St7789, (240, 320), (240, 320), (0, 0)),
        (Controller::St7789, (240, 320), (240, 240), (0, 80)),
        (Controller::St7789, (240, 320), (135, 240), (52, 40)),
        (Controller::St7735, (132, 162), (128, 160), (2, 1)),
        (Controller::St7796, (320, 480), (320, 480), (0, 0)),
        (Controller::Ili9341, (240, 320), (240, 320), (0, 0)),
        (Controller::Ili9342c, (320, 240), (320, 240), (0, 0)),
        (Controller::Ili9486, (320, 480), (320, 480), (0, 0)),
        (Controller::Ili9488, (320, 480), (320, 480), (0, 0)),
        (Controller::Gc9a01, (240, 240), (240, 240), (0, 0)),
        (Controller::Gc9107, (128, 160), (128, 128), (0, 32)),
    ] {
        let of = |(width, height)| Size::new(width, height);
        // They differ in their memory's size and offsets, not in how it is turned.
        let quarters = if controller == Controller::St7789 {
            4
        } else {
            2
        };
        for turn in (0..quarters).flat_map(|quarters| [(quarters, false), (quarters, true)]) {
            let mut settings = settings(controller, of(size));
            (settings.offset, settings.turn) = (offset, turn);
            // One that is wired the other way round, for every other.
            (settings.bgr, settings.invert) = (turn.0 % 2 == 0, turn.1);
            let chip = Dcs::new(of(memory), of(size), offset, settings.bgr, settings.invert);
            let (wires, mut display) = spi(&settings, chip);
            display.show(&CARD).unwrap();
            let seen = wires.look().chip.seen();
            let upright = match turn.0 % 2 {
                0 => of(size),
                _ => Size::new(size.1, size.0),
            };
            let wanted = turned(&coarse(&drawn(&CARD, upright)), turn);
            let name = format!("{controller:?}_{}x{}_{}{}", size.0, size.1, turn.0, turn.1);
            assert_same(&name.to_lowercase(), &seen, &wanted);
            assert!(wires.look().levels.backlight, "it is lit");
            assert!(wires.look().line.piece <= 4096, "what spidev takes at once");
        }
    }
}

#[test]
fn a_shift_register_gets_words() {
    let size = Size::new(320, 480);
    let mut settings = settings(Controller::Ili9486, size);
    settings.shift_register = true;
    settings.turn = (1, false);
    settings.reset = None;
    let chip = Dcs::new(size, size, (0, 0), false, false).wide();
    let (wires, mut display) = spi(&settings, chip);
    display.show(&CARD).unwrap();
    let wanted = turned(&coarse(&drawn(&CARD, Size::new(480, 320))), (1, false));
    assert_same("ili9486_shift_register", &wires.look().chip.seen(), &wanted);
}

#[test]
fn only_rows_that_changed_are_sent_and_a_panel_sleeps_while_nobody_is_there() {
    let size = Size::new(240, 320);
    let settings = settings(Controller::St7789, size);
    let (wires, mut display) = spi(&settings, Dcs::new(size, size, (0, 0), false, false));
    let report = people();
    let scene = Scene::Live(live(report, Layout::Picture));
    display.show(&scene).unwrap();
    let whole = 240 * 320 * 2;
    assert!(wires.sent() >= whole);
    let wanted = coarse(&drawn(&scene, size));
    assert_same("st7789_people", &wires.look().chip.seen(), &wanted);
    display.show(&scene).unwrap();
    assert_eq!(wires.sent(), 0, "nothing has changed");

    // Another speed: a corner.
    let mut other = report.clone();
    other.rate = Some(27.5);
    let scene = Scene::Live(live(&other, Layout::Picture));
    display.show(&scene).unwrap();
    let sent = wires.sent();
    assert!(sent > 0 && sent < whole / 10, "{sent} bytes");
    let wanted = coarse(&drawn(&scene, size));
    assert_same("st7789_faster", &wires.look().chip.seen(), &wanted);

    let mut nobody = live(&other, Layout::Picture);
    nobody.alone = Duration::from_secs(61);
    display.show(&Scene::Live(nobody)).unwrap();
    let dark = |wires: &Wires<Dcs>| !wires.look().levels.backlight && !wires.look().chip.awake;
    assert!(dark(&wires));
    display.show(&scene).unwrap();
    assert!(!dark(&wires));
    assert_same("st7789_awake", &wires.look().chip.seen(), &wanted);
    display.clear().unwrap();
    assert!(dark(&wires), "nothing is left on");
}

#[test]
fn a_bus_that_fails_is_named_and_is_used_again_when_it_is_well() {
    let size = Size::new(240, 320);
    let settings = settings(Controller::Ili9341, size);
    let (wires, mut display) = spi(&settings, Dcs::new(size, size, (0, 0), false, false));
    display.show(&CARD).unwrap();
    wires.look().line.broken = Some(ErrorKind::BrokenPipe);
    let report = people();
    let scene = Scene::Live(live(report, Layout::Skeleton));
    let says = display.show(&scene).unwrap_err().to_string();
    assert!(
        says.contains("/dev/spidev7.0") && says.contains("MOSI"),
        "{says}"
    );
    // It is not tried again thirty times a second.
    let start = std::time::Instant::now();
    assert_eq!(display.show(&scene).unwrap_err().to_string(), says);
    assert!(start.elapsed() < Duration::from_millis(100));
    wires.look().line.broken = None;
    std::thread::sleep(Duration::from_millis(1100));
    display.show(&scene).unwrap();
    assert_same(
        "ili9341_again",
        &wires.look().chip.seen(),
        &coarse(&drawn(&scene, size)),
    );
}

fn oled_settings(controller: oled::Controller, size: Glass) -> OledSettings {
    OledSettings {
        controller,
        bus: "/dev/i2c-7".into(),
        size,
        address: ADDRESS,
        dc: None,
        reset: None,
        hz: 8_000_000,
        turn: (0, false),
        contrast: 0xcf,
        night: None,
        night_contrast: 1,
        sleep: Some(Duration::from_secs(30)),
    }
}

/// A panel on I2C.
fn oled(settings: &OledSettings, chip: Oled) -> (Wires<Oled>, OledDisplay) {
    let wires = Wires::new(chip);
    let (own, opened) = (settings.clone(), wires.clone());
    let open = move || {
        let bus = I2cWires::new(opened.clone(), own.address, &own.bus);
        own.start::<_, screens::Pin<Oled>>(bus, None)
    };
    (wires, OledDisplay::new(settings, open))
}

/// The scene in two colours, as rows of lit pixels.
fn drawn_mono(scene: &Scene, width: usize, height: usize) -> Vec<Vec<bool>> {
    use embedded_graphics::pixelcolor::BinaryColor;
    use embedded_graphics::prelude::{DrawTarget, OriginDimensions, Pixel};
    struct Bits(usize, Vec<Vec<bool>>);
    impl OriginDimensions for Bits {
        fn size(&self) -> embedded_graphics::geometry::Size {
            embedded_graphics::geometry::Size::new(self.0 as u32, self.1.len() as u32)
        }
    }
    impl DrawTarget for Bits {
        type Color = BinaryColor;
        type Error = std::convert::Infallible;
        fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(
            &mut self,
            pixels: I,
        ) -> Result<(), Self::Error> {
            for Pixel(at, colour) in pixels {
                let row = self.1.get_mut(at.y as usize);
                if let Some(bit) = row.and_then(|row| row.get_mut(at.x as usize)) {
                    *bit = colour.is_on();
                }
            }
            Ok(())
        }
    }
    let mut bits = Bits(width, vec![vec![false; width]; height]);
    scene.draw_mono(&mut bits).unwrap();
    bits.1
}

fn keep_mono(name: &str, rows: &[Vec<bool>]) {
    // Four pixels for one, to be looked at.
    let times = 4;
    let size = Size::new((rows[0].len() * times) as u32, (rows.len() * times) as u32);
    let mut image = RgbImage::new(size);
    let pixels = image.data.as_chunks_mut::<3>().0;
    for (i, pixel) in pixels.iter_mut().enumerate() {
        let (x, y) = (
            i % size.width as usize / times,
            i / size.width as usize / times,
        );
        *pixel = if rows[y][x] { [120, 200, 255] } else { [0; 3] };
    }
    keep(name, &image);
}

#[test]
fn every_oled_shows_the_card_and_the_people_as_they_are_drawn() {
    use oled::Controller::{Sh1106, Ssd1306};
    let people = Scene::Live(live(people(), Layout::Skeleton));
    for (controller, size, first) in [
        (Ssd1306, Glass::W128H64, 0),
        (Sh1106, Glass::W128H64, 2),
        (Ssd1306, Glass::W128H32, 0),
        (Ssd1306, Glass::W96H16, 0),
        (Ssd1306, Glass::W72H40, 28),
        (Ssd1306, Glass::W64H48, 32),
        (Ssd1306, Glass::W64H32, 32),
    ] {
        for upside_down in [false, true] {
            let mut settings = oled_settings(controller, size);
            settings.turn.0 = if upside_down { 2 } else { 0 };
            let Size { width, height } = settings.pixels();
            let (width, height) = (width as usize, height as usize);
            let chip = Oled::new(controller == Sh1106, width, height, first);
            let (wires, mut display) = oled(&settings, chip);
            for (what, scene) in [("card", &CARD), ("people", &people)] {
                display.show(scene).unwrap();
                let seen = wires.look().chip.seen();
                let name = format!("{controller:?}_{width}x{height}_{upside_down}_{what}");
                keep_mono(&name.to_lowercase(), &seen);
                let mut wanted = drawn_mono(scene, width, height);
                if upside_down {
                    wanted.reverse();
                    wanted.iter_mut().for_each(|row| row.reverse());
                }
                assert!(seen == wanted, "{name}, see target/screens");
            }
        }
    }
}

/// Two people as stick figures: one with the arms up, one who stands.
fn figures() -> Report {
    const UP: [(f32, f32); 17] = [
        (0.0, -80.0),
        (6.0, -86.0),
        (-6.0, -86.0),
        (14.0, -82.0),
        (-14.0, -82.0),
        (30.0, -50.0),
        (-30.0, -50.0),
        (55.0, -95.0),
        (-55.0, -95.0),
        (60.0, -140.0),
        (-60.0, -140.0),
        (20.0, 50.0),
        (-20.0, 50.0),
        (22.0, 120.0),
        (-22.0, 120.0),
        (24.0, 190.0),
        (-24.0, 190.0),
    ];
    let keypoints = Arc::new(KeypointSet::new(COCO_17));
    let mut report = Report {
        size: Size::new(640, 480),
        is_frame: true,
        keypoints,
        visible: Threshold(0.3),
        held: vec!["hands_up".into()],
        totals: vec![("squats".into(), 12)],
        rate: Some(9.5),
        ..Report::default()
    };
    for (id, x, y, arms) in [(1, 180.0, 230.0, 1.0), (2, 450.0, 220.0, -0.3)] {
        let person = report.people.add();
        person.id = id;
        let joints = UP.iter().enumerate().map(|(i, (dx, dy))| {
            // The elbows and wrists of who stands hang.
            let dy = if (7..11).contains(&i) {
                -45.0 + (dy + 45.0) * arms
            } else {
                *dy
            };
            Keypoint {
                position: Point::new(x + dx, y + dy),
                score: 0.9,
            }
        });
        person.skeleton.keypoints.extend(joints);
    }
    report
}

#[test]
fn scenes_of_two_colours_are_those_that_were_looked_at() {
    let people = figures();
    let nobody = Report {
        size: people.size,
        is_frame: true,
        ..Report::default()
    };
    let lost = Report {
        state: Some(State::SourceLost("camera lost, retrying".into())),
        ..Report::default()
    };
    let code = Code::new("http://10.0.0.7:8080/").unwrap();
    let mut stale = Vec::new();
    for (name, scene, (width, height)) in [
        (
            "skeleton",
            Scene::Live(live(&people, Layout::Skeleton)),
            (128, 64),
        ),
        (
            "status",
            Scene::Live(live(&people, Layout::Status)),
            (128, 64),
        ),
        (
            "big_pose",
            Scene::Live(live(&people, Layout::BigPose)),
            (128, 64),
        ),
        (
            "nobody",
            Scene::Live(live(&nobody, Layout::BigPose)),
            (128, 64),
        ),
        (
            "lost",
            Scene::Live(live(&lost, Layout::Skeleton)),
            (128, 64),
        ),
        ("card", CARD, (128, 64)),
        (
            "tall",
            Scene::Live(live(&people, Layout::Skeleton)),
            (64, 128),
        ),
        (
            "flat",
            Scene::Live(live(&people, Layout::Skeleton)),
            (128, 32),
        ),
        (
            "code",
            Scene::Live(Live {
                code: Some(&code),
                ..live(&nobody, Layout::Skeleton)
            }),
            (128, 64),
        ),
    ] {
        let rows = drawn_mono(&scene, width, height);
        let line = |row: &Vec<bool>| {
            let line: String = row.iter().map(|lit| if *lit { '#' } else { '.' }).collect();
            line + "\n"
        };
        let drawn: String = rows.iter().map(line).collect();
        let path = Path::new("tests/oled").join(format!("{name}.txt"));
        if std::fs::read_to_string(&path).is_ok_and(|kept| kept == drawn) {
            continue;
        }
        keep_mono(&format!("stale_{name}"), &rows);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, drawn).unwrap();
        } else {
            stale.push(path);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?}: look at target/screens/stale_*.png; BLESS=1 writes them anew"
    );
}

#[test]
fn an_oled_is_sent_what_changed_and_sleeps_and_is_dark_at_the_end() {
    let settings = oled_settings(oled::Controller::Ssd1306, Glass::W128H64);
    let (wires, mut display) = oled(&settings, Oled::new(false, 128, 64, 0));
    let mut live = live(people(), Layout::Skeleton);
    display.show(&Scene::Live(live)).unwrap();
    assert!(wires.sent() > 1024);
    assert_eq!(wires.look().chip.contrast, 0xcf);
    display.show(&Scene::Live(live)).unwrap();
    assert_eq!(wires.sent(), 0);
    live.celsius = Some(85.0);
    display.show(&Scene::Live(live)).unwrap();
    let sent = wires.sent();
    assert!((1..100).contains(&sent), "an icon, not {sent} bytes");
    live.alone = Duration::from_secs(30);
    display.show(&Scene::Live(live)).unwrap();
    assert!(!wires.look().chip.on);
    live.alone = Duration::ZERO;
    display.show(&Scene::Live(live)).unwrap();
    assert!(wires.look().chip.on);
    display.clear().unwrap();
    assert!(!wires.look().chip.on);
}

#[test]
fn an_oled_on_spi_is_reset_and_shows_the_card() {
    let settings = oled_settings(oled::Controller::Sh1106, Glass::W128H64);
    let wires = Wires::new(Oled::new(true, 128, 64, 2));
    let (own, opened) = (settings.clone(), wires.clone());
    let mut display = OledDisplay::new(&settings, move || {
        let dc = Wire::new(opened.pin("dc"), "dc", "GPIO25");
        let reset = Wire::new(opened.pin("reset"), "reset", "GPIO24");
        let bus = SpiWires::<_, _, false>::new(opened.clone(), dc, "/dev/spidev7.0", 4096);
        own.start(bus, Some(reset))
    });
    display.show(&CARD).unwrap();
    assert!(wires.look().chip.seen() == drawn_mono(&CARD, 128, 64));
}

#[test]
fn an_oled_that_does_not_answer_is_named_with_its_wires() {
    let mut settings = oled_settings(oled::Controller::Ssd1306, Glass::W128H64);
    settings.address = 0x3d;
    let (wires, mut display) = oled(&settings, Oled::new(false, 128, 64, 0));
    let says = display.show(&CARD).unwrap_err().to_string();
    for part in ["/dev/i2c-7", "0x3d", "SDA", "SCL", "i2cdetect"] {
        assert!(says.contains(part), "{says}");
    }
    drop(wires);
}

#[test]
fn all_layouts_are_to_be_looked_at() {
    let mut counted = people().clone();
    counted.totals = vec![("squats".into(), 7)];
    let nobody = Report {
        size: counted.size,
        is_frame: true,
        ..Report::default()
    };
    let lost = Report {
        state: Some(State::SourceLost(
            "/dev/video0: cannot be opened: No such file or directory (os error 2); plug the camera in"
                .into(),
        )),
        ..Report::default()
    };
    let code = Code::new("http://192.168.178.34:8080/").unwrap();
    for (who, report, code) in [
        ("people", &counted, None),
        ("nobody", &nobody, None),
        ("alone", &nobody, Some(&code)),
        ("lost", &lost, None),
    ] {
        for (word, layout) in Layout::WORDS {
            let scene = Scene::Live(Live {
                code,
                celsius: Some(81.4),
                ..live(report, *layout)
            });
            for (width, height) in [(320, 240), (128, 160), (800, 480), (1920, 1080)] {
                let image = drawn(&scene, Size::new(width, height));
                keep(&format!("layout_{word}_{who}_{width}x{height}"), &image);
            }
            keep_mono(
                &format!("layout_{word}_{who}_mono"),
                &drawn_mono(&scene, 128, 64),
            );
            // Each tells of what is the case.
            let empty = drawn(&scene, Size::new(320, 240))
                .data
                .iter()
                .all(|v| *v < 60);
            assert!(!empty || who == "nobody", "{word} of {who}");
        }
    }
}
