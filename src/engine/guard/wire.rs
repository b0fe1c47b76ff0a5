//! The room that an ONNX file takes once it is parsed, from its bytes alone.
//!
//! In: a file. Out: an upper bound of the bytes that prost allocates for it. Two bytes can announce
//! an empty node, which takes hundreds parsed: without this, a file of 10 MB fills gigabytes before
//! anything of it has been looked at.

use tract_onnx::pb;

/// What a field of a message holds. The rest of ONNX, control flow and training included, is
/// refused later and counts as text.
#[derive(Clone, Copy)]
enum Field {
    Message(Kind),
    Text,
    /// Packed numbers of varying length: a byte may become eight.
    Numbers,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    /// A message of which only the sum of its parts counts: every field may be a message of the
    /// same kind.
    Any,
}

/// What a string or a list takes, with the spare room of the list that it lies in.
const TEXT_BYTES: u64 = 64;
/// The deepest nesting that is looked into: prost reads no deeper.
const MAX_DEPTH: usize = 100;

impl Kind {
    /// What one message takes, with the spare room of the list that it lies in.
    fn bytes(self) -> u64 {
        let bytes = match self {
            Self::Model => size_of::<pb::ModelProto>(),
            Self::Graph => size_of::<pb::GraphProto>(),
            Self::Node => size_of::<pb::NodeProto>(),
            Self::Attribute => size_of::<pb::AttributeProto>(),
            Self::Tensor => size_of::<pb::TensorProto>(),
            Self::Any => size_of::<pb::SparseTensorProto>(),
        };
        2 * bytes as u64
    }

    fn field(self, number: u64) -> Field {
        match (self, number) {
            (Self::Model, 7) => Field::Message(Self::Graph),
            (Self::Model, 8 | 14 | 20 | 25) => Field::Message(Self::Any),
            (Self::Graph, 1) => Field::Message(Self::Node),
            (Self::Graph, 5) => Field::Message(Self::Tensor),
            (Self::Graph, 11..=15) => Field::Message(Self::Any),
            (Self::Node, 5) => Field::Message(Self::Attribute),
            (Self::Attribute, 5 | 10) => Field::Message(Self::Tensor),
            (Self::Attribute, 6 | 11) => Field::Message(Self::Graph),
            (Self::Attribute, 15 | 22 | 23) => Field::Message(Self::Any),
            (Self::Attribute, 8) | (Self::Tensor, 1 | 5 | 7 | 11) => Field::Numbers,
            (Self::Tensor, 3 | 13) => Field::Message(Self::Any),
            (Self::Any, _) => Field::Message(Self::Any),
            _ => Field::Text,
        }
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first < 0x80 {
            return Some(value);
        }
    }
    None
}

fn skip(bytes: &mut &[u8], count: u64) -> Option<()> {
    *bytes = bytes.get(usize::try_from(count).ok()?..)?;
    Some(())
}

/// Adds what one message takes; None where it breaks off.
fn message(kind: Kind, mut bytes: &[u8], depth: usize, sum: &mut u64) -> Option<()> {
    *sum += kind.bytes();
    if depth == MAX_DEPTH {
        return None;
    }
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        match tag & 7 {
            0 => {
                varint(&mut bytes)?;
                // Numbers that are repeated without being packed, at four times their eight bytes
                // while their list grows.
                *sum += 32;
            }
            1 => skip(&mut bytes, 8).map(|()| *sum += 32)?,
            2 => {
                let length = varint(&mut bytes)?;
                let (inner, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
                bytes = rest;
                match kind.field(tag >> 3) {
                    Field::Message(Kind::Any) => {
                        *sum += TEXT_BYTES + 16 * length;
                        // What is text and no message breaks off early, and counts as text.
                        let _ = message(Kind::Any, inner, depth + 1, sum);
                    }
                    Field::Message(kind) => message(kind, inner, depth + 1, sum)?,
                    Field::Text => *sum += TEXT_BYTES + length,
                    Field::Numbers => {
                        *sum += TEXT_BYTES + inner.iter().filter(|&&b| b < 0x80).count() as u64 * 16
                    }
                }
            }
            5 => skip(&mut bytes, 4).map(|()| *sum += 16)?,
            // Groups, which ONNX does not know: prost skips them, field by field.
            3 | 4 => {}
            _ => return None,
        }
    }
    Some(())
}

/// An upper bound of the bytes that the file takes parsed. A file that breaks off counts up to
/// where it does, as prost reads it.
pub fn parsed_bytes(file: &[u8]) -> u64 {
    let mut sum = 0;
    let _ = message(Kind::Model, file, 0, &mut sum);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_data_counts_once() {
        // graph { initializer { raw_data: 100 zeros } }
        let mut file = vec![0x3a, 104, 0x2a, 102, 0x4a, 100];
        file.resize(file.len() + 100, 0);
        assert_eq!(
            parsed_bytes(&file),
            Kind::Model.bytes() + Kind::Graph.bytes() + Kind::Tensor.bytes() + TEXT_BYTES + 100
        );
    }

    #[test]
    fn empty_nodes_count_as_what_they_become() {
        let mut file = vec![0x3a, 100];
        file.extend([0x0a, 0].repeat(50));
        assert_eq!(
            parsed_bytes(&file),
            Kind::Model.bytes() + Kind::Graph.bytes() + 50 * Kind::Node.bytes()
        );
    }

    #[test]
    fn a_file_that_breaks_off_counts_up_to_there() {
        assert_eq!(parsed_bytes(&[0x3a, 100, 0x0a]), Kind::Model.bytes());
        assert_eq!(parsed_bytes(&[]), Kind::Model.bytes());
        assert!(parsed_bytes(&[0xff; 64]) < 10_000);
    }
}
