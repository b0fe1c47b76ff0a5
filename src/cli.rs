//! The command line: what can be asked of posed, and where each request goes.
//!
//! In: arguments. Out: a parsed [`Cli`], and [`dispatch`], which gives the exit code. One file a
//! command.

/// Prints a line on stdout, as `println` does, which would panic where nobody reads any more.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::say_line(format_args!($($text)*)) };
}

mod bench;
mod check;
mod completions;
mod config_file;
mod display;
mod doctor;
mod eval;
mod explain;
mod image;
mod models;
mod password;
mod record;
mod release;
mod replay;
mod run;
mod teach;
mod try_;
mod zones;

use crate::config::{Config, Overrides};
use crate::engine::Loading;
use crate::engine::kernels::Isa;
use crate::geometry::Rect;
use crate::model::{ModelCard, known_models, model_directories};
use crate::report::{Report, json};
use anyhow::Context;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What the program ends with; docs/commands.md has the same table.
pub const EXIT_CODES: &str = "Exit codes:
  0  done; `run`: stopped by SIGTERM, by SIGINT or at the end of a clip
  1  not done, or not all of it: the lines on stderr say what, where and the mend
  2  the command line was not understood
  3  `run`: the pipe that frames came from (`--source -`, kind = \"stdin\") has ended";

/// That of a pipe's end under `run`: who wrote to it has died or was stopped, so a service manager
/// that restarts on failure starts both again.
const PIPE_ENDED: u8 = 3;

/// Finds people in camera pictures, recognises their poses, and acts.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon: source, poses, actions, displays and outputs as the configuration says
    Run(run::RunArgs),
    /// Find the people in photos; print JSON lines, and with -o write pictures with their skeletons
    Image(image::ImageArgs),
    /// Run a clip through the same pipeline as `run`, every frame, giving the same events every
    /// time
    Replay(replay::ReplayArgs),
    /// Tell why the people of a photo or clip hold a pose, or do not
    Explain(explain::ExplainArgs),
    /// Try the rules of a configuration on skeletons instead of pictures
    Try(try_::TryArgs),
    /// Teach a pose by photos of it
    Teach(teach::TeachArgs),
    /// List the displays of a configuration, or show on one whether it is set right
    Display(display::DisplayArgs),
    /// Draw a grid over a photo, to read the corners of zones from
    Zones(zones::ZonesArgs),
    /// Record a clip from any source
    Record(record::RecordArgs),
    /// Check a configuration without running it
    Check(check::CheckArgs),
    /// Put every GPIO line of a configuration to inactive: what the service does when posed has
    /// ended, however it ended
    Release(release::ReleaseArgs),
    /// Look at this machine: cameras, GPIO, screens, processor, models
    Doctor(doctor::DoctorArgs),
    /// Measure speed and memory of a model on this machine
    Bench(bench::BenchArgs),
    /// Measure accuracy on pictures with COCO keypoint annotations
    Eval(eval::EvalArgs),
    /// List the models that are known here
    Models(models::ModelsArgs),
    /// Make the file with the password of a page that others may look at
    Password(password::PasswordArgs),
    /// Write what makes a shell complete posed's command line
    Completions(completions::CompletionsArgs),
}

/// Does what was asked.
///
/// # Errors
/// Whatever the command could not do; the message says what, where and the mend.
pub fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Image(args) => image::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Try(args) => try_::run(&args),
        Command::Teach(args) => teach::run(&args),
        Command::Display(args) => display::run(&args),
        Command::Zones(args) => zones::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Release(args) => release::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Password(args) => password::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}

/// Where the service keeps a copy of the configuration that is in use: in systemd's
/// `RuntimeDirectory=`, which is there until ExecStopPost is done.
fn in_use() -> Option<PathBuf> {
    Some(first_directory(std::env::var_os("RUNTIME_DIRECTORY"))?.join("in-use.toml"))
}

/// Whether systemd started this as the service. Not `$INVOCATION_ID`, which the shells of a desktop
/// that systemd started have too, and with them a program that is started by hand.
fn is_service() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// The instruction set that the environment asks for, to compare it with others.
fn kernels() -> Option<Isa> {
    let name = std::env::var("POSED_KERNELS").ok()?;
    let isa = Isa::named(&name);
    if isa.is_none() {
        log::warn!("POSED_KERNELS: this processor has no {name:?}: the fastest is taken");
    }
    isa
}

