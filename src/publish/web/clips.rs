//! The last ten seconds, to be saved as a clip. In: JPEGs with their times. Out: an AVI file.

use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use crate::record::Recorder;
use crate::trouble::Trouble;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How much of the past is kept, and in how many bytes at most.
const LENGTH: Duration = Duration::from_secs(10);
const MOST_BYTES: usize = 12 << 20;

/// A picture as it was sent to browsers.
#[derive(Debug)]
pub struct Picture {
    pub time: Duration,
    /// The number of its frame.
    pub frame: u64,
    /// Of the JPEG's own pixels.
    pub size: Size,
    pub jpeg: Vec<u8>,
}

/// The pictures of the last ten seconds, or fewer where they are large.
#[derive(Default)]
pub struct Past {
    pictures: VecDeque<Arc<Picture>>,
    bytes: usize,
}

impl Past {
    pub fn add(&mut self, picture: &Arc<Picture>) {
        // Another source begins its time anew, or has another size.
        let fits = |last: &Arc<Picture>| last.time <= picture.time && last.size == picture.size;
        if !self.pictures.back().is_none_or(fits) {
            self.pictures.clear();
            self.bytes = 0;
        }
        self.bytes += picture.jpeg.len();
        self.pictures.push_back(Arc::clone(picture));
        let too_old = |first: &Picture| picture.time.saturating_sub(first.time) > LENGTH;
        while let Some(first) = self.pictures.front()
            && (too_old(first) || self.bytes > MOST_BYTES)
        {
            self.bytes -= first.jpeg.len();
            self.pictures.pop_front();
        }
    }

    /// All of them, the oldest first.
    pub fn pictures(&self) -> Vec<Arc<Picture>> {
        self.pictures.iter().cloned().collect()
    }
}

/// Writes the pictures to a new file in `folder`; gives what the page tells of it.
///
/// # Errors
/// There are none, or the file cannot be written.
pub fn save(folder: &Path, pictures: &[Arc<Picture>]) -> Result<Value, Trouble> {
    let (Some(first), Some(last)) = (pictures.first(), pictures.last()) else {
        return Err(Trouble::new(
            "there are no pictures to save",
            "wait until the camera gives some",
        ));
    };
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S%.3fZ");
    let path = folder.join(format!("{now}.avi"));
    let trouble = |e: &dyn std::fmt::Display| {
        Trouble::new(
            format!("{}: cannot be written: {e}", path.display()),
            "`clips` is to name a folder with room in it that the user of posed owns",
        )
    };
    std::fs::create_dir_all(folder).map_err(|e| trouble(&e))?;
    let length = last.time.saturating_sub(first.time);
    let intervals = pictures.len().saturating_sub(1).max(1) as f64;
    let rate = (intervals / length.as_secs_f64().max(1e-3)).clamp(1.0, 100.0);
    let rate = ((rate * 100.0).round() as u32, 100);
    let mut recorder = Recorder::create(&path, rate).map_err(|e| trouble(&e))?;
    for picture in pictures {
        recorder
            .take(&frame(picture, first.time))
            .map_err(|e| trouble(&e))?;
    }
    recorder.finish().map_err(|e| trouble(&e))?;
    let bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
    log::info!("{} was saved for the page", path.display());
    Ok(json!({
        "file": path.display().to_string(),
        "seconds": (length.as_secs_f64() * 10.0).round() / 10.0,
        "bytes": bytes,
    }))
}

fn frame(picture: &Picture, first: Duration) -> Frame {
    let mut frame = Frame {
        data: picture.jpeg.clone(),
        time: picture.time - first,
        sequence: picture.frame,
        ..Frame::default()
    };
    frame.set_shape(picture.size, PixelFormat::Mjpeg);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Next, Pace, from_argument};
    use crate::encode::{JpegEncoder, Quality};

    fn picture(ms: u64, bytes: usize) -> Arc<Picture> {
        let mut frame = Frame {
            data: vec![100; 64 * 48],
            ..Frame::default()
        };
        frame.set_shape(Size::new(64, 48), PixelFormat::Grey);
        let quality = Quality {
            longest: 64,
            percent: 80,
        };
        let mut jpeg = JpegEncoder::default()
            .encode(&frame, quality)
            .unwrap()
            .to_vec();
        jpeg.reserve(bytes);
        Arc::new(Picture {
            time: Duration::from_millis(ms),
            frame: ms / 100,
            size: frame.size,
            jpeg,
        })
    }

    #[test]
    fn ten_seconds_are_kept_and_saved_as_a_clip_that_lasts_as_long() {
        let mut past = Past::default();
        for ms in (0..20_000).step_by(100) {
            past.add(&picture(ms, 0));
        }
        let kept = past.pictures();
        assert_eq!((kept[0].time.as_millis(), kept.len()), (9_900, 101));
        let dir = tempfile::tempdir().unwrap();
        let told = save(&dir.path().join("clips"), &kept).unwrap();
        assert_eq!(told["seconds"], 10.0);
        let mut clip = from_argument(told["file"].as_str().unwrap().as_ref())
            .unwrap()
            .open(Pace::Recorded)
            .unwrap();
        let mut frame = Frame::default();
        let mut times = Vec::new();
        while clip.next(&mut frame).unwrap() == Next::Frame {
            times.push(frame.time);
        }
        assert_eq!(times.len(), 101);
        assert!(times[100].abs_diff(Duration::from_secs(10)) < Duration::from_millis(200));
    }

    #[test]
    fn a_source_that_begins_anew_is_not_mixed_with_the_one_before() {
        let mut past = Past::default();
        past.add(&picture(5_000, 0));
        past.add(&picture(100, 0));
        assert_eq!(past.pictures().len(), 1);
        assert!(save(Path::new("/proc/none"), &past.pictures()).is_err());
        assert!(save(Path::new("/tmp"), &[]).is_err());
    }
}
