//! Inference on several threads gives the same bits as on one, ends whatever else runs on the
//! machine, and leaves nothing behind.

use posed::engine::{Network, kernels::Isa};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const SMALL: [&str; 5] = [
    "mobile",
    "mobile.int8",
    "lite.int8",
    "lite_elu.int8",
    "lite_pool.int8",
];

/// The tests count this process's threads, so they run one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/engine")
        .join(name)
}

fn load(name: &str, threads: usize) -> Network {
    Network::load_for(
        Isa::best(),
        &file(&format!("{name}.onnx")),
        96,
        128,
        17,
        threads,
    )
    .unwrap()
}

/// Heatmaps of a picture that `seed` makes another one, as bits.
fn heatmaps(network: &mut Network, seed: usize) -> Vec<u32> {
    let bytes = std::fs::read(file("image.f32")).unwrap();
    let mut picture: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect();
    picture.truncate(network.input_len());
    picture.rotate_left(seed * 97);
    let mut out = Vec::new();
    network.run(&picture, &mut out).unwrap();
    out.iter().map(|v| v.to_bits()).collect()
}

/// The inference threads of this process: their /proc entries.
fn inference_threads() -> Vec<PathBuf> {
    let tasks = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|t| t.unwrap().path());
    let named = |t: &PathBuf| {
        std::fs::read_to_string(t.join("comm")).is_ok_and(|name| name.starts_with("posed-infer-"))
    };
    tasks.filter(named).collect()
}

/// Waits until there are `count` of them: a thread gets its name when it first runs, and the system
/// forgets it some time after its end.
fn expect_inference_threads(count: usize) {
    for _ in 0..1000 {
        if inference_threads().len() == count {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!(
        "{} inference threads instead of {count}",
        inference_threads().len()
    );
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let _alone = alone();
    for name in SMALL {
        let mut one = load(name, 1);
        let want: Vec<_> = (0..5).map(|seed| heatmaps(&mut one, seed)).collect();
        assert!(want[0] != want[1], "{name}: the pictures are the same");
        for threads in 2..=4 {
            let mut network = load(name, threads);
            for run in 0..50 {
                assert!(
                    heatmaps(&mut network, run % 5) == want[run % 5],
                    "{name} on {threads} threads, run {run}"
                );
            }
        }
    }
}

#[test]
fn a_busy_machine_only_makes_it_slower() {
    let _alone = alone();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 * std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let mut one = load("lite.int8", 1);
        let mut four = load("lite.int8", 4);
        let same = (0..10).all(|run| heatmaps(&mut four, run) == heatmaps(&mut one, run));
        stop.store(true, Ordering::Relaxed);
        assert!(same);
    });
}

#[test]
fn its_threads_end_with_the_network() {
    let _alone = alone();
    expect_inference_threads(0);
    for threads in [1, 2, 4, 8, 100] {
        let mut network = load("lite.int8", threads);
        heatmaps(&mut network, 0);
        expect_inference_threads(threads.min(8) - 1);
        drop(network);
        expect_inference_threads(0);
    }
}

#[test]
fn between_pictures_its_threads_sleep() {
    let _alone = alone();
    let mut network = load("lite.int8", 4);
    heatmaps(&mut network, 0);
    expect_inference_threads(3);
    // Clock ticks in user and in system mode: fields 14 and 15 of proc(5), the 12th and 13th after
    // the name.
    let ticks = || -> u64 {
        let of = |task: &PathBuf| {
            let stat = std::fs::read_to_string(task.join("stat")).unwrap();
            let fields: Vec<&str> = stat
                .rsplit(')')
                .next()
                .unwrap()
                .split_whitespace()
                .collect();
            fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
        };
        inference_threads().iter().map(of).sum()
    };
    std::thread::sleep(Duration::from_millis(50));
    let before = ticks();
    std::thread::sleep(Duration::from_millis(200));
    // Three spinning threads would take 60 ticks of 10 ms on three processors, and 40 on two.
    assert!(ticks() - before <= 4, "{} ticks", ticks() - before);
}
