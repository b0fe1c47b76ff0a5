//! SIGHUP takes up a good new configuration and refuses one that is broken or cannot be opened,
//! keeping the old. What did not change goes on: outputs, readers and time. Where nobody said that SIGHUP
//! is meant so, it is a terminal's that has closed.

mod support;

use support::{Daemon, PERSON, until};

fn action(name: &str) -> String {
    format!(
        "[action.{name}]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\nmode = \"latch\"\n"
    )
}

#[test]
fn a_broken_configuration_is_refused_and_a_good_one_taken_up() {
    let source = format!("{PERSON} 1000000");
    let mut daemon = Daemon::start_reloading(&[&source], &action("first"));
    until("the first action", || {
        daemon.read("journal") == "first on here\n"
    });
    daemon.rewrite(
        &[&source],
        "[action.second]\nkind = \"nonsense\"\npose = \"here\"\n",
    );
    daemon.signal(libc::SIGHUP);
    until("the refusal", || {
        daemon
            .read("log")
            .contains("is refused and the old one kept")
    });
    assert!(
        daemon.read("log").contains("action.second.kind"),
        "{}",
        daemon.read("log")
    );
    assert_eq!(
        daemon.read("journal"),
        "first on here\n",
        "the old one goes on"
    );
    daemon.rewrite(&[&source], &action("third"));
    daemon.signal(libc::SIGHUP);
    until("the third action", || {
        daemon.read("journal") == "first on here\nfirst off\nthird on here\n"
    });
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(
        daemon.read("journal"),
        "first on here\nfirst off\nthird on here\nthird off\n"
    );
}

#[test]
fn a_configuration_whose_output_cannot_be_opened_gives_way_to_the_old_one() {
    let source = format!("{PERSON} 1000000");
    let mut daemon = Daemon::start_reloading(&[&source], &action("first"));
    until("the first action", || {
        daemon.read("journal") == "first on here\n"
    });
    daemon.rewrite(
        &[&source],
        // A file is in the socket's way.
        &(action("second") + "[publish.p]\nkind = \"socket\"\npath = \"DIR/posed.toml\"\n"),
    );
    daemon.signal(libc::SIGHUP);
    until("the old one acts again", || {
        daemon.read("journal") == "first on here\nfirst off\nfirst on here\n"
    });
    let log = daemon.read("log");
    assert!(
        log.contains("is refused and the old one kept") && log.contains("is in the way"),
        "{log}"
    );
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(
        daemon.read("journal"),
        "first on here\nfirst off\nfirst on here\nfirst off\n"
    );
}

#[test]
fn what_did_not_change_does_not_move_and_no_reader_is_cut_off() {
    use std::io::{BufRead, BufReader};
    let source = format!("{PERSON} 1000000");
    let lamp = action("lamp").replace("latch", "follow");
    let socket = "[publish.lines]\nkind = \"socket\"\npath = \"DIR/socket\"\nframes = true\n";
    let kept = format!("{}{lamp}{socket}", action("bell"));
    let mut daemon = Daemon::start_reloading(&[&source], &kept);
    until("both are on", || {
        daemon.read("journal") == "bell on here\nlamp on here\n"
    });
    let reader = std::os::unix::net::UnixStream::connect(daemon.file("socket")).unwrap();
    let mut lines = BufReader::new(reader).lines();
    daemon.rewrite(
        &[&source],
        &(kept + &action("siren") + "[pose.a]\nwhen = \"nose above left_hip\"\n"),
    );
    daemon.signal(libc::SIGHUP);
    until("the new action", || {
        daemon.read("journal") == "bell on here\nlamp on here\nsiren on here\n"
    });
    // The same reader hears the end of one run and the beginning of the next.
    let mut last = 0.0;
    let mut states = Vec::new();
    while !states.contains(&"started".to_string()) {
        let line: serde_json::Value =
            serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let t = line["t"].as_f64().unwrap();
        assert!(t >= last, "time goes on: {t} after {last}");
        last = t;
        states.extend(line["state"].as_str().map(String::from));
    }
    assert_eq!(states, ["stopped", "started"]);
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(
        daemon.read("journal").matches("off").count(),
        3,
        "each once, at the end"
    );
}

#[test]
fn a_terminal_that_closes_ends_the_program_and_releases_its_outputs() {
    let source = format!("{PERSON} 1000000");
    let mut daemon = Daemon::start(&[&source], &action("first"), &[]);
    until("the action", || daemon.read("journal") == "first on here\n");
    daemon.signal(libc::SIGHUP);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(daemon.read("journal"), "first on here\nfirst off\n");
}

/// What was read of a pipe and is not used yet belongs to the source that goes on.
#[test]
fn a_stream_on_stdin_goes_on_where_it_was() {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    let lines = dir.path().join("lines");
    let config = |more: &str| {
        let text = format!(
            "[source]\nkind = \"stdin\"\n[find]\nkind = \"whole_frame\"\n[publish.lines]\nkind = \"file\"\npath = {lines:?}\nframes = true\n{more}"
        );
        std::fs::write(dir.path().join("posed.toml"), text).unwrap();
    };
    config("");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(["run", "--reload-on-hup", "--config"])
        .arg(dir.path().join("posed.toml"))
        .env("CACHE_DIRECTORY", dir.path().join("plans"))
        .stdin(std::process::Stdio::piped())
        .stderr(std::fs::File::create(dir.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let log = || std::fs::read_to_string(dir.path().join("log")).unwrap();
    let frames = || {
        let text = std::fs::read_to_string(&lines).unwrap_or_default();
        text.matches("\"type\":\"frame\"").count()
    };
    let frame = [b"FRAME\n".to_vec(), vec![128; 64 * 48]].concat();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(b"YUV4MPEG2 W64 H48 F20:1 Cmono\n").unwrap();
    // Half a frame waits in the pipe while the configuration is read again.
    let (half, rest) = frame.split_at(1000);
    pipe.write_all(&frame).unwrap();
    pipe.write_all(half).unwrap();
    until("the first frame", || frames() == 1);
    config("[pose.p]\nwhen = \"nose above left_hip\"\n");
    // SAFETY: kill(2) takes any numbers; the child has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGHUP) }, 0);
    until("the new configuration", || log().contains("1 poses"));
    pipe.write_all(rest).unwrap();
    until("the second frame", || frames() == 2);
    drop(pipe);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(3), "the pipe has ended: {}", log());
    assert!(!log().contains("damaged 1"), "{}", log());
}
