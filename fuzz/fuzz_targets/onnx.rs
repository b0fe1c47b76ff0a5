//! Any bytes as an ONNX file.
#![no_main]

mod load;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: load::silence(), |data: &[u8]| load::load(data));
