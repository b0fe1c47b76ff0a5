//! The words of a rule.
//!
//! In: a rule's text. Out: its tokens with their places, closed by one [`Kind::End`].

use super::error::RuleError;

/// What to write instead of a comparison of points.
pub(super) const COMPARE: &str =
    "write `above`, `below`, `left_of`, `right_of` or `near`, or `angle(a, b, c) in 70..110`";

/// A longer rule is refused.
pub(super) const MAX_LENGTH: usize = 4096;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Word(String),
    Number(f32),
    /// `..`
    Range,
    /// `>`
    More,
    /// `<`
    Less,
    Open,
    Close,
    Comma,
    End,
}

/// One word, number or mark, and where it stands in characters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    pub at: usize,
    pub len: usize,
}

impl Token {
    /// The token as it is named in a message.
    pub fn name(&self) -> String {
        match &self.kind {
            Kind::Word(word) => format!("{word:?}"),
            Kind::Number(number) => format!("the number {number}"),
            Kind::Range => "\"..\"".into(),
            Kind::More => "\">\"".into(),
            Kind::Less => "\"<\"".into(),
            Kind::Open => "\"(\"".into(),
            Kind::Close => "\")\"".into(),
            Kind::Comma => "\",\"".into(),
            Kind::End => "the end of the rule".into(),
        }
    }
}

/// Splits `text` into tokens.
///
/// # Errors
/// The text is too long, or has a character or a number that no rule has.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, RuleError> {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > MAX_LENGTH {
        return Err(RuleError {
            text: text.into(),
            at: MAX_LENGTH,
            len: chars.len() - MAX_LENGTH,
            problem: format!(
                "the rule has {} characters, at most {MAX_LENGTH} are read",
                chars.len()
            ),
            mend: "split it into an array of shorter rules, which must all hold".into(),
        });
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        let (kind, len) = token(&chars[at..]).map_err(|(len, problem, mend)| RuleError {
            text: text.into(),
            at,
            len,
            problem,
            mend,
        })?;
        tokens.push(Token { kind, at, len });
        at += len;
    }
    tokens.push(Token {
        kind: Kind::End,
        at: chars.len(),
        len: 0,
    });
    Ok(tokens)
}

/// The token at the start of `chars` (not empty) and its length, or the mistake there.
fn token(chars: &[char]) -> Result<(Kind, usize), (usize, String, String)> {
    let run = |wanted: fn(char) -> bool, from: usize| {
        chars[from..].iter().take_while(|&&c| wanted(c)).count()
    };
    match chars[0] {
        '(' => Ok((Kind::Open, 1)),
        ')' => Ok((Kind::Close, 1)),
        ',' => Ok((Kind::Comma, 1)),
        '>' if chars.get(1) != Some(&'=') => Ok((Kind::More, 1)),
        '<' if chars.get(1) != Some(&'=') => Ok((Kind::Less, 1)),
        '.' if chars.get(1) == Some(&'.') => Ok((Kind::Range, 2)),
        c if c.is_alphabetic() || c == '_' => {
            let mut len = run(|c| c.is_alphanumeric() || c == '_', 0);
            // Names of sections may have a hyphen inside.
            while chars.get(len) == Some(&'-')
                && chars
                    .get(len + 1)
                    .is_some_and(|c| c.is_alphanumeric() || *c == '_')
            {
                len += 1 + run(|c| c.is_alphanumeric() || c == '_', len + 1);
            }
            Ok((Kind::Word(chars[..len].iter().collect()), len))
        }
        c if c.is_ascii_digit() => {
            let whole = run(|c| c.is_ascii_digit(), 0);
            let has_fraction = chars.get(whole) == Some(&'.')
                && chars.get(whole + 1).is_some_and(char::is_ascii_digit);
            let len = if has_fraction {
                whole + 1 + run(|c| c.is_ascii_digit(), whole + 1)
            } else {
                whole
            };
            let number: String = chars[..len].iter().collect();
            match number.parse::<f32>() {
                Ok(value) if value.is_finite() => Ok((Kind::Number(value), len)),
                _ => Err((
                    len,
                    "this number is too large".into(),
                    "write torso lengths as 0.5 and degrees as 90".into(),
                )),
            }
        }
        c => Err((
            1,
            format!("{c:?} has no meaning in a rule"),
            mend_for(c).into(),
        )),
    }
}

fn mend_for(c: char) -> &'static str {
    match c {
        '&' => "write `and`",
        '|' => "write `or`",
        '!' => "write `not`",
        '<' | '>' => {
            "write `>` or `<` after person_area, as in person_area > 0.2; between points `above`, `below`, `left_of`, `right_of` or `near`"
        }
        '=' => COMPARE,
        '-' => {
            "numbers are never negative: instead of `a above b by -0.2` write `not a below b by 0.2`; joint names have `_`"
        }
        '.' => "a number begins with a digit, as 0.5; a range is written 70..110",
        '…' => "a range is written with two dots: 70..110",
        '"' | '\'' => "names are written without quotes",
        '#' => "a comment goes outside the rule's text",
        _ => "a rule has names, numbers, `( ) , ..` and the words and, or, not",
    }
}
