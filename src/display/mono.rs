//! A scene for small screens of two colours: stick figures on the left, what they show on the right.
//!
//! In: what a frame told. Out: lit and dark pixels; 128x64 and its like are what it is made for.

use super::draw::{draw_line, pixel};
use super::picture::{Placement, TargetPosition};
use super::picture_size;
use super::scene::{Inks, Live};
use super::text::{Letters, ShortText, draw_large, spoken};
use crate::geometry::{Point, Rect};
use crate::report::Seen;
use embedded_graphics::geometry::{Point as TargetPoint, Size as TargetSize};
use embedded_graphics::image::{Image, ImageRaw};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{DrawTarget, DrawTargetExt, Drawable, Primitive};
use embedded_graphics::primitives::{Circle, PrimitiveStyle, Rectangle};

/// A camera, crossed out.
#[rustfmt::skip]
const NO_CAMERA: [u8; 16] = [
    0b10000000, 0b00000001,
    0b01000111, 0b11000010,
    0b00111111, 0b11111100,
    0b00110100, 0b00101100,
    0b00101011, 0b11010100,
    0b00110010, 0b01001100,
    0b00111100, 0b00111100,
    0b11000111, 0b11100011,
];
/// A thermometer.
#[rustfmt::skip]
const HOT: [u8; 8] = [
    0b00111000,
    0b00101011,
    0b00111000,
    0b00111011,
    0b00111000,
    0b01111100,
    0b01111100,
    0b00111000,
];
/// A head and shoulders.
#[rustfmt::skip]
const PERSON: [u8; 8] = [
    0b00011000,
    0b00111100,
    0b00111100,
    0b00011000,
    0b00111100,
    0b01111110,
    0b01111110,
    0b01111110,
];
const ICON: u32 = 8;

/// Joints of the face, in whose place a head is drawn.
const FACE: [&str; 5] = ["nose", "left_eye", "right_eye", "left_ear", "right_ear"];

/// Draws it on a target that is cleared.
pub(super) fn draw<D: DrawTarget<Color = BinaryColor>>(
    live: &Live,
    target: &mut D,
) -> Result<(), D::Error> {
    let inks = Inks::TWO;
    let whole = target.bounding_box();
    // Half of a screen that is wide, the upper half of a tall one.
    let half = match whole.size.width >= whole.size.height {
        true => TargetSize::new(whole.size.width / 2, whole.size.height),
        false => TargetSize::new(whole.size.width, whole.size.height / 2),
    };
    let figures = Rectangle::new(whole.top_left, half);
    let corner = match whole.size.width >= whole.size.height {
        true => whole.top_left + TargetPoint::new(half.width as i32, 0),
        false => whole.top_left + TargetPoint::new(0, half.height as i32),
    };
    let words = Rectangle::new(corner, half);
    let placement = Placement::new(picture_size(live.report), figures);
    for person in live.report.people.iter() {
        let mut inside = target.clipped(&figures);
        draw_figure(person, live, placement, figures, &mut inside)?;
    }
    draw_top(live, words, target)?;
    if let Some(why) = live.lost() {
        let down = TargetPoint::new(0, ICON as i32 + 1);
        let room = whole.size.saturating_sub(TargetSize::new(0, ICON + 1));
        let room = Rectangle::new(whole.top_left + down, room);
        return draw_large(why, room, inks.warning, target);
    }
    let under = words.top_left + TargetPoint::new(0, ICON as i32 + 1);
    let room = TargetSize::new(half.width, half.height.saturating_sub(ICON + 1));
    draw_words(live, Rectangle::new(under, room), target)
}

