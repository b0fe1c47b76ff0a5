//! Convolution over all channels: `y[p][j] = b[j] + Σ_k w[j][k] · x[p][k]`, in: h x w x c_in, out:
//! h' x w' x c_out.
//!
//! A 1x1 convolution multiplies the pixels as they lie; any other first copies the pixels under its
//! window side by side (im2col), a row at a time. On int8 the sums are exact: `Σ w·(x − z) = Σ w·x
//! − z·Σ w`, and the second term stands in the matrix. Lite-HRNet (arXiv 2104.06403) spends three
//! quarters of its multiplications here: its fuse layers (section 3.1), gates (3.2) and stem (3.3).

use super::exit::{self, Curve, Exit, Finish, Way, copy_pixels, put, real_pixels};
use super::{Io, Operator, Scratch, room};
use crate::engine::graph::Geometry;
use crate::engine::kernels::real::RealMatrix;
use crate::engine::kernels::rows::Grid;
use crate::engine::kernels::rows::fixed::Fixed;
use crate::engine::kernels::{Isa, Matrix, SLACK, periodic};
use crate::engine::memory::Place;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Sums that are worked on at a time, so that they stay in the first-level cache.
const CHUNK: usize = 2048;

/// Numbers that are copied at once.
const PIECE: usize = 16;
const LONG_PIECE: usize = 32;
/// Kernels of more rows are copied plainly.
const MOST_ROWS: usize = 7;

/// Weights as a plan stores them, output by output, a window's pixels in order and its channels
/// innermost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Weights {
    Int8 { values: Vec<i8>, scale: Vec<f32> },
    Real(Vec<f32>),
}

/// The specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Conv {
    pub geometry: Geometry,
    pub weights: Weights,
    pub bias: Vec<f32>,
    pub from: Place,
    pub exit: Exit,
}

/// An int8 product with the real scale of its sums.
pub struct Int8Product<'a> {
    w: &'a [i8],
    k: usize,
    init: Vec<i32>,
    /// Real value of one step of each output's sum.
    pub scale: Vec<f64>,
    /// What no sum's amount exceeds.
    pub most: Vec<f64>,
}

/// What the amount of `Σ w · (x − zero)` cannot exceed.
pub fn most(w: &[i8]) -> f64 {
    w.iter().map(|&w| f64::from(w).abs()).sum::<f64>() * 255.0
}

/// int8 weights for pixels on the grid (`step`, `zero`).
pub fn int8_product<'a>(
    w: &'a [i8],
    scale: &[f32],
    k: usize,
    (step, zero): (f32, i8),
) -> Int8Product<'a> {
    let sum = |row: &[i8]| row.iter().map(|&w| i32::from(w)).sum::<i32>();
    Int8Product {
        w,
        k,
        init: w
            .chunks_exact(k)
            .map(|row| -i32::from(zero) * sum(row))
            .collect(),
        scale: scale
            .iter()
            .map(|&s| f64::from(s) * f64::from(step))
            .collect(),
        most: w.chunks_exact(k).map(most).collect(),
    }
}

impl Int8Product<'_> {
    /// Packs it, `more` being added to each output's sum.
    pub fn pack(&self, isa: Isa, more: &[i32]) -> Matrix {
        let init: Vec<i32> = (0..self.init.len())
            .map(|i| self.init[i].wrapping_add(*more.get(i).unwrap_or(&0)))
            .collect();
        Matrix::pack(isa, self.w, init.len(), self.k, &init)
    }
}

/// Weights in real numbers.
pub fn real_weights(weights: &Weights, k: usize) -> Vec<f32> {
    match weights {
        Weights::Real(w) => w.clone(),
        Weights::Int8 { values, scale } => values
            .iter()
            .enumerate()
            .map(|(i, &w)| f32::from(w) * scale[i / k])
            .collect(),
    }
}

