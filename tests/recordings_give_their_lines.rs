//! A recording replays to the lines that are kept beside it, byte for byte, and its actions note
//! the changes that are kept there.
//!
//! Each folder in tests/recordings is a case; its README.md tells what lies in one. `BLESS=1`
//! writes what the program gives now.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a recording gave: its lines, and what each of its actions noted, by file name.
type Given = Vec<(String, Vec<u8>)>;

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings");
const LINES: &str = "events.jsonl";
const CHANGES: &str = "changes";

#[test]
fn each_recording_gives_its_lines_byte_for_byte() {
    let bless = std::env::var_os("BLESS").is_some();
    let recordings = sorted(Path::new(RECORDINGS), |p| p.join("posed.toml").exists());
    assert!(!recordings.is_empty(), "no recording in {RECORDINGS}");
    let mut wrong = String::new();
    for recording in &recordings {
        for (name, given) in replay(recording) {
            let kept = recording.join(&name);
            if bless {
                std::fs::write(&kept, given).unwrap();
            } else if let Some(difference) = difference(&read(&kept), &given) {
                writeln!(wrong, "{}: {difference}", kept.display()).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn persons_enter_hold_and_leave_poses_in_them() {
    let lines: String = sorted(Path::new(RECORDINGS), Path::is_dir)
        .iter()
        .map(|r| String::from_utf8(read(&r.join(LINES))).unwrap())
        .collect();
    for event in ["enter", "hold", "exit"] {
        let event = format!("\"event\":\"{event}\"");
        assert!(lines.contains(&event), "no recording has {event}");
    }
}

/// Runs `posed replay` in a copy of the recording's folder, where its actions note their changes.
fn replay(recording: &Path) -> Given {
    let dir = tempfile::tempdir().unwrap();
    let clip = sorted(recording, |p| p.file_stem().is_some_and(|s| s == "clip"));
    assert_eq!(clip.len(), 1, "{}: {clip:?}", recording.display());
    let clip = clip[0].file_name().unwrap();
    copy(&recording.join(clip), &dir.path().join(clip));
    copy(
        &recording.join("posed.toml"),
        &dir.path().join("posed.toml"),
    );
    let more = String::from_utf8(read(&recording.join("arguments"))).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_posed"))
        .arg("replay")
        .arg(clip)
        .args(["--config", "posed.toml"])
        .args(more.split_whitespace())
        .current_dir(dir.path())
        // Of the repository, wherever the program was built; and never the user's cache of plans.
        .env(
            "POSED_MODELS",
            concat!(env!("CARGO_MANIFEST_DIR"), "/models"),
        )
        .env("CACHE_DIRECTORY", dir.path().join("plans"))
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}: {}",
        recording.display(),
        String::from_utf8_lossy(&out.stderr)
    );
    let is_changes = |p: &Path| p.extension().is_some_and(|e| e == CHANGES);
    let mut names: Vec<String> = sorted(dir.path(), is_changes)
        .into_iter()
        .chain(sorted(recording, is_changes))
        .map(|p| p.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    let changes = names.into_iter().map(|name| {
        let noted = read(&dir.path().join(&name));
        (name, noted)
    });
    std::iter::once((LINES.to_owned(), out.stdout))
        .chain(changes)
        .collect()
}

/// The first line that differs, of both.
fn difference(kept: &[u8], given: &[u8]) -> Option<String> {
    if kept == given {
        return None;
    }
    let mut pairs = (1..).zip(lines(kept).zip(lines(given)));
    let (n, (kept, given)) = pairs.find(|(_, (a, b))| a != b)?;
    Some(format!(
        "line {n} differs\n  kept:  {kept}\n  given: {given}"
    ))
}

/// Lines with their ends, for ever: after the last one there is nothing.
fn lines(text: &[u8]) -> impl Iterator<Item = String> {
    text.split_inclusive(|b| *b == b'\n')
        .map(|line| String::from_utf8_lossy(line).replace('\n', "⏎"))
        .chain(std::iter::repeat("nothing".to_owned()))
}

/// The file's bytes; none where it is missing.
fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

fn sorted(dir: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut paths: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    paths.retain(|p| wanted(p));
    paths.sort();
    paths
}

/// A file, or a folder of files.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir(to).unwrap();
        for file in sorted(from, Path::is_file) {
            copy(&file, &to.join(file.file_name().unwrap()));
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}
