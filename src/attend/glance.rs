//! Whether a picture has changed beside those who are followed.
//!
//! In: frames, and where people are known to be. Out: whether something else looks different from
//! when the finder looked last. The picture is brought to a few hundred cells of grey; what all of
//! them have in common, a lamp or the camera's exposure, is no change.

use crate::frame::{Frame, PixelVisitor, Pixels};
use crate::geometry::{Rect, Size};

const WIDTH: usize = 32;
const HEIGHT: usize = 24;
/// Pixels a side that are looked at of each cell.
const SAMPLES: usize = 2;
/// A cell that differs by more of 255 has changed.
const DIFFERENT: f32 = 24.0;
/// So many cells are more than a leaf or a lamp.
const ENOUGH: usize = 4;
/// People move their arms and leave a place gradually: so much more than their box is theirs.
const AROUND: f32 = 1.4;

/// Carries what the picture was like.
#[derive(Default)]
pub(super) struct Glance {
    /// When the finder looked last; empty if it has not.
    then: Vec<f32>,
    now: Vec<f32>,
    theirs: Vec<bool>,
    size: Size,
}

struct Cells<'a>(&'a mut Vec<f32>);

impl PixelVisitor for Cells<'_> {
    type Output = ();

    fn visit(self, pixels: &impl Pixels, size: Size) {
        let place = |cell: usize, sample: usize, cells: usize, pixels: u32| {
            let at = (cell * SAMPLES + sample) * 2 + 1;
            at * pixels as usize / (2 * cells * SAMPLES)
        };
        self.0.clear();
        for row in 0..HEIGHT {
            for column in 0..WIDTH {
                let mut sum = 0u32;
                for i in 0..SAMPLES * SAMPLES {
                    let x = place(column, i % SAMPLES, WIDTH, size.width);
                    let y = place(row, i / SAMPLES, HEIGHT, size.height);
                    let [r, g, b] = pixels.rgb(x, y).map(u32::from);
                    sum += r + 2 * g + b;
                }
                self.0.push(sum as f32 / (4 * SAMPLES * SAMPLES) as f32);
            }
        }
    }
}

impl Glance {
    /// Whether `frame` differs from the one that was kept, beside the people who are `here`.
    pub fn changes(&mut self, frame: &Frame, here: impl Iterator<Item = Rect>) -> bool {
        // A picture that cannot be read is found out where it is cropped.
        if !matches!(frame.visit(Cells(&mut self.now)), Ok(Some(()))) {
            return false;
        }
        if frame.size != self.size {
            self.size = frame.size;
            self.then.clear();
        }
        if self.then.is_empty() {
            return false;
        }
        self.theirs.clear();
        self.theirs.resize(WIDTH * HEIGHT, false);
        for bbox in here {
            self.cover(bbox.scaled(AROUND), frame.size);
        }
        let all = self.now.iter().zip(&self.then);
        let shift = all.map(|(now, then)| now - then).sum::<f32>() / (WIDTH * HEIGHT) as f32;
        let mut changed = 0;
        for ((now, then), theirs) in self.now.iter().zip(&mut self.then).zip(&self.theirs) {
            if *theirs {
                *then = *now - shift;
            } else if (now - *then - shift).abs() > DIFFERENT {
                changed += 1;
            }
        }
        changed >= ENOUGH
    }

    fn cover(&mut self, bbox: Rect, size: Size) {
        let cells = |from: f32, length: f32, cells: usize, pixels: u32| {
            let cell = |at: f32| (at * cells as f32 / pixels as f32).clamp(0.0, cells as f32);
            cell(from).floor() as usize..cell(from + length).ceil() as usize
        };
        for row in cells(bbox.y, bbox.height, HEIGHT, size.height) {
            for column in cells(bbox.x, bbox.width, WIDTH, size.width) {
                self.theirs[row * WIDTH + column] = true;
            }
        }
    }

    /// The finder looks at this frame: later ones are compared with it.
    pub fn keep(&mut self) {
        self.then.clone_from(&self.now);
    }

    pub fn forget(&mut self) {
        self.then.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;

    fn grey(light: u8, spot: Option<Rect>) -> Frame {
        let size = Size::new(320, 240);
        let mut frame = Frame {
            data: vec![light; 320 * 240],
            ..Frame::default()
        };
        frame.set_shape(size, PixelFormat::Grey);
        if let Some(r) = spot {
            for y in r.y as usize..(r.y + r.height) as usize {
                for x in r.x as usize..(r.x + r.width) as usize {
                    frame.data[y * 320 + x] = light + 60;
                }
            }
        }
        frame
    }

    #[test]
    fn what_comes_beside_the_known_is_a_change_and_light_is_not() {
        let nobody = || std::iter::empty::<Rect>();
        let spot = Rect::new(200.0, 100.0, 40.0, 60.0);
        let mut glance = Glance::default();
        assert!(
            !glance.changes(&grey(80, None), nobody()),
            "nothing to compare with"
        );
        glance.keep();
        assert!(!glance.changes(&grey(80, None), nobody()));
        assert!(!glance.changes(&grey(140, None), nobody()), "a lamp");
        assert!(glance.changes(&grey(80, Some(spot)), nobody()));
        assert!(
            glance.changes(&grey(120, Some(spot)), nobody()),
            "and somebody under it"
        );
        let small = Rect::new(200.0, 100.0, 10.0, 10.0);
        assert!(!glance.changes(&grey(80, Some(small)), nobody()));
        assert!(!glance.changes(&grey(80, Some(spot)), std::iter::once(spot)));
        // Whoever walks is known all the way, and where they were is no news.
        for step in 0..30 {
            let there = Rect::new(200.0 - 4.0 * step as f32, 100.0, 40.0, 60.0);
            let now = grey(80, Some(there));
            assert!(!glance.changes(&now, std::iter::once(there)), "step {step}");
        }
        glance.forget();
        assert!(!glance.changes(&grey(80, Some(spot)), nobody()));
    }

    #[test]
    fn a_picture_that_cannot_be_read_is_no_change() {
        let mut glance = Glance::default();
        glance.changes(&grey(80, None), std::iter::empty());
        glance.keep();
        let mut short = grey(200, None);
        short.data.truncate(100);
        assert!(!glance.changes(&short, std::iter::empty()));
        let off = Rect::new(f32::NAN, -1e9, 1e12, f32::INFINITY);
        assert!(!glance.changes(&grey(80, None), std::iter::once(off)));
    }
}
