//! Names this build's lowering: `PLAN_SOURCES` is a hash of everything that a lowered plan depends
//! on, so that a plan of another build is never taken for one of this (src/engine/cache.rs). Nobody
//! has to remember to raise a number.

use std::path::{Path, PathBuf};

/// FNV-1a, 64 bits: the same on every machine and with every compiler.
fn add(hash: &mut u64, bytes: &[u8]) {
    for &b in bytes {
        *hash = (*hash ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
    }
}

fn files(of: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(of) else {
        return found.push(of.into());
    };
    entries.flatten().for_each(|e| files(&e.path(), found));
}

fn main() {
    let mut found = Vec::new();
    // Cargo.lock: another tract may fold constants differently.
    for source in ["src/engine", "src/engine.rs", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={source}");
        files(Path::new(source), &mut found);
    }
    found.sort();
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for file in found
        .iter()
        .filter(|f| f.extension().is_some_and(|e| e == "rs" || e == "lock"))
    {
        add(&mut hash, file.to_string_lossy().as_bytes());
        add(&mut hash, &std::fs::read(file).unwrap_or_default());
    }
    println!("cargo:rustc-env=PLAN_SOURCES={hash:016x}");
}
