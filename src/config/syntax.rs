//! What a TOML parser says, for people who do not write Rust.
//!
//! In: the parser's message, or the text before the place where it stopped. Out: the same in plain
//! words, or where a list began that never ends.

/// Rust's names of types in the field's words.
const WORDS: [(&str, &str); 8] = [
    ("expected usize", "expected a whole number, 0 or more"),
    ("expected u32", "expected a whole number, 0 or more"),
    ("expected u64", "expected a whole number, 0 or more"),
    ("expected f32", "expected a number"),
    ("expected f64", "expected a number"),
    ("expected a sequence", "expected a list in [brackets]"),
    ("floating point", "number with a point"),
    ("expected path string", "expected a path in \"quotes\""),
];

pub fn plain(message: &str) -> String {
    WORDS
        .iter()
        .fold(message.to_string(), |text, (rust, word)| {
            text.replace(rust, word)
        })
}

/// Where the list opens that is still open at the end of `text`, if a line or more stands after its
/// beginning.
pub fn unclosed_list(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        let string = ["\"\"\"", "'''", "\"", "'"]
            .into_iter()
            .find(|q| rest.starts_with(q));
        if let Some(quote) = string {
            let inside = &rest[quote.len()..];
            rest = &inside[end_of_string(inside, quote)..];
            continue;
        }
        match c {
            '#' => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            '[' => open.push(at),
            ']' => drop(open.pop()),
            // The bracket that opens a section ends with its line.
            '\n' => {
                if let [section] = open[..]
                    && text[..section]
                        .rsplit('\n')
                        .next()
                        .is_some_and(|before| before.trim().is_empty())
                {
                    open.clear();
                }
            }
            _ => {}
        }
        rest = &rest[c.len_utf8()..];
    }
    open.first()
        .copied()
        .filter(|&at| text[at..].contains('\n'))
}

/// Behind the closing quote; strings of one line end with it in any case.
fn end_of_string(inside: &str, quote: &str) -> usize {
    let mut escaped = false;
    for (i, c) in inside.char_indices() {
        if !escaped && inside[i..].starts_with(quote) {
            return i + quote.len();
        }
        if c == '\n' && quote.len() == 1 {
            return i;
        }
        escaped = c == '\\' && !escaped && quote.starts_with('"');
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_list_is_found_where_it_begins() {
        for (text, at) in [
            ("a = [1, 2\nb = 3", Some(4)),
            ("a = [1, 2]\nb = [\n  [3],\n c", Some(15)),
            ("a = \"[\"\nb = 3", None),
            ("a = 1 # [\nb", None),
            ("[section]\nb", None),
            ("[section\nb = 1", None),
            ("a = '''[\n['''\nb", None),
            ("a = \"\\\"[\"\nb", None),
            ("a = [", None),
        ] {
            assert_eq!(unclosed_list(text), at, "{text}");
        }
    }
}
