//! COCO's files: annotations of persons with keypoints, and results.
//!
//! In: JSON files as cocodataset.org describes them ("Data format", "Results format"). Out: the
//! parts that evaluation needs, checked. Fields that are not named here are ignored.

use super::EvalError;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;

/// An annotation file: photos and the persons in them.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Dataset {
    pub images: Vec<Image>,
    pub annotations: Vec<Annotation>,
    /// Where the file lists none, the categories that its annotations name.
    #[serde(default)]
    pub categories: Vec<Category>,
}

/// One photo.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Image {
    pub id: i64,
    /// Relative to the folder of photos.
    pub file_name: String,
    /// In pixels, as height.
    pub width: u32,
    pub height: u32,
}

/// One person, or one crowd, in one photo.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Annotation {
    pub id: i64,
    pub image_id: i64,
    pub category_id: i64,
    /// x, y, width, height in image pixels.
    pub bbox: [f64; 4],
    /// Area of the person's outline in square pixels; the scale of OKS.
    pub area: f64,
    /// 1 for a group of people that is annotated as one.
    #[serde(default)]
    pub iscrowd: u32,
    /// 17 times x, y, v: v is 0 for a joint that is not labelled, 1 for a hidden one, 2 for one in
    /// sight.
    pub keypoints: Vec<f64>,
    /// The number of labelled joints.
    pub num_keypoints: u32,
}

/// A kind of object; in COCO's keypoint files the person alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub struct Category {
    pub id: i64,
}

/// One entry of a results file: a found person.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Detection {
    pub image_id: i64,
    pub category_id: i64,
    /// 17 times x, y, score.
    pub keypoints: Vec<f64>,
    pub score: f64,
}

/// Values of one person's keypoints: three for each of 17 joints.
pub const KEYPOINT_VALUES: usize = 51;

impl Dataset {
    /// Reads and checks an annotation file.
    ///
    /// # Errors
    /// The file is missing, is no keypoint annotation file, or an entry contradicts another; the
    /// message names it.
    pub fn read(path: &Path) -> Result<Self, EvalError> {
        const MEND: &str =
            "Give a COCO keypoints annotation file, such as person_keypoints_val2017.json";
        let mut dataset: Self = read_json(path, MEND)?;
        let bad = |problem: String, mend| EvalError::format(path, problem, mend);
        let images: HashSet<i64> = dataset.images.iter().map(|i| i.id).collect();
        let mut ids = HashSet::new();
        for a in &dataset.annotations {
            if a.keypoints.len() != KEYPOINT_VALUES {
                return Err(bad(
                    format!(
                        "annotation {} has {} values in keypoints, not {KEYPOINT_VALUES}",
                        a.id,
                        a.keypoints.len()
                    ),
                    MEND,
                ));
            }
            if !images.contains(&a.image_id) {
                let problem = format!(
                    "annotation {} is of image {}, which the file does not list",
                    a.id, a.image_id
                );
                return Err(bad(
                    problem,
                    "Add the image to `images`, or remove the annotation",
                ));
            }
            if !ids.insert(a.id) {
                return Err(bad(
                    format!("two annotations have the id {}", a.id),
                    "Give each annotation an id of its own",
                ));
            }
        }
        if dataset.categories.is_empty() {
            let ids: HashSet<i64> = dataset.annotations.iter().map(|a| a.category_id).collect();
            dataset.categories = ids.into_iter().map(|id| Category { id }).collect();
        }
        Ok(dataset)
    }
}

impl Detection {
    /// Reads a results file.
    ///
    /// # Errors
    /// The file is missing, or is no list of keypoint results.
    pub fn read(path: &Path) -> Result<Vec<Self>, EvalError> {
        const MEND: &str = "Give a list of {image_id, category_id, keypoints, score}, COCO's results format for keypoints";
        let detections: Vec<Self> = read_json(path, MEND)?;
        match detections
            .iter()
            .enumerate()
            .find(|(_, d)| d.keypoints.len() != KEYPOINT_VALUES)
        {
            Some((n, d)) => {
                let problem = format!(
                    "result {n} has {} values in keypoints, not {KEYPOINT_VALUES}",
                    d.keypoints.len()
                );
                Err(EvalError::format(path, problem, MEND))
            }
            None => Ok(detections),
        }
    }
}

fn read_json<T: serde::de::DeserializeOwned>(
    path: &Path,
    mend: &'static str,
) -> Result<T, EvalError> {
    let bytes = std::fs::read(path).map_err(EvalError::unread(path))?;
    serde_json::from_slice(&bytes).map_err(|e| EvalError::format(path, e.to_string(), mend))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn file(value: &Value) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        serde_json::to_writer(&file, value).unwrap();
        file
    }

    fn good() -> Value {
        let person = json!({"id": 5, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9.5], "area": 40, "iscrowd": 0,
            "keypoints": vec![0; 51], "num_keypoints": 0, "segmentation": []});
        json!({"info": {}, "images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9, "license": 3}], "annotations": [person]})
    }

    fn problem(change: impl Fn(&mut Value)) -> String {
        let mut value = good();
        change(&mut value);
        let file = file(&value);
        let text = Dataset::read(file.path()).unwrap_err().to_string();
        assert!(text.contains(&file.path().display().to_string()), "{text}");
        text
    }

    #[test]
    fn whole_numbers_and_unknown_fields_are_read() {
        let dataset = Dataset::read(file(&good()).path()).unwrap();
        assert_eq!(dataset.annotations[0].bbox, [0.0, 0.0, 9.0, 9.5]);
        assert_eq!(dataset.categories, [Category { id: 1 }]);
    }

    #[test]
    fn every_contradiction_is_named_with_its_mend() {
        assert!(
            problem(|v| v["annotations"][0]["keypoints"] = json!([1, 2]))
                .contains("annotation 5 has 2 values")
        );
        assert!(
            problem(|v| v["annotations"][0]["image_id"] = json!(3))
                .contains("image 3, which the file does not list. Add")
        );
        assert!(
            problem(|v| v["annotations"] = json!([v["annotations"][0], v["annotations"][0]]))
                .contains("two annotations")
        );
        assert!(
            problem(|v| v["annotations"][0]["area"] = Value::Null)
                .contains("COCO keypoints annotation file")
        );
        assert!(problem(|v| *v = json!([])).contains("person_keypoints"));
        let text = Dataset::read(Path::new("nowhere.json"))
            .unwrap_err()
            .to_string();
        assert!(text.starts_with("nowhere.json: cannot be read"), "{text}");
    }

    #[test]
    fn results_survive_writing_and_reading() {
        let found = vec![Detection {
            image_id: 1,
            category_id: 1,
            keypoints: vec![0.25; 51],
            score: 0.5,
        }];
        assert_eq!(Detection::read(file(&json!(found)).path()).unwrap(), found);
        let short = json!([{"image_id": 1, "category_id": 1, "keypoints": [1, 2, 3], "score": 1}]);
        assert!(
            Detection::read(file(&short).path())
                .unwrap_err()
                .to_string()
                .contains("result 0 has 3 values")
        );
    }
}
