//! The picture that is drawn before it is shown (a back buffer), and what of it has changed since.
//!
//! In: scenes. Out: pixels as the screen has them in its memory, turned for one that hangs on its
//! side, and the rows that are not on the screen yet.

use super::canvas::{Canvas, PixelLayout};
use super::scene::Scene;
use crate::geometry::{Size, Turn};
use crate::settings::Section;
use std::ops::Range;

/// Rows between two that have changed, up to which it costs less to send them too.
const GAP: usize = 2;

/// Reads `rotate` and `mirror` of a screen.
pub(super) fn read_turn(s: &mut Section) -> (u8, bool) {
    let quarters = s.quarters(
        "rotate",
        "degrees by which what is shown is turned clockwise, for a screen that hangs on its side or upside down: 90, 180 or 270",
    );
    let mirror = s
        .flag(
            "mirror",
            "left and right are exchanged, for a screen that is seen through a mirror",
        )
        .or(false);
    (quarters, mirror)
}

/// The turn that brings what is in a screen's memory upright again, when it is mirrored and then shown
/// `quarters` clockwise.
pub(super) fn upright((quarters, mirror): (u8, bool)) -> Turn {
    Turn::new(4 - quarters % 4, mirror)
}

/// A picture as the screen has it in memory, with nothing between the rows.
#[derive(Debug)]
pub(super) struct BackBuffer {
    layout: PixelLayout,
    turn: Turn,
    /// As it is drawn, where it is turned.
    drawn: Vec<u8>,
    pixels: Vec<u8>,
    /// What is on the screen; empty where that is not known.
    shown: Vec<u8>,
}

