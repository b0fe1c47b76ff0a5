//! What sinks promise, shown on each of them.

use super::*;
use crate::report::{Report, State, json};
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A report that is one line, as long as `detail` makes it.
fn told(detail: &str) -> Report {
    Report {
        state: Some(State::SourceLost(detail.into())),
        ..Report::default()
    }
}

fn open(text: &str) -> Result<Box<dyn Listener>, Trouble> {
    let document = crate::settings::Document::parse(text);
    let settings = document.named("publish", |s, _| read(s));
    assert!(document.faults().is_empty(), "{:?}", document.faults());
    settings[0].sink.open("lines")
}

fn socket(path: &Path) -> Result<Box<dyn Listener>, Trouble> {
    open(&format!(
        "[publish.lines]\nkind = \"socket\"\npath = {path:?}"
    ))
}

#[test]
fn a_full_disk_loses_lines_and_nothing_else() {
    let mut out = open("[publish.lines]\nkind = \"file\"\npath = \"/dev/full\"").unwrap();
    assert_eq!(out.hear(&told("one")), 1);
    assert_eq!(out.hear(&told("two")), 1);
}

#[test]
fn a_socket_serves_readers_and_survives_their_leaving() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let mut out = socket(&path).unwrap();
    let taken = socket(&path).err().unwrap().to_string();
    assert!(taken.contains("another program listens"), "{taken}");
    let mut reader = BufReader::new(UnixStream::connect(&path).unwrap());
    out.hear(&told("one"));
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(
        line,
        "{\"schema\":\"posed/1\",\"type\":\"status\",\"t\":0.000,\"state\":\"source_lost\",\"detail\":\"one\"}\n"
    );
    drop(reader);
    for _ in 0..3 {
        assert_eq!(out.hear(&told("two")), 0);
    }
    drop(out);
    assert!(!path.exists());
}

#[test]
fn the_group_may_connect_to_a_socket_and_others_may_not_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let _out = socket(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}

#[test]
fn a_reader_who_never_reads_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let mut out = socket(&path).unwrap();
    let _sleeper = UnixStream::connect(&path).unwrap();
    let long = told(&"x".repeat(1 << 20));
    let lost: u64 = (0..4).map(|_| out.hear(&long)).sum();
    assert_eq!(lost, 1, "the line that it was cut off in, and none after");
}

#[test]
fn events_come_without_frames_where_those_are_not_wanted() {
    let mut report = told("x");
    report.is_frame = true;
    let mut lines = Vec::new();
    json::write(&mut lines, &report, false);
    assert_eq!(count(&lines), 1);
    json::write(&mut lines, &report, true);
    assert_eq!(count(&lines), 3);
}
