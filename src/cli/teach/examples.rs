//! People in photos, clips and before cameras, as examples of a pose. In: paths. Out: examples, and
//! for each that cannot be used a line that says why.

use crate::capture::{self, FrameSource, Next, Pace};
use crate::decode::{self, Decoder};
use crate::frame::Frame;
use crate::geometry::{Point, Rect};
use crate::infer::Infer;
use crate::recognise::torso_px;
use crate::report::{Report, Seen};
use crate::script;
use crate::skeleton::{Keypoint, KeypointSet, Skeleton, Threshold};
use crate::taught::Example;
use anyhow::Context;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two examples of a clip; nearer ones show the same.
const APART: Duration = Duration::from_millis(250);
const TOO_LITTLE: &str = "too little of the person is seen: they must be in the picture from head to foot, or as far as the pose goes";
/// Fewer joints show no pose.
const LEAST_JOINTS: usize = 6;

/// Collects examples.
pub(super) struct Collector {
    infer: Infer,
    pub examples: Vec<Example>,
    pub failed: usize,
    asked: Vec<String>,
}

impl Collector {
    pub fn new(infer: Infer) -> Self {
        Self {
            infer,
            examples: Vec::new(),
            failed: 0,
            asked: Vec::new(),
        }
    }

    /// What was looked at, in words.
    pub fn of(&self) -> String {
        match &self.asked[..] {
            [one] => one.clone(),
            all => format!("{} files", all.len()),
        }
    }

    /// Takes in a photo, every photo of a folder, or a clip.
    pub fn path(&mut self, path: &Path) {
        self.asked.push(path.display().to_string());
        let taken = if path.is_dir() {
            photos(path).map(|photos| photos.iter().for_each(|p| self.photo(p)))
        } else if is_clip(path) {
            self.clip(path.as_os_str())
        } else if has_ending(path, &["jsonl", "toml"]) {
            self.lines(path)
        } else {
            self.photo(path);
            Ok(())
        };
        if let Err(e) = taken {
            self.leave_out(&path.display().to_string(), &super::super::told(&e));
        }
    }

    fn photo(&mut self, path: &Path) {
        let name = whole(path);
        let read = || -> anyhow::Result<Frame> {
            let bytes = std::fs::read(path).context("cannot be read")?;
            let mut frame = Frame::default();
            decode::photo(&bytes, &mut frame)?;
            Ok(frame)
        };
        match read().and_then(|frame| self.look(&frame, name.clone())) {
            Ok(example) => self.examples.push(example),
            Err(e) => self.leave_out(&name, &super::super::told(&e)),
        }
    }

    /// Takes in the largest person of lines that posed printed, or of a script, four times a second.
    fn lines(&mut self, path: &Path) -> anyhow::Result<()> {
        let bytes = std::fs::read(path).context("cannot be read")?;
        let set = Arc::clone(self.infer.keypoints());
        let visible = self.infer.visible();
        let mut next = Duration::ZERO;
        for moment in script::read(path, &bytes, &set)? {
            let bounds = |role: &script::Role| {
                let joints = role.skeleton.keypoints.iter().filter(|k| visible.sees(k));
                Rect::around(joints.map(|k| k.position)).map_or(0.0, Rect::area)
            };
            let people = moment.people.iter();
            let largest = people.max_by(|a, b| bounds(a).total_cmp(&bounds(b)));
            if moment.time < next || self.examples.len() >= crate::taught::MOST_EXAMPLES {
                continue;
            }
            let at = format!("{} at {:.2} s", whole(path), moment.time.as_secs_f64());
            if let Some(role) = largest {
                next = moment.time + APART;
                match example(at.clone(), &role.skeleton, &set, visible) {
                    Some(example) => self.examples.push(example),
                    None => self.leave_out(&at, TOO_LITTLE),
                }
            }
        }
        Ok(())
    }

    fn clip(&mut self, clip: &OsStr) -> anyhow::Result<()> {
        let source = capture::from_argument(clip)?;
        let source = source.open(Pace::Recorded)?;
        self.frames(source, &whole(Path::new(clip)), None, Duration::MAX)
    }

