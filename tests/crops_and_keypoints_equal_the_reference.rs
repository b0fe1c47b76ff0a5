//! Crops equal OpenCV's, keypoints equal onnxruntime's with numpy: the golden files of tests/golden
//! (make_golden.py).

use posed::decode;
use posed::engine::HeatmapShape;
use posed::engine::Loading;
use posed::estimate::{self, Estimator};
use posed::frame::{Frame, PixelFormat};
use posed::geometry::{Affine, Rect, Size, Turn};
use posed::model::ModelCard;
use posed::preprocess::{InputFormat, Preprocessor};
use posed::skeleton::{Keypoint, Skeleton};
use serde_json::Value;
use std::path::Path;

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests/golden").join(name)).unwrap()
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&golden(name)).unwrap()
}

fn rect(value: &Value) -> Rect {
    let n: Vec<f32> = value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap() as f32)
        .collect();
    Rect::new(n[0], n[1], n[2], n[3])
}

fn picture(bytes: &[u8]) -> Frame {
    let mut frame = Frame::default();
    decode::photo(bytes, &mut frame).unwrap();
    frame
}

fn raw(name: &str, format: PixelFormat) -> Frame {
    let mut frame = Frame {
        data: golden(name),
        ..Frame::default()
    };
    frame.set_shape(Size::new(160, 120), format);
    frame
}

fn input() -> InputFormat {
    let mean = [0.485, 0.456, 0.406];
    let std = [0.229, 0.224, 0.225];
    InputFormat {
        size: Size::new(192, 256),
        mean,
        std,
        padding: 1.25,
    }
}

