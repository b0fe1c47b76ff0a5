//! The poses that are held and what is counted, to be read from across a room.

use super::scene::{Inks, Live};
use super::text::{ShortText, draw_large, spoken};
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::pixelcolor::PixelColor;
use embedded_graphics::prelude::DrawTarget;
use embedded_graphics::primitives::Rectangle;
use std::fmt::Write;

/// Poses that are shown at once, one above the other.
const POSES: usize = 3;

/// Draws it on a target that is cleared: the poses, below them the first count, or without either how many
/// people there are.
pub(super) fn draw<C: PixelColor, D: DrawTarget<Color = C>>(
    live: &Live,
    inks: Inks<C>,
    target: &mut D,
) -> Result<(), D::Error> {
    let whole = target.bounding_box();
    if let Some(why) = live.lost() {
        return draw_large(why, whole, inks.warning, target);
    }
    let report = live.report;
    let poses = report.held.len().min(POSES);
    let more = report.held.len() - poses;
    let count = live.counts().next();
    // A count is worth as much room as a pose, and is always there.
    let places = (poses + usize::from(count.is_some())).max(1) as u32;
    let margin = whole.size / 32;
    let height = (whole.size.height - 2 * margin.height) / places;
    let place = |i: usize| {
        let top = margin.height + i as u32 * height;
        let corner = whole.top_left + Point::new(margin.width as i32, top as i32);
        let width = whole.size.width - 2 * margin.width;
        Rectangle::new(corner, Size::new(width, height))
    };
    for (i, pose) in report.held.iter().take(POSES).enumerate() {
        let mut text = spoken(pose);
        if i + 1 == poses && more > 0 {
            // Never fails: what does not fit is cut.
            let _ = write!(text, " +{more}");
        }
        draw_large(text.as_str(), place(i), inks.strong, target)?;
    }
    if let Some((name, number)) = count {
        let name = spoken(name);
        let text = ShortText::new(format_args!("{} {number}", name.as_str()));
        draw_large(text.as_str(), place(poses), inks.text, target)?;
    } else if poses == 0 {
        let people = match report.people.len() {
            0 => ShortText::new(format_args!("nobody")),
            1 => ShortText::new(format_args!("1 person")),
            n => ShortText::new(format_args!("{n} people")),
        };
        // Small: nothing has happened.
        let middle = place(0);
        let size = middle.size / 2;
        let corner = middle.top_left + (middle.size - size) / 2;
        draw_large(
            people.as_str(),
            Rectangle::new(corner, size),
            inks.text,
            target,
        )?;
    }
    Ok(())
}
