//! What keeps a damaged, hostile or absurdly large ONNX file from taking the board down with it.
//!
//! In: a file's bytes, later its nodes one by one. Out: the parsed model, cleaned of what is not
//! read, or an error. In this order:
//! 1. [`parse`]: the room that the file takes parsed (`wire`), its number of nodes, the data that
//!    its constants must have;
//! 2. [`bounds::bound`], before tract sees a node: only operators of a list, and only if what they
//!    make is bounded by numbers in the file;
//! 3. [`Budget`]: what all nodes take together;
//! 4. [`walk`]: the same for a whole graph, before tract runs it alone.
//!
//! An error of tract's, a panic included, ends as an error of ours (`quietly` in the engine); an
//! allocation that fails or a loop without end inside tract would not, and this room exists to let
//! none come about.

pub mod bounds;
mod sound;
mod walk;
mod wire;

pub use bounds::{Cost, Fact, bound};
use prost::Message;
use tract_onnx::pb::{
    GraphProto, ModelProto, TensorProto, TypeProto, tensor_proto::DataType, type_proto,
};
pub use walk::walk;

use super::onnx::MAX_FILE_BYTES;
pub use super::onnx::Stop;

/// The most that it may take parsed, in bytes.
const MAX_PARSED_BYTES: u64 = 320 << 20;
/// The most nodes, constants, and names of inputs and outputs that a network may have.
const MAX_NODES: usize = 10_000;
const MAX_NAMES: usize = 100_000;
/// The most dimensions of a value.
const MAX_RANK: usize = 8;
/// The most numbers in one value that is computed: heatmaps of 133 joints at 256 x 192, a picture
/// of 64 channels at 512 x 256.
pub const MAX_NUMBERS: usize = 1 << 23;
/// The most numbers in one constant.
const MAX_CONSTANT: usize = 1 << 26;
/// The most numbers of a constant that are turned into f32, and into a list of sizes.
pub const MAX_REALS: usize = 1 << 25;
pub const MAX_INTS: usize = 1 << 16;
/// The most that constants, packed weights and tables may take, in bytes.
const MAX_BYTES: u64 = 288 << 20;
/// The most multiplications of one picture; HRNet-W48 at 384 x 288 takes half of it.
const MAX_WORK: u64 = 1 << 36;
/// The most steps that may go into constants computed from constants.
const MAX_FOLDING: u64 = 1 << 28;

/// What a network has taken so far.
#[derive(Debug, Default)]
pub struct Budget {
    bytes: u64,
    work: u64,
    folding: u64,
}

impl Budget {
    /// # Errors
    /// All constants together are too large.
    pub fn hold(&mut self, bytes: u64) -> Result<(), Stop> {
        self.bytes = self.bytes.saturating_add(bytes);
        let most = MAX_BYTES >> 20;
        if self.bytes > MAX_BYTES {
            Err(format!(
                "the network's weights and constants take more than {most} MB"
            ))
        } else {
            Ok(())
        }
    }

    /// # Errors
    /// One picture would take too long.
    pub fn work(&mut self, steps: u64) -> Result<(), Stop> {
        self.work = self.work.saturating_add(steps);
        let most = MAX_WORK >> 30;
        if self.work > MAX_WORK {
            Err(format!(
                "one picture would take more than {most} billion multiplications"
            ))
        } else {
            Ok(())
        }
    }

    /// Counts what a node of tract's takes, `folded` if it is computed while the network is loaded.
    ///
    /// # Errors
    /// Its result or all of them are too large.
    pub fn node(&mut self, cost: Cost, folded: bool) -> Result<(), Stop> {
        let most = if folded { MAX_NUMBERS } else { 4 * MAX_NUMBERS };
        if cost.numbers > most as u64 {
            return Err(format!(
                "it makes up to {} numbers, more than {most}",
                cost.numbers
            ));
        }
        if folded {
            self.folding = self.folding.saturating_add(cost.work);
            if self.folding > MAX_FOLDING {
                return Err(format!(
                    "what is computed from constants takes more than {} million steps",
                    MAX_FOLDING >> 20
                ));
            }
        }
        self.work(cost.work)
    }
}

/// Whether a value that is computed may have these dimensions.
///
/// # Errors
/// It may not.
pub fn shape(dims: &[usize]) -> Result<(), Stop> {
    let numbers = bounds::numbers(dims);
    if dims.len() > MAX_RANK || numbers == 0 || numbers > MAX_NUMBERS as u64 {
        return Err(format!("it makes a value of the impossible shape {dims:?}"));
    }
    Ok(())
}

