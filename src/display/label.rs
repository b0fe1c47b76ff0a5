//! Short texts on a filled ground.
//!
//! In: a text in up to two parts and where it should stand. Out: the text on the target, moved and
//! cut so that it stays inside.

use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::mono_font::iso_8859_1::{FONT_5X8, FONT_6X10, FONT_7X13, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{DrawTarget, Drawable};
use embedded_graphics::primitives::Rectangle;
use embedded_graphics::text::{Baseline, Text};
use std::fmt::Write;
use std::sync::Arc;

pub(super) const GROUND: Rgb888 = Rgb888::new(18, 20, 26);

/// A font that can be read on a target of this width and leaves room for the picture.
pub(super) fn font(target_width: u32) -> &'static MonoFont<'static> {
    match target_width {
        0..160 => &FONT_5X8,
        160..400 => &FONT_6X10,
        400..600 => &FONT_7X13,
        _ => &FONT_10X20,
    }
}

/// Names of poses, written with commas between.
#[derive(Clone, Copy)]
pub(super) struct Poses<'a>(pub &'a [Arc<str>]);

impl<'a> Poses<'a> {
    /// The pieces that are written one after the other.
    fn pieces(self) -> impl Iterator<Item = &'a str> {
        let between = |i| if i == 0 { "" } else { ", " };
        self.0
            .iter()
            .enumerate()
            .flat_map(move |(i, pose)| [between(i), &**pose])
    }
}

/// A text and how it looks; only the first line of each of its pieces is drawn.
#[derive(Clone, Copy)]
pub(super) struct Label<'a> {
    start: &'a str,
    poses: Poses<'a>,
    /// How many characters of the poses there is room for.
    room: usize,
    font: &'static MonoFont<'static>,
    colour: Rgb888,
}

impl<'a> Label<'a> {
    /// The text `start` followed by the poses, cut to what `target` holds in width.
    pub(super) fn new(start: &'a str, poses: Poses<'a>, colour: Rgb888, target: Rectangle) -> Self {
        let font = font(target.size.width);
        let room = (target.size.width.saturating_sub(2 * padding(font)) / font.character_size.width)
            as usize;
        let start = first_chars(start, room);
        Self {
            start,
            poses,
            room: room - start.chars().count(),
            font,
            colour,
        }
    }

    /// The poses as far as there is room.
    fn shown(self) -> impl Iterator<Item = &'a str> {
        let mut room = self.room;
        self.poses.pieces().map(move |piece| {
            let piece = first_chars(piece, room);
            room -= piece.chars().count();
            piece
        })
    }

    /// Size on the target, with its ground.
    pub(super) fn size(self) -> Size {
        let characters =
            self.start.chars().count() + self.shown().map(|p| p.chars().count()).sum::<usize>();
        let characters = characters as u32;
        let text = Size::new(
            characters * self.font.character_size.width,
            self.font.character_size.height,
        );
        text + Size::new_equal(2 * padding(self.font))
    }

    /// Draws it with its upper left corner at `corner`, or as near as the target's edges allow. An
    /// empty text draws nothing.
    pub(super) fn draw<D: DrawTarget<Color = Rgb888>>(
        self,
        corner: Point,
        target: &mut D,
    ) -> Result<(), D::Error> {
        if self.start.is_empty() && self.shown().all(str::is_empty) {
            return Ok(());
        }
        let whole = target.bounding_box();
        let size = self.size();
        let room = whole.size.saturating_sub(size);
        let last = whole.top_left + room;
        let corner = corner.component_min(last).component_max(whole.top_left);
        target.fill_solid(&Rectangle::new(corner, size).intersection(&whole), GROUND)?;
        let style = MonoTextStyle::new(self.font, self.colour);
        let at = corner + Size::new_equal(padding(self.font));
        let mut at = Text::with_baseline(self.start, at, style, Baseline::Top).draw(target)?;
        for piece in self.shown() {
            at = Text::with_baseline(piece, at, style, Baseline::Top).draw(target)?;
        }
        Ok(())
    }
}

/// Ground left free around the text, in target pixels.
fn padding(font: &MonoFont) -> u32 {
    font.character_size.height / 5
}

fn first_chars(text: &str, most: usize) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.char_indices()
        .nth(most)
        .map_or(line, |(end, _)| &line[..end])
}

/// A number made to text without allocation; what does not fit is cut.
pub(super) struct ShortText {
    bytes: [u8; 96],
    len: usize,
}

impl Default for ShortText {
    fn default() -> Self {
        Self {
            bytes: [0; 96],
            len: 0,
        }
    }
}

impl ShortText {
    pub(super) fn new(text: std::fmt::Arguments) -> Self {
        let mut short = Self::default();
        let _ = short.write_fmt(text); // never fails: see write_str
        short
    }

    /// Names with numbers: "squats 7, ".
    pub(super) fn add_counts(&mut self, counts: &[(Arc<str>, u32)]) {
        for (i, (name, number)) in counts.iter().enumerate() {
            let before = if i > 0 { ", " } else { "" };
            let _ = write!(self, "{before}{name} {number}"); // never fails: see write_str
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Write for ShortText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let mut n = text.len().min(self.bytes.len() - self.len);
        while !text.is_char_boundary(n) {
            n -= 1;
        }
        self.bytes[self.len..self.len + n].copy_from_slice(&text.as_bytes()[..n]);
        self.len += n;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_too_long_for_the_target_is_cut_between_characters() {
        let target = Rectangle::new(Point::zero(), Size::new(32, 20));
        let poses = ["gr".into(), "üße an alle\nund mehr".into()];
        let label = Label::new("#1 ", Poses(&poses), GROUND, target);
        assert_eq!(label.start, "#1 ");
        assert_eq!(label.shown().collect::<String>(), "gr,");
        assert_eq!(
            Label::new("", Poses(&poses), GROUND, target)
                .shown()
                .collect::<String>(),
            "gr, üß"
        );
        assert!(label.size().width <= 32);
    }

    #[test]
    fn numbers_need_no_allocation_and_are_cut_when_too_long() {
        assert_eq!(
            ShortText::new(format_args!("{:.1} fps", 12.34)).as_str(),
            "12.3 fps"
        );
        assert_eq!(
            ShortText::new(format_args!("{:.90}", f32::MAX))
                .as_str()
                .len(),
            96
        );
    }
}
