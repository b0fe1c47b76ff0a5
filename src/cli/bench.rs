//! `posed bench`: how fast a model is here.

use crate::bench;
use crate::model::{DEFAULT_MODEL, ModelCard};
use clap::Args;
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
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print where the time goes, by kind of operator
    #[arg(long, conflicts_with = "follow")]
    profile: bool,
    /// Measure once for every line on stdin, in turns with another program
    #[arg(long)]
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
        let shares = bench::profile(&card, loading, runs)?;
        if args.json {
            println!("{}", serde_json::to_string(&shares)?);
        } else {
            println!("{:<18}{:>10}{:>10}{:>10}", "operators", "count", "ms", "%");
            for s in shares {
                println!(
                    "{:<18}{:>10}{:>10.3}{:>10.1}",
                    s.class, s.count, s.ms, s.percent
                );
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let report = bench::run(&card, loading, runs)?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{report}");
    }
    Ok(ExitCode::SUCCESS)
}
