//! The operators: what a step of a [`super::program::Program`] can be.
//!
//! Each has a specification, which is plain data and can be stored, and a prepared form with its
//! weights packed for one instruction set.

pub mod conv;
pub mod depthwise;
pub mod exit;
pub mod foreign;
pub mod gather;
pub mod image;
pub mod max_pool;
pub mod pool;
pub mod scale;
pub mod sum;

use super::kernels::{Isa, TapScratch};
use super::memory::{Memory, Place};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A step's specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Spec {
    Image(image::Image),
    Conv(conv::Conv),
    Depthwise(depthwise::Depthwise),
    Sum(sum::Sum),
    Scale(scale::Scale),
    Pool(pool::Pool),
    MaxPool(max_pool::MaxPool),
    Gather(gather::Gather),
    Foreign(foreign::Foreign),
}

/// A step, ready to run.
pub trait Operator: Send + Sync {
    /// Into how many parts it can be cut, in the order of its output's pixels; at least 1.
    fn parts(&self) -> usize;

    /// Does parts `parts`.
    ///
    /// # Errors
    /// Only a foreign operator fails.
    fn run(&self, io: &Io, parts: Range<usize>, scratch: &mut Scratch) -> Result<(), String>;
}

/// What a step works on.
pub struct Io<'a> {
    pub isa: Isa,
    pub memory: &'a Memory,
    /// The picture that the network was given, planar.
    pub picture: &'a [f32],
}

/// One thread's room to work in. Grows at the first run and is then reused.
#[derive(Default)]
pub struct Scratch {
    pub taps: TapScratch,
    pub sums: Vec<i32>,
    pub bytes: Vec<i8>,
    pub packed: Vec<i8>,
    pub real: Vec<f32>,
    pub other: Vec<f32>,
    pub image: Vec<f32>,
    pub product: Vec<f32>,
    pub shares: Vec<i16>,
    pub other_shares: Vec<i16>,
    pub out_bytes: Vec<i8>,
    pub rows: Vec<Vec<f32>>,
    pub share_rows: Vec<Vec<i16>>,
    /// Which row each of `rows` holds.
    pub held: Vec<usize>,
}

/// The first `n` values of `v`, which grows if it must.
pub fn room<T: Copy + Default>(v: &mut Vec<T>, n: usize) -> &mut [T] {
    if v.len() < n {
        v.resize(n, T::default());
    }
    &mut v[..n]
}

impl Spec {
    /// What kind of work it is, for the profile.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Image(_) => "image",
            Self::Conv(c) if c.geometry.is_pointwise() => "conv 1x1",
            Self::Conv(_) => "conv kxk",
            Self::Depthwise(_) => "depthwise",
            Self::Sum(_) => "sum",
            Self::Scale(_) => "scale",
            Self::Pool(_) | Self::MaxPool(_) => "pool",
            Self::Gather(_) => "gather channels",
            Self::Foreign(_) => "tract",
        }
    }

    /// The places it reads and the places it writes.
    pub fn places(&self) -> (Vec<&Place>, Vec<&Place>) {
        match self {
            Self::Image(s) => (vec![], vec![&s.exit.to]),
            Self::Conv(s) => (vec![&s.from], vec![&s.exit.to]),
            Self::Depthwise(s) => (vec![&s.from], vec![&s.exit.to]),
            Self::Sum(s) => (
                s.terms.iter().map(|t| &t.from).collect(),
                s.exits.iter().map(|e| &e.to).collect(),
            ),
            Self::Scale(s) => (vec![&s.from, &s.gate], vec![&s.exit.to]),
            Self::Pool(s) => (vec![&s.from], vec![&s.exit.to]),
            Self::MaxPool(s) => (vec![&s.from], vec![&s.exit.to]),
            Self::Gather(s) => (s.from.iter().collect(), vec![&s.to]),
            Self::Foreign(s) => (s.from.iter().collect(), vec![&s.to]),
        }
    }

    /// An estimate of its work, in nanoseconds of one core of a server; only how it compares with
    /// other steps matters.
    pub fn work(&self) -> f64 {
        let numbers = |p: &Place| p.shape.count() as f64;
        // Products of one output number, a good deal dearer in f32.
        let products = |w: &conv::Weights, a: usize| {
            a as f64
                * if matches!(w, conv::Weights::Real(_)) {
                    0.1
                } else {
                    0.016
                }
        };
        500.0
            + match self {
                Self::Image(s) => numbers(&s.exit.to),
                Self::Conv(s) if s.geometry.is_pointwise() => {
                    numbers(&s.exit.to) * (0.45 + products(&s.weights, s.geometry.window()))
                }
                // Its windows are copied, too.
                Self::Conv(s) => {
                    numbers(&s.exit.to) * (1.5 + products(&s.weights, s.geometry.window()))
                }
                Self::Depthwise(s) => numbers(&s.exit.to) * 0.85,
                Self::Sum(s) => s.terms.iter().map(|_| 0.5 * numbers(&s.exits[0].to)).sum(),
                Self::Scale(s) => numbers(&s.from) * 0.4,
                Self::Pool(s) => numbers(&s.from) * 0.15,
                Self::MaxPool(s) => {
                    let [rows, columns] = s.window.kernel;
                    numbers(&s.exit.to) * 0.1 * (rows + columns) as f64
                }
                Self::Gather(s) => numbers(&s.to) * 0.07,
                Self::Foreign(s) => numbers(&s.to) * 20.0,
            }
    }

    /// Packs it for an instruction set.
    ///
    /// # Errors
    /// Its numbers do not fit together, which only a damaged plan can bring about, or tract refuses
    /// a foreign operator.
    pub fn prepare(&self, isa: Isa) -> Result<Box<dyn Operator>, String> {
        Ok(match self {
            Self::Image(s) => Box::new(s.prepare()),
            Self::Conv(s) => s.prepare(isa)?,
            Self::Depthwise(s) => s.prepare(isa)?,
            Self::Sum(s) => s.prepare(isa)?,
            Self::Scale(s) => Box::new(s.prepare()?),
            Self::Pool(s) => Box::new(s.prepare()?),
            Self::MaxPool(s) => Box::new(s.prepare()?),
            Self::Gather(s) => Box::new(s.prepare()?),
            Self::Foreign(s) => Box::new(s.prepare()?),
        })
    }
}
