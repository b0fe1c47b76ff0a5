//! Readers of pixels, one for each kind of layout.

use super::yuv::{second, yuv_level, yuv_levels, yuv_to_rgb};
use super::{Level, Pixels};

/// A plane of bytes, and the bytes from one of its rows to the next.
#[derive(Clone, Copy)]
pub(super) struct Plane<'a> {
    pub bytes: &'a [u8],
    pub stride: usize,
}

impl<'a> Plane<'a> {
    #[inline(always)]
    fn row(self, y: usize) -> &'a [u8] {
        &self.bytes[y * self.stride..]
    }
}

/// 3 bytes a pixel, of which byte `RED` is red and the other outer one blue.
pub(super) struct Rgb<'a, const RED: usize>(pub Plane<'a>);

/// 1 byte a pixel.
pub(super) struct Grey<'a>(pub Plane<'a>);

/// 4:2:2, 4 bytes a pair of pixels: luma at `Y` and `Y` + 2, colour at `U` and `V`.
pub(super) struct Packed<'a, const Y: usize, const U: usize, const V: usize>(pub Plane<'a>);

/// 4:2:0, luma in a plane, colour in pairs in another, of which byte `U` is U and the other V.
pub(super) struct SemiPlanar<'a, const U: usize> {
    pub y: Plane<'a>,
    pub uv: Plane<'a>,
}

/// 4:2:0, three planes.
pub(super) struct Planar<'a> {
    pub y: Plane<'a>,
    pub u: Plane<'a>,
    pub v: Plane<'a>,
}

impl<const RED: usize> Pixels for Rgb<'_, RED> {
    #[inline(always)]
    fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        let pixel = &self.0.row(y)[x * 3..x * 3 + 3];
        [pixel[RED], pixel[1], pixel[2 - RED]]
    }
}

impl Pixels for Grey<'_> {
    #[inline(always)]
    fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        [self.0.row(y)[x]; 3]
    }
}

/// A layout of luma, and of colour that two pixels of a row share.
trait Yuv {
    fn yuv(&self, x: usize, y: usize) -> [u8; 3];

    /// Y0 U Y1 V of each pair of pixels of row `y`.
    fn pairs(&self, y: usize) -> impl Fn(usize) -> [u8; 4];
}

impl<T: Yuv> Pixels for T {
    #[inline(always)]
    fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        let [y, u, v] = self.yuv(x, y);
        yuv_to_rgb(y, u, v)
    }

    #[inline(always)]
    fn level(&self, x: usize, y: usize) -> Level {
        let [y, u, v] = self.yuv(x, y);
        yuv_level(y, u, v)
    }

    #[inline(always)]
    fn levels(&self, y: usize, x: usize, out: &mut [Level]) {
        yuv_levels(x, out, self.pairs(y));
    }
}

impl<const Y: usize, const U: usize, const V: usize> Yuv for Packed<'_, Y, U, V> {
    #[inline(always)]
    fn yuv(&self, x: usize, y: usize) -> [u8; 3] {
        let pair = &self.0.row(y)[x / 2 * 4..x / 2 * 4 + 4];
        [pair[x % 2 * 2 + Y], pair[U], pair[V]]
    }

    #[inline(always)]
    fn pairs(&self, y: usize) -> impl Fn(usize) -> [u8; 4] {
        let row = self.0.row(y).as_chunks::<4>().0;
        move |pair| {
            let pair = row[pair];
            [pair[Y], pair[U], pair[Y + 2], pair[V]]
        }
    }
}

impl<const U: usize> Yuv for SemiPlanar<'_, U> {
    #[inline(always)]
    fn yuv(&self, x: usize, y: usize) -> [u8; 3] {
        let colour = &self.uv.row(y / 2)[x / 2 * 2..x / 2 * 2 + 2];
        [self.y.row(y)[x], colour[U], colour[1 - U]]
    }

    #[inline(always)]
    fn pairs(&self, y: usize) -> impl Fn(usize) -> [u8; 4] {
        let luma = self.y.row(y);
        let chroma = self.uv.row(y / 2).as_chunks::<2>().0;
        move |pair| {
            let colour = chroma[pair];
            [luma[2 * pair], colour[U], second(luma, pair), colour[1 - U]]
        }
    }
}

impl Yuv for Planar<'_> {
    #[inline(always)]
    fn yuv(&self, x: usize, y: usize) -> [u8; 3] {
        let (u, v) = (self.u.row(y / 2), self.v.row(y / 2));
        [self.y.row(y)[x], u[x / 2], v[x / 2]]
    }

    #[inline(always)]
    fn pairs(&self, y: usize) -> impl Fn(usize) -> [u8; 4] {
        let luma = self.y.row(y);
        let (u, v) = (self.u.row(y / 2), self.v.row(y / 2));
        move |pair| [luma[2 * pair], u[pair], second(luma, pair), v[pair]]
    }
}
