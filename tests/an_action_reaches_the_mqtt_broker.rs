//! An action of the kind mqtt, with a real broker (mosquitto of Debian) that comes and goes.

mod support;

use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Daemon, PERSON, until};

const TOPIC: &str = "hall/here";

/// A broker on a port of its own, which can be stopped and started again.
struct Broker {
    dir: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl Broker {
    /// Not started yet; `rest` is further configuration, in which DIR stands for its folder.
    fn new(rest: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let port = port.unwrap().port();
        let rest = rest.replace("DIR", &dir.path().display().to_string());
        // As root it would change to a user who may not read the folder.
        let text = format!("user root\nlistener {port} 127.0.0.1\n{rest}\n");
        std::fs::write(dir.path().join("mosquitto.conf"), text).unwrap();
        let child = None;
        Self { dir, port, child }
    }

    fn start(&mut self) {
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
        let program = program.iter().find(|p| Path::new(p).exists());
        let program = program.expect("mosquitto is not installed: `apt install mosquitto`");
        let mut command = Command::new(program);
        command
            .arg("-c")
            .arg(self.dir.path().join("mosquitto.conf"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(child.spawn().unwrap());
        until("the broker listens", || {
            std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Somebody else who is connected to the broker.
struct Reader {
    _client: Client,
    connection: Connection,
}

impl Reader {
    fn new(options: MqttOptions) -> Self {
        let (client, connection) = Client::new(options, 10);
        client.subscribe(TOPIC, QoS::AtLeastOnce).unwrap();
        Self {
            _client: client,
            connection,
        }
    }

    fn of(broker: &Broker) -> Self {
        Self::new(MqttOptions::new("reader", "127.0.0.1", broker.port))
    }

    /// The next message, within a minute.
    fn next(&mut self) -> String {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            let event = self.connection.recv_timeout(Duration::from_secs(60));
            if let Ok(Ok(Event::Incoming(Packet::Publish(message)))) = event {
                return String::from_utf8(message.payload.to_vec()).unwrap();
            }
        }
        panic!("no message came");
    }

    /// Reads on until `wanted` comes; gives what came before.
    fn until(&mut self, wanted: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let message = self.next();
            if message == wanted {
                return before;
            }
            before.push(message);
        }
    }
}

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
    // Without retain the broker itself keeps nothing from one start to the next.
    let mut daemon = Daemon::start(&[&for_ever()], &action(broker.port, "retain = false"), &[]);
    until("the pose is held", || {
        daemon.read("journal") == "note on here\n"
    });
    for _ in 0..10 {
        broker.start();
        Reader::of(&broker).until("ON");
        broker.stop();
    }
    broker.start();
    let mut reader = Reader::of(&broker);
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
    Reader::of(&broker).until("up");
    let mut late = Reader::of(&broker);
    assert_eq!(late.next(), "up", "kept by the broker");
    daemon.signal(libc::SIGKILL);
    assert_eq!(late.next(), "down", "the last will");
    daemon.end();
    assert_eq!(Reader::of(&broker).next(), "down", "kept too");
}

#[test]
fn what_was_switched_while_the_broker_was_away_is_not_told_later() {
    let mut broker = Broker::new("allow_anonymous true");
    let here = format!("{PERSON} 20");
    let script: Vec<&str> = [here.as_str(), "blank 40"].repeat(3);
    let script = [script, vec!["stall 1000"]].concat();
    let mut daemon = Daemon::start(&script, &action(broker.port, "retain = false"), &[]);
    until("it was on and off three times", || {
        daemon.read("journal").matches("note off").count() == 3
    });
    broker.start();
    let mut reader = Reader::of(&broker);
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
    let mut broker = Broker::new(
        "allow_anonymous false\npassword_file DIR/users\ncafile DIR/ca.pem\ncertfile DIR/cert.pem\nkeyfile DIR/key.pem",
    );
    let dir = broker.dir.path().to_path_buf();
    let run = |program: &str, arguments: &str| {
        let status = Command::new(program)
            .args(arguments.split_whitespace())
            .current_dir(&dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{program} {arguments}");
    };
    run(
        "openssl",
        "req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ca.key -out ca.pem -subj /CN=ca",
    );
    run(
        "openssl",
        "req -newkey rsa:2048 -nodes -keyout key.pem -out cert.csr -subj /CN=localhost",
    );
    std::fs::write(dir.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    run(
        "openssl",
        "x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem",
    );
    run("mosquitto_passwd", "-c -b users posed secret");
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
