//! QuantizeLinear and DequantizeLinear. A pair of them around nothing is a rounding; a
//! DequantizeLinear of a constant is a weight.

use super::{Import, Stop, Value};
use crate::engine::graph::{Kind, Steps};
use crate::engine::onnx::Attributes;
use std::sync::Arc;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tensor::load_tensor;

/// uint8 0 on the int8 grid.
const UINT8_ZERO: i8 = -128;

/// `(q − zero) · scale`.
pub fn real(q: i8, (scale, zero): (f32, i8)) -> f32 {
    (i32::from(q) - i32::from(zero)) as f32 * scale
}

/// The int8 values of a tensor that holds int8.
pub fn bytes(tensor: &Tensor) -> Option<Vec<i8>> {
    Some(
        tensor
            .to_plain_array_view::<i8>()
            .ok()?
            .iter()
            .copied()
            .collect(),
    )
}

impl<'a> Import<'a> {
    pub(super) fn constant(&mut self, attributes: &Attributes<'a>) -> Result<Option<Value>, Stop> {
        let tensor = match attributes.get("value").and_then(|a| a.t.as_ref()) {
            Some(proto) => {
                load_tensor(&*self.onnx.provider, proto, None).map_err(|e| format!("{e:#}"))?
            }
            None => return Ok(None),
        };
        self.budget.hold(tensor.as_bytes().len() as u64)?;
        Ok(Some(Value::Const(Arc::new(tensor))))
    }

    /// The grid that inputs 1 and 2 of a node give, shifted to int8 if it is uint8. None if it is
    /// another type. Without a zero point it is `zero`.
    fn steps(&self, node: &NodeProto, zero: i8) -> Result<Option<Steps>, Stop> {
        let Some((_, scale)) = self.reals(node, 1) else {
            return Ok(None);
        };
        let zero = match self.input(node, 2) {
            None => {
                return Ok(Some(Steps {
                    zero: vec![zero; scale.len()],
                    scale,
                }));
            }
            Some(Value::Const(tensor)) => tensor,
            Some(_) => return Ok(None),
        };
        let zero = match zero.datum_type() {
            DatumType::I8 => bytes(zero),
            DatumType::U8 => zero
                .to_plain_array_view::<u8>()
                .ok()
                .map(|z| z.iter().map(|&z| (z ^ 0x80) as i8).collect()),
            _ => None,
        };
        match zero {
            Some(zero) if zero.len() == scale.len() && !zero.is_empty() => {
                if scale.iter().any(|s| !(s.is_normal() && *s > 0.0)) {
                    return Err("a scale is not a positive number".into());
                }
                Ok(Some(Steps { scale, zero }))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn quantize(
        &mut self,
        node: &'a NodeProto,
        attributes: &Attributes,
    ) -> Result<Option<Value>, Stop> {
        let Some(steps) = self.steps(node, UINT8_ZERO)? else {
            return Ok(None);
        };
        let name: Arc<str> = node.name.as_str().into();
        self.budget.hold(5 * steps.scale.len() as u64)?;
        match self.input(node, 0) {
            Some(&Value::Node(id)) => {
                let dims = &self.graph.nodes[id].dims;
                let channels = dims.get(1).copied().unwrap_or(1);
                let axis = attributes.int("axis", 1);
                let fits = steps.scale.len() == 1 || (axis == 1 && steps.scale.len() == channels);
                Ok((dims.len() == 4 && fits).then_some(Value::Quantised(id, steps, name)))
            }
            // A rounding by one grid for all commutes with the shuffle around it.
            Some(&Value::Groups {
                of,
                groups,
                swapped,
            }) if steps.scale.len() == 1 => {
                let dims = self.graph.nodes[of].dims.clone();
                let of = self.push(&node.name, Kind::Round(steps), vec![of], dims)?;
                Ok(Some(Value::Groups {
                    of,
                    groups,
                    swapped,
                }))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn dequantize(
        &mut self,
        node: &'a NodeProto,
        attributes: &Attributes,
    ) -> Result<Option<Value>, Stop> {
        match self.input(node, 0).cloned() {
            Some(Value::Quantised(id, steps, name)) => {
                if self.steps(node, UINT8_ZERO)?.as_ref() != Some(&steps) {
                    return Err("it reads another grid than its QuantizeLinear wrote".into());
                }
                let dims = self.graph.nodes[id].dims.clone();
                self.push(&name, Kind::Round(steps), vec![id], dims)
                    .map(|id| Some(Value::Node(id)))
            }
            // Already rounded by `quantize`.
            Some(groups @ Value::Groups { .. }) => Ok(Some(groups)),
            Some(Value::Const(values)) => self.weights(node, attributes, values),
            _ => Ok(None),
        }
    }

    fn weights(
        &mut self,
        node: &'a NodeProto,
        attributes: &Attributes,
        values: Arc<Tensor>,
    ) -> Result<Option<Value>, Stop> {
        let outputs = values.shape().first().copied().unwrap_or(1);
        if values.datum_type() == DatumType::I32 {
            // A bias: int32 with scales, without zeros.
            let Some((_, scale)) = self.reals(node, 1) else {
                return Ok(None);
            };
            let view = values
                .to_plain_array_view::<i32>()
                .map_err(|e| format!("{e:#}"))?;
            if scale.len() != 1 && scale.len() != view.len() {
                return Ok(None);
            }
            self.budget.hold(4 * view.len() as u64)?;
            let real: Vec<f32> = view
                .iter()
                .enumerate()
                .map(|(i, &v)| (f64::from(v) * f64::from(scale[i % scale.len()])) as f32)
                .collect();
            let tensor = Tensor::from_shape(values.shape(), &real).map_err(|e| format!("{e:#}"))?;
            return Ok(Some(Value::Const(Arc::new(tensor))));
        }
        let Some(steps) = self.steps(
            node,
            if values.datum_type() == DatumType::I8 {
                0
            } else {
                UINT8_ZERO
            },
        )?
        else {
            return Ok(None);
        };
        if steps.scale.len() != 1
            && (attributes.int("axis", 1) != 0 || steps.scale.len() != outputs)
        {
            return Ok(None);
        }
        self.budget.hold(5 * steps.scale.len() as u64)?;
        let values = match values.datum_type() {
            DatumType::I8 => values,
            DatumType::U8 => {
                let view = values
                    .to_plain_array_view::<u8>()
                    .map_err(|e| format!("{e:#}"))?;
                self.budget.hold(view.len() as u64)?;
                let shifted: Vec<i8> = view.iter().map(|&v| (v ^ 0x80) as i8).collect();
                Arc::new(
                    Tensor::from_shape(values.shape(), &shifted).map_err(|e| format!("{e:#}"))?,
                )
            }
            _ => return Ok(None),
        };
        Ok(Some(Value::Weights { values, steps }))
    }
}
