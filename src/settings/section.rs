//! One section of a file, and the kinds a section may be of.
//!
//! In: a table of the file, and readers that ask for keys. Out: their values; when all have asked,
//! a fault for every key that nobody asked for.

use super::key::{Key, Number};
use super::{Document, Fault, Row};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One kind of back-end: all that its room's table knows of it.
pub struct Kind<T> {
    /// As `kind = "…"` names it.
    pub name: &'static str,
    /// What it is, in a few words, for docs/.
    pub says: &'static str,
    /// Reads the keys of its own. Asks for every key before it gives up for want of one: what is
    /// not asked for counts as unknown.
    pub read: fn(&mut Section) -> Option<T>,
}

/// Another kind of the section's, asked only when a key is unknown to the one that was chosen.
struct Other<'a> {
    name: &'static str,
    keys: Box<dyn Fn() -> Vec<Row> + 'a>,
}

/// A section that is being read.
pub struct Section<'a> {
    pub(super) document: &'a Document<'a>,
    /// Dotted: `action.lamp`; empty for the top of the file.
    pub(super) name: String,
    /// Where the file names it, in bytes.
    at: usize,
    table: Option<&'a DeTable<'a>>,
    pub(super) rows: Vec<Row>,
    elsewhere: Vec<&'static str>,
    kind: Option<String>,
    kinds: Vec<Other<'a>>,
    /// What stands here is no section: that was told, and its keys are not missing.
    pub(super) unreadable: bool,
}

impl<'a> Section<'a> {
    pub(super) fn of(
        document: &'a Document<'a>,
        name: String,
        at: usize,
        table: Option<&'a DeTable<'a>>,
    ) -> Self {
        Self {
            document,
            name,
            at,
            table,
            rows: Vec::new(),
            elsewhere: Vec::new(),
            kind: None,
            kinds: Vec::new(),
            unreadable: false,
        }
    }

