//! Small ONNX models, written node by node.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, tensor_proto::DataType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension, type_proto,
};

/// A model whose picture is `x` and whose output is `y`.
#[derive(Default)]
pub struct Model {
    pub graph: GraphProto,
    pub opset: i64,
}

pub fn tensor(name: &str, dims: &[i64], kind: DataType, raw_data: Vec<u8>) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: kind as i32,
        raw_data,
        ..Default::default()
    }
}

pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    tensor(
        name,
        dims,
        DataType::Float,
        values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    )
}

pub fn ints(name: &str, values: &[i64]) -> TensorProto {
    let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    tensor(name, &[values.len() as i64], DataType::Int64, data)
}

/// A whole number that is no list.
pub fn int(name: &str, value: i64) -> TensorProto {
    tensor(name, &[], DataType::Int64, value.to_le_bytes().to_vec())
}

pub fn list(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        ints: ints.to_vec(),
        r#type: 7,
        ..Default::default()
    }
}

pub fn number(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        i,
        r#type: 2,
        ..Default::default()
    }
}

pub fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        f,
        r#type: 1,
        ..Default::default()
    }
}

pub fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        s: s.into(),
        r#type: 3,
        ..Default::default()
    }
}

/// The type of a picture whose first dimension is a formula.
pub fn symbolic(formula: &str) -> TypeProto {
    let value = Some(dimension::Value::DimParam(formula.into()));
    let shape = Some(TensorShapeProto {
        dim: vec![Dimension {
            value,
            ..Default::default()
        }],
    });
    let tensor = type_proto::Tensor {
        elem_type: DataType::Float as i32,
        shape,
    };
    TypeProto {
        value: Some(type_proto::Value::TensorType(tensor)),
        ..Default::default()
    }
}

impl Model {
    pub fn new() -> Self {
        let named = |name: &str| ValueInfoProto {
            name: name.into(),
            ..Default::default()
        };
        let graph = GraphProto {
            name: "g".into(),
            input: vec![named("x")],
            output: vec![named("y")],
            ..Default::default()
        };
        Self { graph, opset: 17 }
    }

    pub fn constant(mut self, tensor: TensorProto) -> Self {
        self.graph.initializer.push(tensor);
        self
    }

    /// `op` of `inputs` (names between spaces), named after its first output.
    pub fn node(
        mut self,
        op: &str,
        inputs: &str,
        outputs: &str,
        attribute: &[AttributeProto],
    ) -> Self {
        let names = |s: &str| {
            s.split(' ')
                .map(|n| n.trim_matches('_').to_string())
                .filter(|_| !s.is_empty())
                .collect::<Vec<_>>()
        };
        self.graph.node.push(NodeProto {
            op_type: op.into(),
            name: outputs.into(),
            input: names(inputs),
            output: names(outputs),
            attribute: attribute.to_vec(),
            ..Default::default()
        });
        self
    }

    pub fn bytes(self) -> Vec<u8> {
        let opset = OperatorSetIdProto {
            domain: String::new(),
            version: self.opset,
        };
        ModelProto {
            ir_version: 8,
            opset_import: vec![opset],
            graph: Some(self.graph),
            ..Default::default()
        }
        .encode_to_vec()
    }
}
