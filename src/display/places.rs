//! Places in the picture: zones with their names, and a grid to read their corners from. In: a report.
//! Out: lines and texts on any target.

use super::draw::{EDGE, draw_line, pixel};
use super::label::{Label, Poses};
use super::picture::Placement;
use crate::geometry::{Point, Size};
use crate::report::Report;
use embedded_graphics::geometry::Point as TargetPoint;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::DrawTarget;

const ZONE: Rgb888 = Rgb888::new(0, 200, 160);
const GRID: Rgb888 = Rgb888::new(255, 255, 255);
/// Lines of the grid, a tenth of the picture apart.
const PARTS: u32 = 10;

/// Draws the outline of every zone with its name at the first corner.
pub(super) fn draw_zones<D: DrawTarget<Color = Rgb888>>(
    report: &Report,
    size: Size,
    placement: Placement,
    target: &mut D,
) -> Result<(), D::Error> {
    let whole = target.bounding_box();
    let width = (whole.size.width.min(whole.size.height) / 240).max(1);
    for zone in report.zones.iter() {
        let ends = zone.outline(size).cycle().skip(1);
        for edge in [1, 0] {
            let colour = if edge > 0 { EDGE } else { ZONE };
            for (a, b) in zone.outline(size).zip(ends.clone()) {
                if let (Some(a), Some(b)) = (placement.to_target(a), placement.to_target(b)) {
                    draw_line(a, b, width + 2 * edge, colour, whole, target)?;
                }
            }
        }
        if let Some(corner) = zone
            .outline(size)
            .next()
            .and_then(|c| placement.to_target(c))
        {
            let label = Label::new(&zone.name, Poses(&[]), ZONE, whole);
            label.draw(pixel(corner), target)?;
        }
    }
    Ok(())
}

/// Draws lines a tenth of the picture apart, with their shares at the upper and left edge.
pub(super) fn draw_grid<D: DrawTarget<Color = Rgb888>>(
    size: Size,
    placement: Placement,
    target: &mut D,
) -> Result<(), D::Error> {
    let whole = target.bounding_box();
    let [width, height] = [size.width as f32, size.height as f32];
    for edge in [1, 0] {
        let colour = if edge > 0 { EDGE } else { GRID };
        for i in 0..=PARTS {
            let share = i as f32 / PARTS as f32;
            let lines = [
                [
                    Point::new(share * width, 0.0),
                    Point::new(share * width, height),
                ],
                [
                    Point::new(0.0, share * height),
                    Point::new(width, share * height),
                ],
            ];
            for [a, b] in lines {
                if let (Some(a), Some(b)) = (placement.to_target(a), placement.to_target(b)) {
                    draw_line(a, b, 1 + 2 * edge, colour, whole, target)?;
                }
            }
        }
    }
    const SHARES: [&str; 9] = [
        "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9",
    ];
    for (i, text) in (1..PARTS).zip(SHARES) {
        let share = i as f32 / PARTS as f32;
        let label = Label::new(text, Poses(&[]), GRID, whole);
        let half = label.size() / 2;
        let ends = [
            (
                Point::new(share * width, 0.0),
                TargetPoint::new(half.width as i32, 0),
            ),
            (
                Point::new(0.0, share * height),
                TargetPoint::new(0, half.height as i32),
            ),
        ];
        for (end, half) in ends {
            if let Some(end) = placement.to_target(end) {
                label.draw(pixel(end) - half, target)?;
            }
        }
    }
    Ok(())
}
