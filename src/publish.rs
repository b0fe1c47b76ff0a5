//! What posed tells the world.
//!
//! In: [`Report`](crate::report::Report)s. Out: JSON lines in a schema of version 1 (docs/output.md) to
//! stdout, a file or a Unix socket; a page in the browser; how things stand, to an MQTT broker. No sink
//! ever stops the program: what cannot be told is dropped and counted.

pub mod file;
mod lines;
pub mod mqtt;
pub mod socket;
pub mod stdout;
pub mod web;

use crate::device::Device;
use crate::report::Listener;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use lines::{JsonLines, LineWriter, count, frames, unopened};
use std::net::SocketAddr;
use std::sync::Arc;

/// What a sink can be: a line here and a file beside the others is all a new one takes.
pub const KINDS: &[Kind<Arc<dyn Sink>>] = &[
    stdout::KIND,
    file::KIND,
    socket::KIND,
    mqtt::KIND,
    web::KIND,
];

/// The settings of a sink.
pub trait Sink: Device {
    /// Opens it; `name` is that of its section.
    ///
    /// # Errors
    /// The file cannot be written, or the socket's path is taken.
    fn open(&self, name: &str) -> Result<Box<dyn Listener>, Trouble>;

    /// Where it listens for browsers of other machines, if it does.
    fn page(&self) -> Option<SocketAddr> {
        None
    }
}

/// A section `[publish.NAME]`.
#[derive(Debug, Clone)]
pub struct PublishSettings {
    pub name: String,
    pub sink: Arc<dyn Sink>,
}

/// Reads a section `[publish.NAME]`.
pub fn read(s: &mut Section) -> Option<PublishSettings> {
    let sink = s.kind(KINDS, None);
    Some(PublishSettings {
        name: s.last_name().into(),
        sink: sink?,
    })
}

#[cfg(test)]
mod tests;
