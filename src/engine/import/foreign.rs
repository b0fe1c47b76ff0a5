//! Operators that only tract knows: each becomes an ONNX model of its own, which tract-onnx loads.

use super::{Import, Stop, Value};
use crate::engine::graph::{Foreign, Kind};
use prost::Message;
use std::sync::Arc;
use tract_onnx::Onnx;
use tract_onnx::pb::{self, NodeProto, TensorProto, ValueInfoProto, tensor_proto::DataType};
use tract_onnx::prelude::*;

impl<'a> Import<'a> {
    /// Loads one node with tract: a constant if all its inputs are, else a foreign step.
    pub(super) fn foreign(&mut self, node: &'a NodeProto) -> Result<Value, Stop> {
        let outputs = node.output.iter().filter(|o| !o.is_empty() && self.uses.contains_key(o.as_str())).count();
        if outputs > 1 || node.output.first().is_none_or(String::is_empty) {
            return Err(format!("{outputs} of its outputs are used"));
        }
        let (mut inputs, mut constants, mut infos) = (Vec::new(), Vec::new(), Vec::new());
        let mut names: Vec<&str> = node.input.iter().map(String::as_str).filter(|n| !n.is_empty()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            match self.values.get(name) {
                Some(Value::Const(tensor)) => constants.push(proto(name, tensor)?),
                Some(Value::Node(id)) => {
                    infos.push(info(name, &self.graph.nodes[*id].dims));
                    inputs.push(*id);
                }
                Some(Value::Weights { .. }) => {
                    let index = node.input.iter().position(|n| n == name).unwrap_or(0);
                    let (dims, reals) = self.reals(node, index).ok_or("weights of an unknown type")?;
                    let tensor = Tensor::from_shape(&dims, &reals).map_err(|e| format!("{e:#}"))?;
                    constants.push(proto(name, &Arc::new(tensor))?);
                }
                Some(Value::Quantised(..)) => return Err("it works on int8 directly".into()),
                Some(Value::Groups { .. }) => return Err("it reads the middle of a channel shuffle".into()),
                None => return Err(format!("its input {name:?} is made by no node before it")),
            }
        }
        let graph = pb::GraphProto {
            name: "node".into(),
            node: vec![node.clone()],
            initializer: constants,
            input: infos,
            output: vec![ValueInfoProto { name: node.output[0].clone(), ..Default::default() }],
            ..Default::default()
        };
        let model = pb::ModelProto {
            ir_version: self.model.ir_version,
            opset_import: self.model.opset_import.clone(),
            graph: Some(graph),
            ..Default::default()
        };
        let typed = typed(&self.onnx, &model).map_err(|e| format!("{e:#}"))?;
        let fact = typed.output_fact(0).map_err(|e| format!("{e:#}"))?;
        if let Some(tensor) = &fact.konst {
            return Ok(Value::Const(tensor.clone()));
        }
        let dims = fact.shape.as_concrete().ok_or("its output has no fixed shape")?.to_vec();
        if fact.datum_type != DatumType::F32 {
            return Err(format!("its output is {:?}, not f32", fact.datum_type));
        }
        if inputs.is_empty() {
            return Err("it computes from constants what tract does not fold".into());
        }
        self.foreign.push(format!("{} ({})", if node.name.is_empty() { &node.output[0] } else { &node.name }, node.op_type));
        let foreign = Foreign { operator: node.op_type.clone(), model: model.encode_to_vec() };
        self.push(&node.name, Kind::Foreign(Box::new(foreign)), inputs, dims).map(Value::Node)
    }
}

/// Loads and simplifies a model with fixed shapes.
pub fn typed(onnx: &Onnx, model: &pb::ModelProto) -> TractResult<TypedModel> {
    onnx.model_for_proto_model(model)?.into_optimized()
}

fn info(name: &str, dims: &[usize]) -> ValueInfoProto {
    use pb::{TensorShapeProto, TypeProto, tensor_shape_proto::Dimension, tensor_shape_proto::dimension, type_proto};
    let dim =
        dims.iter().map(|&d| Dimension { value: Some(dimension::Value::DimValue(d as i64)), ..Default::default() }).collect();
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(TensorShapeProto { dim }) };
    let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(r#type), ..Default::default() }
}

fn proto(name: &str, tensor: &Arc<Tensor>) -> Result<TensorProto, Stop> {
    let data_type = match tensor.datum_type() {
        DatumType::F32 => DataType::Float,
        DatumType::F64 => DataType::Double,
        DatumType::I64 => DataType::Int64,
        DatumType::I32 => DataType::Int32,
        DatumType::I8 => DataType::Int8,
        DatumType::U8 => DataType::Uint8,
        DatumType::Bool => DataType::Bool,
        other => return Err(format!("the constant {name:?} is {other:?}")),
    };
    let dims = tensor.shape().iter().map(|&d| d as i64).collect();
    Ok(TensorProto {
        name: name.into(),
        dims,
        data_type: data_type as i32,
        raw_data: tensor.as_bytes().to_vec().into(),
        ..Default::default()
    })
}