/// How a command without a configuration loads a network.
fn loading(threads: usize, cache: Option<&Path>) -> Loading<'_> {
    Loading {
        isa: kernels().unwrap_or_else(Isa::best),
        threads,
        cache,
    }
}

/// The fault that the environment asks for, to see on a real machine what becomes of the outputs.
fn drill() -> Option<crate::config::Drill> {
    match std::env::var("POSED_FAULT").as_deref() {
        Ok("panic") => Some(crate::config::Drill::Panic),
        Ok("stall") => Some(crate::config::Drill::Stall),
        _ => None,
    }
}

/// The first of the directories that systemd lists in a variable.
fn first_directory(list: Option<OsString>) -> Option<PathBuf> {
    std::env::split_paths(&list?)
        .next()
        .filter(|p| p.is_absolute())
}

/// Writes a report's lines to stdout, at once; `lines` is room that is used again.
fn print(lines: &mut Vec<u8>, report: &Report, frames: bool) -> anyhow::Result<()> {
    lines.clear();
    json::write(lines, report, frames);
    let mut out = std::io::stdout().lock();
    let written = out.write_all(lines).and_then(|()| out.flush());
    written.context("stdout cannot be written")
}

/// A line of a command that holds nothing open: it ends here where nobody reads it. A reader who has had
/// enough is no fault; a disk that is full is.
fn say_line(line: std::fmt::Arguments) {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    match written {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(e) => {
            eprintln!("posed: stdout cannot be written: {e}");
            std::process::exit(1);
        }
    }
}

/// Where a picture is written, before it is made: a new PNG file, or an old one.
///
/// # Errors
/// It has another ending, its folder is not there, or something else is there already.
fn check_picture(output: &Path) -> anyhow::Result<()> {
    let name = output.display();
    if output.is_dir() {
        anyhow::bail!(
            "-o {name}: is a folder: give a file in it, {}",
            output.join("out.png").display()
        );
    }
    if !output
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("png"))
    {
        anyhow::bail!(
            "-o {name}: pictures are written as PNG: give {}",
            output.with_extension("png").display()
        );
    }
    check_folder(output)?;
    check_is_file(output)
}

/// Refuses to put a file in the place of a device, a pipe or a link.
fn check_is_file(output: &Path) -> anyhow::Result<()> {
    match std::fs::symlink_metadata(output) {
        Ok(there) if !there.is_file() => anyhow::bail!(
            "-o {}: is there, and is no regular file: give another path",
            output.display()
        ),
        _ => Ok(()),
    }
}

/// An error with its causes, each said once.
pub fn told(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

/// `x,y,w,h` in image pixels.
fn parse_box(text: &str) -> Result<Rect, String> {
    let numbers: Result<Vec<f32>, _> = text.split(',').map(|n| n.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[x, y, w, h]) if Rect::new(x, y, w, h).is_sound() => Ok(Rect::new(x, y, w, h)),
        _ => Err("give x,y,width,height in pixels, for example --box 34,76,152,404".into()),
    }
}

/// Where plans of networks are kept unless the configuration says otherwise: under systemd in the
/// unit's `CacheDirectory=`, else in the user's cache.
fn plan_directory() -> Option<PathBuf> {
    plan_directory_of(|name| std::env::var_os(name))
}

fn plan_directory_of(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // The XDG base directory specification has relative paths ignored; systemd never sets one.
    let path = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let of_unit = first_directory(variable("CACHE_DIRECTORY"));
    let of_user = || {
        path("XDG_CACHE_HOME")
            .or_else(|| Some(path("HOME")?.join(".cache")))
            .map(|cache| cache.join("posed"))
    };
    of_unit.or_else(of_user)
}

/// Looks whether there is a folder for the file that a command is to write, before it begins.
fn check_folder(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|f| !f.is_dir()) {
        anyhow::bail!(
            "{}: there is no folder {}: make it, `mkdir -p {}`, or choose another path",
            file.display(),
            folder.display(),
            folder.display()
        );
    }
    Ok(())
}

