//! The engine against onnxruntime, on small networks made by tests/engine/make_nets.py. Their
//! heatmaps come from onnxruntime with its optimisations off, which computes every node in f32 as
//! the ONNX text says.

use posed::engine::{Network, kernels::Isa};
use std::path::{Path, PathBuf};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/engine")
        .join(name)
}

fn floats(name: &str) -> Vec<f32> {
    let bytes = std::fs::read(file(name)).unwrap();
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

fn load(isa: Isa, name: &str) -> Network {
    Network::load_for(isa, &file(&format!("{name}.onnx")), 96, 128, 17, 1).unwrap()
}

/// How far heatmaps are from onnxruntime's, in steps of 1/127 of the largest value.
#[derive(Debug)]
struct Off {
    /// The share of cells within one step.
    within: f64,
    /// The root of the mean square.
    rms: f64,
    most: f32,
}

fn against_onnxruntime(isa: Isa, name: &str) -> Off {
    let mut network = load(isa, name);
    let image = floats("image.f32");
    let want = floats(&format!("{name}.f32"));
    let image = &image[..network.input_len()];
    let mut got = Vec::new();
    // Twice: the second run meets what the first left in the memory.
    for _ in 0..2 {
        network.run(image, &mut got).unwrap();
    }
    assert_eq!(got.len(), want.len(), "{name}");
    let step = want.iter().fold(0f32, |m, v| m.max(v.abs())) / 127.0;
    let off: Vec<f32> = got
        .iter()
        .zip(&want)
        .map(|(a, b)| (a - b).abs() / step)
        .collect();
    let squares: f64 = off.iter().map(|&o| f64::from(o) * f64::from(o)).sum();
    Off {
        within: off.iter().filter(|&&o| o <= 1.0).count() as f64 / off.len() as f64,
        rms: (squares / off.len() as f64).sqrt(),
        most: off.iter().copied().fold(0.0, f32::max),
    }
}

const SMALL: [&str; 6] = [
    "mobile",
    "mobile.int8",
    "csp.int8",
    "lite.int8",
    "lite_elu.int8",
    "lite_pool.int8",
];

/// int8 is rounded in fixed point, which falls to the other side in one value of a hundred: a tenth of
/// the noise that rounding to int8 makes itself. What these networks of random weights make of it is
/// known; onnxruntime with its own optimisations has 0.56 and 0.30 steps (tests/engine/golden/exact.txt).
#[test]
fn small_networks_are_those_of_onnxruntime() {
    for isa in Isa::available() {
        for name in SMALL {
            let off = against_onnxruntime(isa, name);
            let good = match name {
                "mobile" => off.most <= 1e-3,
                // Fourteen layers deep, and of its SiLU's values one in thirty falls to the other side:
                // which ones, any small change of SiLU moves this by (SiLU itself is measured beside its
                // kernel).
                "csp.int8" => off.within >= 0.44 && off.rms <= 1.95,
                "mobile.int8" => off.within >= 0.66 && off.rms <= 1.15,
                _ => off.within >= 0.87 && off.rms <= 0.71,
            };
            assert!(good, "{name} on {isa:?}: {off:?}");
        }
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    let image = floats("image.f32");
    for name in SMALL.iter().filter(|n| n.contains("int8")) {
        let mut first: Option<Vec<u32>> = None;
        for isa in Isa::available() {
            let mut network = load(isa, name);
            let mut heatmaps = Vec::new();
            network
                .run(&image[..network.input_len()], &mut heatmaps)
                .unwrap();
            let bits: Vec<u32> = heatmaps.iter().map(|v| v.to_bits()).collect();
            assert!(
                *first.get_or_insert_with(|| bits.clone()) == bits,
                "{name} on {isa:?}"
            );
        }
    }
}

#[test]
fn an_odd_node_runs_on_tract_and_is_named() {
    for (name, operator) in [
        ("lite_elu.int8", "Elu"),
        ("lite_pool.int8", "GlobalMaxPool"),
        ("mobile", "ConvTranspose"),
    ] {
        let network = load(Isa::best(), name);
        assert!(
            network.foreign().iter().any(|n| n.contains(operator)),
            "{name}: {:?}",
            network.foreign()
        );
    }
    for name in ["lite.int8", "csp.int8"] {
        assert_eq!(load(Isa::best(), name).foreign(), &[] as &[String]);
    }
}

/// The lines of tests/engine/golden/index.txt: file, type, shape, scale, zero.
fn index() -> Vec<(String, f32, f32)> {
    let text = std::fs::read_to_string(file("golden/index.txt")).unwrap();
    let lines = text
        .lines()
        .map(|l| l.split_whitespace().collect::<Vec<_>>());
    lines
        .map(|l| {
            (
                l[0].to_string(),
                l[3].parse().unwrap(),
                l[4].parse().unwrap(),
            )
        })
        .collect()
}

/// A stored crop, planar and normalised as a network takes it.
fn crop(name: &str) -> Vec<f32> {
    let (file_name, scale, zero) = index()
        .into_iter()
        .find(|l| l.0 == format!("input_{name}.bin"))
        .unwrap();
    let bytes = std::fs::read(file(&format!("golden/{file_name}"))).unwrap();
    let plane = bytes.len() / 3;
    (0..bytes.len())
        .map(|i| (f32::from(bytes[i % plane * 3 + i / plane] as i8) - zero) * scale)
        .collect()
}

/// onnxruntime's heatmaps of a stored crop.
fn golden(model: &str, name: &str) -> Vec<f32> {
    let (file_name, scale, _) = index()
        .into_iter()
        .find(|l| l.0 == format!("heatmaps_{model}_{name}.bin"))
        .unwrap();
    let bytes = std::fs::read(file(&format!("golden/{file_name}"))).unwrap();
    bytes
        .chunks_exact(2)
        .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) * scale)
        .collect()
}

