//! The kernels for x86-64, and what its two instruction sets share: how outputs are cut into pieces
//! of whole vectors.

pub mod avx2;
pub mod vnni;

/// Cuts `vectors` column vectors into as few groups of at most `most` as can be, their sizes as
/// even as can be: (first, size) of each.
///
/// The last comes first, then the others in order. A last vector that is only partly columns is
/// stored in full over the columns that follow, which are the next pixel's first: those are stored
/// later, either in the same group or in one that comes later.
fn groups(vectors: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = vectors.div_ceil(most);
    let first = move |i: usize| i * vectors / count;
    (0..count)
        .map(move |i| (i + count - 1) % count)
        .map(move |i| (first(i), first(i + 1) - first(i)))
}

/// The first channel of each block of `lanes` that a depthwise kernel works on: the last one is
/// moved back to end with the channels, so that a few sums are made twice and none is stored beyond
/// its pixel (unless there are fewer channels than lanes).
fn blocks(channels: usize, lanes: usize) -> impl Iterator<Item = usize> {
    let last = channels.saturating_sub(lanes);
    (0..channels).step_by(lanes).map(move |c| c.min(last))
}

/// Fills the start of `words` with a row of `pixels` pixels that are all `pad`, and 16 bytes more
/// of the same: the returned bytes.
fn pad_row<'a>(words: &'a mut Vec<u32>, pad: &[i8], pixels: usize) -> &'a [i8] {
    let len = pad.len() * pixels + 16;
    words.resize(words.len().max(len.div_ceil(4)), 0);
    // SAFETY: any four bytes are a u32, and the other way round.
    let bytes = unsafe { &mut words.align_to_mut::<i8>().1[..len] };
    let mut done = pad.len().min(len);
    bytes[..done].copy_from_slice(&pad[..done]);
    while done < len {
        let more = done.min(len - done);
        bytes.copy_within(..more, done);
        done += more;
    }
    bytes
}
