//! The page as browsers and programs ask for it, and as attackers do: what is answered, what is
//! refused, and that nothing of it holds up the program.

mod support;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use support::{Daemon, PERSON, until};

/// A daemon with a page.
struct Page {
    daemon: Daemon,
    port: u16,
}

/// What was answered.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|l| l.split_once(": "));
        let mut found = lines.filter(|(n, _)| n.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }
}

impl Page {
    /// With one person who stays.
    fn start(keys: &str) -> Self {
        Self::with(&[&for_ever()], keys)
    }

    fn with(script: &[&str], keys: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let port = port.unwrap().port();
        let rest = format!(
            "[publish.page]\nkind = \"web\"\nlisten = \"127.0.0.1:{port}\"\n{keys}\n\
             [action.note]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\n"
        );
        let daemon = Daemon::start(script, &rest, &[]);
        let page = Self { daemon, port };
        until("the page answers", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        // It listens before the pipeline has told it what there is.
        until("the page knows what it shows", || {
            let state = page.get("/state");
            state.status != 200 || state.json()["keypoints"].is_array()
        });
        page
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).unwrap();
        stream
    }

    /// Sends a request; `rest` is its further head, each line ended by \r\n.
    fn ask(&self, request: &str, rest: &str, body: &str) -> Answer {
        let mut stream = self.connect();
        let host = match rest.to_lowercase().contains("host:") {
            true => String::new(),
            false => format!("Host: 127.0.0.1:{}\r\n", self.port),
        };
        let length = body.len();
        write!(
            stream,
            "{request} HTTP/1.1\r\n{host}{rest}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        answer(&all)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "", "")
    }

    fn state(&self) -> serde_json::Value {
        self.get("/state").json()
    }

    fn frames(&self) -> u64 {
        self.state()["frames"].as_u64().unwrap_or(0)
    }

    /// A stream of which the head was read.
    fn stream(&self, path: &str) -> BufReader<TcpStream> {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert!(reader.read_line(&mut line).unwrap() > 0, "{path} ended");
        }
        reader
    }
}

fn answer(all: &[u8]) -> Answer {
    let end = all.windows(4).position(|w| w == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(all)));
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = all[end + 4..].to_vec();
    Answer { status, head, body }
}

fn for_ever() -> String {
    format!("{PERSON} 1000000")
}

/// The next event of a stream, without its "data: "; chunk sizes between are passed over.
fn next_event(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
        if let Some(event) = line.strip_prefix("data: ") {
            return event.trim_end().into();
        }
    }
}

#[test]
fn the_state_lines_and_explanations_tell_of_the_person() {
    let page = Page::start("");
    until("the pose is held", || page.state()["held"][0] == "here");
    let state = page.state();
    assert_eq!(state["people"], 1);
    assert_eq!(state["source"]["state"], "running");
    assert_eq!(state["poses"][0]["terms"][0]["text"], "nose above mid_hip");
    assert_eq!(state["picture"], "whole");
    assert!(state["fps"].as_f64().unwrap() > 1.0);
    let took = state["stages"].as_array().unwrap().iter();
    let ms: f64 = took.map(|s| s["ms"].as_f64().unwrap()).sum();
    assert!(ms > 0.1, "{state}");

    let mut lines = page.stream("/lines");
    let line: serde_json::Value = serde_json::from_str(&next_event(&mut lines)).unwrap();
    assert_eq!(
        (&line["schema"], &line["type"]),
        (&"posed/1".into(), &"frame".into())
    );
    assert_eq!(line["people"][0]["poses"][0], "here");

    let mut why = page.stream("/why");
    let why: serde_json::Value = serde_json::from_str(&next_event(&mut why)).unwrap();
    let pose = &why["people"][0]["poses"][0];
    assert_eq!(
        (&pose["verdict"], &pose["active"]),
        (&"holds".into(), &true.into())
    );
    assert!(pose["terms"][0]["value"].as_f64().unwrap() > 0.5, "{pose}");

    let metrics = page.get("/metrics").text();
    for wanted in [
        "posed_events_total{pose=\"here\",event=\"enter\"} 1",
        "posed_frames_total ",
        "posed_step_seconds_count{step=\"estimate\"} ",
        "posed_people 1",
        "posed_build_info{version=",
        "# EOF",
    ] {
        assert!(metrics.contains(wanted), "{wanted}: {metrics}");
    }
    let mut kinds: Vec<&str> = metrics
        .lines()
        .filter(|l| l.starts_with("# TYPE "))
        .collect();
    let all = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), all, "each is described once");
    let health = page.get("/health");
    assert_eq!(
        (health.status, health.text().as_str()),
        (200, "{\"state\":\"well\"}")
    );
}