/// Whole networks are chaotic: a value that lies between two steps of a grid falls to either side
/// by the last bit of a float, and hundreds of layers make much of it. Computed in double precision
/// and in single, one and the same graph agrees in 97.8 to 98.4 % of cells, and onnxruntime with
/// its own optimisations in 97.0 to 98.3 % (docs/performance.md): no engine can agree with it more
/// than it does with itself. Sure joints then lie 0.63 pixels of the crop apart in the mean, 1.3 at
/// most (lite), and 0.40, 2.1 (wider naive): the mean is taken over all three pictures, since the
/// five sure joints of one of them (1.03 apart there) are too few. Fixed point adds a little: 0.75
/// and 0.58 with the networks of 2026-10. Those of 2026-11 are a little less of one mind where the
/// person is cut off (cameraman): onnxruntime agrees with itself in 97.2 % (lite) and 96.7 % of cells
/// there, posed with it in 96.0 %. What it is worth in AP is in docs/performance.md.
#[test]
fn whole_networks_agree_with_onnxruntime_as_it_agrees_with_itself() {
    for model in ["lite_hrnet_18", "wider_naive_lite_hrnet_18"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("models/{model}.onnx"));
        let mut network = Network::load(&path, 192, 256, 17, 1).unwrap();
        assert_eq!(network.foreign(), &[] as &[String]);
        let mut off = Vec::new();
        for name in ["astronaut", "basketball", "cameraman"] {
            let want = golden(model, name);
            let mut got = Vec::new();
            network.run(&crop(name), &mut got).unwrap();
            let step = want.iter().fold(0f32, |m, v| m.max(v.abs())) / 127.0;
            let within = got
                .iter()
                .zip(&want)
                .filter(|(a, b)| (*a - *b).abs() <= step)
                .count();
            let share = within as f64 / want.len() as f64;
            assert!(share >= 0.955, "{model} {name}: {share} within a step");
            let peak = |h: &[f32], joint: usize| {
                posed::estimate::dark::peak(&h[joint * 3072..][..3072], 48, 64)
            };
            let joints = (0..17)
                .map(|j| (peak(&got, j), peak(&want, j)))
                .filter(|(_, want)| want.score >= 0.5);
            // In pixels of the crop, four to a cell.
            off.extend(joints.map(|(a, b)| 4.0 * (a.x - b.x).hypot(a.y - b.y)));
        }
        let mean = off.iter().sum::<f32>() / off.len() as f32;
        // Of two places that are as likely, either may be taken.
        let far = off.iter().filter(|&&o| o > 2.5).count();
        assert!(
            mean <= 0.85 && far * 20 <= off.len(),
            "{model}: sure joints are off by {off:.2?} px, {mean:.2} in the mean"
        );
    }
}
