//! The log: to stderr, with the journal's priority prefixes under systemd (sd-daemon(3)).
//! `RUST_LOG` sets the level, `info` by default.
//!
//! Whatever comes with every frame or line is said once in ten seconds, with the number of what was
//! left out (`quiet.rs`): it is the log that sees to it, so that no place that writes a line has to.
//! What a command or a signal is answered (the room `cli`) is always said, and so is all that
//! `RUST_LOG` asks for beyond `info`.

mod quiet;

use log::{Level, Log, Record};
use quiet::{Line, Quiet};
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Where lines are answers to somebody who waits for them.
const ANSWERS: &str = "posed::cli";

/// Starts the log; what it gives says at the end of the program what was still held back.
///
/// `log::logger().flush()` says what has been held back for long enough; whoever runs for long
/// calls it now and then.
pub fn start() -> Rest {
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let env = env_logger::Env::default()
        .default_filter_or("info,tract_core=warn,tract_linalg=error,tract_onnx=warn");
    let mut builder = env_logger::Builder::from_env(env);
    if journal {
        builder.format(|out, record| {
            writeln!(
                out,
                "<{}>{}",
                priority(record.level()),
                record.args().to_string().replace('\n', "\n  ")
            )
        });
    } else {
        builder.format_target(false);
    }
    let inner = builder.build();
    let level = inner.filter();
    // The crate `log` has room for one logger, which stays for ever.
    let log: &'static QuietLog = Box::leak(Box::new(QuietLog {
        inner,
        start: Instant::now(),
        quiet: Mutex::default(),
    }));
    if log::set_logger(log).is_ok() {
        log::set_max_level(level);
    }
    Rest(log)
}

/// Says when dropped what the log still holds back.
pub struct Rest(&'static QuietLog);

impl Drop for Rest {
    fn drop(&mut self) {
        let rest = self.0.quiet().rest();
        rest.iter().for_each(|line| self.0.say(line));
    }
}

struct QuietLog {
    inner: env_logger::Logger,
    start: Instant,
    quiet: Mutex<Quiet>,
}

impl QuietLog {
    fn quiet(&self) -> MutexGuard<'_, Quiet> {
        self.quiet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, line: &Line) {
        let mut record = Record::builder();
        record.level(line.level).target(&line.target);
        self.inner
            .log(&record.args(format_args!("{}", line.text)).build());
    }
}

impl Log for QuietLog {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record) {
        if !self.inner.matches(record) {
            return;
        }
        if record.level() > Level::Info || record.target().starts_with(ANSWERS) {
            return self.inner.log(record);
        }
        self.flush();
        let line = Line {
            level: record.level(),
            target: record.target().into(),
            text: record.args().to_string(),
        };
        let said = self.quiet().hear(self.start.elapsed(), line);
        said.iter().for_each(|line| self.say(line));
    }

    fn flush(&self) {
        let due = self.quiet().due(self.start.elapsed());
        due.iter().for_each(|line| self.say(line));
        self.inner.flush();
    }
}

/// The journal's number for a level: 3 error to 7 debug.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}
