//! The integer kernels on the shapes of Lite-HRNet-18, for every instruction set of this processor.
//! Throughput is in multiplications.
//!
//! `cargo bench --bench kernels -- "320"` runs those whose name holds 320. Pin it: `taskset -c 1
//! cargo bench …`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use posed::engine::kernels::{Isa, Matrix, SLACK, TapScratch, TapShape, Taps};

/// Numbers that look like none in particular, always the same.
fn bytes(n: usize, seed: u32) -> Vec<i8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as i8
    };
    (0..n).map(|_| next().max(-127)).collect()
}

/// Pixels, inputs, outputs: fuse and gate convolutions of the four branches, and the stem after
/// im2col.
const PRODUCTS: [(usize, usize, usize); 9] = [
    (3072, 40, 40),
    (768, 80, 40),
    (768, 80, 80),
    (192, 160, 160),
    (48, 320, 320),
    (48, 320, 40),
    (12288, 27, 32),
    (768, 60, 7),
    (768, 7, 60),
];

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("product");
    for (pixels, k, n) in PRODUCTS {
        group.throughput(Throughput::Elements((pixels * k * n) as u64));
        let w = bytes(n * k, 1);
        let x = bytes(pixels * k + SLACK, 2);
        for isa in Isa::available() {
            let matrix = Matrix::pack(isa, &w, n, k, &vec![0; n]);
            let chunk = 48.min(pixels);
            let mut sums = vec![0; chunk * n + SLACK];
            group.bench_function(
                BenchmarkId::new(format!("{isa:?}"), format!("{pixels}x{k}x{n}")),
                |b| {
                    b.iter(|| {
                        // As the operators do it: a chunk of pixels at a time, so that the sums
                        // stay in the first-level cache.
                        for first in (0..pixels).step_by(chunk) {
                            matrix.multiply(
                                &x[first * k..],
                                k,
                                chunk.min(pixels - first),
                                &mut sums,
                            );
                        }
                    });
                },
            );
        }
    }
}

/// Channels, height, width, stride.
const DEPTHWISE: [(usize, usize, usize, usize); 8] = [
    (20, 64, 48, 1),
    (40, 32, 24, 1),
    (80, 16, 12, 1),
    (160, 8, 6, 1),
    (40, 64, 48, 1),
    (40, 64, 48, 2),
    (80, 32, 24, 2),
    (32, 128, 96, 2),
];

fn depthwise(c: &mut Criterion) {
    let mut group = c.benchmark_group("depthwise");
    for (channels, h, w, stride) in DEPTHWISE {
        let output = [h / stride, w / stride];
        let shape = TapShape {
            channels,
            kernel: [3, 3],
            stride,
            pad: [1, 1],
            input: [h, w],
            output,
        };
        group.throughput(Throughput::Elements(
            (channels * output[0] * output[1] * 9) as u64,
        ));
        let weights = bytes(channels * 9, 3);
        let x = bytes(channels * h * w + SLACK, 4);
        for isa in Isa::available() {
            let taps = Taps::pack(isa, shape, &weights, &vec![0; channels], &vec![0; channels]);
            let mut scratch = TapScratch::default();
            group.bench_function(
                BenchmarkId::new(format!("{isa:?}"), format!("{channels}x{h}x{w}/{stride}")),
                |b| {
                    b.iter(|| {
                        taps.run(&x, 0..output[0], &mut scratch, None, &mut |_, sums| {
                            std::hint::black_box(sums);
                        })
                    });
                },
            );
        }
    }
}

criterion_group!(benches, products, depthwise);
criterion_main!(benches);
