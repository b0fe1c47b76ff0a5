//! A sum whose terms and results are all int8, in fixed point: terms meet as shares of the result's
//! step (`kernels::rows::fixed`), half as wide as f32.
//!
//! Terms that are enlarged are added to each other first, the coarsest to the next: an enlargement
//! to the nearest neighbour is as good after a sum as before it, `up8(a) + up4(b) = up4(up2(a) + b)`.

use super::{Enlarge, Sum, left_neighbour};
use crate::engine::kernels::rows;
use crate::engine::kernels::rows::fixed::{self, Fixed, Gain, Landing, Scaled, TERM};
use crate::engine::kernels::{Isa, Matrix, SLACK, periodic};
use crate::engine::memory::Place;
use crate::engine::ops::conv::{Weights, int8_product};
use crate::engine::ops::exit::{get, put};
use crate::engine::ops::{Io, Operator, Scratch, room};
use std::ops::Range;

/// The most steps of the sum that a step of a term may be: more would leave nothing of int16.
const LARGEST: f64 = 8192.0;

enum Source {
    Int8(Scaled),
    /// A step of which is many of the sum's.
    Coarse {
        zero: Vec<i16>,
        gain: Gain,
    },
    Product {
        matrix: Matrix,
        fixed: Fixed,
    },
}

struct Term {
    from: Place,
    source: Source,
}

/// Terms of one size.
struct Level {
    /// How often each pixel is repeated across to be as wide as the next level.
    repeat: usize,
    /// Rows of the sum to a row of this level.
    rows: usize,
    width: usize,
    terms: Vec<Term>,
}

/// A term that is enlarged by linear interpolation.
struct Stretched {
    term: Term,
    /// The left pixel and the share of its right neighbour, for every pixel of the sum.
    columns: Vec<(usize, i16)>,
    align_corners: bool,
}

/// The prepared form.
pub struct Prepared {
    /// The coarsest first, the sum's own size last.
    levels: Vec<Level>,
    /// Added last.
    stretched: Vec<Stretched>,
    exits: Vec<(Place, Landing)>,
    height: usize,
    width: usize,
    channels: usize,
}

/// None if it is no sum for fixed point.
pub fn prepare(sum: &Sum, isa: Isa) -> Option<Prepared> {
    let shape = sum.exits.first()?.to.shape;
    let channels = shape.c;
    let steps: Vec<Vec<f64>> = sum
        .exits
        .iter()
        .map(|e| e.steps().filter(|_| e.is_fixed()))
        .collect::<Option<_>>()?;
    // The finest result's step, but none so fine that a step of a term would not fit.
    let own = |c: usize| steps.iter().map(|s| s[c]).fold(f64::INFINITY, f64::min);
    let term = |t: &super::Term, c: usize| match (&t.product, &t.from.steps) {
        (None, Some(steps)) => f64::from(steps.at(c).0) * f64::from(t.times) / LARGEST,
        _ => 0.0,
    };
    let terms = |c: usize| sum.terms.iter().map(|t| term(t, c)).fold(0.0, f64::max);
    let base: Vec<f64> = (0..channels).map(|c| own(c).max(terms(c))).collect();
    let exit = |(exit, steps): (&super::Exit, &Vec<f64>)| {
        let mut landing = exit.landing(TERM)?;
        if *steps != base {
            let ratio = |(base, step): (&f64, &f64)| base / step;
            let ratios: Vec<f64> = base.iter().zip(steps).map(ratio).collect();
            landing.from = Some(Gain::new(&periodic(&ratios)));
        }
        Some((exit.to.clone(), landing))
    };
    let exits = sum
        .exits
        .iter()
        .zip(&steps)
        .map(exit)
        .collect::<Option<_>>()?;

    let mut sizes: Vec<([usize; 2], Vec<Term>)> = Vec::new();
    let mut stretched = Vec::new();
    for term in &sum.terms {
        let prepared = prepare_term(term, &base, isa)?;
        let factor = match term.enlarge {
            Enlarge::Nearest(factor) => factor,
            Enlarge::Bilinear { align_corners } => {
                let share = |x| {
                    let (left, share) =
                        left_neighbour(x, term.from.shape.w, shape.w, align_corners);
                    (left, share_of(share))
                };
                stretched.push(Stretched {
                    columns: (0..shape.w).map(share).collect(),
                    align_corners,
                    term: prepared,
                });
                continue;
            }
        };
        match sizes.iter_mut().find(|(f, _)| *f == factor) {
            Some((_, terms)) => terms.push(prepared),
            None => sizes.push((factor, vec![prepared])),
        }
    }
    if !sizes.iter().any(|(f, _)| *f == [1, 1]) {
        return None;
    }
    sizes.sort_by_key(|(f, _)| std::cmp::Reverse(f[0] * f[1]));
    let factors: Vec<[usize; 2]> = sizes.iter().map(|s| s.0).collect();
    let mut levels = Vec::new();
    for (i, (factor, terms)) in sizes.into_iter().enumerate() {
        let next = factors.get(i + 1).unwrap_or(&[1, 1]);
        if !factor[0].is_multiple_of(next[0]) || !factor[1].is_multiple_of(next[1]) {
            return None;
        }
        levels.push(Level {
            repeat: factor[1] / next[1],
            rows: factor[0],
            width: shape.w / factor[1],
            terms,
        });
    }
    Some(Prepared {
        levels,
        stretched,
        exits,
        height: shape.h,
        width: shape.w,
        channels,
    })
}

