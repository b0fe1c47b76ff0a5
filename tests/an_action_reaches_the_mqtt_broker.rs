//! An action of the kind mqtt, with a real broker (mosquitto of Debian) that comes and goes.

#[path = "support/broker.rs"]
mod broker;
mod support;

use broker::{Broker, Reader};
use std::net::TcpListener;
use support::{Daemon, PERSON, until};

const TOPIC: &str = "hall/here";

fn action(port: u16, rest: &str) -> String {
    format!(
        "[action.lamp]\nkind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{port}\"\ntopic = \"{TOPIC}\"\npose = \"here\"\n{rest}\n\
        [action.note]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\n"
    )
}

fn for_ever() -> String {
    format!("{PERSON} 1000000")
}

#[test]
fn what_is_on_is_told_again_through_ten_restarts_of_the_broker_and_off_at_the_end() {
    let mut broker = Broker::new("allow_anonymous true");
    // The broker keeps nothing from one start to the next, but what it is told before the reader asks.
    let mut daemon = Daemon::start(&[&for_ever()], &action(broker.port, ""), &[]);
    until("the pose is held", || {
        daemon.read("journal") == "note on here\n"
    });
    for _ in 0..10 {
        broker.start();
        Reader::of(&broker, TOPIC).until("ON");
        broker.stop();
    }
    broker.start();
    let mut reader = Reader::of(&broker, TOPIC);
    reader.until("ON");
    daemon.signal(libc::SIGTERM);
    reader.until("OFF");
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(daemon.read("journal"), "note on here\nnote off\n");
    let said = log.matches("trying again").count();
    assert!(
        said <= 11,
        "once for each time it was away, not {said}: {log}"
    );
}

#[test]
fn whoever_comes_later_finds_the_last_state_and_a_kill_is_told_by_the_broker() {
    let mut broker = Broker::new("allow_anonymous true");
    broker.start();
    let text = action(broker.port, "payload_on = \"up\"\npayload_off = \"down\"");
    let mut daemon = Daemon::start(&[&for_ever()], &text, &[]);
    Reader::of(&broker, TOPIC).until("up");
    let mut late = Reader::of(&broker, TOPIC);
    assert_eq!(late.next(), "up", "kept by the broker");
    daemon.signal(libc::SIGKILL);
    assert_eq!(late.next(), "down", "the last will");
    daemon.end();
    assert_eq!(Reader::of(&broker, TOPIC).next(), "down", "kept too");
}

#[test]
fn each_switch_is_told_once() {
    let mut broker = Broker::new("allow_anonymous true");
    broker.start();
    let mut reader = Reader::of(&broker, TOPIC);
    let here = format!("{PERSON} 20");
    let script = [here.as_str(), "blank 40", "loop"];
    let _daemon = Daemon::start(&script, &action(broker.port, ""), &[]);
    let said: Vec<String> = (0..6).map(|_| reader.next()).collect();
    assert!(said.windows(2).all(|pair| pair[0] != pair[1]), "{said:?}");
}

#[test]
fn what_was_switched_while_the_broker_was_away_is_not_told_later() {
    let mut broker = Broker::new("allow_anonymous true");
    let here = format!("{PERSON} 20");
    let script: Vec<&str> = [here.as_str(), "blank 40"].repeat(3);
    let script = [script, vec!["stall 1000"]].concat();
    let mut daemon = Daemon::start(&script, &action(broker.port, ""), &[]);
    until("it was on and off three times", || {
        daemon.read("journal").matches("note off").count() == 3
    });
    broker.start();
    let mut reader = Reader::of(&broker, TOPIC);
    assert_eq!(reader.next(), "OFF", "at the connection");
    daemon.signal(libc::SIGTERM);
    assert_eq!(reader.next(), "OFF", "at the end");
    daemon.end();
}

#[test]
fn a_broker_that_never_answers_delays_no_action_and_not_the_end() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = deaf.local_addr().unwrap().port();
    let mut daemon = Daemon::start(&[&for_ever()], &action(port, ""), &[]);
    until("the other action", || {
        daemon.read("journal") == "note on here\n"
    });
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(daemon.read("journal"), "note on here\nnote off\n");
}

#[test]
fn it_logs_in_and_encrypts() {
    let mut broker = Broker::secured();
    let dir = broker.dir.path().to_path_buf();
    broker.start();
    std::fs::write(dir.join("password"), "secret\n").unwrap();
    let port = broker.port;
    let folder = dir.display();
    let lamp = format!(
        "[action.lamp]\nkind = \"mqtt\"\nurl = \"mqtts://localhost:{port}\"\nuser = \"posed\"\npassword_file = \"{folder}/password\"\n\
        ca_file = \"{folder}/ca.pem\"\ntopic = \"{TOPIC}\"\npose = \"here\"\n"
    );
    let mut daemon = Daemon::start(&[&for_ever()], &lamp, &[]);
    let log = daemon.file("log");
    until("it is connected", || {
        std::fs::read_to_string(&log)
            .unwrap()
            .contains("MQTT broker localhost")
            && std::fs::read_to_string(&log)
                .unwrap()
                .contains(": connected")
    });
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    // A certificate of somebody else's is not trusted.
    let other = lamp.replace("ca.pem", "cert.csr");
    let mut daemon = Daemon::start(&[&for_ever()], &other, &[]);
    let (status, log) = daemon.end();
    assert!(
        !status.success() && log.contains("holds no certificate"),
        "{log}"
    );
}
