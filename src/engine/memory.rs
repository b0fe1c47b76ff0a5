//! Where values lie: buffers in one block of memory for a whole network, laid out when it is
//! prepared.
//!
//! A value is height x width pixels, channels innermost (NHWC), int8 on a grid or f32. A slice of
//! channels is a [`Place`] in the middle of another value's pixels, so split and concat cost
//! nothing.

use super::graph::{Shape, Steps};
use super::kernels::SLACK;
use serde::{Deserialize, Serialize};
use std::cell::UnsafeCell;

/// Every value begins on a cache line.
const LINE: usize = 64;

/// The most memory that a network may work in, in bytes.
pub const MAX_BYTES: usize = 256 << 20;

/// Where one value lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Which of the program's buffers it lies in.
    pub buffer: usize,
    /// Bytes from the beginning of the buffer.
    pub offset: usize,
    /// Numbers from one pixel to the next.
    pub pixel: usize,
    pub shape: Shape,
    /// The grid of an int8 value; None for f32.
    pub steps: Option<Steps>,
}

impl Place {
    pub fn pixels(&self) -> usize {
        self.shape.h * self.shape.w
    }

    /// Whether nothing lies between its pixels.
    pub fn is_dense(&self) -> bool {
        self.pixel == self.shape.c
    }

    /// Bytes from `offset` to its end, as one value of all its pixels.
    pub fn bytes(&self) -> Option<usize> {
        let size = if self.steps.is_some() { 1 } else { 4 };
        self.shape
            .h
            .checked_mul(self.shape.w)?
            .checked_mul(self.pixel)?
            .checked_mul(size)
    }
}

/// The block.
pub struct Memory {
    lines: Box<[UnsafeCell<Line>]>,
    /// Where each buffer begins, and its bytes with the slack behind it.
    buffers: Vec<(usize, usize)>,
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code)] [u8; LINE]); // read through pointers

// SAFETY: threads that share a Memory are the members of one Team, which runs one stage of a
// Schedule at a time: there nobody writes what another step reads, steps that write one buffer
// write different channels, and every operator gives its members pixels of their own to write. A
// mutable slice never spans a byte that is not written: `int8_mut` and `real_mut` refuse places
// with gaps.
unsafe impl Sync for Memory {}

impl Memory {
    /// Zeroed memory for buffers of `sizes` bytes; `lives` says when each is in use, as (first,
    /// last) moment.
    ///
    /// # Errors
    /// They need more than [`MAX_BYTES`].
    pub fn new(sizes: &[usize], lives: &[(usize, usize)]) -> Result<Self, String> {
        let lives: Vec<_> = lives
            .iter()
            .zip(sizes)
            .map(|(&(first, last), &bytes)| (first, last, bytes))
            .collect();
        let (offsets, bytes) = lay_out(&lives);
        if bytes > MAX_BYTES {
            return Err(format!(
                "its values need {} MB, more than {}",
                bytes >> 20,
                MAX_BYTES >> 20
            ));
        }
        let lines = (0..bytes.div_ceil(LINE))
            .map(|_| UnsafeCell::new(Line([0; LINE])))
            .collect();
        Ok(Self {
            lines,
            buffers: offsets
                .into_iter()
                .zip(sizes.iter().map(|b| b + SLACK))
                .collect(),
        })
    }

    /// The block's size.
    pub fn bytes(&self) -> usize {
        self.lines.len() * LINE
    }

    /// `count` numbers from pixel `from` of `place` on.
    fn pointer<T>(&self, place: &Place, from: usize, count: usize) -> *mut T {
        let (start, bytes) = self.buffers[place.buffer];
        let offset = place.offset + from * place.pixel * size_of::<T>();
        assert!(
            offset.is_multiple_of(align_of::<T>()) && offset + count * size_of::<T>() <= bytes,
            "a value outside its buffer"
        );
        // SAFETY: inside the buffer, as just checked, which `lay_out` has put inside the block.
        unsafe {
            self.lines
                .as_ptr()
                .cast_mut()
                .cast::<u8>()
                .add(start + offset)
                .cast()
        }
    }

    /// Pixels `from..to` of an int8 value, and [`SLACK`] bytes more.
    pub fn int8(&self, place: &Place, from: usize, to: usize) -> &[i8] {
        let count = if to > from {
            (to - from - 1) * place.pixel + place.shape.c + SLACK
        } else {
            0
        };
        // SAFETY: inside the buffer (`pointer`), any byte is an i8, and nobody writes there while a
        // step reads it (see Sync).
        unsafe { std::slice::from_raw_parts(self.pointer(place, from, count), count) }
    }

