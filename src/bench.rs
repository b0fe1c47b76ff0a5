//! Speed and memory of a network on this machine.
//!
//! In: a model card, the threads one inference may use, the number of runs. Out: a [`Report`],
//! readable as a table or as JSON. The picture is made here, in the layout of a camera, so no
//! camera and no photo is needed; every network does the same work on any picture.

mod board;
mod report;
mod subject;

pub use board::{BoardReport, BoardRow, HEAD, Heat, board};
pub use report::{Report, Spread};

use crate::doctor::machine;
use crate::engine::{Loading, Origin};
use crate::estimate::StageTimes;
use crate::frame::{Frame, PixelFormat};
use crate::geometry::{Rect, Size};
use crate::model::ModelCard;
use crate::network::NetworkError;
use report::peak_rss_mb;
use serde::Serialize;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use subject::Subject;

/// Runs before the measured ones: caches, pages and the clock's governor settle.
const WARM_UP_RUNS: usize = 5;
/// What most USB cameras give.
const PICTURE: Size = Size::new(640, 480);

/// A loaded and warm network.
struct Bench {
    subject: Subject,
    frame: Frame,
    people: usize,
    load: Duration,
    load_cached: Option<Duration>,
}

impl Bench {
    fn load(card: &ModelCard, loading: Loading) -> Result<Self, NetworkError> {
        let (load, load_cached, subject) = load(card, loading)?;
        let mut bench = Self {
            subject,
            frame: picture(),
            people: 1,
            load,
            load_cached,
        };
        for _ in 0..WARM_UP_RUNS {
            bench.once()?;
        }
        Ok(bench)
    }

    fn once(&mut self) -> Result<StageTimes, NetworkError> {
        self.subject.look(&self.frame, self.frame.size.rect())
    }

    /// Everybody of a frame, beside each other.
    fn everybody(&mut self) -> Result<(), NetworkError> {
        let all = self.frame.size.rect();
        let width = all.width / self.people as f32;
        for i in 0..self.people {
            let area = Rect::new(width * i as f32, 0.0, width, all.height);
            self.subject.look(&self.frame, area)?;
        }
        Ok(())
    }
}

/// What of a frame is measured beside one run of the network.
#[derive(Debug, Clone, Default)]
pub struct Crowd {
    /// So many people are in the frame; 0 and 1 measure nothing more.
    pub people: usize,
    /// The finder that looks at it.
    pub finder: Option<ModelCard>,
}

/// Measures the network of `card`, and what a frame with this `crowd` takes; at least one run is
/// made. The runs of all of them take turns.
///
/// # Errors
/// A network's file is missing, damaged, or none that the engine runs.
pub fn run(
    card: &ModelCard,
    crowd: &Crowd,
    loading: Loading,
    runs: usize,
) -> Result<Report, NetworkError> {
    let mut bench = Bench::load(card, loading)?;
    bench.people = crowd.people;
    let mut finder = match &crowd.finder {
        Some(card) => Some(Bench::load(card, loading)?),
        None => None,
    };
    let runs = runs.max(1);
    let mut steps: Vec<StageTimes> = Vec::with_capacity(runs);
    let [mut totals, mut frames, mut looks] = [const { Vec::new() }; 3];
    for _ in 0..runs {
        let start = Instant::now();
        steps.push(bench.once()?);
        totals.push(start.elapsed());
        if crowd.people > 1 {
            let start = Instant::now();
            bench.everybody()?;
            frames.push(start.elapsed());
        }
        if let Some(finder) = &mut finder {
            let start = Instant::now();
            finder.once()?;
            looks.push(start.elapsed());
        }
    }
    let spread = |times: Vec<Duration>| Spread::of(times.into_iter());
    Ok(Report {
        model: card.name.clone(),
        threads: loading.threads,
        runs,
        load_ms: bench.load.as_secs_f64() * 1e3,
        load_cached_ms: bench.load_cached.map(|t| t.as_secs_f64() * 1e3),
        inference_ms: Spread::of(steps.iter().map(|s| s.inference)),
        preprocess_ms: Spread::of(steps.iter().map(|s| s.preprocess)),
        decode_ms: Spread::of(steps.iter().map(|s| s.decode)),
        total_ms: spread(totals),
        people: (crowd.people > 1).then_some(crowd.people),
        people_ms: (crowd.people > 1).then(|| spread(frames)),
        finder_ms: finder.is_some().then(|| spread(looks)),
        peak_rss_mb: std::fs::read_to_string("/proc/self/status")
            .ok()
            .and_then(|s| peak_rss_mb(&s)),
        cpu_features: machine::cpu_features(Path::new("/")),
    })
}

