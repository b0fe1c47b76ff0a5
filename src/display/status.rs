//! How things stand, in words, what matters most first: for a screen that is looked at by whoever looks
//! after the board.

use super::scene::{Inks, Live};
use super::text::{Letters, ShortText, spoken, wrapped};
use embedded_graphics::geometry::Point;
use embedded_graphics::pixelcolor::PixelColor;
use embedded_graphics::prelude::DrawTarget;

/// Lines that there is room for at least.
const ROWS: usize = 6;

/// Draws it on a target that is cleared.
pub(super) fn draw<C: PixelColor, D: DrawTarget<Color = C>>(
    live: &Live,
    inks: Inks<C>,
    target: &mut D,
) -> Result<(), D::Error> {
    let whole = target.bounding_box();
    let letters = Letters::of_rows(ROWS, whole.size);
    let row = letters.character().height as i32;
    let margin = (whole.size.width / 60) as i32;
    let room = whole.size.width.saturating_sub(2 * margin as u32);
    let mut at = whole.top_left + Point::new(margin, 0);
    let columns = (room / letters.character().width) as usize;
    let mut write = |text: &str, ink: C, target: &mut D| {
        for line in wrapped(text, columns) {
            letters.draw(line, at, room, ink, target)?;
            at.y += row;
        }
        Ok(())
    };
    let report = live.report;
    match live.lost() {
        Some(why) => write(why, inks.warning, target)?,
        None => {
            let people = ShortText::new(format_args!("people {}", report.people.len()));
            write(people.as_str(), inks.text, target)?;
        }
    }
    if live.is_hot() {
        let text = ShortText::new(format_args!(
            "hot: {:.0} \u{b0}C",
            live.celsius.unwrap_or(0.0)
        ));
        write(text.as_str(), inks.warning, target)?;
    }
    for pose in &report.held {
        write(spoken(pose).as_str(), inks.strong, target)?;
    }
    for (name, number) in &report.totals {
        let text = ShortText::new(format_args!("{} {number}", spoken(name).as_str()));
        write(text.as_str(), inks.text, target)?;
    }
    for person in report.people.iter() {
        for (name, number) in &person.counts {
            let (id, name) = (person.id, spoken(name));
            let text = ShortText::new(format_args!("#{id} {} {number}", name.as_str()));
            write(text.as_str(), inks.text, target)?;
        }
    }
    if let Some(rate) = report.rate {
        let text = ShortText::new(format_args!("{rate:.1} fps"));
        write(text.as_str(), inks.text, target)?;
    }
    if let Some(celsius) = live.celsius.filter(|_| !live.is_hot()) {
        let text = ShortText::new(format_args!("board {celsius:.0} \u{b0}C"));
        write(text.as_str(), inks.text, target)?;
    }
    Ok(())
}