/// A share of 1 in 2^15.
fn share_of(share: f32) -> i16 {
    (share * 32768.0).round().min(32767.0) as i16
}

fn prepare_term(term: &super::Term, base: &[f64], isa: Isa) -> Option<Term> {
    let steps = term.from.steps.as_ref()?;
    let times = f64::from(term.times);
    let inputs = term.from.shape.c;
    let source = match &term.product {
        None => {
            let ratio = |c: usize| f64::from(steps.at(c).0) * times / base[c];
            let ratios: Vec<f64> = (0..inputs).map(ratio).collect();
            let zero: Vec<i16> = (0..inputs).map(|c| fixed::raised(steps.at(c).1)).collect();
            let zero = periodic(&zero);
            let factors = ratios.iter().map(|&r| fixed::factor(TERM, r));
            match factors.collect::<Option<Vec<i16>>>() {
                Some(factor) => Source::Int8(Scaled {
                    zero,
                    factor: periodic(&factor),
                }),
                None => {
                    // Of what `raised` gives.
                    let shares = f64::from(1 << TERM) / 128.0;
                    let gains: Vec<f64> = ratios.iter().map(|r| r * shares).collect();
                    Source::Coarse {
                        zero,
                        gain: Gain::new(&periodic(&gains)),
                    }
                }
            }
        }
        Some((Weights::Int8 { values, scale }, bias)) if steps.is_uniform() => {
            let int8 = int8_product(values, scale, inputs, steps.at(0));
            let in_steps = |v: f64, c: usize| v * times / base[c];
            let scale: Vec<f64> = (0..base.len())
                .map(|c| in_steps(int8.scale[c], c))
                .collect();
            let bias: Vec<f64> = (0..base.len())
                .map(|c| in_steps(bias[c].into(), c))
                .collect();
            let (fixed, init) = Fixed::new(TERM, &scale, &bias, &int8.most, None)?;
            Source::Product {
                matrix: int8.pack(isa, &init),
                fixed,
            }
        }
        Some(_) => return None,
    };
    Some(Term {
        from: term.from.clone(),
        source,
    })
}

impl Term {
    /// Row `y`, of `width` pixels, set in `out` or added to it.
    fn row<const ADD: bool>(
        &self,
        io: &Io,
        y: usize,
        width: usize,
        bytes: &mut Vec<i8>,
        sums: &mut Vec<i32>,
        out: &mut [i16],
    ) {
        let (from, to) = (y * width, (y + 1) * width);
        match &self.source {
            Source::Int8(scaled) => {
                let x = get(io.isa, io.memory, &self.from, from, to, bytes);
                match ADD {
                    true => fixed::add_scaled(io.isa, x, scaled, out),
                    false => fixed::set_scaled(io.isa, x, scaled, out),
                }
            }
            Source::Coarse { zero, gain } => {
                let x = get(io.isa, io.memory, &self.from, from, to, bytes);
                match ADD {
                    true => fixed::add_gained(io.isa, x, zero, gain, out),
                    false => fixed::set_gained(io.isa, x, zero, gain, out),
                }
            }
            Source::Product { matrix, fixed } => {
                let x = io.memory.int8(&self.from, from, to);
                let sums = room(sums, out.len() + SLACK);
                matrix.multiply_shares::<ADD>(x, self.from.pixel, width, fixed, sums, out);
            }
        }
    }
}

