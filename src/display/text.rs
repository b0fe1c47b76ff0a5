//! Texts as large as there is room for.
//!
//! In: a text and a place. Out: the text in the largest size in which it fits, in two lines where
//! that makes it larger; what fits in no size is cut.

use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::mono_font::iso_8859_1::{FONT_5X8, FONT_6X10, FONT_7X13, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::PixelColor;
use embedded_graphics::prelude::{Dimensions, DrawTarget, Drawable, Pixel};
use embedded_graphics::primitives::Rectangle;
use embedded_graphics::text::{Baseline, Text};
use std::fmt::Write;
use std::sync::Arc;

/// A target of which each pixel is a square of `times` pixels of another.
pub(super) struct Enlarged<'a, D> {
    target: &'a mut D,
    /// Where the first square lies.
    corner: Point,
    times: u32,
}

impl<'a, D: DrawTarget> Enlarged<'a, D> {
    pub fn new(target: &'a mut D, corner: Point, times: u32) -> Self {
        Self {
            target,
            corner,
            times: times.max(1),
        }
    }
}

impl<D: DrawTarget> Dimensions for Enlarged<'_, D> {
    fn bounding_box(&self) -> Rectangle {
        let whole = self.target.bounding_box();
        let times = self.times as i32;
        let first = whole.top_left - self.corner;
        let first = Point::new(first.x.div_euclid(times), first.y.div_euclid(times));
        // A square that is seen in part is one of them.
        Rectangle::new(first, whole.size / self.times + Size::new_equal(2))
    }
}

impl<D: DrawTarget> DrawTarget for Enlarged<'_, D> {
    type Color = D::Color;
    type Error = D::Error;

    fn draw_iter<I: IntoIterator<Item = Pixel<D::Color>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), D::Error> {
        for Pixel(at, colour) in pixels {
            self.fill_solid(&Rectangle::new(at, Size::new_equal(1)), colour)?;
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: D::Color) -> Result<(), D::Error> {
        let corner = self.corner + area.top_left * self.times as i32;
        let area = Rectangle::new(corner, area.size * self.times);
        self.target.fill_solid(&area, colour)
    }
}

/// A font and how often each of its pixels is repeated.
#[derive(Clone, Copy)]
pub(super) struct Letters {
    font: &'static MonoFont<'static>,
    times: u32,
}

impl Letters {
    /// The largest in which `columns` characters in `rows` lines fit into `room`; the smallest where
    /// none does.
    pub fn fitting(columns: usize, rows: usize, room: Size) -> Self {
        let (columns, rows) = (columns.max(1) as u32, rows.max(1) as u32);
        let fits = |font: &MonoFont| {
            let size = font.character_size;
            let across = room.width / (columns * size.width);
            across.min(room.height / (rows * size.height))
        };
        let fonts = [&FONT_5X8, &FONT_6X10, &FONT_7X13, &FONT_10X20];
        let sizes = fonts.map(|font| Self {
            font,
            times: fits(font),
        });
        let largest = sizes.into_iter().filter(|letters| letters.times > 0);
        largest
            .max_by_key(|letters| letters.character().height)
            .unwrap_or(Self {
                font: &FONT_5X8,
                times: 1,
            })
    }

    /// Letters that can be read on a target of this width and leave room for a picture.
    pub fn of_width(width: u32) -> Self {
        let (font, times) = match width {
            0..160 => (&FONT_5X8, 1),
            160..400 => (&FONT_6X10, 1),
            400..600 => (&FONT_7X13, 1),
            600..1280 => (&FONT_10X20, 1),
            _ => (&FONT_10X20, width / 640),
        };
        Self { font, times }
    }

    /// Letters that can be read from where one stands before a screen of this size, and leave room
    /// for `rows` lines.
    pub fn of_rows(rows: usize, room: Size) -> Self {
        const COLUMNS: usize = 21;
        Self::fitting(COLUMNS, rows, room)
    }

    /// The size of a character with the room around it.
    pub fn character(self) -> Size {
        self.font.character_size * self.times
    }

    /// Draws one line with its upper left corner at `corner`, cut at the end of `room`.
    pub fn draw<C: PixelColor, D: DrawTarget<Color = C>>(
        self,
        text: &str,
        corner: Point,
        room: u32,
        colour: C,
        target: &mut D,
    ) -> Result<(), D::Error> {
        let most = (room / self.character().width) as usize;
        let text = first_chars(text, most);
        let style = MonoTextStyle::new(self.font, colour);
        let mut target = Enlarged::new(target, corner, self.times);
        Text::with_baseline(text, Point::zero(), style, Baseline::Top)
            .draw(&mut target)
            .map(drop)
    }
}

