//! Bytes as a recipe for an ONNX graph that is sound as a file: operators of the importer and of
//! tract, joined at random, with the sizes that hurt.
#![no_main]

mod load;
mod recipe;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: load::silence(), |data: &[u8]| {
    if let Some(file) = recipe::file(data) {
        if let Ok(folder) = std::env::var("POSED_FUZZ_DUMP") {
            std::fs::write(format!("{folder}/dump.onnx"), &file).unwrap();
        }
        load::load(&file);
    }
});