    /// Looks through a source for some seconds, after a countdown with a beep for each second.
    pub fn source(
        &mut self,
        source: &OsString,
        seconds: f64,
        countdown: u64,
    ) -> anyhow::Result<()> {
        self.asked.push(source.to_string_lossy().into_owned());
        let settings = capture::from_argument(source)?;
        let length = Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|length| !length.is_zero());
        let length = length.context("--seconds: give a number of seconds above 0")?;
        let is_live = settings.is_live();
        let pace = if is_live { Pace::Live } else { Pace::Recorded };
        let source_opened = settings.open(pace)?;
        let begin = is_live.then(|| Instant::now() + Duration::from_secs(countdown));
        self.frames(source_opened, &source.to_string_lossy(), begin, length)
    }

    /// Goes through frames; before `begin` they are counted down, and then looked at for `length`.
    fn frames(
        &mut self,
        mut source: Box<dyn FrameSource>,
        name: &str,
        begin: Option<Instant>,
        length: Duration,
    ) -> anyhow::Result<()> {
        let mut frame = Frame::default();
        let mut decoder = Decoder::default();
        let mut first = None;
        let mut next = Duration::ZERO;
        let mut left = None;
        let before = self.examples.len();
        while source.next(&mut frame)? == Next::Frame {
            let now = Instant::now();
            if let Some(wait) = begin.and_then(|begin| begin.checked_duration_since(now)) {
                let seconds = wait.as_secs() + 1;
                if left != Some(seconds) {
                    // The bell: who stands before the camera does not see the screen.
                    eprintln!("{seconds} …\x07");
                    left = Some(seconds);
                }
                continue;
            }
            if first.is_none() && begin.is_some() {
                eprintln!("now: hold the pose\x07");
            }
            let from = *first.get_or_insert(frame.time);
            let time = frame.time.saturating_sub(from);
            if time >= length || self.examples.len() - before >= crate::taught::MOST_EXAMPLES {
                break;
            }
            if time < next || decoder.decode(&mut frame).is_err() {
                continue;
            }
            next = time + APART;
            let at = format!("{name} at {:.2} s", frame.time.as_secs_f64());
            match self.look(&frame, at.clone()) {
                Ok(example) => self.examples.push(example),
                Err(e) => self.leave_out(&at, &super::super::told(&e)),
            }
        }
        if begin.is_some() {
            eprintln!("done\x07");
        }
        Ok(())
    }

    /// The largest person of a picture.
    fn look(&mut self, frame: &Frame, from: String) -> anyhow::Result<Example> {
        let mut report = Report::default();
        self.infer.photo(frame, &mut report)?;
        let people = report.people.iter();
        let largest = people.max_by(|a, b| a.bbox.area().total_cmp(&b.bbox.area()));
        let seen: &Seen = largest.context("nobody is seen")?;
        example(from, &seen.skeleton, &report.keypoints, report.visible).context(TOO_LITTLE)
    }

    fn leave_out(&mut self, what: &str, why: &str) {
        eprintln!("posed: {what}: {why}; left out");
        self.failed += 1;
    }
}

/// A file by the same name from wherever it is spoken of.
fn whole(path: &Path) -> String {
    let whole = path.canonicalize();
    whole.as_deref().unwrap_or(path).display().to_string()
}

/// Somebody as an example; `None` where too little of them is seen.
pub(in crate::cli) fn example(
    from: String,
    seen: &Skeleton,
    set: &KeypointSet,
    visible: Threshold,
) -> Option<Example> {
    let joints = seen.keypoints.iter().filter(|k| visible.sees(k));
    let is_sound = |k: &Keypoint| {
        let Point { x, y } = k.position;
        [x, y, k.score]
            .into_iter()
            .all(|n| n.is_finite() && n.abs() < 1e6)
    };
    if joints.clone().count() < LEAST_JOINTS || !seen.keypoints.iter().all(is_sound) {
        return None;
    }
    let bounds = Rect::around(joints.map(|k| k.position)).unwrap_or_default();
    let torso = torso_px(seen, set, visible);
    let scale = torso.unwrap_or(bounds.height.max(bounds.width) / 3.0);
    Some(Example::of(from, seen, scale, visible))
}

fn is_clip(path: &Path) -> bool {
    has_ending(path, &["y4m", "avi", "mjpeg", "mjpg"])
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension();
    ending.is_some_and(|e| endings.iter().any(|wanted| e.eq_ignore_ascii_case(wanted)))
}

/// The photos in a folder, by name.
fn photos(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).context("cannot be read")?;
    let mut photos: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    photos.retain(|p| has_ending(p, &["jpg", "jpeg", "png"]));
    photos.sort();
    anyhow::ensure!(!photos.is_empty(), "has no JPEG or PNG files");
    Ok(photos)
}
