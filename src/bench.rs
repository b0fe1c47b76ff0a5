//! Speed and memory of a network on this machine.
//!
//! In: a model card, the threads one inference may use, the number of runs. Out: a [`Report`], readable as a table or as JSON.
//! The picture is made here, in the layout of a camera, so no camera and no photo is needed; every network does the same work on
//! any picture.

use crate::doctor::machine;
use crate::engine::Origin;
use crate::estimate::{EstimateError, Estimator, StageTimes};
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use crate::model::ModelCard;
use crate::skeleton::Skeleton;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs before the measured ones: caches, pages and the clock's governor settle.
const WARM_UP_RUNS: usize = 5;
/// What most USB cameras give.
const PICTURE: Size = Size::new(640, 480);

/// What one network costs on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub model: String,
    /// Processors that one inference may use.
    pub threads: usize,
    /// Measured runs, without the warm-up.
    pub runs: usize,
    /// From the ONNX file to a network that is ready to run, its plan kept on the way: the first start.
    pub load_ms: f64,
    /// From the cached plan to a network that is ready to run: every other start; `null` if the network gives no plan.
    pub load_cached_ms: Option<f64>,
    /// The network alone.
    pub inference_ms: Spread,
    /// Camera picture to network input.
    pub preprocess_ms: Spread,
    /// Heatmaps to joints.
    pub decode_ms: Spread,
    /// Frame and box to skeleton: the three steps together.
    pub total_ms: Spread,
    /// The most memory this process ever held, in units of 1024² bytes; `null` where the system does not tell.
    pub peak_rss_mb: Option<f64>,
    /// The processor's features that matter to networks.
    pub cpu_features: Vec<String>,
}

/// How long a step took over all runs, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub p99: f64,
    pub min: f64,
}

impl Spread {
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut ms: Vec<f64> = times.map(|t| t.as_secs_f64() * 1e3).collect();
        ms.sort_by(f64::total_cmp);
        Self { median: percentile(&ms, 50.0), p99: percentile(&ms, 99.0), min: percentile(&ms, 0.0) }
    }
}

/// The smallest of the ascending `sorted` values that at least `percent` of them do not exceed (nearest rank); 0 of none.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0.0)
}

/// A loaded and warm network.
struct Bench {
    estimator: Estimator,
    frame: Frame,
    skeleton: Skeleton,
    load: Duration,
    load_cached: Option<Duration>,
}

impl Bench {
    fn load(card: &ModelCard, threads: usize) -> Result<Self, EstimateError> {
        let (load, load_cached, estimator) = load(card, threads)?;
        let mut bench = Self { estimator, frame: picture(), skeleton: Skeleton::default(), load, load_cached };
        for _ in 0..WARM_UP_RUNS {
            bench.once()?;
        }
        Ok(bench)
    }

    fn once(&mut self) -> Result<StageTimes, EstimateError> {
        self.estimator.estimate(&self.frame, self.frame.size.rect(), &mut self.skeleton)?;
        Ok(self.estimator.times())
    }
}

/// Measures the network of `card`; at least one run is made.
///
/// # Errors
/// The network's file is missing, damaged, or none that the engine runs.
pub fn run(card: &ModelCard, threads: usize, runs: usize) -> Result<Report, EstimateError> {
    let mut bench = Bench::load(card, threads)?;
    let runs = runs.max(1);
    let mut steps: Vec<StageTimes> = Vec::with_capacity(runs);
    let mut totals = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        steps.push(bench.once()?);
        totals.push(start.elapsed());
    }
    Ok(Report {
        model: card.name.clone(),
        threads,
        runs,
        load_ms: bench.load.as_secs_f64() * 1e3,
        load_cached_ms: bench.load_cached.map(|t| t.as_secs_f64() * 1e3),
        inference_ms: Spread::of(steps.iter().map(|s| s.inference)),
        preprocess_ms: Spread::of(steps.iter().map(|s| s.preprocess)),
        decode_ms: Spread::of(steps.iter().map(|s| s.decode)),
        total_ms: Spread::of(totals.into_iter()),
        peak_rss_mb: std::fs::read_to_string("/proc/self/status").ok().and_then(|s| peak_rss_mb(&s)),
        cpu_features: machine::cpu_features(Path::new("/")),
    })
}

