//! What `posed teach` was shown is a pose of a configuration: each photo shows its own and no other.
//! What cannot be told apart, or was not taught, is refused by name.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const NAMES: [&str; 3] = ["astronaut", "basketball", "cameraman"];

fn photo(name: &str) -> String {
    format!("{}/photos/{name}.jpg", env!("CARGO_MANIFEST_DIR"))
}

fn posed(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(args)
        .current_dir(folder)
        .env(
            "POSED_MODELS",
            concat!(env!("CARGO_MANIFEST_DIR"), "/models"),
        )
        .env("CACHE_DIRECTORY", folder.join("plans"))
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn configuration(more: &str) -> String {
    let pose = |name: &&str| format!("[pose.{name}]\nlike = \"{name}\"\nmirror = true\n{more}\n");
    NAMES.iter().map(pose).collect()
}

#[test]
fn each_photo_shows_the_pose_that_it_taught_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in NAMES {
        let out = posed(folder, &["teach", name, &photo(name)]);
        assert!(out.status.success(), "{}", text(&out.stderr));
        assert!(
            text(&out.stdout).contains("1 taken in, 1 in all"),
            "{}",
            text(&out.stdout)
        );
    }
    // The same photo again is the same example.
    let out = posed(folder, &["teach", "astronaut", &photo("astronaut")]);
    assert!(
        text(&out.stdout).contains("1 taken in, 1 in all"),
        "{}",
        text(&out.stdout)
    );
    let kept = std::fs::read_to_string(folder.join("poses/astronaut.toml")).unwrap();
    assert!(
        kept.contains("\nleft_wrist = [") && kept.len() < 4000,
        "{kept}"
    );

    std::fs::write(folder.join("posed.toml"), configuration("accept = true")).unwrap();
    let photos = NAMES.map(photo);
    let mut args = vec!["image", "--config", "posed.toml"];
    args.extend(photos.iter().map(String::as_str));
    let out = posed(folder, &args);
    assert!(out.status.success(), "{}", text(&out.stderr));
    for (line, name) in text(&out.stdout).lines().zip(NAMES) {
        let line: Value = serde_json::from_str(line).unwrap();
        let people = line["people"].as_array().unwrap();
        let area = |p: &Value| p["box"][2].as_f64().unwrap() * p["box"][3].as_f64().unwrap();
        let largest = people
            .iter()
            .max_by(|a, b| area(a).total_cmp(&area(b)))
            .unwrap();
        assert_eq!(largest["poses"], serde_json::json!([name]));
    }
}

#[test]
fn one_photo_says_too_little_unless_it_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in NAMES {
        posed(folder, &["teach", name, &photo(name)]);
    }
    let source = "[source]\nkind = \"synthetic\"\n";
    std::fs::write(
        folder.join("posed.toml"),
        source.to_string() + &configuration(""),
    )
    .unwrap();
    let out = posed(folder, &["check", "--config", "posed.toml"]);
    let said = text(&out.stderr) + &text(&out.stdout);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(
        said.contains(
            "posed.toml:4: pose.astronaut.like: the taught pose \"astronaut\" has 1 examples"
        ),
        "{said}"
    );
    assert!(said.contains("accept = true"), "{said}");

    let out = posed(folder, &["teach", "--list", "-o", "all.png"]);
    let list = text(&out.stdout);
    assert!(
        out.status.success() && NAMES.iter().all(|name| list.contains(name)),
        "{list}"
    );
    assert!(
        std::fs::read(folder.join("all.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );

    let out = posed(folder, &["teach", "--remove", "astronaut"]);
    assert!(out.status.success());
    let out = posed(folder, &["check", "--config", "posed.toml"]);
    let said = text(&out.stderr) + &text(&out.stdout);
    assert!(
        said.contains("there is no taught pose \"astronaut\"")
            && said.contains("basketball, cameraman"),
        "{said}"
    );
}

#[test]
fn what_teaches_nothing_is_named_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("no.jpg"), "no picture").unwrap();
    for (args, said) in [
        (&["teach", "tree"][..], "give photos of tree"),
        (&["teach", "tree", "none.jpg"], "none.jpg: cannot be read"),
        (&["teach", "tree", "no.jpg"], "no.jpg"),
        (
            &["teach", "a tree", "no.jpg"],
            "\"a tree\" is no name of a pose",
        ),
        (&["teach", "tree", "."], "nothing was taught"),
        (
            &["teach", "--remove", "tree"],
            "there is no taught pose \"tree\"",
        ),
        (
            &["teach", "--remove", "../no"],
            "there is no taught pose \"../no\"",
        ),
    ] {
        let out = posed(folder, args);
        let stderr = text(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{args:?}: {stderr}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
        assert!(!folder.join("poses").exists());
    }
    // What can be read of several is taken, and the exit code tells of the rest.
    let out = posed(folder, &["teach", "man", "no.jpg", &photo("cameraman")]);
    assert_eq!(out.status.code(), Some(1));
    assert!(
        text(&out.stdout).contains("1 taken in, 1 in all, 1 left out"),
        "{}",
        text(&out.stdout)
    );
}

#[test]
fn skeletons_teach_as_photos_do_and_are_told_from_each_other() {
    const TAUGHT: [&str; 3] = ["star", "tree", "warrior"];
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let script = |name: &str| format!("{}/tests/teaching/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    for name in TAUGHT {
        let out = posed(folder, &["teach", name, &script(name)]);
        assert!(
            text(&out.stdout).contains("8 taken in, 8 in all"),
            "{}",
            text(&out.stderr)
        );
    }
    let poses =
        TAUGHT.map(|name| format!("[pose.{name}]\nlike = \"{name}\"\nhold_s = 0\nrelease_s = 0\n"));
    std::fs::write(folder.join("posed.toml"), poses.concat()).unwrap();
    for name in TAUGHT {
        let out = posed(folder, &["try", "posed.toml", &script(name)]);
        assert!(out.status.success(), "{}", text(&out.stderr));
        let events: Vec<Value> = text(&out.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(events.len() >= 2, "{events:?}");
        assert!(events.iter().all(|e| e["pose"] == name), "{events:?}");
    }
    // Somebody who stands is none of them.
    std::fs::write(
        folder.join("stands.toml"),
        "[[person]]\nkeys = [{ t = 0 }, { t = 2 }]\n",
    )
    .unwrap();
    let out = posed(folder, &["try", "posed.toml", "stands.toml"]);
    assert_eq!(text(&out.stdout), "");
}
