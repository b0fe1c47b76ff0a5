//! `one ISA KERNEL`: one call between two calls of `marker`, for mca.sh to trace.
use posed::engine::kernels::{Isa, Matrix, SLACK, TapScratch, TapShape, Taps};

#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn marker() {
    std::hint::black_box(());
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let isa = if args[1] == "dot" { Isa::NeonDot } else { Isa::Neon };
    let numbers: Vec<usize> = args[2].split([':', 'x']).filter_map(|n| n.parse().ok()).collect();
    if let [pixels, k, n] = numbers[..] {
        let w = vec![1i8; n * k];
        let x = vec![1i8; pixels * k + SLACK];
        let mut sums = vec![0; pixels * n + SLACK];
        let m = Matrix::pack(isa, &w, n, k, &vec![0; n]);
        m.multiply(&x, k, pixels, &mut sums);
        marker();
        m.multiply(&x, k, pixels, &mut sums);
        marker();
        println!("{} products", pixels * n * k);
    }
    if let [c, h, w, stride] = numbers[..] {
        let output = [h.div_ceil(stride), w.div_ceil(stride)];
        let shape = TapShape { channels: c, kernel: [3, 3], stride, pad: [1, 1], input: [h, w], output };
        let t = Taps::pack(isa, shape, &vec![1; c * 9], &vec![0; c], &vec![0; c]);
        let x = vec![1i8; h * w * c + SLACK];
        let mut scratch = TapScratch::default();
        t.run(&x, 0..output[0], &mut scratch, &mut |_, _| ());
        marker();
        t.run(&x, 0..output[0], &mut scratch, &mut |_, _| ());
        marker();
        println!("{} products", output[0] * output[1] * c * 9);
    }
}
