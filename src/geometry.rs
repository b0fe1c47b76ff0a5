//! Points, rectangles and the affine map between a picture and a network's crop.
//!
//! In: coordinates. Out: coordinates. Nothing here knows of pictures or people.
//!
//! [`Point`] and [`Rect`] are in image pixels: x to the right, y down, pixel centres at whole
//! numbers (OpenCV's convention). [`CropPoint`] is in pixels of a network's input. Only an
//! [`Affine`] leads from one to the other.

mod turn;

pub use turn::{Stored, Turn};

/// A place in the picture, in image pixels. For a place in a network's crop use [`CropPoint`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

/// A place in a network's input crop, in crop pixels. For a place in the picture use [`Point`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CropPoint {
    pub x: f32,
    pub y: f32,
}

/// Width and height in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

/// An axis-aligned rectangle in image pixels: upper left corner, width and height (COCO's bbox).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl Point {
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// The point half-way to `other`.
    pub fn midpoint(self, other: Self) -> Self {
        Self::new((self.x + other.x) / 2.0, (self.y + other.y) / 2.0)
    }

    /// Euclidean distance in pixels.
    ///
    /// ```
    /// # use posed::geometry::Point;
    /// assert_eq!(Point::new(0.0, 0.0).distance(Point::new(3.0, 4.0)), 5.0);
    /// ```
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

