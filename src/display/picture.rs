//! The camera's picture on a screen of another size.
//!
//! In: a frame in any uncompressed layout. Out: its pixels on the target, scaled by the nearest
//! pixel, with black bars where the aspects differ; and the [`Placement`] that leads from image
//! pixels to target pixels. There is no full-frame buffer between.

use crate::frame::{Frame, PixelVisitor, Pixels};
use crate::geometry::{Point, Size};
use crate::mask::Mask;
use embedded_graphics::geometry::{Point as TargetPoint, Size as TargetSize};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::prelude::DrawTarget;
use embedded_graphics::primitives::Rectangle;

/// A place on a screen, in target pixels with fractions. For a place in the picture use [`Point`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TargetPosition {
    pub x: f32,
    pub y: f32,
}

/// Where the picture lies on the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// The target pixels that the picture covers.
    pub area: Rectangle,
    /// Target pixels for one image pixel, on each axis.
    scale: TargetPosition,
}

impl Placement {
    /// The largest place for a picture of size `image` inside `target`: its aspect kept, centred. A
    /// picture without size gets the whole target, pixel for pixel.
    pub fn new(image: Size, target: Rectangle) -> Self {
        let wide = u64::from(target.size.width);
        let high = u64::from(target.size.height);
        let w = u64::from(image.width);
        let h = u64::from(image.height);
        if w == 0 || h == 0 || wide == 0 || high == 0 {
            return Self {
                area: target,
                scale: TargetPosition { x: 1.0, y: 1.0 },
            };
        }
        let rounded = |a: u64, b: u64, c: u64| ((a * b + c / 2) / c).max(1) as u32; // at most a side of the target
        let size = if wide * h <= high * w {
            TargetSize::new(wide as u32, rounded(h, wide, w))
        } else {
            TargetSize::new(rounded(w, high, h), high as u32)
        };
        let margin = (target.size - size) / 2;
        let scale = TargetPosition {
            x: size.width as f32 / w as f32,
            y: size.height as f32 / h as f32,
        };
        Self {
            area: Rectangle::new(target.top_left + margin, size),
            scale,
        }
    }

    /// The place on the target; `None` for one that is not a number or infinite. It may lie far
    /// outside.
    pub fn to_target(self, p: Point) -> Option<TargetPosition> {
        // The outer edge of the first pixel, at -0.5, falls on the edge of the area.
        let x = (p.x + 0.5) * self.scale.x - 0.5 + self.area.top_left.x as f32;
        let y = (p.y + 0.5) * self.scale.y - 0.5 + self.area.top_left.y as f32;
        (x.is_finite() && y.is_finite()).then_some(TargetPosition { x, y })
    }
}

/// The tint of a person's mask: Okabe and Ito's bluish green, which no joint or box has.
const TINT: [u8; 3] = [0, 158, 115];

/// Draws the picture, or black where there is none to read, and black bars around it. What `masks`
/// cover is tinted.
pub(super) fn draw_picture<'a, D, M>(
    frame: Option<&Frame>,
    image: Size,
    masks: M,
    placement: Placement,
    target: &mut D,
) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
    M: Iterator<Item = &'a Mask> + Clone,
{
    let area = placement.area;
    for bar in bars(area, target.bounding_box()) {
        target.fill_solid(&bar, Rgb888::BLACK)?;
    }
    let picture = |target: &mut D| {
        frame.and_then(|f| {
            f.visit(Scaled {
                area,
                masks: masks.clone(),
                target,
            })
            .ok()
            .flatten()
        })
    };
    match picture(target) {
        Some(drawn) => drawn,
        None if masks.clone().next().is_none() => target.fill_solid(&area, Rgb888::BLACK),
        None => Scaled {
            area,
            masks,
            target,
        }
        .visit(&Black, image),
    }
}

/// What of `whole` lies above, below, left and right of `area`; empty rectangles where nothing
/// does.
fn bars(area: Rectangle, whole: Rectangle) -> [Rectangle; 4] {
    let near = area.top_left - whole.top_left;
    let far = area.top_left - whole.top_left + area.size;
    let rest = TargetPoint::new(whole.size.width as i32, whole.size.height as i32) - far;
    let bar = |x: i32, y: i32, width: i32, height: i32| {
        let size = TargetSize::new(width.max(0).unsigned_abs(), height.max(0).unsigned_abs());
        Rectangle::new(whole.top_left + TargetPoint::new(x, y), size)
    };
    let width = whole.size.width as i32;
    let height = area.size.height as i32;
    let above = bar(0, 0, width, near.y);
    let below = bar(0, far.y, width, rest.y);
    [
        above,
        below,
        bar(0, near.y, near.x, height),
        bar(far.x, near.y, rest.x, height),
    ]
}

/// A picture of which nothing is shown.
struct Black;

