//! What is wrong with a configuration, said so that it can be mended.
//!
//! In: the text and a place in it. Out: the key, its line and the mend.

use super::{keys, syntax};
use std::ops::Range;
use std::path::PathBuf;
use toml::de::{DeTable, DeValue};

/// Something in a configuration that is not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, dotted: `pose.hands_up.hold_s`.
    pub key: String,
    /// From 1.
    pub line: usize,
    pub problem: String,
    pub mend: String,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "{path}: cannot be read: {source}. Give a configuration with --config; config/posed.toml is a commented sample"
    )]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}", list(path, faults))]
    Faults { path: PathBuf, faults: Vec<Fault> },
}

fn list(path: &std::path::Path, faults: &[Fault]) -> String {
    let line = |f: &Fault| {
        format!(
            "{}:{}: {}: {}\n  mend: {}",
            path.display(),
            f.line,
            f.key,
            f.problem,
            f.mend
        )
    };
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A configuration's text with its parsed form, to tell lines and keys.
pub struct Places<'a> {
    text: &'a str,
    table: Option<toml::Spanned<DeTable<'a>>>,
}

impl<'a> Places<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            table: DeTable::parse(text).ok(),
        }
    }

    pub fn text(&self) -> &str {
        self.text
    }

    fn line(&self, offset: usize) -> usize {
        self.text
            .bytes()
            .take(offset)
            .filter(|&b| b == b'\n')
            .count()
            + 1
    }

    /// A fault of the value at the dotted path `key`, or of the nearest table around it.
    pub fn fault(&self, key: &str, problem: impl Into<String>, mend: impl Into<String>) -> Fault {
        let mut offset = 0;
        let mut rest = key;
        let mut table = self.table.as_ref().map(|t| t.get_ref());
        // A quoted name may have dots of its own.
        let after = |name: &str, rest: &str| {
            rest == name || rest.strip_prefix(name).is_some_and(|r| r.starts_with('.'))
        };
        while let Some((name, value)) =
            table.and_then(|t| t.iter().find(|(k, _)| after(k.get_ref(), rest)))
        {
            offset = name.span().start;
            rest = rest[name.get_ref().len()..].trim_start_matches('.');
            table = value.get_ref().as_table();
        }
        Fault {
            key: key.into(),
            line: self.line(offset),
            problem: problem.into(),
            mend: mend.into(),
        }
    }

    /// What toml or serde found wrong.
    pub fn parse_fault(&self, error: &toml::de::Error) -> Fault {
        let span = error.span().unwrap_or(0..0);
        let mut key = String::new();
        if let Some(table) = &self.table {
            deepest(table.get_ref(), &span, &mut key);
        }
        let message = error.message().trim();
        let unknown = message
            .strip_prefix("unknown field `")
            .and_then(|m| Some((m.split('`').next()?, m)));
        if let Some((name, rest)) = unknown {
            let known: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
            let near = known
                .iter()
                .max_by(|a, b| strsim::jaro(name, a).total_cmp(&strsim::jaro(name, b)));
            let near = near
                .filter(|n| strsim::jaro(name, n) > 0.7)
                .map(|n| format!("did you mean `{n}`? "))
                .unwrap_or_default();
            let known = known.join(", ");
            return Fault {
                key,
                line: self.line(span.start),
                problem: format!("there is no key `{name}`"),
                mend: format!("{near}Known here: {known}"),
            };
        }
        let missing = message
            .strip_prefix("missing field `")
            .and_then(|m| m.split('`').next());
        if let Some(name) = missing {
            let key = if key.is_empty() {
                name.to_string()
            } else {
                format!("{key}.{name}")
            };
            let mend = keys::mend(&key);
            return Fault {
                key,
                line: self.line(span.start),
                problem: "is missing".into(),
                mend,
            };
        }
        let is_syntax = self.table.is_none();
        if let Some(open) = is_syntax
            .then(|| syntax::unclosed_list(&self.text[..span.start]))
            .flatten()
        {
            let line = self.line(open);
            let key = self
                .text
                .lines()
                .nth(line - 1)
                .unwrap_or("")
                .trim()
                .to_string();
            return Fault {
                key,
                line,
                problem: "the list has no end".into(),
                mend: "close it with ]".into(),
            };
        }
        let mend = if is_syntax {
            "correct the line; strings stand in \"quotes\", lists in [brackets]".into()
        } else {
            keys::mend(&key)
        };
        let key = if key.is_empty() {
            self.text
                .lines()
                .nth(self.line(span.start) - 1)
                .unwrap_or("")
                .trim()
                .to_string()
        } else {
            key
        };
        Fault {
            key,
            line: self.line(span.start),
            problem: syntax::plain(&message.replace('\n', " ")),
            mend,
        }
    }
}

/// The dotted path of the innermost key whose name or value covers `span`.
fn deepest(table: &DeTable, span: &Range<usize>, path: &mut String) {
    for (name, value) in table {
        let covers = |r: Range<usize>| r.start <= span.start && span.end <= r.end;
        let inner = value.get_ref().as_table();
        let holds = |t: &DeTable| {
            t.iter()
                .any(|(k, v)| covers(k.span()) || covers(v.span()) || has(v.get_ref(), span))
        };
        if covers(name.span()) || covers(value.span()) || inner.is_some_and(holds) {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(name.get_ref());
            if let Some(t) = inner {
                deepest(t, span, path);
            }
            return;
        }
    }
}

fn has(value: &DeValue, span: &Range<usize>) -> bool {
    value.as_table().is_some_and(|t| {
        t.iter().any(|(k, v)| {
            (k.span().start <= span.start && span.end <= v.span().end) || has(v.get_ref(), span)
        })
    })
}
