//! One key of a section: its type, its range, its default, what it means.
//!
//! In: a value of the file. Out: the value as Rust has it, or a fault with a mend that is made of
//! what the reader said.

mod types;

pub use types::Number;
pub(in crate::settings) use types::type_of;

use super::section::Section;
use super::table::Row;
use toml::de::DeValue;

/// A key that is being asked for. Ends with [`Key::or`], [`Key::needed`] or [`Key::maybe`].
#[must_use = "a key is asked for only when or, needed or maybe ends it"]
pub struct Key<'s, 'a, T> {
    section: &'s mut Section<'a>,
    row: Row,
    value: Option<T>,
    problems: Vec<String>,
    /// A value as it would be written.
    write: Box<dyn Fn(&T) -> String>,
}

impl<'s, 'a, T> Key<'s, 'a, T> {
    fn new(
        section: &'s mut Section<'a>,
        row: (&'static str, &'static str, String),
        read: impl FnOnce(&DeValue) -> Result<T, String>,
        write: impl Fn(&T) -> String + 'static,
    ) -> Self {
        let (key, meaning, takes) = row;
        let mut problems = Vec::new();
        let value = section.value(key).map(read).and_then(|read| {
            let kept = read.map_err(|problem| problems.push(problem));
            kept.ok()
        });
        let row = Row {
            key,
            takes,
            default: Some(String::new()),
            meaning: meaning.into(),
            example: None,
            hint: None,
        };
        Self {
            section,
            row,
            value,
            problems,
            write: Box::new(write),
        }
    }

    /// A value as it may stand in the file, for the mend; without one the default is the example.
    pub fn example(mut self, written: impl Into<String>) -> Self {
        self.row.example = Some(written.into());
        self
    }

    /// How to find out what to write.
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.row.hint = Some(hint);
        self
    }

    /// Refuses a value for the reason that `fault` gives.
    pub fn check(mut self, fault: impl FnOnce(&T) -> Result<(), String>) -> Self {
        if let Some(Err(problem)) = self.value.as_ref().map(fault) {
            self.problems.push(problem);
            self.value = None;
        }
        self
    }

    /// Makes another type of the value, or gives the reason why that cannot be.
    pub fn parse<U>(self, make: impl FnOnce(T) -> Result<U, String>) -> Key<'s, 'a, U> {
        let mut problems = self.problems;
        let value = self.value.and_then(|value| {
            let made = make(value).map_err(|problem| problems.push(problem));
            made.ok()
        });
        Key {
            section: self.section,
            row: self.row,
            value,
            problems,
            write: Box::new(|_| String::new()),
        }
    }

    /// The value; where the key is missing or wrong, `default`.
    pub fn or(mut self, default: T) -> T {
        let written = (self.write)(&default);
        if self.row.example.is_none() {
            self.row.example = Some(written.clone()).filter(|w| !w.is_empty());
        }
        self.row.default = Some(format!("`{written}`"));
        self.maybe().unwrap_or(default)
    }

    /// What stands in the docs for the default of a key that [`Key::maybe`] ends.
    pub fn without(mut self, default: &str) -> Self {
        self.row.default = Some(default.into());
        self
    }

    /// The value; a fault and `None` where the key is missing or wrong.
    pub fn needed(mut self) -> Option<T> {
        self.row.default = None;
        let missing = self.value.is_none() && self.problems.is_empty();
        let (value, section, key) = self.end();
        if missing {
            section.missing(key);
        }
        value
    }

    /// The value; `None` where the key is missing or wrong.
    pub fn maybe(self) -> Option<T> {
        self.end().0
    }

    fn end(self) -> (Option<T>, &'s mut Section<'a>, &'static str) {
        let key = self.row.key;
        self.section.rows.push(self.row);
        for problem in self.problems {
            self.section.fault(key, problem);
        }
        (self.value, self.section, key)
    }
}

impl<'s, 'a, T> Key<'s, 'a, Vec<T>> {
    /// Makes another type of each entry; every entry that cannot be is a fault of its own.
    pub fn each<U>(self, mut make: impl FnMut(T) -> Result<U, String>) -> Key<'s, 'a, Vec<U>> {
        let mut problems = self.problems;
        let before = problems.len();
        let value = self.value.map(|entries| {
            let made = entries.into_iter().map(&mut make);
            made.filter_map(|made| made.map_err(|problem| problems.push(problem)).ok())
                .collect()
        });
        // What is left of a list would be judged as if it were the whole.
        let value = value.filter(|_| problems.len() == before);
        Key {
            section: self.section,
            row: self.row,
            value,
            problems,
            write: Box::new(|_| String::new()),
        }
    }
}
