//! Why something that the configuration names cannot be used, and what to do about it.

/// What is wrong, and the mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What, and where.
    pub what: String,
    /// What to do about it; empty where nobody can know.
    pub mend: String,
}

impl Trouble {
    /// Both in words; no full stop at the end of either.
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            mend: mend.into(),
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.mend.as_str() {
            "" => f.write_str(&self.what),
            mend => write!(f, "{}; {mend}", self.what),
        }
    }
}

impl std::error::Error for Trouble {}
