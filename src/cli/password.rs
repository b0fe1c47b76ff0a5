//! `posed password`: the hash of a password, for `password_file` of a page in the network. The
//! password is asked for twice, without being shown, or read as one line from a pipe.

use crate::publish::web::hash;
use anyhow::{Context, bail};
use clap::Args;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Shorter ones are guessed.
const SHORTEST: usize = 8;

#[derive(Debug, Args)]
pub struct PasswordArgs {
    /// The file to write, which only its user and group may read; without one the hash is printed
    file: Option<PathBuf>,
}

pub fn run(args: &PasswordArgs) -> anyhow::Result<ExitCode> {
    if let Some(file) = &args.file {
        super::check_folder(file)?;
    }
    let password = ask()?;
    if password.chars().count() < SHORTEST {
        bail!("a password has at least {SHORTEST} characters");
    }
    let hash = hash(&password)?;
    match &args.file {
        None => say!("{hash}"),
        Some(file) => write(file, &hash)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn ask() -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin()
            .read_line(&mut line)
            .context("stdin cannot be read")?;
        return Ok(line.trim_end_matches(['\r', '\n']).into());
    }
    let first = rpassword::prompt_password("Password: ").context("the terminal cannot be read")?;
    let again = rpassword::prompt_password("Once more: ").context("the terminal cannot be read")?;
    if first != again {
        bail!("the two are not the same: nothing was written");
    }
    Ok(first)
}

/// Writes the file anew in whoever's name it is, for its user and group alone; by root it is given to
/// the service's group, if there is one.
fn write(file: &Path, hash: &str) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let mut out = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o640)
            .open(file)?;
        writeln!(out, "{hash}")
    };
    written().with_context(|| format!("{}: cannot be written", file.display()))?;
    if let Some(group) = service_group()
        && let Err(e) = std::os::unix::fs::chown(file, None, Some(group))
    {
        log::warn!(
            "{}: could not be given to the group posed: {e}; `sudo chgrp posed {}`",
            file.display(),
            file.display()
        );
    }
    Ok(())
}

/// The number of the group that the service runs as (group(5)).
fn service_group() -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    let line = groups.lines().find_map(|l| l.strip_prefix("posed:"))?;
    line.split(':').nth(1)?.parse().ok()
}
