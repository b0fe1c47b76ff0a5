//! What keys there are: rows for docs/.
//!
//! In: a reader. Out: the keys that it asks for, as rows of a Markdown table.

use super::Document;
use super::section::Section;
use std::fmt::Write;

/// A key that a reader has asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub key: &'static str,
    /// "seconds, 0.1 to 60".
    pub takes: String,
    /// The value where the key is missing, as it would be written; `None` where it must be given.
    pub default: Option<String>,
    pub meaning: String,
    /// A value as it may be written.
    pub example: Option<String>,
    /// Where to find out what to write.
    pub hint: Option<&'static str>,
}

impl Row {
    /// What to write at this key.
    pub fn mend(&self) -> String {
        let Self {
            key,
            takes,
            meaning,
            ..
        } = self;
        let hint = self.hint.map_or_else(String::new, |h| format!("; {h}"));
        match &self.example {
            Some(example) => {
                format!("write {takes}: {meaning}, for example {key} = {example}{hint}")
            }
            // What each kind is stands in the docs.
            None if *key == "kind" => format!("write {key} = {takes}{hint}"),
            None => format!("write {key} = {takes}: {meaning}{hint}"),
        }
    }
}

/// The keys that `read` asks for, in its order.
pub fn rows(read: impl FnOnce(&mut Section)) -> Vec<Row> {
    let document = Document::parse("");
    let mut section = Section::of(&document, String::new(), 0, None);
    read(&mut section);
    section.rows
}

/// Rows as a table of Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from("| key | takes | without it | meaning |\n|---|---|---|---|\n");
    for row in rows {
        let default = match row.default.as_deref() {
            None => "must be given",
            Some("") => "–",
            Some(value) => value,
        };
        let hint = row.hint.map_or_else(String::new, |h| format!("; {h}"));
        let takes = row.takes.replace('|', "\\|");
        let _ = writeln!(
            text,
            "| `{}` | {takes} | {default} | {}{hint} |",
            row.key, row.meaning
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_reader_is_a_row_of_the_table_and_the_mend() {
        let rows = rows(|s| {
            s.seconds("limit_s", "what runs longer is killed", 0.1..=60.0)
                .or(std::time::Duration::from_secs(10));
            s.text("line", "the line's name")
                .example("\"GPIO17\"")
                .hint("`gpioinfo` lists them")
                .needed();
        });
        assert_eq!(
            rows[0].mend(),
            "write seconds, 0.1 to 60: what runs longer is killed, for example limit_s = 10.0"
        );
        let table = table(&rows);
        assert!(
            table.contains(
                "| `limit_s` | seconds, 0.1 to 60 | `10.0` | what runs longer is killed |"
            ),
            "{table}"
        );
        assert!(
            table.contains("| must be given | the line's name; `gpioinfo` lists them |"),
            "{table}"
        );
    }
}
