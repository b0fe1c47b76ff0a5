//! The engine against onnxruntime, on small networks made by tests/engine/make_nets.py. Their heatmaps come from onnxruntime with its
//! optimisations off, which computes every node in f32 as the ONNX text says.

use posed::engine::{Network, kernels::Isa};
use std::path::{Path, PathBuf};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine").join(name)
}

fn floats(name: &str) -> Vec<f32> {
    let bytes = std::fs::read(file(name)).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

fn load(isa: Isa, name: &str) -> Network {
    Network::load_for(isa, &file(&format!("{name}.onnx")), 96, 128, 17, 1).unwrap()
}

/// The greatest difference, and the greatest value.
fn against_onnxruntime(isa: Isa, name: &str) -> (f32, f32) {
    let (mut network, image, want) = (load(isa, name), floats("image.f32"), floats(&format!("{name}.f32")));
    let image = &image[..network.input_len()];
    let mut got = Vec::new();
    // Twice: the second run meets what the first left in the memory.
    for _ in 0..2 {
        network.run(image, &mut got).unwrap();
    }
    assert_eq!(got.len(), want.len(), "{name}");
    let most = |it: &mut dyn Iterator<Item = f32>| it.fold(0f32, f32::max);
    (most(&mut got.iter().zip(&want).map(|(a, b)| (a - b).abs())), most(&mut want.iter().map(|v| v.abs())))
}

const SMALL: [&str; 5] = ["mobile", "mobile.int8", "lite.int8", "lite_elu.int8", "lite_pool.int8"];

#[test]
fn small_networks_are_those_of_onnxruntime() {
    for isa in Isa::available() {
        for name in SMALL {
            let (worst, largest) = against_onnxruntime(isa, name);
            assert!(worst <= 1e-5 * largest, "{name} on {isa:?}: {worst} of {largest} off");
        }
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    let image = floats("image.f32");
    for name in SMALL.iter().filter(|n| n.contains("int8")) {
        let mut first: Option<Vec<u32>> = None;
        for isa in Isa::available() {
            let (mut network, mut heatmaps) = (load(isa, name), Vec::new());
            network.run(&image[..network.input_len()], &mut heatmaps).unwrap();
            let bits: Vec<u32> = heatmaps.iter().map(|v| v.to_bits()).collect();
            assert!(*first.get_or_insert_with(|| bits.clone()) == bits, "{name} on {isa:?}");
        }
    }
}

#[test]
fn an_odd_node_runs_on_tract_and_is_named() {
    for (name, operator) in [("lite_elu.int8", "Elu"), ("lite_pool.int8", "GlobalMaxPool"), ("mobile", "ConvTranspose")] {
        let network = load(Isa::best(), name);
        assert!(network.foreign().iter().any(|n| n.contains(operator)), "{name}: {:?}", network.foreign());
    }
    assert_eq!(load(Isa::best(), "lite.int8").foreign(), &[] as &[String]);
}
