//! sd_notify(3): ready, reloading, stopping, and a watchdog that is fed only while every stage
//! moves.

mod support;

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};
use support::{Daemon, PERSON, until};

/// The service manager's end: a socket, and all that has come to it.
struct Manager {
    socket: UnixDatagram,
    heard: String,
}

impl Manager {
    fn new(path: &std::path::Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        Self {
            socket,
            heard: String::new(),
        }
    }

    fn listen(&mut self) {
        let mut message = [0; 4096];
        while let Ok(n) = self.socket.recv(&mut message) {
            self.heard += &String::from_utf8_lossy(&message[..n]);
            self.heard.push('\n');
        }
    }

    fn has(&mut self, line: &str) -> bool {
        self.listen();
        self.heard.lines().any(|l| l.starts_with(line))
    }

    /// How often the watchdog is fed in a while.
    fn feeds(&mut self, length: Duration) -> usize {
        self.listen();
        self.heard.clear();
        let start = Instant::now();
        while start.elapsed() < length {
            self.listen();
        }
        self.heard.lines().filter(|l| *l == "WATCHDOG=1").count()
    }
}

#[test]
fn ready_fed_reloading_and_stopping() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("notify");
    let mut manager = Manager::new(&path);
    let source = format!("{PERSON} 1000000");
    let env = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "4000000"),
    ];
    let mut daemon = Daemon::start(&[&source], "", &env);
    until("READY", || manager.has("READY=1"));
    until("a status", || manager.has("STATUS="));
    assert!(
        manager.feeds(Duration::from_secs(3)) >= 2,
        "a moving program feeds: {}",
        manager.heard
    );
    daemon.signal(libc::SIGHUP);
    until("RELOADING", || manager.has("RELOADING=1"));
    assert!(manager.has("MONOTONIC_USEC="), "{}", manager.heard);
    until("READY again", || {
        manager
            .heard
            .find("RELOADING")
            .is_some_and(|at| manager.heard[at..].contains("READY=1"))
            || {
                manager.listen();
                false
            }
    });
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert!(manager.has("STOPPING=1"), "{}", manager.heard);
}

#[test]
fn a_stage_that_hangs_is_named_and_the_watchdog_starves() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("notify");
    let mut manager = Manager::new(&path);
    let source = format!("{PERSON} 1000000");
    let env = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "2000000"),
        ("POSED_FAULT", "stall"),
    ];
    let mut daemon = Daemon::start(&[&source], "", &env);
    until("the log", || {
        daemon
            .read("log")
            .contains("infer has not moved for 1s: the watchdog is no longer fed")
    });
    assert_eq!(
        manager.feeds(Duration::from_secs(2)),
        0,
        "a program that hangs does not feed"
    );
    assert!(daemon.is_running(), "only the service manager may end it");
    daemon.signal(libc::SIGTERM);
    assert!(daemon.end().0.success());
}
