//! Operators that only tract knows: each becomes an ONNX model of its own, which tract-onnx loads.

use super::{Import, Stop, Value};
use crate::engine::graph::{Foreign, Kind};
use crate::engine::guard::{self, Fact};
use crate::engine::onnx::{info, proto, typed};
use prost::Message;
use std::sync::Arc;
use tract_onnx::pb::{self, NodeProto, ValueInfoProto};
use tract_onnx::prelude::*;

/// The most nodes that tract may run one by one; each takes milliseconds to load.
const MAX_FOREIGN: usize = 1000;

impl<'a> Import<'a> {
    /// Loads one node with tract: a constant if all its inputs are, else a foreign step.
    pub(super) fn foreign(&mut self, node: &'a NodeProto) -> Result<Value, Stop> {
        let outputs = node
            .output
            .iter()
            .filter(|o| !o.is_empty() && self.uses.contains_key(o.as_str()))
            .count();
        if outputs > 1 || node.output.first().is_none_or(String::is_empty) {
            return Err(format!("{outputs} of its outputs are used"));
        }
        let facts: Vec<Option<Fact>> = node.input.iter().map(|name| self.fact(name)).collect();
        let folded = facts.iter().flatten().all(|f| f.tensor.is_some());
        self.budget.node(guard::bound(node, &facts)?, folded)?;
        // The model of the node keeps its constants, and tract its copy of them.
        self.budget.hold(if folded {
            0
        } else {
            3 * facts
                .iter()
                .flatten()
                .filter(|f| f.tensor.is_some())
                .map(size)
                .sum::<u64>()
        })?;
        let mut inputs = Vec::new();
        let mut constants = Vec::new();
        let mut infos = Vec::new();
        let mut names: Vec<&str> = node
            .input
            .iter()
            .map(String::as_str)
            .filter(|n| !n.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            match self.values.get(name) {
                Some(Value::Const(tensor)) => constants.push(proto(name, tensor)?),
                Some(Value::Node(id)) => {
                    infos.push(info(name, &self.graph.nodes[*id].dims, DatumType::F32)?);
                    inputs.push(*id);
                }
                Some(Value::Weights { .. }) => {
                    let index = node.input.iter().position(|n| n == name).unwrap_or(0);
                    let (dims, reals) = self
                        .reals(node, index)
                        .ok_or("weights of an unknown type")?;
                    let tensor = Tensor::from_shape(&dims, &reals).map_err(|e| format!("{e:#}"))?;
                    constants.push(proto(name, &Arc::new(tensor))?);
                }
                Some(Value::Quantised(..)) => return Err("it works on int8 directly".into()),
                Some(Value::Groups { .. }) => {
                    return Err("it reads the middle of a channel shuffle".into());
                }
                None => return Err(format!("its input {name:?} is made by no node before it")),
            }
        }
        let graph = pb::GraphProto {
            name: "node".into(),
            node: vec![node.clone()],
            initializer: constants,
            input: infos,
            output: vec![ValueInfoProto {
                name: node.output[0].clone(),
                ..Default::default()
            }],
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
            self.budget
                .hold(tensor.len() as u64 * tensor.datum_type().size_of() as u64)?;
            return Ok(Value::Const(tensor.clone()));
        }
        let dims = fact
            .shape
            .as_concrete()
            .ok_or("its output has no fixed shape")?
            .to_vec();
        if fact.datum_type != DatumType::F32 {
            return Err(format!("its output is {:?}, not f32", fact.datum_type));
        }
        if inputs.is_empty() {
            return Err("it computes from constants what tract does not fold".into());
        }
        if self.foreign.len() == MAX_FOREIGN {
            return Err(format!(
                "more than {MAX_FOREIGN} nodes would run on tract's own operators"
            ));
        }
        self.foreign.push(format!(
            "{} ({})",
            if node.name.is_empty() {
                &node.output[0]
            } else {
                &node.name
            },
            node.op_type
        ));
        let foreign = Foreign {
            operator: node.op_type.clone(),
            model: model.encode_to_vec(),
        };
        self.push(&node.name, Kind::Foreign(Box::new(foreign)), inputs, dims)
            .map(Value::Node)
    }
}

impl Import<'_> {
    /// What is known of a value; None for a name that stands for nothing, which [`Import::foreign`]
    /// then refuses.
    fn fact(&self, name: &str) -> Option<Fact> {
        let of = |tensor: &Arc<Tensor>, kind| Fact {
            dims: tensor.shape().to_vec(),
            kind,
            constant: true,
            tensor: Some(tensor.clone()),
        };
        match self.values.get(name)? {
            Value::Const(tensor) => Some(of(tensor, tensor.datum_type())),
            Value::Weights { values, .. } => Some(of(values, DatumType::F32)),
            Value::Node(id) => Some(Fact {
                dims: self.graph.nodes[*id].dims.clone(),
                kind: DatumType::F32,
                constant: false,
                tensor: None,
            }),
            Value::Quantised(..) | Value::Groups { .. } => None,
        }
    }
}

fn size(fact: &Fact) -> u64 {
    fact.numbers() * fact.kind.size_of() as u64
}
