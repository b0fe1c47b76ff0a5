//! Sums, rounded once: `y = Σ_t term_t`, each term a value, a 1x1 convolution of a value, or either
//! of them enlarged. Out: h x w x c, through one or more exits.
//!
//! This is the fuse of a Lite-HRNet module (arXiv 2104.06403, figure 3): 1x1 convolutions of the
//! coarser branches, enlarged to the nearest neighbour, plus the branch itself, plus what strided
//! convolutions make of the finer ones. It is also the head's bilinear sum, and with one term any
//! function of one value. All terms of a row meet in the first-level cache: in fixed point where all
//! is int8 (sum/shares.rs), else in f32, added in the order of the graph.

mod repeat;
mod shares;

use super::conv::{Weights, int8_product, real_weights};
use super::exit::{self, Exit, Finish, copy_pixels, get, real_pixels};
use super::{Io, Operator, Scratch, room};
use crate::engine::kernels::real::RealMatrix;
use crate::engine::kernels::rows::{self, Grid};
use crate::engine::kernels::{Isa, Matrix, SLACK, periodic};
use crate::engine::memory::Place;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sum {
    pub terms: Vec<Term>,
    pub exits: Vec<Exit>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Term {
    pub from: Place,
    /// A 1x1 convolution that the value goes through first.
    pub product: Option<(Weights, Vec<f32>)>,
    pub enlarge: Enlarge,
    /// How often it is added.
    pub times: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Enlarge {
    /// Every pixel so many times down and across; [1, 1] leaves it.
    Nearest([usize; 2]),
    Bilinear {
        align_corners: bool,
    },
}

enum Source {
    Int8(Grid),
    Real,
    Sums {
        matrix: Matrix,
        scale: Vec<f32>,
        bias: Vec<f32>,
    },
    Product {
        matrix: RealMatrix,
        grid: Option<Grid>,
    },
}

struct PreparedTerm {
    from: Place,
    source: Source,
    enlarge: Enlarge,
    times: f32,
    /// For a bilinear term: the left pixel and the share of its right neighbour, for every output
    /// pixel.
    columns: Vec<(usize, f32)>,
}

/// The prepared form in real numbers.
struct Prepared {
    terms: Vec<PreparedTerm>,
    finishes: Vec<Finish>,
    height: usize,
    width: usize,
    channels: usize,
}

impl Term {
    fn prepare(&self, isa: Isa, width: usize, channels: usize) -> Result<PreparedTerm, String> {
        let from = self.from.clone();
        let inputs = self.from.shape.c;
        let grid = from.steps.as_ref().map(|s| exit::grid(s, inputs, None));
        let source = match (&self.product, &from.steps, grid) {
            (None, _, Some(grid)) => Source::Int8(grid),
            (None, _, None) => Source::Real,
            (Some((weights, bias)), steps, grid) => {
                let count = match weights {
                    Weights::Int8 { values, scale } if scale.len() == channels => values.len(),
                    Weights::Int8 { .. } => 0,
                    Weights::Real(w) => w.len(),
                };
                if inputs == 0 || count != inputs * channels || bias.len() != channels {
                    return Err("a term's numbers do not fit together".into());
                }
                match (weights, steps) {
                    (Weights::Int8 { values, scale }, Some(steps)) if steps.is_uniform() => {
                        let int8 = int8_product(values, scale, inputs, steps.at(0));
                        let scale: Vec<f32> = int8
                            .scale
                            .iter()
                            .map(|s| (s * f64::from(self.times)) as f32)
                            .collect();
                        let bias: Vec<f32> = bias.iter().map(|b| b * self.times).collect();
                        Source::Sums {
                            matrix: int8.pack(isa, &[]),
                            scale: periodic(&scale),
                            bias: periodic(&bias),
                        }
                    }
                    _ => Source::Product {
                        matrix: RealMatrix::pack(
                            isa,
                            &real_weights(weights, inputs),
                            channels,
                            inputs,
                            bias,
                        ),
                        grid,
                    },
                }
            }
        };
        if self.product.is_none() && inputs != channels {
            return Err("a term has other channels than its sum".into());
        }
        // int8 products take `times` into their scale.
        let times = if matches!(source, Source::Sums { .. }) {
            1.0
        } else {
            self.times
        };
        let columns = match self.enlarge {
            Enlarge::Bilinear { align_corners } => (0..width)
                .map(|x| left_neighbour(x, self.from.shape.w, width, align_corners))
                .collect(),
            Enlarge::Nearest(_) => Vec::new(),
        };
        Ok(PreparedTerm {
            from,
            source,
            enlarge: self.enlarge,
            times,
            columns,
        })
    }
}

/// The place of output index `x` of `outputs` in `inputs`: the index left of it and the share of
/// the next (ONNX Resize, linear).
fn left_neighbour(x: usize, inputs: usize, outputs: usize, align_corners: bool) -> (usize, f32) {
    let at = match align_corners {
        true if outputs == 1 => 0.0,
        true => x as f32 * (inputs - 1) as f32 / (outputs - 1) as f32,
        false => (x as f32 + 0.5) * inputs as f32 / outputs as f32 - 0.5,
    };
    let at = at.clamp(0.0, (inputs - 1) as f32);
    let left = (at as usize).min(inputs.saturating_sub(2));
    (left, if inputs == 1 { 0.0 } else { at - left as f32 })
}

impl Sum {
    /// # Errors
    /// Its numbers do not fit together.
    pub fn prepare(&self, isa: Isa) -> Result<Box<dyn Operator>, String> {
        let Some(exit) = self.exits.first() else {
            return Err("a sum without a result".into());
        };
        let shape = exit.to.shape;
        for term in &self.terms {
            let from = term.from.shape;
            let fits = match term.enlarge {
                Enlarge::Nearest([y, x]) => {
                    y > 0 && x > 0 && from.h * y == shape.h && from.w * x == shape.w
                }
                Enlarge::Bilinear { .. } => from.h > 0 && from.w > 0,
            };
            if !fits {
                return Err("a term has another size than its sum".into());
            }
        }
        if self.terms.is_empty() || self.exits.iter().any(|e| e.to.shape != shape) {
            return Err("a sum's results have different shapes".into());
        }
        if let Some(repeat) = repeat::prepare(self) {
            return Ok(Box::new(repeat));
        }
        let terms = self
            .terms
            .iter()
            .map(|t| t.prepare(isa, shape.w, shape.c))
            .collect::<Result<_, _>>()?;
        if let Some(shares) = shares::prepare(self, isa) {
            return Ok(Box::new(shares));
        }
        let finishes = self.exits.iter().map(Exit::prepare).collect();
        Ok(Box::new(Prepared {
            terms,
            finishes,
            height: shape.h,
            width: shape.w,
            channels: shape.c,
        }))
    }
}

impl PreparedTerm {
    /// Row `y` of the term before it is enlarged, into `out` (input width x channels).
    fn row(&self, io: &Io, y: usize, channels: usize, room_for: &mut RowRoom, out: &mut [f32]) {
        let w = self.from.shape.w;
        let inputs = self.from.shape.c;
        let from = y * w;
        let to = (y + 1) * w;
        match &self.source {
            Source::Int8(grid) => copy_pixels(
                io.isa,
                io.memory,
                &self.from,
                Some(grid),
                from,
                to,
                room_for.bytes,
                out,
            ),
            Source::Real => copy_pixels(
                io.isa,
                io.memory,
                &self.from,
                None,
                from,
                to,
                room_for.bytes,
                out,
            ),
            Source::Sums {
                matrix,
                scale,
                bias,
            } => {
                let sums = room(room_for.sums, w * channels + SLACK);
                matrix.multiply_real::<false>(
                    io.memory.int8(&self.from, from, to),
                    self.from.pixel,
                    w,
                    (scale, bias),
                    sums,
                    out,
                );
            }
            Source::Product { matrix, grid } => {
                let x = room(room_for.other, w * inputs);
                let x = real_pixels(
                    io.isa,
                    io.memory,
                    &self.from,
                    grid.as_ref(),
                    from,
                    to,
                    room_for.bytes,
                    x,
                );
                let product = room(room_for.product, w * channels + SLACK);
                matrix.multiply(x, inputs, w, product);
                out.copy_from_slice(&product[..w * channels]);
            }
        }
        if self.times != 1.0 {
            rows::times(io.isa, self.times, out);
        }
    }
}

/// Room for one row's work, apart from the rows that are kept.
struct RowRoom<'a> {
    bytes: &'a mut Vec<i8>,
    sums: &'a mut Vec<i32>,
    other: &'a mut Vec<f32>,
    small: &'a mut Vec<f32>,
    product: &'a mut Vec<f32>,
}

impl Operator for Prepared {
    fn parts(&self) -> usize {
        self.height
    }

    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let n = self.width * self.channels;
        // Two kept rows a term: a bilinear term stands between two rows, another uses one.
        exit::rows_of(scratch, 2 * self.terms.len(), n);
        let Scratch {
            bytes,
            sums,
            other,
            packed: _,
            real,
            rows: kept,
            image,
            product,
            held,
            ..
        } = scratch;
        held.clear();
        held.resize(2 * self.terms.len(), usize::MAX);
        let total = room(real, n);
        for y in parts {
            for (t, term) in self.terms.iter().enumerate() {
                let mut work = RowRoom {
                    bytes,
                    sums,
                    other,
                    small: image,
                    product,
                };
                let first = t == 0;
                if term.enlarge == Enlarge::Nearest([1, 1])
                    && self.straight(io, term, y, first, &mut work, total)
                {
                    continue;
                }
                let (a, b) = kept[2 * t..2 * t + 2].split_at_mut(1);
                let a = &mut a[0][..n];
                let b = &mut b[0][..n];
                let held = &mut held[2 * t..2 * t + 2];
                match term.enlarge {
                    Enlarge::Nearest([fy, fx]) => {
                        if held[0] != y / fy {
                            held[0] = y / fy;
                            self.nearest(io, term, y / fy, fx, &mut work, a);
                        }
                    }
                    Enlarge::Bilinear { align_corners } => {
                        let (top, share) =
                            left_neighbour(y, term.from.shape.h, self.height, align_corners);
                        let bottom = (top + 1).min(term.from.shape.h - 1);
                        // Even rows are kept in a, odd ones in b, so that each is stretched once.
                        for row in [top, bottom] {
                            if held[row % 2] != row {
                                held[row % 2] = row;
                                self.bilinear(
                                    io,
                                    term,
                                    row,
                                    &mut work,
                                    if row % 2 == 0 { a } else { b },
                                );
                            }
                        }
                        let kept = |row: usize| if row.is_multiple_of(2) { &*a } else { &*b };
                        let top = kept(top);
                        let bottom = kept(bottom);
                        rows::add_blend(io.isa, top, bottom, share, first, total);
                        continue;
                    }
                }
                if first {
                    total.copy_from_slice(a)
                } else {
                    rows::add(io.isa, a, total)
                }
            }
            let last = self.finishes.len() - 1;
            for (i, finish) in self.finishes.iter().enumerate() {
                let from = y * self.width;
                if i < last && finish.spoils() {
                    let copy = room(other, n);
                    copy.copy_from_slice(total);
                    finish.send(io.isa, io.memory, from, copy, bytes);
                } else {
                    finish.send(io.isa, io.memory, from, total, bytes);
                }
            }
        }
        Ok(())
    }
}

