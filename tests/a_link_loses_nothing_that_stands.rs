//! The connection to an MQTT broker by itself: queues that are full, brokers that take nothing in.

#[path = "support/broker.rs"]
mod broker;
mod support;

use broker::Broker;
use posed::mqtt::{Account, Link, LinkSettings, Will};
use posed::settings::Document;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use support::until;

fn link(port: u16) -> Link {
    let text = format!("[x]\nurl = \"mqtt://127.0.0.1:{port}\"");
    let account = Document::parse(&text).section("x", Account::read).unwrap();
    Link::start(LinkSettings {
        account: &account,
        owner: "test".into(),
        client_id: None,
        will: Will {
            topic: "will".into(),
            payload: "gone".into(),
            retain: true,
        },
        subscriptions: Vec::new(),
    })
    .unwrap()
}

#[test]
fn all_that_stands_arrives_though_the_queue_is_far_too_short() {
    const TOPICS: usize = 500;
    let mut broker = Broker::new("allow_anonymous true");
    let link = link(broker.port);
    for topic in 0..TOPICS {
        link.set(&format!("all/{topic}"), "before", true);
    }
    broker.start();
    until("all is told at the connection", || link.is_settled());
    for topic in 0..TOPICS {
        link.set(&format!("all/{topic}"), "after", true);
    }
    until("all is told", || link.is_settled());
    let kept = broker.kept();
    assert_eq!(kept.len(), TOPICS);
    assert!(kept.values().all(|payload| payload == "after"));
    // At the end too.
    for topic in 0..TOPICS {
        link.set(&format!("all/{topic}"), "end", true);
    }
    drop(link);
    let kept = broker.kept();
    assert!(kept.values().all(|payload| payload == "end"));
    assert!(!kept.contains_key("will"));
}

#[test]
fn a_broker_that_takes_nothing_in_is_never_waited_for() {
    const ACCEPTED: [u8; 4] = [0x20, 2, 0, 0];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let deaf = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        _ = stream.read(&mut [0; 1024]).unwrap();
        stream.write_all(&ACCEPTED).unwrap();
        std::thread::sleep(Duration::from_secs(3));
    });
    let link = link(port);
    until("it is connected", || link.is_settled());
    let start = Instant::now();
    let big = vec![0; 10_000];
    let sent = (0..2000)
        .filter(|_| link.send("event", big.clone()))
        .count();
    link.set("state", "on", true);
    link.tend();
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    assert!(sent < 2000, "the queue is bounded: {sent}");
    let start = Instant::now();
    drop(link);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    deaf.join().unwrap();
}

#[test]
fn what_dies_with_its_connection_is_counted_and_never_told_late() {
    let mut broker = Broker::new("allow_anonymous true");
    let link = link(broker.port);
    assert!(!link.send("event", b"early".to_vec()), "there is no broker");
    link.set("state", "on", true);
    broker.start();
    until("it is connected", || link.is_settled());
    broker.stop();
    let sent = (0..50)
        .filter(|_| link.send("event", b"late".to_vec()))
        .count();
    let mut lost = 0;
    until("the loss is noticed", || {
        lost += link.lost();
        lost == sent as u64
    });
    let mut reader = {
        broker.start();
        broker::Reader::of(&broker, "event")
    };
    until("it is connected again", || link.is_settled());
    assert!(!reader.hears_within(Duration::from_millis(500)));
    assert_eq!(broker.kept()["state"], "on");
}