    /// Pixels `from..to` of an int8 value without gaps (or one pixel of any), to be written.
    #[allow(clippy::mut_from_ref)] // the members of a team write different pixels of one block
    pub fn int8_mut(&self, place: &Place, from: usize, to: usize) -> &mut [i8] {
        // SAFETY: inside the buffer, and these numbers are this member's alone (see Sync).
        unsafe {
            std::slice::from_raw_parts_mut(
                self.pointer(place, from, solid(place, from, to)),
                solid(place, from, to),
            )
        }
    }

    /// Writes pixels without gaps to pixels `from..` of an int8 value and nothing between them.
    pub fn spread_int8(&self, place: &Place, from: usize, dense: &[i8]) {
        self.spread(place, from, dense);
    }

    /// The same for f32.
    pub fn spread_real(&self, place: &Place, from: usize, dense: &[f32]) {
        self.spread(place, from, dense);
    }

    fn spread<T: Copy>(&self, place: &Place, from: usize, dense: &[T]) {
        const PIECE: usize = 16;
        let c = place.shape.c;
        let pixels = dense.len() / c;
        if pixels == 0 {
            return;
        }
        let out: *mut T = self.pointer(place, from, (pixels - 1) * place.pixel + c);
        for (p, x) in dense.chunks_exact(c).enumerate() {
            // SAFETY: pixel `p` lies in the block (`pointer`), and is this member's alone to write
            // (see Sync). The pieces end with the pixel: the last overlaps the one before it.
            unsafe {
                let out = out.add(p * place.pixel);
                if c < PIECE {
                    std::ptr::copy_nonoverlapping(x.as_ptr(), out, c);
                } else {
                    for i in (0..c).step_by(PIECE) {
                        let i = i.min(c - PIECE);
                        std::ptr::copy_nonoverlapping(x.as_ptr().add(i), out.add(i), PIECE);
                    }
                }
            }
        }
    }

    /// Pixels `from..to` of an f32 value.
    pub fn real(&self, place: &Place, from: usize, to: usize) -> &[f32] {
        let count = if to > from {
            (to - from - 1) * place.pixel + place.shape.c
        } else {
            0
        };
        // SAFETY: as for `int8`; any bits are an f32.
        unsafe { std::slice::from_raw_parts(self.pointer(place, from, count), count) }
    }

    /// Pixels `from..to` of an f32 value without gaps (or one pixel of any), to be written.
    #[allow(clippy::mut_from_ref)] // as int8_mut
    pub fn real_mut(&self, place: &Place, from: usize, to: usize) -> &mut [f32] {
        // SAFETY: as for `int8_mut`.
        unsafe {
            std::slice::from_raw_parts_mut(
                self.pointer(place, from, solid(place, from, to)),
                solid(place, from, to),
            )
        }
    }
}

/// The numbers of pixels `from..to`, between which nothing else lies.
fn solid(place: &Place, from: usize, to: usize) -> usize {
    assert!(
        place.is_dense() || to <= from + 1,
        "a mutable slice over another value's channels"
    );
    to.saturating_sub(from) * place.shape.c
}

/// Gives buffers that live at the same time different bytes: each takes the lowest gap that is free
/// for all its life.
///
/// `lives[i]` is (first step, last step, bytes); the answer is (offset of each, bytes in all).
fn lay_out(lives: &[(usize, usize, usize)]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(lives[i].2), lives[i].0));
    let mut offsets = vec![0; lives.len()];
    let mut total = 0;
    let mut placed: Vec<(usize, usize, usize)> = Vec::new(); // (offset, end, buffer), by offset
    for i in order {
        let (first, last, bytes) = lives[i];
        let bytes = (bytes + SLACK).next_multiple_of(LINE);
        let mut offset = 0;
        for &(start, end, j) in &placed {
            if lives[j].0 <= last && first <= lives[j].1 {
                if offset + bytes <= start {
                    break;
                }
                offset = offset.max(end);
            }
        }
        offsets[i] = offset;
        total = total.max(offset + bytes);
        let at = placed.partition_point(|p| p.0 < offset);
        placed.insert(at, (offset, offset + bytes, i));
    }
    (offsets, total)
}
