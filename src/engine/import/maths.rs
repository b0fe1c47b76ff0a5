//! Convolutions, activations, sums, products, pools and resizes.

use super::{Import, Stop, Value, quantise};
use crate::engine::graph::{Activation, Conv, Geometry, Id, Kind, Weights, Window};
use crate::engine::onnx::Attributes;
use tract_onnx::pb::NodeProto;

type Known = Result<Option<Value>, Stop>;

/// Rows or columns of a window, and from one to the next.
const MOST_WINDOW: usize = 31;

impl<'a> Import<'a> {
    pub(super) fn conv(&mut self, node: &'a NodeProto, attributes: &Attributes) -> Known {
        let Some((id, [c, h, w])) = self.picture(node, 0) else {
            return Ok(None);
        };
        let (dims, weights) = match self.input(node, 1) {
            // A zero other than 0 leaves int8: such weights are multiplied in real numbers.
            Some(Value::Weights { values, steps }) if steps.zero.iter().all(|&z| z == 0) => {
                let Some(bytes) = quantise::bytes(values) else {
                    return Ok(None);
                };
                let scale = steps
                    .expand(values.shape().first().copied().unwrap_or(0))
                    .scale;
                (
                    values.shape().to_vec(),
                    Weights::Int8 {
                        values: bytes,
                        scale,
                    },
                )
            }
            Some(Value::Const(_) | Value::Weights { .. }) => match self.reals(node, 1) {
                Some((dims, values)) => (dims, Weights::Real(values)),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let [outputs, per_group, kh, kw] = dims[..] else {
            return Ok(None);
        };
        let group = usize::try_from(attributes.int("group", 1)).map_err(|_| "a negative group")?;
        let depthwise = group != 1 && group == c && group == outputs && per_group == 1;
        let stride = attributes.pair("strides", 1);
        let pads = attributes.pads();
        let (Some([sy, sx]), Some(pads)) = (stride, pads) else {
            return Ok(None);
        };
        let [top, left, bottom, right] = pads;
        let simple = attributes.pair("dilations", 1) == Some([1, 1])
            && matches!(attributes.text("auto_pad", "NOTSET"), "NOTSET");
        if !simple
            || sy != sx
            || sy == 0
            || kh == 0
            || kw == 0
            || outputs == 0
            || !(depthwise || group == 1)
        {
            return Ok(None);
        }
        if top >= kh.max(2)
            || left >= kw.max(2)
            || bottom >= kh.max(2)
            || right >= kw.max(2)
            || kh > MOST_WINDOW
            || kw > MOST_WINDOW
            || sy > MOST_WINDOW
        {
            return Ok(None);
        }
        if !depthwise && per_group != c {
            return Err(format!(
                "{per_group} input channels in its weights, {c} in its input"
            ));
        }
        let bias = match node.input.get(2).filter(|n| !n.is_empty()) {
            None => vec![0.0; outputs],
            Some(_) => match self.reals(node, 2) {
                Some((_, bias)) if bias.len() == outputs => bias,
                _ => return Ok(None),
            },
        };
        let (Some(oh), Some(ow)) = (
            (h + top + bottom).checked_sub(kh),
            (w + left + right).checked_sub(kw),
        ) else {
            return Err(format!("a {kh}x{kw} kernel over a {h}x{w} picture"));
        };
        let geometry = Geometry {
            inputs: c,
            outputs,
            depthwise,
            kernel: [kh, kw],
            stride: sy,
            pad: [top, left],
        };
        let dims = vec![1, outputs, oh / sy + 1, ow / sy + 1];
        self.push(
            &node.name,
            Kind::Conv(Conv {
                geometry,
                weights,
                bias,
            }),
            vec![id],
            dims,
        )
        .map(|id| Some(Value::Node(id)))
    }

    /// `(x − mean) / √(variance + ε) · scale + bias`, folded into the convolution before it.
    pub(super) fn batch_norm(&mut self, node: &'a NodeProto, attributes: &Attributes) -> Known {
        let Some((id, [c, ..])) = self.picture(node, 0) else {
            return Ok(None);
        };
        let numbers: Option<Vec<Vec<f32>>> = (1..5)
            .map(|i| self.reals(node, i).map(|r| r.1).filter(|r| r.len() == c))
            .collect();
        let alone = node
            .input
            .first()
            .and_then(|name| self.uses.get(name.as_str()))
            .is_some_and(|u| u.count == 1);
        let (Some(numbers), true) = (numbers, alone) else {
            return Ok(None);
        };
        let epsilon = attributes.float("epsilon", 1e-5);
        let Kind::Conv(conv) = &mut self.graph.nodes[id].kind else {
            return Ok(None);
        };
        let factor: Vec<f32> = (0..c)
            .map(|i| numbers[0][i] / (numbers[3][i] + epsilon).sqrt())
            .collect();
        match &mut conv.weights {
            Weights::Int8 { .. } if factor.iter().any(|f| f.is_nan() || *f <= 0.0) => {
                return Ok(None);
            }
            Weights::Int8 { scale, .. } => scale.iter_mut().zip(&factor).for_each(|(s, f)| *s *= f),
            Weights::Real(w) => {
                let each = (w.len() / c).max(1);
                w.chunks_mut(each)
                    .zip(&factor)
                    .for_each(|(w, f)| w.iter_mut().for_each(|w| *w *= f));
            }
        }
        for (i, b) in conv.bias.iter_mut().enumerate() {
            *b = (*b - numbers[2][i]) * factor[i] + numbers[1][i];
        }
        Ok(Some(Value::Node(id)))
    }

    pub(super) fn activation(&mut self, node: &'a NodeProto, attributes: &Attributes) -> Known {
        let activation = match node.op_type.as_str() {
            "Relu" => Activation::RELU,
            "Sigmoid" => Activation::Sigmoid,
            "HardSigmoid" => Activation::Hard {
                slope: attributes.float("alpha", 0.2),
                offset: attributes.float("beta", 0.5),
                times: false,
            },
            "HardSwish" => Activation::Hard {
                slope: 1.0 / 6.0,
                offset: 0.5,
                times: true,
            },
            _ => {
                let limit = |index: usize, name: &str, default: f32| match node
                    .input
                    .get(index)
                    .filter(|n| !n.is_empty())
                {
                    Some(_) => self.reals(node, index).and_then(|r| r.1.first().copied()),
                    None => Some(attributes.float(name, default)),
                };
                let low = limit(1, "min", f32::NEG_INFINITY);
                let high = limit(2, "max", f32::INFINITY);
                let (Some(low), Some(high)) = (low, high) else {
                    return Ok(None);
                };
                if low.is_nan() || high.is_nan() || low > high {
                    return Err(format!("it clips to the range {low} to {high}"));
                }
                Activation::Limit { low, high }
            }
        };
        let Some((id, _)) = self.picture(node, 0) else {
            return Ok(None);
        };
        let dims = self.graph.nodes[id].dims.clone();
        self.push(&node.name, Kind::Act(activation), vec![id], dims)
            .map(|id| Some(Value::Node(id)))
    }

    /// Add and Mul of two pictures of one size, or of a picture and one number a channel.
    pub(super) fn arithmetic(&mut self, node: &'a NodeProto) -> Known {
        let (Some((a, sa)), Some((b, sb))) = (self.picture(node, 0), self.picture(node, 1)) else {
            return Ok(None);
        };
        let (a, b, size) = match () {
            () if sa == sb => (a, b, sa),
            () if sb == [sa[0], 1, 1] => (a, b, sa),
            () if sa == [sb[0], 1, 1] => (b, a, sb),
            () => return Ok(None),
        };
        if node.op_type == "Mul"
            && let Some(x) = self.swish(a, b).or_else(|| self.swish(b, a))
        {
            let dims = vec![1, size[0], size[1], size[2]];
            return self
                .push(&node.name, Kind::Act(Activation::Swish), vec![x], dims)
                .map(|id| Some(Value::Node(id)));
        }
        let kind = if node.op_type == "Add" {
            Kind::Add
        } else {
            Kind::Mul
        };
        self.push(
            &node.name,
            kind,
            vec![a, b],
            vec![1, size[0], size[1], size[2]],
        )
        .map(|id| Some(Value::Node(id)))
    }

    /// `x`, if `gate` is its sigmoid.
    fn swish(&self, x: Id, gate: Id) -> Option<Id> {
        let gate = &self.graph.nodes[gate];
        let own = matches!(gate.kind, Kind::Act(Activation::Sigmoid)) && gate.inputs == [x];
        own.then_some(x)
    }

    pub(super) fn max_pool(&mut self, node: &'a NodeProto, attributes: &Attributes) -> Known {
        let Some((id, [c, h, w])) = self.picture(node, 0) else {
            return Ok(None);
        };
        let simple = attributes.int("ceil_mode", 0) == 0
            && attributes.pair("dilations", 1) == Some([1, 1])
            && attributes.text("auto_pad", "NOTSET") == "NOTSET"
            && node.output.iter().filter(|o| !o.is_empty()).count() == 1;
        let (Some(kernel), Some(stride), Some([top, left, bottom, right])) = (
            attributes.pair("kernel_shape", 0),
            attributes.pair("strides", 1),
            attributes.pads(),
        ) else {
            return Ok(None);
        };
        let [kh, kw] = kernel;
        // Every window must see a part of the picture.
        let sees = top.max(bottom) < kh && left.max(right) < kw;
        if !simple || !sees || kh > MOST_WINDOW || kw > MOST_WINDOW || stride.contains(&0) {
            return Ok(None);
        }
        let (Some(oh), Some(ow)) = (
            (h + top + bottom).checked_sub(kh),
            (w + left + right).checked_sub(kw),
        ) else {
            return Err(format!("a {kh}x{kw} window over a {h}x{w} picture"));
        };
        let window = Window {
            kernel,
            stride,
            pad: [top, left],
        };
        let dims = vec![1, c, oh / stride[0] + 1, ow / stride[1] + 1];
        self.push(&node.name, Kind::MaxPool(window), vec![id], dims)
            .map(|id| Some(Value::Node(id)))
    }

    pub(super) fn pool(&mut self, node: &'a NodeProto, attributes: &Attributes) -> Known {
        let Some((id, [c, h, w])) = self.picture(node, 0) else {
            return Ok(None);
        };
        let kernel = if node.op_type == "GlobalAveragePool" {
            Some([h, w])
        } else {
            attributes.pair("kernel_shape", 0)
        };
        let stride = if node.op_type == "GlobalAveragePool" {
            kernel
        } else {
            attributes.pair("strides", 1)
        };
        let padded = attributes
            .ints("pads")
            .is_some_and(|p| p.iter().any(|&p| p != 0));
        let (Some([kh, kw]), false) = (kernel, padded) else {
            return Ok(None);
        };
        let simple = attributes.int("ceil_mode", 0) == 0
            && attributes.text("auto_pad", "NOTSET") == "NOTSET";
        let once = stride == kernel || (kh == h && kw == w);
        if !simple || !once || kh == 0 || kw == 0 || kh > h || kw > w || h % kh != 0 || w % kw != 0
        {
            return Ok(None);
        }
        let dims = vec![1, c, h / kh, w / kw];
        self.push(&node.name, Kind::Pool([kh, kw]), vec![id], dims)
            .map(|id| Some(Value::Node(id)))
    }

    pub(super) fn resize(&mut self, node: &'a NodeProto, attributes: &Attributes) -> Known {
        let Some((id, [c, h, w])) = self.picture(node, 0) else {
            return Ok(None);
        };
        let (scale_input, size_input) = if node.op_type == "Upsample" || node.input.len() == 2 {
            (1, 9)
        } else {
            (2, 3)
        };
        let target = match (self.ints(node, size_input), self.reals(node, scale_input)) {
            (Some(sizes), _) if sizes.len() == 4 => [sizes[2], sizes[3]].map(usize::try_from),
            (_, Some((_, scales))) if scales.len() == 4 && scales[..2] == [1.0, 1.0] => {
                let size = |n: usize, s: f32| Ok((n as f32 * s).floor().max(0.0) as usize);
                [size(h, scales[2]), size(w, scales[3])]
            }
            _ => return Ok(None),
        };
        let [Ok(oh), Ok(ow)] = target else {
            return Ok(None);
        };
        let default = if node.op_type == "Upsample" {
            "asymmetric"
        } else {
            "half_pixel"
        };
        let coordinates = attributes.text("coordinate_transformation_mode", default);
        let rounding = attributes.text(
            "nearest_mode",
            if node.op_type == "Upsample" {
                "floor"
            } else {
                "round_prefer_floor"
            },
        );
        let kind = match attributes.text("mode", "nearest") {
            "nearest" => {
                let factor = oh / h;
                let fits = factor >= 1 && oh == h * factor && ow == w * factor;
                let repeats = matches!(
                    (coordinates, rounding),
                    ("asymmetric", "floor") | ("half_pixel", "round_prefer_floor")
                );
                if !fits || !repeats {
                    return Ok(None);
                }
                Kind::Nearest(factor)
            }
            "linear" | "bilinear" => match coordinates {
                "align_corners" => Kind::Bilinear {
                    align_corners: true,
                },
                "half_pixel" | "pytorch_half_pixel"
                    if oh > 1 && ow > 1 && attributes.int("antialias", 0) == 0 =>
                {
                    Kind::Bilinear {
                        align_corners: false,
                    }
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.push(&node.name, kind, vec![id], vec![1, c, oh, ow])
            .map(|id| Some(Value::Node(id)))
    }
}
