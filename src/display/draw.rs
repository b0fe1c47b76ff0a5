//! A report on a screen: picture, boxes, skeletons, then texts on top.
//!
//! In: a [`Report`] in image pixels. Out: pixels on any target. Every line has a dark edge, so that
//! it is seen on any picture; the person's left is orange, the right blue, the middle and the label
//! have the colour of the person's number (Okabe and Ito's palette, told apart by the colour-blind).

use super::label::{Label, Poses};
use super::picture::{Placement, TargetPosition, draw_picture};
use super::places::{draw_grid, draw_zones};
use super::text::{Letters, ShortText, wrapped};
use super::{Parts, picture_size};
use crate::geometry::{Point, Rect};
use crate::report::{Report, Seen, State};
use crate::skeleton::{KeypointSet, Threshold};
use embedded_graphics::geometry::{Point as TargetPoint, Size as TargetSize};
use embedded_graphics::pixelcolor::{PixelColor, Rgb888};
use embedded_graphics::prelude::{DrawTarget, Drawable, Primitive};
use embedded_graphics::primitives::{Circle, Line, PrimitiveStyle, Rectangle};
use std::fmt::Write;

pub(super) const LEFT: Rgb888 = Rgb888::new(230, 159, 0);
pub(super) const RIGHT: Rgb888 = Rgb888::new(86, 180, 233);
pub(super) const MIDDLE: Rgb888 = Rgb888::new(240, 240, 235);
/// Of people by their number: the first, and a lone one, nearly white.
const PEOPLE: [Rgb888; 5] = [
    MIDDLE,
    Rgb888::new(240, 228, 66),
    Rgb888::new(60, 200, 150),
    Rgb888::new(224, 146, 190),
    Rgb888::new(235, 110, 40),
];
pub(super) const EDGE: Rgb888 = Rgb888::new(24, 24, 28);
const BOX: Rgb888 = Rgb888::new(190, 190, 190);
pub(super) const NOTE: Rgb888 = Rgb888::new(240, 228, 66);
/// Lines of a note at most: the picture is what one wants to see.
const NOTE_LINES: usize = 5;

/// Draws these parts of the report over the whole target, whatever was there before. Joints whose
/// score is less than the report's `visible` are left out, and so are the bones that end there. A
/// state such as a lost camera is always told.
///
/// # Errors
/// Only those of the target itself. Coordinates far outside or not finite are no error; what lies
/// outside is left out.
pub fn draw<D>(report: &Report, parts: Parts, target: &mut D) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    let whole = target.bounding_box();
    let size = picture_size(report);
    let placement = Placement::new(size, whole);
    let masks = report.people.iter().map(|p| &p.mask);
    let masks = masks.filter(|m| parts.mask && !m.is_empty());
    let picture = parts.picture.then_some(&report.picture);
    draw_picture(picture, report.size, masks, placement, target)?;
    if parts.grid {
        draw_grid(size, placement, target)?;
    }
    if parts.zones {
        draw_zones(report, size, placement, target)?;
    }
    if parts.boxes {
        for bbox in &report.boxes {
            draw_box(*bbox, placement, target)?;
        }
    }
    let figures = || {
        let people = report.people.iter();
        people.filter_map(|p| Figure::new(p, report, placement, whole))
    };
    if parts.skeleton {
        for figure in figures() {
            figure.draw(target)?;
        }
    }
    if parts.poses {
        for figure in figures() {
            figure.draw_label(target)?;
        }
    }
    draw_texts(report, parts, target)
}

/// A person on the target.
struct Figure<'a> {
    person: &'a Seen,
    keypoints: &'a KeypointSet,
    visible: Threshold,
    placement: Placement,
    whole: Rectangle,
    bounds: Rect,
    /// Thickness of a bone in target pixels.
    bone: u32,
}

impl<'a> Figure<'a> {
    /// `None` if no joint is seen.
    fn new(
        person: &'a Seen,
        report: &'a Report,
        placement: Placement,
        whole: Rectangle,
    ) -> Option<Self> {
        let keypoints: &KeypointSet = &report.keypoints;
        let mut figure = Self {
            person,
            keypoints,
            visible: report.visible,
            placement,
            whole,
            bounds: Rect::default(),
            bone: 1,
        };
        let seen = (0..keypoints.len())
            .filter_map(|i| figure.joint(i))
            .map(|p| Point::new(p.x, p.y));
        figure.bounds = Rect::around(seen)?;
        let length = figure.bounds.width.max(figure.bounds.height);
        let shorter_side = whole.size.width.min(whole.size.height) as f32;
        let thickness = (length / 90.0)
            .max(shorter_side / 240.0)
            .min(shorter_side / 60.0);
        figure.bone = (thickness.round() as u32).max(1);
        Some(figure)
    }

    /// The person's own, as long as they keep their number.
    fn colour(&self) -> Rgb888 {
        PEOPLE[self.person.id.saturating_sub(1) as usize % PEOPLE.len()]
    }

