//! Short texts on a filled ground.
//!
//! In: a text in up to three parts and where it should stand. Out: the text on the target, moved and
//! cut so that it stays inside.

use super::text::{Letters, first_chars};
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::DrawTarget;
use embedded_graphics::primitives::Rectangle;
use std::sync::Arc;

pub(super) const GROUND: Rgb888 = Rgb888::new(18, 20, 26);

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
    end: &'a str,
    /// How many characters of the poses and the end there is room for.
    room: usize,
    letters: Letters,
    colour: Rgb888,
}

impl<'a> Label<'a> {
    /// How many characters a label on `target` may have.
    pub(super) fn columns(target: Rectangle) -> usize {
        let letters = Letters::of_width(target.size.width);
        let free = target.size.width.saturating_sub(2 * padding(letters));
        (free / letters.character().width) as usize
    }

    /// The text `start` followed by the poses, cut to what `target` holds in width.
    pub(super) fn new(start: &'a str, poses: Poses<'a>, colour: Rgb888, target: Rectangle) -> Self {
        let letters = Letters::of_width(target.size.width);
        let room = Self::columns(target);
        let start = first_chars(start, room);
        Self {
            start,
            poses,
            end: "",
            room: room - start.chars().count(),
            letters,
            colour,
        }
    }

    /// The same with `end` behind the poses, where there is room.
    pub(super) fn with_end(self, end: &'a str) -> Self {
        Self { end, ..self }
    }

    /// The poses and the end as far as there is room.
    fn shown(self) -> impl Iterator<Item = &'a str> {
        let mut room = self.room;
        self.poses.pieces().chain([self.end]).map(move |piece| {
            let piece = first_chars(piece, room);
            room -= piece.chars().count();
            piece
        })
    }

    /// Size on the target, with its ground.
    pub(super) fn size(self) -> Size {
        let characters =
            self.start.chars().count() + self.shown().map(|p| p.chars().count()).sum::<usize>();
        let size = self.letters.character();
        let text = Size::new(characters as u32 * size.width, size.height);
        text + Size::new_equal(2 * padding(self.letters))
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
        let mut at = corner + Size::new_equal(padding(self.letters));
        let width = self.letters.character().width;
        for piece in std::iter::once(self.start).chain(self.shown()) {
            let across = piece.chars().count() as u32 * width;
            self.letters.draw(piece, at, across, self.colour, target)?;
            at.x += across as i32;
        }
        Ok(())
    }
}

/// Ground left free around the text, in target pixels.
fn padding(letters: Letters) -> u32 {
    letters.character().height / 5
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
}
