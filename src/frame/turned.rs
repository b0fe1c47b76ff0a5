//! A stored picture as it stands upright: pixels are fetched from where they are stored, so that
//! turning costs no copy.

use super::{Level, Pixels};
use crate::geometry::{Size, Stored, Turn};

pub(super) struct Turned<'a, P> {
    pixels: &'a P,
    map: Stored,
}

impl<'a, P: Pixels> Turned<'a, P> {
    /// `upright`: the size of the turned picture.
    pub(super) fn new(pixels: &'a P, turn: Turn, upright: Size) -> Self {
        let map = turn.to_stored(upright);
        Self { pixels, map }
    }
}

impl<P: Pixels> Pixels for Turned<'_, P> {
    #[inline(always)]
    fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        let (x, y) = self.map.at(x, y);
        self.pixels.rgb(x, y)
    }

    #[inline(always)]
    fn level(&self, x: usize, y: usize) -> Level {
        let (x, y) = self.map.at(x, y);
        self.pixels.level(x, y)
    }

    #[inline(always)]
    fn levels(&self, y: usize, x: usize, out: &mut [Level]) {
        let Some(last) = out.len().checked_sub(1) else {
            return;
        };
        match self.map.along() {
            // A column, downwards or upwards.
            0 => {
                let (column, first) = self.map.at(x, y);
                let (_, end) = self.map.at(x + last, y);
                if first <= end {
                    for (y, level) in (first..).zip(out) {
                        *level = self.pixels.level(column, y);
                    }
                } else {
                    for (y, level) in (end..).zip(out.iter_mut().rev()) {
                        *level = self.pixels.level(column, y);
                    }
                }
            }
            1 => {
                let (x, y) = self.map.at(x, y);
                self.pixels.levels(y, x, out);
            }
            _ => {
                let (x, y) = self.map.at(x + last, y);
                self.pixels.levels(y, x, out);
                out.reverse();
            }
        }
    }
}