/// Measures in turns with another program: says `{"ready":true}` on a line, then makes `runs` inferences for every line of `input` and
/// answers with the median time of the network alone, `{"median_ms":…}`, until `input` ends.
///
/// # Errors
/// As [`run`], or `input` cannot be read, or `output` not be written.
pub fn follow(card: &ModelCard, threads: usize, runs: usize, input: impl BufRead, mut output: impl Write) -> anyhow::Result<()> {
    let mut bench = Bench::load(card, threads)?;
    writeln!(output, "{{\"ready\":true}}")?;
    output.flush()?;
    for line in input.lines() {
        line?;
        let times = (0..runs.max(1)).map(|_| bench.once().map(|t| t.inference)).collect::<Result<Vec<_>, _>>()?;
        let spread = Spread::of(times.into_iter());
        writeln!(output, "{{\"median_ms\":{},\"min_ms\":{}}}", spread.median, spread.min)?;
        output.flush()?;
    }
    Ok(())
}

/// The time that one class of operators takes of an inference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    pub class: String,
    /// Operators of the class.
    pub count: usize,
    /// Mean time of all of them together in one inference.
    pub ms: f64,
    pub percent: f64,
}

/// Where the time of an inference goes, the greatest share first; empty if tract runs the whole network. Timing every operator adds a few
/// hundredths of a millisecond.
///
/// # Errors
/// As [`run`].
pub fn profile(card: &ModelCard, threads: usize, runs: usize) -> Result<Vec<Share>, EstimateError> {
    let (mut bench, runs) = (Bench::load(card, threads)?, runs.max(1));
    bench.estimator.start_profile();
    for _ in 0..runs {
        bench.once()?;
    }
    let mut shares: Vec<Share> = Vec::new();
    for (class, _, time) in bench.estimator.profile() {
        let ms = time.as_secs_f64() * 1e3 / runs as f64;
        match shares.iter_mut().find(|s| s.class == class) {
            Some(share) => (share.count, share.ms) = (share.count + 1, share.ms + ms),
            None => shares.push(Share { class: class.into(), count: 1, ms, percent: 0.0 }),
        }
    }
    let total: f64 = shares.iter().map(|s| s.ms).sum();
    shares.iter_mut().for_each(|s| s.percent = 100.0 * s.ms / total.max(f64::MIN_POSITIVE));
    shares.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    Ok(shares)
}

/// Loads twice with a cache that is empty at first. Gives both times, the second only if it was a load from the cache.
fn load(card: &ModelCard, threads: usize) -> Result<(Duration, Option<Duration>, Estimator), EstimateError> {
    let directory = std::env::temp_dir().join(format!("posed-bench-{}-{:?}", std::process::id(), std::thread::current().id()));
    // Only a directory of our own is used: another user may have laid one there.
    let cache = std::fs::create_dir(&directory).is_ok().then_some(&*directory);
    let timed = || {
        let start = Instant::now();
        Estimator::load(card, threads, cache).map(|estimator| (start.elapsed(), estimator))
    };
    // The first is dropped before the second is loaded, so that the peak of memory is that of one.
    let loads = timed().map(|(first, _)| first).and_then(|first| Ok((first, timed()?)));
    if let Some(cache) = cache {
        let _ = std::fs::remove_dir_all(cache);
    }
    let (first, (second, estimator)) = loads?;
    Ok((first, (estimator.origin() == Origin::Cache).then_some(second), estimator))
}

/// A 640x480 YUYV picture with soft slopes, a figure's outline and noise, as a camera gives it; the same at every call.
fn picture() -> Frame {
    let (w, h) = (PICTURE.width as usize, PICTURE.height as usize);
    let mut data = Vec::with_capacity(w * h * 2);
    let mut noise = 0x2545_f491u32;
    for y in 0..h {
        for x in (0..w).step_by(2) {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let figure = x.abs_diff(w / 2) < 70 && y > 120 || x.abs_diff(w / 2).pow(2) + y.abs_diff(80).pow(2) < 45 * 45;
            let level = if figure { 150 } else { 40 + (x * 60 / w + y * 80 / h) as u32 };
            let grain = |shift: u32| (level + (noise >> shift) % 9) as u8;
            let chroma = if figure { [112, 150] } else { [128, 128] };
            data.extend([grain(16), chroma[0], grain(24), chroma[1]]);
        }
    }
    let mut frame = Frame { data, ..Frame::default() };
    frame.set_shape(PICTURE, PixelFormat::Yuyv);
    frame
}

