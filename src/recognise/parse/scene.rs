//! Words about the scene: `people`, `nobody`, `any(pose)`, `all(pose)`.

use super::super::error::RuleError;
use super::super::lex::Kind;
use super::super::term::{Part, Term};
use super::{Parser, closest};
use crate::zone::Zone;
use std::sync::Arc;

/// More than any picture shows.
const MOST_PEOPLE: f32 = 1000.0;
const FORMS: [(&str, &str); 3] = [
    ("any", "any(pose)"),
    ("all", "all(pose)"),
    ("changed", "changed(rule)"),
];
const WORDS: [&str; 4] = ["people", "nobody", "any", "all"];

impl Parser<'_> {
    pub(super) fn scene_term(&mut self, poses: &[Arc<str>]) -> Result<Term, RuleError> {
        if self.is_word("people") {
            self.next += 1;
            let place = self.place()?;
            return self.people(place);
        }
        if self.is_word("nobody") {
            self.next += 1;
            return Ok(Term::People {
                place: self.place()?,
                more: false,
                than: 1,
            });
        }
        for all in [false, true] {
            if self.is_form(if all { "all" } else { "any" }) {
                return self.held(all, poses);
            }
        }
        let token = self.peek();
        if let Kind::Word(word) = &token.kind {
            let next = self.tokens.get(self.next + 1);
            if matches!(next.map(|t| &t.kind), Some(Kind::Open)) {
                return Err(self.no_form(word, &FORMS));
            }
            if self.joints.index(word).is_some() || ["still", "person"].contains(&word.as_str()) {
                return Err(self.error(
                    &token,
                    &format!("{word:?} is said of a person, and this is a rule of the scene"),
                    "write a [pose.NAME] with it, and here any(NAME) or all(NAME)",
                ));
            }
        }
        Err(self.unexpected(
            &token,
            "`people > 2`, `nobody`, `any(pose)` or `all(pose)`",
            &WORDS,
        ))
    }

    /// `in door`, where it is there.
    fn place(&mut self) -> Result<Option<(Arc<Zone>, Part)>, RuleError> {
        if !self.accept("in") {
            return Ok(None);
        }
        Ok(Some((self.zone()?, self.person())))
    }

    /// `> 2`
    fn people(&mut self, place: Option<(Arc<Zone>, Part)>) -> Result<Term, RuleError> {
        let more = self.more_or_less("a number of people, as in people > 2")?;
        let (number, token) = self.number("people, as 2", MOST_PEOPLE)?;
        if number.fract() != 0.0 || (!more && number == 0.0) {
            return Err(self.error(
                &token,
                "this is no number of people that there could be",
                "write a whole number: people > 2; `nobody` where there is none",
            ));
        }
        Ok(Term::People {
            place,
            more,
            than: number as u32,
        })
    }

    /// `any(hands_up)`
    fn held(&mut self, all: bool, poses: &[Arc<str>]) -> Result<Term, RuleError> {
        self.next += 2;
        let token = self.take();
        let Kind::Word(name) = &token.kind else {
            return Err(self.unexpected(&token, "the name of a pose", &[]));
        };
        let Some(pose) = poses.iter().position(|p| **p == **name) else {
            let near = closest(name, poses.iter().map(|p| &**p));
            let near = near.map_or(String::new(), |near| format!("did you mean {near}? "));
            let names: Vec<&str> = poses.iter().map(|p| &**p).collect();
            return Err(self.error(
                &token,
                &format!("there is no pose {name:?}"),
                &format!("{near}The poses are: {}", names.join(", ")),
            ));
        };
        let close = self.take();
        if close.kind != Kind::Close {
            return Err(self.unexpected(&close, "a closing bracket", &[]));
        }
        Ok(Term::Held {
            pose,
            name: Arc::clone(&poses[pose]),
            all,
        })
    }
}
