//! Where in the picture one person is.
//!
//! In: which cells of a crop show the person, and where the crop lies. Out: whether a place of the
//! picture does, and the share of the picture that the person covers.

use crate::geometry::{Affine, CropPoint, Point, Size};

/// The cells of a crop, in rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    pub crop: Affine,
    /// Crop pixels for a cell.
    pub stride: f32,
    pub width: usize,
    pub height: usize,
}

impl Grid {
    /// Column and row of this place of the picture, in cells.
    fn place(&self, p: Point) -> (f32, f32) {
        let at = self.crop.to_crop(p);
        ((at.x + 0.5) / self.stride, (at.y + 0.5) / self.stride)
    }

    /// The cell in which this place lies.
    fn cell(&self, p: Point) -> Option<usize> {
        let (x, y) = self.place(p);
        // Casts of negative numbers would give cell 0.
        let inside = x >= 0.0 && y >= 0.0 && x < self.width as f32 && y < self.height as f32;
        inside.then_some(y as usize * self.width + x as usize)
    }

    /// The cell nearest to this place.
    pub fn nearest(&self, p: Point) -> usize {
        let (x, y) = self.place(p);
        // Casts of floats end at 0.
        (y as usize).min(self.height - 1) * self.width + (x as usize).min(self.width - 1)
    }

    fn centre(&self, cell: usize) -> Point {
        let middle = |cell: usize| (cell as f32 + 0.5) * self.stride - 0.5;
        self.crop.to_image(CropPoint {
            x: middle(cell % self.width),
            y: middle(cell / self.width),
        })
    }

    /// Square pixels of the picture.
    fn cell_area(&self) -> f64 {
        f64::from(self.stride) * f64::from(self.stride) * self.crop.scale_x * self.crop.scale_y
    }
}

/// Where in the picture one person is; empty at first.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    grid: Option<Grid>,
    person: Vec<bool>,
}

impl Mask {
    /// Whether this place of the picture shows the person.
    pub fn covers(&self, p: Point) -> bool {
        self.grid
            .and_then(|grid| grid.cell(p))
            .is_some_and(|cell| self.person[cell])
    }

    /// The share of a picture of this size that shows the person, 0 to 1. Cells outside the picture
    /// do not count.
    pub fn share(&self, picture: Size) -> f32 {
        let Some(grid) = self.grid else { return 0.0 };
        let columns = picture.width as f32;
        let rows = picture.height as f32;
        let inside = |cell: &usize| {
            let p = grid.centre(*cell);
            p.x >= -0.5 && p.y >= -0.5 && p.x < columns - 0.5 && p.y < rows - 0.5
        };
        let cells = (0..self.person.len())
            .filter(|&cell| self.person[cell])
            .filter(inside)
            .count();
        (cells as f64 * grid.cell_area() / f64::from(columns * rows)).min(1.0) as f32
    }

    /// Whether nothing was ever looked for.
    pub fn is_empty(&self) -> bool {
        self.grid.is_none()
    }

    /// The person is where `shows` says so of each cell of the grid, in rows.
    pub(crate) fn fill(&mut self, grid: Grid, shows: impl Iterator<Item = bool>) {
        self.grid = Some(grid);
        self.person.clear();
        self.person.extend(shows);
    }

    /// No person anywhere; the memory stays.
    pub fn clear(&mut self) {
        self.grid = None;
        self.person.clear();
    }

    /// Takes over `other` without a new allocation where the room suffices.
    pub fn copy_from(&mut self, other: &Self) {
        self.grid = other.grid;
        self.person.clone_from(&other.person);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The left half of a 4x4 crop's cells, over the 64x64 pixels from (100, 50).
    fn half() -> Mask {
        let crop = Affine {
            scale_x: 4.0,
            scale_y: 4.0,
            offset_x: 100.0,
            offset_y: 50.0,
        };
        Mask {
            grid: Some(Grid {
                crop,
                stride: 4.0,
                width: 4,
                height: 4,
            }),
            person: (0..16).map(|i| i % 4 < 2).collect(),
        }
    }

    #[test]
    fn a_mask_covers_its_cells_and_nothing_around() {
        let mask = half();
        for (x, y, covered) in [
            (105.0, 55.0, true),
            (129.0, 110.0, true),
            (135.0, 55.0, false),
            (90.0, 55.0, false),
            (105.0, 40.0, false),
            (105.0, 120.0, false),
        ] {
            assert_eq!(mask.covers(Point::new(x, y)), covered, "{x}, {y}");
        }
        assert!(!Mask::default().covers(Point::new(0.0, 0.0)));
        assert!(!mask.covers(Point::new(f32::NAN, 0.0)));
    }

    #[test]
    fn its_share_is_that_of_the_cells_inside_the_picture() {
        assert!((half().share(Size::new(200, 200)) - 32.0 * 64.0 / 40_000.0).abs() < 1e-6);
        assert!((half().share(Size::new(116, 200)) - 16.0 * 64.0 / (116.0 * 200.0)).abs() < 1e-6);
        assert_eq!(Mask::default().share(Size::new(10, 10)), 0.0);
    }
}
