//! The machine itself: model, processors, memory, features, temperature, throttling.
//!
//! In: the root of the system, for /proc and /sys. Out: findings.

use super::{Finding, numbered, text};
use crate::temperature;
use std::path::Path;

const AREA: &str = "machine";
/// Boards slow down from about here (a Raspberry Pi at 80 to 85 °C).
const HOT_C: f64 = 80.0;
/// A network and its frames take about 80 MB; less than this leaves no room for a screen and the
/// rest of the system.
const LOW_MEMORY_MB: u64 = 150;
/// Features in /proc/cpuinfo that networks profit from, with the name under which people know them.
const FEATURES: [(&str, &str); 5] = [
    ("asimd", "NEON"),
    ("neon", "NEON"),
    ("asimddp", "dotprod"),
    ("avx2", "AVX2"),
    ("avx512_vnni", "AVX-512 VNNI"),
];
/// Bits of the firmware's throttling word (Raspberry Pi documentation, `vcgencmd get_throttled`);
/// 16 higher: since boot.
const THROTTLING: [&str; 4] = [
    "under-voltage",
    "clock capped",
    "throttled",
    "soft temperature limit",
];

/// Looks at the machine.
pub fn examine(root: &Path) -> Vec<Finding> {
    let mut findings = vec![processors(root)];
    findings.extend([memory(root), features(root)].into_iter().flatten());
    findings.extend(temperature(root));
    findings.extend(throttling(root));
    findings
}

/// The features of the processor that matter to networks: NEON and dotprod on Arm, AVX2 and AVX-512
/// VNNI on x86.
pub fn cpu_features(root: &Path) -> Vec<String> {
    let cpuinfo = text(&root.join("proc/cpuinfo")).unwrap_or_default();
    let line = field(&cpuinfo, "Features")
        .or_else(|| field(&cpuinfo, "flags"))
        .unwrap_or_default();
    let has = |feature: &str| line.split_whitespace().any(|f| f == feature);
    FEATURES
        .iter()
        .filter(|(feature, _)| has(feature))
        .map(|(_, name)| (*name).into())
        .collect()
}

/// What the board, or else the processor, is called, and how many processors there are.
pub fn name(root: &Path) -> (String, usize) {
    let cpuinfo = text(&root.join("proc/cpuinfo")).unwrap_or_default();
    let count = cpuinfo
        .lines()
        .filter(|l| l.starts_with("processor"))
        .count();
    let model = text(&root.join("proc/device-tree/model"))
        .or_else(|| {
            ["Model", "model name", "Hardware"]
                .iter()
                .find_map(|key| field(&cpuinfo, key).map(String::from))
        })
        .unwrap_or_else(|| "unknown model".into());
    (model, count)
}

fn processors(root: &Path) -> Finding {
    let (model, count) = name(root);
    Finding::good(
        AREA,
        format!(
            "{model}, {count} processor{}",
            if count == 1 { "" } else { "s" }
        ),
    )
}

/// MB of memory that are available, and of all.
pub fn memory_mb(root: &Path) -> Option<(u64, u64)> {
    let meminfo = text(&root.join("proc/meminfo"))?;
    let mb = |key| {
        field(&meminfo, key)?
            .split_whitespace()
            .next()?
            .parse::<u64>()
            .ok()
            .map(|kb| kb / 1024)
    };
    Some((mb("MemAvailable")?, mb("MemTotal")?))
}

/// What the kernel calls itself, with its release.
pub fn system(root: &Path) -> Option<String> {
    let part = |file| text(&root.join("proc/sys/kernel").join(file));
    Some(format!("{} {}", part("ostype")?, part("osrelease")?))
}

/// How fast the fastest processor runs now, and how fast it may, in MHz.
pub fn clock_mhz(root: &Path) -> Option<(u64, u64)> {
    let folders = numbered(root, "sys/devices/system/cpu", "cpu");
    let mhz = |file: &str| {
        folders
            .iter()
            .filter_map(|(_, cpu)| text(&cpu.join("cpufreq").join(file))?.parse::<u64>().ok())
            .max()
            .map(|khz| khz / 1000)
    };
    Some((mhz("scaling_cur_freq")?, mhz("cpuinfo_max_freq")?))
}

fn memory(root: &Path) -> Option<Finding> {
    let (available, total) = memory_mb(root)?;
    let what = format!("{available} MB of {total} MB memory available");
    if available < LOW_MEMORY_MB {
        let mend = format!("stop other programs or add swap: posed wants {LOW_MEMORY_MB} MB");
        return Some(Finding::problem(AREA, what, mend));
    }
    Some(Finding::good(AREA, what))
}

fn features(root: &Path) -> Option<Finding> {
    let found = cpu_features(root);
    let cpuinfo = text(&root.join("proc/cpuinfo"))?;
    if found.is_empty() {
        let mend = "on an Arm board install a 64-bit system; `posed bench` shows whether the speed suffices";
        return Some(Finding::note(
            AREA,
            "no vector unit that speeds up networks is known".into(),
            Some(mend.into()),
        ));
    }
    if field(&cpuinfo, "Features").is_some() && !found.iter().any(|f| f == "dotprod") {
        return Some(Finding::good(
            AREA,
            format!(
                "processor has {} (no dotprod: int8 networks gain less)",
                found.join(", ")
            ),
        ));
    }
    Some(Finding::good(
        AREA,
        format!("processor has {}", found.join(", ")),
    ))
}