/// `name` as people say it: "hands_together" is "hands together".
pub(super) fn spoken(name: &str) -> ShortText {
    let mut spoken = ShortText::default();
    for c in name.chars() {
        // Never fails: what does not fit is cut.
        let _ = spoken.write_char(if c == '_' { ' ' } else { c });
    }
    spoken
}

/// Lines of at most `columns` characters, broken between words where that can be.
pub(super) fn wrapped(text: &str, columns: usize) -> impl Iterator<Item = &str> + Clone {
    let columns = columns.max(1);
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let line_end = rest.find('\n').unwrap_or(rest.len());
        let most = rest.char_indices().nth(columns);
        let end = most.map_or(rest.len(), |(at, _)| at).min(line_end);
        let is_whole = end == line_end || rest[end..].starts_with(' ');
        let gap = rest[..end].rfind(' ').filter(|_| !is_whole);
        let (line, more) = rest.split_at(gap.unwrap_or(end));
        rest = more.trim_start();
        Some(line.trim_end())
    })
}

/// The largest letters in which `text`, in as many lines as it takes, fits into `room` without a word
/// being broken; the smallest where there are none.
fn largest(text: &str, room: Size) -> Letters {
    let words = text.split_whitespace().map(|word| word.chars().count());
    let longest = words.max().unwrap_or(1).max(1) as u32;
    let fonts = [&FONT_5X8, &FONT_6X10, &FONT_7X13, &FONT_10X20];
    let sizes = fonts.into_iter().filter_map(|font| {
        let size = font.character_size;
        let most = (room.width / (longest * size.width)).min(room.height / size.height);
        let letters = |times| Letters { font, times };
        (1..=most).rev().map(letters).find(|letters| {
            let size = letters.character();
            let lines = wrapped(text, (room.width / size.width) as usize).count();
            lines as u32 * size.height <= room.height
        })
    });
    sizes
        .max_by_key(|letters| letters.character().height)
        .unwrap_or(Letters {
            font: &FONT_5X8,
            times: 1,
        })
}

/// Draws `text` in the middle of `room`, in the largest letters in which all of it fits, in as many lines
/// as that takes.
pub(super) fn draw_large<C: PixelColor, D: DrawTarget<Color = C>>(
    text: &str,
    room: Rectangle,
    colour: C,
    target: &mut D,
) -> Result<(), D::Error> {
    let letters = largest(text, room.size);
    let size = letters.character();
    let lines = wrapped(text, (room.size.width / size.width) as usize);
    let rows = lines.clone().count() as u32;
    let free = room.size.height.saturating_sub(rows * size.height);
    let mut top = room.top_left.y + free as i32 / 2;
    let bottom = room.top_left.y + room.size.height as i32;
    for line in lines {
        if top >= bottom {
            break;
        }
        let width = line.chars().count() as u32 * size.width;
        let left = room.top_left.x + (room.size.width.saturating_sub(width) / 2) as i32;
        letters.draw(line, Point::new(left, top), room.size.width, colour, target)?;
        top += size.height as i32;
    }
    Ok(())
}

/// At most so many characters of the first line.
pub(super) fn first_chars(text: &str, most: usize) -> &str {
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
    fn lines_are_broken_between_words_where_that_can_be() {
        let lines = |text, columns| wrapped(text, columns).collect::<Vec<_>>();
        assert_eq!(lines("hands together", 8), ["hands", "together"]);
        assert_eq!(lines("hands together", 14), ["hands together"]);
        assert_eq!(
            lines("hands  together now", 9),
            ["hands", "together", "now"]
        );
        assert_eq!(lines("one two", 3), ["one", "two"]);
        assert_eq!(lines("unbreakable", 4), ["unbr", "eaka", "ble"]);
        assert_eq!(lines("a\nbc d", 9), ["a", "bc d"]);
        assert_eq!(lines("größe ü", 5), ["größe", "ü"]);
        assert!(lines("  ", 5).is_empty());
    }

    #[test]
    fn a_text_is_as_large_as_all_of_it_fits() {
        let height =
            |text: &str, width, height| largest(text, Size::new(width, height)).character().height;
        assert_eq!(height("up", 320, 240), 240);
        // One line of 14 letters, or two of 8.
        assert_eq!(height("hands together", 320, 240), 80);
        assert_eq!(height("hands together", 320, 40), 40);
        // Nothing fits: the smallest.
        assert_eq!(height("hands together", 20, 20), 8);
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
