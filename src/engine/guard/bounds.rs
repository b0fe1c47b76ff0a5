//! How much an ONNX operator can make at most, before tract sees it.
//!
//! In: a node and what is known of its inputs. Out: numbers made and multiplications done, at most;
//! an error where an operator's size hangs on numbers that are not in the file, or where tract is
//! not to run it at all.

use super::sound::{axes, sane};
use super::{MAX_INTS, MAX_NUMBERS, Stop};
use crate::engine::onnx::Attributes;
use std::sync::Arc;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;

/// What is known of a value before the network runs.
#[derive(Debug, Clone)]
pub struct Fact {
    pub dims: Vec<usize>,
    pub kind: DatumType,
    /// Whether it is known before the network runs.
    pub constant: bool,
    /// The value itself, if it is constant and not too large to be looked at.
    pub tensor: Option<Arc<Tensor>>,
}

impl Fact {
    pub fn numbers(&self) -> u64 {
        numbers(&self.dims)
    }
}

/// What a node takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    pub numbers: u64,
    /// Multiplications, or steps like them.
    pub work: u64,
}

/// The largest kernel, stride, dilation or padding along one axis.
const MAX_WINDOW: i64 = 1024;

/// Operators that make a number of every number, or of every number broadcast.
const ELEMENTWISE: &str = "\
    Abs Acos Acosh Add And Asin Asinh Atan Atanh BatchNormalization BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike \
    Ceil Celu Clip Cos Cosh DequantizeLinear Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish \
    IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow QuantizeLinear Reciprocal Relu \
    Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor";

/// Operators that make no more numbers than they read.
const NO_LARGER: &str = "\
    ArgMax ArgMin Concat CumSum DepthToSpace Dropout Flatten GlobalAveragePool GlobalLpPool GlobalMaxPool GroupNormalization \
    Identity InstanceNormalization LayerNormalization LogSoftmax LpNormalization MeanVarianceNormalization ReduceL1 ReduceL2 \
    ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RMSNormalization Shape \
    SimplifiedLayerNormalization Size Slice Softmax SpaceToDepth Split Squeeze Transpose Trilu Unsqueeze";

pub(super) fn is_one(list: &str, operator: &str) -> bool {
    list.split(' ').any(|o| o == operator)
}

pub fn numbers(dims: &[usize]) -> u64 {
    dims.iter().fold(1, |n: u64, &d| n.saturating_mul(d as u64))
}

fn broadcast<'a>(all: impl Iterator<Item = &'a [usize]>) -> Vec<usize> {
    let mut most: Vec<usize> = Vec::new(); // last axis first
    for dims in all {
        most.resize(most.len().max(dims.len()), 1);
        most.iter_mut()
            .zip(dims.iter().rev())
            .for_each(|(m, &d)| *m = (*m).max(d));
    }
    most.reverse();
    most
}

pub(super) struct Inputs<'a> {
    pub(super) node: &'a NodeProto,
    pub(super) attributes: Attributes<'a>,
    facts: &'a [Option<Fact>],
}

