//! The engine's kernels (links to posed's own files), without the engine: they depend on nothing
//! but std.
#![allow(dead_code)] // what only operators call

pub mod engine {
    pub mod kernels;
}
