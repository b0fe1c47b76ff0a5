//! Words about places in the picture and taught poses: `in`, `outside`, `like`.

use super::super::error::RuleError;
use super::super::lex::{Kind, Token};
use super::super::term::{Part, Spot, Term};
use super::{Parser, closest};
use crate::zone::Zone;
use std::sync::Arc;

/// Less like a taught pose than this is not it; [`crate::taught`] has what it means.
pub(in crate::recognise) const LIKE: f32 = 0.5;
/// What of a person may be in a zone, beside points.
const PARTS: [(&str, [&str; 2]); 2] = [
    ("any_hand", ["left_wrist", "right_wrist"]),
    ("any_foot", ["left_ankle", "right_ankle"]),
];
/// The whole person.
const PERSON: &str = "person";

impl Parser<'_> {
    /// `mid_hip in bed`, `any_hand outside press`, `outside bed`; `None` where something else stands
    /// there.
    pub(super) fn somewhere(&mut self) -> Result<Option<Term>, RuleError> {
        let alone = self.is_free_word("in") || self.is_free_word("outside");
        let begin = self.next;
        let part = if alone {
            Some(self.person())
        } else {
            self.part()?
        };
        // A point that stands in no zone is one of a relation.
        let Some(part) = part else {
            return Ok(None);
        };
        let token = self.take();
        let inside = match &token.kind {
            Kind::Word(word) if word == "in" => true,
            Kind::Word(word) if word == "outside" => false,
            _ if matches!(part, Part::Point(_)) => {
                self.next = begin;
                return Ok(None);
            }
            _ => {
                return Err(self.unexpected(
                    &token,
                    "`in` or `outside` and the name of a zone",
                    &["in", "outside"],
                ));
            }
        };
        Ok(Some(Term::Inside {
            part,
            zone: self.zone()?,
            inside,
        }))
    }

    /// What may be in a zone, taken; `None` (and nothing taken) where it is no such thing.
    fn part(&mut self) -> Result<Option<Part>, RuleError> {
        if self.is_free_word(PERSON) {
            self.next += 1;
            return Ok(Some(self.person()));
        }
        for (word, joints) in PARTS {
            if self.is_free_word(word) {
                let token = self.take();
                let spots = joints.iter().filter_map(|j| self.joints.index(j));
                let spots: Vec<Spot> = spots.map(|i| Spot(i, i)).collect();
                if spots.is_empty() {
                    return Err(self.error(
                        &token,
                        &format!("this model has none of the joints {}", joints.join(" and ")),
                        &self.names(),
                    ));
                }
                return Ok(Some(Part::Any(word, spots)));
            }
        }
        let is_zone_next = matches!(
            self.tokens.get(self.next + 1),
            Some(Token { kind: Kind::Word(w), .. }) if w == "in" || w == "outside"
        );
        match is_zone_next {
            true => Ok(Some(Part::Point(self.point()?.0))),
            false => Ok(None),
        }
    }

    /// The whole person: where they stand.
    pub(super) fn person(&self) -> Part {
        let feet = PARTS[1].1.iter().filter_map(|j| self.joints.index(j));
        Part::Person(feet.map(|i| Spot(i, i)).collect())
    }

    /// The name of a zone.
    pub(super) fn zone(&mut self) -> Result<Arc<Zone>, RuleError> {
        let token = self.take();
        let Kind::Word(name) = &token.kind else {
            return Err(self.unexpected(&token, "the name of a zone", &[]));
        };
        let zones = self.words.zones;
        let found = zones.iter().find(|z| *z.name == **name);
        found.cloned().ok_or_else(|| {
            let names: Vec<&str> = zones.iter().map(|z| &*z.name).collect();
            let mend = match (closest(name, names.iter().copied()), &names[..]) {
                (_, []) => format!(
                    "there are none yet: write a section [zone.{name}] with points = [[0.1, 0.4], …]; `posed zones PHOTO -o grid.png` draws a grid"
                ),
                (Some(near), _) => {
                    format!("did you mean {near}? The zones are {}", names.join(", "))
                }
                (None, _) => format!("the zones are {}", names.join(", ")),
            };
            self.error(&token, &format!("there is no zone {name:?}"), &mend)
        })
    }

    /// `like(tree)`, `like(tree) > 0.8`
    pub(super) fn like(&mut self) -> Result<Term, RuleError> {
        self.next += 2;
        let token = self.take();
        let Kind::Word(name) = &token.kind else {
            return Err(self.unexpected(&token, "the name of a taught pose", &[]));
        };
        let close = self.take();
        if close.kind != Kind::Close {
            return Err(self.unexpected(&close, "a closing bracket", &[]));
        }
        let found = self.words.taught.map(|t| t.like(name, self.words.mirror));
        let pose = match found {
            Some(Ok(pose)) => pose,
            Some(Err(trouble)) => {
                return Err(self.error(&token, &trouble.what, &trouble.mend));
            }
            None => {
                return Err(self.error(
                    &token,
                    "no poses were taught here",
                    "teach one: posed teach NAME PHOTO…; docs/teaching.md shows how",
                ));
            }
        };
        if !matches!(self.peek().kind, Kind::More | Kind::Less) {
            return Ok(Term::Like {
                pose,
                more: true,
                than: LIKE,
            });
        }
        let more = self.more_or_less("a likeness of 0 to 1")?;
        Ok(Term::Like {
            pose,
            more,
            than: self.number("likeness, as 0.8", 1.0)?.0,
        })
    }
}
