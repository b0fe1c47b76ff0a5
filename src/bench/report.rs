//! What a benchmark tells.
//!
//! In: the times of the steps. Out: medians and extremes, as a table or as JSON.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What one network costs on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub model: String,
    /// Processors that one inference may use.
    pub threads: usize,
    /// Measured runs, without the warm-up.
    pub runs: usize,
    /// From the ONNX file to a network that is ready to run, its plan kept on the way: the first
    /// start.
    pub load_ms: f64,
    /// From the cached plan to a network that is ready to run: every other start; `null` if the
    /// network gives no plan.
    pub load_cached_ms: Option<f64>,
    /// The network alone.
    pub inference_ms: Spread,
    /// Camera picture to network input.
    pub preprocess_ms: Spread,
    /// Heatmaps to joints.
    pub decode_ms: Spread,
    /// Frame and box to skeleton: the three steps together.
    pub total_ms: Spread,
    /// So many people were in the frames of `people_ms`; `null` where one was measured.
    pub people: Option<usize>,
    /// Everybody of a frame, one inference each.
    pub people_ms: Option<Spread>,
    /// A look of the finder at the whole picture: frame to boxes.
    pub finder_ms: Option<Spread>,
    /// The most memory this process ever held, in units of 1024² bytes; `null` where the system
    /// does not tell.
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
    pub(super) fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut ms: Vec<f64> = times.map(|t| t.as_secs_f64() * 1e3).collect();
        ms.sort_by(f64::total_cmp);
        Self {
            median: percentile(&ms, 50.0),
            p99: percentile(&ms, 99.0),
            min: percentile(&ms, 0.0),
        }
    }
}

/// The smallest of the ascending `sorted` values that at least `percent` of them do not exceed
/// (nearest rank); 0 of none.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.clamp(1, sorted.len().max(1)) - 1)
        .copied()
        .unwrap_or(0.0)
}

/// The high-water mark of resident memory in `/proc/self/status` (proc(5), VmHWM, in kB).
pub(super) fn peak_rss_mb(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace()
        .next()?
        .parse()
        .ok()
        .map(|kb: f64| kb / 1024.0)
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let threads = if self.threads == 1 {
            "thread"
        } else {
            "threads"
        };
        writeln!(
            f,
            "{}, {} {threads}, {} runs",
            self.model, self.threads, self.runs
        )?;
        writeln!(f, "{:<12}{:>10}{:>10}{:>10}", "ms", "median", "p99", "min")?;
        let people = format!("{} people", self.people.unwrap_or_default());
        let rows = [
            ("preprocess", Some(self.preprocess_ms)),
            ("inference", Some(self.inference_ms)),
            ("decode", Some(self.decode_ms)),
            ("total", Some(self.total_ms)),
            (&*people, self.people_ms),
            ("finder", self.finder_ms),
        ];
        for (name, s) in rows {
            let Some(s) = s else {
                continue;
            };
            writeln!(
                f,
                "{name:<12}{:>10.2}{:>10.2}{:>10.2}",
                s.median, s.p99, s.min
            )?;
        }
        writeln!(f, "{:<12}{:>10.0} ms", "load", self.load_ms)?;
        if let Some(ms) = self.load_cached_ms {
            writeln!(f, "{:<12}{ms:>10.1} ms", "load, cached")?;
        }
        if let Some(mb) = self.peak_rss_mb {
            writeln!(f, "{:<12}{mb:>10.0} MB", "peak memory")?;
        }
        let features = if self.cpu_features.is_empty() {
            "none known".into()
        } else {
            self.cpu_features.join(", ")
        };
        write!(f, "{:<12}{features}", "processor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(
            [0.0, 50.0, 99.0, 100.0].map(|p| percentile(&hundred, p)),
            [1.0, 50.0, 99.0, 100.0]
        );
        assert_eq!(
            [0.0, 50.0, 99.0].map(|p| percentile(&[1.0, 2.0, 3.0], p)),
            [1.0, 2.0, 3.0]
        );
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
        assert_eq!(
            peak_rss_mb("Name:\tposed\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"),
            Some(2.0)
        );
        assert_eq!(peak_rss_mb("Name:\tposed\n"), None);
    }
}
