//! Nodes that make no sense, which tract does not always notice.
//!
//! In: a node, and what is known of its inputs. Out: nothing, or an error. Most of it stands for a
//! finding of the fuzzers.

use super::bounds::{Inputs, is_one};
use super::{MAX_RANK, Stop};
use crate::engine::onnx::Attributes;
use tract_onnx::pb::{NodeProto, tensor_proto::DataType};

/// The largest attribute that is a whole number and no position.
const MAX_INT: u64 = 1 << 31;

/// Operators along one axis, or from one on.
const ALONG: &str = "\
    ArgMax ArgMin Concat CumSum Flatten Gather LayerNormalization LogSoftmax LpNormalization RMSNormalization \
    SimplifiedLayerNormalization Softmax Split";

/// Operators on pictures.
const SPATIAL: &str = "\
    AveragePool BatchNormalization Conv ConvInteger ConvTranspose DepthToSpace GlobalAveragePool GlobalLpPool GlobalMaxPool \
    GroupNormalization InstanceNormalization LRN MaxPool QLinearConv SpaceToDepth";

/// # Errors
/// It names axes that its inputs do not have, or has too few.
pub(super) fn axes(inputs: &Inputs) -> Result<(), Stop> {
    // tract counts on without end from an axis that is not there.
    if is_one(ALONG, &inputs.node.op_type) {
        let axes = inputs.fact(0)?.dims.len() as u64;
        let axis = inputs.attributes.int("axis", 0);
        if axes == 0 || axis.unsigned_abs() > axes {
            return Err(format!("axis {axis} of a value of {axes} axes"));
        }
    }
    let list = match inputs.node.op_type.as_str() {
        "Slice" => 3,
        op if op.starts_with("Reduce") || matches!(op, "Squeeze" | "Unsqueeze" | "CumSum") => 1,
        _ => usize::MAX,
    };
    if inputs.has(list)
        && let Some(v) = inputs
            .constant::<i64>(list)?
            .into_iter()
            .find(|v| v.unsigned_abs() > MAX_RANK as u64)
    {
        return Err(format!("its input {list} is {v}, which is no axis"));
    }
    // From a list that is no permutation, tract counts without end too.
    if let ("Transpose", Some(perm)) = (&inputs.node.op_type[..], inputs.attributes.ints("perm")) {
        let mut sorted = perm.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..inputs.fact(0)?.dims.len() as i64) {
            return Err(format!(
                "{perm:?} is no permutation of the axes of {:?}",
                inputs.fact(0)?.dims
            ));
        }
    }
    // tract looks behind the end of a shape that is too short.
    if is_one(SPATIAL, &inputs.node.op_type) && inputs.fact(0)?.dims.len() < 3 {
        return Err(format!(
            "an input of the shape {:?}, which is no picture",
            inputs.fact(0)?.dims
        ));
    }
    Ok(())
}

/// Refuses attributes that no network has: graphs, sparse and text tensors, sizes beyond any
/// picture.
pub(super) fn sane(node: &NodeProto) -> Result<(), Stop> {
    // tract looks at an operator's name alone.
    if !matches!(node.domain.as_str(), "" | "ai.onnx" | "com.microsoft") {
        return Err(format!("operators of {:?} are not supported", node.domain));
    }
    if node.op_type == "Cast" && Attributes(node).int("to", 0) == DataType::String as i64 {
        return Err("numbers made into text".into());
    }
    let position = matches!(node.op_type.as_str(), "Slice" | "Constant");
    for a in &node.attribute {
        let graphs = a.g.is_some()
            || !a.graphs.is_empty()
            || !a.tensors.is_empty()
            || !a.type_protos.is_empty();
        if graphs
            || a.sparse_tensor.is_some()
            || !a.sparse_tensors.is_empty()
            || !a.strings.is_empty()
        {
            return Err(format!(
                "its attribute {:?} is of a kind that no pose network needs",
                a.name
            ));
        }
        let axis = matches!(a.name.as_str(), "axis" | "axes" | "perm");
        if let Some(v) = a
            .ints
            .iter()
            .chain([&a.i])
            .find(|v| axis && v.unsigned_abs() > MAX_RANK as u64)
        {
            return Err(format!(
                "its attribute {:?} is {v}, which is no axis",
                a.name
            ));
        }
        let all = a.ints.iter().chain([&a.i]);
        if let Some(v) = all
            .copied()
            .find(|v| v.unsigned_abs() > MAX_INT)
            .filter(|_| !position)
        {
            return Err(format!(
                "its attribute {:?} is {v}, beyond any picture",
                a.name
            ));
        }
    }
    Ok(())
}
