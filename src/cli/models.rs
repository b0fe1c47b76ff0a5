//! `posed models`: the known models with size, input, accuracy, licence and checksum.

use crate::model::{DEFAULT_MODEL, known_models, model_directories};
use std::process::ExitCode;

pub fn run() -> anyhow::Result<ExitCode> {
    let cards = known_models();
    if cards.is_empty() {
        let looked: Vec<String> = model_directories().iter().map(|d| d.display().to_string()).collect();
        anyhow::bail!("no models found; looked in {}. Set POSED_MODELS to the folder that has them", looked.join(", "));
    }
    println!("{:<32} {:>8} {:>9} {:>6} {:>6} {:<11} checksum", "model", "MB", "input", "AP", "PCK", "licence");
    let mut good = true;
    for card in cards {
        let card = match card {
            Ok(card) => card,
            Err(e) => {
                println!("{e}");
                good = false;
                continue;
            }
        };
        let megabytes = std::fs::metadata(&card.onnx).map_or(0.0, |m| m.len() as f64 / 1e6);
        let number = |v: Option<f64>| v.map_or("-".into(), |v| format!("{v:.1}"));
        let sum = match card.verify() {
            Ok(()) if card.sha256.is_some() => "good".to_string(),
            Ok(()) => "none".to_string(),
            Err(e) => {
                good = false;
                e.to_string()
            }
        };
        let mark = if card.name == DEFAULT_MODEL { " (default)" } else { "" };
        let (ap, pck) = (number(card.accuracy.ap), number(card.accuracy.pck));
        println!(
            "{:<32} {megabytes:>8.1} {:>9} {ap:>6} {pck:>6} {:<11} {sum}{mark}",
            card.name,
            card.input.size.to_string(),
            card.licence
        );
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
