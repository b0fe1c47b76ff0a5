//! A real person on a real clip is found at once, followed for at least 50 frames under one number,
//! alone, and stays where the truth is; the same clip gives the same bytes again.
//!
//! The clip is a fixed region of Debian's vtest.avi (package opencv-doc); tests/clips/pedestrian.sh
//! cuts it, pedestrian.json has the truth.

use serde_json::Value;
use std::process::Command;

#[test]
fn one_number_for_fifty_frames_the_skeleton_on_the_person_and_the_same_bytes_again() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("pedestrian.y4m");
    let made = Command::new("bash")
        .arg("tests/clips/pedestrian.sh")
        .arg(&clip)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let config = dir.path().join("posed.toml");
    std::fs::write(&config, "[find]\nkind = \"whole_frame\"\n").unwrap();
    let replay = || {
        let mut posed = Command::new(env!("CARGO_BIN_EXE_posed"));
        posed
            .arg("replay")
            .arg(&clip)
            .arg("--config")
            .arg(&config)
            .env("CACHE_DIRECTORY", dir.path().join("plans"));
        let out = posed.output().unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        out.stdout
    };
    let lines = replay();
    assert!(lines == replay(), "two runs print different bytes");
    let lines: Vec<Value> = String::from_utf8(lines)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let frames: Vec<&Value> = lines.iter().filter(|l| l["type"] == "frame").collect();
    let alone = |f: &&Value| {
        f["people"]
            .as_array()
            .filter(|p| p.len() == 1)
            .and_then(|p| p[0]["id"].as_u64())
    };
    let ids: Vec<Option<u64>> = frames.iter().map(alone).collect();
    let longest = ids
        .chunk_by(|a, b| a == b)
        .filter(|run| run[0].is_some())
        .map(<[_]>::len)
        .max()
        .unwrap_or(0);
    assert!(
        longest >= 50,
        "followed alone for {longest} frames: {ids:?}"
    );
    let truth: Value =
        serde_json::from_str(&std::fs::read_to_string("tests/clips/pedestrian.json").unwrap())
            .unwrap();
    for row in truth.as_array().unwrap() {
        let [frame, x, y, height] = [0, 1, 2, 3].map(|i| row[i].as_f64().unwrap());
        let seen: Vec<[f64; 2]> = frames[frame as usize]["people"][0]["keypoints"]
            .as_object()
            .unwrap_or_else(|| panic!("nobody on frame {frame}"))
            .values()
            .filter(|k| k[2].as_f64().unwrap() >= 0.25)
            .map(|k| [k[0].as_f64().unwrap(), k[1].as_f64().unwrap()])
            .collect();
        for (axis, middle) in [x, y].into_iter().enumerate() {
            let low = seen.iter().map(|p| p[axis]).fold(f64::MAX, f64::min);
            let high = seen.iter().map(|p| p[axis]).fold(f64::MIN, f64::max);
            let off = ((low + high) / 2.0 - middle).abs();
            assert!(
                off < 0.15 * height,
                "frame {frame}, axis {axis}: {off:.1} px from the truth"
            );
        }
    }
}
