//! YUV to RGB and back: BT.601, limited range, by the integer formula of OpenCV's cvtColor.

use super::Level;

/// BT.601 limited range to RGB with the 20-bit constants of OpenCV's `COLOR_YUV2RGB_*`: equal to it
/// bit for bit.
#[inline(always)]
pub(super) fn yuv_to_rgb(y: u8, u: u8, v: u8) -> [u8; 3] {
    let [r, g, b, _] = lit(y, tint(u, v));
    [r, g, b].map(|level| level as u8)
}

/// The same as a vector of levels.
#[inline(always)]
pub(super) fn yuv_level(y: u8, u: u8, v: u8) -> Level {
    Level(lit(y, tint(u, v)).map(|level| level as f32))
}

/// Bits behind the point of what a pixel is computed in.
const SHIFT: i32 = 20;

/// What colour adds to a pixel's R, G and B, and half a level; and a fourth number that means
/// nothing.
#[inline(always)]
fn tint(u: u8, v: u8) -> [i32; 4] {
    let u = i32::from(u) - 128;
    let v = i32::from(v) - 128;
    let half = 1 << (SHIFT - 1);
    [
        1_673_527 * v + half,
        -852_492 * v - 409_993 * u + half,
        2_116_026 * u + half,
        0,
    ]
}

/// The pixel of this luma with a tint: four levels, 0 to 255.
#[inline(always)]
fn lit(y: u8, tint: [i32; 4]) -> [i32; 4] {
    let y = (i32::from(y) - 16).max(0) * 1_220_542;
    tint.map(|c| ((y + c) >> SHIFT).clamp(0, 255))
}

/// A row's pixels from `x` on; `pair` gives Y0 U Y1 V of two pixels that share a colour.
#[inline(always)]
pub(super) fn yuv_levels(x: usize, out: &mut [Level], pair: impl Fn(usize) -> [u8; 4]) {
    let level = |y: u8, tint| Level(lit(y, tint).map(|level| level as f32));
    let (odd, out) = out.split_at_mut((x % 2).min(out.len()));
    for out in odd {
        let [_, u, y, v] = pair(x / 2);
        *out = level(y, tint(u, v));
    }
    let first = x.div_ceil(2);
    let (pairs, last) = out.as_chunks_mut::<2>();
    let count = pairs.len();
    for (i, out) in pairs.iter_mut().enumerate() {
        let [y0, u, y1, v] = pair(first + i);
        let tint = tint(u, v);
        *out = [level(y0, tint), level(y1, tint)];
    }
    for out in last {
        let [y, u, _, v] = pair(first + count);
        *out = level(y, tint(u, v));
    }
}

/// The luma of a pair's second pixel, or anything where the picture ends in the middle of the pair.
#[inline(always)]
pub(super) fn second(luma: &[u8], pair: usize) -> u8 {
    luma.get(2 * pair + 1).copied().unwrap_or_default()
}

/// RGB to BT.601 limited range, for recording: Y 16 to 235, U and V 16 to 240.
#[inline(always)]
pub fn rgb_to_yuv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let r = i32::from(r);
    let g = i32::from(g);
    let b = i32::from(b);
    let y = (16_829 * r + 33_039 * g + 6_416 * b + (16 << 16) + (1 << 15)) >> 16;
    let u = (-9_714 * r - 19_070 * g + 28_784 * b + (128 << 16) + (1 << 15)) >> 16;
    let v = (28_784 * r - 24_103 * g - 4_681 * b + (128 << 16) + (1 << 15)) >> 16;
    [
        y.clamp(0, 255) as u8,
        u.clamp(0, 255) as u8,
        v.clamp(0, 255) as u8,
    ]
}
