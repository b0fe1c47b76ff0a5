//! From ONNX to [`Graph`].
//!
//! In: a model as tract-onnx parses it. Out: one node a mathematical step, constants gone into the
//! nodes, QuantizeLinear and DequantizeLinear met as roundings. An operator that this file does not
//! know becomes a foreign node.

mod channels;
mod foreign;
mod maths;
mod quantise;

use super::graph::{Graph, Id, Kind, Node, Steps};
use super::guard::{self, Budget};
use super::kernels::period;
use super::onnx::Attributes;
pub use super::onnx::Stop;
use super::panics::quietly;
use std::collections::HashMap;
use std::sync::Arc;
use tract_onnx::Onnx;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};
use tract_onnx::prelude::*;
use tract_onnx::tensor::load_tensor;

/// What an ONNX name stands for.
#[derive(Debug, Clone)]
enum Value {
    Const(Arc<Tensor>),
    /// Constant int8 behind a DequantizeLinear, with its grid.
    Weights {
        values: Arc<Tensor>,
        steps: Steps,
    },
    Node(Id),
    /// Between QuantizeLinear and DequantizeLinear.
    Quantised(Id, Steps, Arc<str>),
    /// Between the Reshape and the Reshape of a channel shuffle: the picture, its groups, whether
    /// they were transposed yet.
    Groups {
        of: Id,
        groups: usize,
        swapped: bool,
    },
}

/// How often a name is read, and by which node first.
#[derive(Debug, Clone, Copy, Default)]
struct Uses {
    count: usize,
    first: usize,
}

struct Import<'a> {
    onnx: Onnx,
    model: &'a ModelProto,
    values: HashMap<&'a str, Value>,
    uses: HashMap<&'a str, Uses>,
    graph: Graph,
    foreign: Vec<String>,
    budget: Budget,
}

/// The graph of a model, and the nodes in it that only tract knows, as `name (operator)`.
///
/// # Errors
/// The model has control flow, several inputs, or a step that cannot be taken apart from its
/// neighbours.
pub fn import(model: &ModelProto, input: [usize; 4]) -> Result<(Graph, Vec<String>), Stop> {
    let graph = model.graph.as_ref().ok_or("the file has no graph")?;
    let mut import = Import {
        onnx: tract_onnx::onnx(),
        model,
        values: HashMap::new(),
        uses: HashMap::new(),
        graph: Graph::default(),
        foreign: Vec::new(),
        budget: Budget::default(),
    };
    import.constants(graph)?;
    let mut inputs = graph
        .input
        .iter()
        .filter(|i| !import.values.contains_key(i.name.as_str()));
    let (Some(first), None) = (inputs.next(), inputs.next()) else {
        return Err("a pose network has one input".into());
    };
    import
        .push("input", Kind::Input, vec![], input.to_vec())
        .map(|id| import.values.insert(&first.name, Value::Node(id)))?;
    for node in &graph.node {
        // tract has asserts that a damaged node can reach.
        quietly(|| import.node(node))
            .map_err(|e| format!("node {:?} ({}): {e}", node.name, node.op_type))?;
    }
    let output = graph.output.first().ok_or("the graph has no output")?;
    import.graph.output = import
        .id(&output.name)
        .ok_or_else(|| format!("the output {:?} is no picture", output.name))?;
    let mut graph = import.graph;
    graph.prune();
    Ok((graph, import.foreign))
}

impl<'a> Import<'a> {
    fn constants(&mut self, graph: &'a GraphProto) -> Result<(), Stop> {
        for proto in &graph.initializer {
            let tensor = load_tensor(&*self.onnx.provider, proto, None)
                .map_err(|e| format!("the constant {:?}: {e:#}", proto.name))?;
            self.budget.hold(tensor.as_bytes().len() as u64)?;
            self.values
                .insert(&proto.name, Value::Const(Arc::new(tensor)));
        }
        for (first, node) in graph.node.iter().enumerate() {
            for input in &node.input {
                self.uses
                    .entry(input.as_str())
                    .or_insert(Uses { count: 0, first })
                    .count += 1;
            }
        }
        for output in &graph.output {
            self.uses
                .entry(output.name.as_str())
                .or_insert(Uses {
                    count: 0,
                    first: usize::MAX,
                })
                .count += 1;
        }
        Ok(())
    }

