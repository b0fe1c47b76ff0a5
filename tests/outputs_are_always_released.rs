//! Whatever ends the program or takes the camera away: what was on goes off.

mod support;

use support::{Daemon, PERSON, until};

const LATCH: &str =
    "[action.lamp]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\nmode = \"latch\"\n";
const PULSE: &str = "[action.lamp]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\npulse_ms = 3000000\n";
const FOLLOW: &str = "[action.lamp]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\n";
const LINES: &str = "[publish.lines]\nkind = \"file\"\npath = \"DIR/lines\"\n";

fn for_ever() -> String {
    format!("{PERSON} 1000000")
}

#[test]
fn sigterm_during_a_pulse_releases_the_pin() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mut daemon = Daemon::start(&[&for_ever()], PULSE, &[]);
        until("the pulse begins", || {
            daemon.read("journal") == "lamp on here\n"
        });
        daemon.signal(signal);
        let (status, log) = daemon.end();
        assert!(status.success(), "{log}");
        assert_eq!(daemon.read("journal"), "lamp on here\nlamp off\n");
    }
}

#[test]
fn a_panic_in_a_stage_releases_the_pin_and_ends_the_process_with_its_message() {
    let mut daemon = Daemon::start(&[&for_ever()], LATCH, &[("POSED_FAULT", "panic")]);
    let (status, log) = daemon.end();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(
        log.contains("infer has ended: a fault in the program: asked for by POSED_FAULT"),
        "{log}"
    );
    let journal = daemon.read("journal");
    assert!(journal.starts_with("lamp on here\nlamp off\n"), "{journal}");
    assert!(journal.ends_with("lamp off\n"), "{journal}");
}

#[test]
fn a_camera_that_vanishes_releases_the_pin_and_is_taken_up_again() {
    let here = format!("{PERSON} 60");
    let mut daemon = Daemon::start(
        &[&here, "vanish 4", &here, "end"],
        &format!("{FOLLOW}{LINES}"),
        &[],
    );
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(
        daemon.read("journal"),
        "lamp on here\nlamp off\nlamp on here\nlamp off\n",
        "{log}"
    );
    let lines = daemon.read("lines");
    let states: Vec<&str> = lines
        .lines()
        .filter_map(|l| l.split("\"state\":\"").nth(1)?.split('"').next())
        .collect();
    let all = ["started", "source_lost", "source_back", "stopped"];
    assert_eq!(states, all, "{lines}");
    assert!(
        lines.contains("lost"),
        "the status line says what is wrong: {lines}"
    );
}

#[test]
fn a_camera_that_stalls_releases_the_pin() {
    let here = format!("{PERSON} 60");
    let mut daemon = Daemon::start(&[&here, "stall 4", &here, "end"], FOLLOW, &[]);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(
        daemon.read("journal"),
        "lamp on here\nlamp off\nlamp on here\nlamp off\n",
        "{log}"
    );
}

#[test]
fn a_pulse_ends_on_time_although_the_camera_stalls() {
    let short = "[action.lamp]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\npulse_ms = 100\n";
    let daemon = Daemon::start(
        &["blank 2", &format!("{PERSON} 40"), "stall 30"],
        &format!("{short}{LINES}"),
        &[],
    );
    until("the pulse has ended", || {
        daemon.read("journal") == "lamp on here\nlamp off\n"
    });
}