/// The high-water mark of resident memory in `/proc/self/status` (proc(5), VmHWM, in kB).
fn peak_rss_mb(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok().map(|kb: f64| kb / 1024.0)
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let threads = if self.threads == 1 { "thread" } else { "threads" };
        writeln!(f, "{}, {} {threads}, {} runs", self.model, self.threads, self.runs)?;
        writeln!(f, "{:<12}{:>10}{:>10}{:>10}", "ms", "median", "p99", "min")?;
        let rows = [
            ("preprocess", self.preprocess_ms),
            ("inference", self.inference_ms),
            ("decode", self.decode_ms),
            ("total", self.total_ms),
        ];
        for (name, s) in rows {
            writeln!(f, "{name:<12}{:>10.2}{:>10.2}{:>10.2}", s.median, s.p99, s.min)?;
        }
        writeln!(f, "{:<12}{:>10.0} ms", "load", self.load_ms)?;
        if let Some(ms) = self.load_cached_ms {
            writeln!(f, "{:<12}{ms:>10.1} ms", "load, cached")?;
        }
        if let Some(mb) = self.peak_rss_mb {
            writeln!(f, "{:<12}{mb:>10.0} MB", "peak memory")?;
        }
        let features = if self.cpu_features.is_empty() { "none known".into() } else { self.cpu_features.join(", ") };
        write!(f, "{:<12}{features}", "processor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([0.0, 50.0, 99.0, 100.0].map(|p| percentile(&hundred, p)), [1.0, 50.0, 99.0, 100.0]);
        assert_eq!([0.0, 50.0, 99.0].map(|p| percentile(&[1.0, 2.0, 3.0], p)), [1.0, 2.0, 3.0]);
        assert_eq!([0.0, 50.0, 99.0].map(|p| percentile(&[7.0], p)), [7.0; 3]);
        assert_eq!(percentile(&[], 99.0), 0.0);
    }

    #[test]
    fn a_spread_does_not_ask_for_order() {
        let ms = |n: u64| Duration::from_millis(n);
        let spread = Spread::of([ms(5), ms(1), ms(9)].into_iter());
        assert_eq!((spread.median, spread.p99, spread.min), (5.0, 9.0, 1.0));
    }

    #[test]
    fn peak_memory_is_read_from_the_status_file() {
        assert_eq!(peak_rss_mb("Name:\tposed\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2.0));
        assert_eq!(peak_rss_mb("Name:\tposed\n"), None);
    }

    #[test]
    fn the_picture_holds_what_it_promises() {
        picture().check().unwrap();
    }

    #[test]
    fn a_profile_shares_out_the_whole_time() {
        let card = ModelCard::find("lite_hrnet_18").unwrap();
        let shares = profile(&card, 1, 2).unwrap();
        assert!((shares.iter().map(|s| s.percent).sum::<f64>() - 100.0).abs() < 1e-6);
        for (class, count) in [("conv 1x1", 152), ("depthwise", 96), ("conv kxk", 1)] {
            assert!(shares.iter().any(|s| s.class == class && s.count == count), "{class}: {shares:?}");
        }
    }

    #[test]
    fn following_answers_every_line() {
        let card = ModelCard::find("lite_hrnet_18").unwrap();
        let mut said = Vec::new();
        follow(&card, 1, 1, &b"go\ngo\n"[..], &mut said).unwrap();
        let said: Vec<serde_json::Value> =
            String::from_utf8(said).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!((said.len(), &said[0]["ready"]), (3, &serde_json::Value::Bool(true)));
        assert!(said[1..].iter().all(|l| l["median_ms"].as_f64().unwrap() > 0.0));
    }

    #[test]
    fn a_report_has_the_times_of_every_step_in_json_and_in_the_table() {
        let card = ModelCard::find("lite_hrnet_18_f32").unwrap();
        let report = run(&card, 1, 2).unwrap();
        assert!(report.inference_ms.min > 0.0 && report.total_ms.median >= report.inference_ms.min);
        let json = serde_json::to_value(&report).unwrap();
        assert!(json["inference_ms"]["median"].is_f64() && json["inference_ms"]["p99"].is_f64() && json["load_ms"].is_f64());
        assert!(json["load_cached_ms"].is_f64(), "{json}");
        assert!(json["peak_rss_mb"].as_f64().unwrap() > 1.0);
        let table = report.to_string();
        for word in [
            "lite_hrnet_18_f32",
            "1 thread,",
            "2 runs",
            "inference",
            "preprocess",
            "decode",
            "total",
            "load",
            "load, cached",
            "peak memory",
        ] {
            assert!(table.contains(word), "{word}: {table}");
        }
    }
}
