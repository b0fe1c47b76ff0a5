//! `posed models`: the known models with size, input, accuracy, licence and checksum. `posed models
//! verify`: each is run on its golden picture.

use crate::model::{DEFAULT_MODEL, ModelCard, known_models, model_directories};
use crate::verify;
use clap::{Args, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Compare checksums, run every network on its golden picture, and compare with what ONNX
    /// Runtime made of it
    Verify {
        /// Models by name or by the path of their .toml files; all where none is named
        models: Vec<String>,
    },
}

pub fn run(args: &ModelsArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        None => list(),
        Some(Action::Verify { models }) => verify_all(models),
    }
}

fn verify_all(names: &[String]) -> anyhow::Result<ExitCode> {
    let cards = if names.is_empty() {
        known_models()
    } else {
        names.iter().map(|n| ModelCard::find(n)).collect()
    };
    anyhow::ensure!(
        !cards.is_empty(),
        "no models found: set POSED_MODELS to the folder that has them"
    );
    let mut good = true;
    for card in cards {
        let said = card.map_err(|e| e.to_string()).and_then(|card| {
            card.verify().map_err(|e| e.to_string())?;
            let Some(golden) = &card.golden else { return Ok(format!("{}: checksum good; its card has no [golden] to compare with", card.name)) };
            let compared = verify::verify(&card, golden, super::loading(1, None)).map_err(|e| format!("{}: {e}", card.name))?;
            let numbers = format!("differs by {:.4} at most, {} is allowed", compared.difference, compared.tolerance);
            if compared.is_good() {
                Ok(format!("{}: good ({numbers})", card.name))
            } else {
                Err(format!("{}: the golden output {numbers}: this build and the card do not belong together, or this processor computes wrongly", card.name))
            }
        });
        match said {
            Ok(line) => say!("{line}"),
            Err(line) => {
                eprintln!("posed: {line}");
                good = false;
            }
        }
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn list() -> anyhow::Result<ExitCode> {
    let cards = known_models();
    if cards.is_empty() {
        let looked: Vec<String> = model_directories()
            .iter()
            .map(|d| d.display().to_string())
            .collect();
        anyhow::bail!(
            "no models found; looked in {}. Set POSED_MODELS to the folder that has them",
            looked.join(", ")
        );
    }
    say!(
        "{:<32} {:>8} {:>9} {:<22} {:<11} checksum",
        "model",
        "MB",
        "input",
        "accuracy",
        "licence"
    );
    let mut good = true;
    for card in cards {
        let card = match card {
            Ok(card) => card,
            Err(e) => {
                say!("{e}");
                good = false;
                continue;
            }
        };
        good &= row(&card);
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints a model's line and tells whether its file is good.
fn row(card: &ModelCard) -> bool {
    let megabytes = std::fs::metadata(&card.onnx).map_or(0.0, |m| m.len() as f64 / 1e6);
    let sum = card.verify();
    let said = match &sum {
        Ok(()) if card.sha256.is_some() => "good".to_string(),
        Ok(()) => "none".to_string(),
        Err(e) => e.to_string(),
    };
    let mark = if card.name == DEFAULT_MODEL {
        " (default)"
    } else {
        ""
    };
    say!(
        "{:<32} {megabytes:>8.1} {:>9} {:<22} {:<11} {said}{mark}",
        card.name,
        card.input.size.to_string(),
        card.accuracy.to_string(),
        card.licence
    );
    sum.is_ok()
}