enum Product {
    /// int8 to int8, straight.
    Straight { product: Matrix, fixed: Fixed },
    /// int8 to int8 by a table of the activation.
    Curve { product: Matrix, curve: Curve },
    /// int8 to real numbers, then through the exit.
    Sums {
        product: Matrix,
        scale: Vec<f32>,
        bias: Vec<f32>,
    },
    Real {
        product: RealMatrix,
        grid: Option<Grid>,
    },
}

struct Prepared {
    geometry: Geometry,
    from: Place,
    to: Place,
    product: Product,
    finish: Finish,
    /// Pixels (1x1) or rows (other windows) of one part.
    part: usize,
    pad: i8,
}

impl Conv {
    /// # Errors
    /// Its numbers do not fit together.
    pub fn prepare(&self, isa: Isa) -> Result<Box<dyn Operator>, String> {
        let g = &self.geometry;
        let k = g.window();
        let n = g.outputs;
        let count = match &self.weights {
            Weights::Int8 { values, scale } if scale.len() == n => values.len(),
            Weights::Int8 { .. } => 0,
            Weights::Real(w) => w.len(),
        };
        let shapes =
            self.from.shape.c == g.inputs && self.exit.to.shape.c == n && self.bias.len() == n;
        let same = !g.is_pointwise() || self.from.pixels() == self.exit.to.pixels();
        if g.depthwise || k == 0 || count != n * k || !shapes || !same || g.stride == 0 {
            return Err("a convolution's numbers do not fit together".into());
        }
        let steps = self.from.steps.as_ref();
        let mut pad = 0;
        let product = match (&self.weights, steps) {
            (Weights::Int8 { values, scale }, Some(steps)) if steps.is_uniform() => {
                pad = steps.at(0).1;
                let int8 = int8_product(values, scale, k, steps.at(0));
                let (way, init) = self.exit.way(&int8.scale, &self.bias, &int8.most);
                let product = int8.pack(isa, &init);
                match way {
                    Way::Straight(fixed) => Product::Straight { product, fixed },
                    Way::Curve(curve) => Product::Curve { product, curve },
                    Way::Real => {
                        let scale: Vec<f32> = int8.scale.iter().map(|&s| s as f32).collect();
                        Product::Sums {
                            product,
                            scale: periodic(&scale),
                            bias: periodic(&self.bias),
                        }
                    }
                }
            }
            (weights, steps) => Product::Real {
                product: RealMatrix::pack(isa, &real_weights(weights, k), n, k, &self.bias),
                grid: steps.map(|s| exit::grid(s, g.inputs, None)),
            },
        };
        let part = if g.is_pointwise() {
            (CHUNK / n).next_multiple_of(8).clamp(8, 96)
        } else {
            1
        };
        let from = self.from.clone();
        let to = self.exit.to.clone();
        Ok(Box::new(Prepared {
            geometry: *g,
            from,
            to,
            product,
            finish: self.exit.prepare(),
            part,
            pad,
        }))
    }
}

impl Operator for Prepared {
    fn parts(&self) -> usize {
        if self.geometry.is_pointwise() {
            self.to.pixels().div_ceil(self.part)
        } else {
            self.to.shape.h
        }
    }

    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String> {
        let pointwise = self.geometry.is_pointwise();
        let width = self.to.shape.w;
        for part in parts {
            let (from, to) = match pointwise {
                true => (
                    part * self.part,
                    self.to.pixels().min((part + 1) * self.part),
                ),
                false => (part * width, (part + 1) * width),
            };
            self.pixels(io, from, to, scratch);
        }
        Ok(())
    }
}

