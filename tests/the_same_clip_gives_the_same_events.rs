//! A recording replays to the same lines, byte for byte, and to the events of the day it was made.

use std::path::Path;
use std::process::Command;

fn posed(args: &[&str]) -> Vec<u8> {
    let plans = concat!(env!("CARGO_TARGET_TMPDIR"), "/plans");
    let out = Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(args)
        .env("CACHE_DIRECTORY", plans)
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    out.stdout
}

fn config(dir: &Path) -> String {
    let path = dir.join("posed.toml");
    let text = "[source]\nkind = \"synthetic\"\nfps = 10.0\n\
        script = [\"blank 3\", \"photo photos/basketball.jpg 20\", \"blank 8\", \"photo photos/basketball.jpg 15\", \"end\"]\n\
        [find]\nkind = \"given\"\nboxes = [[40, 73, 122, 395]]\n\
        [pose.elbow_down]\nwhen = \"nose above left_elbow\"\nhold_s = 0.5\nrelease_s = 0.2\nrepeat_s = 0.5\n";
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn twice_the_same_bytes_from_y4m_and_avi() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    for name in ["clip.y4m", "clip.avi"] {
        let clip = dir.path().join(name).display().to_string();
        posed(&["record", &clip, "--config", &config]);
        let first = posed(&["replay", &clip, "--config", &config]);
        assert_eq!(
            first,
            posed(&["replay", &clip, "--config", &config]),
            "{name}"
        );
        let text = String::from_utf8(first).unwrap();
        assert_eq!(
            text.lines()
                .filter(|l| l.contains("\"type\":\"frame\""))
                .count(),
            46,
            "{name}"
        );
        let events: Vec<String> = text
            .lines()
            .filter(|l| l.contains("\"type\":\"event\""))
            .map(|l| {
                let v: serde_json::Value = serde_json::from_str(l).unwrap();
                format!(
                    "{} {} {:.1}",
                    v["event"].as_str().unwrap(),
                    v["person"],
                    v["t"].as_f64().unwrap()
                )
            })
            .collect();
        insist(&events, name);
    }
}

/// The man is on frames 3 to 22 and 31 to 45, ten a second. He is found in the box that is given,
/// held after 0.5 s and gone 0.2 s after his last frame (2.2 s), as someone new the second time or
/// as the same, by `forget_s`.
fn insist(events: &[String], name: &str) {
    let kinds: Vec<&str> = events
        .iter()
        .map(|e| e.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        kinds.iter().filter(|k| **k == "enter").count(),
        2,
        "{name}: {events:?}"
    );
    assert_eq!(
        kinds.iter().filter(|k| **k == "exit").count(),
        2,
        "{name}: {events:?}"
    );
    assert!(kinds.contains(&"hold"), "{name}: {events:?}");
    assert_eq!(
        (kinds[0], *kinds.last().unwrap()),
        ("enter", "exit"),
        "{name}: {events:?}"
    );
    let first_exit = events.iter().find(|e| e.starts_with("exit")).unwrap();
    let at: f64 = first_exit.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((2.3..=2.6).contains(&at), "{name}: {events:?}");
}