    /// The colour of the side on which both joints are; the person's own where they are on none.
    fn side(&self, a: usize, b: usize) -> Rgb888 {
        let names = self.keypoints.names();
        let both = |prefix: &str| names[a].starts_with(prefix) && names[b].starts_with(prefix);
        if both("left_") {
            LEFT
        } else if both("right_") {
            RIGHT
        } else {
            self.colour()
        }
    }

    /// The dark edge on each side, in target pixels.
    fn edge(&self) -> u32 {
        1 + self.bone / 5
    }

    /// Where a joint is, if it is seen.
    fn joint(&self, index: usize) -> Option<TargetPosition> {
        let joint = self.person.skeleton.keypoints.get(index)?;
        if self.visible.sees(joint) {
            self.placement.to_target(joint.position)
        } else {
            None
        }
    }

    /// All edges first, so that none covers the colour of a neighbour.
    fn draw<D: DrawTarget<Color = Rgb888>>(&self, target: &mut D) -> Result<(), D::Error> {
        for edge in [self.edge(), 0] {
            for &(a, b) in self.keypoints.bones() {
                let colour = if edge > 0 { EDGE } else { self.side(a, b) };
                if let (Some(a), Some(b)) = (self.joint(a), self.joint(b)) {
                    draw_line(a, b, self.bone + 2 * edge, colour, self.whole, target)?;
                }
            }
            for i in 0..self.keypoints.len() {
                let colour = if edge > 0 { EDGE } else { self.side(i, i) };
                if let Some(p) = self.joint(i) {
                    draw_disc(
                        p,
                        self.joint_diameter() + 2 * edge,
                        colour,
                        self.whole,
                        target,
                    )?;
                }
            }
        }
        Ok(())
    }

    fn joint_diameter(&self) -> u32 {
        if self.bone == 1 { 3 } else { 2 * self.bone + 1 }
    }

    /// The person's number and pose names, centred above the head.
    fn draw_label<D: DrawTarget<Color = Rgb888>>(&self, target: &mut D) -> Result<(), D::Error> {
        let poses = Poses(&self.person.poses);
        let mut number = match self.person.id {
            0 => ShortText::default(),
            id => ShortText::new(format_args!("#{id}")),
        };
        // What is held before what was counted: it is what changes.
        let counted = &self.person.counts;
        let holds = !self.person.poses.is_empty();
        let mut counts = ShortText::default();
        // Never fails: what does not fit is cut.
        if !number.is_empty() && (holds || !counted.is_empty()) {
            let _ = number.write_str(" ");
        }
        if holds && !counted.is_empty() {
            let _ = counts.write_str(", ");
        }
        counts.add_counts(counted);
        let label = Label::new(number.as_str(), poses, self.colour(), self.whole);
        let label = label.with_end(counts.as_str());
        let size = label.size();
        let head = pixel(self.head_top());
        label.draw(
            head - TargetPoint::new(size.width as i32 / 2, size.height as i32 + 2),
            target,
        )
    }

    /// About where the head ends above the face, or above the highest joint if no joint of the face
    /// is seen.
    fn head_top(&self) -> TargetPosition {
        const FACE: [&str; 6] = [
            "nose",
            "left_eye",
            "right_eye",
            "left_ear",
            "right_ear",
            "head_top",
        ];
        let seen = FACE
            .iter()
            .filter_map(|name| self.joint(self.keypoints.index(name)?))
            .map(|p| Point::new(p.x, p.y));
        let face = Rect::around(seen).unwrap_or(Rect {
            height: 0.0,
            ..self.bounds
        });
        // Eyes lie half a head below its top: a fifteenth of the body, or the face's width where
        // only the face is seen.
        let above_eyes = (self.bounds.height / 15.0).max(face.width.min(self.bounds.height / 6.0));
        TargetPosition {
            x: face.centre().x,
            y: face.y - above_eyes,
        }
    }
}

/// The nearest pixel, at most a million away: far outside any screen, and safe from overflow in
/// later sums.
pub(super) fn pixel(p: TargetPosition) -> TargetPoint {
    const FAR: f32 = 1e6;
    TargetPoint::new(
        p.x.clamp(-FAR, FAR).round() as i32,
        p.y.clamp(-FAR, FAR).round() as i32,
    )
}

pub(super) fn draw_line<C, D>(
    a: TargetPosition,
    b: TargetPosition,
    width: u32,
    colour: C,
    whole: Rectangle,
    target: &mut D,
) -> Result<(), D::Error>
where
    C: PixelColor,
    D: DrawTarget<Color = C>,
{
    let Some((a, b)) = clip(a, b, whole, width) else {
        return Ok(());
    };
    Line::new(pixel(a), pixel(b))
        .into_styled(PrimitiveStyle::with_stroke(colour, width))
        .draw(target)
}

