//! The int8 networks give one and the same heatmaps, bit for bit, on every instruction set: the
//! hashes below hold on x86-64 (portable, AVX2, AVX-512 VNNI) and on ARM (`smlal` and `sdot`).
//! After a change that is meant to change bits, take them from the failing test.

use posed::engine::{Network, kernels::Isa};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// A network, its input's width and height, its planes; SHA-256 of what it gives, little-endian f32,
/// for tests/engine/golden/input_basketball.bin.
const HASHES: [(&str, [usize; 3], &str); 3] = [
    (
        "finder",
        [320, 256, 15],
        "3d48d113cd2bac99dc2fbb762426d07ecd51eb92c2d640d7cb00d275d90b0e7a",
    ),
    (
        "lite_hrnet_18",
        [192, 256, 17],
        "551023888cd3696eabaec1ba841911329c9c3304de20de7dbbb8504b2e657e95",
    ),
    (
        "wider_naive_lite_hrnet_18",
        [192, 256, 17],
        "f191d15e8ede41d99e40cd5dc127cadadda8e98ed25adc0010b2849345610876",
    ),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The picture as a network of this input takes it, by nearest neighbour: planar f32. The file is
/// int8, 256x192x3; index.txt has its scale and zero.
fn picture(width: usize, height: usize) -> Vec<f32> {
    let index = std::fs::read_to_string(file("tests/engine/golden/index.txt")).unwrap();
    let line = index
        .lines()
        .find(|l| l.starts_with("input_basketball.bin "))
        .unwrap();
    let [.., scale, zero] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    let (scale, zero): (f32, f32) = (scale.parse().unwrap(), zero.parse().unwrap());
    let bytes = std::fs::read(file("tests/engine/golden/input_basketball.bin")).unwrap();
    let at = |i: usize| {
        let (c, y, x) = (i / (width * height), i / width % height, i % width);
        let b = bytes[(y * 256 / height * 192 + x * 192 / width) * 3 + c];
        (f32::from(b as i8) - zero) * scale
    };
    (0..3 * width * height).map(at).collect()
}

#[test]
fn heatmaps_are_the_same_bits_on_every_processor() {
    let mut wrong = Vec::new();
    for (name, [width, height, planes], want) in HASHES {
        let picture = picture(width, height);
        for isa in Isa::available() {
            let model = file(&format!("models/{name}.onnx"));
            let mut network = Network::load_for(isa, &model, width, height, planes, 1).unwrap();
            let mut heatmaps = Vec::new();
            network.run(&picture, &mut heatmaps).unwrap();
            let bytes: Vec<u8> = heatmaps.iter().flat_map(|v| v.to_le_bytes()).collect();
            let hash: String = Sha256::digest(&bytes)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            if hash != want {
                wrong.push(format!("{name} on {isa:?}: {hash}"));
            }
        }
    }
    assert!(wrong.is_empty(), "other heatmaps:\n{}", wrong.join("\n"));
}
