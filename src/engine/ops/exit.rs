//! How an operator's result leaves it: through an activation, onto a grid or as f32, to its place.
//!
//! `y = activation(v)`; on a grid `q = clamp(round(y / scale) + zero, −128, 127)` (ONNX
//! QuantizeLinear), where a ReLU or Clip is part of the clamp.

use super::{Scratch, room};
use crate::engine::graph::{Activation, Steps};
use crate::engine::kernels::rows::fixed::{BENT, Bend, FRACTION, Fixed, Gain, Landing, Table};
use crate::engine::kernels::rows::{self, Grid, Target};
use crate::engine::kernels::{Isa, periodic};
use crate::engine::memory::{Memory, Place};
use serde::{Deserialize, Serialize};

/// The specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Exit {
    pub activation: Option<Activation>,
    pub to: Place,
}

/// The prepared form.
pub struct Finish {
    activation: Option<Activation>,
    to: Place,
    grid: Option<Grid>,
}

/// A grid's numbers, repeated to their period, with the limits of an activation that is a clamp.
pub fn grid(steps: &Steps, channels: usize, limit: Option<(f32, f32)>) -> Grid {
    let steps = steps.expand(channels);
    let zero: Vec<i32> = steps.zero.iter().map(|&z| z.into()).collect();
    let bounds = |c: usize| {
        let least = f64::from(-128 - zero[c]);
        let most = f64::from(127 - zero[c]);
        let (low, high) = limit.unwrap_or((f32::NEG_INFINITY, f32::INFINITY));
        let step = |v: f32| (f64::from(v) / f64::from(steps.scale[c])).round_ties_even();
        (
            step(low).clamp(least, most) as f32,
            step(high).clamp(least, most) as f32,
        )
    };
    let (low, high): (Vec<f32>, Vec<f32>) = (0..channels).map(bounds).unzip();
    let inverse: Vec<f32> = steps
        .scale
        .iter()
        .map(|&s| (1.0 / f64::from(s)) as f32)
        .collect();
    let one = rows::common(&steps.scale).zip(rows::common(&inverse));
    let to = Target::new(periodic(&zero), periodic(&low), periodic(&high));
    Grid {
        scale: periodic(&steps.scale),
        inverse: periodic(&inverse),
        to,
        one,
    }
}

impl Exit {
    fn limit(&self) -> Option<(f32, f32)> {
        match self.activation {
            Some(Activation::Limit { low, high }) => Some((low, high)),
            _ => None,
        }
    }

    pub fn prepare(&self) -> Finish {
        let grid = self
            .to
            .steps
            .as_ref()
            .map(|steps| grid(steps, self.to.shape.c, self.limit()));
        // The grid's limits do what a clamp does.
        let clamped = grid.is_some() && self.limit().is_some();
        Finish {
            activation: self.activation.filter(|_| !clamped),
            to: self.to.clone(),
            grid,
        }
    }

    /// Whether the way to the grid goes in fixed point: it is a grid, and no function but a clamp
    /// stands before it.
    pub fn is_fixed(&self) -> bool {
        self.to.steps.is_some() && (self.activation.is_none() || self.limit().is_some())
    }

    /// The step of every channel's grid.
    pub fn steps(&self) -> Option<Vec<f64>> {
        let steps = self.to.steps.as_ref()?.expand(self.to.shape.c);
        Some(steps.scale.iter().map(|&s| f64::from(s)).collect())
    }

    /// The int8 that a clamp leaves, if it leaves less than all.
    fn limits(&self, steps: &Steps) -> Option<[Vec<i8>; 2]> {
        let (low, high) = self.limit()?;
        let at = |v: f32, c: usize| {
            let (step, zero) = steps.at(c);
            let q = (f64::from(v) / f64::from(step)).round_ties_even() + f64::from(zero);
            q.clamp(-128.0, 127.0) as i8
        };
        let all = |v: f32| (0..self.to.shape.c).map(|c| at(v, c)).collect::<Vec<i8>>();
        let limits = [all(low), all(high)];
        let whole = limits[0].iter().all(|&l| l == -128) && limits[1].iter().all(|&h| h == 127);
        (!whole).then_some(limits)
    }

    /// The way from int32 sums straight to the grid, if there is one, and what is to be added to
    /// each sum first. `scale` and `bias` are real numbers a channel, `most` what no sum's amount
    /// exceeds.
    pub fn fixed(&self, scale: &[f64], bias: &[f32], most: &[f64]) -> Option<(Fixed, Vec<i32>)> {
        let steps = self.to.steps.as_ref().filter(|_| self.is_fixed())?;
        let in_steps = |v: f64, c: usize| v / f64::from(steps.at(c).0);
        let scale: Vec<f64> = (0..scale.len()).map(|c| in_steps(scale[c], c)).collect();
        let bias: Vec<f64> = (0..bias.len())
            .map(|c| in_steps(bias[c].into(), c) + f64::from(steps.at(c).1))
            .collect();
        Fixed::new(FRACTION, &scale, &bias, most, self.limits(steps))
    }

