//! A camera in the network that sends MJPEG over HTTP: ustreamer, mjpg-streamer, an ESP32-CAM, most
//! IP cameras.
//!
//! In: a URL. Out: the JPEGs of the answer, which is multipart/x-mixed-replace or JPEGs one after
//! the other. A camera that cannot be reached, ends or falls silent may come back.

use super::bytes::ByteStream;
use super::clock::{Pace, rate_of};
use super::live::{Live, NotBegun, Stream};
use super::{CaptureError, FrameSource, Next, STALL_AFTER, Source};
use crate::address;
use crate::device::Device;
use crate::frame::Frame;
use crate::settings::{Kind, Section};
use base64::prelude::{BASE64_STANDARD, Engine};
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// All that is known of the kind "http".
pub const KIND: Kind<Arc<dyn Source>> = Kind {
    name: "http",
    says: "a camera in the network that sends MJPEG: ustreamer, mjpg-streamer, ESP32-CAM",
    read: read_section,
};

/// Until the camera answers.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

fn read_section(s: &mut Section) -> Option<Arc<dyn Source>> {
    let url = s
        .text("url", "where the camera sends its stream")
        .example("\"http://camera:8080/stream\"")
        .check(|url| check_url(url))
        .needed();
    let user = s
        .text(
            "user",
            "the name to log in with, by HTTP's basic authentication",
        )
        .example("\"viewer\"")
        .maybe();
    let password_file = s
        .path(
            "password_file",
            "a file that holds the password and nothing else",
        )
        .example("\"/etc/posed/camera-password\"")
        .maybe();
    if password_file.is_some() && user.is_none() {
        s.fault("password_file", "is given without `user`");
    }
    let fps = s
        .number(
            "fps",
            "frames a second, if a clip is made of it",
            super::FPS,
        )
        .or(30.0);
    Some(Arc::new(HttpSettings {
        url: url?,
        user,
        password_file,
        fps,
    }))
}

fn check_url(url: &str) -> Result<(), String> {
    let uri: ureq::http::Uri = url
        .parse()
        .map_err(|e| format!("is no http:// address: {e}"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https" | "rtsp" | "rtsps") => {
            return Err(
                "is no http:// address: let ffmpeg read it, with kind = \"command\"".into(),
            );
        }
        _ => return Err("is no http:// address".into()),
    }
    let authority = uri.authority().map_or("", |a| a.as_str());
    address::check(authority, "`user` and `password_file`")
}

/// Which camera.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpSettings {
    pub url: String,
    pub user: Option<String>,
    pub password_file: Option<PathBuf>,
    /// The rate that a recording of it is given.
    pub fps: f32,
}

impl Device for HttpSettings {
    fn needs_network(&self) -> bool {
        true
    }
}

impl HttpSettings {
    /// A camera that wants no password.
    ///
    /// # Errors
    /// Final: `url` is no address of a camera.
    pub fn of(url: &str) -> Result<Self, CaptureError> {
        check_url(url).map_err(|problem| {
            CaptureError::unusable(url, problem, "write http://HOST:PORT/PATH")
        })?;
        Ok(Self {
            url: url.into(),
            user: None,
            password_file: None,
            fps: 30.0,
        })
    }

    fn missing(&self, error: io::Error, mend: &'static str) -> CaptureError {
        CaptureError::Missing {
            device: self.url.clone(),
            error,
            mend,
        }
    }

