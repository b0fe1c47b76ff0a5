//! The grammar of rules.
//!
//! In: a rule's text and the joints of the model. Out: the expression, or the mistake with its
//! place and mend.
//!
//! ```text
//! expr  := and ("or" and)*      and := not ("and" not)*      not := "not" not | timed
//! timed := ("(" expr ")" | "changed" "(" expr ")" ["within" NUMBER] | term) ["for" NUMBER]
//! ```

mod place;
mod scene;
mod time;

use super::error::RuleError;
use super::lex::{self, Kind, Token};
use super::rule::{Expression, Rule};
use super::term::{Direction, Spot, Term};
use super::torso::TorsoMeasure;
use super::words::Words;
use crate::skeleton::KeypointSet;
use crate::trouble::Trouble;
use std::sync::Arc;

/// Brackets and `not` may be nested this deep.
const MAX_DEPTH: usize = 64;
/// More torso lengths than any picture holds.
const MAX_TORSOS: f32 = 100.0;
const NEAR: f32 = 0.5;
/// The share of the picture that the person covers.
const AREA: &str = "person_area";
const RELATIONS: [&str; 7] = [
    "above", "below", "left_of", "right_of", "near", "in", "outside",
];
/// The forms of a rule about a person, each as it is written.
const FORMS: [(&str, &str); 6] = [
    ("angle", "angle(a, b, c)"),
    ("tilt", "tilt(a, b)"),
    ("visible", "visible(a, …)"),
    ("speed", "speed(a)"),
    ("like", "like(taught pose)"),
    ("changed", "changed(rule)"),
];
const MIDDLES: [(&str, &str, &str); 2] = [
    ("mid_shoulder", "left_shoulder", "right_shoulder"),
    ("mid_hip", "left_hip", "right_hip"),
];

impl Rule {
    /// Reads a rule about a person; `words` are what it may name: the joints of the model whose
    /// skeletons it will judge, zones, taught poses.
    ///
    /// # Errors
    /// The text is no rule, or names what is not there.
    ///
    /// ```
    /// # use posed::{recognise::Rule, skeleton::KeypointSet};
    /// assert!(Rule::parse("left_wrist above left_shoulder by 0.2", &KeypointSet::coco()).is_ok());
    /// let error = Rule::parse("left_wirst above nose", &KeypointSet::coco()).unwrap_err();
    /// assert_eq!((error.at, error.len), (0, 10));
    /// ```
    pub fn parse<'a>(text: &'a str, words: impl Into<Words<'a>>) -> Result<Self, RuleError> {
        read(text, words.into(), None)
    }

    /// The rule that a person is like a taught pose.
    ///
    /// # Errors
    /// There is no such pose.
    pub(super) fn like(name: &str, words: Words) -> Result<Self, Trouble> {
        let nothing = || Trouble::new("no poses were taught here", "posed teach NAME PHOTO…");
        let taught = words.taught.ok_or_else(nothing)?;
        let pose = taught.like(name, words.mirror)?;
        Ok(Self {
            expression: Expression::Term(Term::Like {
                pose,
                more: true,
                than: place::LIKE,
            }),
            torso: TorsoMeasure::new(words.joints),
            joints: words.joints.names().len(),
        })
    }

    /// Reads a rule about the scene: who is there, and who holds one of `poses`.
    ///
    /// # Errors
    /// The text is no such rule, or names what is not there.
    ///
    /// ```
    /// # use posed::{recognise::Rule, skeleton::KeypointSet};
    /// let joints = KeypointSet::coco();
    /// let poses = ["hands_up".into()];
    /// assert!(Rule::parse_scene("people > 2 and any(hands_up)", &joints, &poses).is_ok());
    /// assert!(Rule::parse_scene("nobody for 30", &joints, &poses).is_ok());
    /// assert!(Rule::parse_scene("left_wrist above nose", &joints, &poses).is_err());
    /// ```
    pub fn parse_scene<'a>(
        text: &'a str,
        words: impl Into<Words<'a>>,
        poses: &'a [Arc<str>],
    ) -> Result<Self, RuleError> {
        read(text, words.into(), Some(poses))
    }
}

