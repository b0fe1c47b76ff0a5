//! What both targets do with a file: load it and run it once.

use posed::engine::{EngineError, Loading, Network, OnnxFile, kernels::Isa};
use std::path::Path;

/// tract's panics are caught by the importer: they are no findings, so libFuzzer's hook, which
/// aborts, goes. One that reaches the caller still ends the run.
pub fn silence() {
    std::panic::set_hook(Box::new(|_| {}));
}

pub fn load(file: &[u8]) {
    let whole = std::panic::catch_unwind(|| {
        let onnx = OnnxFile::from_bytes(Path::new("fuzz"), file.to_vec());
        let loading = Loading {
            isa: Isa::best(),
            threads: 1,
            cache: None,
        };
        let load = |joints| Network::from_file(&onnx, 64, 64, joints, loading);
        let mut loaded = load(17);
        if let Err(EngineError::Output { found, .. }) = &loaded
            && let Some(joints) = found.split(", ").nth(1).and_then(|n| n.parse().ok())
        {
            loaded = load(joints);
        }
        if let Ok(mut network) = loaded {
            let picture = vec![0.25; network.input_len()];
            let _ = network.run(&picture, &mut Vec::new());
        }
    });
    if whole.is_err() {
        eprintln!("a panic reached the caller");
        std::process::abort();
    }
}
