//! `posed eval` gives the ten figures of pycocotools, on random datasets with everything that
//! COCO's files hold.
//!
//! Needs Python with pycocotools: `$POSED_PYTHON`, else `.venv/bin/python` (made by `./test.sh`),
//! else `python3`.

#[path = "support/python.rs"]
mod python;

use posed::eval::{Dataset, Detection, evaluate};
use serde_json::{Value, json};

/// Marsaglia's xorshift64*: the same datasets on every machine.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// About normal: the sum of twelve evenly spread values.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// A person of any size from 10 to 400 pixels; one in ten a crowd, one in six without labelled
/// joints.
fn person(random: &mut Random, id: usize, image_id: usize, category_id: usize) -> Value {
    let w = random.between(10.0, 300.0).round();
    let h = random.between(15.0, 400.0).round();
    let x = random.between(0.0, 340.0).round();
    let y = random.between(0.0, 80.0).round();
    let unlabelled = random.chance(0.17);
    let mut keypoints = Vec::new();
    let mut labelled = 0;
    for _ in 0..17 {
        let visibility = if unlabelled { 0 } else { random.below(3) };
        if visibility == 0 {
            keypoints.extend([0, 0, 0]);
        } else {
            labelled += 1;
            keypoints.extend([
                random.between(x, x + w) as i64,
                random.between(y, y + h) as i64,
                visibility as i64,
            ]);
        }
    }
    let area = w * h * random.between(0.3, 0.9);
    json!({"id": id, "image_id": image_id, "category_id": category_id, "bbox": [x, y, w, h], "area": area,
        "iscrowd": u8::from(random.chance(0.1)), "keypoints": keypoints, "num_keypoints": labelled})
}

/// What a network of some quality finds of `person`: joints moved by a share of the person's size,
/// scores with ties.
fn found(random: &mut Random, person: &Value, spread: f64) -> Value {
    let number = |v: &Value| v.as_f64().unwrap();
    let [x, y, w, h]: [f64; 4] = std::array::from_fn(|i| number(&person["bbox"][i]));
    let scale = number(&person["area"]).sqrt();
    let truth = person["keypoints"].as_array().unwrap();
    let whole = random.chance(0.2);
    let mut keypoints = Vec::new();
    for joint in truth.chunks_exact(3) {
        let labelled = number(&joint[2]) > 0.0;
        let at = if labelled {
            (number(&joint[0]), number(&joint[1]))
        } else {
            (random.between(x, x + w), random.between(y, y + h))
        };
        for value in [at.0, at.1] {
            let moved = value + random.normal() * spread * scale;
            keypoints.push(if whole { moved.round() } else { moved });
        }
        keypoints.push(random.unit());
    }
    let score = (random.unit() * 20.0).round() / 20.0;
    json!({"image_id": person["image_id"], "category_id": person["category_id"], "keypoints": keypoints, "score": score})
}

/// Annotations and detections: images with no, few and many persons; images without detections and
/// with more than 20.
fn files(seed: u64, categories: usize) -> (Value, Value) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut images = Vec::new();
    let mut annotations = Vec::new();
    let mut results = Vec::new();
    for image_id in (1..=12).rev() {
        images.push(json!({"id": image_id, "file_name": format!("{image_id}.jpg"), "width": 640, "height": 480}));
        let people = if image_id == 5 {
            0
        } else {
            1 + random.below(if image_id == 3 { 25 } else { 6 })
        };
        for _ in 0..people {
            let category = 1 + random.below(categories);
            annotations.push(person(
                &mut random,
                annotations.len() + 1,
                image_id,
                category,
            ));
            for _ in 0..if image_id == 7 {
                0
            } else {
                random.below(3) + usize::from(image_id == 3)
            } {
                let spread = [0.005, 0.03, 0.08, 0.3][random.below(4)];
                let last = annotations.last().unwrap().clone();
                results.push(found(&mut random, &last, spread));
            }
        }
    }
    for _ in 0..8 {
        let stray = person(&mut random, 0, 5, 1);
        results.push(found(&mut random, &stray, 0.02));
    }
    let categories: Vec<Value> = (1..=categories)
        .map(|id| json!({"id": id, "name": format!("kind {id}")}))
        .collect();
    (
        json!({"images": images, "annotations": annotations, "categories": categories}),
        json!(results),
    )
}

fn compare(name: &str, (annotations, results): (Value, Value)) {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, value: &Value| {
        let path = dir.path().join(name);
        std::fs::write(&path, value.to_string()).unwrap();
        path
    };
    let truth = write("annotations.json", &annotations);
    let found = write("results.json", &results);
    let ours = evaluate(
        &Dataset::read(&truth).unwrap(),
        &Detection::read(&found).unwrap(),
    );
    let theirs = python::ask("reference.py", &[&truth, &found], "");
    for (figure, value) in ours.figures() {
        let want = theirs[figure].as_f64().unwrap();
        assert!(
            (value - want).abs() < 1e-4,
            "{name}: {figure} is {value}, pycocotools says {want}"
        );
    }
}

#[test]
fn random_datasets_give_the_same_ten_figures() {
    for seed in 1..=8 {
        compare(&format!("seed {seed}"), files(seed, 1));
    }
}

#[test]
fn several_categories_are_averaged_alike() {
    compare("three categories", files(99, 3));
}

#[test]
fn a_size_that_is_not_annotated_is_minus_one_in_both() {
    let (mut annotations, results) = files(11, 1);
    for a in annotations["annotations"].as_array_mut().unwrap() {
        a["area"] = json!(2000.5);
    }
    compare("medium persons only", (annotations, results));
}

#[test]
fn an_annotation_with_the_id_zero_is_never_matched_in_both() {
    let (mut annotations, results) = files(12, 1);
    for (n, a) in annotations["annotations"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .enumerate()
    {
        a["id"] = json!(n);
    }
    compare("ids from zero", (annotations, results));
}
