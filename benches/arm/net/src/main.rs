//! `net MODEL.onnx [PICTURE]`: one inference between two calls of `marker`, for profile.sh to trace; the heatmaps' SHA-256, of a picture of
//! tests/engine/golden (int8, 256x192x3) as tests/engine_hash.rs has it, or of a grey one.
#![allow(dead_code)] // what only posed calls
mod engine;
use engine::{Network, kernels::Isa};
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
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let mut n = Network::load_for(Isa::best(), std::path::Path::new(&a[1]), 192, 256, 17, 1).unwrap();
    let x = a.get(2).map_or(vec![0.5f32; 3 * 256 * 192], |p| picture(p));
    let mut h = Vec::new();
    n.run(&x, &mut h).unwrap();
    marker();
    n.run(&x, &mut h).unwrap();
    marker();
    let bytes: Vec<u8> = h.iter().flat_map(|v| v.to_le_bytes()).collect();
    println!("{}", Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect::<String>());
}
