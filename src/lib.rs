//! posed: a pose daemon for small Linux boards.
#![doc = include_str!("../docs/architecture.md")]

pub mod decode;
pub mod engine;
pub mod estimate;
pub mod find;
pub mod frame;
pub mod geometry;
pub mod model;
pub mod preprocess;
pub mod skeleton;
pub mod track;
