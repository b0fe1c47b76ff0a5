//! `net MODEL.onnx`: one inference between two calls of `marker`, for profile.sh to trace.
use posed::engine::{Network, kernels::Isa};
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn marker() {
    std::hint::black_box(());
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let mut n = Network::load_for(Isa::best(), std::path::Path::new(&a[1]), 192, 256, 17, 1).unwrap();
    let x = vec![0.5f32; 3 * 256 * 192];
    let mut h = Vec::new();
    n.run(&x, &mut h).unwrap();
    marker();
    n.run(&x, &mut h).unwrap();
    marker();
    println!("{}", h.len());
}
