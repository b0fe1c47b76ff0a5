//! Pixels in memory as a screen wants them.
//!
//! In: a layout (size, stride, where each colour's bits lie) and a byte slice. Out: a [`Canvas`] to
//! draw on with embedded-graphics. Whatever lies outside the picture is left out; nothing outside
//! it is ever written.

use crate::geometry::Size;
use embedded_graphics::geometry::{OriginDimensions, Size as TargetSize};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::prelude::{DrawTarget, Pixel, PointsIter};
use embedded_graphics::primitives::Rectangle;
use std::convert::Infallible;

/// Where the bits of one colour lie in a pixel's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColourBits {
    /// The lowest bit's place, counted from the right.
    pub offset: u32,
    /// How many bits; 0 where a pixel has none of this colour.
    pub length: u32,
}

/// How the pixels of a picture lie in memory. A pixel is a little-endian value of `bytes_per_pixel`
/// bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelLayout {
    pub size: Size,
    /// 2, 3 or 4.
    pub bytes_per_pixel: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// The byte at which the upper left pixel begins.
    pub start: usize,
    pub red: ColourBits,
    pub green: ColourBits,
    pub blue: ColourBits,
    /// Opacity; written as fully opaque.
    pub alpha: ColourBits,
}

impl ColourBits {
    pub const fn new(offset: u32, length: u32) -> Self {
        Self { offset, length }
    }

    /// The highest bits of `level` in this colour's place.
    fn place(self, level: u8) -> u32 {
        let level = u32::from(level);
        let scaled = if self.length <= 8 {
            level >> (8 - self.length)
        } else {
            level << (self.length - 8)
        };
        scaled << self.offset
    }

    /// Whether all bits lie in a value of `bits` bits.
    fn fits(self, bits: u32) -> bool {
        self.length <= 16
            && self
                .offset
                .checked_add(self.length)
                .is_some_and(|end| end <= bits)
    }
}

impl PixelLayout {
    /// Bytes R, G, B in this order with nothing between.
    pub const fn rgb(size: Size) -> Self {
        Self {
            size,
            bytes_per_pixel: 3,
            stride: size.width as usize * 3,
            start: 0,
            red: ColourBits::new(0, 8),
            green: ColourBits::new(8, 8),
            blue: ColourBits::new(16, 8),
            alpha: ColourBits::new(24, 0),
        }
    }

    /// The same pixels with nothing between the rows and nothing before them.
    pub fn tight(self) -> Self {
        Self {
            stride: self.row_bytes(),
            start: 0,
            ..self
        }
    }

    /// The bytes of one row's pixels.
    pub fn row_bytes(self) -> usize {
        self.size.width as usize * self.bytes_per_pixel
    }

    /// The bytes up to the end of the last row's pixels; `None` where the numbers contradict each
    /// other.
    pub fn bytes(self) -> Option<usize> {
        let rows = (self.size.height as usize).checked_sub(1)?;
        let bits = u32::try_from(self.bytes_per_pixel)
            .ok()
            .filter(|b| (2..=4).contains(b))?
            * 8;
        let colours = [self.red, self.green, self.blue, self.alpha];
        if self.size.width == 0
            || self.stride < self.row_bytes()
            || !colours.iter().all(|c| c.length == 0 || c.fits(bits))
        {
            return None;
        }
        self.stride
            .checked_mul(rows)?
            .checked_add(self.start)?
            .checked_add(self.row_bytes())
    }

    /// A colour as the value of a pixel.
    pub fn pixel(self, colour: Rgb888) -> u32 {
        let opaque = if self.alpha.length == 0 {
            0
        } else {
            self.alpha.place(0xff)
        };
        self.red.place(colour.r())
            | self.green.place(colour.g())
            | self.blue.place(colour.b())
            | opaque
    }

    /// Copies a picture of layout [`PixelLayout::tight`] into memory of this layout, row by row.
    pub fn copy_rows(self, tight: &[u8], memory: &mut [u8]) {
        let row_bytes = self.row_bytes();
        let rows = memory
            .get_mut(self.start..)
            .unwrap_or_default()
            .chunks_mut(self.stride.max(1));
        for (from, to) in tight.chunks_exact(row_bytes.max(1)).zip(rows) {
            if let Some(to) = to.get_mut(..row_bytes) {
                to.copy_from_slice(from);
            }
        }
    }
}

