//! Damaged, hostile and absurd ONNX files: each gives an error or a network, never a panic, a long
//! wait or a gigabyte.
//!
//! `fuzz/corpus` holds what the fuzzers found and grew; engine_corpus/nasty.rs has models made by
//! hand. The files of `fuzz/corpus/graph` are recipes of graphs (fuzz/fuzz_targets/recipe.rs),
//! those of `fuzz/corpus/onnx` are ONNX. `cargo test --test engine_corpus -- --ignored` writes
//! those into the corpus.

#[path = "engine_corpus/build.rs"]
mod build;
#[path = "engine_corpus/nasty.rs"]
mod nasty;
#[path = "../fuzz/fuzz_targets/recipe.rs"]
mod recipe;

use posed::engine::{EngineError, Loading, Network, OnnxFile, kernels::Isa};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What the issue allows, for all files of this test together.
const MAX_PEAK_KB: u64 = 1 << 20;
/// No file may take longer to load and run once, in a test build on a busy board.
const PATIENCE: Duration = Duration::from_secs(20);

fn load(name: &str, bytes: &[u8]) -> Result<Network, EngineError> {
    let start = Instant::now();
    let onnx = OnnxFile::from_bytes(Path::new(name), bytes.to_vec());
    let loading = Loading {
        isa: Isa::best(),
        threads: 1,
        cache: None,
    };
    let load = |joints| Network::from_file(&onnx, 64, 64, joints, loading);
    let mut loaded = load(17);
    // A network of other joints is as good a network.
    if let Err(EngineError::Output { found, .. }) = &loaded
        && let Some(joints) = found.split(", ").nth(1).and_then(|n| n.parse().ok())
    {
        loaded = load(joints).map_err(|_| loaded.err().unwrap_or(EngineError::Run(String::new())));
    }
    if let Ok(network) = &mut loaded {
        let picture = vec![0.25; network.input_len()];
        let _ = network.run(&picture, &mut Vec::new());
    }
    assert!(
        start.elapsed() < PATIENCE,
        "{name} took {:?}",
        start.elapsed()
    );
    loaded
}

fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn a_hostile_model_is_refused_with_the_reason() {
    let mut wrong = Vec::new();
    for (name, bytes, part) in nasty::models() {
        let before = peak_kb();
        let start = Instant::now();
        let found = load(name, &bytes).map_or_else(
            |e| e.to_string(),
            |n| format!("loaded, {:?}", n.heatmap_shape()),
        );
        let grown = peak_kb() - before;
        let took = start.elapsed();
        println!(
            "{name}: {took:.1?}, {} MB more at most: {found:.400}",
            grown >> 10
        );
        if !part.is_empty() && !found.contains(part) {
            wrong.push(format!("{name}: {part:?} expected, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(peak_kb() < MAX_PEAK_KB, "{} kB", peak_kb());
}

/// The largest that is accepted, and what is just too large.
#[test]
fn a_network_of_a_hundred_megabytes_takes_less_than_a_gigabyte() {
    let folder = tempfile::tempdir().unwrap();
    for (wide, fits) in [(5_000, true), (6_000, false)] {
        let path = folder.path().join("wide.onnx");
        let zeros =
            |o: usize, i: usize| build::floats("", &[o as i64, i as i64, 1, 1], &vec![0.0; o * i]);
        let named = |name: &str, t| tract_onnx::pb::TensorProto {
            name: name.into(),
            ..t
        };
        let model = build::Model::new()
            .constant(named("first", zeros(wide, 3)))
            .constant(named("wide", zeros(wide, wide)))
            .constant(named("last", zeros(17, wide)))
            .node("Conv", "x first", "a", &[build::list("strides", &[31, 31])])
            .node("Conv", "a wide", "b", &[])
            .node("Conv", "b last", "y", &[]);
        std::fs::write(&path, model.bytes()).unwrap();
        let loaded = Network::load(&path, 64, 64, 17, 1);
        println!(
            "{wide}: {} MB, {:?}",
            peak_kb() >> 10,
            loaded.as_ref().err()
        );
        assert_eq!(loaded.is_ok(), fits, "{:?}", loaded.err());
        if let Ok(mut network) = loaded {
            network
                .run(&vec![0.25; network.input_len()], &mut Vec::new())
                .unwrap();
        }
    }
    assert!(peak_kb() < MAX_PEAK_KB, "{} kB", peak_kb());
}

#[test]
fn what_the_fuzzers_found_stays_harmless() {
    for file in corpus("onnx") {
        let _ = load(&file.display().to_string(), &std::fs::read(&file).unwrap());
    }
    for file in corpus("graph") {
        if let Some(model) = recipe::file(&std::fs::read(&file).unwrap()) {
            let _ = load(&file.display().to_string(), &model);
        }
    }
    assert!(peak_kb() < MAX_PEAK_KB, "{} kB", peak_kb());
}

/// Writes the models of engine_corpus/nasty.rs that are small into the fuzzer's corpus.
#[test]
#[ignore = "writes files"]
fn write_the_hand_made_models() {
    for (name, bytes, _) in nasty::models().into_iter().filter(|m| m.1.len() < 8000) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/onnx");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}
