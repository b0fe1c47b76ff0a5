//! Any text as a configuration.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posed::config::{Config, Overrides};

fuzz_target!(|text: &str| {
    let _ = Config::parse(text, std::path::Path::new("fuzz"), &Overrides::default());
});