impl Prepared {
    /// The one term and where it goes, if nothing is added up: a value that is only rounded anew.
    fn single(&self) -> Option<(&Place, &Scaled, &(Place, Landing))> {
        let ([level], [], [exit]) = (&self.levels[..], &self.stretched[..], &self.exits[..]) else {
            return None;
        };
        match &level.terms[..] {
            [
                Term {
                    from,
                    source: Source::Int8(scaled),
                },
            ] if exit.1.from.is_none() => Some((from, scaled, exit)),
            _ => None,
        }
    }
}

impl Operator for Prepared {
    fn parts(&self) -> usize {
        self.height
    }

    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let c = self.channels;
        if let Some((place, scaled, (to_place, landing))) = self.single() {
            let (from, to) = (parts.start * self.width, parts.end * self.width);
            let x = get(io.isa, io.memory, place, from, to, &mut scratch.packed);
            put(io.memory, to_place, from, to, &mut scratch.bytes, |out| {
                fixed::rescale_terms(io.isa, x, &scaled.zero, &scaled.factor, landing, out);
            });
            return Ok(());
        }
        let Scratch {
            bytes,
            sums,
            shares,
            share_rows,
            held,
            ..
        } = scratch;
        // A row a level, enlarged to the next one's width; the last is the sum. Then two rows a
        // term that stands between two.
        let levels = self.levels.len();
        let rows = levels + 2 * self.stretched.len();
        if share_rows.len() < rows {
            share_rows.resize_with(rows, Vec::new);
        }
        held.clear();
        held.resize(rows, usize::MAX);
        for y in parts {
            for (l, level) in self.levels.iter().enumerate() {
                let row = y / level.rows;
                if std::mem::replace(&mut held[l], row) == row {
                    continue;
                }
                let across = level.repeat;
                let (coarser, own) = share_rows.split_at_mut(l);
                let wide = room(&mut own[0], level.width * across * c);
                let total = match across {
                    1 => &mut *wide,
                    _ => room(shares, level.width * c),
                };
                for (t, term) in level.terms.iter().enumerate() {
                    match t {
                        0 => term.row::<false>(io, row, level.width, bytes, sums, total),
                        _ => term.row::<true>(io, row, level.width, bytes, sums, total),
                    }
                }
                if let Some(coarser) = coarser.last() {
                    fixed::add_shares(io.isa, &coarser[..level.width * c], total);
                }
                if across > 1 {
                    let total = &shares[..level.width * c];
                    rows::repeat_shares(io.isa, total, c, c, across, wide);
                }
            }
            let (sums_so_far, kept) = share_rows.split_at_mut(levels);
            let total = &mut sums_so_far[levels - 1][..self.width * c];
            for (s, stretched) in self.stretched.iter().enumerate() {
                let from = &stretched.term.from.shape;
                let (top, share) = left_neighbour(y, from.h, self.height, stretched.align_corners);
                let bottom = (top + 1).min(from.h - 1);
                // Even rows in one, odd ones in the other, so that each is stretched once.
                for row in [top, bottom] {
                    let at = 2 * s + row % 2;
                    if std::mem::replace(&mut held[levels + at], row) == row {
                        continue;
                    }
                    let small = room(shares, from.w * c);
                    stretched
                        .term
                        .row::<false>(io, row, from.w, bytes, sums, small);
                    let wide = room(&mut kept[at], self.width * c);
                    fixed::stretch(io.isa, small, c, &stretched.columns, wide);
                }
                let row = |row: usize| &kept[2 * s + row % 2][..self.width * c];
                fixed::add_blend(io.isa, row(top), row(bottom), share_of(share), total);
            }
            let (from, to) = (y * self.width, (y + 1) * self.width);
            for (place, landing) in &self.exits {
                put(io.memory, place, from, to, bytes, |out| {
                    fixed::land(io.isa, total, landing, out)
                });
            }
        }
        Ok(())
    }
}