impl Pixels for Black {
    fn rgb(&self, _: usize, _: usize) -> [u8; 3] {
        [0; 3]
    }
}

struct Scaled<'a, D, M> {
    area: Rectangle,
    masks: M,
    target: &'a mut D,
}

impl<'m, D: DrawTarget<Color = Rgb888>, M: Iterator<Item = &'m Mask> + Clone> PixelVisitor
    for Scaled<'_, D, M>
{
    type Output = Result<(), D::Error>;

    fn visit(self, pixels: &impl Pixels, size: Size) -> Self::Output {
        let across = Steps::new(size.width, self.area.size.width);
        let down = Steps::new(size.height, self.area.size.height);
        let Self {
            area,
            masks,
            target,
        } = self;
        if masks.clone().next().is_none() {
            let row = |y: usize| {
                across
                    .sources()
                    .map(move |x| Rgb888::from(Bytes(pixels.rgb(x, y))))
            };
            return target.fill_contiguous(&area, down.sources().flat_map(row));
        }
        let masks = &masks;
        let row = |y: usize| {
            across.sources().map(move |x| {
                let rgb = pixels.rgb(x, y);
                let covered = masks
                    .clone()
                    .any(|m| m.covers(Point::new(x as f32, y as f32)));
                Rgb888::from(Bytes(if covered { mix(rgb, TINT) } else { rgb }))
            })
        };
        target.fill_contiguous(&area, down.sources().flat_map(row))
    }
}

/// Half of each.
fn mix(a: [u8; 3], b: [u8; 3]) -> [u8; 3] {
    std::array::from_fn(|i| ((u16::from(a[i]) + u16::from(b[i])) / 2) as u8)
}

struct Bytes([u8; 3]);

impl From<Bytes> for Rgb888 {
    fn from(Bytes([r, g, b]): Bytes) -> Self {
        Self::new(r, g, b)
    }
}

/// The source pixel nearest to each of `to` target pixels, in fixed point: a division a pixel would
/// be slow on small boards.
#[derive(Clone, Copy)]
struct Steps {
    step: u64,
    to: u32,
}

impl Steps {
    const FRACTION_BITS: u32 = 32;

    fn new(from: u32, to: u32) -> Self {
        Self {
            step: (u64::from(from) << Self::FRACTION_BITS) / u64::from(to.max(1)),
            to,
        }
    }

    fn sources(self) -> impl Iterator<Item = usize> {
        (0..u64::from(self.to))
            .map(move |i| ((i * self.step + self.step / 2) >> Self::FRACTION_BITS) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn on(width: u32, height: u32) -> Rectangle {
        Rectangle::new(TargetPoint::zero(), TargetSize::new(width, height))
    }

    #[test]
    fn a_wide_picture_gets_bars_above_and_below_and_a_tall_one_at_the_sides() {
        let wide = Placement::new(Size::new(640, 360), on(320, 240));
        assert_eq!(
            wide.area,
            Rectangle::new(TargetPoint::new(0, 30), TargetSize::new(320, 180))
        );
        let tall = Placement::new(Size::new(100, 200), on(320, 240));
        assert_eq!(
            tall.area,
            Rectangle::new(TargetPoint::new(100, 0), TargetSize::new(120, 240))
        );
    }

    #[test]
    fn corners_of_the_picture_fall_on_corners_of_the_area() {
        let placement = Placement::new(Size::new(640, 360), on(320, 240));
        let first = placement.to_target(Point::new(-0.5, -0.5)).unwrap();
        let last = placement.to_target(Point::new(639.5, 359.5)).unwrap();
        assert_eq!(
            (first.x, first.y, last.x, last.y),
            (-0.5, 29.5, 319.5, 209.5)
        );
        assert_eq!(placement.to_target(Point::new(f32::NAN, 0.0)), None);
        assert_eq!(placement.to_target(Point::new(0.0, f32::INFINITY)), None);
    }

    proptest! {
        #[test]
        fn area_and_bars_cover_the_target_once(w in 1u32..5000, h in 1u32..5000, wide in 1u32..2000, high in 1u32..2000) {
            let whole = on(wide, high);
            let area = Placement::new(Size::new(w, h), whole).area;
            prop_assert_eq!(area.intersection(&whole), area);
            let covered = |r: &Rectangle| u64::from(r.size.width) * u64::from(r.size.height);
            let bars: u64 = bars(area, whole).iter().map(covered).sum();
            prop_assert_eq!(bars + covered(&area), covered(&whole));
        }

        #[test]
        fn the_nearest_pixel_lies_in_the_picture(from in 1u32..10_000, to in 1u32..10_000) {
            let steps = Steps::new(from, to);
            prop_assert!(steps.sources().all(|x| x < from as usize));
            prop_assert_eq!(steps.sources().count(), to as usize);
        }
    }
}