impl Size {
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// The whole picture as a rectangle.
    pub fn rect(self) -> Rect {
        Rect::new(0.0, 0.0, self.width as f32, self.height as f32)
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl Rect {
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// The smallest rectangle around `points`; `None` if there are none.
    pub fn around(points: impl IntoIterator<Item = Point>) -> Option<Self> {
        let mut points = points.into_iter();
        let first = points.next()?;
        let mut low = first;
        let mut high = first;
        for p in points {
            low = Point::new(low.x.min(p.x), low.y.min(p.y));
            high = Point::new(high.x.max(p.x), high.y.max(p.y));
        }
        Some(Self::new(low.x, low.y, high.x - low.x, high.y - low.y))
    }

    pub fn centre(self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Area in square pixels.
    pub fn area(self) -> f32 {
        self.width * self.height
    }

    /// The same centre, sides `factor` times as long.
    pub fn scaled(self, factor: f32) -> Self {
        let c = self.centre();
        let width = self.width * factor;
        let height = self.height * factor;
        Self::new(c.x - width / 2.0, c.y - height / 2.0, width, height)
    }

    /// The smallest box of 3:4 around it, with the same middle: as people are found and cropped.
    pub fn upright(self) -> Self {
        let height = self.height.max(self.width * 4.0 / 3.0);
        let c = self.centre();
        Self::new(
            c.x - height * 0.375,
            c.y - height / 2.0,
            height * 0.75,
            height,
        )
    }

    /// The part of this rectangle inside `other`; zero-sized where they do not meet.
    pub fn intersection(self, other: Self) -> Self {
        let x = self.x.max(other.x);
        let y = self.y.max(other.y);
        let right = (self.x + self.width).min(other.x + other.width);
        let bottom = (self.y + self.height).min(other.y + other.height);
        Self::new(x, y, (right - x).max(0.0), (bottom - y).max(0.0))
    }

    /// Intersection over union, 0 (apart) to 1 (equal).
    pub fn iou(self, other: Self) -> f32 {
        let both = self.intersection(other).area();
        let all = self.area() + other.area() - both;
        if all > 0.0 { both / all } else { 0.0 }
    }

    /// Whether every number is finite and both sides are positive.
    pub fn is_sound(self) -> bool {
        [self.x, self.y, self.width, self.height]
            .iter()
            .all(|v| v.is_finite())
            && self.width > 0.0
            && self.height > 0.0
    }
}

/// A map from crop pixels to image pixels, without rotation: `image = crop · scale + offset` on
/// each axis.
///
/// The crop's pixel (width/2, height/2) lies on the centre of the box and there is no half-pixel
/// shift: the convention the networks were trained with (`crop = (image − centre)·(192/w) + 96`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    pub scale_x: f64,
    pub scale_y: f64,
    pub offset_x: f64,
    pub offset_y: f64,
}

impl Affine {
    /// The crop of `size` pixels around a person's box: brought to the crop's aspect around the
    /// same centre, then made `padding` times larger.
    ///
    /// ```
    /// # use posed::geometry::{Affine, Rect, Size};
    /// let tall = Affine::crop(Rect::new(0.0, 0.0, 10.0, 100.0), 1.25, Size::new(192, 256));
    /// assert_eq!((tall.scale_x * 192.0, tall.scale_y * 256.0), (93.75, 125.0));
    /// ```
    pub fn crop(person: Rect, padding: f32, size: Size) -> Self {
        // In double precision: an error in the last place of a simple ratio turns ties all over the
        // crop.
        let [x, y, w, h] = [person.x, person.y, person.width, person.height].map(f64::from);
        let columns = f64::from(size.width);
        let rows = f64::from(size.height);
        let width = w.max(h * columns / rows) * f64::from(padding);
        let scale_x = width / columns;
        let scale_y = width * rows / columns / rows;
        Self {
            scale_x,
            scale_y,
            offset_x: x + w / 2.0 - scale_x * f64::from(size.width / 2),
            offset_y: y + h / 2.0 - scale_y * f64::from(size.height / 2),
        }
    }

    pub fn to_image(self, p: CropPoint) -> Point {
        Point::new(
            (f64::from(p.x) * self.scale_x + self.offset_x) as f32,
            (f64::from(p.y) * self.scale_y + self.offset_y) as f32,
        )
    }

    pub fn to_crop(self, p: Point) -> CropPoint {
        CropPoint {
            x: ((f64::from(p.x) - self.offset_x) / self.scale_x) as f32,
            y: ((f64::from(p.y) - self.offset_y) / self.scale_y) as f32,
        }
    }
}

/// The angle at `b` between the lines to `a` and to `c`, in degrees 0 to 180; `None` where two of
/// the points fall together.
///
/// ```
/// # use posed::geometry::{angle_deg, Point};
/// let right = angle_deg(Point::new(1.0, 0.0), Point::new(0.0, 0.0), Point::new(0.0, 5.0)).unwrap();
/// assert!((right - 90.0).abs() < 1e-4);
/// ```
pub fn angle_deg(a: Point, b: Point, c: Point) -> Option<f32> {
    let ux = a.x - b.x;
    let uy = a.y - b.y;
    let vx = c.x - b.x;
    let vy = c.y - b.y;
    if (ux == 0.0 && uy == 0.0) || (vx == 0.0 && vy == 0.0) {
        return None;
    }
    Some(
        (ux * vy - uy * vx)
            .abs()
            .atan2(ux * vx + uy * vy)
            .to_degrees(),
    )
}

/// How far the line from `a` up to `b` leans from the vertical, in degrees: 0 upright, 90 lying,
/// 180 upside down.
pub fn tilt_deg(a: Point, b: Point) -> Option<f32> {
    angle_deg(Point::new(a.x, a.y - 1.0), a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn coordinate() -> impl Strategy<Value = f32> {
        -2000.0f32..4000.0
    }

    fn rect() -> impl Strategy<Value = Rect> {
        (coordinate(), coordinate(), 1.0f32..2000.0, 1.0f32..2000.0)
            .prop_map(|(x, y, w, h)| Rect::new(x, y, w, h))
    }

    proptest! {
        #[test]
        fn crop_and_image_are_inverse(r in rect(), x in 0.0f32..192.0, y in 0.0f32..256.0) {
            let map = Affine::crop(r, 1.25, Size::new(192, 256));
            let back = map.to_crop(map.to_image(CropPoint { x, y }));
            prop_assert!((back.x - x).abs() < 0.5 && (back.y - y).abs() < 0.5, "{back:?}");
        }

        #[test]
        fn the_crop_centre_is_the_box_centre(r in rect()) {
            let p = Affine::crop(r, 1.25, Size::new(192, 256)).to_image(CropPoint { x: 96.0, y: 128.0 });
            prop_assert!(p.distance(r.centre()) < 0.01);
        }

        #[test]
        fn the_crop_holds_the_box_and_has_the_aspect(r in rect()) {
            let map = Affine::crop(r, 1.0, Size::new(192, 256));
            let width = (map.scale_x * 192.0) as f32;
            let height = (map.scale_y * 256.0) as f32;
            prop_assert!((width * 4.0 - height * 3.0).abs() < 0.05 * width.max(1.0));
            prop_assert!(width >= r.width - 0.01 && height >= r.height - 0.01);
        }

        #[test]
        fn iou_is_symmetric_and_at_most_one(a in rect(), b in rect()) {
            let v = a.iou(b);
            prop_assert!((0.0..=1.0001).contains(&v));
            prop_assert!((v - b.iou(a)).abs() < 1e-3);
            prop_assert!((a.iou(a) - 1.0).abs() < 1e-3);
        }

        #[test]
        fn angles_do_not_depend_on_order_or_scale(ax in coordinate(), ay in coordinate(), cx in coordinate(), cy in coordinate(), k in 0.1f32..10.0) {
            let b = Point::new(10.0, 20.0);
            let a = Point::new(ax, ay);
            let c = Point::new(cx, cy);
            prop_assume!(a.distance(b) > 1.0 && c.distance(b) > 1.0);
            let far = Point::new(b.x + (c.x - b.x) * k, b.y + (c.y - b.y) * k);
            let p = angle_deg(a, b, c).unwrap();
            let q = angle_deg(c, b, a).unwrap();
            let r = angle_deg(a, b, far).unwrap();
            prop_assert!((0.0..=180.0).contains(&p));
            prop_assert!((p - q).abs() < 0.01 && (p - r).abs() < 0.1);
        }
    }

    #[test]
    fn tilt_is_zero_upright_and_ninety_lying() {
        let hip = Point::new(100.0, 100.0);
        assert!(tilt_deg(hip, Point::new(100.0, 50.0)).unwrap().abs() < 1e-3);
        assert!((tilt_deg(hip, Point::new(150.0, 100.0)).unwrap() - 90.0).abs() < 1e-3);
        assert_eq!(tilt_deg(hip, hip), None);
    }
}