#[test]
fn pictures_are_those_of_the_lines_frames_and_blurred_or_withheld_if_asked() {
    let page = Page::start("");
    let snapshot = page.get("/snapshot.jpg");
    assert_eq!(
        (snapshot.status, snapshot.header("content-type")),
        (200, Some("image/jpeg"))
    );
    let size = |jpeg: &[u8]| {
        let mut frame = posed::frame::Frame::default();
        posed::decode::photo(jpeg, &mut frame).unwrap();
        (frame.size.width, frame.size.height)
    };
    let whole = size(&snapshot.body);
    let photo = size(&std::fs::read("photos/basketball.jpg").unwrap());
    assert_eq!(whole, photo);
    let mut pictures = page.stream("/stream.mjpg");
    let mut numbers = Vec::new();
    let mut line = String::new();
    while numbers.len() < 3 {
        line.clear();
        let mut raw = Vec::new();
        pictures.read_until(b'\n', &mut raw).unwrap();
        line.push_str(&String::from_utf8_lossy(&raw));
        if let Some(number) = line.trim().strip_prefix("X-Posed-Frame: ") {
            numbers.push(number.parse::<u64>().unwrap());
        }
    }
    assert!(
        numbers.is_sorted() && numbers[0] < numbers[2],
        "{numbers:?}"
    );

    let blurred = Page::start("picture = \"blurred\"");
    let (width, height) = size(&blurred.get("/snapshot.jpg").body);
    assert!(width.max(height) <= 24, "{width}x{height}");

    let none = Page::start("picture = \"none\"");
    for path in ["/snapshot.jpg", "/stream.mjpg"] {
        assert_eq!(none.get(path).status, 404, "{path}");
    }
    assert_eq!(none.state()["picture"], "none");
}

#[test]
fn the_last_seconds_are_saved_as_a_clip_that_replays() {
    let page = Page::start("clips = \"DIR/clips\"");
    until("some frames", || page.frames() > 20);
    let saved = page.ask("POST /clip", "", "");
    assert_eq!(saved.status, 200, "{}", saved.text());
    let file = saved.json()["file"].as_str().unwrap().to_string();
    let source = posed::capture::from_argument(file.as_ref()).unwrap();
    let mut source = source.open(posed::capture::Pace::Recorded).unwrap();
    let mut frame = posed::frame::Frame::default();
    let mut frames = 0;
    while source.next(&mut frame).unwrap() == posed::capture::Next::Frame {
        frames += 1;
    }
    assert!(frames >= 10, "{frames}");
    let without = Page::start("");
    assert_eq!(without.ask("POST /clip", "", "").status, 404);
}

#[test]
fn only_who_knows_the_password_sees_anything() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_posed"))
        .arg("password")
        .arg(&file)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"open sesame\n")
        .unwrap();
    assert!(child.wait().unwrap().success());
    let page = Page::start(&format!("password_file = {file:?}\nedit = true"));
    for path in [
        "/state",
        "/lines",
        "/why",
        "/metrics",
        "/snapshot.jpg",
        "/stream.mjpg",
        "/config",
        "/qr.svg",
    ] {
        assert_eq!(page.get(path).status, 401, "{path}");
    }
    assert_eq!(page.ask("POST /config", "", "").status, 401);
    assert_eq!(page.ask("POST /clip", "", "").status, 401);
    let front = page.get("/");
    assert_eq!(
        (front.status, front.header("location")),
        (303, Some("/login"))
    );
    assert_eq!(page.get("/health").status, 200);
    assert_eq!(page.get("/login").status, 200);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let log_in = |password: &str| page.ask("POST /login", form, &format!("password={password}"));
    let right = log_in("open+sesame");
    assert_eq!((right.status, right.header("location")), (303, Some("/")));
    let cookie = right.header("set-cookie").unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let session = cookie.split(';').next().unwrap();
    let with = |path: &str| {
        page.ask(
            &format!("GET {path}"),
            &format!("Cookie: {session}\r\n"),
            "",
        )
    };
    assert_eq!(with("/state").status, 200);
    // Home automation sends the password with each request.
    let basic = "Authorization: Basic cG9zZWQ6b3BlbiBzZXNhbWU=\r\n";
    assert_eq!(page.ask("GET /state", basic, "").status, 200);
    let out = page.ask("POST /logout", &format!("Cookie: {session}\r\n"), "");
    assert_eq!(out.status, 303);
    assert_eq!(with("/state").status, 401);
    assert_eq!(log_in("wrong").header("location"), Some("/login?wrong"));
    let waits = log_in("open+sesame");
    assert!(
        waits
            .header("location")
            .unwrap()
            .starts_with("/login?wait="),
        "{}",
        waits.head
    );
}

