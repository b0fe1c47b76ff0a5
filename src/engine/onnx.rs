//! The ONNX form: files, nodes' attributes, values. What guard and import both stand on.

mod attributes;
mod file;
mod values;

pub use attributes::Attributes;
pub use file::{MAX_FILE_BYTES, OnnxFile};
pub use values::{info, proto, typed};

/// Why reading stopped: what is wrong with the file, in words.
pub type Stop = String;
