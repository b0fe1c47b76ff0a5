//! How things stand, in words: for a screen that is looked at by whoever looks after the board.

use super::scene::{Inks, Live};
use super::text::{Letters, ShortText, spoken};
use embedded_graphics::geometry::Point;
use embedded_graphics::pixelcolor::PixelColor;
use embedded_graphics::prelude::DrawTarget;
use std::fmt::Write;

/// Lines that there is room for at least.
const ROWS: usize = 6;

/// Draws it over the whole target.
pub(super) fn draw<C: PixelColor, D: DrawTarget<Color = C>>(
    live: &Live,
    inks: Inks<C>,
    target: &mut D,
) -> Result<(), D::Error> {
    inks.clear(target)?;
    let whole = target.bounding_box();
    let letters = Letters::of_rows(ROWS, whole.size);
    let row = letters.character().height as i32;
    let margin = (whole.size.width / 60) as i32;
    let room = whole.size.width.saturating_sub(2 * margin as u32);
    let mut at = whole.top_left + Point::new(margin, 0);
    let mut line = |text: &str, ink: C, target: &mut D| {
        let corner = at;
        at.y += row;
        letters.draw(text, corner, room, ink, target)
    };
    let report = live.report;
    match live.lost() {
        Some(why) => line(why, inks.warning, target)?,
        None => {
            let mut text = ShortText::new(format_args!("people {}", report.people.len()));
            if let Some(rate) = report.rate {
                // Never fails: what does not fit is cut.
                let _ = write!(text, "  {rate:.1} fps");
            }
            line(text.as_str(), inks.text, target)?;
        }
    }
    if let Some(celsius) = live.celsius {
        let hot = if live.is_hot() { ", hot" } else { "" };
        let ink = if live.is_hot() {
            inks.warning
        } else {
            inks.text
        };
        let text = ShortText::new(format_args!("board {celsius:.0} \u{b0}C{hot}"));
        line(text.as_str(), ink, target)?;
    }
    for (name, number) in live.counts() {
        let name = spoken(name);
        let text = ShortText::new(format_args!("{} {number}", name.as_str()));
        line(text.as_str(), inks.text, target)?;
    }
    for pose in &report.held {
        line(spoken(pose).as_str(), inks.strong, target)?;
    }
    Ok(())
}
