//! PCKh and mIoU, on pictures and networks whose answer is known beforehand (tests/tiny).

use std::path::Path;
use std::process::Command;

fn png(path: &Path, colour: png::ColorType, (width, height): (u32, u32), bytes: &[u8]) {
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(bytes)
        .unwrap();
}

fn eval(dir: &Path, model: &str, annotations: &str) -> (bool, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(["eval", "--json", "--model", model, "--images"])
        .arg(dir)
        .arg("--annotations")
        .arg(dir.join(annotations))
        .output()
        .unwrap();
    (
        out.status.success(),
        String::from_utf8_lossy(&out.stdout).into_owned(),
        String::from_utf8_lossy(&out.stderr).into_owned(),
    )
}

/// A black picture of 200x200 with a bright spot around (120, 80).
fn spot(dir: &Path) {
    let mut grey = vec![0u8; 200 * 200];
    for (y, x) in (76..85).flat_map(|y| (116..125).map(move |x| (y, x))) {
        grey[y * 200 + x] = 255;
    }
    png(
        &dir.join("spot.png"),
        png::ColorType::Grayscale,
        (200, 200),
        &grey,
    );
}

/// One person whose joints are all at the spot but two, which are `off` pixels beside it; the head
/// is 20 pixels.
fn mpii(dir: &Path, off: f64, head: &str) {
    // 1-based, and the joints 8 (upper_neck) and 9 (head_top) tell the head where no box does.
    let joints: Vec<String> = (0..16)
        .map(|j| match j {
            9 => "[121, 61]".into(),
            0 | 15 => format!("[{}, 81]", 121.0 + off),
            _ => "[121, 81]".to_string(),
        })
        .collect();
    let visible = vec!["1"; 16].join(",");
    let text = format!(
        "[{{\"image\":\"spot.png\",\"center\":[101,86],\"scale\":1.0,\"joints\":[{}],\"joints_vis\":[{visible}]{head}}}]",
        joints.join(",")
    );
    std::fs::write(dir.join("mpii.json"), text).unwrap();
}

fn pckh(text: &str) -> f64 {
    serde_json::from_str::<serde_json::Value>(text).unwrap()["PCKh"]
        .as_f64()
        .unwrap()
}

#[test]
fn joints_within_half_a_head_count() {
    let dir = tempfile::tempdir().unwrap();
    spot(dir.path());
    // 14 joints count, all but pelvis and thorax; head_top is a head away. The network is off by a
    // cell at most, 4.9 pixels.
    for (off, head, right) in [
        (0.0, "", 13.0),
        (30.0, "", 11.0),
        // A head of 0.6 times 100 pixels: everything is near.
        (20.0, ",\"headbox\":[0,0,60,80]", 14.0),
        // A head of 0.6 times 5: nothing is, but what the network meets to 1.5 pixels.
        (30.0, ",\"headbox\":[0,0,0,1000]", 14.0),
    ] {
        mpii(dir.path(), off, head);
        let (good, out, err) = eval(dir.path(), "tests/tiny/points.toml", "mpii.json");
        assert!(good, "{err}");
        assert!(
            (pckh(&out) - 100.0 * right / 14.0).abs() < 1e-6,
            "{off} {head}: {out}"
        );
    }
}

#[test]
fn what_does_not_fit_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    spot(dir.path());
    mpii(dir.path(), 0.0, "");
    let (good, _, err) = eval(dir.path(), "lite_hrnet_18", "mpii.json");
    assert!(!good && err.contains("MPII's 16"), "{err}");
    std::fs::write(
        dir.path().join("short.json"),
        "[{\"image\":\"a\",\"center\":[1,1],\"scale\":1,\"joints\":[[1,1]],\"joints_vis\":[1]}]",
    )
    .unwrap();
    let (good, _, err) = eval(dir.path(), "tests/tiny/points.toml", "short.json");
    assert!(
        !good && err.contains("1 joints") && err.contains("short.json"),
        "{err}"
    );
    let (good, _, err) = eval(dir.path(), "lite_hrnet_18", "");
    assert!(!good && err.contains("not classes"), "{err}");
}

#[test]
fn iou_counts_pixels() {
    let dir = tempfile::tempdir().unwrap();
    let masks = dir.path().join("masks");
    std::fs::create_dir(&masks).unwrap();
    // The left half is bright; the truth says: left quarter person, second quarter not counted, the
    // rest background but for a strip.
    let mut grey = vec![0u8; 128 * 128];
    let mut truth = vec![0u8; 128 * 128];
    for i in 0..128 * 128 {
        let x = i % 128;
        grey[i] = if x < 64 { 255 } else { 0 };
        truth[i] = match x {
            0..32 => 1,
            32..64 => 255,
            64..72 => 1,
            _ => 0,
        };
    }
    png(
        &dir.path().join("half.png"),
        png::ColorType::Grayscale,
        (128, 128),
        &grey,
    );
    png(
        &masks.join("half.png"),
        png::ColorType::Grayscale,
        (128, 128),
        &truth,
    );
    let (good, out, err) = eval(dir.path(), "tests/tiny/bright.toml", "masks");
    assert!(good, "{err}");
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    let near = |name: &serde_json::Value, want: f64| {
        assert!((name.as_f64().unwrap() - want).abs() < 1e-6, "{out}")
    };
    near(&found["IoU"][0], 100.0 * 56.0 / 64.0);
    near(&found["IoU"][1], 100.0 * 32.0 / 40.0);
    near(&found["mIoU"], (87.5 + 80.0) / 2.0);
    truth[0] = 7;
    png(
        &masks.join("half.png"),
        png::ColorType::Grayscale,
        (128, 128),
        &truth,
    );
    let (good, _, err) = eval(dir.path(), "tests/tiny/bright.toml", "masks");
    assert!(!good && err.contains("class 7"), "{err}");
}
