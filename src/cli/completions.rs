//! `posed completions`: what makes a shell complete posed's command line, on stdout. The Debian
//! package has it in place already.
//!
//! ```text
//! posed completions bash | sudo tee /etc/bash_completion.d/posed
//! posed completions zsh >~/.zfunc/_posed
//! posed completions fish >~/.config/fish/completions/posed.fish
//! ```

use super::Cli;
use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::Write;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// For which shell
    shell: Shell,
}

pub fn run(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    // The generator panics where a reader has gone.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "posed", &mut script);
    let written = std::io::stdout().write_all(&script);
    written.context("stdout cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
