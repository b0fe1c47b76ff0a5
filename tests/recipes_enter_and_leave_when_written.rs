//! Each recipe in tests/recipes is tried on its script, and its events and actions come when the file
//! beside it says; docs/rules.md has the recipes as they are tried. `BLESS=1` writes what the
//! program gives now: read it before it is kept.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recipes");
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");

fn recipes() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(RECIPES).unwrap();
    let mut recipes: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    recipes.retain(|r| r.join("posed.toml").exists());
    recipes.sort();
    assert!(recipes.len() >= 6, "{recipes:?}");
    recipes
}

fn posed_try(rules: &Path, script: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posed"))
        .arg("try")
        .args([rules, script])
        .args(more)
        .env(
            "POSED_MODELS",
            concat!(env!("CARGO_MANIFEST_DIR"), "/models"),
        )
        .output()
        .unwrap()
}

#[test]
fn each_recipe_gives_its_events_byte_for_byte() {
    let bless = std::env::var_os("BLESS").is_some();
    for recipe in recipes() {
        let out = posed_try(&recipe.join("posed.toml"), &recipe.join("script.toml"), &[]);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{}: {said}", recipe.display());
        let kept = recipe.join("events.jsonl");
        if bless {
            std::fs::write(&kept, &out.stdout).unwrap();
            continue;
        }
        let given = String::from_utf8(out.stdout).unwrap();
        let kept = std::fs::read_to_string(&kept).unwrap();
        assert_eq!(kept, given, "{}", recipe.display());
    }
}

#[test]
fn the_docs_have_the_recipes_as_they_are_tried() {
    let docs = std::fs::read_to_string(DOCS).unwrap();
    for recipe in recipes() {
        let name = recipe.file_name().unwrap().to_str().unwrap();
        let begin = format!("```toml recipe={name}\n");
        let at = docs
            .find(&begin)
            .unwrap_or_else(|| panic!("docs/rules.md has no {begin:?}"));
        let rest = &docs[at + begin.len()..];
        let block = &rest[..rest.find("```").unwrap()];
        let tried = std::fs::read_to_string(recipe.join("posed.toml")).unwrap();
        assert_eq!(block, tried, "docs/rules.md, recipe {name}");
    }
}

#[test]
fn lines_that_posed_printed_are_tried_as_well_as_a_script() {
    let recipe = Path::new(RECIPES).join("fall");
    let rules = recipe.join("posed.toml");
    let frames = posed_try(&rules, &recipe.join("script.toml"), &["--frames"]);
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines.jsonl");
    std::fs::write(&lines, &frames.stdout).unwrap();
    let again = posed_try(&rules, &lines, &[]);
    let kept = std::fs::read_to_string(recipe.join("events.jsonl")).unwrap();
    assert_eq!(kept, String::from_utf8(again.stdout).unwrap());
}

#[test]
fn a_lost_camera_ends_everything_as_it_does_for_the_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("posed.toml");
    let text = "[pose.here]\nwhen = \"visible(nose)\"\nhold_s = 0\n\
                [scene.empty]\nwhen = \"nobody\"\nhold_s = 0\n";
    std::fs::write(&rules, text).unwrap();
    let person =
        "\"people\":[{\"id\":1,\"keypoints\":{\"nose\":[9,1,0.9],\"left_ankle\":[9,9,0.9]}}]";
    let lost = "{\"type\":\"status\",\"t\":0.2,\"state\":\"source_lost\"}\n";
    for (between, at) in [(lost, 0.2), ("", 2.1)] {
        let lines = folder.path().join("lines.jsonl");
        let text = format!("{{\"t\":0.1,{person}}}\n{between}{{\"t\":9,\"people\":[]}}\n");
        std::fs::write(&lines, text).unwrap();
        let out = posed_try(&rules, &lines, &[]);
        let events: Vec<(String, f64)> = String::from_utf8(out.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|e| {
                (
                    format!("{} {}", e["event"], e["pose"]).replace('"', ""),
                    e["t"].as_f64().unwrap(),
                )
            })
            .collect();
        let expected = [
            ("enter here", 0.1),
            ("exit here", at),
            ("enter empty", 9.0),
            ("exit empty", 9.0),
        ];
        assert_eq!(events, expected.map(|(e, t)| (e.to_string(), t)));
    }
}

#[test]
fn what_cannot_be_tried_is_named() {
    let rules = Path::new(RECIPES).join("fall/posed.toml");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines.jsonl");
    for (text, said) in [
        ("", "has no frames"),
        (
            "{\"t\": 0, \"people\": [{\"keypoints\": {\"tail\": [1, 2, 3]}}]}",
            "line 1: there is no joint \"tail\"",
        ),
        ("not json", "line 1: expected"),
        (
            "{\"t\": 0, \"people\": [{\"id\": 0, \"keypoints\": {}}]}",
            "line 1: \"id\" is 0",
        ),
        (
            "{\"schema\": \"posed/2\", \"t\": 0}",
            "line 1: is of the schema \"posed/2\"",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let out = posed_try(&rules, &file, &[]);
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{text}");
        assert!(
            stderr.contains(said) && stderr.contains("lines.jsonl"),
            "{stderr}"
        );
    }
}
