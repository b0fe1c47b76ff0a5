//! A full disk, a closed pipe or a vanished reader costs lines, never an action.

mod support;

use support::{Daemon, PERSON, until};

const FOLLOW: &str = "[action.lamp]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\n";

fn script() -> [String; 2] {
    [format!("{PERSON} 40"), "end".into()]
}

#[test]
fn a_full_disk_is_said_once_and_act_goes_on() {
    let script = script();
    let full =
        format!("{FOLLOW}[publish.lines]\nkind = \"file\"\npath = \"/dev/full\"\nframes = true\n");
    let mut daemon = Daemon::start(&[&script[0], &script[1]], &full, &[]);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(daemon.read("journal"), "lamp on here\nlamp off\n", "{log}");
    assert_eq!(log.matches("No space left").count(), 1, "{log}");
}

#[test]
fn a_closed_stdout_does_not_stop_act() {
    let script = script();
    let lines = format!("{FOLLOW}[publish.lines]\nkind = \"stdout\"\nframes = true\n");
    let mut daemon = Daemon::start_with_closed_stdout(&[&script[0], &script[1]], &lines);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(daemon.read("journal"), "lamp on here\nlamp off\n", "{log}");
}

#[test]
fn a_pipe_that_nobody_reads_holds_up_neither_the_start_nor_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let lines =
        format!("{FOLLOW}[publish.lines]\nkind = \"file\"\npath = {pipe:?}\nframes = true\n");
    let for_ever = format!("{PERSON} 1000000");
    let mut daemon = Daemon::start(&[&for_ever], &lines, &[]);
    until("it acts", || daemon.read("journal") == "lamp on here\n");
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(log.matches("nobody reads this pipe").count(), 1, "{log}");
    assert!(!log.contains(" 0 lines not published"), "{log}");
}
