//! Rows of quads: for every second pixel 2p and every channel a word of four bytes, the channel at
//! pixels 2p − 1 to 2p + 2.
//!
//! A quad is what `sdot` wants: its first three bytes are a kernel row's inputs at pixel 2p, its
//! last three those at the pixel to the right. Every row is interleaved once, and a quad for every
//! second pixel is enough for both strides.

use super::super::opaque;
use std::arch::aarch64::*;

pub struct QuadRows {
    pub channels: usize,
    /// Words of one p: the channels, rounded up to a vector.
    pub words: usize,
    /// How many p there are.
    pub pairs: usize,
    /// Width of the picture.
    pub width: usize,
}

impl QuadRows {
    /// Writes the quads of `row` (None outside the picture, where all is `pad`).
    ///
    /// # Safety
    /// `row` has `width` pixels and 15 bytes after them, `pad` one pixel and 15 bytes, `to` has
    /// room for `pairs` · `words`.
    #[target_feature(enable = "neon")]
    pub unsafe fn fill(&self, row: Option<*const i8>, pad: *const i8, to: *mut u32) {
        let c = self.channels;
        let last = self.pairs - 1;
        let Some(row) = row else {
            let same = Run {
                from: [pad; 4],
                step: 0,
                pairs: self.pairs,
                to,
                words: self.words,
            };
            // SAFETY: one pixel of padding, read again for every p.
            return unsafe { same.interleave() };
        };
        // `pixel` is counted from the padding at the left.
        let place = |pixel: usize| {
            if (1..=self.width).contains(&pixel) {
                row.wrapping_add((pixel - 1) * c)
            } else {
                pad
            }
        };
        let run = |first: usize, pairs: usize| Run {
            from: [
                place(2 * first),
                place(2 * first + 1),
                place(2 * first + 2),
                place(2 * first + 3),
            ],
            step: 2 * c,
            pairs,
            to: to.wrapping_add(first * self.words),
            words: self.words,
        };
        // SAFETY: only the first and the last p have padding among their pixels.
        unsafe {
            run(0, 1).interleave();
            if last > 0 {
                run(1, last - 1).interleave();
                run(last, 1).interleave();
            }
        }
    }
}

/// Quads whose pixels are evenly spaced.
struct Run {
    /// Where the first quad's four pixels are; the next ones are `step` bytes on.
    from: [*const i8; 4],
    step: usize,
    pairs: usize,
    to: *mut u32,
    words: usize,
}

impl Run {
    /// # Safety
    /// `pairs` pixels of `words` bytes can be read at each of `from`, and `pairs` times `words`
    /// words be written at `to`.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn interleave(&self) {
        let mut channel = 0;
        // SAFETY: channel + the block never exceeds `words`.
        unsafe {
            while channel + 16 <= self.words {
                self.interleave_block::<16>(channel);
                channel += 16;
            }
            if channel + 8 <= self.words {
                self.interleave_block::<8>(channel);
                channel += 8;
            }
            if channel < self.words {
                self.interleave_block::<4>(channel);
            }
        }
    }

    /// C channels (16, 8 or 4) from `channel` on, at every p.
    ///
    /// # Safety
    /// As [`Self::interleave`].
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn interleave_block<const C: usize>(&self, channel: usize) {
        let [a, b, c, d] = self.from;
        let mut to = self.to.wrapping_add(channel).cast::<i8>();
        let mut at = channel;
        for _ in 0..self.pairs {
            // SAFETY: the caller's promise.
            unsafe {
                let a = load::<C>(a.add(at));
                let b = load::<C>(b.add(at));
                let c = load::<C>(c.add(at));
                let d = load::<C>(d.add(at));
                let ab = opaque(vzip1q_s8(a, b));
                let cd = opaque(vzip1q_s8(c, d));
                vst1q_s8(to, zip1_pairs(ab, cd));
                if C >= 8 {
                    vst1q_s8(to.add(16), zip2_pairs(ab, cd));
                }
                if C == 16 {
                    let ab = opaque(vzip2q_s8(a, b));
                    let cd = opaque(vzip2q_s8(c, d));
                    vst1q_s8(to.add(32), zip1_pairs(ab, cd));
                    vst1q_s8(to.add(48), zip2_pairs(ab, cd));
                }
            }
            at += self.step;
            to = to.wrapping_add(self.words * 4);
        }
    }
}

/// The first C bytes at `from` (16, 8 or 4); what the others are does not matter.
///
/// # Safety
/// C bytes can be read.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load<const C: usize>(from: *const i8) -> int8x16_t {
    // SAFETY: the caller's promise.
    unsafe {
        match C {
            16 => vld1q_s8(from),
            8 => vcombine_s8(vld1_s8(from), vdup_n_s8(0)),
            _ => vreinterpretq_s8_u32(vsetq_lane_u32::<0>(
                from.cast::<u32>().read_unaligned(),
                vdupq_n_u32(0),
            )),
        }
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn zip1_pairs(ab: int8x16_t, cd: int8x16_t) -> int8x16_t {
    opaque(vreinterpretq_s8_s16(vzip1q_s16(
        vreinterpretq_s16_s8(ab),
        vreinterpretq_s16_s8(cd),
    )))
}

#[inline]
#[target_feature(enable = "neon")]
fn zip2_pairs(ab: int8x16_t, cd: int8x16_t) -> int8x16_t {
    opaque(vreinterpretq_s8_s16(vzip2q_s16(
        vreinterpretq_s16_s8(ab),
        vreinterpretq_s16_s8(cd),
    )))
}
