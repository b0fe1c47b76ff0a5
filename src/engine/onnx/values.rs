//! Values as ONNX writes them, and models as tract reads them.

use super::Stop;
use std::sync::Arc;
use tract_onnx::Onnx;
use tract_onnx::pb::{self, TensorProto, ValueInfoProto, tensor_proto::DataType};
use tract_onnx::prelude::*;

/// Loads and simplifies a model with fixed shapes.
pub fn typed(onnx: &Onnx, model: &pb::ModelProto) -> TractResult<TypedModel> {
    onnx.model_for_proto_model(model)?.into_optimized()
}

/// A value as an input of a model.
///
/// # Errors
/// ONNX has no such numbers.
pub fn info(name: &str, dims: &[usize], kind: DatumType) -> Result<ValueInfoProto, Stop> {
    use pb::{
        TensorShapeProto, TypeProto, tensor_shape_proto::Dimension, tensor_shape_proto::dimension,
        type_proto,
    };
    let dim = dims
        .iter()
        .map(|&d| Dimension {
            value: Some(dimension::Value::DimValue(d as i64)),
            ..Default::default()
        })
        .collect();
    let tensor = type_proto::Tensor {
        elem_type: onnx_type(name, kind)? as i32,
        shape: Some(TensorShapeProto { dim }),
    };
    let r#type = TypeProto {
        value: Some(type_proto::Value::TensorType(tensor)),
        ..Default::default()
    };
    Ok(ValueInfoProto {
        name: name.into(),
        r#type: Some(r#type),
        ..Default::default()
    })
}

fn onnx_type(name: &str, kind: DatumType) -> Result<DataType, Stop> {
    Ok(match kind {
        DatumType::F32 => DataType::Float,
        DatumType::F64 => DataType::Double,
        DatumType::F16 => DataType::Float16,
        // A shape, which tract computes with as symbols.
        DatumType::I64 | DatumType::TDim => DataType::Int64,
        DatumType::I32 => DataType::Int32,
        DatumType::I8 => DataType::Int8,
        DatumType::U8 => DataType::Uint8,
        DatumType::Bool => DataType::Bool,
        other => return Err(format!("the value {name:?} is {other:?}")),
    })
}

/// A value as a constant of a model.
///
/// # Errors
/// ONNX has no such numbers.
pub fn proto(name: &str, tensor: &Arc<Tensor>) -> Result<TensorProto, Stop> {
    let data_type = onnx_type(name, tensor.datum_type())?;
    let tensor = match tensor.datum_type() {
        DatumType::TDim => tensor
            .cast_to::<i64>()
            .map_err(|e| format!("the constant {name:?}: {e:#}"))?,
        _ => std::borrow::Cow::Borrowed(tensor.as_ref()),
    };
    let dims = tensor.shape().iter().map(|&d| d as i64).collect();
    Ok(TensorProto {
        name: name.into(),
        dims,
        data_type: data_type as i32,
        raw_data: tensor.as_bytes().to_vec(),
        ..Default::default()
    })
}