    /// What the camera is told of who asks; None: nothing.
    fn authorization(&self) -> Result<Option<String>, CaptureError> {
        let Some(user) = &self.user else {
            return Ok(None);
        };
        let password = match &self.password_file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path).map_err(|error| CaptureError::Read {
                name: format!("password_file {}", path.display()),
                error,
            })?,
        };
        let both = format!("{user}:{}", password.trim_end_matches(['\r', '\n']));
        Ok(Some(format!("Basic {}", BASE64_STANDARD.encode(both))))
    }

    fn answer(&self) -> Result<Body, CaptureError> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .user_agent("posed")
            .timeout_connect(Some(ANSWER_WITHIN))
            .timeout_recv_response(Some(ANSWER_WITHIN))
            .timeout_per_read(Some(STALL_AFTER))
            .build()
            .into();
        let mut request = agent.get(&self.url);
        if let Some(who) = self.authorization()? {
            request = request.header("Authorization", who);
        }
        let answer = request.call().map_err(|e| {
            let mend = "see whether the camera is on and `curl URL` gets an answer; as a service posed has no network by itself: docs/install.md";
            self.missing(e.into_io(), mend)
        })?;
        let status = answer.status();
        let kind = answer.headers().get("content-type");
        let page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        match status.as_u16() {
            200 if page => Err(self.no_pictures()),
            200 => Ok(Body(answer.into_body().into_reader())),
            401 | 403 => Err(CaptureError::unusable(
                &self.url,
                format!("the camera answers {status}"),
                "set `user` and `password_file` to those of the camera (basic authentication; for a camera that wants another, let ffmpeg read it, with kind = \"command\")",
            )),
            _ => Err(self.missing(
                io::Error::other(format!("the camera answers {status}")),
                "look up the address of its MJPEG stream",
            )),
        }
    }
}

/// The answer being read.
struct Body(ureq::BodyReader<'static>);

impl Read for Body {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out).map_err(|e| match e.kind() {
            ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
            _ => e,
        })
    }
}

impl Source for HttpSettings {
    fn open(&self, pace: Pace) -> Result<Box<dyn FrameSource>, CaptureError> {
        let rate = rate_of(self.fps, &self.url)?;
        let stream = Stream::Bytes(ByteStream::new(self.answer()?));
        let demux = stream
            .begin_with_jpegs(&self.url)
            .map_err(|not| self.not_frames(not))?;
        Ok(Box::new(HttpSource {
            url: self.url.clone(),
            live: Live::new(demux, pace, rate),
        }))
    }
}

impl HttpSettings {
    fn no_pictures(&self) -> CaptureError {
        CaptureError::unusable(
            &self.url,
            "the camera answers with a page and not with JPEGs",
            "look up the address of its MJPEG stream: often /stream, /?action=stream or /video.mjpg",
        )
    }

    /// What a stream that does not begin means here.
    fn not_frames(&self, not: NotBegun) -> CaptureError {
        match not {
            NotBegun::Unusable(CaptureError::Unusable { .. }) => self.no_pictures(),
            NotBegun::Unusable(CaptureError::Read { error, .. }) => {
                self.missing(error, "see whether the camera is on")
            }
            NotBegun::Empty(_) => self.missing(
                io::Error::other("the camera's answer is empty"),
                "see whether the camera is on",
            ),
            NotBegun::Silent(e, _) | NotBegun::Unusable(e) => e,
        }
    }
}

/// A camera's stream being read.
struct HttpSource {
    url: String,
    live: Live,
}

impl HttpSource {
    fn lost(&self, error: io::Error) -> CaptureError {
        CaptureError::Lost {
            device: self.url.clone(),
            error,
        }
    }
}

