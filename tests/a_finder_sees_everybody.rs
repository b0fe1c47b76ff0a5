//! With a finder network everybody in the picture is followed at once, each under a number of their own,
//! and whoever goes is gone; who comes is taken in without waiting for the next look around.

use posed::config::{Config, Overrides};
use posed::decode;
use posed::frame::{Frame, PixelFormat};
use posed::geometry::Size;
use posed::infer::Infer;
use posed::report::Report;
use std::path::Path;
use std::time::Duration;

const PHOTOS: [&str; 2] = ["astronaut", "basketball"];
/// Every photo is brought to this height.
const HEIGHT: usize = 320;

fn photo(name: &str) -> (Vec<u8>, usize) {
    let bytes = std::fs::read(format!("photos/{name}.jpg")).unwrap();
    let mut frame = Frame::default();
    decode::photo(&bytes, &mut frame).unwrap();
    let (w, h) = (frame.size.width as usize, frame.size.height as usize);
    let rgb = frame.to_rgb().unwrap();
    let width = w * HEIGHT / h;
    let mut out = Vec::with_capacity(3 * width * HEIGHT);
    for y in 0..HEIGHT {
        for x in 0..width {
            let at = 3 * ((y * h / HEIGHT) * w + x * w / width);
            out.extend_from_slice(&rgb[at..at + 3]);
        }
    }
    (out, width)
}

/// The photos beside each other, those that `shown` leaves out grey, and where each begins.
fn room(shown: [bool; 2]) -> (Frame, Vec<usize>) {
    let photos: Vec<_> = PHOTOS.iter().map(|name| photo(name)).collect();
    let width: usize = photos.iter().map(|(_, w)| w).sum();
    let mut data = vec![90u8; 3 * width * HEIGHT];
    let mut starts = Vec::new();
    let mut left = 0;
    for ((rgb, w), shown) in photos.iter().zip(shown) {
        for y in (0..HEIGHT).filter(|_| shown) {
            let to = 3 * (y * width + left);
            data[to..to + 3 * w].copy_from_slice(&rgb[3 * y * w..3 * (y + 1) * w]);
        }
        starts.push(left);
        left += w;
    }
    let mut frame = Frame {
        size: Size::new(width as u32, HEIGHT as u32),
        format: PixelFormat::Rgb,
        ..Frame::default()
    };
    frame.stride = 3 * width;
    frame.data = data;
    (frame, starts)
}

fn infer() -> Infer {
    let text = "[source]\nkind = \"synthetic\"\n[find]\nkind = \"network\"\nlook_again_s = 1.0\n";
    let config = Config::parse(text, Path::new("test.toml"), &Overrides::default()).unwrap();
    Infer::new(&config).unwrap()
}

/// The numbers and middles of those whom the frame shows, from left to right.
fn seen(infer: &mut Infer, frame: &mut Frame, number: u64) -> Vec<(u32, f32)> {
    frame.time = Duration::from_millis(number * 100);
    frame.sequence = number;
    infer.frame(frame).unwrap();
    let mut report = Report::default();
    report.begin(frame, true);
    infer.tell(frame.time, false, &mut report);
    let people = report.people.iter();
    let mut out: Vec<_> = people.map(|p| (p.id, p.bbox.centre().x)).collect();
    out.sort_by(|a, b| a.1.total_cmp(&b.1));
    out
}

#[test]
fn everybody_is_followed_at_once_under_a_number_of_their_own() {
    let (mut all, starts) = room([true; 2]);
    let mut infer = infer();
    assert_eq!(
        seen(&mut infer, &mut all, 0),
        [],
        "nobody is seen twice yet"
    );
    let first = seen(&mut infer, &mut all, 1);
    let who = |x: f32| starts.iter().rposition(|&s| x >= s as f32).unwrap();
    for (place, name) in PHOTOS.iter().enumerate() {
        assert!(first.iter().any(|p| who(p.1) == place), "{name}: {first:?}");
    }
    for number in 2..8 {
        let now = seen(&mut infer, &mut all, number);
        let ids = |people: &[(u32, f32)]| people.iter().map(|p| p.0).collect::<Vec<_>>();
        assert_eq!(ids(&now), ids(&first), "frame {number}");
    }
    // Who plays goes: soon they are not told of, and the other keeps the number.
    let (mut without, _) = room([true, false]);
    let mut last = Vec::new();
    for number in 8..22 {
        last = seen(&mut infer, &mut without, number);
    }
    let others: Vec<u32> = first.iter().filter(|p| who(p.1) < 1).map(|p| p.0).collect();
    assert_eq!(last.iter().map(|p| p.0).collect::<Vec<_>>(), others);
    // They come back, as somebody new, within a look around.
    for number in 22..34 {
        last = seen(&mut infer, &mut all, number);
    }
    assert!(
        last.iter()
            .any(|p| who(p.1) == 1 && p.0 > first.len() as u32),
        "{last:?}"
    );
}

#[test]
fn a_photo_shows_everybody_once() {
    let (all, starts) = room([true; 2]);
    let mut report = Report::default();
    infer().photo(&all, &mut report).unwrap();
    let middles: Vec<f32> = report.people.iter().map(|p| p.bbox.centre().x).collect();
    for (place, start) in starts.iter().enumerate() {
        let end = starts.get(place + 1).map_or(f32::INFINITY, |e| *e as f32);
        let here = middles.iter().filter(|m| (*start as f32..end).contains(*m));
        let most = if PHOTOS[place] == "basketball" { 2 } else { 1 };
        assert!(
            (1..=most).contains(&here.count()),
            "{}: {middles:?}",
            PHOTOS[place]
        );
    }
}

