//! A real broker (mosquitto of Debian) for tests, and somebody else who is connected to it.
#![allow(dead_code)] // each test file uses a part

use crate::support::until;
use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};
use std::collections::{BTreeMap, VecDeque};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A broker on a port of its own, which can be stopped and started again.
pub struct Broker {
    pub dir: tempfile::TempDir,
    pub port: u16,
    child: Option<Child>,
}

impl Broker {
    /// Not started yet; `rest` is further configuration, in which DIR stands for its folder.
    pub fn new(rest: &str) -> Self {
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

    pub fn start(&mut self) {
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

    fn options(&self, name: &str) -> MqttOptions {
        let mut options = MqttOptions::new(name, "127.0.0.1", self.port);
        options.set_max_packet_size(1 << 20, 1 << 20);
        options
    }

    /// One that encrypts and lets in the user "posed" with the password "secret", for "localhost";
    /// ca.pem in its folder vouches for it.
    pub fn secured() -> Self {
        let broker = Self::new(
            "allow_anonymous false\npassword_file DIR/users\ncafile DIR/ca.pem\ncertfile DIR/cert.pem\nkeyfile DIR/key.pem",
        );
        let dir = broker.dir.path();
        std::fs::write(dir.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
        for line in [
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ca.key -out ca.pem -subj /CN=ca",
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout other.key -out other.pem -subj /CN=other",
            "openssl req -newkey rsa:2048 -nodes -keyout key.pem -out cert.csr -subj /CN=localhost",
            "openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem",
            "mosquitto_passwd -c -b users posed secret",
        ] {
            let words: Vec<&str> = line.split_whitespace().collect();
            let mut command = Command::new(words[0]);
            let command = command.args(&words[1..]).current_dir(dir);
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(status.unwrap().success(), "{line}");
        }
        broker
    }

    /// Says `payload` under `topic`, as somebody else, and waits until the broker has it.
    pub fn say(&self, topic: &str, payload: &str, retain: bool) {
        let (client, mut connection) = Client::new(self.options("speaker"), 10);
        client
            .publish(topic, QoS::AtLeastOnce, retain, payload)
            .unwrap();
        for event in connection.iter() {
            if let Event::Incoming(Packet::PubAck(_)) = event.unwrap() {
                return;
            }
        }
    }

    /// All that the broker keeps: what stands under which topic.
    pub fn kept(&self) -> BTreeMap<String, String> {
        const LAST: &str = "test/last";
        let (client, mut connection) = Client::new(self.options("keeper"), 10);
        client.subscribe("#", QoS::AtMostOnce).unwrap();
        // It comes when all that was kept has come.
        client.publish(LAST, QoS::AtLeastOnce, false, "").unwrap();
        let mut kept = BTreeMap::new();
        for event in connection.iter() {
            match event.unwrap() {
                Event::Incoming(Packet::Publish(m)) if m.topic == LAST => break,
                Event::Incoming(Packet::Publish(m)) if m.retain => {
                    let payload = String::from_utf8_lossy(&m.payload).into();
                    kept.insert(m.topic, payload);
                }
                _ => {}
            }
        }
        kept
    }

    pub fn stop(&mut self) {
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
pub struct Reader {
    _client: Client,
    connection: Connection,
    /// What came before it was asked for.
    early: VecDeque<Vec<u8>>,
}

impl Reader {
    fn new(options: MqttOptions, topic: &str) -> Self {
        let (client, mut connection) = Client::new(options, 10);
        client.subscribe(topic, QoS::AtLeastOnce).unwrap();
        let mut early = VecDeque::new();
        for event in connection.iter() {
            match event.expect("the broker takes readers") {
                Event::Incoming(Packet::SubAck(_)) => break,
                Event::Incoming(Packet::Publish(m)) => early.push_back(m.payload.to_vec()),
                _ => {}
            }
        }
        Self {
            _client: client,
            connection,
            early,
        }
    }

    /// Who reads the topics of this pattern: all that is told from now on, and what the broker keeps.
    pub fn of(broker: &Broker, topic: &str) -> Self {
        Self::new(broker.options("reader"), topic)
    }

    /// The payload of the next message, within a minute.
    pub fn next(&mut self) -> String {
        String::from_utf8(self.next_bytes()).unwrap()
    }

    /// Whether a message comes within this time.
    pub fn hears_within(&mut self, time: Duration) -> bool {
        if self.early.pop_front().is_some() {
            return true;
        }
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()) {
            let event = self.connection.recv_timeout(left);
            if let Ok(Ok(Event::Incoming(Packet::Publish(_)))) = event {
                return true;
            }
        }
        false
    }

    /// The bytes of the next message, within a minute.
    pub fn next_bytes(&mut self) -> Vec<u8> {
        if let Some(message) = self.early.pop_front() {
            return message;
        }
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            let event = self.connection.recv_timeout(Duration::from_secs(60));
            if let Ok(Ok(Event::Incoming(Packet::Publish(message)))) = event {
                return message.payload.to_vec();
            }
        }
        panic!("no message came");
    }

    /// Reads on until `wanted` comes; gives what came before.
    pub fn until(&mut self, wanted: &str) -> Vec<String> {
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