/// Reads a whole rule; with `poses` one about the scene.
///
/// # Errors
/// The first thing that does not belong there.
fn read<'a>(
    text: &'a str,
    words: Words<'a>,
    poses: Option<&'a [Arc<str>]>,
) -> Result<Rule, RuleError> {
    let tokens = lex::tokens(text)?;
    let mut parser = Parser {
        text,
        tokens,
        next: 0,
        depth: 0,
        joints: words.joints,
        words,
        poses,
    };
    let whole = parser.expr()?;
    let rest = parser.take();
    match rest.kind {
        Kind::End => {}
        Kind::Close => {
            return Err(parser.error(
                &rest,
                "this bracket closes nothing",
                "leave it out, or open one before",
            ));
        }
        _ => {
            return Err(parser.unexpected(
                &rest,
                "`and`, `or` or the end of the rule",
                &["and", "or", "by", "within", "for", "over"],
            ));
        }
    }
    let mut rule = Rule {
        expression: whole,
        torso: TorsoMeasure::new(words.joints),
        joints: words.joints.names().len(),
    };
    rule.number(&mut 0);
    Ok(rule)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    joints: &'a KeypointSet,
    words: Words<'a>,
    /// The poses that a rule of the scene may name; `None` in a rule about a person.
    poses: Option<&'a [Arc<str>]>,
}