#[test]
fn an_empty_room_has_nobody() {
    let (mut empty, _) = room([false; 2]);
    let mut infer = infer();
    for number in 0..4 {
        assert_eq!(seen(&mut infer, &mut empty, number), []);
    }
}

#[test]
fn an_empty_room_is_looked_into_now_and_then_and_who_comes_is_taken_in() {
    let (mut empty, _) = room([false; 2]);
    let (mut all, _) = room([true; 2]);
    let mut infer = infer();
    let looks = |infer: &mut Infer, frame: &mut Frame, ms: u64| {
        frame.time = Duration::from_millis(ms);
        infer.frame(frame).unwrap();
        let mut report = Report::default();
        infer.tell(frame.time, false, &mut report);
        (report.boxes.len(), report.people.len())
    };
    for ms in (0..2000).step_by(10) {
        assert_eq!(looks(&mut infer, &mut empty, ms), (0, 0));
    }
    // Within a fifth of a second and one frame more.
    let mut when = None;
    for ms in (2000..2400).step_by(10) {
        if looks(&mut infer, &mut all, ms).1 > 0 {
            when = when.or(Some(ms));
        }
    }
    assert!(when.is_some_and(|ms| ms <= 2220), "{when:?}");
}

/// What a pixel of a picture without people is, at this place and frame.
type Painter = fn(x: usize, y: usize, number: usize) -> [u8; 3];

fn noise(x: usize, y: usize, number: usize) -> [u8; 3] {
    let mut seed = (x * 7919 + y * 104_729 + number * 1_299_709) as u32 ^ 0x9e37_79b9;
    for _ in 0..3 {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
    }
    seed.to_le_bytes()[..3].try_into().unwrap()
}

fn stripes(x: usize, y: usize, number: usize) -> [u8; 3] {
    if ((x + y / 3 + 2 * number) / 12).is_multiple_of(2) {
        [200, 190, 170]
    } else {
        [60, 70, 90]
    }
}

/// A wall, a shelf, a chair, a lamp and a coat on a hook, in light that comes and goes.
fn furniture(x: usize, y: usize, number: usize) -> [u8; 3] {
    let within = |x0, x1, y0, y1| (x0..x1).contains(&x) && (y0..y1).contains(&y);
    let [r, g, b]: [usize; 3] = if within(40, 130, 60, 300) && (y % 48 < 6 || x % 44 < 4) {
        [90, 60, 40]
    } else if within(180, 186, 150, 290) || within(240, 246, 220, 290) || within(180, 246, 214, 226)
    {
        [70, 50, 40]
    } else if within(300, 340, 40, 80) || within(318, 322, 80, 290) || within(300, 340, 286, 292) {
        [230, 220, 180]
    } else if within(370, 410, 90, 220) && x.abs_diff(390) < 12 + (y - 90) / 12 {
        [40, 45, 60]
    } else if y > 290 {
        [120, 90, 70]
    } else {
        [190, 185, 175]
    };
    let light = 80 + (number % 60).min(60 - number % 60);
    [r, g, b].map(|v| (v * light / 110) as u8)
}

#[test]
fn nobody_is_made_of_noise_stripes_and_furniture_in_half_a_minute() {
    let (width, height) = (480, 320);
    let painters: [(&str, Painter); 3] = [
        ("noise", noise),
        ("stripes", stripes),
        ("furniture", furniture),
    ];
    for (name, paint) in painters {
        let mut infer = infer();
        for number in 0..300 {
            let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
            let mut frame = Frame {
                data: pixels.flat_map(|(x, y)| paint(x, y, number)).collect(),
                ..Frame::default()
            };
            frame.set_shape(Size::new(width as u32, height as u32), PixelFormat::Rgb);
            let people = seen(&mut infer, &mut frame, number as u64);
            assert_eq!(people, [], "{name}, frame {number}");
            assert_eq!(infer.events().len(), 0, "{name}, frame {number}");
        }
    }
}

#[test]
fn who_jumps_to_another_place_or_comes_beside_is_followed_within_half_a_second() {
    let [(only, starts), (both, _)] = [room([true, false]), room([true; 2])];
    let mut frames = [only, both];
    let mut infer = infer();
    let mut number = 0;
    let mut play = |infer: &mut Infer, which: usize, count: u64| {
        let mut last = Vec::new();
        for _ in 0..count {
            last = seen(infer, &mut frames[which], number);
            number += 1;
        }
        last
    };
    assert!(!play(&mut infer, 0, 6).is_empty());
    let now = play(&mut infer, 1, 5);
    let beside = now.iter().any(|p| p.1 > starts[1] as f32);
    assert!(beside, "beside the one who is followed: {now:?}");
    // The picture is mirrored by halves: whoever was left is right.
    let jumped = |frame: &Frame| {
        let (row, at) = (3 * frame.size.width as usize, 3 * starts[1]);
        let mut frame = frame.clone();
        frame.data.chunks_mut(row).for_each(|r| r.rotate_left(at));
        frame
    };
    let mut jumped = jumped(&room([true, true]).0);
    let mut last = Vec::new();
    for i in 0..5 {
        last = seen(&mut infer, &mut jumped, 11 + i);
    }
    let right = (jumped.size.width as usize - starts[1]) as f32;
    assert!(last.iter().any(|p| p.1 > right), "jumped: {last:?}");
}
