//! Every instruction set of this processor equals the portable reference, bit for bit, and stays
//! within its slack.

use super::*;

/// A small generator of numbers, the same on every run.
struct Lcg(u64);

impl Lcg {
    fn next(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    fn upto(&mut self, most: usize) -> usize {
        1 + self.next() as usize % most
    }

    fn bytes(&mut self, len: usize, kind: Values) -> Vec<i8> {
        let mut value = || match kind {
            Values::Random => (self.next() >> 8) as i8,
            Values::Least => -128,
            Values::Most => 127,
            Values::Ends => [-128, -127, 127][self.next() as usize / 4 % 3],
            Values::Small => (self.next() >> 8) as i8 / 3,
            Values::Only(value) => value,
        };
        (0..len).map(|_| value()).collect()
    }

    fn ints(&mut self, len: usize) -> Vec<i32> {
        (0..len).map(|_| (self.next() << 1) as i32).collect()
    }
}

#[derive(Debug, Clone, Copy)]
enum Values {
    Random,
    Least,
    Most,
    Ends,
    /// As trained weights are.
    Small,
    Only(i8),
}

/// Inputs and weights. Four products of −128 and −63 fit int16, of −64 not; nor do two of −128.
const KINDS: [(Values, Values); 11] = [
    (Values::Random, Values::Random),
    (Values::Least, Values::Least),
    (Values::Least, Values::Most),
    (Values::Most, Values::Least),
    (Values::Most, Values::Most),
    (Values::Ends, Values::Ends),
    (Values::Least, Values::Ends),
    (Values::Random, Values::Small),
    (Values::Least, Values::Small),
    (Values::Least, Values::Only(-63)),
    (Values::Least, Values::Only(-64)),
];

fn fast() -> impl Iterator<Item = Isa> {
    Isa::available()
        .into_iter()
        .filter(|&isa| isa != Isa::Portable)
}

/// What sums are before a kernel writes them.
const UNTOUCHED: i32 = 0x1357_9bdf;

fn check_matrix(
    lcg: &mut Lcg,
    [pixels, k, n, stride]: [usize; 4],
    (inputs, weights): (Values, Values),
) {
    let w = lcg.bytes(n * k, weights);
    let init = lcg.ints(n);
    let len = (pixels - 1) * stride + k;
    let mut x = lcg.bytes(len + SLACK, inputs);
    let run = |isa, x: &[i8]| {
        let mut sums = vec![UNTOUCHED; pixels * n + SLACK + 40];
        Matrix::pack(isa, &w, n, k, &init).multiply(
            x,
            stride,
            pixels,
            &mut sums[..pixels * n + SLACK],
        );
        assert!(
            sums[pixels * n + SLACK..].iter().all(|&s| s == UNTOUCHED),
            "{isa:?} wrote beyond the slack"
        );
        sums.truncate(pixels * n);
        sums
    };
    let expected = run(Isa::Portable, &x);
    let r = rounding(lcg, n);
    let mut rounded = vec![0; pixels * n];
    rows::requantise(Isa::Portable, &expected, &r, &mut rounded);
    let mut real = vec![0.0; pixels * n];
    rows::to_real(Isa::Portable, &expected, &r.scale, &r.bias, &mut real);
    for isa in fast() {
        // Gaps between pixels and the slack behind the last: other garbage every time.
        for (_, value) in x
            .iter_mut()
            .enumerate()
            .filter(|(i, _)| *i >= len || i % stride >= k)
        {
            *value = lcg.next() as i8;
        }
        let shape = format!(
            "{isa:?}: {pixels} pixels, k {k}, n {n}, stride {stride}, {inputs:?} x {weights:?}"
        );
        assert!(run(isa, &x) == expected, "{shape}");
        let mut sums = vec![0; pixels * n + SLACK];
        let mut out = vec![0; pixels * n];
        Matrix::pack(isa, &w, n, k, &init)
            .multiply_rounded(&x, stride, pixels, &r, &mut sums, &mut out);
        assert!(out == rounded, "rounded, {shape}");
        let mut out = vec![0.0; pixels * n];
        let packed = Matrix::pack(isa, &w, n, k, &init);
        packed.multiply_real::<false>(&x, stride, pixels, (&r.scale, &r.bias), &mut sums, &mut out);
        assert!(out == real, "real, {shape}");
        packed.multiply_real::<true>(&x, stride, pixels, (&r.scale, &r.bias), &mut sums, &mut out);
        assert!(
            out.iter().zip(&real).all(|(sum, one)| *sum == one + one),
            "added, {shape}"
        );
    }
}

#[test]
fn matrix_products_of_a_networks_shapes_equal_the_reference() {
    let mut lcg = Lcg(1);
    let shapes = [
        [48, 27, 32],
        [48, 20, 20],
        [48, 40, 40],
        [47, 80, 80],
        [48, 80, 40],
        [48, 40, 80],
        [48, 160, 160],
        [46, 160, 80],
        [45, 160, 40],
        [48, 40, 160],
        [48, 320, 320],
        [48, 320, 160],
        [48, 320, 40],
        [48, 40, 320],
        [48, 60, 7],
        [48, 7, 60],
        [48, 140, 17],
        [48, 17, 140],
        [48, 300, 37],
        [48, 37, 300],
        [1, 20, 5],
        [1, 5, 20],
        [3, 1700, 19],
        [7, 512, 3],
        [7, 513, 25],
    ];
    for [pixels, k, n] in shapes {
        for (stride, kinds) in [k, k + 1, k * 2]
            .into_iter()
            .zip(KINDS.iter().cycle().skip(lcg.upto(11)))
        {
            check_matrix(&mut lcg, [pixels, k, n, stride], *kinds);
        }
        check_matrix(&mut lcg, [pixels, k, n, k], KINDS[0]);
        check_matrix(&mut lcg, [pixels, k, n, k], KINDS[7]);
    }
}

#[test]
fn matrix_products_of_any_size_equal_the_reference() {
    let mut lcg = Lcg(2);
    for n in 1..=70 {
        for _ in 0..12 {
            let pixels = lcg.upto(30);
            let k = lcg.upto(70);
            let stride = k + (lcg.next() as usize % 3) * lcg.upto(50);
            let kinds = KINDS[lcg.next() as usize % KINDS.len()];
            check_matrix(&mut lcg, [pixels, k, n, stride], kinds);
        }
    }
    for pixels in 1..=50 {
        for n in [5, 16, 17, 40, 50, 64, 80] {
            let k = lcg.upto(40);
            check_matrix(&mut lcg, [pixels, k, n, k], KINDS[0]);
        }
    }
}

fn common(channels: usize, height: usize, width: usize, stride: usize) -> TapShape {
    let output = [height.div_ceil(stride), width.div_ceil(stride)];
    TapShape {
        channels,
        kernel: [3, 3],
        stride,
        pad: [1, 1],
        input: [height, width],
        output,
    }
}

/// The sums of `rows`, one row after the other.
fn run_taps(taps: &Taps, x: &[i8], rows: Range<usize>, scratch: &mut TapScratch) -> Vec<i32> {
    let mut sums = Vec::new();
    let mut next = rows.start;
    taps.run(x, rows.clone(), scratch, None, &mut |y, row| {
        let Row::Sums(row) = row else {
            panic!("rounded without being asked")
        };
        assert_eq!(
            (y, row.len()),
            (next, taps.shape.output[1] * taps.shape.channels)
        );
        next += 1;
        sums.extend_from_slice(row);
    });
    assert_eq!(next, rows.end.max(rows.start));
    sums
}

/// The same, rounded by the kernel or after it.
fn run_rounded_taps(
    taps: &Taps,
    x: &[i8],
    rows: Range<usize>,
    scratch: &mut TapScratch,
    r: &rows::Requant,
) -> Vec<i8> {
    let mut all = Vec::new();
    taps.run(x, rows, scratch, Some(r), &mut |_, row| match row {
        Row::Rounded(row) => all.extend_from_slice(row),
        Row::Sums(sums) => {
            let start = all.len();
            all.resize(start + sums.len(), 0);
            rows::requantise(Isa::Portable, sums, r, &mut all[start..]);
        }
    });
    all
}

/// Random numbers to round by, for sums of any size.
fn rounding(lcg: &mut Lcg, channels: usize) -> rows::Requant {
    let scale: Vec<f32> = (0..channels)
        .map(|_| lcg.upto(1000) as f32 * 1e-6)
        .collect();
    let bias: Vec<f32> = lcg
        .bytes(channels, Values::Random)
        .into_iter()
        .map(f32::from)
        .collect();
    let zero = lcg.bytes(1, Values::Random)[0];
    rows::Requant {
        scale: periodic(&scale),
        bias: periodic(&bias),
        to: rows::Target::default(),
        plain: Some(i32::from(zero)),
    }
}

fn check_taps(
    lcg: &mut Lcg,
    shape: TapShape,
    (inputs, weights): (Values, Values),
    scratch: &mut TapScratch,
    every_range: bool,
) {
    let (c, [h, w]) = (shape.channels, shape.input);
    let taps = lcg.bytes(c * shape.kernel[0] * shape.kernel[1], weights);
    let init = lcg.ints(c);
    let pad = lcg.bytes(c, inputs);
    let mut x = lcg.bytes(h * w * c + SLACK, inputs);
    let all = 0..shape.output[0];
    let expected = run_taps(
        &Taps::pack(Isa::Portable, shape, &taps, &init, &pad),
        &x,
        all.clone(),
        scratch,
    );
    let row = shape.output[1] * c;
    let r = rounding(lcg, c);
    let mut rounded = vec![0; expected.len()];
    expected
        .chunks(row.max(1))
        .zip(rounded.chunks_mut(row.max(1)))
        .for_each(|(sums, out)| rows::requantise(Isa::Portable, sums, &r, out));
    for isa in fast() {
        let packed = Taps::pack(isa, shape, &taps, &init, &pad);
        let mut check = |rows: Range<usize>| {
            x[h * w * c..].fill_with(|| lcg.next() as i8);
            scratch.words.fill_with(|| lcg.next());
            scratch.sums.fill_with(|| lcg.next() as i32);
            let sums = run_taps(&packed, &x, rows.clone(), scratch);
            assert!(
                sums == expected[rows.start * row..rows.end * row],
                "{isa:?} {shape:?} {rows:?} {inputs:?} x {weights:?}"
            );
            let out = run_rounded_taps(&packed, &x, rows.clone(), scratch, &r);
            assert!(
                out == rounded[rows.start * row..rows.end * row],
                "rounded, {isa:?} {shape:?} {rows:?} {inputs:?} x {weights:?}"
            );
        };
        check(all.clone());
        if every_range {
            for start in 0..=all.end {
                (start..=all.end).for_each(|end| check(start..end));
            }
        } else {
            check(all.end / 2..all.end);
            check(0..all.end / 2);
        }
    }
}

#[test]
fn depthwise_convolutions_of_a_networks_shapes_equal_the_reference() {
    let mut lcg = Lcg(3);
    let mut scratch = TapScratch::default();
    let shapes = [
        [20, 64, 48, 1],
        [40, 32, 24, 1],
        [80, 16, 12, 1],
        [160, 8, 6, 1],
        [32, 64, 48, 1],
        [40, 64, 48, 1],
        [40, 64, 48, 2],
        [80, 32, 24, 2],
        [160, 16, 12, 2],
        [16, 128, 96, 2],
        [32, 128, 96, 2],
        [400, 3, 5, 1],
        [399, 3, 5, 2],
    ];
    for [c, h, w, stride] in shapes {
        check_taps(
            &mut lcg,
            common(c, h, w, stride),
            KINDS[0],
            &mut scratch,
            h <= 16,
        );
        let kinds = KINDS[lcg.next() as usize % KINDS.len()];
        check_taps(
            &mut lcg,
            common(c, h, w, stride),
            kinds,
            &mut scratch,
            false,
        );
    }
}

#[test]
fn depthwise_convolutions_of_any_size_equal_the_reference() {
    let mut lcg = Lcg(4);
    let mut scratch = TapScratch::default();
    for c in 1..=70 {
        for stride in [1, 2] {
            for (w, h) in [
                (lcg.upto(70), lcg.upto(9)),
                (lcg.upto(6), lcg.upto(70)),
                (1, 1),
                (2, 2),
            ] {
                let kinds = KINDS[lcg.next() as usize % KINDS.len()];
                check_taps(
                    &mut lcg,
                    common(c, h, w, stride),
                    kinds,
                    &mut scratch,
                    false,
                );
            }
        }
    }
    for w in 1..=70 {
        for stride in [1, 2] {
            let c = lcg.upto(48);
            let h = lcg.upto(5);
            check_taps(
                &mut lcg,
                common(c, h, w, stride),
                KINDS[0],
                &mut scratch,
                true,
            );
        }
    }
}

#[test]
fn an_uncommon_depthwise_convolution_runs_on_the_reference() {
    let shape = TapShape {
        channels: 3,
        kernel: [5, 5],
        stride: 1,
        pad: [2, 2],
        input: [6, 7],
        output: [6, 7],
    };
    let taps = Taps::pack(Isa::best(), shape, &[1; 75], &[0; 3], &[0; 3]);
    assert_eq!(taps.isa, Isa::Portable);
    check_taps(
        &mut Lcg(5),
        shape,
        KINDS[0],
        &mut TapScratch::default(),
        true,
    );
}