#[test]
fn a_configuration_is_saved_only_whole_and_by_who_saw_the_last_one() {
    let page = Page::start("edit = true");
    let read = page.get("/config");
    let tag = read.header("etag").unwrap().to_string();
    let old = read.text();
    assert_eq!(old, page.daemon.read("posed.toml"));
    let broken = old.replace("nose above", "nose abvoe");
    let faults = page.ask("POST /config/check", "", &broken).json();
    assert_eq!(faults["faults"][0]["key"], "pose.here.when", "{faults}");
    let save =
        |text: &str, tag: &str| page.ask("POST /config", &format!("If-Match: {tag}\r\n"), text);
    assert_eq!(save(&broken, &tag).status, 422);
    let new = old.replace("nose above mid_hip", "nose below mid_hip");
    assert_eq!(save(&new, "\"other\"").status, 412);
    assert_eq!(page.daemon.read("posed.toml"), old, "nothing was written");
    let frames = page.frames();
    let saved = save(&new, &tag);
    assert_eq!(saved.status, 200, "{}", saved.text());
    assert_eq!(page.daemon.read("posed.toml"), new);
    assert_eq!(page.daemon.read("posed.toml.old"), old);
    until("the new rule is in use", || {
        page.state()["poses"][0]["terms"][0]["text"] == "nose below mid_hip"
    });
    until("nobody holds it", || {
        page.state()["held"].as_array().unwrap().is_empty()
    });
    assert!(page.frames() >= frames, "counts go on");
    let closed = Page::start("");
    assert_eq!(closed.get("/config").status, 404);
    assert_eq!(closed.ask("POST /config", "", "x").status, 404);
}

#[test]
fn a_pose_is_taught_through_the_page_and_held_from_then_on() {
    let page = Page::start("edit = true\n[zone.left]\npoints = [[0, 0], [0.5, 0], [0.5, 1]]");
    until("somebody is seen", || page.state()["held"][0] == "here");
    let mut lines = page.stream("/lines");
    let line: serde_json::Value = serde_json::from_str(&next_event(&mut lines)).unwrap();
    let seen = &line["people"][0]["keypoints"];
    let teach = |name: &str, people: &serde_json::Value| {
        let body = serde_json::json!({"name": name, "people": people}).to_string();
        page.ask("POST /taught", "Content-Type: application/json\r\n", &body)
    };
    for (name, people, said) in [
        ("a b", serde_json::json!([seen]), "is no name of a pose"),
        ("../me", serde_json::json!([seen]), "is no name of a pose"),
        ("me", serde_json::json!([]), "nobody was seen well enough"),
        ("me", serde_json::json!([{"tail": [1, 2, 3]}]), "no joint"),
        (
            "me",
            serde_json::json!([{"nose": [1, 2, 0.9]}]),
            "nobody was seen well enough",
        ),
    ] {
        let answer = teach(name, &people);
        assert_eq!(answer.status, 422, "{name}");
        assert!(answer.text().contains(said), "{}", answer.text());
    }
    let taught = teach("me", &serde_json::json!([seen, seen, seen]));
    assert_eq!(taught.status, 200, "{}", taught.text());
    let pose = &taught.json()["poses"][0];
    assert_eq!(
        (&pose["name"], &pose["examples"]),
        (&"me".into(), &3.into())
    );
    assert!(page.daemon.read("poses/me.toml").contains("[[example]]"));

    let read = page.get("/config");
    let tag = read.header("etag").unwrap().to_string();
    let new = read.text() + "[pose.me]\nlike = \"me\"\n";
    let saved = page.ask("POST /config", &format!("If-Match: {tag}\r\n"), &new);
    assert_eq!(saved.status, 200, "{}", saved.text());
    until("the taught pose is held", || {
        let held = page.state()["held"].clone();
        held.as_array().unwrap().contains(&"me".into())
    });
    assert_eq!(page.state()["zones"][0]["name"], "left");
    let forget = |name: &str| {
        let body = serde_json::json!({"name": name}).to_string();
        page.ask(
            "POST /taught/forget",
            "Content-Type: application/json\r\n",
            &body,
        )
    };
    assert_eq!((forget("me").status, forget("you").status), (422, 422));
    assert_eq!(page.get("/taught").json()["poses"][0]["name"], "me");
    let closed = Page::start("");
    assert_eq!(closed.get("/taught").status, 404);
}

