use posed::engine::{Network, kernels::Isa};
use std::time::Instant;
fn main() {
    env_logger::init();
    let a: Vec<String> = std::env::args().collect();
    let isa = match a.get(4).map(String::as_str) {
        Some("portable") => Isa::Portable,
        Some("avx2") => Isa::Avx2,
        _ => Isa::best(),
    };
    let threads: usize = a.get(5).map_or(1, |n| n.parse().unwrap());
    let load = |threads| {
        let t = Instant::now();
        let n = Network::load_for(isa, a[1].as_ref(), 192, 256, 17, threads).unwrap();
        eprintln!("load {:?}", t.elapsed());
        n
    };
    let mut n = load(1);
    let x: Vec<f32> = std::fs::read(&a[2]).unwrap().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let mut h = vec![];
    n.run(&x, &mut h).unwrap();
    std::fs::write(&a[3], h.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>()).unwrap();
    let mut time = |n: &mut Network| {
        let mut times: Vec<f64> = (0..if isa == Isa::Portable { 3 } else { 200 })
            .map(|_| {
                let t = Instant::now();
                n.run(&x, &mut h).unwrap();
                t.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[0])
    };
    // One thread and several in turn, since other programs come and go.
    let mut several = (threads > 1).then(|| load(threads));
    let (mut least, mut medians) = ([f64::MAX; 2], [f64::MAX; 2]);
    for _ in 0..if several.is_some() { 8 } else { 1 } {
        for (i, n) in [Some(&mut n), several.as_mut()].into_iter().flatten().enumerate() {
            let (median, min) = time(n);
            eprintln!("{isa:?} {} threads: median {median:.3} ms min {min:.3}", [1, threads][i]);
            (least[i], medians[i]) = (least[i].min(min), medians[i].min(median));
        }
    }
    if several.is_some() {
        eprintln!(
            "{threads} threads: {:.2} times as fast by minima, {:.2} by best medians",
            least[0] / least[1],
            medians[0] / medians[1]
        );
    }
    n.start_profile();
    for _ in 0..100 {
        n.run(&x, &mut h).unwrap();
    }
    let mut by: std::collections::BTreeMap<&str, (f64, usize)> = Default::default();
    let p = n.profile();
    for (c, _, d) in &p {
        let e = by.entry(c).or_default();
        e.0 += d.as_secs_f64() * 10.0;
        e.1 += 1;
    }
    for (c, (ms, k)) in by {
        eprintln!("  {c:18} {k:4} {ms:.3} ms");
    }
    if a.get(6).is_some() {
        for (c, n, d) in p {
            eprintln!("{c} {n} {:.1} us", d.as_secs_f64() * 1e4);
        }
    }
}
