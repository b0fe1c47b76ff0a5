//! What keeps a fault that comes with every frame from filling the disk.
//!
//! In: the lines of the log, with the time. Out: of each kind at most one line in ten seconds; the
//! newest of those that were held back stands for all of them, with their number.
//!
//! Lines are of one kind when they differ by numbers only: "frame 17: …" and "frame 18: …".

use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

/// So long is nothing more said of a kind.
pub const QUIET_FOR: Duration = Duration::from_secs(10);
/// No more kinds than this at once: texts that are ever new are of the last one together.
const MOST_KINDS: usize = 64;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub level: log::Level,
    /// The module that it is from.
    pub target: String,
    pub text: String,
}

/// What was said lately, and what is held back.
#[derive(Debug, Default)]
pub struct Quiet {
    kinds: Vec<Kind>,
}

#[derive(Debug)]
struct Kind {
    key: u64,
    said_at: Duration,
    /// The newest line that was held back, and how many before it were.
    held: Option<(Line, u64)>,
}

impl Quiet {
    /// Takes in a line; gives it back if it is to be said now.
    pub fn hear(&mut self, now: Duration, line: Line) -> Option<Line> {
        let key = key(&line);
        let kind = match self.kinds.iter().position(|k| k.key == key) {
            Some(i) => &mut self.kinds[i],
            None if self.has_room(now) => {
                self.kinds.push(Kind {
                    key,
                    said_at: now,
                    held: None,
                });
                return Some(line);
            }
            None => self.kinds.last_mut()?,
        };
        if kind.held.is_none() && now.saturating_sub(kind.said_at) >= QUIET_FOR {
            kind.said_at = now;
            return Some(line);
        }
        let before = kind.held.take().map_or(0, |(_, before)| before + 1);
        kind.held = Some((line, before));
        None
    }

    /// Whether one more kind can be told from the others.
    fn has_room(&mut self, now: Duration) -> bool {
        if self.kinds.len() == MOST_KINDS {
            self.kinds
                .retain(|k| k.held.is_some() || now.saturating_sub(k.said_at) < QUIET_FOR);
        }
        self.kinds.len() < MOST_KINDS
    }

    /// The lines that were held back for ten seconds.
    pub fn due(&mut self, now: Duration) -> Vec<Line> {
        let over = |kind: &&mut Kind| now.saturating_sub(kind.said_at) >= QUIET_FOR;
        let say = |kind: &mut Kind| {
            let line = kind.say()?;
            kind.said_at = now;
            Some(line)
        };
        self.kinds.iter_mut().filter(over).filter_map(say).collect()
    }

    /// All that is held back, at the end of the program.
    pub fn rest(&mut self) -> Vec<Line> {
        self.kinds.iter_mut().filter_map(Kind::say).collect()
    }
}

impl Kind {
    fn say(&mut self) -> Option<Line> {
        let (mut line, before) = self.held.take()?;
        if before > 0 {
            line.text += &format!(" ({before} more like it were left out)");
        }
        Some(line)
    }
}

/// A number for the line's kind.
fn key(line: &Line) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(line.target.as_bytes());
    for part in line.text.split(|c: char| c.is_ascii_digit()) {
        // The parts between the digits of one number are empty.
        if !part.is_empty() {
            hasher.write(part.as_bytes());
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            level: log::Level::Warn,
            target: "test".into(),
            text: text.into(),
        }
    }

    fn texts(lines: Vec<Line>) -> Vec<String> {
        lines.into_iter().map(|l| l.text).collect()
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn of_a_kind_comes_one_line_in_ten_seconds_with_the_number_left_out() {
        let mut quiet = Quiet::default();
        let mut said = Vec::new();
        for frame in 0..30 * 25 {
            let now = Duration::from_millis(frame * 1000 / 30);
            said.extend(quiet.due(now));
            said.extend(quiet.hear(now, line(&format!("frame {frame}: damaged"))));
        }
        said.extend(quiet.rest());
        let want = [
            "frame 0: damaged",
            "frame 299: damaged (298 more like it were left out)",
            "frame 599: damaged (299 more like it were left out)",
            "frame 749: damaged (149 more like it were left out)",
        ];
        assert_eq!(texts(said), want);
    }

    #[test]
    fn one_kind_does_not_silence_another() {
        let mut quiet = Quiet::default();
        let mut says = |text| quiet.hear(s(0), line(text)).is_some();
        assert!(says("action lamp: refused") && says("action bell: refused"));
        assert!(!says("action lamp: refused"));
    }

    #[test]
    fn what_comes_seldom_is_said_at_once() {
        let mut quiet = Quiet::default();
        assert!(quiet.hear(s(0), line("a")).is_some());
        assert!(quiet.hear(s(10), line("a")).is_some());
        assert!(quiet.hear(s(11), line("a")).is_none());
        assert_eq!(texts(quiet.due(s(19))), [""; 0]);
        assert_eq!(texts(quiet.due(s(20))), ["a"]);
    }

    #[test]
    fn texts_that_are_ever_new_do_not_fill_the_log_either() {
        let mut quiet = Quiet::default();
        let word = |i: u32| (0..8).map(move |bit| (b'a' + (i >> (bit * 4) & 15) as u8) as char);
        let new = |i| line(&word(i).collect::<String>());
        let said = (0..10_000).filter_map(|i| quiet.hear(s(0), new(i))).count();
        assert_eq!(said, MOST_KINDS);
        assert_eq!(quiet.rest().len(), 1);
    }
}
