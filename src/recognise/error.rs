//! What is wrong with a rule, and where.
//!
//! In: the text and the place. Out: a message with the line, a mark under the place and the mend.

use std::fmt;

/// How much of a long line is shown on each side of the mistake, in characters.
const SHOWN: usize = 60;

/// A rule that cannot be read.
///
/// Displayed as the problem, the line it is on, a row of `^` under the place, and the mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The whole rule as it was given.
    pub text: String,
    /// Where the mistake begins: characters from the start of `text`, from 0. The text's length if
    /// something is missing at its end.
    pub at: usize,
    /// How many characters the mistake takes; 0 if something is missing.
    pub len: usize,
    pub problem: String,
    /// What to write instead.
    pub mend: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chars: Vec<char> = self.text.chars().collect();
        let at = self.at.min(chars.len());
        let begin = chars[..at]
            .iter()
            .rposition(|&c| c == '\n')
            .map_or(0, |i| i + 1)
            .max(at.saturating_sub(SHOWN));
        let rest = chars[at..]
            .iter()
            .position(|&c| c == '\n')
            .map_or(chars.len(), |i| at + i);
        let end = rest.min(at + self.len.min(SHOWN) + SHOWN);
        let line: String = chars[begin..end]
            .iter()
            .map(|&c| if c.is_control() { ' ' } else { c })
            .collect();
        let marks = self.len.min(end - at).max(1);
        writeln!(f, "{}", self.problem)?;
        writeln!(f, "    {}", line.trim_end())?;
        writeln!(f, "    {}{}", " ".repeat(at - begin), "^".repeat(marks))?;
        write!(f, "{}", self.mend)
    }
}