/// Reads a file's bytes.
///
/// # Errors
/// It is no ONNX, or beyond the limits.
pub fn parse(file: &[u8]) -> Result<ModelProto, Stop> {
    if file.len() as u64 > MAX_FILE_BYTES {
        return Err(format!(
            "the file has {} bytes, more than {MAX_FILE_BYTES}",
            file.len()
        ));
    }
    let parsed = wire::parsed_bytes(file);
    if parsed > MAX_PARSED_BYTES {
        return Err(format!(
            "the file would take {} MB once it is read, more than {}",
            parsed >> 20,
            MAX_PARSED_BYTES >> 20
        ));
    }
    let mut model =
        ModelProto::decode(file).map_err(|e| format!("no ONNX: {:.300}", e.to_string()))?;
    if !model.functions.is_empty() {
        return Err("the file defines operators of its own. Export it without functions".into());
    }
    model.metadata_props.clear();
    model.training_info.clear();
    graph(model.graph.as_mut().ok_or("the file has no graph")?)?;
    Ok(model)
}

fn graph(graph: &mut GraphProto) -> Result<(), Stop> {
    if graph.node.len() > MAX_NODES || graph.initializer.len() > MAX_NODES {
        let nodes = graph.node.len();
        let constants = graph.initializer.len();
        return Err(format!(
            "the graph has {nodes} nodes and {constants} constants, more than {MAX_NODES}"
        ));
    }
    let names = graph
        .node
        .iter()
        .fold(graph.input.len() + graph.output.len(), |n, node| {
            n + node.input.len() + node.output.len()
        });
    if names > MAX_NAMES {
        return Err(format!(
            "the graph names {names} inputs and outputs, more than {MAX_NAMES}"
        ));
    }
    if !graph.sparse_initializer.is_empty() {
        return Err("the graph has sparse constants, which are not supported".into());
    }
    // What is declared of values between the nodes is neither needed nor believed.
    graph.value_info.clear();
    graph.quantization_annotation.clear();
    graph.output.iter_mut().for_each(|o| o.r#type = None);
    let tensor_type = type_proto::Tensor {
        elem_type: DataType::Float as i32,
        shape: None,
    };
    let any = TypeProto {
        value: Some(type_proto::Value::TensorType(tensor_type)),
        ..Default::default()
    };
    graph
        .input
        .iter_mut()
        .for_each(|i| i.r#type = Some(any.clone()));
    for proto in &graph.initializer {
        tensor(proto).map_err(|e| format!("the constant {:?}: {e}", proto.name))?;
    }
    for node in &graph.node {
        for proto in node
            .attribute
            .iter()
            .flat_map(|a| a.t.iter().chain(&a.tensors))
        {
            tensor(proto).map_err(|e| format!("node {:?} ({}): {e}", node.name, node.op_type))?;
        }
    }
    Ok(())
}

/// Whether a constant has the data that its shape needs, in the file.
fn tensor(proto: &TensorProto) -> Result<(), Stop> {
    if !proto.external_data.is_empty() || proto.data_location.is_some_and(|l| l != 0) {
        return Err(
            "its data lies in another file, which is not read. Export the network as one file"
                .into(),
        );
    }
    let numbers = proto.dims.iter().try_fold(1usize, |n, &d| {
        usize::try_from(d).ok().and_then(|d| n.checked_mul(d))
    });
    let impossible = || format!("the impossible shape {:?}", proto.dims);
    let numbers = numbers
        .filter(|&n| n <= MAX_CONSTANT && proto.dims.len() <= MAX_RANK)
        .ok_or_else(impossible)?;
    let size = match DataType::try_from(proto.data_type).unwrap_or(DataType::Undefined) {
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Uint8 | DataType::Int8 | DataType::Bool => 1,
        DataType::Uint16 | DataType::Int16 | DataType::Float16 => 2,
        DataType::Int64 | DataType::Uint64 | DataType::Double => 8,
        other => {
            return Err(format!(
                "numbers of the type {other:?}, which is not supported"
            ));
        }
    };
    let lists = [
        proto.float_data.len(),
        proto.int32_data.len(),
        proto.int64_data.len(),
        proto.double_data.len(),
        proto.uint64_data.len(),
    ];
    let found = if proto.raw_data.is_empty() {
        lists.into_iter().max().unwrap_or(0)
    } else {
        proto.raw_data.len() / size
    };
    let whole = proto.raw_data.is_empty() || proto.raw_data.len() == numbers * size;
    if found != numbers || !whole {
        return Err(format!(
            "it has {found} numbers of the {numbers} that its shape {:?} needs",
            proto.dims
        ));
    }
    Ok(())
}
