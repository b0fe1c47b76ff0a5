//! Places in the picture that have names.
//!
//! In: the sections `[zone.NAME]`, corners in shares of the picture. Out: how far inside a zone a
//! point lies.

use crate::geometry::{Point, Size};
use crate::settings::Section;
use std::sync::Arc;

/// A polygon in the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    pub name: Arc<str>,
    /// Shares of the picture's width and height, 0 to 1 from its upper left; the last corner is
    /// joined to the first.
    pub corners: Vec<Point>,
}

/// Fewer corners have nothing inside.
const LEAST_CORNERS: usize = 3;
const MOST_CORNERS: usize = 64;
/// A smaller share of the picture holds no point that a network could tell from its neighbours.
const LEAST_AREA: f32 = 1e-5;

impl Zone {
    /// Reads a section `[zone.NAME]`.
    pub fn read(s: &mut Section) -> Option<Self> {
        let corners = s
            .tuples(
                "points",
                "the corners [x, y], in shares of the picture as posed sees it: 0, 0 is its upper left, 1, 1 its lower right",
            )
            .example("[[0.1, 0.4], [0.5, 0.4], [0.5, 0.9], [0.1, 0.9]]")
            .hint("`posed zones PHOTO -o grid.png` draws a grid to read them from")
            .check(|corners| check(corners))
            .needed();
        let name = s.plain_name("zone.bed");
        if name.starts_with(|c: char| !c.is_ascii_alphabetic()) {
            s.fault_with(
                "",
                "has a name that does not begin with a letter, so no rule can say it",
                "rename it, for example [zone.bed]",
            );
        }
        // Whatever is wrong with the corners has been told: rules that speak of the zone are right.
        let corners = corners.unwrap_or_default().into_iter();
        Some(Self {
            name: name.into(),
            corners: corners.map(|[x, y]| Point::new(x, y)).collect(),
        })
    }

    /// The corners in a picture of this size.
    pub fn outline(&self, size: Size) -> impl ExactSizeIterator<Item = Point> + Clone {
        let scale = Point::new(size.width as f32, size.height as f32);
        let corners = self.corners.iter();
        corners.map(move |c| Point::new(c.x * scale.x, c.y * scale.y))
    }

    /// How far from the border a point of the picture lies, in shares of its height: positive inside,
    /// negative outside.
    ///
    /// ```
    /// # use posed::{geometry::{Point, Size}, zone::Zone};
    /// let corners = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)];
    /// let left = Zone {
    ///     name: "left".into(),
    ///     corners: corners.map(|(x, y)| Point::new(x, y)).to_vec(),
    /// };
    /// let size = Size::new(200, 100);
    /// assert_eq!(left.depth(Point::new(80.0, 50.0), size), 0.2);
    /// assert_eq!(left.depth(Point::new(150.0, 50.0), size), -0.5);
    /// ```
    pub fn depth(&self, point: Point, size: Size) -> f32 {
        let ends = self.outline(size).cycle().skip(1);
        let mut inside = false;
        let mut distance = f32::INFINITY;
        for (a, b) in self.outline(size).zip(ends) {
            distance = distance.min(to_edge(point, a, b));
            // Even-odd rule: a ray to the right crosses this edge.
            if (a.y > point.y) != (b.y > point.y) {
                let x = a.x + (point.y - a.y) / (b.y - a.y) * (b.x - a.x);
                inside ^= point.x < x;
            }
        }
        let share = distance / (size.height as f32).max(1.0);
        if inside { share } else { -share }
    }
}

/// From a point to the nearest point of the stretch from `a` to `b`.
fn to_edge(point: Point, a: Point, b: Point) -> f32 {
    let along = Point::new(b.x - a.x, b.y - a.y);
    let length = along.x * along.x + along.y * along.y;
    let t = if length > 0.0 {
        ((point.x - a.x) * along.x + (point.y - a.y) * along.y) / length
    } else {
        0.0
    };
    let t = t.clamp(0.0, 1.0);
    point.distance(Point::new(a.x + t * along.x, a.y + t * along.y))
}

fn check(corners: &[[f32; 2]]) -> Result<(), String> {
    if corners.len() < LEAST_CORNERS {
        return Err(format!(
            "has {} corners: a zone has at least {LEAST_CORNERS}",
            corners.len()
        ));
    }
    if corners.len() > MOST_CORNERS {
        return Err(format!(
            "has {} corners, at most {MOST_CORNERS} are taken",
            corners.len()
        ));
    }
    let outside = |n: &f32| !(0.0..=1.0).contains(n);
    if let Some([x, y]) = corners.iter().find(|c| c.iter().any(outside)) {
        return Err(format!(
            "[{x}, {y}] lies outside of the picture: shares go from 0 to 1; pixels are divided by the picture's width and height"
        ));
    }
    let ends = corners.iter().cycle().skip(1);
    let twice: f32 = corners
        .iter()
        .zip(ends)
        .map(|(a, b)| a[0] * b[1] - b[0] * a[1])
        .sum();
    if twice.abs() / 2.0 < LEAST_AREA {
        return Err("has nothing inside: its corners lie on a line, or its borders cross".into());
    }
    Ok(())
}
