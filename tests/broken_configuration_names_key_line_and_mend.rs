//! A broken configuration gives a message that names the file, the line, the key and the mend, and
//! exit code 1.

use std::process::Command;

/// A text put in the place of one line of the good configuration, and what the message must name.
struct Case {
    /// The line that is replaced, from 1.
    line: usize,
    text: &'static str,
    /// The line that the message must name: that of the key, or of its section where the key is
    /// missing.
    at: usize,
    /// The dotted key; for a text that is no TOML the line itself.
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

const fn case(
    line: usize,
    text: &'static str,
    at: usize,
    key: &'static str,
    says: &'static str,
) -> Case {
    Case {
        line,
        text,
        at,
        key,
        says,
    }
}

const CASES: [Case; 108] = [
    // no TOML
    case(1, "threads = ", 1, "threads =", ""),
    case(3, "[source", 3, "[source", "unclosed table"),
    case(
        12,
        "when = \"left_wrist above nose",
        12,
        "when = \"left_wrist above nose",
        "invalid basic string",
    ),
    case(13, "hold_s 0.5", 13, "hold_s 0.5", "expected `=`"),
    case(
        13,
        "hold_s = 0.5\nhold_s = 0.6",
        14,
        "hold_s = 0.6",
        "duplicate key",
    ),
    case(
        6,
        "script = [\"frames 3\", \"end\"",
        6,
        "script = [\"frames 3\", \"end\"",
        "the list has no end",
    ),
    case(
        21,
        "show = [\n\"skeleton\",",
        21,
        "show = [",
        "the list has no end",
    ),
    // names in quotes
    case(
        14,
        "[action.\"lamp.of the hall\"]\nkind = \"relay\"\npose = \"up\"\n[action.b]",
        15,
        "action.lamp.of the hall.kind",
        "relay",
    ),
    // unknown sections and keys
    case(3, "[sauce]", 3, "sauce", "did you mean `source`"),
    case(11, "[pozes.up]", 11, "pozes.up", "did you mean `pose`"),
    case(1, "thraeds = 1", 1, "thraeds", "did you mean `threads`"),
    case(
        6,
        "scripts = []",
        6,
        "source.scripts",
        "did you mean `script`",
    ),
    case(
        8,
        "aquire_score = 0.3",
        8,
        "find.aquire_score",
        "did you mean `acquire_score`",
    ),
    case(10, "betta = 6.0", 10, "smooth.betta", "did you mean `beta`"),
    case(
        13,
        "hold = 0.5",
        13,
        "pose.up.hold",
        "did you mean `hold_s`",
    ),
    case(
        16,
        "poes = \"up\"",
        16,
        "action.lamp.poes",
        "did you mean `pose`",
    ),
    case(
        21,
        "shwo = [\"skeleton\"]",
        21,
        "display.screen.shwo",
        "did you mean `show`",
    ),
    case(
        24,
        "frame = true",
        24,
        "publish.lines.frame",
        "did you mean `frames`",
    ),
    // wrong types
    case(
        1,
        "threads = \"two\"",
        1,
        "threads",
        "expected a whole number, 0 or more",
    ),
    case(2, "grace_s = \"two\"", 2, "grace_s", "expected a number"),
    case(2, "cache = 7", 2, "cache", "expected a path"),
    case(1, "threads = 1.5", 1, "threads", "invalid type"),
    case(1, "threads = -1", 1, "threads", "invalid value"),
    case(4, "kind = 5", 4, "source.kind", "invalid type"),
    case(5, "fps = \"fast\"", 5, "source.fps", "invalid type"),
    case(
        6,
        "script = \"frames 3\"",
        6,
        "source.script",
        "expected a list",
    ),
    case(8, "boxes = [[1, 2, 3]]", 8, "find.boxes", "length 3"),
    case(
        12,
        "when = 5",
        12,
        "pose.up.when",
        "a string or a list of strings",
    ),
    case(13, "hold_s = true", 13, "pose.up.hold_s", "invalid type"),
    case(
        16,
        "pose = 7",
        16,
        "action.lamp.pose",
        "a string or a list of strings",
    ),
    case(
        18,
        "pulse_ms = -5",
        18,
        "action.lamp.pulse_ms",
        "invalid value",
    ),
    case(
        21,
        "show = \"skeleton\"",
        21,
        "display.screen.show",
        "expected a list",
    ),
    case(
        24,
        "frames = \"yes\"",
        24,
        "publish.lines.frames",
        "expected a boolean",
    ),
    case(1, "cache = false", 1, "cache", "invalid type"),
    // numbers out of range
    case(1, "threads = 0", 1, "threads", "between 1 and 16"),
    case(2, "grace_s = -1.0", 2, "grace_s", "-1 is not between"),
    case(2, "grace_s = nan", 2, "grace_s", "NaN"),
    case(2, "visible = 7", 2, "visible", "7 is not between"),
    case(5, "fps = 1000.0", 5, "source.fps", "1000 is not between"),
    case(
        5,
        "width = 640\nheight = 9000",
        6,
        "source.height",
        "9000 is not between",
    ),
    case(
        8,
        "acquire_score = 2.0",
        8,
        "find.acquire_score",
        "between 0.05 and 0.95",
    ),
    case(
        8,
        "acquire_score = 0.3\nkeep_score = 0.4",
        9,
        "find.keep_score",
        "between 0.01 and 0.3",
    ),
    case(8, "smallest = 0.0", 8, "find.smallest", "between 0.1 and 1"),
    case(10, "beta = -3.0", 10, "smooth.beta", "-3 is not between"),
    case(
        13,
        "hold_s = -0.5",
        13,
        "pose.up.hold_s",
        "-0.5 is not between",
    ),
    case(13, "repeat_s = 0.0", 13, "pose.up.repeat_s", "between 0.05"),
    case(
        13,
        "margin_deg = 180.0",
        13,
        "pose.up.margin_deg",
        "between 0.1 and 90",
    ),
    case(
        18,
        "pulse_ms = 0",
        18,
        "action.lamp.pulse_ms",
        "between 1 and",
    ),
    // unknown kinds, modes, models, parts, steps and formats
    case(1, "model = \"nobody\"", 1, "model", "no model \"nobody\""),
    case(4, "kind = \"webcam\"", 4, "source.kind", "webcam"),
    case(
        4,
        "kind = \"v4l2\"\nformat = \"h264\"",
        5,
        "source.format",
        "h264",
    ),
    case(6, "script = [\"jump 3\"]", 6, "source.script", "jump 3"),
    case(
        6,
        "script = [\"frames\"]",
        6,
        "source.script",
        "`frames` is no step",
    ),
    case(8, "kind = \"network\"", 8, "find.kind", "network"),
    case(15, "kind = \"relay\"", 15, "action.lamp.kind", "relay"),
    case(17, "mode = \"blink\"", 17, "action.lamp.mode", "blink"),
    case(20, "kind = \"hdmi\"", 20, "display.screen.kind", "hdmi"),
    case(
        21,
        "show = [\"skeleton\", \"legs\"]",
        21,
        "display.screen.show",
        "legs",
    ),
    case(23, "kind = \"mqtt\"", 23, "publish.lines.kind", "mqtt"),
    // something is missing
    case(4, "", 3, "source.kind", "is missing"),
    case(4, "kind = \"photo\"", 3, "source.path", "is missing"),
    case(
        4,
        "kind = \"photo\"\npath = \"no/such.jpg\"",
        5,
        "source.path",
        "does not exist",
    ),
    case(
        5,
        "width = 640",
        3,
        "source.height",
        "width and height go together",
    ),
    case(
        5,
        "height = 480",
        3,
        "source.width",
        "width and height go together",
    ),
    case(8, "kind = \"given\"", 7, "find.boxes", "is missing"),
    case(8, "boxes = [[1, 2, 0, 4]]", 8, "find.boxes", "no width"),
    case(12, "", 11, "pose.up.when", "is missing"),
    case(15, "", 14, "action.lamp.kind", "is missing"),
    case(16, "", 14, "action.lamp.pose", "is missing"),
    case(15, "kind = \"gpio\"", 14, "action.lamp.line", "is missing"),
    case(
        15,
        "kind = \"gpio\"\nchip = \"gpiochip0\"",
        14,
        "action.lamp.offset",
        "`chip` and `offset`",
    ),
    case(
        15,
        "kind = \"command\"",
        14,
        "action.lamp.argv",
        "is missing",
    ),
    case(
        15,
        "kind = \"command\"\nargv = []",
        16,
        "action.lamp.argv",
        "no program given",
    ),
    case(
        15,
        "kind = \"command\"\nargv = [\"/no/such/program\"]",
        16,
        "action.lamp.argv",
        "/no/such/program",
    ),
    case(20, "", 19, "display.screen.kind", "is missing"),
    case(
        20,
        "kind = \"png\"",
        19,
        "display.screen.path",
        "is missing",
    ),
    case(23, "", 22, "publish.lines.kind", "is missing"),
    case(
        23,
        "kind = \"file\"",
        22,
        "publish.lines.path",
        "is missing",
    ),
    // rules
    case(
        12,
        "when = \"left_wrst above nose\"",
        12,
        "pose.up.when",
        "left_wrist",
    ),
    case(
        12,
        "when = \"left_wrist over nose\"",
        12,
        "pose.up.when",
        "over",
    ),
    case(
        12,
        "when = \"(left_wrist above nose\"",
        12,
        "pose.up.when",
        "closing bracket",
    ),
    case(
        12,
        "when = \"left_wrist above\"",
        12,
        "pose.up.when",
        "the end of the rule",
    ),
    case(
        12,
        "when = [\"left_wrist above nose\", \"nose beneath left_hip\"]",
        12,
        "pose.up.when",
        "beneath",
    ),
    case(12, "when = \"\"", 12, "pose.up.when", "the end of the rule"),
    case(12, "when = []", 12, "pose.up.when", "is empty"),
    case(
        11,
        "[pose.\"hands up\"]",
        11,
        "pose.hands up",
        "other signs",
    ),
    // keys that do not go together
    case(
        3,
        "[source]\ndevice = \"/dev/video0\"",
        4,
        "source.device",
        "remove the line",
    ),
    case(5, "repeat = true", 5, "source.repeat", "remove the line"),
    case(4, "kind = \"v4l2\"", 6, "source.script", "remove the line"),
    case(
        8,
        "kind = \"windows\"\nboxes = [[0, 0, 9, 9]]",
        9,
        "find.boxes",
        "has no meaning",
    ),
    case(
        15,
        "kind = \"gpio\"\nline = \"GPIO17\"\nargv = [\"/bin/true\"]",
        17,
        "action.lamp.argv",
        "remove the line",
    ),
    case(
        15,
        "kind = \"command\"\nargv = [\"/bin/true\"]\nline = \"x\"",
        17,
        "action.lamp.line",
        "remove the line",
    ),
    case(
        17,
        "mode = \"follow\"",
        18,
        "action.lamp.pulse_ms",
        "only goes with",
    ),
    case(
        18,
        "until = \"up\"",
        18,
        "action.lamp.until",
        "only goes with mode = \"latch\"",
    ),
    case(
        20,
        "kind = \"framebuffer\"\nevery_s = 1.0",
        21,
        "display.screen.every_s",
        "remove the line",
    ),
    case(
        23,
        "kind = \"stdout\"\npath = \"x\"",
        24,
        "publish.lines.path",
        "remove the line",
    ),
    // names that nothing bears; the second of two sections
    case(
        16,
        "pose = \"down\"",
        16,
        "action.lamp.pose",
        "the poses are: up",
    ),
    case(
        16,
        "pose = [\"up\", \"down\"]",
        16,
        "action.lamp.pose",
        "the poses are: up",
    ),
    case(
        24,
        "frames = true\n[action.two]\nkind = \"memory\"\npose = \"down\"",
        27,
        "action.two.pose",
        "the poses are: up",
    ),
    case(
        24,
        "frames = true\n[pose.two]\nhold_s = -1.0\nwhen = \"nose above left_hip\"",
        26,
        "pose.two.hold_s",
        "-1 is not between",
    ),
    // what would be silently ignored, or fail only later
    case(1, "cache = \"Cargo.toml\"", 1, "cache", "is no directory"),
    case(
        8,
        "kind = \"whole_frame\"\nboxes = [[0, 0, 10, 10]]",
        9,
        "find.boxes",
        "has no meaning",
    ),
    case(16, "pose = []", 16, "action.lamp.pose", "is empty"),
    case(
        20,
        "kind = \"memory\"\npath = \"x.png\"",
        21,
        "display.screen.path",
        "remove the line",
    ),
    case(
        20,
        "kind = \"memory\"\nevery_s = 1.0",
        21,
        "display.screen.every_s",
        "remove the line",
    ),
    case(
        6,
        "script = [\"photo no/such.jpg 3\"]",
        6,
        "source.script",
        "no/such.jpg does not exist",
    ),
    case(
        4,
        "kind = \"photo\"\npath = \"Cargo.toml\"\nheight = 480",
        6,
        "source.height",
        "remove the line",
    ),
    case(5, "fps = 0.2", 5, "source.fps", "between 0.5 and 240"),
];

fn check(text: &str) -> (Option<i32>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("posed.toml");
    std::fs::write(&path, text).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(["check", "--config"])
        .arg(&path)
        .output()
        .unwrap();
    let text =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&path.display().to_string(), "FILE");
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

#[test]
fn the_unbroken_one_is_good() {
    let (code, out, err) = check(&GOOD.join("\n"));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("FILE: good"), "{out}");
}

#[test]
fn each_fault_is_named_with_its_line_key_and_mend() {
    let mut wrong = Vec::new();
    for case in &CASES {
        let mut lines = GOOD.map(String::from);
        lines[case.line - 1] = case.text.into();
        let (code, out, err) = check(&lines.join("\n"));
        let place = format!("FILE:{}: {}: ", case.at, case.key);
        // The message of this fault: up to the next one.
        let own = err
            .split_once(&place)
            .map(|(_, rest)| rest.split("\nFILE:").next().unwrap());
        let named = own.is_some_and(|o| o.contains(case.says) && o.contains("\n  mend: "));
        if code != Some(1) || !out.is_empty() || !named {
            wrong.push(format!(
                "{:?} must give {place}… {}\n→ {code:?} {out}{err}",
                case.text, case.says
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} wrong:\n{}",
        wrong.len(),
        CASES.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_fault_is_shown_at_once() {
    let text = GOOD
        .join("\n")
        .replace("threads = 1", "threads = 99")
        .replace("beta = 6.0", "beta = -1.0");
    let (_, _, err) = check(&text);
    assert!(
        err.contains("threads") && err.contains("smooth.beta"),
        "{err}"
    );
}
