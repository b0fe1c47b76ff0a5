//! Every instruction set of this processor equals the portable reference, bit for bit, and stays
//! within its slack.

use super::rows::fixed::{self, Fixed, Gain, Landing, Scaled};
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

/// Inputs and weights. Four products of −128 and −63 fit int16, of −64 not; three of −85, not of −86;
/// nor do two of −128.
const KINDS: [(Values, Values); 15] = [
    (Values::Random, Values::Random),
    (Values::Least, Values::Least),
    (Values::Least, Values::Most),
    (Values::Most, Values::Least),
    (Values::Most, Values::Most),
    (Values::Ends, Values::Ends),
    (Values::Least, Values::Ends),
    (Values::Random, Values::Small),
    (Values::Least, Values::Small),
    (Values::Least, Values::Only(-85)),
    (Values::Least, Values::Only(-86)),
    (Values::Least, Values::Only(-51)),
    (Values::Least, Values::Only(-52)),
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
    let (r, small) = rounding(lcg, n, k);
    let mut exact = vec![0; pixels * n + SLACK];
    Matrix::pack(Isa::Portable, &w, n, k, &small).multiply(&x, stride, pixels, &mut exact);
    let mut rounded = vec![0; pixels * n];
    fixed::round_sums(Isa::Portable, &exact, &r, &mut rounded);
    let before: Vec<i16> = (0..pixels * n).map(|_| lcg.next() as i16).collect();
    let mut shares = vec![0; pixels * n];
    fixed::set_sums(Isa::Portable, &exact, &r, &mut shares);
    let mut added = before.clone();
    fixed::add_sums(Isa::Portable, &exact, &r, &mut added);
    let (scale, bias) = real_numbers(lcg, n);
    let mut real = vec![0.0; pixels * n];
    rows::to_real(
        Isa::Portable,
        &exact[..pixels * n],
        &scale,
        &bias,
        &mut real,
    );
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
        let packed = Matrix::pack(isa, &w, n, k, &small);
        let mut sums = vec![0; pixels * n + SLACK];
        let mut out = vec![0; pixels * n];
        packed.multiply_rounded(&x, stride, pixels, &r, &mut sums, &mut out);
        assert!(out == rounded, "rounded, {shape}");
        let mut out = vec![0; pixels * n];
        packed.multiply_shares::<false>(&x, stride, pixels, &r, &mut sums, &mut out);
        assert!(out == shares, "shares, {shape}");
        out.copy_from_slice(&before);
        packed.multiply_shares::<true>(&x, stride, pixels, &r, &mut sums, &mut out);
        assert!(out == added, "shares added, {shape}");
        let mut out = vec![0.0; pixels * n];
        packed.multiply_real::<false>(&x, stride, pixels, (&scale, &bias), &mut sums, &mut out);
        assert!(out == real, "real, {shape}");
        packed.multiply_real::<true>(&x, stride, pixels, (&scale, &bias), &mut sums, &mut out);
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
    r: &Fixed,
) -> Vec<i8> {
    let mut all = Vec::new();
    taps.run(x, rows, scratch, Some(r), &mut |_, row| match row {
        Row::Rounded(row) => all.extend_from_slice(row),
        Row::Sums(sums) => {
            let start = all.len();
            all.resize(start + sums.len(), 0);
            fixed::round_sums(Isa::Portable, sums, r, &mut all[start..]);
        }
    });
    all
}

/// Random numbers to round sums of `k` products by, and what is to be added to the sums: steps from
/// hundreds of sums to less than one.
fn rounding(lcg: &mut Lcg, channels: usize, k: usize) -> (Fixed, Vec<i32>) {
    let limits = lcg.upto(4) == 1;
    loop {
        let most = vec![k as f64 * 32640.0; channels];
        let largest = [1e-3, 1e-2, 0.5, 5.0][lcg.upto(4) - 1];
        let scale: Vec<f64> = (0..channels)
            .map(|_| lcg.upto(1000) as f64 / 1000.0 * largest)
            .collect();
        let bias: Vec<f64> = (0..channels)
            .map(|_| f64::from((lcg.next() >> 8) as i16) / 100.0)
            .collect();
        let limits = limits.then(|| {
            let low: Vec<i8> = (0..channels)
                .map(|_| -(lcg.upto(128) as i32) as i8)
                .collect();
            let high = low.iter().map(|&l| l.saturating_add(100)).collect();
            [low, high]
        });
        if let Some(found) = Fixed::new(fixed::FRACTION, &scale, &bias, &most, limits) {
            return found;
        }
    }
}

