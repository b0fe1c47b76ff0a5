//! A whole graph, node by node, as tract would run it alone.
//!
//! In: a model and the size of the picture. Out: nothing, or why tract is not to see it. What each
//! node makes is asked of tract, one node at a time and with nothing but small constants in it, so
//! that nothing large is computed on the way.

use super::bounds::{Fact, bound};
use super::{Budget, MAX_RANK, Stop, bounds, shape};
use crate::engine::onnx::{info, proto};
use crate::engine::panics::quietly;
use std::collections::HashMap;
use std::sync::Arc;
use tract_onnx::Onnx;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use tract_onnx::prelude::*;
use tract_onnx::tensor::load_tensor;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::DimLike;

/// Constants of so many numbers are known by value: shapes, scales, axes.
const SMALL: usize = 1024;
/// What all values together may take, in bytes: tract keeps some of them longer than our engine
/// would.
const MAX_BYTES: u64 = 384 << 20;

/// The most nodes that tract may have to simplify: it takes seconds for so many, and four times as
/// long for twice as many.
const MAX_NODES: usize = 1000;

/// # Errors
/// The graph is not sound, or beyond the limits.
pub fn walk(model: &ModelProto, input: [usize; 4]) -> Result<(), Stop> {
    let onnx = tract_onnx::onnx();
    let graph = model.graph.as_ref().ok_or("the file has no graph")?;
    let mut budget = Budget::default();
    let mut bytes = 0;
    let mut facts = HashMap::new();
    for constant in &graph.initializer {
        let tensor = load_tensor(&*onnx.provider, constant, None)
            .map_err(|e| format!("the constant {:?}: {e:#}", constant.name))?;
        budget.hold(2 * tensor.as_bytes().len() as u64)?;
        facts.insert(constant.name.clone(), of_tensor(tensor));
    }
    let mut computed = 0;
    let mut inputs = graph.input.iter().filter(|i| !facts.contains_key(&i.name));
    let (Some(first), None) = (inputs.next(), inputs.next()) else {
        return Err("a pose network has one input".into());
    };
    facts.insert(
        first.name.clone(),
        Fact {
            dims: input.to_vec(),
            kind: f32::datum_type(),
            tensor: None,
            constant: false,
        },
    );
    for node in &graph.node {
        let made = quietly(|| step(&onnx, model, node, &facts, &mut budget))
            .map_err(|e| format!("node {:?} ({}): {e}", node.name, node.op_type))?;
        computed += usize::from(made.iter().any(|f| !f.constant));
        if computed > MAX_NODES {
            return Err(format!(
                "tract alone is given no more than {MAX_NODES} nodes"
            ));
        }
        for (name, fact) in node.output.iter().filter(|o| !o.is_empty()).zip(made) {
            bytes += fact.numbers() * fact.kind.size_of() as u64;
            if bytes > MAX_BYTES {
                return Err(format!("its values take more than {} MB", MAX_BYTES >> 20));
            }
            if facts.insert(name.clone(), fact).is_some() {
                return Err(format!("two nodes make {name:?}"));
            }
        }
    }
    match graph.output.first() {
        Some(output) if facts.contains_key(&output.name) => Ok(()),
        Some(output) => Err(format!("no node makes the output {:?}", output.name)),
        None => Err("the graph has no output".into()),
    }
}

fn of_tensor(tensor: Tensor) -> Fact {
    let tensor = Arc::new(tensor);
    Fact {
        dims: tensor.shape().to_vec(),
        kind: tensor.datum_type(),
        tensor: Some(tensor).filter(|t| t.len() <= SMALL),
        constant: true,
    }
}

/// What one node makes, by tract's inference of shapes.
fn step(
    onnx: &Onnx,
    model: &ModelProto,
    node: &NodeProto,
    facts: &HashMap<String, Fact>,
    budget: &mut Budget,
) -> Result<Vec<Fact>, Stop> {
    let find = |name: &String| match facts.get(name) {
        _ if name.is_empty() => Ok(None),
        Some(fact) => Ok(Some(fact.clone())),
        None => Err(format!("its input {name:?} is made by no node before it")),
    };
    let inputs: Vec<Option<Fact>> = node.input.iter().map(find).collect::<Result<_, _>>()?;
    let folded = inputs.iter().flatten().all(|f| f.constant);
    budget.node(bound(node, &inputs)?, folded)?;
    // tract packs the weights of every node anew.
    let packed = inputs.iter().flatten().filter(|f| f.constant);
    budget.hold(packed.map(|f| f.numbers() * f.kind.size_of() as u64).sum())?;
    let mut constants = Vec::new();
    let mut infos = Vec::new();
    let mut names: Vec<(&String, &Fact)> = node
        .input
        .iter()
        .zip(&inputs)
        .filter_map(|(n, f)| Some((n, f.as_ref()?)))
        .collect();
    names.sort_by_key(|n| n.0);
    names.dedup_by_key(|n| n.0);
    for (name, fact) in names {
        match &fact.tensor {
            Some(tensor) => constants.push(proto(name, tensor)?),
            None => infos.push(info(name, &fact.dims, fact.kind)?),
        }
    }
    let outputs = node
        .output
        .iter()
        .filter(|o| !o.is_empty())
        .map(|o| ValueInfoProto {
            name: o.clone(),
            ..Default::default()
        });
    let graph = GraphProto {
        node: vec![node.clone()],
        initializer: constants,
        input: infos,
        output: outputs.collect(),
        ..Default::default()
    };
    let alone = ModelProto {
        ir_version: model.ir_version,
        opset_import: model.opset_import.clone(),
        graph: Some(graph),
        ..Default::default()
    };
    let infer = || -> TractResult<Vec<InferenceFact>> {
        let mut model = onnx.model_for_proto_model(&alone)?;
        model.analyse(false)?;
        (0..model.output_outlets()?.len())
            .map(|i| model.output_fact(i).cloned())
            .collect()
    };
    let made = infer().map_err(|e| format!("{e:#}"))?;
    made.into_iter().map(|fact| known(&fact, folded)).collect()
}

fn known(fact: &InferenceFact, folded: bool) -> Result<Fact, Stop> {
    if let Some(tensor) = fact.value.concretize() {
        return Ok(of_tensor(tensor.as_ref().clone()));
    }
    let dims = fact
        .shape
        .concretize()
        .ok_or("its result has no fixed shape")?;
    let dims: Vec<usize> = dims
        .iter()
        .map(|d| d.to_usize().map_err(|e| format!("{e}")))
        .collect::<Result<_, _>>()?;
    match folded {
        true if dims.len() <= MAX_RANK && bounds::numbers(&dims) <= super::MAX_CONSTANT as u64 => {}
        _ => shape(&dims)?,
    }
    Ok(Fact {
        dims,
        kind: fact.datum_type.concretize().unwrap_or(f32::datum_type()),
        tensor: None,
        constant: folded,
    })
}