#[test]
fn crops_equal_warp_affine_within_one_grey_level() {
    let frames = [
        ("rgb", picture(&golden("frame.png"))),
        ("yuyv", raw("frame.yuyv", PixelFormat::Yuyv)),
        ("nv12", raw("frame.nv12", PixelFormat::Nv12)),
    ];
    let mut preprocessor = Preprocessor::new(input());
    let mut filled = vec![0.0; preprocessor.input_len()];
    for (i, entry) in json("crops.json")["boxes"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
    {
        for (name, frame) in &frames {
            let want = picture(&golden(&format!("crop_{name}_{i}.png")))
                .to_rgb()
                .unwrap();
            let crop = preprocessor.crop(rect(&entry["box"]));
            let mut got = Vec::new();
            preprocessor.fill_rgb(frame, crop, &mut got).unwrap();
            assert_eq!(got.len(), want.len());
            let worst = got
                .iter()
                .zip(&want)
                .map(|(a, b)| a.abs_diff(*b))
                .max()
                .unwrap();
            assert!(worst <= 1, "{name} {i}: {worst} grey levels");
            preprocessor.fill(frame, crop, &mut filled).unwrap();
            let mean = input().mean;
            let std = input().std;
            for (p, rgb) in want.chunks_exact(3).enumerate() {
                for c in 0..3 {
                    let normal = (f32::from(rgb[c]) / 255.0 - mean[c]) / std[c];
                    let off = (filled[c * 192 * 256 + p] - normal).abs();
                    assert!(
                        off <= 1e-6 + 1.0 / 255.0 / std[c],
                        "{name} {i} pixel {p} channel {c}: {off}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_picture_stored_on_its_side_gives_the_same_crop() {
    let upright = picture(&golden("frame.png"));
    let pixels = upright.to_rgb().unwrap();
    let width = upright.size.width as usize;
    let mut preprocessor = Preprocessor::new(input());
    let mut input = vec![0.0; preprocessor.input_len()];
    let mut want = input.clone();
    for turn in (1..=8).map(Turn::of_exif) {
        let mut stored = Frame {
            data: vec![0; pixels.len()],
            ..Frame::default()
        };
        let size = turn.of_size(upright.size);
        stored.set_shape(size, PixelFormat::Rgb);
        stored.turn(turn);
        assert_eq!(stored.size, upright.size);
        let map = turn.to_stored(upright.size);
        for (i, pixel) in pixels.chunks_exact(3).enumerate() {
            let (x, y) = map.at(i % width, i / width);
            stored.data[3 * (y * size.width as usize + x)..][..3].copy_from_slice(pixel);
        }
        for entry in json("crops.json")["boxes"].as_array().unwrap() {
            let crop = preprocessor.crop(rect(&entry["box"]));
            preprocessor.fill(&upright, crop, &mut want).unwrap();
            preprocessor.fill(&stored, crop, &mut input).unwrap();
            assert!(input == want, "{turn:?}");
            preprocessor.fill_mean(&upright, crop, &mut want).unwrap();
            preprocessor.fill_mean(&stored, crop, &mut input).unwrap();
            assert!(input == want, "{turn:?}, the mean");
        }
    }
}

/// IEEE 754 half precision to single.
fn half(bits: u16) -> f32 {
    let sign = bits >> 15;
    let exponent = (bits >> 10) & 31;
    let fraction = f32::from(bits & 1023);
    let value = if exponent == 0 {
        fraction / 1024.0 * 2f32.powi(-14)
    } else {
        (1.0 + fraction / 1024.0) * 2f32.powi(i32::from(exponent) - 15)
    };
    if sign == 1 { -value } else { value }
}

#[test]
fn dark_equals_the_reference_on_real_heatmaps() {
    let heatmaps: Vec<f32> = golden("heatmaps_basketball_left.f16")
        .chunks_exact(2)
        .map(|b| half(u16::from_le_bytes([b[0], b[1]])))
        .collect();
    let shape = HeatmapShape {
        joints: 17,
        height: 64,
        width: 48,
    };
    let mut skeleton = Skeleton::default();
    let same = Affine {
        scale_x: 1.0,
        scale_y: 1.0,
        offset_x: 0.0,
        offset_y: 0.0,
    };
    estimate::decode(&heatmaps, shape, 4.0, same, &mut skeleton);
    let all = json("heatmaps_basketball_left.json");
    assert_eq!(skeleton.keypoints.len(), 17);
    for (row, k) in all.as_array().unwrap().iter().zip(&skeleton.keypoints) {
        let x = row[0].as_f64().unwrap() as f32;
        let y = row[1].as_f64().unwrap() as f32;
        assert!(
            (k.position.x - x).abs() < 0.05 && (k.position.y - y).abs() < 0.05,
            "{row} {k:?}"
        );
    }
}

/// Runs every entry of keypoints.json on what `picture_of` makes of its photo; `compare` gets each
/// keypoint with its golden row (x, y, score). Rows below 0.2 are left out: on a flat heatmap one
/// grey level of the crop moves the peak by pixels.
fn each_keypoint(
    picture_of: impl Fn(&str) -> Frame,
    mut compare: impl FnMut(&str, [f32; 3], &Keypoint),
) {
    let mut compared = 0;
    let mut loaded: Option<(String, Estimator)> = None;
    for entry in json("keypoints.json")
        .as_array()
        .unwrap_or_else(|| panic!("keypoints.json is no list"))
    {
        let model = entry["model"]
            .as_str()
            .unwrap()
            .trim_end_matches(".onnx")
            .to_string();
        if loaded.as_ref().is_none_or(|(name, _)| *name != model) {
            loaded = Some((
                model.clone(),
                Estimator::load(&ModelCard::find(&model).unwrap(), Loading::default()).unwrap(),
            ));
        }
        let estimator = &mut loaded.as_mut().unwrap().1;
        let photo = entry["photo"].as_str().unwrap();
        let mut skeleton = Skeleton::default();
        estimator
            .estimate(&picture_of(photo), rect(&entry["box"]), &mut skeleton)
            .unwrap();
        assert_eq!(skeleton.keypoints.len(), 17);
        for (joint, (row, k)) in entry["keypoints"]
            .as_array()
            .unwrap()
            .iter()
            .zip(&skeleton.keypoints)
            .enumerate()
        {
            let row = [0, 1, 2].map(|i| row[i].as_f64().unwrap() as f32);
            if row[2] >= 0.2 {
                compare(
                    &format!("{model} {photo} {} joint {joint}", entry["box"]),
                    row,
                    k,
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 150, "only {compared} keypoints were compared");
}

#[test]
fn keypoints_equal_onnxruntime_within_half_a_pixel() {
    // As pixels: two JPEG decoders differ by a grey level or two, which moves the unsure joints.
    let pixels = |photo: &str| {
        picture(&golden(&format!(
            "pixels_{}.png",
            photo.trim_end_matches(".jpg")
        )))
    };
    each_keypoint(pixels, |what, row, k| {
        let d = (k.position.x - row[0]).hypot(k.position.y - row[1]);
        assert!(
            d < 0.5 && (k.score - row[2]).abs() < 0.02,
            "{what}: {row:?} {k:?} {d} px"
        );
    });
}

#[test]
fn scores_from_our_own_jpeg_decoder_equal_onnxruntime_within_two_hundredths() {
    let decoded = |photo: &str| picture(&std::fs::read(Path::new("photos").join(photo)).unwrap());
    each_keypoint(decoded, |what, row, k| {
        let off = (k.score - row[2]).abs();
        assert!(off < 0.02, "{what}: {row:?} {k:?} {off}");
    });
}
