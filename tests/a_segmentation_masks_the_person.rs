//! A segmentation network beside the pose network: its area is in the lines and in rules, its mask
//! on the screen. The network of tests/tiny takes what is bright for a person, so that the photo
//! itself says what is right.

use std::process::Command;

const BOX: [u32; 4] = [34, 76, 152, 404];

fn posed(args: &[&str]) -> (bool, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(args)
        .output()
        .unwrap();
    (
        out.status.success(),
        String::from_utf8_lossy(&out.stdout).into_owned(),
        String::from_utf8_lossy(&out.stderr).into_owned(),
    )
}

fn written(dir: &tempfile::TempDir, text: &str) -> String {
    let path = dir.path().join("posed.toml");
    std::fs::write(
        &path,
        text.replace("DIR", &dir.path().display().to_string()),
    )
    .unwrap();
    path.display().to_string()
}

fn daemon(show: &str, when: &str) -> String {
    let [x, y, w, h] = BOX;
    format!(
        "[source]\nkind = \"synthetic\"\nfps = 10.0\nscript = [\"photo photos/basketball.jpg 5\", \"end\"]\n\
         [segment]\nmodel = \"tests/tiny/bright.toml\"\n[find]\nkind = \"given\"\nboxes = [[{x}, {y}, {w}, {h}]]\n\
         [pose.near]\nwhen = \"{when}\"\nhold_s = 0.0\n\
         [display.d]\nkind = \"png\"\npath = \"DIR/out.png\"\nevery_s = 0.0\nshow = [{show}]\n"
    )
}

/// The frames' `person_area`, and the whole output.
fn replay(dir: &tempfile::TempDir, text: &str) -> (Vec<f64>, String) {
    let config = written(dir, text);
    let clip = dir.path().join("clip.y4m").display().to_string();
    assert!(posed(&["record", &clip, "--config", &config]).0);
    let (good, out, err) = posed(&["replay", &clip, "--config", &config]);
    assert!(good, "{err}");
    let areas = out.lines().filter_map(|l| {
        serde_json::from_str::<serde_json::Value>(l).unwrap()["people"][0]["person_area"].as_f64()
    });
    (areas.collect(), out)
}

#[test]
fn the_area_is_in_the_lines_and_rules_judge_it() {
    let dir = tempfile::tempdir().unwrap();
    let (areas, out) = replay(&dir, &daemon("\"picture\", \"mask\"", "person_area > 0.02"));
    // But for the first frame: who was seen once is nobody yet.
    assert_eq!(areas.len(), 4);
    // The box is 20 % of the picture; about half of the man is bright.
    assert!(areas.iter().all(|a| (0.02..0.25).contains(a)), "{areas:?}");
    assert!(out.contains("\"pose\":\"near\""), "{out}");
    let (_, out) = replay(&dir, &daemon("\"picture\", \"mask\"", "person_area > 0.5"));
    assert!(!out.contains("\"pose\":\"near\""), "{out}");
    let (_, out) = replay(
        &dir,
        &daemon(
            "\"picture\", \"mask\"",
            "nose above left_knee and person_area < 0.5",
        ),
    );
    assert!(out.contains("\"pose\":\"near\""), "{out}");
}

#[test]
fn the_picture_is_tinted_where_it_is_bright_and_only_around_the_person() {
    let dir = tempfile::tempdir().unwrap();
    let config = written(
        &dir,
        &daemon("\"picture\", \"mask\"", "nose above left_knee"),
    );
    let target = dir.path().join("image.png");
    let [x, y, w, h] = BOX;
    let area = format!("{x},{y},{w},{h}");
    let (good, out, err) = posed(&[
        "image",
        "photos/basketball.jpg",
        "--config",
        &config,
        "--box",
        &area,
        "-o",
        &target.display().to_string(),
    ]);
    assert!(good, "{err}");
    let line: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    let said = line["people"][0]["person_area"].as_f64().unwrap();
    let mut reader = png::Decoder::new(std::io::BufReader::new(
        std::fs::File::open(target).unwrap(),
    ))
    .read_info()
    .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    // The photo is grey: (v/2, (v+158)/2, (v+115)/2) is the tint and nothing else.
    let mut tinted = 0u32;
    let mut bright = 0u64;
    for (i, p) in pixels.chunks_exact(3).enumerate() {
        let v = u16::from(p[0]) * 2;
        if u16::from(p[1]).abs_diff((v + 158) / 2) <= 1
            && u16::from(p[2]).abs_diff((v + 115) / 2) <= 1
        {
            tinted += 1;
            bright += u64::from(v);
            // A box of the input's aspect, square, around the given one.
            let at = i as u32 % info.width;
            assert!(at <= x + w / 2 + h / 2 + 4, "tinted at column {at}");
        }
    }
    let share = f64::from(tinted) / f64::from(info.width * info.height);
    // Skeleton, box and label hide some of it.
    assert!(
        share > 0.5 * said && share < said + 0.01,
        "{share} of the picture is tinted, the line says {said}"
    );
    assert!(
        bright / u64::from(tinted) > 127,
        "what is tinted is dark: {}",
        bright / u64::from(tinted)
    );
}

#[test]
fn what_needs_a_segmentation_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        let (good, _, err) = posed(&["check", "--config", &written(&dir, text)]);
        assert!(!good, "{text}");
        err
    };
    let source = "[source]\nkind = \"synthetic\"\n";
    let error = check(&format!("{source}[pose.p]\nwhen = \"person_area > 0.2\"\n"));
    assert!(
        error.contains(":4: pose.p.when") && error.contains("[segment]"),
        "{error}"
    );
    let error = check(&format!(
        "{source}[display.d]\nkind = \"memory\"\nshow = [\"mask\"]\n"
    ));
    assert!(
        error.contains("display.d.show") && error.contains("[segment]"),
        "{error}"
    );
    let error = check(&format!("model = \"tests/tiny/bright.toml\"\n{source}"));
    assert!(
        error.contains(":1: model") && error.contains("segmentation"),
        "{error}"
    );
    let error = check(&format!("{source}[segment]\nmodel = \"lite_hrnet_18\"\n"));
    assert!(
        error.contains(":4: segment.model") && error.contains("person"),
        "{error}"
    );
    let error = check(&format!(
        "{source}[segment]\nmodel = \"tests/tiny/bright.toml\"\n[pose.p]\nwhen = \"person_area above 0.2\"\n"
    ));
    assert!(error.contains("person_area > 0.2"), "{error}");
}
