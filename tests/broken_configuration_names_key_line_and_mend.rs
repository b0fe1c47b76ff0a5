//! A broken configuration gives a message that names the file, the line, the key and the mend, and
//! exit code 1; a good one is taken.
//!
//! Each file in tests/configurations is a case; its README.md tells what stands in one. `BLESS=1`
//! writes what is said now into the .says files, and never a promise.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");
const PROMISE: &str = "# must say: ";

/// What `posed check` answers; the file's path in it is FILE, that of its folder FOLDER.
struct Answer {
    code: Option<i32>,
    out: String,
    err: String,
}

/// A fault that must be named.
struct Promise {
    /// The line that the message must name: that of the key, or of its section where the key is
    /// missing.
    line: usize,
    /// The dotted key; for a text that is no TOML the line itself.
    key: String,
    fragment: String,
}

#[test]
fn good_ones_are_taken() {
    let mut wrong = String::new();
    for path in files("good") {
        let answer = check(&path);
        if answer.code != Some(0) || !answer.out.starts_with("FILE: good") {
            report(&mut wrong, &path, "is refused", &answer.err);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn each_fault_is_named_with_its_line_key_and_mend() {
    let mut wrong = String::new();
    for path in files("broken") {
        let answer = check(&path);
        if answer.code != Some(1) {
            report(&mut wrong, &path, "does not end with 1", &answer.err);
        }
        if !answer.out.is_empty() {
            report(&mut wrong, &path, "is answered on stdout", &answer.out);
        }
        let promises = promises(&path);
        if promises.is_empty() {
            report(&mut wrong, &path, "promises nothing", "");
        }
        for promise in promises.iter().filter(|p| !p.is_kept(&answer.err)) {
            let Promise {
                line,
                key,
                fragment,
            } = promise;
            let what = format!("must say FILE:{line}: {key}: … {fragment}");
            report(&mut wrong, &path, &what, &answer.err);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn what_is_said_is_what_is_kept() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = String::new();
    for path in files("broken") {
        let answer = check(&path);
        let kept = path.with_extension("says");
        if bless {
            std::fs::write(&kept, answer.err).unwrap();
            continue;
        }
        let says = std::fs::read_to_string(&kept).unwrap_or_default();
        if says != answer.err {
            let both = format!("kept:\n{says}now:\n{}", answer.err);
            report(&mut wrong, &path, "is answered otherwise", &both);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

impl Promise {
    fn parse(line: &str) -> Self {
        let parts = || {
            let (line, rest) = line.split_once(' ')?;
            let (key, fragment) = rest.split_once(": ")?;
            Some((line.parse().ok()?, key, fragment))
        };
        let (line, key, fragment) =
            parts().unwrap_or_else(|| panic!("not LINE KEY: FRAGMENT: {line}"));
        Self {
            line,
            key: key.to_owned(),
            fragment: fragment.to_owned(),
        }
    }

    /// Whether a fault of this line and key has the fragment, and a mend.
    fn is_kept(&self, err: &str) -> bool {
        let place = format!("FILE:{}: {}: ", self.line, self.key);
        err.split_once(&place).is_some_and(|(_, rest)| {
            let own = rest.split("\nFILE:").next().unwrap();
            own.contains(&self.fragment) && own.contains("\n  mend: ")
        })
    }
}

fn promises(path: &Path) -> Vec<Promise> {
    text(&std::fs::read(path).unwrap())
        .lines()
        .filter_map(|line| line.strip_prefix(PROMISE))
        .map(Promise::parse)
        .collect()
}

/// The text of a file that may have another encoding than UTF-8: that is a fault to be named, too.
fn text(bytes: &[u8]) -> String {
    let Some(utf16) = bytes.strip_prefix(&[0xff, 0xfe]) else {
        return String::from_utf8_lossy(bytes).into_owned();
    };
    let units: Vec<u16> = utf16
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}

/// The configurations in a folder of tests/configurations; there must be some.
fn files(folder: &str) -> Vec<PathBuf> {
    let dir = Path::new(REPOSITORY)
        .join("tests/configurations")
        .join(folder);
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "toml"));
    files.sort();
    assert!(!files.is_empty(), "no .toml in {}", dir.display());
    files
}

fn check(path: &Path) -> Answer {
    let out = Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(["check", "--config"])
        .arg(path)
        .current_dir(REPOSITORY)
        .env_remove("POSED_MODELS")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| {
        let said = String::from_utf8_lossy(bytes).replace(&path.display().to_string(), "FILE");
        let folder = path.parent().unwrap().display().to_string();
        said.replace(&folder, "FOLDER")
    };
    Answer {
        code: out.status.code(),
        out: text(&out.stdout),
        err: text(&out.stderr),
    }
}

fn report(wrong: &mut String, path: &Path, what: &str, answer: &str) {
    let name = path.file_name().unwrap().display();
    writeln!(wrong, "{name} {what}\n{answer}").unwrap();
}