    /// The shortest way from int32 sums, and what is to be added to each first; the numbers are as for
    /// [`Exit::fixed`].
    pub fn way(&self, scale: &[f64], bias: &[f32], most: &[f64]) -> (Way, Vec<i32>) {
        if let Some((fixed, more)) = self.fixed(scale, bias, most) {
            return (Way::Straight(fixed), more);
        }
        match self.curve(scale, bias, most) {
            Some((curve, more)) => (Way::Curve(curve), more),
            None => (Way::Real, vec![0; scale.len()]),
        }
    }

    /// The way from int32 sums by a table of the activation, if there is one; as [`Exit::fixed`].
    fn curve(&self, scale: &[f64], bias: &[f32], most: &[f64]) -> Option<(Curve, Vec<i32>)> {
        let steps = self.to.steps.as_ref()?;
        let activation = self.activation?;
        let bent = activation.is_bent();
        let shares = match bent {
            true => MOST_SHARES / greatest(steps).max(BEND),
            false => FLAT.into_iter().find(|&s| is_flat(activation, steps, s))?,
        };
        let scale: Vec<f64> = scale.iter().map(|s| s * shares).collect();
        let bias: Vec<f64> = bias.iter().map(|&b| f64::from(b) * shares).collect();
        let (fixed, init) = Fixed::new(0, &scale, &bias, most, None)?;
        let read = if bent {
            let zero: Vec<i16> = (0..self.to.shape.c)
                .map(|c| i16::from(steps.at(c).1) << BENT)
                .collect();
            let gain = |c| f64::from(1 << BENT) / (shares * f64::from(steps.at(c).0));
            let gains: Vec<f64> = (0..self.to.shape.c).map(gain).collect();
            let landing = Landing {
                zero: periodic(&zero),
                limits: None,
                from: Some(Gain::new(&periodic(&gains))),
            };
            Read::Bent(Bend::new(shares, |v| activation.of(v))?, landing)
        } else {
            let (step, zero) = steps.at(0);
            Read::Flat(Table::new(shares, |v| {
                let q = (activation.of(v) / f64::from(step)).round_ties_even();
                (q + f64::from(zero)).clamp(-128.0, 127.0) as i8
            }))
        };
        Some((Curve { fixed, read }, init))
    }

    /// How shares of its steps become its int8.
    pub fn landing(&self, fraction: i32) -> Option<Landing> {
        let steps = self.to.steps.as_ref().filter(|_| self.is_fixed())?;
        let zero: Vec<i16> = (0..self.to.shape.c)
            .map(|c| i16::from(steps.at(c).1) << fraction)
            .collect();
        Some(Landing {
            zero: periodic(&zero),
            limits: self.limits(steps).map(|l| l.map(|l| periodic(&l))),
            from: None,
        })
    }
}

/// What int16 surely holds: shares saturate before they are multiplied by a factor of a half or more.
const MOST_SHARES: f64 = 16383.0;

/// Shares of 1 that a function whose ends are flat may be read by: numbers up to 4, to 256.
const FLAT: [f64; 7] = [4096.0, 2048.0, 1024.0, 512.0, 256.0, 128.0, 64.0];

/// Whether int16 holds all that matters of such a function: farther on, the result on the one grid of
/// all channels moves by no more than a table's entries are apart.
fn is_flat(activation: Activation, steps: &Steps, shares: f64) -> bool {
    let end = (MOST_SHARES + 1.0) / shares;
    let apart = 16.0 / shares;
    let (step, zero) = steps.at(0);
    let real = |q: i16| f64::from(q - i16::from(zero)) * f64::from(step);
    let held = |v: f64| activation.of(v).clamp(real(-128), real(127));
    let moves = |end: f64| (held(end) - held(16.0 * end)).abs();
    steps.is_uniform() && moves(end) <= apart && moves(-end) <= apart
}

/// The greatest number of these grids.
fn greatest(steps: &Steps) -> f64 {
    let most = |(&step, &zero): (&f32, &i8)| f64::from(step) * f64::from(127 - i16::from(zero));
    let all = steps.scale.iter().zip(&steps.zero).map(most);
    all.fold(0.0, f64::max)
}

/// Where a SiLU is a ReLU.
const BEND: f64 = 8.0;

/// From int32 sums to the exit.
pub enum Way {
    Straight(Fixed),
    Curve(Curve),
    /// Through real numbers.
    Real,
}

