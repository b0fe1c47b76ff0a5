//! A live run's lines carry the time on the wall, and it begins with a name of its own; a replay's
//! have neither (`recordings_give_their_lines.rs`).

mod support;

use serde_json::Value;
use support::{Daemon, PERSON};

#[test]
fn each_line_has_utc_beside_t_and_the_first_names_the_run() {
    let script = [format!("{PERSON} 5"), "end".into()];
    let run = || {
        let lines = "[publish.lines]\nkind = \"file\"\npath = \"DIR/lines\"\nframes = true\n";
        let mut daemon = Daemon::start(&[&script[0], &script[1]], lines, &[]);
        let (status, log) = daemon.end();
        assert!(status.success(), "{log}");
        let text = daemon.read("lines");
        let lines = text.lines().map(|l| serde_json::from_str(l).unwrap());
        lines.collect::<Vec<Value>>()
    };
    let before = jiff::Timestamp::now();
    let first = run();
    let after = jiff::Timestamp::now();
    assert!(first.len() > 2);
    for line in &first {
        let text = line["time"].as_str().unwrap();
        let is_utc_with_ms = text.len() == "2026-03-01T07:30:00.250Z".len() && text.ends_with('Z');
        assert!(is_utc_with_ms, "{text}");
        let time: jiff::Timestamp = text.parse().unwrap();
        // Milliseconds are cut off.
        let ms = |t: jiff::Timestamp| t.as_millisecond();
        assert!((ms(before)..=ms(after)).contains(&ms(time)), "{text}");
    }
    assert_eq!(first[0]["state"], "started");
    let names = [&first, &run()].map(|lines| lines[0]["run"].as_str().unwrap().to_string());
    assert!(!names[0].is_empty() && names[0] != names[1], "{names:?}");
}