impl FrameSource for HttpSource {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        match self.live.next(frame) {
            Ok(true) => Ok(Next::Frame),
            Ok(false) => Err(self.lost(io::Error::other("the camera ended its stream"))),
            Err(CaptureError::Read { error, .. }) => Err(self.lost(error)),
            Err(e) => Err(e),
        }
    }

    fn describe(&self) -> String {
        self.live.describe(&self.url)
    }

    fn rate(&self) -> (u32, u32) {
        self.live.rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    /// A camera that gives each answer to one request, keeps the last connection open for a while,
    /// and tells what it was asked.
    fn camera(answers: Vec<Vec<u8>>) -> (HttpSettings, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/stream", listener.local_addr().unwrap());
        let serving = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut connection, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
                let mut request = String::new();
                while let Some(Ok(line)) = lines.next()
                    && !line.is_empty()
                {
                    request += &line;
                    request.push('\n');
                }
                asked.push(request);
                let silent = answer.ends_with(b"SILENCE");
                let body = answer.strip_suffix(b"SILENCE").unwrap_or(&answer);
                let _ = connection.write_all(body);
                if silent {
                    std::thread::sleep(STALL_AFTER + Duration::from_secs(1));
                }
            }
            asked
        });
        let settings = HttpSettings {
            url,
            user: None,
            password_file: None,
            fps: 30.0,
        };
        (settings, serving)
    }

    fn photo() -> Vec<u8> {
        std::fs::read("photos/astronaut.jpg").unwrap()
    }

    fn part() -> Vec<u8> {
        let head = format!(
            "\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
            photo().len()
        );
        [head.into_bytes(), photo()].concat()
    }

    const HEAD: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=frame\r\n";

    /// As an ESP32-CAM sends it.
    fn chunked(parts: usize) -> Vec<u8> {
        let mut out = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
        for piece in part().repeat(parts).chunks(1000) {
            out.extend(format!("{:x}\r\n", piece.len()).into_bytes());
            out.extend(piece);
            out.extend(b"\r\n");
        }
        out
    }

    #[test]
    fn a_network_cameras_frames_come_and_its_end_may_come_back() {
        let plain = [format!("{HEAD}\r\n").into_bytes(), part().repeat(3)].concat();
        let silent = [plain.clone(), b"SILENCE".to_vec()].concat();
        // Bare line feeds, and words before the first part (RFC 2046, 5.1.1).
        let odd = [
            format!("{HEAD}\r\nsome camera\n--frame\nContent-Type: image/jpeg\n\n").into_bytes(),
            photo().repeat(3),
        ];
        let (settings, serving) = camera(vec![plain, chunked(3), odd.concat(), silent]);
        let mut frame = Frame::default();
        for _ in 0..4 {
            let mut source = settings.open(Pace::Live).unwrap();
            for _ in 0..3 {
                assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
                assert_eq!(frame.data, photo());
            }
            let e = source.next(&mut frame).unwrap_err();
            assert!(e.is_retryable(), "{e}");
        }
        serving.join().unwrap();
    }

    #[test]
    fn the_password_comes_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let password_file = dir.path().join("password");
        std::fs::write(&password_file, "secret\n").unwrap();
        let refused = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec();
        let (settings, serving) = camera(vec![refused]);
        let settings = HttpSettings {
            user: Some("viewer".into()),
            password_file: Some(password_file),
            ..settings
        };
        let e = settings.open(Pace::Live).err().unwrap();
        assert!(
            !e.is_retryable() && e.to_string().contains("password_file"),
            "{e}"
        );
        let asked = serving.join().unwrap();
        assert!(asked[0].to_lowercase().contains("authorization: basic"));
        assert!(asked[0].contains("dmlld2VyOnNlY3JldA=="), "{asked:?}");
    }

    #[test]
    fn what_is_no_stream_says_what_to_do() {
        let page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>".to_vec();
        let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
        let (settings, serving) = camera(vec![page, missing]);
        let e = settings.open(Pace::Live).err().unwrap();
        assert!(
            !e.is_retryable() && e.to_string().contains("/stream"),
            "{e}"
        );
        let e = settings.open(Pace::Live).err().unwrap();
        assert!(e.is_retryable() && e.to_string().contains("404"), "{e}");
        serving.join().unwrap();
        let e = settings.open(Pace::Live).err().unwrap();
        assert!(e.is_retryable(), "{e}");
        for (url, word) in [
            ("rtsp://camera/stream", "ffmpeg"),
            ("https://camera/stream", "ffmpeg"),
            ("http://user:pw@camera/", "password_file"),
            ("http://camera:99999/stream", "99999"),
            ("http://camera/a b", "http://"),
            ("camera", "http://"),
        ] {
            assert!(check_url(url).unwrap_err().contains(word), "{url}");
        }
        assert_eq!(check_url("http://camera:81/stream?x=@"), Ok(()));
    }
}
