//! The int8 networks give one and the same heatmaps, bit for bit, on every instruction set: the
//! hashes below hold on x86-64 (portable, AVX2, AVX-512 VNNI) and on ARM (`smlal` and `sdot`).
//! After a change that is meant to change bits, take them from the failing test.

use posed::engine::{Network, kernels::Isa};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// SHA-256 of the heatmaps, little-endian f32, of tests/engine/golden/input_basketball.bin.
const HASHES: [(&str, &str); 2] = [
    (
        "lite_hrnet_18",
        "e3f3c91eb05524f0351ea8a7874bc39312502e69e98af702b38de984fb509ca1",
    ),
    (
        "wider_naive_lite_hrnet_18",
        "bf14808b72e553f415a2b05ae8910dc0c584a2909e03ef86a823187ded1eb35c",
    ),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The picture as the network takes it: planar f32. The file is int8, 256x192x3; index.txt has its
/// scale and zero.
fn picture() -> Vec<f32> {
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
    let plane = |c: usize| {
        bytes
            .iter()
            .skip(c)
            .step_by(3)
            .map(move |&b| (f32::from(b as i8) - zero) * scale)
    };
    (0..3).flat_map(plane).collect()
}

#[test]
fn heatmaps_are_the_same_bits_on_every_processor() {
    let picture = picture();
    let mut wrong = Vec::new();
    for (name, want) in HASHES {
        for isa in Isa::available() {
            let model = file(&format!("models/{name}.onnx"));
            let mut network = Network::load_for(isa, &model, 192, 256, 17, 1).unwrap();
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