#[test]
fn strangers_are_refused() {
    let page = Page::start("");
    let host = |host: &str| {
        page.ask("GET /state", &format!("Host: {host}\r\n"), "")
            .status
    };
    let own = posed::host::name().unwrap();
    assert_eq!(page.state()["name"], own.as_str());
    assert_eq!((host(&own), host(&format!("{own}.local:8420"))), (200, 200));
    assert_eq!(
        (host("evil.example"), host("localhost"), host("10.1.2.3:80")),
        (421, 200, 200)
    );
    let origin = |origin: &str| {
        page.ask("GET /state", &format!("Origin: {origin}\r\n"), "")
            .status
    };
    assert_eq!(origin("https://evil.example"), 403);
    assert_eq!(origin(&format!("http://127.0.0.1:{}", page.port)), 200);
    for path in [
        "/../Cargo.toml",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/page/",
        "/.git/config",
        "/clips/",
        "/index.html/..",
        "/page.css/../../Cargo.toml",
    ] {
        let answer = page.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
    let front = page.get("/");
    assert_eq!(front.status, 200);
    let policy = front.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(front.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.ask("DELETE /config", "", "").status, 405);
}

#[test]
fn no_attack_holds_up_the_program_or_its_outputs() {
    let person = format!("{PERSON} 40");
    let script = [person.as_str(), "blank 20", "loop"];
    let mut page = Page::with(&script, "");
    let rate = |page: &Page| {
        let (start, before) = (Instant::now(), page.frames());
        std::thread::sleep(Duration::from_secs(2));
        (page.frames() - before) as f64 / start.elapsed().as_secs_f64()
    };
    until("frames come", || page.frames() > 5);
    let calm = rate(&page);
    // Half-open connections, more than may be at once; slow ones; endless heads and bodies.
    let open: Vec<TcpStream> = (0..1000)
        .filter_map(|_| TcpStream::connect(("127.0.0.1", page.port)).ok())
        .collect();
    let mut slow: Vec<TcpStream> = open
        .iter()
        .take(20)
        .filter_map(|s| s.try_clone().ok())
        .collect();
    for stream in &mut slow {
        let _ = stream.write_all(b"GET /state HTTP/1.1\r\nHost: local");
    }
    let journal = page.daemon.read("journal").len();
    std::thread::sleep(Duration::from_secs(4));
    assert!(page.daemon.is_running());
    assert!(page.daemon.read("journal").len() > journal, "outputs go on");
    // Those whose head does not come are cut off, and others are answered again.
    until("it answers again", || {
        let mut stream = page.connect();
        let asked = write!(
            stream,
            "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        );
        let mut all = Vec::new();
        asked.is_ok() && stream.read_to_end(&mut all).is_ok() && all.starts_with(b"HTTP/1.1 200")
    });
    drop(open);
    let mut stream = page.connect();
    let line = format!("X-Long: {}\r\n", "x".repeat(100_000));
    stream
        .write_all(b"GET /state HTTP/1.1\r\nHost: localhost\r\n")
        .unwrap();
    let sent = (0..100)
        .take_while(|_| stream.write_all(line.as_bytes()).is_ok())
        .count();
    assert!(sent < 100, "a head of 10 MB was taken");
    let large = page.ask("POST /config/check", "", &"x".repeat(300 << 10));
    assert!([404, 413].contains(&large.status), "{}", large.status);
    let garbage = |bytes: &[u8]| {
        let mut stream = page.connect();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut all = Vec::new();
        match stream.read_to_end(&mut all) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => panic!("nothing was answered"),
            _ => {}
        }
    };
    garbage(b"\0\xff\xfe garbage \r\n\r\n");
    garbage(b"GET / HTTP/9.9\r\n\r\n");
    garbage(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    garbage(b"POST /config/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nshort");
    garbage(b"POST /config/check HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    let after = rate(&page);
    assert!(
        after > 0.5 * calm,
        "the frame rate is kept: {after} of {calm}"
    );
    page.daemon.signal(libc::SIGTERM);
    let (status, log) = page.daemon.end();
    assert!(status.success(), "{log}");
    assert!(page.daemon.read("journal").ends_with("note off\n"));
}

#[test]
fn who_reads_nothing_and_too_many_readers_cost_nothing() {
    let page = Page::start("");
    let sleepers: Vec<_> = (0..8).map(|_| page.stream("/stream.mjpg")).collect();
    let ninth = page.get("/stream.mjpg");
    assert_eq!(ninth.status, 503, "{}", ninth.text());
    let before = page.frames();
    until("frames go on", || page.frames() > before + 30);
    drop(sleepers);
    until("they are gone", || page.get("/snapshot.jpg").status == 200);
}

#[test]
fn an_address_that_is_taken_is_said_and_taken_when_it_is_free() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let rest = format!("[publish.page]\nkind = \"web\"\nlisten = \"127.0.0.1:{port}\"\n");
    let mut daemon = Daemon::start(&[&for_ever()], &rest, &[]);
    until("it is said", || {
        daemon.read("log").contains("another program is there")
    });
    assert!(daemon.is_running());
    drop(other);
    until("the page is there", || {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
            return false;
        };
        let asked = stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut all = String::new();
        asked.is_ok() && stream.read_to_string(&mut all).is_ok() && all.starts_with("HTTP/1.1 200")
    });
}
