//! What a board is worth, in frames a second.
//!
//! In: a pose network, a finder. Out: a [`BoardReport`]: one and three people with one, two and four
//! threads, and whether the board got hot or slow over it. As JSON it is what users send in.

use super::{Bench, Spread};
use crate::doctor::machine;
use crate::engine::Loading;
use crate::model::ModelCard;
use crate::network::NetworkError;
use crate::temperature;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;

const THREADS: [usize; 3] = [1, 2, 4];
const PEOPLE: [usize; 2] = [1, 3];

/// A board, and how fast networks are on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoardReport {
    /// The version of this program.
    pub posed: String,
    pub board: String,
    pub processors: usize,
    /// The processor's features that matter to networks.
    pub cpu_features: Vec<String>,
    /// The kernel and its release.
    pub system: Option<String>,
    pub memory_mb: Option<u64>,
    pub model: String,
    pub finder: String,
    /// Measured runs of every row, without the warm-up.
    pub runs: usize,
    pub rows: Vec<BoardRow>,
    pub heat: Heat,
}

/// What a frame takes with so many people and threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoardRow {
    pub threads: usize,
    /// Picture to joints, for everybody of a frame.
    pub one_ms: Spread,
    pub three_ms: Spread,
    /// A look of the finder at the whole picture: made when people are looked for, not for every
    /// frame.
    pub finder_ms: Spread,
}

impl BoardRow {
    /// Frames a second with one and with three people: the reciprocal of the medians.
    #[must_use]
    pub fn frames_per_second(&self) -> [f64; 2] {
        [self.one_ms, self.three_ms].map(|ms| 1e3 / ms.median.max(f64::MIN_POSITIVE))
    }
}

/// How the board bore it; what it does not tell is `null`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Heat {
    /// °C of the hottest sensor before and after.
    pub before_c: Option<f64>,
    pub after_c: Option<f64>,
    /// The clock of the fastest processor at the end, and what it may be.
    pub clock_mhz: Option<u64>,
    pub most_mhz: Option<u64>,
    /// Why a Raspberry Pi slowed itself down at the end; empty: it did not.
    pub slowed: Option<String>,
}

/// Measures the network of `card`, with `finder` beside it, on as many threads as there are
/// processors; `root` is the system's, for its sensors. `said` is told each row when it is done.
///
/// # Errors
/// A network's file is missing, damaged, or none that the engine runs.
pub fn board(
    card: &ModelCard,
    finder: &ModelCard,
    loading: Loading,
    runs: usize,
    root: &Path,
    mut said: impl FnMut(&BoardRow),
) -> Result<BoardReport, NetworkError> {
    let celsius = || temperature::hottest(root).map(|(celsius, _)| celsius);
    let (board, counted) = machine::name(root);
    let processors = std::thread::available_parallelism().map_or(counted.max(1), usize::from);
    let runs = runs.max(1);
    let before_c = celsius();
    let mut rows = Vec::new();
    for threads in THREADS.into_iter().filter(|&t| t <= processors) {
        let loading = Loading { threads, ..loading };
        let mut network = Bench::load(card, loading)?;
        let mut overview = Bench::load(finder, loading)?;
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..runs {
            for (people, times) in PEOPLE.into_iter().zip(&mut times) {
                network.people = people;
                let start = Instant::now();
                network.everybody()?;
                times.push(start.elapsed());
            }
            let start = Instant::now();
            overview.once()?;
            times[2].push(start.elapsed());
        }
        let [one_ms, three_ms, finder_ms] = times.map(|t| Spread::of(t.into_iter()));
        let row = BoardRow {
            threads,
            one_ms,
            three_ms,
            finder_ms,
        };
        said(&row);
        rows.push(row);
    }
    let clock = machine::clock_mhz(root);
    Ok(BoardReport {
        posed: env!("CARGO_PKG_VERSION").into(),
        board,
        processors,
        cpu_features: machine::cpu_features(root),
        system: machine::system(root),
        memory_mb: machine::memory_mb(root).map(|(_, total)| total),
        model: card.name.clone(),
        finder: finder.name.clone(),
        runs,
        rows,
        heat: Heat {
            before_c,
            after_c: celsius(),
            clock_mhz: clock.map(|(now, _)| now),
            most_mhz: clock.map(|(_, most)| most),
            slowed: machine::slowed(root).map(|(now, _)| now),
        },
    })
}

/// The head of the table that [`BoardRow`]s are lines of.
pub const HEAD: &str = "threads   1 person ms     fps   3 people ms     fps   finder ms";

impl std::fmt::Display for BoardRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [one, three] = self.frames_per_second();
        write!(
            f,
            "{:>7}{:>14.1}{one:>8.1}{:>14.1}{three:>8.1}{:>12.1}",
            self.threads, self.one_ms.median, self.three_ms.median, self.finder_ms.median
        )
    }
}

/// What stands under the table.
impl std::fmt::Display for BoardReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Heat {
            before_c,
            after_c,
            clock_mhz,
            most_mhz,
            slowed,
        } = &self.heat;
        writeln!(
            f,
            "{}, {} processors, {}",
            self.board,
            self.processors,
            match self.cpu_features.join(", ") {
                none if none.is_empty() => "no vector unit that is known".into(),
                features => features,
            }
        )?;
        match (before_c, after_c) {
            (Some(before), Some(after)) => {
                writeln!(f, "temperature {before:.0} °C before, {after:.0} °C after")?;
            }
            _ => writeln!(f, "temperature: no sensor")?,
        }
        if let (Some(now), Some(most)) = (clock_mhz, most_mhz) {
            writeln!(f, "clock {now} of {most} MHz at the end")?;
        }
        match slowed.as_deref() {
            Some("") => write!(f, "not slowed down"),
            Some(why) => write!(
                f,
                "slowed down: {why}; with a better power supply or cooling it would be faster"
            ),
            None => write!(f, "slowed down: this machine does not tell"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_measured_with_one_and_three_people_and_says_how_hot_it_got() {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("proc/device-tree/model", "Raspberry Pi 5 Model B\0"),
            ("sys/class/thermal/thermal_zone0/temp", "61000\n"),
            ("sys/devices/platform/soc/soc:firmware/get_throttled", "4\n"),
            (
                "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
                "1500000\n",
            ),
            (
                "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq",
                "2400000\n",
            ),
        ] {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let [pose, finder] =
            ["wider_naive_lite_hrnet_18", "finder"].map(|name| ModelCard::find(name).unwrap());
        let mut lines = Vec::new();
        let report = board(&pose, &finder, Loading::default(), 1, root.path(), |row| {
            lines.push(row.to_string());
        })
        .unwrap();
        assert_eq!(lines.len(), report.rows.len());
        let row = &report.rows[0];
        assert!(
            row.threads == 1 && row.three_ms.min > row.one_ms.min,
            "{row:?}"
        );
        assert!(
            row.finder_ms.min > 0.0 && lines[0].len() <= HEAD.len(),
            "{lines:?}"
        );
        let below = report.to_string();
        for words in [
            "Raspberry Pi 5 Model B",
            "61 °C before, 61 °C after",
            "clock 1500 of 2400 MHz",
            "slowed down: throttled",
        ] {
            assert!(below.contains(words), "{words}: {below}");
        }
        let json = serde_json::to_string(&report).unwrap();
        let back: BoardReport = serde_json::from_str(&json).unwrap();
        assert_eq!((back.board, back.heat), (report.board, report.heat));
    }
}
