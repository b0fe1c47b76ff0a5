//! The types that keys can have: what a value of each looks like, and what is said of one that is
//! none.

use super::Key;
use crate::settings::section::{Section, closest, listed};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use toml::de::DeValue;

/// A type of numbers that a key can have.
pub trait Number: Copy + PartialOrd + Display + 'static {
    /// Whether only whole numbers are taken.
    const WHOLE: bool;
    /// The nearest of this type.
    fn from_f64(value: f64) -> Self;
}

macro_rules! numbers {
    ($whole:expr, $($t:ty)*) => { $(
        impl Number for $t {
            const WHOLE: bool = $whole;
            fn from_f64(value: f64) -> Self {
                value as $t
            }
        }
    )* };
}
numbers!(true, u16 u32 u64 usize);
numbers!(false, f32 f64);

/// Rust's word for the type of a value in the user's words, with the value.
pub(in crate::settings) fn type_of(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => format!("string {text:?}"),
        DeValue::Integer(n) => format!("integer `{n}`"),
        DeValue::Float(n) => format!("number with a point `{}`", n.as_str()),
        DeValue::Boolean(flag) => format!("boolean `{flag}`"),
        DeValue::Datetime(_) => "a date or time".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a section".into(),
    }
}

fn invalid(value: &DeValue, expected: &str) -> String {
    format!("invalid type: {}, expected {expected}", type_of(value))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// A number as TOML has it: with a point unless the type is one of whole numbers.
fn number_text<T: Number>(value: &T) -> String {
    let text = value.to_string();
    if T::WHOLE || text.contains(['.', 'N', 'i']) {
        text
    } else {
        format!("{text}.0")
    }
}

fn number<T: Number>(value: &DeValue) -> Result<T, String> {
    let expected = if T::WHOLE {
        "a whole number, 0 or more"
    } else {
        "a number"
    };
    match value {
        DeValue::Integer(n) => {
            let wrong = || format!("invalid value: integer `{n}`, expected {expected}");
            let n = i64::from_str_radix(n.as_str(), n.radix()).map_err(|_| wrong())?;
            if T::WHOLE && n < 0 {
                return Err(wrong());
            }
            Ok(T::from_f64(n as f64))
        }
        DeValue::Float(n) if !T::WHOLE => {
            let n: f64 = n.as_str().parse().map_err(|_| invalid(value, expected))?;
            Ok(T::from_f64(n))
        }
        _ => Err(invalid(value, expected)),
    }
}

impl<'s, 'a> Key<'s, 'a, String> {
    pub(in crate::settings) fn text(
        s: &'s mut Section<'a>,
        key: &'static str,
        meaning: &'static str,
    ) -> Self {
        let read = |v: &DeValue| match v {
            DeValue::String(text) => Ok(text.to_string()),
            other => Err(invalid(other, "a text in \"quotes\"")),
        };
        let row = (key, meaning, "a text".into());
        Self::new(s, row, read, |text| quoted(text))
    }

    /// The key `kind`.
    pub(in crate::settings) fn kind(s: &'s mut Section<'a>, names: &[&str], says: String) -> Self {
        let read = |v: &DeValue| match v {
            DeValue::String(text) if names.iter().any(|n| n == text) => Ok(text.to_string()),
            DeValue::String(text) => Err(unknown_word("kind", text, names)),
            other => Err(invalid(other, "a text in \"quotes\"")),
        };
        let words: Vec<String> = names.iter().map(|n| quoted(n)).collect();
        let row = ("kind", "", listed(&words, "or"));
        let mut key = Self::new(s, row, read, |text| quoted(text));
        key.row.meaning = says;
        key
    }
}

fn unknown_word(key: &str, text: &str, words: &[&str]) -> String {
    let near = closest(text, words);
    let near = near.map_or_else(String::new, |near| format!(", did you mean \"{near}\"?"));
    format!("there is no {key} {text:?}{near}")
}

impl<'s, 'a> Key<'s, 'a, PathBuf> {
    pub(in crate::settings) fn path(
        s: &'s mut Section<'a>,
        key: &'static str,
        meaning: &'static str,
    ) -> Self {
        let read = |v: &DeValue| match v {
            DeValue::String(text) => Ok(PathBuf::from(text.as_ref())),
            other => Err(invalid(other, "a path in \"quotes\"")),
        };
        let row = (key, meaning, "a path".into());
        Self::new(s, row, read, |path| quoted(&path.display().to_string()))
    }
}

impl<'s, 'a> Key<'s, 'a, bool> {
    pub(in crate::settings) fn flag(
        s: &'s mut Section<'a>,
        key: &'static str,
        meaning: &'static str,
    ) -> Self {
        let read = |v: &DeValue| match v {
            DeValue::Boolean(flag) => Ok(*flag),
            other => Err(invalid(other, "a boolean: true or false")),
        };
        let row = (key, meaning, "`true` or `false`".into());
        Self::new(s, row, read, bool::to_string)
    }
}

impl<'s, 'a, T: Number> Key<'s, 'a, T> {
    pub(in crate::settings) fn number(
        s: &'s mut Section<'a>,
        key: &'static str,
        meaning: &'static str,
        range: RangeInclusive<T>,
    ) -> Self {
        let what = if T::WHOLE {
            "a whole number"
        } else {
            "a number"
        };
        let takes = format!("{what}, {} to {}", range.start(), range.end());
        let read = |v: &DeValue| within(number(v)?, &range);
        Self::new(s, (key, meaning, takes), read, number_text)
    }
}

fn within<T: Number>(value: T, range: &RangeInclusive<T>) -> Result<T, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    let (low, high) = (range.start(), range.end());
    Err(format!("{value} is not between {low} and {high}"))
}

