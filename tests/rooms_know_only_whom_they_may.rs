//! Who may know whom stands in docs/architecture.md; this reads every `crate::` path of src/ and
//! compares. Tests inside src/ may know anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Arrows = BTreeMap<String, BTreeSet<String>>;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every source file with its path from src/ and its text, without comments and tests.
fn sources() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    files(Path::new("src"), &mut paths);
    let mut sources = Vec::new();
    for path in paths {
        let name = path.strip_prefix("src").unwrap().display().to_string();
        if name.ends_with("tests.rs") || name.contains("tests/") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        // By the house's custom tests stand at the end of a file.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        sources.push((name, code.collect::<Vec<_>>().join("\n")));
    }
    sources
}

/// `act/gpio.rs` → `act`.
fn room(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

/// Names behind `prefix` in the text: of `crate::a::b` and `crate::{a, b::c}` those after `crate::`.
fn names_behind<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let word = |t: &'a str| {
        let end = t.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &t[..end.unwrap_or(t.len())]
    };
    let mut names = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let behind = &text[at + prefix.len()..];
        match behind.strip_prefix('{') {
            None => names.push(word(behind)),
            Some(list) => {
                let mut depth = 0;
                for part in list.split_inclusive([',', '{', '}']) {
                    if depth == 0 && !word(part.trim_start()).is_empty() {
                        names.push(word(part.trim_start()));
                    }
                    match part.chars().next_back() {
                        Some('{') => depth += 1,
                        Some('}') if depth == 0 => break,
                        Some('}') => depth -= 1,
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

/// The table between the markers of docs/architecture.md: lines such as "`act` knows device, gpio".
fn allowed(marker: &str) -> Arrows {
    let text = std::fs::read_to_string("docs/architecture.md").unwrap();
    let (_, rest) = text.split_once(&format!("<!-- {marker} -->")).unwrap();
    let (table, _) = rest.split_once("<!-- end -->").unwrap();
    let rows = table.lines().filter(|l| l.starts_with("- `"));
    let row = |line: &str| {
        let (name, known) = line[3..].split_once("` knows ").unwrap();
        let known = known.split(", ").map(String::from).collect();
        (name.to_string(), known)
    };
    rows.map(row).collect()
}

fn compare(found: &Arrows, marker: &str) {
    let mut wrong = Vec::new();
    let allowed = allowed(marker);
    for (from, known) in found {
        for to in known {
            if !allowed.get(from).is_some_and(|a| a.contains(to)) {
                wrong.push(format!("{from} knows {to}, which is not in the table"));
            }
        }
    }
    for (from, known) in &allowed {
        for to in known {
            if !found.get(from).is_some_and(|f| f.contains(to)) {
                wrong.push(format!("the table has {from} → {to}, which nobody uses"));
            }
        }
    }
    if !wrong.is_empty() {
        let today = found.iter().map(|(from, known)| {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            format!("- `{from}` knows {}\n", known.join(", "))
        });
        let today: String = today.collect();
        panic!("{}\nthe table of today:\n{today}", wrong.join("\n"));
    }
}

/// Whoever can be reached from a room and reaches it again.
fn circles(arrows: &Arrows) -> BTreeSet<String> {
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(room) = open.pop() {
            for next in arrows.get(room).into_iter().flatten() {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let in_circle = arrows.keys().filter(|room| reach(room).contains(room));
    in_circle.cloned().collect()
}

#[test]
fn rooms_know_whom_the_table_says_and_no_circle_is_among_them() {
    let mut found = Arrows::new();
    for (file, text) in sources() {
        let from = room(&file);
        if matches!(from, "lib" | "main") {
            continue;
        }
        let known = names_behind(&text, "crate::").into_iter();
        let known = known.filter(|to| *to != from).map(String::from);
        found.entry(from.into()).or_default().extend(known);
    }
    found.retain(|_, known| !known.is_empty());
    compare(&found, "rooms");
    assert_eq!(circles(&found), BTreeSet::new());
}

#[test]
fn so_do_the_rooms_of_the_engine() {
    let mut found = Arrows::new();
    for (file, text) in sources() {
        let Some(inner) = file.strip_prefix("engine/") else {
            continue;
        };
        let from = room(inner);
        let mut known = names_behind(&text, "crate::engine::");
        if inner == format!("{from}.rs") {
            known.extend(names_behind(&text, "super::"));
        }
        // Types such as EngineError are the room's own front.
        let is_room = |name: &&str| name.starts_with(|c: char| c.is_lowercase()) && *name != from;
        let known = known.into_iter().filter(is_room).map(String::from);
        found.entry(from.into()).or_default().extend(known);
    }
    found.retain(|_, known| !known.is_empty());
    compare(&found, "engine");
    assert_eq!(circles(&found), BTreeSet::new());
}

#[test]
fn a_crate_or_the_environment_is_known_in_one_place() {
    // What is named, and the files that may.
    let places: [(&str, &[&str]); 11] = [
        ("v4l::", &["capture/v4l2"]),
        // The log names the crates whose chatter it leaves out.
        ("tract_", &["engine", "logging.rs"]),
        ("rumqttc::", &["mqtt"]),
        ("ureq::", &["capture/http", "act/webhook"]),
        ("turbojpeg_sys", &["decode/jpeg", "encode"]),
        ("embedded_graphics::", &["display"]),
        ("mipidsi::", &["display/spi", "display/wires"]),
        ("ssd1306::", &["display/oled"]),
        ("::drm::", &["display/drm"]),
        ("linux_embedded_hal", &["gpio.rs", "act/gpio.rs", "display"]),
        // PATH is looked through when a program is looked for, as a shell does; $POSED_MODELS is
        // one of the places where models are looked for; the log starts before anything else.
        (
            "env::var",
            &["cli", "act/command.rs", "program.rs", "model", "logging.rs"],
        ),
    ];
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (name, may) in places {
            if text.contains(name) && !may.iter().any(|place| file.starts_with(place)) {
                wrong.push(format!("{file} names {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nobody_outside_a_room_knows_its_kinds() {
    let kinds = [
        (
            "capture",
            &["v4l2", "photo", "clip", "stdin", "http", "synthetic"][..],
        ),
        ("find", &["windows", "whole_frame", "given"]),
        ("act", &["gpio", "command", "mqtt", "memory"]),
        (
            "display",
            &["drm", "framebuffer", "spi", "oled", "png", "memory"],
        ),
        ("publish", &["stdout", "file", "socket"]),
    ];
    // `doctor` asks every camera of the machine, whatever the configuration names; `image` writes
    // PNG files and reads photos, whatever it names.
    let may = [
        ("cli/doctor.rs", "capture::v4l2"),
        ("doctor", "capture::v4l2"),
        ("cli/image.rs", "capture::photo"),
        ("cli/image.rs", "display::{Parts, png}"),
    ];
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (of, names) in kinds {
            for name in names.iter().filter(|_| room(&file) != of) {
                let path = format!("{of}::{name}");
                let listed = format!("{of}::{{");
                let named = text.contains(&format!("crate::{path}"))
                    || names_behind(&text, &format!("crate::{listed}")[..]).contains(name);
                let allowed = may
                    .iter()
                    .any(|(f, p)| file.starts_with(f) && (path.starts_with(p) || text.contains(p)));
                if named && !allowed {
                    wrong.push(format!("{file} names {path}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
