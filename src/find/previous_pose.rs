//! The box for the next frame from the pose in this one.
//!
//! In: a skeleton and the box it was found in. Out: the box to look in next. The box grows at once
//! with the person and shrinks slowly, so that legs which the network missed in one frame are still
//! inside the next crop.

use crate::geometry::Rect;
use crate::skeleton::{Skeleton, Threshold};

/// Joints end at the ankles, wrists and eyes; a person's outline is about this much larger.
const BEYOND_JOINTS: f32 = 1.2;
/// The share of the way that an edge moves inward in one frame.
const SHRINK: f32 = 0.15;
/// The same where the box is far too large for the pose: this many times as large.
const SHRINK_FAST: f32 = 0.5;
const FAR_TOO_LARGE: f32 = 2.5;
/// The share of the pose's own box that lies in the last one, where the person has not moved away.
const INSIDE: f32 = 0.8;
/// The smallest box that is followed, in pixels a side.
const SMALLEST_PX: f32 = 16.0;

/// The box around a pose; `None` if too few joints are seen to say where the person is.
pub fn around(skeleton: &Skeleton, visible: Threshold) -> Option<Rect> {
    let bounds = skeleton.bounds(visible)?;
    let side = bounds.width.max(bounds.height).max(SMALLEST_PX);
    let floor = side * 0.25;
    let c = bounds.centre();
    let w = bounds.width.max(floor);
    let h = bounds.height.max(floor);
    Some(Rect::new(c.x - w / 2.0, c.y - h / 2.0, w, h).scaled(BEYOND_JOINTS))
        .filter(|r| r.is_sound())
}

/// The box to look in next: that of the pose, joined with the one it was found in.
pub fn follow(last: Rect, skeleton: &Skeleton, visible: Threshold) -> Option<Rect> {
    let now = around(skeleton, visible)?;
    let joined = towards(last, now, SHRINK);
    if joined.area() <= FAR_TOO_LARGE * now.area() {
        return Some(joined);
    }
    // Who is seen inside the box is half hidden, by somebody who passes: one frame does not make them
    // small. A box of which the person has gone has lost its meaning.
    let inside = now.intersection(last).area() > INSIDE * now.area();
    Some(if inside {
        towards(last, now, SHRINK_FAST)
    } else {
        now
    })
}

/// `last` with its edges moved outward as far as `now` goes, and inward a share of the way.
fn towards(last: Rect, now: Rect, share: f32) -> Rect {
    let low = |last: f32, now: f32| match now < last {
        true => now,
        false => last + (now - last) * share,
    };
    let high = |last: f32, now: f32| match now > last {
        true => now,
        false => last + (now - last) * share,
    };
    let x = low(last.x, now.x);
    let y = low(last.y, now.y);
    let right = high(last.x + last.width, now.x + now.width);
    let bottom = high(last.y + last.height, now.y + now.height);
    Rect::new(x, y, right - x, bottom - y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use crate::skeleton::Keypoint;

    fn person(x: f32, y: f32, w: f32, h: f32) -> Skeleton {
        let at = |x, y| Keypoint {
            position: Point::new(x, y),
            score: 1.0,
        };
        Skeleton {
            keypoints: vec![at(x, y), at(x + w, y + h), at(x + w / 2.0, y + h / 3.0)],
        }
    }

    #[test]
    fn the_box_grows_at_once_and_shrinks_slowly() {
        let whole = around(&person(100.0, 100.0, 60.0, 200.0), Threshold(0.2)).unwrap();
        let upper = person(100.0, 100.0, 60.0, 120.0);
        let next = follow(whole, &upper, Threshold(0.2)).unwrap();
        assert!(next.height > 0.8 * whole.height && next.height < whole.height);
        let back = follow(next, &person(100.0, 100.0, 60.0, 200.0), Threshold(0.2)).unwrap();
        assert!(back.y + back.height >= whole.y + whole.height - 0.01);
    }

    #[test]
    fn who_is_half_hidden_for_a_frame_does_not_become_small() {
        let whole = around(&person(100.0, 100.0, 60.0, 200.0), Threshold(0.2)).unwrap();
        let head = person(110.0, 105.0, 30.0, 40.0);
        let next = follow(whole, &head, Threshold(0.2)).unwrap();
        assert!(next.height > 0.5 * whole.height, "{next:?}");
        let gone = person(300.0, 105.0, 30.0, 40.0);
        let next = follow(whole, &gone, Threshold(0.2)).unwrap();
        assert_eq!(next, around(&gone, Threshold(0.2)).unwrap());
    }

    #[test]
    fn one_joint_is_not_a_person() {
        assert_eq!(
            around(
                &Skeleton {
                    keypoints: vec![Keypoint {
                        position: Point::new(1.0, 1.0),
                        score: 1.0
                    }]
                },
                Threshold(0.2)
            ),
            None
        );
    }
}
