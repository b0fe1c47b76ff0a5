//! No bytes make the readers of pictures, clips, streams and configurations panic, hang, or give a
//! frame that is not whole. Sound files are cut, flipped, spliced and repeated; POSED_FUZZ=1000000
//! makes so many of each kind, `fuzz/` looks for more with the compiler's help.

use posed::capture::{Next, Pace, read_stream};
use posed::config::{Config, Overrides};
use posed::decode::{self, Decoder};
use posed::frame::Frame;
use posed::record;
use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

/// Xorshift64: the same bytes in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        const TELLING: [u8; 8] = [0, 0xff, 0xd8, 0xd9, 0xda, 0xc4, 0x7f, 1];
        match self.below(3) {
            0 => TELLING[self.below(TELLING.len())],
            _ => self.below(256) as u8,
        }
    }

    /// One of `seeds` with a few changes. Half of them are near its start, where headers are.
    fn mutant(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let within = match self.below(2) {
                0 => bytes.len(),
                _ => bytes.len().min(700),
            };
            let at = self.below(within);
            match self.below(7) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), self.byte()),
                2 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len());
                    let to = (from + self.below(400)).min(other.len());
                    bytes.splice(at..at, other[from..to].iter().copied());
                }
                3 => {
                    let to = (at + self.below(64)).min(bytes.len());
                    bytes.drain(at.min(to)..to);
                }
                _ if bytes.is_empty() => {}
                _ => bytes[at] = self.byte(),
            }
        }
        bytes
    }
}

fn rounds() -> usize {
    std::env::var("POSED_FUZZ").map_or(4000, |count| count.parse().expect("POSED_FUZZ: a number"))
}

/// Runs `check` on mutants of `seeds`, none of which may take longer than a second on a busy machine.
fn try_all(seeds: &[Vec<u8>], mut check: impl FnMut(Vec<u8>)) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..rounds() {
        let bytes = random.mutant(seeds);
        let kept = bytes.clone();
        let began = Instant::now();
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(bytes)));
        let slow = began.elapsed() > Duration::from_secs(10);
        if checked.is_err() || slow {
            let path = std::env::temp_dir().join(format!("posed-broken-{round}"));
            std::fs::write(&path, kept).unwrap();
            panic!("{}: slow: {slow}", path.display());
        }
    }
}

fn jpegs() -> Vec<Vec<u8>> {
    ["one_scan", "one_scan_a_component", "cmyk"]
        .map(|name| std::fs::read(format!("tests/pictures/{name}.jpg")).unwrap())
        .into()
}

fn jpeg_frame() -> Frame {
    let mut frame = Frame {
        data: jpegs().remove(0),
        ..Frame::default()
    };
    frame.set_shape(
        posed::geometry::Size::new(169, 170),
        posed::frame::PixelFormat::Mjpeg,
    );
    frame
}

fn clip(name: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    let mut clip = record::create(&path, (25, 1)).unwrap();
    for _ in 0..3 {
        clip.write(&jpeg_frame()).unwrap();
    }
    clip.finish().unwrap();
    std::fs::read(path).unwrap()
}

fn multipart() -> Vec<u8> {
    let mut out =
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n".to_vec();
    for jpeg in jpegs() {
        out.extend(b"--b\r\nContent-Type: image/jpeg\r\n\r\n");
        out.extend(jpeg);
        out.extend(b"\r\n");
    }
    out
}

fn play(bytes: Vec<u8>) {
    let Ok(mut source) = read_stream(Cursor::new(bytes), "mutant", None, Pace::Recorded) else {
        return;
    };
    let mut decoder = Decoder::default();
    let mut frame = Frame::default();
    while let Ok(Next::Frame) = source.next(&mut frame) {
        if decoder.decode(&mut frame).is_ok() {
            frame.check().unwrap();
        }
    }
}

#[test]
fn no_bytes_break_the_reader_of_pictures() {
    let png = {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 16, 16);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[99; 768]).unwrap();
        writer.finish().unwrap();
        bytes
    };
    let mut seeds = jpegs();
    seeds.push(png);
    let mut frame = Frame::default();
    try_all(&seeds, |bytes| {
        if decode::photo(&bytes, &mut frame).is_ok() {
            frame.check().unwrap();
        }
    });
}

#[test]
fn no_bytes_break_the_reader_of_avi_and_y4m() {
    try_all(&[clip("a.avi"), clip("a.y4m")], play);
}

#[test]
fn no_bytes_break_the_reader_of_jpeg_streams_and_multipart_answers() {
    try_all(&[multipart(), jpegs().concat()], play);
}

#[test]
fn no_bytes_break_the_reader_of_configurations() {
    let mut seeds = vec![std::fs::read("config/posed.toml").unwrap()];
    for file in std::fs::read_dir("tests/configurations/broken").unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            seeds.push(std::fs::read(path).unwrap());
        }
    }
    try_all(&seeds, |bytes| {
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = Config::parse(text, Path::new("mutant"), &Overrides::default());
        }
    });
}