/// Measures in turns with another program: says `{"ready":true}` on a line, then makes `runs`
/// inferences for every line of `input` and answers with the median time of the network alone,
/// `{"median_ms":…}`, until `input` ends.
///
/// # Errors
/// As [`run`], or `input` cannot be read, or `output` not be written.
pub fn follow(
    card: &ModelCard,
    loading: Loading,
    runs: usize,
    input: impl BufRead,
    mut output: impl Write,
) -> anyhow::Result<()> {
    let mut bench = Bench::load(card, loading)?;
    writeln!(output, "{{\"ready\":true}}")?;
    output.flush()?;
    for line in input.lines() {
        line?;
        let times = (0..runs.max(1))
            .map(|_| bench.once().map(|t| t.inference))
            .collect::<Result<Vec<_>, _>>()?;
        let spread = Spread::of(times.into_iter());
        writeln!(
            output,
            "{{\"median_ms\":{},\"min_ms\":{}}}",
            spread.median, spread.min
        )?;
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

/// Where the time of an inference goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// The greatest share first; empty if tract runs the whole network.
    pub operators: Vec<Share>,
    pub threads: usize,
    pub all_ms: f64,
    /// What the thread with most to do has of it, waits not counted.
    pub longest_ms: f64,
}

/// Where the time of an inference goes. All of it is done by one thread, piece by piece as
/// `loading.threads` would share it out. Timing every operator adds a few hundredths of a millisecond.
///
/// # Errors
/// As [`run`].
pub fn profile(card: &ModelCard, loading: Loading, runs: usize) -> Result<Profile, NetworkError> {
    let mut bench = Bench::load(card, loading)?;
    let runs = runs.max(1);
    bench.subject.network().network.start_profile();
    for _ in 0..runs {
        bench.once()?;
    }
    let mut shares: Vec<Share> = Vec::new();
    for (class, _, time) in bench.subject.network().network.profile() {
        let ms = time.as_secs_f64() * 1e3 / runs as f64;
        match shares.iter_mut().find(|s| s.class == class) {
            Some(share) => (share.count, share.ms) = (share.count + 1, share.ms + ms),
            None => shares.push(Share {
                class: class.into(),
                count: 1,
                ms,
                percent: 0.0,
            }),
        }
    }
    let total: f64 = shares.iter().map(|s| s.ms).sum();
    shares
        .iter_mut()
        .for_each(|s| s.percent = 100.0 * s.ms / total.max(f64::MIN_POSITIVE));
    shares.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    let longest = bench.subject.network().network.longest();
    Ok(Profile {
        operators: shares,
        threads: loading.threads,
        all_ms: total,
        longest_ms: longest.as_secs_f64() * 1e3 / runs as f64,
    })
}

/// Loads twice with a cache that is empty at first. Gives both times, the second only if it was a
/// load from the cache.
fn load(
    card: &ModelCard,
    loading: Loading,
) -> Result<(Duration, Option<Duration>, Subject), NetworkError> {
    let directory = std::env::temp_dir().join(format!(
        "posed-bench-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    // Only a directory of our own is used: another user may have laid one there.
    let cache = std::fs::create_dir(&directory)
        .is_ok()
        .then_some(&*directory);
    let timed = || {
        let start = Instant::now();
        Subject::load(card, Loading { cache, ..loading }).map(|subject| (start.elapsed(), subject))
    };
    // The first is dropped before the second is loaded, so that the peak of memory is that of one.
    let loads = timed()
        .map(|(first, _)| first)
        .and_then(|first| Ok((first, timed()?)));
    if let Some(cache) = cache {
        let _ = std::fs::remove_dir_all(cache);
    }
    let (first, (second, mut subject)) = loads?;
    Ok((
        first,
        (subject.network().network.origin() == Origin::Cache).then_some(second),
        subject,
    ))
}

/// A 640x480 YUYV picture with soft slopes, a figure's outline and noise, as a camera gives it; the
/// same at every call.
fn picture() -> Frame {
    let w = PICTURE.width as usize;
    let h = PICTURE.height as usize;
    let mut data = Vec::with_capacity(w * h * 2);
    let mut noise = 0x2545_f491u32;
    for y in 0..h {
        for x in (0..w).step_by(2) {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let figure = x.abs_diff(w / 2) < 70 && y > 120
                || x.abs_diff(w / 2).pow(2) + y.abs_diff(80).pow(2) < 45 * 45;
            let level = if figure {
                150
            } else {
                40 + (x * 60 / w + y * 80 / h) as u32
            };
            let grain = |shift: u32| (level + (noise >> shift) % 9) as u8;
            let chroma = if figure { [112, 150] } else { [128, 128] };
            data.extend([grain(16), chroma[0], grain(24), chroma[1]]);
        }
    }
    let mut frame = Frame {
        data,
        ..Frame::default()
    };
    frame.set_shape(PICTURE, PixelFormat::Yuyv);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_holds_what_it_promises() {
        picture().check().unwrap();
    }

    #[test]
    fn a_profile_shares_out_the_whole_time() {
        let card = ModelCard::find("lite_hrnet_18").unwrap();
        let one = profile(&card, Loading::default(), 2).unwrap();
        assert!((one.longest_ms - one.all_ms).abs() < 1e-6, "{one:?}");
        let shares = one.operators;
        assert!((shares.iter().map(|s| s.percent).sum::<f64>() - 100.0).abs() < 1e-6);
        for (class, count) in [("conv 1x1", 152), ("depthwise", 96), ("conv kxk", 1)] {
            assert!(
                shares.iter().any(|s| s.class == class && s.count == count),
                "{class}: {shares:?}"
            );
        }
    }

    #[test]
    fn of_four_the_busiest_does_not_do_it_all() {
        let card = ModelCard::find("lite_hrnet_18").unwrap();
        let four = Loading {
            threads: 4,
            ..Loading::default()
        };
        let four = profile(&card, four, 2).unwrap();
        let (least, most) = (four.all_ms / 4.0 - 1e-6, four.all_ms);
        assert!(
            four.longest_ms > least && four.longest_ms < most,
            "{four:?}"
        );
        assert_eq!(four.operators.iter().map(|s| s.count).max(), Some(152));
    }

    #[test]
    fn a_segmentation_is_measured_like_a_pose_network() {
        let card = ModelCard::read(Path::new("tests/tiny/bright.toml")).unwrap();
        let report = run(&card, &Crowd::default(), Loading::default(), 2).unwrap();
        assert!(report.inference_ms.min > 0.0 && report.total_ms.median >= report.inference_ms.min);
    }

    #[test]
    fn a_frame_of_three_takes_longer_than_one_person_and_the_finder_is_measured_beside() {
        let card = ModelCard::find("lite_hrnet_18").unwrap();
        let crowd = Crowd {
            people: 3,
            finder: Some(ModelCard::find("finder").unwrap()),
        };
        let report = run(&card, &crowd, Loading::default(), 2).unwrap();
        assert!(report.people_ms.unwrap().min > 1.5 * report.inference_ms.min);
        assert!(report.finder_ms.unwrap().min > 0.0);
        let table = report.to_string();
        assert!(
            table.contains("3 people") && table.contains("finder"),
            "{table}"
        );
    }

    #[test]
    fn following_answers_every_line() {
        let card = ModelCard::find("lite_hrnet_18").unwrap();
        let mut said = Vec::new();
        follow(&card, Loading::default(), 1, &b"go\ngo\n"[..], &mut said).unwrap();
        let said: Vec<serde_json::Value> = String::from_utf8(said)
            .unwrap()
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        assert_eq!(
            (said.len(), &said[0]["ready"]),
            (3, &serde_json::Value::Bool(true))
        );
        assert!(
            said[1..]
                .iter()
                .all(|l| l["median_ms"].as_f64().unwrap() > 0.0)
        );
    }

    #[test]
    fn a_report_has_the_times_of_every_step_in_json_and_in_the_table() {
        let card = ModelCard::find("lite_hrnet_18_f32").unwrap();
        let report = run(&card, &Crowd::default(), Loading::default(), 2).unwrap();
        assert!(report.inference_ms.min > 0.0 && report.total_ms.median >= report.inference_ms.min);
        let json = serde_json::to_value(&report).unwrap();
        assert!(
            json["inference_ms"]["median"].is_f64()
                && json["inference_ms"]["p99"].is_f64()
                && json["load_ms"].is_f64()
        );
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
