//! posed: a pose daemon for small Linux boards.
#![doc = include_str!("../docs/architecture.md")]

pub mod act;
pub mod bench;
pub mod capture;
pub mod cli;
pub mod config;
pub mod decode;
pub mod display;
pub mod doctor;
pub mod engine;
pub mod estimate;
pub mod eval;
pub mod find;
pub mod frame;
pub mod geometry;
pub mod health;
pub mod infer;
pub mod logging;
pub mod model;
pub mod pipeline;
pub mod preprocess;
pub mod publish;
pub mod recognise;
pub mod record;
pub mod skeleton;
pub mod track;