fn draw_disc<D>(
    centre: TargetPosition,
    diameter: u32,
    colour: Rgb888,
    whole: Rectangle,
    target: &mut D,
) -> Result<(), D::Error>
where
    D: DrawTarget<Color = Rgb888>,
{
    let disc = Circle::with_center(pixel(centre), diameter);
    let around = Rectangle::new(disc.top_left, TargetSize::new_equal(diameter));
    if around.intersection(&whole).is_zero_sized() {
        return Ok(());
    }
    disc.into_styled(PrimitiveStyle::with_fill(colour))
        .draw(target)
}

/// The part of a line inside `whole` and `margin` pixels around (Liang and Barsky, 1984): a line
/// that runs far outside would be walked pixel by pixel all the way.
fn clip(
    a: TargetPosition,
    b: TargetPosition,
    whole: Rectangle,
    margin: u32,
) -> Option<(TargetPosition, TargetPosition)> {
    let margin = f64::from(margin);
    let left = f64::from(whole.top_left.x);
    let top = f64::from(whole.top_left.y);
    let right = left + f64::from(whole.size.width);
    let bottom = top + f64::from(whole.size.height);
    let ax = f64::from(a.x);
    let ay = f64::from(a.y);
    let dx = f64::from(b.x) - ax;
    let dy = f64::from(b.y) - ay;
    let mut from = 0.0f64;
    let mut to = 1.0f64;
    let edges = [
        (-dx, ax - left + margin),
        (dx, right + margin - ax),
        (-dy, ay - top + margin),
        (dy, bottom + margin - ay),
    ];
    for (toward, room) in edges {
        if toward == 0.0 && room < 0.0 {
            return None;
        }
        if toward < 0.0 {
            from = from.max(room / toward);
        } else if toward > 0.0 {
            to = to.min(room / toward);
        }
    }
    let at = |t: f64| TargetPosition {
        x: (ax + dx * t) as f32,
        y: (ay + dy * t) as f32,
    };
    (from <= to).then(|| (at(from), at(to)))
}

fn draw_box<D: DrawTarget<Color = Rgb888>>(
    area: Rect,
    placement: Placement,
    target: &mut D,
) -> Result<(), D::Error> {
    let ends = [
        Point::new(area.x, area.y),
        Point::new(area.x + area.width, area.y + area.height),
    ];
    let (true, [Some(first), Some(last)]) = (area.is_sound(), ends.map(|p| placement.to_target(p)))
    else {
        return Ok(());
    };
    // Sides far outside are drawn just outside: not every target skips a million pixels quickly.
    let whole = target.bounding_box().offset(8);
    let near = |p| {
        pixel(p)
            .component_max(whole.top_left)
            .component_min(whole.top_left + whole.size)
    };
    let corners = Rectangle::with_corners(near(first), near(last));
    let thin = if target.bounding_box().size.width < 600 {
        1
    } else {
        2
    };
    corners
        .into_styled(PrimitiveStyle::with_stroke(EDGE, thin + 2))
        .draw(target)?;
    corners
        .into_styled(PrimitiveStyle::with_stroke(BOX, thin))
        .draw(target)
}

/// Speed at the lower right, the note at the lower left, one above the other where the target is
/// too narrow for both.
fn draw_texts<D: DrawTarget<Color = Rgb888>>(
    report: &Report,
    parts: Parts,
    target: &mut D,
) -> Result<(), D::Error> {
    let whole = target.bounding_box();
    let last = whole.bottom_right().unwrap_or(whole.top_left) + TargetSize::new_equal(1);
    let fps = report.rate.filter(|fps| parts.fps && fps.is_finite());
    let speed = fps.map_or_else(ShortText::default, |fps| {
        ShortText::new(format_args!("{fps:.1} fps"))
    });
    let speed = Label::new(speed.as_str(), Poses(&[]), MIDDLE, whole);
    speed.draw(last - speed.size(), target)?;
    if parts.poses {
        let mut totals = ShortText::default();
        totals.add_counts(&report.totals);
        Label::new(totals.as_str(), Poses(&[]), MIDDLE, whole).draw(whole.top_left, target)?;
    }
    let note = report.state.as_ref().map_or("", State::detail);
    let letters = Letters::of_width(whole.size.width).character();
    let lines = wrapped(note, Label::columns(whole)).take(NOTE_LINES);
    let lines = lines.map(|line| Label::new(line, Poses(&[]), NOTE, whole));
    let longest = lines.clone().map(|line| line.size().width).max();
    let both = longest.unwrap_or(0) + letters.width + speed.size().width;
    let apart = fps.is_none() || both <= whole.size.width;
    let up = if apart { 0 } else { speed.size().height as i32 };
    let mut left = lines.clone().count() as i32;
    for line in lines {
        let top = last.y - left * line.size().height as i32 - up;
        line.draw(TargetPoint::new(whole.top_left.x, top), target)?;
        left -= 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
