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
}

pub fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let card = ModelCard::find(&args.model)?;
    let report = bench::run(&card, args.threads.into(), args.runs as usize)?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{report}");
    }
    Ok(ExitCode::SUCCESS)
}