impl BackBuffer {
    /// For a screen of this layout; `turn` brings what it shows upright.
    pub fn new(layout: PixelLayout, turn: Turn) -> Self {
        Self {
            layout: layout.tight(),
            turn,
            drawn: Vec::new(),
            pixels: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// The layout of [`BackBuffer::pixels`].
    pub fn layout(&self) -> PixelLayout {
        self.layout
    }

    /// The picture's size as it is looked at.
    pub fn upright(&self) -> Size {
        self.turn.of_size(self.layout.size)
    }

    pub fn draw(&mut self, scene: &Scene) {
        let bytes = self.layout.bytes().unwrap_or(0);
        self.pixels.resize(bytes, 0);
        let upright = PixelLayout {
            size: self.upright(),
            ..self.layout
        };
        let target = match self.turn.is_none() {
            true => &mut self.pixels,
            false => {
                self.drawn.resize(bytes, 0);
                &mut self.drawn
            }
        };
        if let Some(mut canvas) = Canvas::new(upright.tight(), target) {
            let Ok(()) = scene.draw(&mut canvas);
        }
        if !self.turn.is_none() {
            match self.layout.bytes_per_pixel {
                2 => self.turn_pixels::<2>(),
                3 => self.turn_pixels::<3>(),
                _ => self.turn_pixels::<4>(),
            }
        }
    }

    /// Black all over.
    pub fn blacken(&mut self) {
        self.pixels.clear();
        self.pixels.resize(self.layout.bytes().unwrap_or(0), 0);
    }

    fn turn_pixels<const BYTES: usize>(&mut self) {
        let upright = self.upright();
        let map = self.turn.to_stored(upright);
        let width = self.layout.size.width as usize;
        let (from, _) = self.drawn.as_chunks::<BYTES>();
        let (to, _) = self.pixels.as_chunks_mut::<BYTES>();
        let rows = from.chunks_exact((upright.width as usize).max(1));
        for (y, row) in rows.enumerate() {
            for (x, pixel) in row.iter().enumerate() {
                let (x, y) = map.at(x, y);
                to[y * width + x] = *pixel;
            }
        }
    }

    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The pixels of these rows.
    pub fn rows(&self, rows: Range<usize>) -> &[u8] {
        let row = self.layout.row_bytes();
        let bytes = rows.start * row..rows.end * row;
        self.pixels.get(bytes).unwrap_or_default()
    }

    /// The rows that are not on the screen as they are drawn, from above, in as few pieces as is
    /// worth it.
    pub fn changed(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let row = self.layout.row_bytes().max(1);
        let height = self.layout.size.height as usize;
        let differs = move |y: usize| {
            let bytes = y * row..(y + 1) * row;
            self.shown.get(bytes.clone()) != self.pixels.get(bytes)
        };
        let mut y = 0;
        std::iter::from_fn(move || {
            let first = (y..height).find(|y| differs(*y))?;
            let mut end = first + 1;
            // Up to where more than a gap is the same.
            while let Some(next) = (end..height.min(end + GAP + 1)).find(|y| differs(*y)) {
                end = next + 1;
            }
            y = end;
            Some(first..end)
        })
    }

    /// It is on the screen now.
    pub fn is_shown(&mut self) {
        std::mem::swap(&mut self.shown, &mut self.pixels);
    }

    /// What is on the screen is not known any more.
    pub fn forget(&mut self) {
        self.shown.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::{Card, RGB565};
    use proptest::prelude::*;

    fn buffer(width: u32, height: u32) -> BackBuffer {
        let layout = PixelLayout {
            size: Size::new(width, height),
            ..RGB565
        };
        BackBuffer::new(layout.tight(), Turn::NONE)
    }

    /// First and last row of each piece that has changed.
    fn changed(back: &BackBuffer) -> Vec<(usize, usize)> {
        back.changed()
            .map(|rows| (rows.start, rows.end - 1))
            .collect()
    }

    fn pieces(shown: &[u8], pixels: &[u8]) -> Vec<(usize, usize)> {
        let mut back = buffer(1, shown.len() as u32);
        back.shown = shown.iter().flat_map(|v| [*v, 0]).collect();
        back.pixels = pixels.iter().flat_map(|v| [*v, 0]).collect();
        changed(&back)
    }

    #[test]
    fn changed_rows_come_in_pieces_and_small_gaps_are_closed() {
        assert_eq!(pieces(&[0; 8], &[0; 8]), []);
        assert_eq!(pieces(&[0; 8], &[0, 1, 0, 0, 1, 0, 0, 0]), [(1, 4)]);
        assert_eq!(pieces(&[0; 8], &[0, 1, 0, 0, 0, 1, 0, 0]), [(1, 1), (5, 5)]);
        assert_eq!(pieces(&[0; 3], &[1, 1, 1]), [(0, 2)]);
    }

    #[test]
    fn nothing_is_known_of_a_screen_at_first() {
        let mut back = buffer(4, 3);
        let scene = Scene::Card(Card { name: "x" });
        back.draw(&scene);
        assert_eq!(changed(&back), [(0, 2)]);
        back.is_shown();
        back.draw(&scene);
        assert_eq!(back.changed().count(), 0);
        back.forget();
        assert_eq!(changed(&back), [(0, 2)]);
    }

    proptest! {
        #[test]
        fn sending_what_changed_makes_the_screen_what_was_drawn(
            shown in proptest::collection::vec(0u8..3, 1..40),
            seed in 0u64..1000,
        ) {
            let pixels: Vec<u8> = shown.iter().enumerate().map(|(i, v)| {
                if (seed >> (i % 10)) & 1 == 1 { (v + 1) % 3 } else { *v }
            }).collect();
            let mut screen = shown.clone();
            for (first, last) in pieces(&shown, &pixels) {
                screen[first..=last].copy_from_slice(&pixels[first..=last]);
            }
            prop_assert_eq!(screen, pixels);
        }

        #[test]
        fn a_turned_screen_is_upright_to_who_turns_their_head(
            width in 1u32..40, height in 1u32..40, quarters in 0u8..4, mirror: bool
        ) {
            let size = Size::new(width, height);
            let turn = upright((quarters, mirror));
            let scene = Scene::Card(Card { name: "x" });
            let layout = PixelLayout { size, ..RGB565 }.tight();
            let mut turned = BackBuffer::new(layout, turn);
            turned.draw(&scene);
            // The same card, drawn upright, and then shown as a turned and mirrored picture is.
            let seen = turned.upright();
            let mut plain = buffer(seen.width, seen.height);
            plain.draw(&scene);
            let pixel = |back: &BackBuffer, x: usize, y: usize| {
                let at = (y * back.layout.size.width as usize + x) * 2;
                back.pixels[at..at + 2].to_vec()
            };
            for y in 0..seen.height as usize {
                for x in 0..seen.width as usize {
                    // Mirrored by hand, then clockwise, quarter by quarter.
                    let (mut w, mut h) = (seen.width as usize, seen.height as usize);
                    let (mut x1, mut y1) = (if mirror { w - 1 - x } else { x }, y);
                    for _ in 0..quarters {
                        (x1, y1) = (h - 1 - y1, x1);
                        (w, h) = (h, w);
                    }
                    prop_assert_eq!((w, h), (width as usize, height as usize));
                    prop_assert_eq!(pixel(&turned, x1, y1), pixel(&plain, x, y));
                }
            }
        }
    }
}