/// A picture in memory that can be drawn on.
#[derive(Debug)]
pub struct Canvas<'a> {
    layout: PixelLayout,
    bytes: &'a mut [u8],
}

impl<'a> Canvas<'a> {
    /// The picture of this layout in `bytes`; `None` if it does not lie wholly in them.
    pub fn new(layout: PixelLayout, bytes: &'a mut [u8]) -> Option<Self> {
        (layout.bytes()? <= bytes.len()).then_some(Self { layout, bytes })
    }

    fn row(&mut self, x: usize, y: usize, width: usize) -> &mut [u8] {
        let l = self.layout;
        let start = l.start + y * l.stride + x * l.bytes_per_pixel;
        &mut self.bytes[start..start + width * l.bytes_per_pixel]
    }

    /// Columns and rows of an area that lies inside the picture.
    fn inside(area: Rectangle) -> (usize, usize, usize, usize) {
        (
            area.top_left.x as usize,
            area.top_left.y as usize,
            area.size.width as usize,
            area.size.height as usize,
        )
    }
}

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> TargetSize {
        TargetSize::new(self.layout.size.width, self.layout.size.height)
    }
}

/// Writes one pixel for each colour of the iterator, with the pixel's width known to the compiler.
fn fill_row<const BYTES: usize>(
    row: &mut [u8],
    layout: PixelLayout,
    colours: &mut impl Iterator<Item = Rgb888>,
) {
    for (to, colour) in row.chunks_exact_mut(BYTES).zip(colours) {
        to.copy_from_slice(&layout.pixel(colour).to_le_bytes()[..BYTES]);
    }
}

/// Writes the same pixel all along the row.
fn repeat<const BYTES: usize>(row: &mut [u8], value: [u8; 4]) {
    let pixel: [u8; BYTES] = std::array::from_fn(|i| value[i]);
    row.as_chunks_mut::<BYTES>().0.fill(pixel);
}