impl Inputs<'_> {
    pub(super) fn fact(&self, i: usize) -> Result<&Fact, Stop> {
        self.facts
            .get(i)
            .and_then(Option::as_ref)
            .ok_or_else(|| format!("its input {i} is missing"))
    }

    pub(super) fn has(&self, i: usize) -> bool {
        self.facts.get(i).is_some_and(Option::is_some)
    }

    pub(super) fn constant<T: Datum + Copy>(&self, i: usize) -> Result<Vec<T>, Stop> {
        let tensor = self.fact(i)?.tensor.as_ref().ok_or_else(|| {
            format!("its input {i}, which its result's shape hangs on, is no constant")
        })?;
        if tensor.len() > MAX_INTS {
            return Err(format!(
                "its input {i}, which its result's shape hangs on, has {} numbers",
                tensor.len()
            ));
        }
        let cast = tensor
            .cast_to::<T>()
            .map_err(|e| format!("its input {i}: {e:#}"))?;
        let view = cast
            .to_plain_array_view::<T>()
            .map_err(|e| format!("its input {i}: {e:#}"))?;
        Ok(view.iter().copied().collect())
    }

    /// The sizes that a constant input gives.
    fn sizes(&self, i: usize) -> Result<Vec<usize>, Stop> {
        let list = self.constant::<i64>(i)?;
        list.iter()
            .map(|&d| usize::try_from(d).map_err(|_| format!("the size {d}")))
            .collect()
    }

    /// The list that an attribute or a constant input gives.
    fn list(&self, name: &str, i: usize) -> Result<Vec<i64>, Stop> {
        match self.attributes.ints(name) {
            Some(list) => Ok(list.to_vec()),
            None if self.has(i) => self.constant(i),
            None => Ok(Vec::new()),
        }
    }

    fn most(&self) -> u64 {
        numbers(&broadcast(self.facts.iter().flatten().map(|f| &f.dims[..])))
    }

    fn sum(&self) -> u64 {
        self.facts
            .iter()
            .flatten()
            .fold(0, |n, f| n.saturating_add(f.numbers()))
    }

    /// A window attribute of `axes` numbers in a sane range.
    fn window(&self, name: &str, axes: usize, least: i64) -> Result<Vec<i64>, Stop> {
        let list = self
            .attributes
            .ints(name)
            .map_or_else(|| vec![least; axes], <[i64]>::to_vec);
        match list.iter().find(|&&v| !(least..=MAX_WINDOW).contains(&v)) {
            Some(v) => Err(format!("{name} of {v}, not {least} to {MAX_WINDOW}")),
            None if list.len() != axes => {
                Err(format!("{name} of {} numbers, not {axes}", list.len()))
            }
            None => Ok(list),
        }
    }

    /// Spatial size of the result, at most, and numbers in a window of `kernel`.
    fn windows(&self, kernel: Option<&[usize]>, transposed: bool) -> Result<(u64, u64), Stop> {
        let dims = &self.fact(0)?.dims;
        let axes = dims.len().saturating_sub(2);
        let shape: Vec<i64> = match (self.attributes.ints("kernel_shape"), kernel) {
            (Some(shape), _) => shape.to_vec(),
            (None, Some(kernel)) => kernel.iter().map(|&k| k as i64).collect(),
            (None, None) => return Err("no kernel_shape".into()),
        };
        let same = |kernel: &[usize]| kernel.iter().map(|&k| k as i64).eq(shape.iter().copied());
        if axes == 0 || shape.len() != axes || kernel.is_some_and(|k| !same(k)) {
            return Err(format!(
                "a kernel of {shape:?} over {dims:?} with weights of {:?}",
                kernel.unwrap_or_default()
            ));
        }
        if let Some(k) = shape.iter().find(|&&k| !(1..=MAX_WINDOW).contains(&k)) {
            return Err(format!("a kernel of {k}, not 1 to {MAX_WINDOW}"));
        }
        let stride = self.window("strides", axes, 1)?;
        let dilation = self.window("dilations", axes, 1)?;
        let pads = self.window("pads", 2 * axes, 0)?;
        let extra = self.window("output_padding", axes, 0)?;
        let asked = if self.attributes.ints("output_shape").is_some() {
            self.window("output_shape", axes, 1)?
        } else {
            vec![0; axes]
        };
        let mut size = 1u64;
        for axis in 0..axes {
            let d = dims[axis + 2] as u64;
            let k = (shape[axis] as u64 - 1) * dilation[axis] as u64 + 1;
            let out = if transposed {
                d.saturating_mul(stride[axis] as u64)
                    .saturating_add(k + extra[axis] as u64)
                    .max(asked[axis] as u64)
            } else {
                d.saturating_add((pads[axis] + pads[axis + axes]) as u64)
                    .max(d.saturating_add(k))
                    / stride[axis] as u64
                    + 1
            };
            size = size.saturating_mul(out);
        }
        Ok((
            size,
            shape.iter().fold(1u64, |n, &k| n.saturating_mul(k as u64)),
        ))
    }

    fn convolution(&self, weights: usize, data: usize) -> Result<Cost, Stop> {
        let x = &self.fact(data)?.dims;
        let w = &self.fact(weights)?.dims;
        let [o, i, kernel @ ..] = &w[..] else {
            return Err(format!("weights of the shape {w:?}"));
        };
        let transposed = self.node.op_type == "ConvTranspose";
        let group = self.attributes.int("group", 1).max(1) as u64;
        let channels = if transposed {
            (*i as u64).saturating_mul(group)
        } else {
            *o as u64
        };
        let (size, window) = self.windows(Some(kernel), transposed)?;
        let numbers = size
            .saturating_mul(channels)
            .saturating_mul(x.first().copied().unwrap_or(1) as u64);
        let work = if transposed {
            self.fact(data)?
                .numbers()
                .saturating_mul(*i as u64)
                .saturating_mul(window)
        } else {
            numbers.saturating_mul(*i as u64).saturating_mul(window)
        };
        Ok(Cost {
            numbers,
            work: work.saturating_add(numbers),
        })
    }

    fn matrices(&self, a: usize, b: usize) -> Result<Cost, Stop> {
        let a = &self.fact(a)?.dims;
        let b = &self.fact(b)?.dims;
        let gemm = self.node.op_type == "Gemm";
        let swap = |name: &str, dims: &[usize]| {
            let mut dims = dims.to_vec();
            if gemm && dims.len() == 2 && self.attributes.int(name, 0) != 0 {
                dims.swap(0, 1);
            }
            dims
        };
        let a = swap("transA", a);
        let b = swap("transB", b);
        let (rows, common) = match &a[..] {
            [.., m, k] => (*m, *k),
            [k] => (1, *k),
            [] => return Err("a matrix product of a number".into()),
        };
        let columns = if b.len() > 1 { b[b.len() - 1] } else { 1 };
        let batch = broadcast(
            [&a, &b]
                .into_iter()
                .map(|d| &d[..d.len().saturating_sub(2)]),
        );
        let numbers = numbers(&batch)
            .saturating_mul(rows as u64)
            .saturating_mul(columns as u64);
        Ok(Cost {
            numbers,
            work: numbers.saturating_mul(common as u64 + 1),
        })
    }

    fn resized(&self) -> Result<u64, Stop> {
        let dims = &self.fact(0)?.dims;
        let old = self.node.op_type == "Upsample" || self.node.input.len() == 2;
        let (scales, sizes) = if old { (1, usize::MAX) } else { (2, 3) };
        if self.has(sizes) {
            return Ok(numbers(&self.sizes(sizes)?));
        }
        let list = match self.attributes.get("scales") {
            Some(list) => list.floats.clone(),
            None => self.constant::<f32>(scales)?,
        };
        if list.len() != dims.len() || list.iter().any(|s| !(*s > 0.0 && s.is_finite())) {
            return Err(format!("scales of {list:?} for {dims:?}"));
        }
        Ok(dims
            .iter()
            .zip(list)
            .map(|(&d, s)| d as f64 * f64::from(s) + 1.0)
            .product::<f64>() as u64)
    }

    fn padded(&self) -> Result<u64, Stop> {
        let dims = &self.fact(0)?.dims;
        let pads = self.list("pads", 1)?;
        let axes = pads.len() / 2;
        if axes > dims.len()
            || pads.len() % 2 != 0
            || pads.iter().any(|p| p.unsigned_abs() > 1 << 24)
        {
            return Err(format!("pads of {pads:?} for {dims:?}"));
        }
        // With axes given, the pads are for any axes: the most that every axis may get.
        let most = |axis: usize| match self.has(3) || axes < dims.len() {
            true => pads.iter().map(|p| p.unsigned_abs()).sum::<u64>(),
            false => pads[axis].unsigned_abs() + pads[axis + axes].unsigned_abs(),
        };
        Ok(dims.iter().enumerate().fold(1u64, |n, (axis, &d)| {
            n.saturating_mul(d as u64 + most(axis))
        }))
    }

    fn ranged(&self) -> Result<u64, Stop> {
        let number = |i| {
            self.constant::<f64>(i)
                .and_then(|v| v.first().copied().ok_or_else(|| "no number".to_string()))
        };
        let start = number(0)?;
        let limit = number(1)?;
        let delta = number(2)?;
        let count = (limit - start) / delta;
        if count.is_finite() {
            Ok(count.max(0.0).ceil() as u64)
        } else {
            Err(format!("from {start} to {limit} in steps of {delta}"))
        }
    }

    fn gathered(&self) -> Result<u64, Stop> {
        let data = self.fact(0)?;
        let axis = self.attributes.int("axis", 0);
        let axis = if axis < 0 {
            axis.saturating_add(data.dims.len() as i64)
        } else {
            axis
        };
        let along = usize::try_from(axis)
            .ok()
            .and_then(|a| data.dims.get(a))
            .ok_or_else(|| format!("no axis {axis}"))?;
        Ok((data.numbers() / (*along as u64).max(1)).saturating_mul(self.fact(1)?.numbers()))
    }
}

