//! Writes what a package carries beside the program: `cargo run --example man_and_completions DIR`.
//!
//! In: a folder. Out, in it: posed.1 and a page for every subcommand, and completions for bash
//! (`posed.bash`), zsh (`_posed`) and fish (`posed.fish`), all from the command line that posed
//! itself parses.

use clap::CommandFactory;
use clap_complete::{Shell, generate_to};
use posed::cli::Cli;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = PathBuf::from(
        std::env::args_os()
            .nth(1)
            .ok_or("give the folder to write to")?,
    );
    std::fs::create_dir_all(&out)?;
    clap_mangen::generate_to(Cli::command(), &out)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut Cli::command(), "posed", &out)?;
    }
    Ok(())
}