/// The way from int32 sums to int8 by a table.
pub struct Curve {
    fixed: Fixed,
    read: Read,
}

enum Read {
    Flat(Table),
    Bent(Bend, Landing),
}

impl Curve {
    /// How sums become what [`Curve::read`] takes.
    pub fn shares(&self) -> &Fixed {
        &self.fixed
    }

    /// From shares to int8.
    pub fn read(&self, isa: Isa, shares: &[i16], out: &mut [i8]) {
        match &self.read {
            Read::Flat(table) => table.read(shares, out),
            Read::Bent(bend, landing) => bend.read(isa, shares, landing, out),
        }
    }
}

impl Finish {
    /// Whether [`Finish::send`] changes the numbers it is given.
    pub fn spoils(&self) -> bool {
        self.activation.is_some()
    }

    /// Sends pixels `from..` on their way; `real` holds them without gaps and is used up.
    pub fn send(
        &self,
        isa: Isa,
        memory: &Memory,
        from: usize,
        real: &mut [f32],
        bytes: &mut Vec<i8>,
    ) {
        match self.activation {
            None => {}
            Some(Activation::Limit { low, high }) => rows::limit(isa, low, high, real),
            Some(Activation::Sigmoid) => rows::sigmoid(isa, real),
            Some(Activation::Swish) => rows::swish(isa, real),
            Some(Activation::Hard {
                slope,
                offset,
                times,
            }) => rows::hard(isa, slope, offset, times, real),
        }
        let to = from + real.len() / self.to.shape.c;
        match &self.grid {
            Some(grid) => put(memory, &self.to, from, to, bytes, |out| {
                rows::quantise(isa, real, grid, out)
            }),
            None if self.to.is_dense() => memory.real_mut(&self.to, from, to).copy_from_slice(real),
            None => memory.spread_real(&self.to, from, real),
        }
    }
}

/// Writes pixels `from..to` of an int8 place: `fill` gets them without gaps.
pub fn put(
    memory: &Memory,
    place: &Place,
    from: usize,
    to: usize,
    bytes: &mut Vec<i8>,
    fill: impl FnOnce(&mut [i8]),
) {
    if place.is_dense() {
        return fill(memory.int8_mut(place, from, to));
    }
    let dense = room(bytes, (to - from) * place.shape.c);
    fill(dense);
    memory.spread_int8(place, from, dense);
}

/// Pixels `from..to` of an int8 place without gaps, copied only if they have some.
pub fn get<'a>(
    isa: Isa,
    memory: &'a Memory,
    place: &Place,
    from: usize,
    to: usize,
    bytes: &'a mut Vec<i8>,
) -> &'a [i8] {
    let x = memory.int8(place, from, to);
    let n = (to - from) * place.shape.c;
    if place.is_dense() {
        return &x[..n];
    }
    let dense = room(bytes, n);
    rows::pick_bytes(isa, x, place.pixel, place.shape.c, dense);
    dense
}

/// Pixels `from..to` of any place as real numbers without gaps, copied into `room_for` only if they
/// do not lie so. `grid` is the place's.
#[allow(clippy::too_many_arguments)] // a range of a place, and room for it
pub fn real_pixels<'a>(
    isa: Isa,
    memory: &'a Memory,
    place: &Place,
    grid: Option<&Grid>,
    from: usize,
    to: usize,
    bytes: &mut Vec<i8>,
    room_for: &'a mut [f32],
) -> &'a [f32] {
    let c = place.shape.c;
    match grid {
        Some(grid) => rows::dequantise(
            isa,
            get(isa, memory, place, from, to, bytes),
            grid,
            room_for,
        ),
        None if place.is_dense() => return memory.real(place, from, to),
        None => rows::pick(isa, memory.real(place, from, to), place.pixel, c, room_for),
    }
    room_for
}

/// The same, copied in any case.
#[allow(clippy::too_many_arguments)] // as above
pub fn copy_pixels(
    isa: Isa,
    memory: &Memory,
    place: &Place,
    grid: Option<&Grid>,
    from: usize,
    to: usize,
    bytes: &mut Vec<i8>,
    out: &mut [f32],
) {
    if grid.is_none() && place.is_dense() {
        out.copy_from_slice(memory.real(place, from, to));
    } else {
        real_pixels(isa, memory, place, grid, from, to, bytes, out);
    }
}

/// Scratch rows that grow to `n` numbers.
pub fn rows_of(scratch: &mut Scratch, count: usize, n: usize) {
    if scratch.rows.len() < count {
        scratch.rows.resize_with(count, Vec::new);
    }
    for row in &mut scratch.rows[..count] {
        room(row, n);
    }
}
