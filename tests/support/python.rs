//! The Python that tests compare with: `$POSED_PYTHON`, else `.venv/bin/python` (made by
//! `./test.sh`), else `python3`.

#![allow(dead_code)] // each test file uses a part

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub fn python() -> PathBuf {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    match std::env::var_os("POSED_PYTHON") {
        Some(own) => own.into(),
        None if venv.exists() => venv,
        None => "python3".into(),
    }
}

/// What `script` of tests/eval prints, which is JSON.
pub fn ask(script: &str, arguments: &[&Path], input: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/eval")
        .join(script);
    let python = python();
    let child = Command::new(&python)
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let hint = "run `./test.sh`, which sets up .venv with what tests/eval/requirements.txt names, or \
                set POSED_PYTHON to a Python that has it";
    let mut child =
        child.unwrap_or_else(|e| panic!("{} does not start: {e}: {hint}", python.display()));
    // A script that reads nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{} lacks something: {hint}\n{stderr}",
        python.display()
    );
    serde_json::from_slice(&output.stdout).unwrap()
}