    /// Keys that are sections of their own, read by others.
    pub(super) fn leave_to_others(&mut self, keys: &[&'static str]) {
        self.elsewhere.extend(keys);
    }

    /// A text in quotes.
    pub fn text(&mut self, key: &'static str, meaning: &'static str) -> Key<'_, 'a, String> {
        Key::text(self, key, meaning)
    }

    /// A path in quotes.
    pub fn path(&mut self, key: &'static str, meaning: &'static str) -> Key<'_, 'a, PathBuf> {
        Key::path(self, key, meaning)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str, meaning: &'static str) -> Key<'_, 'a, bool> {
        Key::flag(self, key, meaning)
    }

    /// A number within `range`; a whole one if `T` is a type of whole numbers.
    pub fn number<T: Number>(
        &mut self,
        key: &'static str,
        meaning: &'static str,
        range: RangeInclusive<T>,
    ) -> Key<'_, 'a, T> {
        Key::number(self, key, meaning, range)
    }

    /// Quarters of a turn, written in degrees: 0, 90, 180 or 270.
    pub fn quarters(&mut self, key: &'static str, meaning: &'static str) -> u8 {
        let degrees = self
            .number(key, meaning, 0..=270)
            .check(|degrees: &u32| match degrees % 90 {
                0 => Ok(()),
                _ => Err(format!("{degrees} is no quarter of a turn")),
            })
            .example("180")
            .or(0);
        (degrees / 90) as u8
    }

    /// A time in seconds, within `range`.
    pub fn seconds(
        &mut self,
        key: &'static str,
        meaning: &'static str,
        range: RangeInclusive<f64>,
    ) -> Key<'_, 'a, Duration> {
        Key::seconds(self, key, meaning, range)
    }

    /// One of some words, each with the value it stands for.
    pub fn choice<T: Clone + PartialEq + 'static>(
        &mut self,
        key: &'static str,
        meaning: &'static str,
        words: &'static [(&'static str, T)],
    ) -> Key<'_, 'a, T> {
        Key::choice(self, key, meaning, words)
    }

    /// A list of texts.
    pub fn texts(&mut self, key: &'static str, meaning: &'static str) -> Key<'_, 'a, Vec<String>> {
        Key::texts(self, key, meaning, false)
    }

    /// A text or a list of texts.
    pub fn one_or_more(
        &mut self,
        key: &'static str,
        meaning: &'static str,
    ) -> Key<'_, 'a, Vec<String>> {
        Key::texts(self, key, meaning, true)
    }

    /// A list of lists of `N` numbers each.
    pub fn tuples<const N: usize>(
        &mut self,
        key: &'static str,
        meaning: &'static str,
    ) -> Key<'_, 'a, Vec<[f32; N]>> {
        Key::tuples(self, key, meaning)
    }

    /// The key `kind`, one of `kinds` or, where the file has none, `default`; and all that this
    /// kind reads.
    pub fn kind<T: 'static>(
        &mut self,
        kinds: &'static [Kind<T>],
        default: Option<&'static str>,
    ) -> Option<T> {
        let names: Vec<&str> = kinds.iter().map(|k| k.name).collect();
        let says = kinds.iter().map(|k| format!("`{}`: {}", k.name, k.says));
        let says = says.collect::<Vec<_>>().join(" · ");
        let key = Key::kind(self, &names, says);
        let chosen = match default {
            Some(name) => Some(key.or(name.into())),
            None => key.needed(),
        };
        let chosen = chosen.and_then(|name| kinds.iter().find(|k| k.name == name));
        let others = kinds
            .iter()
            .filter(|k| chosen.is_none_or(|c| c.name != k.name));
        self.kinds.extend(others.map(|k| Other {
            name: k.name,
            keys: Box::new(|| super::rows(|s| drop((k.read)(s)))),
        }));
        self.kind = chosen.map(|k| k.name.to_string());
        chosen.and_then(|k| (k.read)(self))
    }

    /// The last part of the section's name: NAME of `[action.NAME]`.
    pub fn last_name(&self) -> &str {
        self.name.split_once('.').map_or("", |(_, name)| name)
    }

    /// The same, to be spoken of in rules, lines and topics: letters, digits, _ and -. `example` is a
    /// whole section's name that is right.
    pub fn plain_name(&self, example: &str) -> String {
        let name = self.last_name().to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(plain) {
            self.fault_with(
                "",
                "has a name with other signs than letters, digits, _ and -",
                format!("rename it, for example [{example}]"),
            );
        }
        name
    }

    /// Whether the file has this key here.
    pub fn given(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    pub(super) fn value(&self, key: &str) -> Option<&'a DeValue<'a>> {
        self.table?.get(key).map(Spanned::get_ref)
    }

    /// A fault of a key that was asked for; the mend is that key's.
    pub fn fault(&mut self, key: &str, problem: impl Into<String>) {
        let mend = self.rows.iter().find(|r| r.key == key);
        let mend = mend.map_or_else(String::new, Row::mend);
        self.fault_with(key, problem, mend);
    }

    /// A fault with a mend of its own. An empty key stands for the section.
    pub fn fault_with(&self, key: &str, problem: impl Into<String>, mend: impl Into<String>) {
        self.document.push(self.fault_at(key, problem, mend));
    }

    fn fault_at(&self, key: &str, problem: impl Into<String>, mend: impl Into<String>) -> Fault {
        let entry = self.table.and_then(|t| t.get_key_value(key));
        let at = entry.map_or(self.at, |(key, _)| key.span().start);
        let dot = if self.name.is_empty() || key.is_empty() {
            ""
        } else {
            "."
        };
        Fault {
            key: format!("{}{dot}{key}", self.name),
            line: self.document.line(at),
            problem: problem.into(),
            mend: mend.into(),
        }
    }

    /// A key that was asked for is not there, and has to be.
    pub fn missing(&mut self, key: &str) {
        if !self.document.is_broken() && !self.unreadable {
            self.fault(key, "is missing");
        }
    }

    /// Every key that nobody asked for is a fault: it would be silently ignored.
    pub(super) fn finish(self) {
        let Some(table) = self.table else { return };
        let known: Vec<&str> = self.rows.iter().map(|r| r.key).collect();
        let unknown = |key: &str| !known.contains(&key) && !self.elsewhere.contains(&key);
        for (key, value) in table {
            let key: &str = key.get_ref();
            if unknown(key) {
                self.unasked(key, value.get_ref(), &known);
            }
        }
    }

    fn unasked(&self, key: &str, value: &DeValue, known: &[&str]) {
        let mut known = known.to_vec();
        known.extend(&self.elsewhere);
        let others = self.kinds.iter().map(|other| (other.keys)());
        let others: Vec<Vec<Row>> = others.collect();
        let elsewhere = others.iter().flatten().any(|row| row.key == key);
        match &self.kind {
            Some(kind) if elsewhere => {
                let problem = format!("has no meaning with kind = \"{kind}\"");
                let goes_with = self.kinds.iter().zip(&others);
                let goes_with: Vec<String> = goes_with
                    .filter(|(_, rows)| rows.iter().any(|row| row.key == key))
                    .map(|(other, _)| format!("\"{}\"", other.name))
                    .collect();
                let mend = format!("remove the line; it goes with {}", listed(&goes_with, "or"));
                return self.fault_with(key, problem, mend);
            }
            // Of which kind the section is meant to be is not known.
            None if elsewhere => return,
            None => known.extend(others.iter().flatten().map(|row| row.key)),
            Some(_) => {}
        }
        let near = closest(key, &known);
        let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        let mut fault = self.fault_at(
            key,
            format!("there is no key `{key}`"),
            format!("{near}Known here: {}", known.join(", ")),
        );
        // Of `[pozes.up]` the whole name is shown.
        if let Some(inner) = value.as_table()
            && let [(name, inner)] = inner.iter().collect::<Vec<_>>()[..]
            && inner.get_ref().is_table()
        {
            fault.key = format!("{}.{}", fault.key, name.get_ref());
        }
        self.document.push(fault);
    }
}

/// The word that `word` may be a slip of.
pub(super) fn closest<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    const LIKE_ENOUGH: f64 = 0.7;
    let best = known
        .iter()
        .max_by(|a, b| strsim::jaro(word, a).total_cmp(&strsim::jaro(word, b)));
    best.copied()
        .filter(|best| strsim::jaro(word, best) > LIKE_ENOUGH)
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn listed(words: &[String], joint: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
    }
}
