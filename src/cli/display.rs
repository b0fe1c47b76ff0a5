//! `posed display`: the displays of a configuration, and a card on one of them by which one sees whether
//! it is set right.

use crate::config::Config;
use crate::display::{Card, DisplaySettings, Scene};
use crate::settings::faults_text;
use anyhow::Context;
use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Time between looks whether it is to end.
const BEAT: Duration = Duration::from_millis(100);
/// The card is drawn so often: a screen may be plugged in meanwhile.
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub struct DisplayArgs {
    /// The configuration file
    #[arg(short, long, default_value = "/etc/posed/posed.toml")]
    config: PathBuf,
    /// Show a card on this display, [display.NAME], until Ctrl-C; stop the service before
    #[arg(short, long, value_name = "NAME")]
    test: Option<String>,
    /// Show the card for so many seconds only
    #[arg(short, long, requires = "test", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: Option<u32>,
}

pub fn run(args: &DisplayArgs) -> anyhow::Result<ExitCode> {
    let (displays, faults) = Config::displays(&args.config)?;
    let file = args.config.display();
    if !faults.is_empty() {
        log::error!("{}", faults_text(&args.config, &faults));
    }
    let Some(name) = &args.test else {
        if displays.is_empty() && faults.is_empty() {
            say!("{file} names no display: docs/displays.md shows how");
        }
        let mut away = faults.len();
        for display in &displays {
            match display.screen.check() {
                Ok(()) => say!("{}: is there", display.name),
                Err(trouble) => {
                    away += 1;
                    say!("{}: {trouble}", display.name);
                }
            }
        }
        anyhow::ensure!(
            away == 0,
            "{file}: not every display can be used: the lines above say why"
        );
        return Ok(ExitCode::SUCCESS);
    };
    let names = || {
        let names: Vec<&str> = displays.iter().map(|d| d.name.as_str()).collect();
        match names.is_empty() {
            true => "none".into(),
            false => names.join(", "),
        }
    };
    let display = displays.iter().find(|d| d.name == *name);
    let display = display.with_context(|| {
        format!(
            "{file} has no display {name:?} that can be understood; it has {}",
            names()
        )
    })?;
    test(display, args.seconds.map(|s| Duration::from_secs(s.into())))?;
    Ok(ExitCode::SUCCESS)
}

/// Shows the card until a signal comes, or for this time.
fn test(display: &DisplaySettings, time: Option<Duration>) -> anyhow::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .context("signals cannot be heard")?;
    }
    let what = || format!("display {}", display.name);
    let mut screen = display.screen.open().with_context(what)?;
    let card = Scene::Card(Card {
        name: &display.name,
    });
    screen.show(&card).with_context(what)?;
    say!("{}: {}", display.name, screen.describe());
    let advice = display.screen.advice();
    let otherwise = match advice.is_empty() {
        true => "",
        false => " If that is not what you see:",
    };
    say!("A line around everything, an arrow to the top, LEFT on the left.{otherwise}");
    for (seen, mend) in advice {
        say!("  {seen}: {mend}");
    }
    let start = Instant::now();
    let mut shown = start;
    let mut failed = None;
    while !stop.load(Ordering::SeqCst) && time.is_none_or(|time| start.elapsed() < time) {
        std::thread::sleep(BEAT);
        let mut done = screen.tend();
        if shown.elapsed() >= AGAIN {
            shown = Instant::now();
            done = done.and(screen.show(&card).map(drop));
        }
        // Said when it begins.
        if let Err(e) = &done
            && failed.as_ref() != Some(e)
        {
            log::error!("display {}: {e}; trying again", display.name);
        }
        failed = done.err();
    }
    screen.clear()?;
    Ok(())
}