impl Prepared {
    /// Output pixels `from..to`, which are one row if the window is more than a pixel.
    fn pixels(&self, io: &Io, from: usize, to: usize, scratch: &mut Scratch) {
        let n = self.geometry.outputs;
        let k = self.geometry.window();
        let count = to - from;
        let pointwise = self.geometry.is_pointwise();
        match &self.product {
            Product::Straight { product, .. }
            | Product::Curve { product, .. }
            | Product::Sums { product, .. } => {
                let sums = room(&mut scratch.sums, count * n + SLACK);
                let (x, stride) = if pointwise {
                    (io.memory.int8(&self.from, from, to), self.from.pixel)
                } else {
                    let window = room(&mut scratch.packed, count * k + 2 * SLACK);
                    let x = io.memory.int8(&self.from, 0, self.from.pixels());
                    self.collect(x, self.from.pixel, from / self.to.shape.w, self.pad, window);
                    (&*window, k)
                };
                match &self.product {
                    Product::Straight { fixed, .. } => {
                        put(io.memory, &self.to, from, to, &mut scratch.bytes, |out| {
                            product.multiply_rounded(x, stride, count, fixed, sums, out);
                        })
                    }
                    Product::Curve { curve, .. } => {
                        let fixed = curve.shares();
                        let shares = room(&mut scratch.shares, count * n);
                        product.multiply_shares::<false>(x, stride, count, fixed, sums, shares);
                        put(io.memory, &self.to, from, to, &mut scratch.bytes, |out| {
                            curve.read(io.isa, shares, out);
                        });
                    }
                    Product::Sums { scale, bias, .. } => {
                        let real = room(&mut scratch.real, count * n);
                        product.multiply_real::<false>(x, stride, count, (scale, bias), sums, real);
                        self.finish
                            .send(io.isa, io.memory, from, real, &mut scratch.bytes);
                    }
                    Product::Real { .. } => {}
                }
            }
            Product::Real { product, grid } => {
                let real = room(&mut scratch.real, count * n + SLACK);
                match (pointwise, grid) {
                    (true, None) => product.multiply(
                        io.memory.real(&self.from, from, to),
                        self.from.pixel,
                        count,
                        real,
                    ),
                    (true, Some(_)) => {
                        let x = room(&mut scratch.other, count * k);
                        let x = real_pixels(
                            io.isa,
                            io.memory,
                            &self.from,
                            grid.as_ref(),
                            from,
                            to,
                            &mut scratch.bytes,
                            x,
                        );
                        product.multiply(x, k, count, real);
                    }
                    (false, _) => {
                        let (y, c, row) =
                            (from / self.to.shape.w, self.from.shape.c, self.from.shape.w);
                        let (a, b) = self.rows_under(y);
                        let x = room(&mut scratch.image, self.from.pixels() * c);
                        let under = &mut x[a * row * c..b * row * c];
                        copy_pixels(
                            io.isa,
                            io.memory,
                            &self.from,
                            grid.as_ref(),
                            a * row,
                            b * row,
                            &mut scratch.bytes,
                            under,
                        );
                        let window = room(&mut scratch.other, count * k);
                        self.collect(x, c, y, 0.0, window);
                        product.multiply(window, k, count, real);
                    }
                }
                self.finish.send(
                    io.isa,
                    io.memory,
                    from,
                    &mut real[..count * n],
                    &mut scratch.bytes,
                );
            }
        }
    }

    /// The input rows under output row `y`, first and one past the last.
    fn rows_under(&self, y: usize) -> (usize, usize) {
        let g = &self.geometry;
        let h = self.from.shape.h;
        let first = (y * g.stride).saturating_sub(g.pad[0]).min(h);
        (
            first,
            (y * g.stride + g.kernel[0])
                .saturating_sub(g.pad[0])
                .clamp(first, h),
        )
    }

