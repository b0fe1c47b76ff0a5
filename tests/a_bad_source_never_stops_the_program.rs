//! Broken pictures, changing sizes and short frames are dropped and counted; the program goes on.

mod support;

use support::{Daemon, PERSON};

const FOLLOW: &str = "[action.lamp]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\n";

#[test]
fn truncated_jpegs_short_frames_and_new_sizes_are_survived() {
    let here = format!("{PERSON} 40");
    let script = [
        "frames 3",
        "truncated_mjpeg 5",
        "mjpeg 3",
        "short 5",
        "resize 320x240",
        "frames 3",
        "resize 33x17",
        "frames 3",
        "resize 1280x720",
        "mjpeg 2",
        "truncated_mjpeg 2",
        "resize 640x480",
        &here,
        "end",
    ];
    let mut daemon = Daemon::start(&script, FOLLOW, &[]);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    assert!(log.contains("JPEG"), "the damage is said: {log}");
    assert_eq!(daemon.read("journal"), "lamp on here\nlamp off\n", "{log}");
}

#[test]
fn an_impossible_source_is_an_error_with_a_mend() {
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_posed"))
        .args([
            "run",
            "--config",
            "config/posed.toml",
            "--source",
            "Cargo.toml",
        ])
        .env(
            "CACHE_DIRECTORY",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/plans"),
        )
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{log}");
    assert!(
        log.contains("Cargo.toml") && log.contains("ffmpeg"),
        "{log}"
    );
}
