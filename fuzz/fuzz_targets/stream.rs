//! Any bytes as a stream of frames: AVI, Y4M, JPEGs, a multipart answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posed::capture::{Next, Pace, read_stream};
use posed::decode::Decoder;
use posed::frame::Frame;

fuzz_target!(|data: &[u8]| {
    let bytes = std::io::Cursor::new(data.to_vec());
    let Ok(mut source) = read_stream(bytes, "fuzz", None, Pace::Recorded) else {
        return;
    };
    let mut decoder = Decoder::default();
    let mut frame = Frame::default();
    while let Ok(Next::Frame) = source.next(&mut frame) {
        if decoder.decode(&mut frame).is_ok() {
            frame.check().unwrap();
        }
    }
});