/// Looks whether there are the networks that the command line names, before a configuration is
/// blamed for them: `-m`, and where no `config` is given the sample's own.
fn check_model(named: Option<&str>, config: Option<&PathBuf>) -> anyhow::Result<()> {
    // Nobody wrote the sample: where its networks are missing, posed was not installed whole.
    if config.is_none() && known_models().is_empty() {
        let looked: Vec<String> = model_directories()
            .iter()
            .map(|d| d.display().to_string())
            .collect();
        anyhow::bail!(
            "there are no networks here: looked in {}. Install the package, or set POSED_MODELS to \
             the folder models/ of posed's source",
            match &looked[..] {
                [] => "./models and /usr/share/posed/models, which are not there".into(),
                _ => looked.join(", "),
            }
        );
    }
    if let Some(name) = named {
        let card = ModelCard::find(name).context("--model")?;
        card.keypoints().context("--model")?;
    }
    Ok(())
}

/// The configuration of a command that looks at what it is given and at none of its poses, which may
/// not be right yet; a model instead of its own.
fn configuration_of_poses(path: Option<&PathBuf>, model: Option<String>) -> anyhow::Result<Config> {
    check_model(model.as_deref(), path)?;
    let overrides = Overrides {
        model,
        source: Some(crate::capture::nothing()),
        cache: plan_directory(),
        isa: kernels(),
        ..Overrides::default()
    };
    Ok(match path {
        Some(path) => Config::seeing(path, &overrides)?,
        None => configuration(None, &overrides)?,
    })
}

/// Where a command without a configuration takes its poses from.
fn configuration(
    path: Option<&PathBuf>,
    overrides: &crate::config::Overrides,
) -> Result<crate::config::Config, crate::config::ConfigError> {
    match path {
        Some(path) => crate::config::Config::read(path, overrides),
        None => crate::config::Config::parse(
            crate::config::SAMPLE,
            std::path::Path::new("config/posed.toml"),
            overrides,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ModelError;

    #[test]
    fn a_cause_is_said_once() {
        let path = std::path::PathBuf::from("x.toml");
        let source = std::io::Error::other("gone");
        let error = anyhow::Error::new(ModelError::Read { path, source });
        assert_eq!(told(&error).matches("gone").count(), 1);
        assert_eq!(told(&error.context("photo")).matches("gone").count(), 1);
        assert_eq!(told(&anyhow::anyhow!("b").context("a")), "a: b");
    }

    #[test]
    fn a_box_may_begin_outside_the_picture_and_nothing_in_it_is_passed_over() {
        let bbox = parse_box("-5.5, -10,20,30").unwrap();
        assert_eq!(
            (bbox.x, bbox.y, bbox.width, bbox.height),
            (-5.5, -10.0, 20.0, 30.0)
        );
        for wrong in [
            "",
            "1,2,3",
            "1,2,3,4,5",
            "1,2,x,3,4",
            "1,2,3,4,",
            "1,2,0,4",
            "1,2,nan,4",
        ] {
            assert!(parse_box(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn plans_are_kept_in_the_units_cache_or_else_in_the_users() {
        let directory = |set: &[(&str, &str)]| {
            let value = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| v.into());
            plan_directory_of(value).map(|p| p.display().to_string())
        };
        let home = [
            ("HOME", "/home/me"),
            ("XDG_CACHE_HOME", "/cache"),
            ("CACHE_DIRECTORY", "/var/cache/posed:/var/cache/other"),
        ];
        assert_eq!(directory(&home).as_deref(), Some("/var/cache/posed"));
        assert_eq!(directory(&home[..2]).as_deref(), Some("/cache/posed"));
        assert_eq!(
            directory(&home[..1]).as_deref(),
            Some("/home/me/.cache/posed")
        );
        assert_eq!(directory(&[]), None);
        let relative = [
            ("CACHE_DIRECTORY", ""),
            ("XDG_CACHE_HOME", "cache"),
            home[0],
        ];
        assert_eq!(
            directory(&relative).as_deref(),
            Some("/home/me/.cache/posed")
        );
    }
}
