//! One call of a kernel between two calls of `marker`, for mca.sh to trace; prints how many products or numbers it makes.

use crate::engine::kernels::rows::fixed::{self, Fixed, Gain, Landing};
use crate::engine::kernels::{Isa, Matrix, SLACK, TapScratch, TapShape, Taps, periodic};
use crate::marked;

/// From sums to int8, a channel's as the next one's.
fn rounding(fraction: i32, channels: usize) -> Fixed {
    let all = vec![0.01; channels];
    let most = vec![1e6; channels];
    Fixed::new(fraction, &all, &vec![0.0; channels], &most, None).unwrap().0
}

fn taps(isa: Isa, shape: TapShape) -> usize {
    let (c, [h, w], [kh, kw]) = (shape.channels, shape.input, shape.kernel);
    let taps = Taps::pack(isa, shape, &vec![1; c * kh * kw], &vec![0; c], &vec![0; c]);
    let x = vec![1i8; h * w * c + SLACK];
    let (mut scratch, rounding) = (TapScratch::default(), rounding(fixed::FRACTION, c));
    let rows = 0..shape.output[0];
    marked(|| taps.run(&x, rows.clone(), &mut scratch, Some(&rounding), &mut |_, _| ()));
    shape.output[0] * shape.output[1] * c * kh * kw
}

fn landing(channels: usize, from: Option<Gain>) -> Landing {
    Landing { zero: periodic(&vec![0; channels]), limits: None, from }
}

/// `spec`: multiply:PIXELS:K:N, depthwise:CHANNELS:HEIGHT:WIDTH:STRIDE, wide:CHANNELS:HEIGHT:WIDTH (5x5), or round, silu, gate or land with
/// NUMBERS:CHANNELS.
pub fn run(isa: &str, spec: &str) {
    let isa = if isa == "dot" { Isa::NeonDot } else { Isa::Neon };
    let (name, numbers) = spec.split_once(':').unwrap();
    let numbers: Vec<usize> = numbers.split(':').map(|n| n.parse().unwrap()).collect();
    let count = match (name, &numbers[..]) {
        ("multiply", &[pixels, k, n]) => {
            let m = Matrix::pack(isa, &vec![1; n * k], n, k, &vec![0; n]);
            let (x, f) = (vec![1i8; pixels * k + SLACK], rounding(fixed::FRACTION, n));
            let (mut sums, mut out) = (vec![0; pixels * n + SLACK], vec![0; pixels * n]);
            marked(|| m.multiply_rounded(&x, k, pixels, &f, &mut sums, &mut out));
            pixels * k * n
        }
        ("depthwise", &[channels, h, w, stride]) => {
            let output = [h.div_ceil(stride), w.div_ceil(stride)];
            taps(isa, TapShape { channels, kernel: [3, 3], stride, pad: [1, 1], input: [h, w], output })
        }
        ("wide", &[channels, h, w]) => {
            taps(isa, TapShape { channels, kernel: [5, 5], stride: 1, pad: [2, 2], input: [h, w], output: [h, w] })
        }
        (row, &[n, channels]) => {
            let (shares, bytes, sums) = (vec![1i16; n], vec![1i8; n], vec![1i32; n]);
            let mut out = vec![0i8; n];
            let gain = Gain::new(&periodic(&vec![2.5; channels]));
            let plain = landing(channels, None);
            let zero = periodic(&vec![0i16; channels]);
            match row {
                "round" => {
                    let f = rounding(fixed::FRACTION, channels);
                    marked(|| fixed::round_sums(isa, &sums, &f, &mut out));
                }
                "silu" => {
                    let bend = fixed::Bend::new(700.0, |v| v / (1.0 + (-v).exp())).unwrap();
                    let l = landing(channels, Some(gain));
                    marked(|| bend.read(isa, &shares, &l, &mut out));
                }
                "gate" => marked(|| fixed::gate(isa, &bytes, &zero, &shares, &plain, &mut out)),
                "land" => marked(|| fixed::land(isa, &shares, &plain, &mut out)),
                _ => panic!("no kernel {row}"),
            }
            n
        }
        _ => panic!("no kernel {spec}"),
    };
    println!("{count} products");
}
