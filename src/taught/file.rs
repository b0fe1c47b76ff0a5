//! Examples of a pose as a file: `poses/NAME.toml`.
//!
//! In: skeletons. Out: TOML that people can read and that holds no picture: each joint's place and
//! score, in torso lengths from the middle of the joints that are seen. And back.

use crate::geometry::Point;
use crate::skeleton::{Keypoint, KeypointSet, Skeleton, Threshold};
use crate::trouble::Trouble;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use toml::{Table, Value};

/// More examples of a pose tell nothing new, and every frame would be compared with all of them.
pub const MOST_EXAMPLES: usize = 200;
/// A joint is no further from the middle, in torso lengths.
const FURTHEST: f32 = 1000.0;
/// The form of the file.
const FORMAT: i64 = 1;
/// A longer file is none of ours.
const MOST_BYTES: u64 = 4_000_000;

/// A person who shows a pose.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Where it is from: a photo, or a clip and the time in it.
    pub from: String,
    /// In the order of the names of [`KeypointSet`] that it was read or taken with; hidden joints
    /// have their score and place all the same.
    pub skeleton: Skeleton,
}

impl Example {
    /// Of what was seen of a person: moved and scaled, so that nothing tells of the picture. `scale`
    /// is the torso's length in pixels, or whatever else is known of the person's size.
    pub fn of(from: String, seen: &Skeleton, scale: f32, visible: Threshold) -> Self {
        let visible = seen.keypoints.iter().filter(|k| visible.sees(k));
        let count = visible.clone().count().max(1) as f32;
        let sum = visible.fold(Point::default(), |sum, k| {
            Point::new(sum.x + k.position.x, sum.y + k.position.y)
        });
        let scale = scale.max(1e-3);
        // What lies further away is nowhere: it is hidden, or it was made up.
        let near = |n: f32| n.clamp(-FURTHEST, FURTHEST);
        let place = |k: &Keypoint| Keypoint {
            position: Point::new(
                near((k.position.x - sum.x / count) / scale),
                near((k.position.y - sum.y / count) / scale),
            ),
            score: k.score,
        };
        Self {
            from,
            skeleton: Skeleton {
                keypoints: seen.keypoints.iter().map(place).collect(),
            },
        }
    }
}

/// Reads the examples of a file, in the joints of `set`; a joint that the file does not have is
/// hidden.
///
/// # Errors
/// The file cannot be read, or is no such file.
pub fn read(path: &Path, set: &KeypointSet) -> Result<Vec<Example>, Trouble> {
    let trouble = |what: String| {
        Trouble::new(
            format!("{}: {what}", path.display()),
            "mend it, or remove it and teach the pose again: posed teach NAME PHOTO…",
        )
    };
    let text = read_text(path).map_err(|e| trouble(e.to_string()))?;
    let table: Table = text
        .parse()
        .map_err(|e: toml::de::Error| trouble(e.to_string().trim_end().to_string()))?;
    if table.get("format").and_then(Value::as_integer) != Some(FORMAT) {
        return Err(trouble(format!(
            "is no file of taught examples: there is no line format = {FORMAT}"
        )));
    }
    let examples = match table.get("example") {
        None => &[][..],
        Some(Value::Array(examples)) => examples,
        Some(_) => return Err(trouble("example: expected sections [[example]]".into())),
    };
    if examples.len() > MOST_EXAMPLES {
        return Err(trouble(format!(
            "has {} examples, at most {MOST_EXAMPLES} are taken",
            examples.len()
        )));
    }
    let read = examples.iter().enumerate();
    let read = read.map(|(i, e)| {
        example(e, set).map_err(|what| trouble(format!("example {}: {what}", i + 1)))
    });
    read.collect()
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        let what = "is no regular file";
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
    }
    let length = metadata.len();
    if length > MOST_BYTES {
        let what = format!("has {length} bytes, at most {MOST_BYTES} are read");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
    }
    std::fs::read_to_string(path)
}

