//! `posed bench`: how fast a model is here.

use crate::bench::{self, Crowd};
use crate::find::network::{self, DEFAULT_FINDER};
use crate::model::{DEFAULT_MODEL, ModelCard};
use clap::Args;
use std::path::Path;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Model by name or by the path of its .toml file
    #[arg(default_value = DEFAULT_MODEL)]
    model: String,
    /// Processors that one inference may use
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    threads: u16,
    /// How many inferences are measured
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,
    /// Measure a frame with so many people too
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=20))]
    people: u16,
    /// Measure a look of this finder too, by name or by the path of its .toml file
    #[arg(long, num_args = 0..=1, default_missing_value = DEFAULT_FINDER)]
    finder: Option<String>,
    /// What this board is worth: frames a second with one and three people, with one, two and four
    /// threads, and how hot it gets
    #[arg(long, conflicts_with_all = ["threads", "people", "profile", "follow"])]
    board: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print where the time goes, by kind of operator, and what the busiest of several threads has to do
    #[arg(long, conflicts_with_all = ["follow", "people", "finder"])]
    profile: bool,
    /// Measure once for every line on stdin, in turns with another program
    #[arg(long, conflicts_with_all = ["people", "finder"])]
    follow: bool,
}

pub fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let card = ModelCard::find(&args.model)?;
    let loading = super::loading(args.threads.into(), None);
    let runs = args.runs as usize;
    if args.follow {
        bench::follow(
            &card,
            loading,
            runs,
            std::io::stdin().lock(),
            std::io::stdout().lock(),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.profile {
        let profile = bench::profile(&card, loading, runs)?;
        if args.json {
            say!("{}", serde_json::to_string(&profile)?);
        } else {
            say!("{:<18}{:>10}{:>10}{:>10}", "operators", "count", "ms", "%");
            for s in &profile.operators {
                say!(
                    "{:<18}{:>10}{:>10.3}{:>10.1}",
                    s.class,
                    s.count,
                    s.ms,
                    s.percent
                );
            }
            if profile.threads > 1 && profile.longest_ms > 0.0 {
                say!(
                    "of {} threads the busiest would take {:.3} of {:.3} ms, waits not counted: {:.2} times as fast",
                    profile.threads,
                    profile.longest_ms,
                    profile.all_ms,
                    profile.all_ms / profile.longest_ms
                );
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.board {
        return board(&card, args);
    }
    let crowd = Crowd {
        people: args.people.into(),
        finder: args.finder.as_deref().map(network::card).transpose()?,
    };
    let report = bench::run(&card, &crowd, loading, runs)?;
    if args.json {
        say!("{}", serde_json::to_string(&report)?);
    } else {
        say!("{report}");
    }
    Ok(ExitCode::SUCCESS)
}

fn board(card: &ModelCard, args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let finder = network::card(args.finder.as_deref().unwrap_or(DEFAULT_FINDER))?;
    let loading = super::loading(1, None);
    if !args.json {
        say!("{}", bench::HEAD);
    }
    let runs = args.runs as usize;
    let report = bench::board(card, &finder, loading, runs, Path::new("/"), |row| {
        if !args.json {
            say!("{row}");
        }
    })?;
    if args.json {
        say!("{}", serde_json::to_string(&report)?);
    } else {
        say!("{report}");
    }
    Ok(ExitCode::SUCCESS)
}
