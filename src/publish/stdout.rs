//! Lines to stdout. In: whole lines. Out: the same, at once.

use super::{JsonLines, LineWriter, Sink, frames};
use crate::device::Device;
use crate::report::Listener;
use crate::settings::Kind;
use crate::trouble::Trouble;
use std::io::{self, Write};
use std::sync::Arc;

/// All that is known of the kind "stdout".
pub const KIND: Kind<Arc<dyn Sink>> = Kind {
    name: "stdout",
    says: "standard output",
    read: |s| Some(Arc::new(StdoutSettings { frames: frames(s) })),
};

/// What is told.
#[derive(Debug, Clone, Copy)]
struct StdoutSettings {
    frames: bool,
}

impl Device for StdoutSettings {}

impl Sink for StdoutSettings {
    fn open(&self, _: &str) -> Result<Box<dyn Listener>, Trouble> {
        Ok(Box::new(JsonLines::new(Stdout, self.frames)))
    }
}

struct Stdout;

impl LineWriter for Stdout {
    fn name(&self) -> String {
        "stdout".into()
    }

    fn write(&mut self, rest: &mut &[u8]) -> io::Result<u64> {
        let mut out = io::stdout().lock();
        out.write_all(rest)?;
        out.flush()?;
        Ok(0)
    }
}
