//! What a webhook promises, shown on a server that answers as it is told.

use super::*;
use crate::recognise::EventKind;
use crate::settings::Document;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

/// A server that answers each connection with the next of `statuses`, and gives what was sent.
fn server(statuses: &'static [&'static str]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let lower = head.to_lowercase();
            let length = lower.split_once("content-length: ").unwrap().1;
            let length = length.split_once("\r\n").unwrap().0.parse().unwrap();
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            let place = if status.starts_with('3') {
                "Location: /elsewhere\r\n"
            } else {
                ""
            };
            stream.write_all(format!("{place}\r\n").as_bytes()).unwrap();
            let _ = tell.send(head + &String::from_utf8(body).unwrap());
        }
    });
    (url, told)
}

fn open(url: &str, rest: &str) -> Box<dyn Actuator> {
    let text = format!("[action.a]\nkind = \"webhook\"\nurl = \"{url}\"\n{rest}");
    let document = Document::parse(&text);
    let read = document.named("action", |s, _| s.kind(super::super::KINDS, None));
    assert!(document.faults().is_empty(), "{:?}", document.faults());
    read[0].open("a").unwrap()
}

fn event() -> Event {
    Event {
        kind: EventKind::Enter,
        pose: "wave".into(),
        person: 3,
        time: Duration::from_secs(2),
        confidence: 0.5,
        held: Duration::ZERO,
        count: None,
    }
}

fn next(told: &Receiver<String>) -> String {
    told.recv_timeout(Duration::from_secs(20)).unwrap()
}

#[test]
fn the_event_arrives_as_the_line_of_it_with_the_token() {
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    let (url, told) = server(&["204 No Content"]);
    let mut hook = open(&url, &format!("token_file = \"{}\"", token.display()));
    hook.activate(&event()).unwrap();
    let request = next(&told);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains("authorization: bearer s3cret"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (&json["type"], &json["event"]),
        (&"event".into(), &"enter".into())
    );
    assert_eq!(
        (&json["pose"], &json["person"]),
        (&"wave".into(), &3.into())
    );
    assert!(
        json["time"].is_string() && json["schema"] == "posed/1",
        "{body}"
    );
}

#[test]
fn what_was_not_taken_is_sent_again_and_what_will_never_be_is_not() {
    let (url, told) = server(&["503 Busy", "200 OK", "404 Gone", "200 OK"]);
    let mut hook = open(&url, "retries = 3");
    let start = Instant::now();
    for person in [1, 2, 3] {
        hook.activate(&Event { person, ..event() }).unwrap();
    }
    assert!(
        start.elapsed() < Duration::from_millis(100),
        "act never waits"
    );
    let person = |request: String| request.split_once("\"person\":").unwrap().1[..1].to_string();
    let came: Vec<String> = (0..4).map(|_| person(next(&told))).collect();
    assert_eq!(came, ["1", "1", "2", "3"]);
    assert!(start.elapsed() >= FIRST_RETRY);
}

#[test]
fn an_address_that_has_moved_is_not_followed() {
    let (url, told) = server(&["301 Moved", "200 OK"]);
    let mut hook = open(&url, "");
    hook.activate(&event()).unwrap();
    next(&told);
    assert!(told.recv_timeout(Duration::from_millis(300)).is_err());
}

#[test]
fn nobody_there_delays_nothing_and_the_end_is_prompt() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut hook = open(&format!("http://127.0.0.1:{port}/"), "");
    let start = Instant::now();
    for _ in 0..10 * WAITING {
        hook.activate(&event()).unwrap();
    }
    drop(hook);
    assert!(start.elapsed() < LAST_WORD + Duration::from_secs(1));
}

#[test]
fn a_server_that_says_nothing_holds_up_only_the_webhook_and_not_for_longer_than_its_limit() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let mut hook = open(&url, "time_limit_s = 0.2\nretries = 0");
    hook.activate(&event()).unwrap();
    hook.activate(&event()).unwrap();
    let (first, _) = silent.accept().unwrap();
    let (second, _) = silent.accept().unwrap();
    drop((first, second));
}

#[test]
fn addresses_that_are_none_are_refused() {
    for wrong in [
        "",
        "hook",
        "ftp://a/b",
        "http://",
        "https://me:secret@host/",
        "mqtt://a",
        "http://127.0.0.1:99999/h",
        "https://a:0/h",
        "http://a:x",
    ] {
        assert!(check_url(wrong).is_err(), "{wrong}");
    }
    for good in [
        "http://a",
        "https://a.b/c?d=e",
        "http://[::1]:8123/api/webhook/x",
    ] {
        assert_eq!(check_url(good), Ok(()), "{good}");
    }
    assert_eq!(host("https://a.b:99/secret?x"), "a.b:99");
}