impl<'s, 'a> Key<'s, 'a, Duration> {
    pub(in crate::settings) fn seconds(
        s: &'s mut Section<'a>,
        key: &'static str,
        meaning: &'static str,
        range: RangeInclusive<f64>,
    ) -> Self {
        let takes = format!("seconds, {} to {}", range.start(), range.end());
        let read = |v: &DeValue| Ok(Duration::from_secs_f64(within(number(v)?, &range)?));
        Self::new(s, (key, meaning, takes), read, |time| {
            number_text(&time.as_secs_f64())
        })
    }
}

impl<'s, 'a, T: Clone + PartialEq + 'static> Key<'s, 'a, T> {
    pub(in crate::settings) fn choice(
        s: &'s mut Section<'a>,
        key: &'static str,
        meaning: &'static str,
        words: &'static [(&'static str, T)],
    ) -> Self {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let quotes: Vec<String> = names.iter().map(|n| quoted(n)).collect();
        let read = |v: &DeValue| match v {
            DeValue::String(text) => match words.iter().find(|(name, _)| name == text) {
                Some((_, value)) => Ok(value.clone()),
                None => Err(unknown_word(key, text, &names)),
            },
            other => Err(invalid(other, "a text in \"quotes\"")),
        };
        let write = |value: &T| {
            let word = words.iter().find(|(_, v)| v == value);
            word.map_or_else(String::new, |(name, _)| quoted(name))
        };
        Self::new(s, (key, meaning, listed(&quotes, "or")), read, write)
    }
}

impl<'s, 'a> Key<'s, 'a, Vec<String>> {
    /// A list of texts, or with `one` a single text too.
    pub(in crate::settings) fn texts(
        s: &'s mut Section<'a>,
        key: &'static str,
        meaning: &'static str,
        one: bool,
    ) -> Self {
        let (takes, expected) = if one {
            ("a text or a list of texts", "a string or a list of strings")
        } else {
            ("a list of texts", "a list in [brackets] of strings")
        };
        let read = |v: &DeValue| match v {
            DeValue::String(text) if one => Ok(vec![text.to_string()]),
            DeValue::Array(entries) => entries
                .iter()
                .map(|entry| match entry.get_ref() {
                    DeValue::String(text) => Ok(text.to_string()),
                    other => Err(invalid(other, expected)),
                })
                .collect(),
            other => Err(invalid(other, expected)),
        };
        Self::new(s, (key, meaning, takes.into()), read, |texts| {
            let quotes: Vec<String> = texts.iter().map(|t| quoted(t)).collect();
            format!("[{}]", quotes.join(", "))
        })
    }
}

impl<'s, 'a, const N: usize> Key<'s, 'a, Vec<[f32; N]>> {
    pub(in crate::settings) fn tuples(
        s: &'s mut Section<'a>,
        key: &'static str,
        meaning: &'static str,
    ) -> Self {
        let count = match N {
            2 => "two".into(),
            4 => "four".into(),
            _ => N.to_string(),
        };
        let tuple = format!("a list of {count} numbers");
        let entry = |v: &DeValue| match v {
            DeValue::Array(numbers) => {
                let read: Result<Vec<f32>, String> =
                    numbers.iter().map(|n| number(n.get_ref())).collect();
                <[f32; N]>::try_from(read?)
                    .map_err(|n| format!("invalid length {}, expected {tuple}", n.len()))
            }
            other => Err(invalid(other, &tuple)),
        };
        let read = |v: &DeValue| match v {
            DeValue::Array(entries) => entries.iter().map(|e| entry(e.get_ref())).collect(),
            other => Err(invalid(other, "a list in [brackets]")),
        };
        let takes = format!("a list of lists of {count} numbers");
        Self::new(s, (key, meaning, takes), read, |_| String::new())
    }
}