fn temperature(root: &Path) -> Option<Finding> {
    let (celsius, name) = temperature::hottest(root)?;
    let what = format!("{celsius:.0} °C ({name})");
    if celsius >= HOT_C {
        let mend = "the board slows itself down from here: give it a heat sink, a fan or a larger case, or lower the frame rate";
        return Some(Finding::problem(AREA, what, mend.into()));
    }
    Some(Finding::good(AREA, what))
}

/// Why a Raspberry Pi slows itself down now, and why it ever did since it started; empty: it does
/// not.
pub fn slowed(root: &Path) -> Option<(String, String)> {
    let word = text(&root.join("sys/devices/platform/soc/soc:firmware/get_throttled"))?;
    let bits = u32::from_str_radix(word.trim_start_matches("0x"), 16).ok()?;
    let names = |bits: u32| {
        let set: Vec<&str> = (0..4)
            .filter(|n| bits >> n & 1 == 1)
            .map(|n| THROTTLING[n as usize])
            .collect();
        set.join(", ")
    };
    Some((names(bits), names(bits >> 16)))
}

fn throttling(root: &Path) -> Option<Finding> {
    let (now, ever) = slowed(root)?;
    let mend = "under-voltage: use the board's own power supply and a short cable; temperature: cool the board";
    Some(match (now.is_empty(), ever.is_empty()) {
        (false, _) => Finding::problem(AREA, format!("slowed down now: {now}"), mend.into()),
        (true, false) => Finding::note(
            AREA,
            format!("was slowed down since it started: {ever}"),
            Some(mend.into()),
        ),
        (true, true) => Finding::good(AREA, "not throttled since it started".into()),
    })
}

/// The value of the first `key : value` line.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Level, fake_root};

    const PI: &str = "processor\t: 0\nFeatures\t: fp asimd evtstrm\n\nprocessor\t: 1\nFeatures\t: fp asimd evtstrm\n\nModel\t\t: Pi\n";

    fn one(path: &str, content: &str) -> Finding {
        examine(fake_root(&[(path, content)]).path()).remove(1)
    }

    #[test]
    fn a_board_is_named_by_its_device_tree_and_a_pc_by_its_processor() {
        let board = fake_root(&[
            ("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0"),
            ("proc/cpuinfo", PI),
        ]);
        let found = examine(board.path());
        assert_eq!(
            found[0].to_string(),
            "machine  ok       Raspberry Pi 4 Model B Rev 1.4, 2 processors"
        );
        assert!(found[1].what.contains("NEON (no dotprod"), "{}", found[1]);
        let pc = fake_root(&[(
            "proc/cpuinfo",
            "processor : 0\nmodel name : EPYC\nflags : sse avx2 avx512_vnni\n",
        )]);
        let found = examine(pc.path());
        assert!(
            found[0].what.starts_with("EPYC, 1 processor")
                && found[1].what == "processor has AVX2, AVX-512 VNNI",
            "{found:?}"
        );
    }

    #[test]
    fn features_are_whole_words_under_the_names_people_know() {
        let of = |line: &str| cpu_features(fake_root(&[("proc/cpuinfo", line)]).path());
        assert_eq!(
            of("Features : fp asimd asimdhp asimddp"),
            ["NEON", "dotprod"]
        );
        assert!(of("Features : fp asimdhp").is_empty());
        assert!(of("").is_empty());
        let plain = one("proc/cpuinfo", "processor : 0\nflags : sse\n");
        assert!(
            plain.level == Level::Note && plain.mend.as_deref().unwrap().contains("posed bench"),
            "{plain}"
        );
    }

    #[test]
    fn little_memory_is_a_problem() {
        let with = |kb: u64| {
            one(
                "proc/meminfo",
                &format!("MemTotal:  1024000 kB\nMemFree: 1 kB\nMemAvailable:  {kb} kB\n"),
            )
        };
        assert_eq!(
            with(512_000).to_string(),
            "machine  ok       500 MB of 1000 MB memory available"
        );
        assert!(
            with(102_400).level == Level::Problem
                && with(102_400).mend.as_deref().unwrap().contains("swap")
        );
    }

    #[test]
    fn eighty_degrees_are_a_problem_and_the_hottest_zone_counts() {
        let zone =
            |n: u8, temp: &'static str| (format!("sys/class/thermal/thermal_zone{n}/temp"), temp);
        let with = |zones: &[(String, &str)]| {
            let files: Vec<(&str, &str)> = zones.iter().map(|(p, t)| (p.as_str(), *t)).collect();
            examine(fake_root(&files).path()).remove(1)
        };
        assert_eq!(
            with(&[zone(0, "47200\n")]).to_string(),
            "machine  ok       47 °C (sensor)"
        );
        let hot = with(&[zone(0, "47200\n"), zone(1, "80000\n"), zone(2, "")]);
        assert!(
            hot.level == Level::Problem && hot.mend.as_deref().unwrap().contains("heat sink"),
            "{hot}"
        );
    }

    #[test]
    fn throttling_now_is_a_problem_and_in_the_past_a_note() {
        let with = |word: &str| one("sys/devices/platform/soc/soc:firmware/get_throttled", word);
        assert_eq!(with("0\n").level, Level::Good);
        let past = with("50000\n");
        assert!(
            past.level == Level::Note && past.what.ends_with("under-voltage, throttled"),
            "{past}"
        );
        let now = with("0x50001\n");
        assert!(
            now.level == Level::Problem && now.what.ends_with("now: under-voltage"),
            "{now}"
        );
        assert!(now.mend.as_deref().unwrap().contains("power supply"));
    }

    #[test]
    fn an_empty_root_is_an_unknown_machine_and_no_panic() {
        let found = examine(fake_root(&[]).path());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "unknown model, 0 processors");
    }
}