/// Random scales and biases in real numbers.
fn real_numbers(lcg: &mut Lcg, channels: usize) -> (Vec<f32>, Vec<f32>) {
    let scale: Vec<f32> = (0..channels)
        .map(|_| lcg.upto(1000) as f32 * 1e-6)
        .collect();
    let bias = lcg.bytes(channels, Values::Random);
    let bias: Vec<f32> = bias.into_iter().map(f32::from).collect();
    (periodic(&scale), periodic(&bias))
}

/// What rounding in fixed point is for: within two shares and a half of a step of the real value,
/// saturated.
#[test]
fn rounding_in_fixed_point_is_within_a_share_of_the_real_value() {
    let mut lcg = Lcg(6);
    for _ in 0..300 {
        let channels = lcg.upto(40);
        let scale: Vec<f64> = (0..channels)
            .map(|_| 2f64.powf(lcg.upto(4000) as f64 / 200.0 - 18.0))
            .collect();
        let bias: Vec<f64> = (0..channels)
            .map(|_| f64::from((lcg.next() >> 8) as i16) / 40.0)
            .collect();
        let most: Vec<f64> = scale.iter().map(|s| (2000.0 / s).max(1.0)).collect();
        let Some((f, init)) = Fixed::new(fixed::FRACTION, &scale, &bias, &most, None) else {
            panic!("no way from {scale:?}")
        };
        for isa in Isa::available() {
            let sums: Vec<i32> = (0..channels * 5)
                .map(|i| {
                    let most = most[i % channels] as i64;
                    (i64::from(lcg.next()) % (2 * most + 1) - most) as i32
                })
                .collect();
            let given: Vec<i32> = sums
                .iter()
                .enumerate()
                .map(|(i, s)| s + init[i % channels])
                .collect();
            let mut out = vec![0; sums.len()];
            fixed::round_sums(isa, &given, &f, &mut out);
            for (i, (&sum, &q)) in sums.iter().zip(&out).enumerate() {
                let c = i % channels;
                let real = f64::from(sum) * scale[c] + bias[c];
                let off = (f64::from(q) - real.clamp(-128.0, 127.0)).abs();
                assert!(
                    off <= 0.5 + 2.5 / 128.0 + real.abs() / 32768.0,
                    "{isa:?}: {real} became {q}, {} a sum, {} more",
                    scale[c],
                    bias[c]
                );
            }
        }
    }
}

fn silu(v: f64) -> f64 {
    v / (1.0 + (-v).exp())
}

#[test]
fn a_silu_is_read_to_a_thousandth() {
    let hard = |v: f64| v * (v / 6.0 + 0.5).clamp(0.0, 1.0);
    for of in [silu, hard] {
        for shares in [40.0, 130.0, 700.0, 1999.0] {
            let bend = fixed::Bend::new(shares, of).unwrap();
            let x: Vec<i16> = (-16383..=16383).collect();
            // Steps of 1/16 around -8 to 7.9 and of 1/128 around -1 to 1.
            for (step, from) in [(1.0 / 16.0, 128.0), (1.0 / 128.0, 0.0)] {
                let landing = Landing {
                    zero: vec![0; 16],
                    limits: None,
                    from: Some(Gain::new(&[64.0 / (shares * step); 16])),
                };
                let mut out = vec![0; x.len()];
                bend.read(Isa::Portable, &x, &landing, &mut out);
                for (&x, &q) in x.iter().zip(&out) {
                    let want = of(f64::from(x) / shares) / step;
                    let off = (f64::from(q) - want.clamp(-128.0, 127.0)).abs();
                    // Half a step, a thousandth or two (of SiLU's end three), and what of the shares is lost.
                    let may = 0.5 + (0.003 + 0.6 / shares) / step + from * 1e-4;
                    assert!(off <= may, "{shares}: {x} became {q}, not {want}");
                }
            }
        }
    }
    assert!(fixed::Bend::new(700.0, |v| v * (v / 6.0 + 0.4).clamp(0.0, 1.0)).is_none());
    assert!(fixed::Bend::new(700.0, |v| v.abs()).is_none());
}