    /// Takes one node, in one of our forms or as a foreign one.
    fn node(&mut self, node: &'a NodeProto) -> Result<(), Stop> {
        let attributes = Attributes(node);
        if node
            .attribute
            .iter()
            .any(|a| a.g.is_some() || !a.graphs.is_empty())
        {
            return Err("control flow is not supported".into());
        }
        let known = match node.op_type.as_str() {
            _ if !matches!(node.domain.as_str(), "" | "ai.onnx") => None,
            "Identity" | "Dropout" => self.input(node, 0).cloned(),
            "Constant" => self.constant(&attributes)?,
            "QuantizeLinear" => self.quantize(node, &attributes)?,
            "DequantizeLinear" => self.dequantize(node, &attributes)?,
            "Conv" => self.conv(node, &attributes)?,
            "BatchNormalization" => self.batch_norm(node, &attributes)?,
            "Relu" | "Clip" | "Sigmoid" | "HardSigmoid" | "HardSwish" => {
                self.activation(node, &attributes)?
            }
            "Add" | "Mul" => self.arithmetic(node)?,
            "AveragePool" | "GlobalAveragePool" => self.pool(node, &attributes)?,
            "MaxPool" => self.max_pool(node, &attributes)?,
            "Resize" | "Upsample" => self.resize(node, &attributes)?,
            "Slice" => self.slice(node, &attributes)?,
            "Split" => return self.split(node, &attributes),
            "Concat" => self.concat(node, &attributes)?,
            "Reshape" => self.reshape(node, &attributes)?,
            "Transpose" => self.transpose(node, &attributes)?,
            _ => None,
        };
        let value = match known {
            Some(value) => value,
            None => self.foreign(node)?,
        };
        let output = node.output.first().ok_or("it has no output")?;
        self.values.insert(output, value);
        Ok(())
    }

    fn push(
        &mut self,
        name: &str,
        kind: Kind,
        inputs: Vec<Id>,
        dims: Vec<usize>,
    ) -> Result<Id, Stop> {
        guard::shape(&dims)?;
        let numbers = dims.iter().product::<usize>() as u64;
        let channels = if dims.len() == 4 { dims[1] } else { 1 };
        let (window, weights) = match &kind {
            Kind::Conv(c) => (c.geometry.window(), c.weights.bytes()),
            Kind::Pool([h, w]) => (h * w, 0),
            Kind::MaxPool(w) => (w.kernel[0] + w.kernel[1], 0),
            Kind::Channels(map) => (1, size_of_val(&map[..])),
            _ => (1, 0),
        };
        self.budget.work(numbers.saturating_mul(window as u64))?;
        // Tables of a few numbers a channel, repeated to whole vectors.
        self.budget.hold((weights + 24 * period(channels)) as u64)?;
        Ok(self.graph.push(Node {
            name: name.into(),
            kind,
            inputs,
            dims,
        }))
    }

    fn input(&self, node: &NodeProto, index: usize) -> Option<&Value> {
        node.input
            .get(index)
            .filter(|name| !name.is_empty())
            .and_then(|name| self.values.get(name.as_str()))
    }

    /// The node of a name that is a picture or another computed value.
    fn id(&self, name: &str) -> Option<Id> {
        match self.values.get(name) {
            Some(Value::Node(id)) => Some(*id),
            _ => None,
        }
    }

    /// The node of an input that is a picture, and its channels, height and width.
    fn picture(&self, node: &NodeProto, index: usize) -> Option<(Id, [usize; 3])> {
        let id = self.id(node.input.get(index)?)?;
        let shape = self.graph.nodes[id].shape()?;
        Some((id, [shape.c, shape.h, shape.w]))
    }

    /// The constant of an input as real numbers, with its dimensions.
    fn reals(&self, node: &NodeProto, index: usize) -> Option<(Vec<usize>, Vec<f32>)> {
        match self.input(node, index)? {
            Value::Const(tensor) | Value::Weights { values: tensor, .. }
                if tensor.len() > guard::MAX_REALS =>
            {
                None
            }
            Value::Const(tensor) => {
                let tensor = tensor.cast_to::<f32>().ok()?;
                Some((
                    tensor.shape().to_vec(),
                    tensor
                        .to_plain_array_view::<f32>()
                        .ok()?
                        .iter()
                        .copied()
                        .collect(),
                ))
            }
            Value::Weights { values, steps } => {
                let dims = values.shape().to_vec();
                let values = quantise::bytes(values)?;
                let each = values.len() / steps.scale.len().max(1);
                Some((
                    dims,
                    values
                        .iter()
                        .enumerate()
                        .map(|(i, &v)| quantise::real(v, steps.at(i / each.max(1))))
                        .collect(),
                ))
            }
            _ => None,
        }
    }

    /// The constant of an input as whole numbers.
    fn ints(&self, node: &NodeProto, index: usize) -> Option<Vec<i64>> {
        match self.input(node, index)? {
            Value::Const(tensor) if tensor.len() <= guard::MAX_INTS => {
                let tensor = tensor.cast_to::<i64>().ok()?;
                Some(
                    tensor
                        .to_plain_array_view::<i64>()
                        .ok()?
                        .iter()
                        .copied()
                        .collect(),
                )
            }
            _ => None,
        }
    }
}