impl DrawTarget for Canvas<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        let layout = self.layout;
        let size = self.layout.size;
        for Pixel(p, colour) in pixels {
            if let (Ok(x), Ok(y)) = (u32::try_from(p.x), u32::try_from(p.y))
                && x < size.width
                && y < size.height
            {
                let value = layout.pixel(colour).to_le_bytes();
                self.row(x as usize, y as usize, 1)
                    .copy_from_slice(&value[..layout.bytes_per_pixel]);
            }
        }
        Ok(())
    }

    fn fill_contiguous<I: IntoIterator<Item = Rgb888>>(
        &mut self,
        area: &Rectangle,
        colours: I,
    ) -> Result<(), Infallible> {
        let whole = Rectangle::new(Default::default(), self.size());
        if area.intersection(&whole) != *area {
            return self.draw_iter(area.points().zip(colours).map(|(p, c)| Pixel(p, c)));
        }
        let ((x, y, width, height), layout) = (Self::inside(*area), self.layout);
        let mut colours = colours.into_iter();
        for y in y..y + height {
            let row = self.row(x, y, width);
            match layout.bytes_per_pixel {
                2 => fill_row::<2>(row, layout, &mut colours),
                3 => fill_row::<3>(row, layout, &mut colours),
                _ => fill_row::<4>(row, layout, &mut colours),
            }
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: Rgb888) -> Result<(), Infallible> {
        let whole = Rectangle::new(Default::default(), self.size());
        let (x, y, width, height) = Self::inside(area.intersection(&whole));
        let value = self.layout.pixel(colour).to_le_bytes();
        for y in y..y + height {
            let bytes = self.layout.bytes_per_pixel;
            let row = self.row(x, y, width);
            match bytes {
                2 => repeat::<2>(row, value),
                3 => repeat::<3>(row, value),
                _ => repeat::<4>(row, value),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::geometry::Point as TargetPoint;

    const RED: Rgb888 = Rgb888::new(255, 0, 0);

    fn rgb565(size: Size, stride: usize) -> PixelLayout {
        let red = ColourBits::new(11, 5);
        let green = ColourBits::new(5, 6);
        let blue = ColourBits::new(0, 5);
        PixelLayout {
            bytes_per_pixel: 2,
            stride,
            red,
            green,
            blue,
            ..PixelLayout::rgb(size)
        }
    }

    fn bgrx(size: Size, stride: usize) -> PixelLayout {
        let red = ColourBits::new(16, 8);
        let green = ColourBits::new(8, 8);
        let blue = ColourBits::new(0, 8);
        PixelLayout {
            bytes_per_pixel: 4,
            stride,
            red,
            green,
            blue,
            alpha: ColourBits::new(24, 8),
            ..PixelLayout::rgb(size)
        }
    }

    #[test]
    fn colours_come_in_the_screen_s_own_order() {
        let colour = Rgb888::new(0xff, 0x80, 0x10);
        let size = Size::new(1, 1);
        assert_eq!(
            rgb565(size, 2).pixel(colour),
            (0b11111 << 11) | (0b100000 << 5) | 0b00010
        );
        assert_eq!(
            bgrx(size, 4).pixel(colour).to_le_bytes(),
            [0x10, 0x80, 0xff, 0xff]
        );
        let red = ColourBits::new(0, 5);
        let blue = ColourBits::new(11, 5);
        assert_eq!(
            PixelLayout {
                red,
                blue,
                ..rgb565(size, 2)
            }
            .pixel(colour),
            (0b00010 << 11) | (0b100000 << 5) | 0b11111,
            "BGR 5-6-5"
        );
    }

    #[test]
    fn a_stride_wider_than_the_row_is_stepped_over() {
        let layout = PixelLayout {
            start: 3,
            ..rgb565(Size::new(2, 2), 7)
        };
        let mut bytes = vec![0; 3 + 7 + 4];
        let mut canvas = Canvas::new(layout, &mut bytes).unwrap();
        canvas
            .draw_iter([Pixel(TargetPoint::new(1, 1), RED)])
            .unwrap();
        assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0xf8]);
    }

    #[test]
    fn rows_are_copied_to_where_the_screen_has_them() {
        let layout = PixelLayout {
            start: 1,
            ..rgb565(Size::new(1, 2), 4)
        };
        let mut screen = [9; 8];
        layout.copy_rows(&[1, 2, 3, 4], &mut screen);
        assert_eq!(screen, [9, 1, 2, 9, 9, 3, 4, 9]);
    }

    #[test]
    fn filling_solid_or_by_rows_or_by_pixels_is_the_same_and_ends_at_the_edge() {
        let whole = TargetPoint::new(-3, -2);
        for (corner, size) in [
            (whole, TargetSize::new(5, 5)),
            (TargetPoint::new(1, 1), TargetSize::new(2, 2)),
        ] {
            let area = Rectangle::new(corner, size);
            let drawn = |f: &dyn Fn(&mut Canvas)| {
                let mut bytes = vec![0; 20 * 4];
                f(&mut Canvas::new(bgrx(Size::new(4, 4), 20), &mut bytes).unwrap());
                bytes
            };
            let solid = drawn(&|c| c.fill_solid(&area, RED).unwrap());
            assert_eq!(
                solid,
                drawn(&|c| c.fill_contiguous(&area, std::iter::repeat(RED)).unwrap())
            );
            assert_eq!(
                solid,
                drawn(&|c| c.draw_iter(area.points().map(|p| Pixel(p, RED))).unwrap())
            );
        }
    }

    #[test]
    fn a_layout_that_contradicts_itself_or_its_memory_gives_no_canvas() {
        let good = bgrx(Size::new(4, 4), 16);
        let mut bytes = vec![0; 64];
        assert!(Canvas::new(good, &mut bytes).is_some());
        assert!(Canvas::new(good, &mut bytes[..63]).is_none());
        for bad in [
            PixelLayout { stride: 15, ..good },
            PixelLayout { start: 1, ..good },
            PixelLayout {
                start: usize::MAX,
                ..good
            },
            PixelLayout {
                stride: usize::MAX,
                ..good
            },
            PixelLayout {
                size: Size::new(0, 4),
                ..good
            },
            PixelLayout {
                size: Size::new(4, 0),
                ..good
            },
            PixelLayout {
                bytes_per_pixel: 1,
                ..good
            },
            PixelLayout {
                red: ColourBits::new(30, 8),
                ..good
            },
        ] {
            assert!(Canvas::new(bad, &mut bytes).is_none(), "{bad:?}");
        }
    }
}
