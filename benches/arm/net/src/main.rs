//! `net MODEL.onnx [PICTURE] [--size WIDTHxHEIGHT] [--planes N] [--threads N]`: one inference between two calls of `marker`, for profile.sh to trace; the
//! heatmaps' SHA-256, of a picture of tests/engine/golden (int8, 256x192x3) as tests/engine_hash.rs has it, or of a grey one.
//! `net crop|turned|overlook|jpeg|peaks|boxes`: a step beside the network instead: a 640x480 YUYV frame to the pose network's input (turned: of a camera
//! on its side) or the finder's, a 640x480 JPEG to RGB, 17 heatmaps to joints, the finder's planes to boxes.
//! `net kernel neon|dot KERNEL`: a kernel alone (kernel.rs), for mca.sh.
#![allow(dead_code, unused_imports)] // what only posed calls
mod dark;
mod decode;
mod engine;
mod find {
    pub mod boxes;
    pub mod planes;
    #[derive(Debug, Clone, Copy)]
    pub struct Proposal {
        pub bbox: crate::geometry::Rect,
        pub score: f32,
        pub doubt: f32,
    }
}
mod frame;
mod geometry;
mod kernel;
mod model {
    pub struct People;
    impl People {
        pub const BOX: usize = 5;
    }
}
mod preprocess;
use engine::{Network, kernels::Isa};
use geometry::{Affine, Rect, Size};
use sha2::{Digest, Sha256};
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn marker() {
    std::hint::black_box(());
}
fn picture(path: &str) -> Vec<f32> {
    let (folder, name) = path.rsplit_once('/').unwrap();
    let index = std::fs::read_to_string(format!("{folder}/index.txt")).unwrap();
    let line = index.lines().find(|l| l.starts_with(&format!("{name} "))).unwrap();
    let [.., scale, zero] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let (scale, zero): (f32, f32) = (scale.parse().unwrap(), zero.parse().unwrap());
    let bytes = std::fs::read(path).unwrap();
    let plane = |c| bytes.iter().skip(c).step_by(3).map(move |&b| (f32::from(b as i8) - zero) * scale);
    (0..3).flat_map(plane).collect()
}
/// Twice, the second time between markers.
fn marked(mut step: impl FnMut()) {
    step();
    marker();
    step();
    marker();
}
fn frame() -> frame::Frame {
    let mut frame = frame::Frame::default();
    frame.set_shape(Size::new(640, 480), frame::PixelFormat::Yuyv);
    frame.data = (0..640 * 480 * 2u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    frame
}
fn preprocessor(size: Size) -> (preprocess::Preprocessor, Vec<f32>) {
    let format = preprocess::InputFormat { size, mean: [0.5; 3], std: [0.25; 3], padding: 1.25 };
    let p = preprocess::Preprocessor::new(format);
    let room = vec![0.0; p.input_len()];
    (p, room)
}
fn step(name: &str) -> bool {
    match name {
        "crop" => {
            let ((mut p, mut input), frame) = (preprocessor(Size::new(192, 256)), frame());
            let crop = p.crop(Rect::new(170.0, 30.0, 300.0, 400.0));
            marked(|| p.fill(&frame, crop, &mut input).unwrap());
        }
        "turned" => {
            let ((mut p, mut input), mut frame) = (preprocessor(Size::new(192, 256)), frame());
            frame.turn(geometry::Turn::new(1, false));
            let crop = p.crop(Rect::new(90.0, 100.0, 300.0, 400.0));
            marked(|| p.fill(&frame, crop, &mut input).unwrap());
        }
        "jpeg" => {
            let mut decoder = decode::Decoder::default();
            let mut frame = frame::Frame::default();
            let photo = include_bytes!("../../../../photos/basketball.jpg");
            marked(|| decoder.photo(photo, &mut frame).unwrap());
            assert_eq!(frame.size, Size::new(640, 480));
        }
        "overlook" => {
            let ((mut p, mut input), frame) = (preprocessor(Size::new(320, 256)), frame());
            let crop = Affine { scale_x: 2.0, scale_y: 2.0, offset_x: 0.5, offset_y: -15.5 };
            marked(|| p.fill_mean(&frame, crop, &mut input).unwrap());
        }
        "peaks" => {
            let hill = |i: usize, x: f32, y: f32| (-((i % 48) as f32 - x).powi(2) / 8.0 - ((i / 48) as f32 - y).powi(2) / 8.0).exp();
            let maps: Vec<Vec<f32>> = (0..17).map(|k| (0..48 * 64).map(|i| hill(i, 8.3 + k as f32, 50.4 - k as f32)).collect()).collect();
            marked(|| maps.iter().for_each(|map| assert!(dark::peak(map, 48, 64).score > 0.5)));
        }
        "boxes" => {
            let (height, width) = (32, 40);
            let mut values = vec![-5.0; 15 * height * width];
            for (person, plane) in [(205, 0), (206, 0), (610, 0), (8 * 40 + 20, 5)] {
                values[plane * height * width + person] = 1.0;
                (1..5).for_each(|side| values[(plane + side) * height * width + person] = 30.0);
            }
            let crop = Affine { scale_x: 2.0, scale_y: 2.0, offset_x: 0.0, offset_y: 0.0 };
            let planes = find::planes::Planes { values: &values, height, width, stride: 8.0, crop };
            let mut found = Vec::with_capacity(100);
            marked(|| find::boxes::read(planes, &[8, 16, 32], 0.25, &mut found));
            assert_eq!(found.len(), 3);
        }
        _ => return false,
    }
    true
}
fn main() {
    let mut a: Vec<String> = std::env::args().skip(1).collect();
    if a[0] == "kernel" {
        return kernel::run(&a[1], &a[2]);
    }
    if step(&a[0]) {
        return;
    }
    let mut option = |name: &str, default: &str| match a.iter().position(|x| x == name) {
        Some(i) => a.drain(i..i + 2).next_back().unwrap(),
        None => default.to_string(),
    };
    let planes: usize = option("--planes", "17").parse().unwrap();
    let threads: usize = option("--threads", "1").parse().unwrap();
    let size = option("--size", "192x256");
    let (width, height) = size.split_once('x').unwrap();
    let (width, height): (usize, usize) = (width.parse().unwrap(), height.parse().unwrap());
    let mut n = Network::load_for(Isa::best(), std::path::Path::new(&a[0]), width, height, planes, threads).unwrap();
    let x = a.get(1).map_or(vec![0.5f32; 3 * width * height], |p| picture(p));
    let mut h = Vec::new();
    marked(|| n.run(&x, &mut h).unwrap());
    let bytes: Vec<u8> = h.iter().flat_map(|v| v.to_le_bytes()).collect();
    println!("{}", Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect::<String>());
}
