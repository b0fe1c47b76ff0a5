//! A TOML file, read key by key.
//!
//! In: the bytes of a file, and readers that ask a [`Section`] for one key after another. Out: the
//! values, and every fault of the file at once, each with its key, its line and the mend. Knows
//! nothing of posed: what keys there are is known by whoever reads them, in one line a key.
//!
//! ```
//! use posed::settings::{Document, Section};
//!
//! fn read(s: &mut Section) -> f64 {
//!     s.number("hold_s", "how long the pose is shown before it counts", 0.0..=60.0).or(0.3)
//! }
//!
//! let document = Document::parse("[pose]\nhold = 0.5");
//! document.section("pose", read);
//! let fault = &document.faults()[0];
//! assert_eq!((fault.key.as_str(), fault.line), ("pose.hold", 2));
//! assert_eq!(fault.mend, "did you mean `hold_s`? Known here: hold_s");
//! ```

mod bytes;
mod fault;
mod key;
mod section;
mod syntax;
mod table;

pub use bytes::decode;
pub use fault::{Fault, faults_text};
pub use key::{Key, Number};
pub use section::{Kind, Section};
pub use table::{Row, rows, table};

use std::cell::RefCell;
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed file, with the faults that its readers have found so far.
pub struct Document<'t> {
    text: &'t str,
    table: Spanned<DeTable<'t>>,
    faults: RefCell<Vec<Fault>>,
    /// Lines of which, for an error of syntax, what was understood is not to be trusted.
    unsure: Vec<RangeInclusive<usize>>,
}

impl<'t> Document<'t> {
    /// Parses as much of `text` as can be understood; errors of syntax become faults.
    pub fn parse(text: &'t str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let (faults, unsure) = syntax::faults(text, &errors);
        Self {
            text,
            table,
            faults: RefCell::new(faults),
            unsure,
        }
    }

    /// The file as it was given.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// Reads the keys at the top of the file; `sections` are the tables that others read.
    pub fn top<T>(&self, sections: &[&'static str], read: impl FnOnce(&mut Section) -> T) -> T {
        let mut section = Section::of(self, String::new(), 0, Some(self.table.get_ref()));
        section.leave_to_others(sections);
        let value = read(&mut section);
        section.finish();
        value
    }

    /// Reads the section `[name]`, which may be missing: all its keys are absent then.
    pub fn section<T>(&self, name: &str, read: impl FnOnce(&mut Section) -> T) -> T {
        let found = self.table.get_ref().get_key_value(name);
        let (at, table) = match found {
            Some((key, value)) => (key.span().start, self.table_of(name, value)),
            None => (0, None),
        };
        let mut section = Section::of(self, name.into(), at, table);
        section.unreadable = found.is_some() && table.is_none();
        let value = read(&mut section);
        section.finish();
        value
    }

    /// Whether there is a section of this name, with anything in it or not.
    pub fn has(&self, name: &str) -> bool {
        self.table.get_ref().contains_key(name)
    }

    /// The kind that the section `[name]` is of, if it says so; nothing is asked of its other keys.
    pub fn kind(&self, name: &str) -> Option<&str> {
        let DeValue::Table(section) = self.table.get_ref().get(name)?.get_ref() else {
            return None;
        };
        section.get("kind")?.get_ref().as_str()
    }

    /// The section `[name]` has to be there, and is not.
    pub fn missing(&self, name: &str, with: impl std::fmt::Display) {
        if !self.is_broken() {
            self.push(Fault {
                key: name.into(),
                line: 1,
                problem: "is missing".into(),
                mend: format!("write a section [{name}] {with}"),
            });
        }
    }

    /// Reads every section `[group.NAME]`, in the order of their names.
    pub fn named<T>(
        &self,
        group: &str,
        mut read: impl FnMut(&mut Section, &str) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.table.get_ref().get(group) else {
            return Vec::new();
        };
        let Some(table) = self.table_of(group, value) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (key, value) in table {
            let name = format!("{group}.{}", key.get_ref());
            let Some(own) = self.table_of(&name, value) else {
                continue;
            };
            let mut section = Section::of(self, name, key.span().start, Some(own));
            found.extend(read(&mut section, key.get_ref()));
            section.finish();
        }
        found
    }

    /// The names NAME of the sections `[group.NAME]`.
    pub fn names(&self, group: &str) -> Vec<String> {
        let table = self
            .table
            .get_ref()
            .get(group)
            .and_then(|v| v.get_ref().as_table());
        let keys = table.into_iter().flatten();
        keys.map(|(name, _)| name.get_ref().to_string()).collect()
    }

    /// The section `[group.name]` goes with another as little as `problem` says.
    pub fn contradicts(&self, group: &str, name: &str, problem: String, mend: &str) {
        let table = self.table.get_ref().get(group);
        let own = table
            .and_then(|v| v.get_ref().as_table())
            .and_then(|t| t.get_key_value(name));
        let at = own.map_or(0, |(key, _)| key.span().start);
        self.push(Fault {
            key: format!("{group}.{name}"),
            line: self.line(at),
            problem,
            mend: mend.into(),
        });
    }

    /// Whether the file has the key `key` in `[group.NAME]`.
    pub fn gives(&self, group: &str, name: &str, key: &str) -> bool {
        let table = self.table.get_ref().get(group);
        let own = table
            .and_then(|v| v.get_ref().as_table())
            .and_then(|t| t.get(name))
            .and_then(|v| v.get_ref().as_table());
        own.is_some_and(|t| t.contains_key(key))
    }

    fn table_of<'a>(&self, name: &str, value: &'a Spanned<DeValue<'t>>) -> Option<&'a DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let mend = match name.split_once('.') {
                Some((group, _)) => {
                    format!("sections of this sort have names: write [{group}.NAME] above it")
                }
                None => format!("write a section [{name}], or [{name}.NAME] where it has names"),
            };
            self.push(Fault {
                key: name.into(),
                line: self.line(value.span().start),
                problem: format!(
                    "invalid type: {}, expected a section",
                    key::type_of(value.get_ref())
                ),
                mend,
            });
        }
        table
    }

    /// All that was found wrong, in the order of the lines.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = self.faults.borrow().clone();
        faults.sort_by_key(|f| f.line);
        faults
    }

    fn push(&self, fault: Fault) {
        let unsure = self.unsure.iter().any(|lines| lines.contains(&fault.line));
        let mut faults = self.faults.borrow_mut();
        if !unsure && !faults.contains(&fault) {
            faults.push(fault);
        }
    }

    /// Whether something may be there that was not understood: what is missing is no fault then.
    fn is_broken(&self) -> bool {
        !self.unsure.is_empty()
    }

    /// The line of a byte of the text, from 1.
    fn line(&self, offset: usize) -> usize {
        syntax::line(self.text, offset)
    }
}
