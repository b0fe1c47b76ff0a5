//! posed: pose in, action out. The library does the work; this starts the log, asks for what the
//! user wants, and says what went wrong.

use clap::Parser;
use posed::cli::{Cli, dispatch, told};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let _rest = posed::logging::start();
    dispatch(cli).unwrap_or_else(|error| {
        // A reader that has had enough (`posed … | head`) is no fault.
        let closed = |e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe;
        if error.chain().filter_map(|c| c.downcast_ref()).any(closed) {
            return ExitCode::SUCCESS;
        }
        eprintln!("posed: {}", told(&error));
        ExitCode::FAILURE
    })
}
