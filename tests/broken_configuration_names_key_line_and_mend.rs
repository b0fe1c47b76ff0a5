//! A broken configuration gives a message that names the file, the line, the key and the mend, and exit code 1.

use std::process::Command;

/// What is put in the place of one line of a good configuration, and the line and key that the message must name.
struct Case {
    line: usize,
    text: &'static str,
    key: &'static str,
    says: &'static str,
}

const GOOD: [&str; 24] = [
    "threads = 1",
    "grace_s = 2.0",
    "[source]",
    "kind = \"synthetic\"",
    "fps = 30.0",
    "script = [\"frames 3\", \"end\"]",
    "[find]",
    "acquire_score = 0.3",
    "[smooth]",
    "beta = 6.0",
    "[pose.up]",
    "when = \"left_wrist above nose\"",
    "hold_s = 0.5",
    "[action.lamp]",
    "kind = \"memory\"",
    "pose = \"up\"",
    "mode = \"pulse\"",
    "pulse_ms = 200",
    "[display.screen]",
    "kind = \"memory\"",
    "show = [\"skeleton\"]",
    "[publish.lines]",
    "kind = \"stdout\"",
    "frames = true",
];

const fn case(line: usize, text: &'static str, key: &'static str, says: &'static str) -> Case {
    Case { line, text, key, says }
}

const CASES: [Case; 36] = [
    case(1, "threads = ", "threads", ""),
    case(1, "threads = 0", "threads", "between 1 and 16"),
    case(1, "threads = \"two\"", "threads", "invalid type"),
    case(1, "thraeds = 1", "thraeds", "did you mean `threads`"),
    case(1, "model = \"nobody\"", "model", "no model \"nobody\""),
    case(2, "grace_s = -1.0", "grace_s", "-1"),
    case(2, "grace_s = nan", "grace_s", "NaN"),
    case(2, "visible = 7", "visible", "7"),
    case(3, "[sauce]", "sauce", "did you mean `source`"),
    case(4, "kind = \"webcam\"", "source.kind", "webcam"),
    case(3, "[source]\ndevice = \"/dev/video0\"", "source.device", "remove the line"),
    case(4, "kind = \"photo\"\npath = \"no/such.jpg\"", "source.path", "does not exist"),
    case(5, "fps = 1000.0", "source.fps", "1000"),
    case(5, "width = 640", "source.height", "width and height go together"),
    case(5, "fps = \"fast\"", "source.fps", "invalid type"),
    case(6, "script = [\"jump 3\"]", "source.script", "jump 3"),
    case(6, "scripts = []", "source.scripts", "did you mean `script`"),
    case(8, "acquire_score = 2.0", "find.acquire_score", "0.95"),
    case(8, "kind = \"network\"", "find.kind", "network"),
    case(8, "kind = \"given\"", "find.boxes", "is missing"),
    case(8, "boxes = [[1, 2, 0, 4]]", "find.boxes", "no width"),
    case(10, "beta = -3.0", "smooth.beta", "-3"),
    case(12, "when = \"left_wrst above nose\"", "pose.up.when", "left_wrist"),
    case(12, "when = \"left_wrist over nose\"", "pose.up.when", "over"),
    case(12, "when = \"(left_wrist above nose\"", "pose.up.when", ""),
    case(12, "when = []", "pose.up.when", "is empty"),
    case(12, "when = 5", "pose.up.when", "a string or a list of strings"),
    case(13, "hold_s = -0.5", "pose.up.hold_s", "-0.5"),
    case(13, "hold = 0.5", "pose.up.hold", "did you mean `hold_s`"),
    case(15, "kind = \"relay\"", "action.lamp.kind", "relay"),
    case(15, "kind = \"gpio\"", "action.lamp.line", "is missing"),
    case(15, "kind = \"command\"\nargv = [\"/no/such/program\"]", "action.lamp.argv", "/no/such/program"),
    case(16, "pose = \"down\"", "action.lamp.pose", "the poses are: up"),
    case(17, "mode = \"follow\"", "action.lamp.pulse_ms", "only goes with"),
    case(21, "show = [\"legs\"]", "display.screen.show", "legs"),
    case(23, "kind = \"file\"", "publish.lines.path", "is missing"),
];

fn check(text: &str) -> (Option<i32>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("posed.toml");
    std::fs::write(&path, text).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_posed")).args(["check", "--config"]).arg(&path).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&path.display().to_string(), "FILE");
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

#[test]
fn the_unbroken_one_is_good() {
    let (code, out, err) = check(&GOOD.join("\n"));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("FILE: good"), "{out}");
}

#[test]
fn each_of_thirty_six_faults_is_named_with_its_line_and_mend() {
    let mut wrong = Vec::new();
    for case in &CASES {
        let mut lines = GOOD.map(String::from);
        lines[case.line - 1] = case.text.into();
        let text = lines.join("\n");
        let (code, out, err) = check(&text);
        // The key's last part stands on the line that must be named, unless the key is the one that is missing.
        let last = case.key.rsplit('.').next().unwrap();
        let is_key = |l: &str| l.trim_start_matches('[').starts_with(last);
        let own = text.lines().skip(case.line - 1).position(is_key).map(|i| i + case.line);
        let place = own.map(|line| format!("FILE:{line}: "));
        let named = err.contains(case.key) && place.is_none_or(|p| err.contains(&p)) && err.contains("FILE:");
        if code != Some(1) || !out.is_empty() || !named || !err.contains("mend: ") || !err.contains(case.says) {
            wrong.push(format!("{} → {code:?} {out}{err}", case.text));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_fault_is_shown_at_once() {
    let text = GOOD.join("\n").replace("threads = 1", "threads = 99").replace("beta = 6.0", "beta = -1.0");
    let (_, _, err) = check(&text);
    assert!(err.contains("threads") && err.contains("smooth.beta"), "{err}");
}