    /// Copies the windows of output row `y` side by side: window x kernel row x kernel column x
    /// channel. `x` is the whole input, its pixels `pixel` numbers apart.
    fn collect<T: Copy>(&self, x: &[T], pixel: usize, y: usize, pad: T, out: &mut [T]) {
        let g = &self.geometry;
        let shape = self.from.shape;
        let ([kh, kw], c, k) = (g.kernel, shape.c, g.window());
        // Short rows are copied as whole pieces, as long as there is room for what is too much.
        let piece = [PIECE, LONG_PIECE]
            .into_iter()
            .find(|&piece| kw * c <= piece);
        let piece = piece.filter(|&piece| {
            pixel == c && kh <= MOST_ROWS && x.len() >= shape.h * shape.w * c + piece
        });
        // Windows whose columns all lie inside the picture.
        let inner = g.pad[1].div_ceil(g.stride)
            ..((shape.w + g.pad[1] + g.stride).saturating_sub(kw) / g.stride).min(self.to.shape.w);
        let mut ox = 0;
        while ox < self.to.shape.w {
            let left = ox * g.stride;
            let fits = piece.map(|piece| {
                let room = out.len().saturating_sub(piece) / k;
                (piece, room.min(inner.end))
            });
            if let Some((piece, end)) = fits.filter(|&(_, end)| inner.contains(&ox) && ox < end) {
                let mut rows = [None; MOST_ROWS];
                for (ky, row) in rows[..kh].iter_mut().enumerate() {
                    let iy = (y * g.stride + ky).checked_sub(g.pad[0]);
                    *row = iy
                        .filter(|&iy| iy < shape.h)
                        .map(|iy| &x[(iy * shape.w + left - g.pad[1]) * c..]);
                }
                let step = g.stride * c;
                let out = &mut out[ox * k..end * k + piece];
                match piece {
                    PIECE => copy_windows::<T, PIECE>(&rows[..kh], step, kw * c, pad, out),
                    _ => copy_windows::<T, LONG_PIECE>(&rows[..kh], step, kw * c, pad, out),
                }
                ox = end;
                continue;
            }
            // Kernel columns that lie inside the picture.
            let inside = g.pad[1].saturating_sub(left).min(kw)
                ..(shape.w + g.pad[1]).saturating_sub(left).min(kw);
            let window = &mut out[ox * k..][..k];
            for (ky, row) in window.chunks_exact_mut(kw * c).enumerate().take(kh) {
                let iy = y * g.stride + ky;
                if !(g.pad[0]..g.pad[0] + shape.h).contains(&iy) || inside.is_empty() {
                    row.fill(pad);
                    continue;
                }
                let start = (iy - g.pad[0]) * shape.w + left + inside.start - g.pad[1];
                row[..inside.start * c].fill(pad);
                row[inside.end * c..].fill(pad);
                if pixel == c {
                    row[inside.start * c..inside.end * c]
                        .copy_from_slice(&x[start * c..][..inside.len() * c]);
                } else {
                    for (i, out) in row[inside.start * c..inside.end * c]
                        .chunks_exact_mut(c)
                        .enumerate()
                    {
                        out.copy_from_slice(&x[(start + i) * pixel..][..c]);
                    }
                }
            }
            ox += 1;
        }
    }
}

/// Copies windows of a kernel, a row (None: outside the picture) at a time, as whole pieces: what is
/// too much is overwritten by the next, or lies in the piece of room behind them. `step`: from one
/// window to the next in a row; `width`: numbers of a window's row.
#[inline(never)]
fn copy_windows<T: Copy, const PIECE: usize>(
    rows: &[Option<&[T]>],
    step: usize,
    width: usize,
    pad: T,
    out: &mut [T],
) {
    let count = (out.len() - PIECE) / (rows.len() * width);
    if let &[Some(a), Some(b), Some(c)] = rows {
        // What is most usual, without a question for each row.
        for i in 0..count {
            for (k, row) in [a, b, c].into_iter().enumerate() {
                let piece = &row[i * step..][..PIECE];
                out[(3 * i + k) * width..][..PIECE].copy_from_slice(piece);
            }
        }
        return;
    }
    let mut at = 0;
    for i in 0..count {
        for row in rows {
            let to = &mut out[at..][..PIECE];
            match row {
                Some(row) => to.copy_from_slice(&row[i * step..][..PIECE]),
                None => to.fill(pad),
            }
            at += width;
        }
    }
}
