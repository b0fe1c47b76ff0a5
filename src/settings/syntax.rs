//! Text that is no TOML.
//!
//! In: what the parser says and where. Out: faults in plain words: which line, what is wrong with
//! it, what to write.

use super::Fault;
use std::ops::RangeInclusive;

/// Quotation marks that a word processor or a web page puts in the place of straight ones.
const CURLY: [char; 8] = ['“', '”', '„', '‟', '‘', '’', '‚', '‛'];

/// One fault a line, and the lines of which nothing that was understood is to be trusted.
pub fn faults(text: &str, errors: &[toml::de::Error]) -> (Vec<Fault>, Vec<RangeInclusive<usize>>) {
    let mut faults: Vec<Fault> = Vec::new();
    let mut unsure = Vec::new();
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or(text);
        if let Some(open) = unclosed_list(before) {
            let line = line(text, open);
            faults.retain(|f| f.line < line);
            faults.push(Fault {
                key: line_text(text, line),
                line,
                problem: "the list has no end".into(),
                mend: "close it with ]".into(),
            });
            // Whatever the parser made of the rest was meant otherwise.
            unsure.push(line..=usize::MAX);
            break;
        }
        let line = line(text, at);
        if faults.iter().all(|f| f.line != line) {
            faults.push(fault(text, line, error.message()));
            unsure.push(line..=last_of_section(text, line));
        }
    }
    (faults, unsure)
}

/// The last line of the section whose header is this line; of any other line the line itself.
fn last_of_section(text: &str, line: usize) -> usize {
    let is_header = |l: &str| l.trim_start().starts_with('[');
    let mut lines = text.lines().skip(line - 1);
    if !lines.next().is_some_and(is_header) {
        return line;
    }
    line + lines.take_while(|l| !is_header(l)).count()
}

fn fault(text: &str, line: usize, message: &str) -> Fault {
    let written = line_text(text, line);
    let code = written.split('#').next().unwrap_or("");
    if let Some(curly) = code.chars().find(|c| CURLY.contains(c)) {
        return Fault {
            problem: format!("{curly} is a curly quotation mark"),
            mend: "write straight ones: \"…\"".into(),
            key: written,
            line,
        };
    }
    Fault {
        key: written,
        line,
        problem: message.trim().replace('\n', " "),
        mend: "correct the line; strings stand in \"quotes\", lists in [brackets]".into(),
    }
}

/// The line of a byte of the text, from 1.
pub fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&b| b == b'\n').count() + 1
}

fn line_text(text: &str, line: usize) -> String {
    text.lines().nth(line - 1).unwrap_or("").trim().to_string()
}

/// Where the list opens that is still open at the end of `text`, if a line or more stands after its
/// beginning.
fn unclosed_list(text: &str) -> Option<usize> {
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
    fn a_broken_header_leaves_its_whole_section_unsure_and_no_other() {
        let text = "a = 1\n[find\nb = 2\nc = 3\n[pose]\nd = ";
        let (_, errors) = toml::de::DeTable::parse_recoverable(text);
        let (faults, unsure) = faults(text, &errors);
        let lines: Vec<usize> = faults.iter().map(|f| f.line).collect();
        assert_eq!((lines, unsure), (vec![2, 6], vec![2..=4, 6..=6]));
    }

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
