//! Words about time: `for`, `changed`, `speed`, `still`.

use super::super::error::RuleError;
use super::super::rule::Expression;
use super::super::term::Term;
use super::{MAX_TORSOS, Parser};
use std::time::Duration;

/// A day.
const LONGEST_S: f32 = 86_400.0;
/// Of what a trail of places is kept.
const LONGEST_TRAIL_S: f32 = 10.0;
const SHORTEST_TRAIL_S: f32 = 0.05;
const SPEED_OVER: Duration = Duration::from_millis(300);
const CHANGED_WITHIN: Duration = Duration::from_secs(1);
const STILL_WITHIN: f32 = 0.2;
const MAX_SPEED: f32 = 1000.0;

impl Parser<'_> {
    /// `for 10` after what must hold for so long.
    pub(super) fn for_so_long(&mut self, inner: Expression) -> Result<Expression, RuleError> {
        if !self.accept("for") {
            return Ok(inner);
        }
        let time = self.seconds("for 10", 0.0, LONGEST_S)?;
        if self.is_word("for") {
            let token = self.peek();
            return Err(self.error(
                &token,
                "`for` is there twice",
                "leave one of them out, or set a bracket around the first",
            ));
        }
        Ok(Expression::For {
            inner: Box::new(inner),
            time,
            slot: 0,
        })
    }

    /// `changed(left_wrist above nose) within 2`
    pub(super) fn changed(&mut self) -> Result<Expression, RuleError> {
        self.next += 1;
        let inner = self.bracket()?;
        let within = match self.accept("within") {
            true => self.seconds("within 2", 0.05, LONGEST_S)?,
            false => CHANGED_WITHIN,
        };
        Ok(Expression::Changed {
            inner: Box::new(inner),
            within,
            slot: 0,
        })
    }

    /// `speed(left_wrist) > 1.5 over 0.3`
    pub(super) fn speed(&mut self) -> Result<Term, RuleError> {
        let [of] = self.points::<1>("one point, as speed(left_wrist)")?;
        let more = self.more_or_less("torso lengths a second, as in speed(left_wrist) > 1.5")?;
        let (than, _) = self.number("torso lengths a second, as 1.5", MAX_SPEED)?;
        let over = match self.accept("over") {
            true => self.seconds("over 0.3", SHORTEST_TRAIL_S, LONGEST_TRAIL_S)?,
            false => SPEED_OVER,
        };
        Ok(Term::Speed {
            of,
            more,
            than,
            over,
            slot: 0,
        })
    }

    /// `still`, `still within 0.1`
    pub(super) fn still(&mut self) -> Result<Term, RuleError> {
        self.next += 1;
        let within = match self.accept("within") {
            true => {
                let (within, token) = self.number("torso lengths, as 0.2", MAX_TORSOS)?;
                if within <= 0.0 {
                    let mend = "give torso lengths above 0, as 0.2";
                    return Err(self.error(&token, "nobody is as still as that", mend));
                }
                within
            }
            false => STILL_WITHIN,
        };
        Ok(Term::Still { within, slot: 0 })
    }

    fn seconds(&mut self, wanted: &str, least: f32, most: f32) -> Result<Duration, RuleError> {
        let (seconds, token) = self.number(&format!("seconds, as {wanted}"), most)?;
        if seconds < least || seconds == 0.0 {
            return Err(self.error(
                &token,
                "this time is too short",
                &format!("give seconds up to {most}, as {wanted}"),
            ));
        }
        // As it was written: 0.3 as an f32 is a little more.
        Ok(Duration::from_micros(
            (f64::from(seconds) * 1e6).round() as u64
        ))
    }
}
