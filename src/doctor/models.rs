//! Models: the networks that are installed, and whether their files are whole.
//!
//! In: the cards of the model directories. Out: findings.

use super::Finding;
use crate::model::{DEFAULT_MODEL, ModelCard, ModelError};

const AREA: &str = "models";

/// Verifies every model; reads each network's file once.
pub fn examine(cards: Vec<Result<ModelCard, ModelError>>) -> Vec<Finding> {
    if cards.is_empty() {
        let mend = "install the package again (its models lie in /usr/share/posed/models), or set POSED_MODELS to their folder";
        return vec![Finding::problem(
            AREA,
            "no models found".into(),
            mend.into(),
        )];
    }
    let has_default = cards.iter().flatten().any(|c| c.name == DEFAULT_MODEL);
    let mut findings: Vec<Finding> = cards
        .into_iter()
        .map(|card| card.map_or_else(broken, verify))
        .collect();
    if !has_default {
        let what = format!("{DEFAULT_MODEL} is missing, the model that is used when none is named");
        findings.push(Finding::note(
            AREA,
            what,
            Some("name one of the models above, or install the package again".into()),
        ));
    }
    findings
}

fn verify(card: ModelCard) -> Finding {
    let size = match (card.verify(), std::fs::metadata(&card.onnx)) {
        (Err(e), _) => return broken(e),
        (Ok(()), Err(source)) => {
            return broken(ModelError::Read {
                path: card.onnx,
                source,
            });
        }
        (Ok(()), Ok(file)) => file.len() as f64 / 1e6,
    };
    match card.sha256 {
        Some(_) => Finding::good(AREA, format!("{}: {size:.1} MB, checksum right", card.name)),
        None => {
            let mend = format!(
                "add `sha256` to its card: `sha256sum {}`",
                card.onnx.display()
            );
            Finding::note(
                AREA,
                format!("{}: {size:.1} MB, no checksum to compare with", card.name),
                Some(mend),
            )
        }
    }
}

fn broken(error: ModelError) -> Finding {
    Finding::problem(
        AREA,
        error.to_string(),
        "install the package again, or remove this model's files".into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use crate::model::known_models;

    #[test]
    fn the_bundled_models_are_good() {
        let found = examine(known_models());
        assert!(
            found.len() >= 4 && found.iter().all(|f| f.level == Level::Good),
            "{found:?}"
        );
        assert!(found[0].to_string().contains("MB, checksum right"));
    }

    #[test]
    fn no_models_a_broken_card_and_a_missing_file_are_problems_with_mends() {
        let none = &examine(vec![])[0];
        assert!(
            none.level == Level::Problem && none.mend.as_deref().unwrap().contains("POSED_MODELS")
        );
        let mut lost = ModelCard::find("lite_hrnet_18").unwrap();
        lost.onnx = "nowhere.onnx".into();
        let found = examine(vec![
            Ok(lost.clone()),
            Ok(ModelCard {
                sha256: None,
                ..lost
            }),
            ModelCard::read("nowhere.toml".as_ref()),
        ]);
        for (finding, word) in found
            .iter()
            .zip(["nowhere.onnx", "nowhere.onnx", "nowhere.toml"])
        {
            assert!(
                finding.level == Level::Problem
                    && finding.what.contains(word)
                    && finding.mend.is_some(),
                "{finding}"
            );
        }
        assert!(
            found[3].level == Level::Note && found[3].what.contains(DEFAULT_MODEL),
            "{}",
            found[3]
        );
    }

    #[test]
    fn a_damaged_network_is_a_problem_and_one_without_checksum_a_note() {
        let mut card = ModelCard::find(DEFAULT_MODEL).unwrap();
        card.sha256 = Some("00".into());
        assert!(examine(vec![Ok(card.clone())])[0].what.contains("checksum"));
        card.sha256 = None;
        let found = &examine(vec![Ok(card)])[0];
        assert!(
            found.level == Level::Note && found.mend.as_deref().unwrap().contains("sha256sum"),
            "{found}"
        );
    }
}