impl Parser<'_> {
    fn expr(&mut self) -> Result<Expression, RuleError> {
        let mut parts = vec![self.and()?];
        while self.accept("or") {
            parts.push(self.and()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Expression::Any(parts)
        })
    }

    fn and(&mut self) -> Result<Expression, RuleError> {
        let mut parts = vec![self.not()?];
        while self.accept("and") {
            parts.push(self.not()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Expression::All(parts)
        })
    }

    fn not(&mut self) -> Result<Expression, RuleError> {
        if !self.is_word("not") {
            return self.timed();
        }
        self.deeper()?;
        let inner = self.not()?;
        self.depth -= 1;
        Ok(Expression::Not(Box::new(inner)))
    }

    /// A bracket, a form with a rule in it, or a term; and how long it must hold.
    fn timed(&mut self) -> Result<Expression, RuleError> {
        let inner = if self.peek().kind == Kind::Open {
            self.bracket()?
        } else if self.is_form("changed") {
            self.changed()?
        } else {
            let term = match self.poses {
                Some(poses) => self.scene_term(poses)?,
                None => self.term()?,
            };
            Expression::Term(term)
        };
        self.for_so_long(inner)
    }

    fn bracket(&mut self) -> Result<Expression, RuleError> {
        self.deeper()?;
        let inner = self.expr()?;
        let close = self.take();
        if close.kind != Kind::Close {
            return Err(self.unexpected(
                &close,
                "`and`, `or` or a closing bracket",
                &["and", "or", "by", "within", "for", "over"],
            ));
        }
        self.depth -= 1;
        Ok(inner)
    }

    /// Takes a word or bracket with which something is nested.
    fn deeper(&mut self) -> Result<(), RuleError> {
        if self.depth == MAX_DEPTH {
            let token = self.peek();
            return Err(self.error(
                &token,
                "brackets and `not` are nested too deep here",
                "split the rule into an array of rules",
            ));
        }
        self.next += 1;
        self.depth += 1;
        Ok(())
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.peek().kind, Kind::Word(w) if w == word)
    }

    /// Whether a word with an opening bracket comes next: a joint may bear the name of a form.
    fn is_form(&self, word: &str) -> bool {
        let next = self.tokens.get(self.next + 1);
        self.is_word(word) && matches!(next.map(|t| &t.kind), Some(Kind::Open))
    }

    /// Whether a word comes next that is no joint of this model.
    fn is_free_word(&self, word: &str) -> bool {
        self.is_word(word) && self.joints.index(word).is_none()
    }

    fn term(&mut self) -> Result<Term, RuleError> {
        if self.is_form("angle") {
            let points =
                self.points::<3>("three points, as angle(left_shoulder, left_elbow, left_wrist)")?;
            let (low, high) = self.range()?;
            return Ok(Term::Angle { points, low, high });
        }
        if self.is_form("tilt") {
            let points = self.points::<2>("two points, as tilt(mid_hip, mid_shoulder)")?;
            let (low, high) = self.range()?;
            return Ok(Term::Tilt { points, low, high });
        }
        if self.is_form("visible") {
            let list = self.list()?.into_iter();
            return Ok(Term::Visible(list.map(|(spot, _)| spot).collect()));
        }
        if self.is_form("speed") {
            return self.speed();
        }
        if self.is_form("like") {
            return self.like();
        }
        if let Some(Token {
            kind: Kind::Open, ..
        }) = self.tokens.get(self.next + 1)
            && let Kind::Word(word) = self.peek().kind
        {
            return Err(self.no_form(&word, &FORMS));
        }
        if self.is_free_word(AREA) {
            return self.share();
        }
        if self.is_free_word("still") {
            return self.still();
        }
        for word in ["people", "nobody"] {
            if self.is_free_word(word) {
                return Err(self.error(
                    &self.peek(),
                    &format!("{word:?} is said of the scene, and this is a rule of a person"),
                    "write it into a section [scene.NAME], which drives actions as a pose does",
                ));
            }
        }
        match self.somewhere()? {
            Some(term) => Ok(term),
            None => self.relation(),
        }
    }

    fn no_form(&self, word: &str, forms: &[(&str, &str)]) -> RuleError {
        let near = closest(word, forms.iter().map(|f| f.0))
            .map_or(String::new(), |w| format!("did you mean {w}? "));
        let all: Vec<&str> = forms.iter().map(|f| f.1).collect();
        self.error(
            &self.peek(),
            &format!("there is no form {word:?}"),
            &format!("{near}The forms are {}", all.join(", ")),
        )
    }

    /// `person_area > 0.2`
    fn share(&mut self) -> Result<Term, RuleError> {
        self.next += 1;
        let more = self.more_or_less("a share of the picture, as in person_area > 0.2")?;
        Ok(Term::Share {
            more,
            than: self.number("the picture, as 0.2", 1.0)?.0,
        })
    }

    /// `>` or `<`
    fn more_or_less(&mut self, wanted: &str) -> Result<bool, RuleError> {
        let token = self.take();
        match token.kind {
            Kind::More => Ok(true),
            Kind::Less => Ok(false),
            _ => Err(self.unexpected(&token, &format!("`>` or `<` and {wanted}"), &[])),
        }
    }

    /// `POINT above POINT by 0.2` and its kin.
    fn relation(&mut self) -> Result<Term, RuleError> {
        let (from, _) = self.point()?;
        let token = self.take();
        let direction = match &token.kind {
            Kind::Word(w) if w == "above" => Some(Direction::Above),
            Kind::Word(w) if w == "below" => Some(Direction::Below),
            Kind::Word(w) if w == "left_of" => Some(Direction::LeftOf),
            Kind::Word(w) if w == "right_of" => Some(Direction::RightOf),
            Kind::Word(w) if w == "near" => None,
            Kind::More | Kind::Less => {
                return Err(self.error(
                    &token,
                    &format!("{} does not belong between points", token.name()),
                    lex::COMPARE,
                ));
            }
            _ => {
                return Err(self.unexpected(
                    &token,
                    "`above`, `below`, `left_of`, `right_of`, `near`, or `in` and a zone",
                    &RELATIONS,
                ));
            }
        };
        let (to, place) = self.point()?;
        if from == to {
            return Err(self.error(&place, "both points are the same", "name another point"));
        }
        let number = self.distance(direction.is_some())?;
        Ok(match direction {
            Some(direction) => Term::Apart {
                direction,
                from,
                to,
                by: number.unwrap_or(0.0),
            },
            None => Term::Near {
                from,
                to,
                within: number.unwrap_or(NEAR),
            },
        })
    }

    /// `by 0.2` after a direction, `within 0.3` after `near`; both may be left out.
    fn distance(&mut self, directed: bool) -> Result<Option<f32>, RuleError> {
        let (wanted, other) = if directed {
            ("by", "within")
        } else {
            ("within", "by")
        };
        if matches!(&self.peek().kind, Kind::Word(w) if w == other) {
            let token = self.peek();
            return Err(self.error(
                &token,
                &format!("{other:?} does not belong to this term"),
                &format!("write `{wanted}`: near … within, above … by"),
            ));
        }
        if !self.accept(wanted) {
            return Ok(None);
        }
        Ok(Some(self.number("torso lengths, as 0.3", MAX_TORSOS)?.0))
    }

    /// The bracket of a form with exactly `N` points, all different.
    fn points<const N: usize>(&mut self, wanted: &str) -> Result<[Spot; N], RuleError> {
        let form = self.peek();
        let list = self.list()?;
        for (i, (spot, place)) in list.iter().enumerate() {
            if list[..i].iter().any(|(s, _)| s == spot) {
                return Err(self.error(place, "this point is there twice", "name another point"));
            }
        }
        let spots: Vec<Spot> = list.iter().map(|&(spot, _)| spot).collect();
        spots.try_into().map_err(|_| {
            self.error(
                &form,
                &format!("{} takes {N} points, here are {}", form.name(), list.len()),
                &format!("give {wanted}"),
            )
        })
    }

    /// A form's name (skipped) and its bracket of points.
    fn list(&mut self) -> Result<Vec<(Spot, Token)>, RuleError> {
        self.next += 2;
        let mut list = vec![self.point()?];
        loop {
            let token = self.take();
            match token.kind {
                Kind::Comma => list.push(self.point()?),
                Kind::Close => return Ok(list),
                _ => return Err(self.unexpected(&token, "`,` or `)`", &[])),
            }
        }
    }

    /// `in 70..110`
    fn range(&mut self) -> Result<(f32, f32), RuleError> {
        let token = self.take();
        if !matches!(&token.kind, Kind::Word(w) if w == "in") {
            return Err(self.unexpected(
                &token,
                "`in` and a range of degrees, as in 70..110",
                &["in"],
            ));
        }
        let (low, _) = self.number("degrees, as 70..110", 180.0)?;
        let token = self.take();
        if token.kind != Kind::Range {
            return Err(self.unexpected(&token, "`..` and the range's upper end", &[]));
        }
        let (high, place) = self.number("degrees, as 70..110", 180.0)?;
        if low >= high {
            return Err(self.error(
                &place,
                "the range is empty",
                "the smaller number comes first, as 70..110",
            ));
        }
        Ok((low, high))
    }

    fn number(&mut self, wanted: &str, most: f32) -> Result<(f32, Token), RuleError> {
        let token = self.take();
        match token.kind {
            Kind::Number(value) if value <= most => Ok((value, token)),
            Kind::Number(_) => Err(self.error(
                &token,
                "this number is too large",
                &format!("give 0 to {most}: {wanted}"),
            )),
            _ => Err(self.unexpected(&token, &format!("a number of {wanted}"), &[])),
        }
    }

    fn point(&mut self) -> Result<(Spot, Token), RuleError> {
        let token = self.take();
        let Kind::Word(name) = &token.kind else {
            return Err(self.unexpected(&token, "the name of a joint", &[]));
        };
        if let Some(joint) = self.joints.index(name) {
            return Ok((Spot(joint, joint), token));
        }
        let Some((_, left, right)) = MIDDLES.iter().find(|(middle, ..)| middle == name) else {
            return Err(self.no_joint(&token, name));
        };
        match (self.joints.index(left), self.joints.index(right)) {
            (Some(left), Some(right)) => Ok((Spot(left, right), token)),
            _ => Err(self.error(
                &token,
                &format!("this model has no joints {left} and {right}, whose mean {name} is"),
                &self.names(),
            )),
        }
    }

    fn no_joint(&self, token: &Token, name: &str) -> RuleError {
        let all = self
            .joints
            .names()
            .iter()
            .map(String::as_str)
            .chain(MIDDLES.map(|m| m.0));
        let sides: Vec<&str> = all
            .clone()
            .filter(|n| n.strip_prefix("left_").or(n.strip_prefix("right_")) == Some(name))
            .collect();
        let near = match closest(name, all) {
            _ if !sides.is_empty() => format!("did you mean {}? ", sides.join(" or ")),
            Some(near) => format!("did you mean {near}? "),
            None => String::new(),
        };
        self.error(
            token,
            &format!("this model has no joint {name:?}"),
            &format!("{near}{}", self.names()),
        )
    }

    fn names(&self) -> String {
        format!(
            "Its joints are {}; also mid_shoulder and mid_hip",
            self.joints.names().join(", ")
        )
    }

    fn unexpected(&self, token: &Token, wanted: &str, words: &[&str]) -> RuleError {
        let near = match &token.kind {
            Kind::Word(word) => closest(&word.to_lowercase(), words.iter().copied())
                .map_or(String::new(), |w| format!("did you mean {w}? ")),
            _ => String::new(),
        };
        self.error(
            token,
            &format!("found {}, expected {wanted}", token.name()),
            &format!("{near}docs/rules.md shows how rules are written"),
        )
    }

    fn error(&self, token: &Token, problem: &str, mend: &str) -> RuleError {
        RuleError {
            text: self.text.into(),
            at: token.at,
            len: token.len,
            problem: problem.into(),
            mend: mend.into(),
        }
    }

    fn peek(&self) -> Token {
        self.tokens
            .get(self.next)
            .or(self.tokens.last())
            .cloned()
            .unwrap_or(Token {
                kind: Kind::End,
                at: 0,
                len: 0,
            })
    }

    fn take(&mut self) -> Token {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = matches!(&self.peek().kind, Kind::Word(w) if w == word);
        self.next += usize::from(found);
        found
    }
}

/// The most similar of `names`, if one is similar.
fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(word, name), name));
    scored
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
