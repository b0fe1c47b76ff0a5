//! The log: to stderr, with the journal's priority prefixes under systemd (sd-daemon(3)).
//! `RUST_LOG` sets the level, `info` by default.

use std::io::Write;

/// Starts the log.
pub fn start() {
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
    builder.init();
}

/// The journal's number for a level: 3 error to 7 debug.
fn priority(level: log::Level) -> u8 {
    match level {
        log::Level::Error => 3,
        log::Level::Warn => 4,
        log::Level::Info => 6,
        log::Level::Debug | log::Level::Trace => 7,
    }
}