#[test]
fn rows_in_fixed_point_equal_the_reference() {
    let mut lcg = Lcg(7);
    let sigmoid = fixed::Table::new(4096.0, |v| (v * 15.0) as i8);
    let swish = [6.0, 60.0, 700.0, 2047.0].map(|shares| fixed::Bend::new(shares, silu).unwrap());
    for round in 0..400 {
        let channels = lcg.upto(70);
        let n = lcg.upto(400);
        let x = lcg.bytes(n, KINDS[round % 6].0);
        let gates = lcg.bytes(n, Values::Random);
        let shorts = |lcg: &mut Lcg, n: usize| -> Vec<i16> {
            (0..n).map(|_| (lcg.next() as i16).max(-32767)).collect()
        };
        let (r, init) = rounding(&mut lcg, channels, 30);
        let sums: Vec<i32> = (0..n)
            .map(|i| init[i % channels] + (lcg.next() % 1_900_000) as i32 - 950_000)
            .collect();
        let before = shorts(&mut lcg, n);
        let zeros = |lcg: &mut Lcg| -> Vec<i16> {
            periodic(
                &lcg.bytes(channels, Values::Random)
                    .iter()
                    .map(|&z| fixed::raised(z))
                    .collect::<Vec<_>>(),
            )
        };
        let scaled = Scaled {
            zero: zeros(&mut lcg),
            factor: periodic(&shorts(&mut lcg, channels)),
        };
        let mut land = Landing {
            zero: periodic(
                &(0..channels)
                    .map(|_| lcg.next() as i16 / 4)
                    .collect::<Vec<_>>(),
            ),
            limits: r.limits.clone(),
            from: None,
        };
        let factors = shorts(&mut lcg, n);
        let others = shorts(&mut lcg, n);
        let pixels = shorts(&mut lcg, 3 * channels);
        let columns: Vec<(usize, i16)> = (0..n / channels)
            .map(|i| (i % 3, others[i].max(0)))
            .collect();
        let wide = columns.len() * channels;
        let thin = lcg.upto(channels);
        let gains: Vec<f64> = (0..channels)
            .map(|_| 2f64.powf(lcg.upto(1000) as f64 / 50.0 - 10.0))
            .collect();
        let gain = Gain::new(&periodic(&gains));
        let all = |isa: Isa, land: &Landing| {
            let mut bytes = vec![vec![0i8; 2 * n]; 8];
            let mut words = vec![before.clone(); 8];
            fixed::round_sums(isa, &sums, &r, &mut bytes[0][..n]);
            fixed::set_sums(isa, &sums, &r, &mut words[0]);
            fixed::add_sums(isa, &sums, &r, &mut words[1]);
            fixed::set_scaled(isa, &x, &scaled, &mut words[2]);
            fixed::add_scaled(isa, &x, &scaled, &mut words[3]);
            fixed::add_shares(isa, &factors, &mut words[4]);
            fixed::add_blend(isa, &factors, &others, 12_345, &mut words[5]);
            fixed::stretch(isa, &pixels, channels, &columns, &mut words[6][..wide]);
            fixed::land(isa, &before, land, &mut bytes[1][..n]);
            fixed::gate(isa, &x, &scaled.zero, &factors, land, &mut bytes[2][..n]);
            fixed::rescale(
                isa,
                &gates,
                &scaled.zero,
                &scaled.factor,
                land,
                &mut bytes[3][..n],
            );
            fixed::rescale_terms(
                isa,
                &x,
                &scaled.zero,
                &scaled.factor,
                land,
                &mut bytes[4][..n],
            );
            let all = n / channels;
            rows::pick_bytes(isa, &gates, channels, thin, &mut bytes[5][..all * thin]);
            rows::interleave_bytes(
                isa,
                &gates,
                channels,
                &x,
                channels,
                thin,
                &mut bytes[6][..2 * all * thin],
            );
            let mut wide = vec![0; 3 * 3 * channels];
            rows::repeat_shares(isa, &pixels, channels, channels, 3, &mut wide);
            words.push(wide);
            let mut gained = before.clone();
            fixed::add_gained(isa, &x, &scaled.zero, &gain, &mut gained);
            words.push(gained);
            let mut gained = before.clone();
            fixed::set_gained(isa, &x, &scaled.zero, &gain, &mut gained);
            words.push(gained);
            let (kh, kw) = (1 + round % 5, 1 + round % 7);
            let across = n / (channels * kw * kh);
            let mut pooled = vec![0; across * channels];
            let zeros = &init[..];
            rows::pool_windows(
                isa,
                &x,
                channels,
                across * kw * channels,
                [kh, kw],
                zeros,
                &mut pooled,
            );
            words.extend(
                pooled
                    .chunks(2)
                    .map(|p| p.iter().map(|&p| p as i16).collect()),
            );
            let mut table = vec![0i8; n];
            sigmoid.read(&factors, &mut table);
            bytes.push(table);
            let mut bent = vec![0i8; n];
            swish[round % 4].read(isa, &factors, land, &mut bent);
            bytes.push(bent);
            (bytes, words)
        };
        for from in [None, Some(gain.clone())] {
            land.from = from;
            let want = all(Isa::Portable, &land);
            for isa in fast() {
                assert!(
                    all(isa, &land) == want,
                    "{isa:?}: {n} numbers of {channels} channels"
                );
            }
        }
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
    let (r, small) = rounding(lcg, c, shape.kernel[0] * shape.kernel[1]);
    let exact = Taps::pack(Isa::Portable, shape, &taps, &small, &pad);
    let rounded = run_rounded_taps(&exact, &x, all.clone(), scratch, &r);
    for isa in fast() {
        let packed = Taps::pack(isa, shape, &taps, &init, &pad);
        let rounds = Taps::pack(isa, shape, &taps, &small, &pad);
        let mut check = |rows: Range<usize>| {
            x[h * w * c..].fill_with(|| lcg.next() as i8);
            scratch.words.fill_with(|| lcg.next());
            scratch.sums.fill_with(|| lcg.next() as i32);
            let sums = run_taps(&packed, &x, rows.clone(), scratch);
            assert!(
                sums == expected[rows.start * row..rows.end * row],
                "{isa:?} {shape:?} {rows:?} {inputs:?} x {weights:?}"
            );
            let out = run_rounded_taps(&rounds, &x, rows.clone(), scratch, &r);
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
fn kernels_of_5x5_equal_the_reference() {
    let mut lcg = Lcg(9);
    let mut scratch = TapScratch::default();
    for round in 0..120 {
        // At last those of RTMDet-nano.
        let [channels, height, width] = match round {
            117 => [16, 32, 40],
            118 => [32, 16, 20],
            119 => [64, 8, 10],
            _ => [15 + lcg.upto(90), lcg.upto(7), lcg.upto(9)],
        };
        let shape = TapShape {
            channels,
            kernel: [5, 5],
            stride: 1,
            pad: [2, 2],
            input: [height, width],
            output: [height, width],
        };
        let kinds = KINDS[round % KINDS.len()];
        check_taps(&mut lcg, shape, kinds, &mut scratch, round % 8 == 0);
    }
}

#[test]
fn kernels_of_any_size_stride_and_padding_equal_the_reference() {
    let mut lcg = Lcg(5);
    let mut scratch = TapScratch::default();
    for round in 0..600 {
        let kernel = [lcg.upto(7), lcg.upto(7)];
        let pad = kernel.map(|k| lcg.next() as usize % k);
        let stride = lcg.upto(3);
        // Sixteen channels or more go by a kernel of their own.
        let channels = if round % 4 == 0 {
            lcg.upto(15)
        } else {
            15 + lcg.upto(60)
        };
        let input = [0, 1].map(|i| (kernel[i] - pad[i]).max(1) + lcg.upto(9));
        let output = [0, 1].map(|i| (input[i] + 2 * pad[i] - kernel[i]) / stride + 1);
        let shape = TapShape {
            channels,
            kernel,
            stride,
            pad,
            input,
            output,
        };
        let kinds = KINDS[round % KINDS.len()];
        check_taps(&mut lcg, shape, kinds, &mut scratch, round % 8 == 0);
    }
}
