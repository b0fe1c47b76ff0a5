//! Whole networks on one thread and on two, for every instruction set of this processor. One
//! inference is one iteration.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use posed::engine::{Loading, Network, OnnxFile, kernels::Isa};
use posed::model::ModelCard;

fn networks(c: &mut Criterion) {
    let mut group = c.benchmark_group("network");
    group.sample_size(20);
    for name in [
        "lite_hrnet_18",
        "wider_naive_lite_hrnet_18",
        "lite_hrnet_18_f32",
        "wider_naive_lite_hrnet_18_f32",
    ] {
        let card = ModelCard::find(name).expect("the models are in this repository");
        let size = card.input.size;
        let file = OnnxFile::read(&card.onnx).expect("the models are in this repository");
        for isa in Isa::available()
            .into_iter()
            .filter(|&isa| isa != Isa::Portable)
        {
            for threads in [1, 2] {
                let loading = Loading {
                    isa,
                    threads,
                    cache: None,
                };
                let load = Network::from_file(
                    &file,
                    size.width as usize,
                    size.height as usize,
                    card.output.planes(),
                    loading,
                );
                let mut network = load.expect("a network of this repository");
                let picture: Vec<f32> = (0..network.input_len())
                    .map(|i| ((i * 7919) % 512) as f32 / 128.0 - 2.0)
                    .collect();
                let mut heatmaps = Vec::new();
                group.bench_function(BenchmarkId::new(name, format!("{isa:?} x{threads}")), |b| {
                    b.iter(|| network.run(&picture, &mut heatmaps).expect("it ran before"));
                });
            }
        }
    }
}

criterion_group!(benches, networks);
criterion_main!(benches);
