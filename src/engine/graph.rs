//! The network between the ONNX file and the program: one node a mathematical step, with explicit
//! roundings.
//!
//! In this form a QDQ file and a float file differ only in [`Kind::Round`], the pair QuantizeLinear
//! → DequantizeLinear. Every value is a picture of one batch, channels x height x width; what is
//! not goes through [`Kind::Foreign`] nodes.

use serde::{Deserialize, Serialize};

/// Index of a node, which stands for the value it makes.
pub type Id = usize;

/// Channels, height, width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    pub c: usize,
    pub h: usize,
    pub w: usize,
}

impl Shape {
    /// Numbers of a value.
    pub fn count(self) -> usize {
        self.c * self.h * self.w
    }
}

/// One step.
#[derive(Debug, Clone)]
pub struct Node {
    /// The ONNX node it comes from, for messages.
    pub name: String,
    pub kind: Kind,
    pub inputs: Vec<Id>,
    /// Dimensions in ONNX order; 1 x C x H x W for a picture.
    pub dims: Vec<usize>,
}

impl Node {
    /// The shape of a picture; None for what only foreign operators use.
    pub fn shape(&self) -> Option<Shape> {
        match self.dims[..] {
            [1, c, h, w] => Some(Shape { c, h, w }),
            _ => None,
        }
    }
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Kind {
    Input,
    Conv(Conv),
    /// To the nearest point of an int8 grid: QuantizeLinear → DequantizeLinear.
    Round(Steps),
    Act(Activation),
    /// a + b; b may be one number a channel (1x1).
    Add,
    /// a · b; b may be one number a channel (1x1).
    Mul,
    /// Mean over windows of so many rows and columns without overlap or padding.
    Pool([usize; 2]),
    /// The greatest number of every window.
    MaxPool(Window),
    /// Channels taken from the inputs: split, concat, shuffle and all their combinations. (input,
    /// channel) an output channel.
    Channels(Vec<(usize, usize)>),
    /// Every pixel `0` x `0` times.
    Nearest(usize),
    /// Linear interpolation to the node's size.
    Bilinear {
        align_corners: bool,
    },
    /// An ONNX operator that only tract knows.
    Foreign(Box<Foreign>),
}

/// Weights of a convolution.
#[derive(Debug, Clone)]
pub struct Conv {
    pub geometry: Geometry,
    pub weights: Weights,
    pub bias: Vec<f32>,
}

#[derive(Debug, Clone)]
pub enum Weights {
    /// [outputs, inputs/groups, kernel h, kernel w], int8 with one scale an output.
    Int8 { values: Vec<i8>, scale: Vec<f32> },
    /// The same in real numbers.
    Real(Vec<f32>),
}

impl Weights {
    /// Bytes of the numbers.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Int8 { values, .. } => values.len(),
            Self::Real(values) => values.len() * 4,
        }
    }
}

/// Geometry of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Geometry {
    pub inputs: usize,
    pub outputs: usize,
    /// Every input channel has its own kernel (outputs = inputs).
    pub depthwise: bool,
    pub kernel: [usize; 2],
    pub stride: usize,
    pub pad: [usize; 2],
}

/// Windows over a picture: rows and columns of one, from one to the next, and beyond the picture's
/// upper and left edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub pad: [usize; 2],
}

impl Geometry {
    pub fn is_pointwise(&self) -> bool {
        !self.depthwise && self.kernel == [1, 1] && self.stride == 1 && self.pad == [0, 0]
    }

    /// Weights of one output.
    pub fn window(&self) -> usize {
        self.kernel[0] * self.kernel[1] * if self.depthwise { 1 } else { self.inputs }
    }
}

/// An int8 grid: one scale and zero, or one a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    pub scale: Vec<f32>,
    pub zero: Vec<i8>,
}

impl Steps {
    /// Scale and zero of a channel.
    pub fn at(&self, channel: usize) -> (f32, i8) {
        let i = if self.scale.len() == 1 { 0 } else { channel };
        (self.scale[i], self.zero[i])
    }

    /// One entry a channel.
    pub fn expand(&self, channels: usize) -> Self {
        let at = |c| self.at(c);
        Self {
            scale: (0..channels).map(|c| at(c).0).collect(),
            zero: (0..channels).map(|c| at(c).1).collect(),
        }
    }

    /// Whether all channels share one grid.
    pub fn is_uniform(&self) -> bool {
        self.scale.iter().all(|&s| s == self.scale[0])
            && self.zero.iter().all(|&z| z == self.zero[0])
    }
}

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Activation {
    /// To [low, high]: ReLU, ReLU6, Clip.
    Limit {
        low: f32,
        high: f32,
    },
    Sigmoid,
    /// v · sigmoid(v): SiLU.
    Swish,
    /// clamp(v · slope + offset, 0, 1), times v if `times`: HardSigmoid, HardSwish.
    Hard {
        slope: f32,
        offset: f32,
        times: bool,
    },
}

impl Activation {
    pub const RELU: Self = Self::Limit {
        low: 0.0,
        high: f32::INFINITY,
    };

    /// Whether far from 0 it is a ReLU, and near it something else.
    pub fn is_bent(self) -> bool {
        let ends = [-8.0, 8.0].map(|v: f64| (self.of(v) - v.max(0.0)).abs());
        ends.iter().all(|off| *off < 0.01) && self.of(1.0) != 1.0
    }

    /// What it makes of a number.
    pub fn of(self, v: f64) -> f64 {
        match self {
            Self::Limit { low, high } => v.max(low.into()).min(high.into()),
            Self::Sigmoid => 1.0 / (1.0 + (-v).exp()),
            Self::Swish => v / (1.0 + (-v).exp()),
            Self::Hard {
                slope,
                offset,
                times,
            } => {
                let gate = (v * f64::from(slope) + f64::from(offset)).clamp(0.0, 1.0);
                if times { v * gate } else { gate }
            }
        }
    }
}

/// An operator run by tract, as a model of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Foreign {
    pub operator: String,
    /// The ONNX model of this one node, as a file's bytes.
    pub model: Vec<u8>,
}

/// Steps in the order in which they can run; the last input of nothing is the output.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub output: Id,
}

impl Graph {
    pub fn push(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// For every node, the nodes that read it (twice, if twice).
    pub fn readers(&self) -> Vec<Vec<Id>> {
        let mut readers = vec![Vec::new(); self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            for &input in &node.inputs {
                readers[input].push(id);
            }
        }
        readers
    }

    /// Removes what the output does not need, keeping the order.
    pub fn prune(&mut self) {
        let mut needed = vec![false; self.nodes.len()];
        needed[self.output] = true;
        for id in (0..self.nodes.len()).rev() {
            if needed[id] || matches!(self.nodes[id].kind, Kind::Input) {
                needed[id] = true;
                for &input in &self.nodes[id].inputs {
                    needed[input] = true;
                }
            }
        }
        let mut place = vec![0; self.nodes.len()];
        let mut kept = Vec::new();
        for (id, mut node) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            if needed[id] {
                for input in &mut node.inputs {
                    *input = place[*input];
                }
                place[id] = kept.len();
                kept.push(node);
            }
        }
        self.output = place[self.output];
        self.nodes = kept;
    }
}