fn example(value: &Value, set: &KeypointSet) -> Result<Example, String> {
    let table = value.as_table().ok_or("expected a section [[example]]")?;
    let mut keypoints = vec![Keypoint::default(); set.names().len()];
    let mut from = String::new();
    for (key, value) in table {
        if key == "from" {
            from = value.as_str().ok_or("from: expected a text")?.into();
            continue;
        }
        let numbers = value.as_array().into_iter().flatten().map(number);
        let numbers: Option<Vec<f32>> = numbers.collect();
        let Some([x, y, score]) = numbers.and_then(|n| <[f32; 3]>::try_from(n).ok()) else {
            return Err(format!("{key}: expected [x, y, score]"));
        };
        let sound = |n: f32| n.is_finite() && n.abs() < 1e4;
        if ![x, y, score].into_iter().all(sound) {
            return Err(format!("{key}: has a number that cannot be"));
        }
        if let Some(joint) = set.index(key) {
            keypoints[joint] = Keypoint {
                position: Point::new(x, y),
                score,
            };
        }
    }
    Ok(Example {
        from,
        skeleton: Skeleton { keypoints },
    })
}

fn number(value: &Value) -> Option<f32> {
    let whole = || value.as_integer().map(|n| n as f32);
    value.as_float().map(|n| n as f32).or_else(whole)
}

/// The text of a file with these examples.
pub fn text(name: &str, examples: &[Example], set: &KeypointSet) -> String {
    let mut text = format!(
        "# Examples of {name:?}, written by posed teach: for each joint x and y, in torso lengths from the\n\
         # middle of the joints that are seen (y downwards), and the network's score.\n\
         format = {FORMAT}\n"
    );
    for example in examples {
        // Writing to a String cannot fail.
        let from = Value::String(example.from.clone());
        let _ = write!(text, "\n[[example]]\nfrom = {from}\n");
        for (name, k) in set.names().iter().zip(&example.skeleton.keypoints) {
            let name = Value::String(name.clone());
            let bare = name.as_str().is_some_and(is_bare);
            let name = match bare {
                true => name.as_str().unwrap_or_default().to_string(),
                false => name.to_string(),
            };
            let Point { x, y } = k.position;
            let _ = writeln!(text, "{name} = [{x:.3}, {y:.3}, {:.3}]", k.score);
        }
    }
    text
}

fn is_bare(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !name.is_empty() && name.chars().all(plain)
}

/// Writes examples to a file, beside its place and then renamed: whoever reads finds the old one or
/// the new one whole.
///
/// # Errors
/// It cannot be written; the old file stays.
pub fn write(
    path: &Path,
    name: &str,
    examples: &[Example],
    set: &KeypointSet,
) -> Result<(), Trouble> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let save = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(".teach")
            .suffix(".part")
            .tempfile_in(folder)?;
        file.write_all(text(name, examples, set).as_bytes())?;
        set_mode(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    save().map_err(|e| {
        Trouble::new(
            format!("{}: cannot be written: {e}", path.display()),
            "give a folder that you may write to with --poses, or call this as its owner",
        )
    })
}

/// As other files are made, for a service that runs as another user reads it.
fn set_mode(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody() -> Example {
        let joint = |i: usize| Keypoint {
            position: Point::new(i as f32 * 20.0, 300.0 - i as f32),
            score: 0.9,
        };
        let seen = Skeleton {
            keypoints: (0..17).map(joint).collect(),
        };
        Example::of("a \"b\"\n.jpg".into(), &seen, 100.0, Threshold::DEFAULT)
    }

    #[test]
    fn what_is_written_is_read_again_to_a_thousandth() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("poses/tree.toml");
        let set = KeypointSet::coco();
        write(&path, "tree", &[somebody(), somebody()], &set).unwrap();
        let read = read(&path, &set).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].from, somebody().from);
        let pairs = read[1].skeleton.keypoints.iter();
        for (a, b) in pairs.zip(&somebody().skeleton.keypoints) {
            assert!(a.position.distance(b.position) < 1e-3 && a.score == b.score);
        }
        // Nothing else is left in the folder.
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }

    #[test]
    fn what_is_no_such_file_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tree.toml");
        let set = KeypointSet::coco();
        for (text, said) in [
            ("", "no line format = 1"),
            ("format = 2\n", "no line format = 1"),
            (
                "format = 1\n[[example]]\nnose = [1, 2]\n",
                "example 1: nose: expected [x, y, score]",
            ),
            ("format = 1\n[[example]]\nnose = [1, 2, nan]\n", "cannot be"),
            ("format = 1\nexample = 3\n", "expected sections"),
            ("format = 1\n[[example]\n", "TOML parse error at line 2"),
        ] {
            std::fs::write(&path, text).unwrap();
            let trouble = read(&path, &set).unwrap_err();
            assert!(trouble.what.contains(said), "{text:?}: {trouble}");
        }
    }
}
