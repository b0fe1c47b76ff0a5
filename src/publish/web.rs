//! A page in the browser that shows what posed sees, and why.
//!
//! In: reports. Out: over HTTP, the page, which is in the program, and what it asks for
//! (docs/web.md has all addresses). A runtime in a thread of its own serves it; what is sent is
//! made only while somebody reads it. Without `password_file` it can be reached from this machine
//! alone.

mod clips;
mod door;
mod json;
mod listener;
mod metrics;
mod pages;
mod readers;
mod routes;
mod server;
mod sessions;
mod state;
mod streams;

use super::Sink;
use crate::device::Device;
use crate::report::Listener;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use sessions::Password;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

pub use sessions::hash;

/// All that is known of the kind "web".
pub const KIND: Kind<Arc<dyn Sink>> = Kind {
    name: "web",
    says: "a page in the browser, with the picture and why a pose holds or does not",
    read,
};

const LISTEN: &str = "address and port at which the page is: 127.0.0.1 is this machine alone, 0.0.0.0 \
                      all its networks, which needs `password_file`";
const HOSTS: &str = "further names by which browsers know this machine; its own name, `localhost` and \
                     numbers are known";
const PASSWORD_FILE: &str =
    "a file with the hash of the page's password, which `posed password` makes";
const CLIPS: &str = "a folder in which the page may save the last ten seconds; each picture is \
                     compressed and kept for that, whether somebody looks or not";

fn read(s: &mut Section) -> Option<Arc<dyn Sink>> {
    let listen = s
        .text("listen", LISTEN)
        .example("\"127.0.0.1:8420\"")
        .without("`\"127.0.0.1:8420\"`")
        .parse(|text| address(&text))
        .maybe();
    let is_wrong = listen.is_none() && s.given("listen");
    let listen = listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8420)));
    let hosts = s
        .texts("hosts", HOSTS)
        .example("[\"posed.example.org\"]")
        .each(|host| name(&host))
        .maybe()
        .unwrap_or_default();
    let password_file = s
        .path("password_file", PASSWORD_FILE)
        .example("\"/etc/posed/page.password\"")
        .maybe();
    if let Some(path) = &password_file
        && std::fs::metadata(path).is_err_and(|e| e.kind() == ErrorKind::NotFound)
    {
        let mend = format!("`sudo posed password {}` makes it", path.display());
        s.fault_with(
            "password_file",
            format!("there is no file {}", path.display()),
            mend,
        );
    }
    if password_file.is_none() && !listen.ip().is_loopback() && !is_wrong {
        s.fault_with(
            "listen",
            "lets others look without a password",
            "give `password_file` (`posed password` makes one), or listen = \"127.0.0.1:8420\"",
        );
    }
    let picture = s
        .choice("picture", "what is shown of the camera's picture", PICTURES)
        .or(Picture::Whole);
    let edit = s
        .flag("edit", "whether the page may change the configuration")
        .or(false);
    let clips = s
        .path("clips", CLIPS)
        .example("\"/var/lib/posed/clips\"")
        .maybe();
    if clips.is_some() && picture == Picture::None {
        s.fault_with(
            "clips",
            "says nothing with picture = \"none\"",
            "remove the line, or write picture = \"whole\"",
        );
    }
    let modified = |path: &PathBuf| std::fs::metadata(path).ok()?.modified().ok();
    Some(Arc::new(WebSettings {
        password_made: password_file.as_ref().and_then(modified),
        listen,
        hosts,
        password_file,
        picture,
        edit,
        clips,
    }))
}

/// Reads `ADDRESS:PORT`.
fn address(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() > 0 => Ok(address),
        Ok(_) => Err("has no port".into()),
        Err(_) => Err(format!(
            "{text:?} is no address and port, as 127.0.0.1:8420 or [::]:8420"
        )),
    }
}

fn name(host: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty() || !host.chars().all(plain) {
        return Err(format!(
            "{host:?} is no name of a machine: without http://, a port or a path"
        ));
    }
    Ok(host.to_ascii_lowercase())
}

/// What is shown of the camera's picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Picture {
    Whole,
    /// So small that nobody can be told apart.
    Blurred,
    /// Skeletons alone.
    None,
}

const PICTURES: &[(&str, Picture)] = &[
    ("whole", Picture::Whole),
    ("blurred", Picture::Blurred),
    ("none", Picture::None),
];

impl Picture {
    fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Blurred => "blurred",
            Self::None => "none",
        }
    }
}

/// Where the page is, and what it may show.
#[derive(Debug, Clone)]
struct WebSettings {
    listen: SocketAddr,
    hosts: Vec<String>,
    password_file: Option<PathBuf>,
    /// When that file was written: another password makes other settings, and a reload a new page.
    #[expect(
        dead_code,
        reason = "a reload tells settings apart by all that Debug shows"
    )]
    password_made: Option<SystemTime>,
    picture: Picture,
    edit: bool,
    clips: Option<PathBuf>,
}

impl Device for WebSettings {
    fn claims(&self) -> Vec<String> {
        match self.listen.port() {
            // Any that is free.
            0 => Vec::new(),
            port => vec![format!("port {port}")],
        }
    }

    fn check(&self) -> Result<(), Trouble> {
        self.password()?;
        match std::net::TcpListener::bind(self.listen) {
            Ok(_) => Ok(()),
            // Most likely by posed itself, which is running.
            Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => Ok(()),
            Err(e) => Err(server::trouble(self.listen, &e)),
        }
    }

    fn needs_network(&self) -> bool {
        true
    }
}

impl WebSettings {
    /// # Errors
    /// The file cannot be read, or is none that `posed password` made.
    fn password(&self) -> Result<Option<Password>, Trouble> {
        let path = self.password_file.as_deref();
        path.map(Password::read).transpose()
    }
}

impl Sink for WebSettings {
    fn page(&self) -> Option<SocketAddr> {
        (!self.listen.ip().is_loopback()).then_some(self.listen)
    }

    fn open(&self, _: &str) -> Result<Box<dyn Listener>, Trouble> {
        Ok(Box::new(listener::Page::start(self)?))
    }
}