/// What the node makes and does at most.
///
/// # Errors
/// tract is not to run it, or its size is not known.
pub fn bound(node: &NodeProto, facts: &[Option<Fact>]) -> Result<Cost, Stop> {
    let inputs = Inputs {
        node,
        attributes: Attributes(node),
        facts,
    };
    sane(node)?;
    axes(&inputs)?;
    let simple = |numbers: u64| {
        Ok(Cost {
            numbers,
            work: numbers.saturating_add(inputs.sum()),
        })
    };
    match node.op_type.as_str() {
        op if is_one(ELEMENTWISE, op) => {
            let most = inputs.most();
            Ok(Cost { numbers: most, work: most.saturating_mul(4 + facts.len() as u64) })
        }
        op if is_one(NO_LARGER, op) => {
            let sum = inputs.sum().saturating_add(16);
            Ok(Cost { numbers: sum, work: sum.saturating_mul(8) })
        }
        "Reshape" => {
            // Beyond these, tract's product of them overflows.
            let target = inputs.list("shape", 1)?;
            if let Some(d) = target.iter().find(|d| !(-1..=MAX_NUMBERS as i64).contains(d)) {
                return Err(format!("a shape of {target:?}: {d} is no size"));
            }
            simple(inputs.fact(0)?.numbers())
        }
        "LRN" => {
            let numbers = inputs.fact(0)?.numbers();
            let size = u64::try_from(inputs.attributes.int("size", 1)).map_err(|_| "a negative size")?;
            Ok(Cost { numbers, work: numbers.saturating_mul(size.max(1)) })
        }
        "Constant" => simple(node.attribute.iter().map(|a| (a.ints.len() + a.floats.len() + 1) as u64).sum()),
        "Conv" | "ConvTranspose" | "ConvInteger" => inputs.convolution(1, 0),
        "QLinearConv" => inputs.convolution(3, 0),
        "MatMul" | "Gemm" | "MatMulInteger" => inputs.matrices(0, 1),
        "QLinearMatMul" => inputs.matrices(0, 3),
        "MaxPool" | "AveragePool" => {
            let dims = &inputs.fact(0)?.dims;
            let (size, window) = inputs.windows(None, false)?;
            let numbers = numbers(&dims[..2]).saturating_mul(size);
            Ok(Cost { numbers, work: numbers.saturating_mul(window) })
        }
        "ConstantOfShape" => simple(numbers(&inputs.sizes(0)?)),
        "Expand" => simple(numbers(&broadcast([&inputs.fact(0)?.dims[..], &inputs.sizes(1)?].into_iter()))),
        "Tile" => simple(inputs.fact(0)?.numbers().saturating_mul(numbers(&inputs.sizes(1)?).max(1))),
        "Resize" | "Upsample" => inputs.resized().and_then(|n| Ok(Cost { work: n.saturating_mul(16), ..simple(n)? })),
        "Pad" => simple(inputs.padded()?),
        "Range" => simple(inputs.ranged()?),
        "Gather" => simple(inputs.gathered()?),
        _ => Err(
            "no operator of a pose network that is supported. Export without control flow, random numbers and post-processing"
                .into(),
        ),
    }
}
