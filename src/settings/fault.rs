//! What is wrong with a file, said so that it can be mended.

use std::path::Path;

/// Something in a file that is not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, dotted: `pose.hands_up.hold_s`; of a line that is no TOML the line itself.
    pub key: String,
    /// From 1.
    pub line: usize,
    pub problem: String,
    /// What to write instead.
    pub mend: String,
}

/// The faults of the file at `path`, each as `path:line: key: problem` and a line with the mend.
pub fn faults_text(path: &Path, faults: &[Fault]) -> String {
    let lines = faults.iter().map(|f| {
        let path = path.display();
        format!(
            "{path}:{}: {}: {}\n  mend: {}",
            f.line, f.key, f.problem, f.mend
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