impl Prepared {
    /// Adds row `y` of a term of the sum's own size without a detour, if its kind allows.
    fn straight(
        &self,
        io: &Io,
        term: &PreparedTerm,
        y: usize,
        first: bool,
        work: &mut RowRoom,
        total: &mut [f32],
    ) -> bool {
        let from = y * self.width;
        let to = (y + 1) * self.width;
        match &term.source {
            _ if first => term.row(io, y, self.channels, work, total),
            Source::Int8(grid) if term.times == 1.0 => {
                rows::add_dequantised(
                    io.isa,
                    get(io.isa, io.memory, &term.from, from, to, work.bytes),
                    grid,
                    total,
                );
            }
            Source::Sums {
                matrix,
                scale,
                bias,
            } => {
                let sums = room(work.sums, total.len() + SLACK);
                let x = io.memory.int8(&term.from, from, to);
                matrix.multiply_real::<true>(
                    x,
                    term.from.pixel,
                    self.width,
                    (scale, bias),
                    sums,
                    total,
                );
            }
            Source::Real if term.times == 1.0 && term.from.is_dense() => {
                rows::add(io.isa, io.memory.real(&term.from, from, to), total);
            }
            _ => return false,
        }
        true
    }

    /// Row `y` of a term, every pixel `factor` times.
    fn nearest(
        &self,
        io: &Io,
        term: &PreparedTerm,
        y: usize,
        factor: usize,
        work: &mut RowRoom,
        out: &mut [f32],
    ) {
        if factor == 1 {
            return term.row(io, y, self.channels, work, out);
        }
        let c = self.channels;
        let w = term.from.shape.w;
        let mut small = std::mem::take(work.small);
        let row = room(&mut small, w * c);
        term.row(io, y, c, work, row);
        rows::repeat(io.isa, row, c, c, factor, out);
        *work.small = small;
    }

    /// Row `y` of a term, stretched to the sum's width.
    fn bilinear(
        &self,
        io: &Io,
        term: &PreparedTerm,
        y: usize,
        work: &mut RowRoom,
        out: &mut [f32],
    ) {
        let c = self.channels;
        let w = term.from.shape.w;
        let mut small = std::mem::take(work.small);
        let row = room(&mut small, w * c);
        term.row(io, y, c, work, row);
        rows::stretch(io.isa, row, c, &term.columns, out);
        *work.small = small;
    }
}
