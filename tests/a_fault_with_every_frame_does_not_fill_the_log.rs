//! A camera with a bad cable must not fill the disk: whatever comes with every frame or line stands
//! in the log once in ten seconds, with the number of what was left out.

mod support;

use std::io::Write;
use std::process::{Command, Stdio};
use support::Daemon;

/// The lines that tell of frames, and the sum of all frames that they stand for.
fn told_of_frames(log: &str) -> (usize, usize) {
    let lines: Vec<&str> = log.lines().filter(|l| l.contains("frame ")).collect();
    let left_out = |line: &&str| {
        let (before, _) = line.split_once(" more like it")?;
        before.rsplit_once('(')?.1.parse::<usize>().ok()
    };
    let left_out: usize = lines.iter().filter_map(left_out).sum();
    (lines.len(), lines.len() + left_out)
}

#[test]
fn every_second_frame_damaged_is_a_line_or_two_and_their_number() {
    let steps = ["mjpeg 1", "truncated_mjpeg 1"].repeat(30);
    let script: Vec<&str> = steps.into_iter().chain(["end"]).collect();
    let mut daemon = Daemon::start(&script, "", &[]);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    let (lines, frames) = told_of_frames(&log);
    assert!(lines <= 2, "{log}");
    // One that was replaced by a newer frame before it was looked at is told by nobody.
    assert!((15..=30).contains(&frames), "{frames}: {log}");
}

#[test]
fn a_clip_of_starts_of_pictures_is_a_line_or_two() {
    let mut replay = Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(["replay", "-"])
        .env("CACHE_DIRECTORY", tempfile::tempdir().unwrap().path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let starts = [0xff, 0xd8, 0xff, 0xd8].repeat(10_000);
    let mut pipe = replay.stdin.take().unwrap();
    // What the source makes of it is for the source to say; it may leave the pipe early.
    let _ = pipe.write_all(&starts);
    drop(pipe);
    let log = String::from_utf8(replay.wait_with_output().unwrap().stderr).unwrap();
    assert!(log.lines().count() <= 10, "{} lines", log.lines().count());
}