/// How many people there are, and what is wrong.
fn draw_top<D: DrawTarget<Color = BinaryColor>>(
    live: &Live,
    words: Rectangle,
    target: &mut D,
) -> Result<(), D::Error> {
    let mut right = words.top_left.x + words.size.width as i32;
    let mut icon = |bytes: &'static [u8], width: u32, target: &mut D| {
        right -= width as i32 + 1;
        let at = TargetPoint::new(right, words.top_left.y);
        Image::new(&ImageRaw::<BinaryColor>::new(bytes, width), at).draw(target)
    };
    if live.is_hot() {
        icon(&HOT, ICON, target)?;
    }
    if live.lost().is_some() {
        return icon(&NO_CAMERA, 2 * ICON, target);
    }
    let raw = ImageRaw::<BinaryColor>::new(&PERSON, ICON);
    Image::new(&raw, words.top_left + TargetPoint::new(2, 0)).draw(target)?;
    let people = ShortText::new(format_args!("{}", live.report.people.len()));
    let at = words.top_left + TargetPoint::new(ICON as i32 + 5, 0);
    let letters = Letters::fitting(3, 1, TargetSize::new(3 * 5, ICON));
    letters.draw(people.as_str(), at, 3 * 5, BinaryColor::On, target)
}

/// The pose that is held, or what is counted; both share the room.
fn draw_words<D: DrawTarget<Color = BinaryColor>>(
    live: &Live,
    room: Rectangle,
    target: &mut D,
) -> Result<(), D::Error> {
    const ON: BinaryColor = BinaryColor::On;
    let pose = live.report.held.first();
    let count = live.counts().next();
    let both = pose.is_some() && count.is_some();
    let height = room.size.height / (1 + u32::from(both));
    let size = TargetSize::new(room.size.width, height);
    if let Some(pose) = pose {
        let place = Rectangle::new(room.top_left, size);
        draw_large(spoken(pose).as_str(), place, ON, target)?;
    }
    if let Some((name, number)) = count {
        let down = if both { height as i32 } else { 0 };
        let place = Rectangle::new(room.top_left + TargetPoint::new(0, down), size);
        let name = spoken(name);
        let text = ShortText::new(format_args!("{} {number}", name.as_str()));
        draw_large(text.as_str(), place, ON, target)?;
    }
    Ok(())
}

/// One person: bones as single lines, and a ring for the head.
fn draw_figure<D: DrawTarget<Color = BinaryColor>>(
    person: &Seen,
    live: &Live,
    placement: Placement,
    area: Rectangle,
    target: &mut D,
) -> Result<(), D::Error> {
    let report = live.report;
    let keypoints = &report.keypoints;
    let seen = |i: usize| {
        let joint = person.skeleton.keypoints.get(i)?;
        let seen = report.visible.sees(joint);
        seen.then(|| placement.to_target(joint.position)).flatten()
    };
    let is_face = |i: usize| FACE.contains(&keypoints.names()[i].as_str());
    for &(a, b) in keypoints.bones() {
        if is_face(a) && is_face(b) {
            continue;
        }
        if let (Some(a), Some(b)) = (seen(a), seen(b)) {
            draw_line(a, b, 1, BinaryColor::On, area, target)?;
        }
    }
    let all = (0..keypoints.len()).filter_map(seen);
    let all = Rect::around(all.map(|p| Point::new(p.x, p.y)));
    let face = (0..keypoints.len()).filter(|i| is_face(*i));
    let face = Rect::around(face.filter_map(seen).map(|p| Point::new(p.x, p.y)));
    if let (Some(all), Some(face)) = (all, face) {
        // A head is an eighth of a body, and wider than what is seen of the face.
        let diameter = (all.height / 8.0)
            .max(face.width)
            .clamp(3.0, all.height.max(3.0) / 3.0 + 3.0);
        let centre = face.centre();
        let (x, y) = (centre.x, centre.y);
        let centre = pixel(TargetPosition { x, y });
        let ring = Circle::with_center(centre, diameter.round() as u32);
        let style = PrimitiveStyle::with_stroke(BinaryColor::On, 1);
        ring.into_styled(style).draw(target)?;
    }
    Ok(())
}
