//! A folder of numbered pictures as a clip.
//!
//! In: a folder with JPEG and PNG files. Out: one frame a file, in the order in which people count:
//! `2.jpg` before `10.jpg`.

use super::clip::DEFAULT_RATE;
use super::clock::{Clock, Pace};
use super::{CaptureError, FrameSource, MAX_FRAME_BYTES, Next, fps_text, jpeg};
use crate::decode;
use crate::frame::{Frame, PixelFormat};
use std::cmp::Ordering;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A folder being played.
pub struct Folder {
    path: PathBuf,
    files: Vec<PathBuf>,
    at: usize,
    repeat: bool,
    clock: Clock,
    png: Vec<u8>,
}

impl Folder {
    /// Lists the folder.
    ///
    /// # Errors
    /// All final: it cannot be listed or holds no pictures.
    pub fn open(path: &Path, repeat: bool, pace: Pace) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        let list = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let list = list.map_err(|e| CaptureError::read(&name, e))?;
        let mut files: Vec<_> = list
            .into_iter()
            .map(|entry| entry.path())
            .filter(|p| is_picture(p))
            .collect();
        files.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
        if files.is_empty() {
            let mend = "put files such as 0001.jpg into it (`ffmpeg -i IN %04d.jpg`)";
            return Err(CaptureError::unusable(
                &name,
                "holds no .jpg or .png files",
                mend,
            ));
        }
        Ok(Self {
            path: path.into(),
            files,
            at: 0,
            repeat,
            clock: Clock::new(pace, DEFAULT_RATE),
            png: Vec::new(),
        })
    }

    /// Reads one file: a JPEG as it is, a PNG decoded.
    fn read(&mut self, at: usize, frame: &mut Frame) -> Result<(), CaptureError> {
        let name = self.files[at].display().to_string();
        let file = File::open(&self.files[at]).map_err(|e| CaptureError::read(&name, e))?;
        frame.data.clear();
        file.take(MAX_FRAME_BYTES as u64)
            .read_to_end(&mut frame.data)
            .map_err(|e| CaptureError::read(&name, e))?;
        if frame.data.starts_with(b"\x89PNG") {
            std::mem::swap(&mut self.png, &mut frame.data);
            return decode::photo(&self.png, frame)
                .map_err(|error| CaptureError::Picture { name, error });
        }
        frame.set_shape(jpeg::size(&frame.data), PixelFormat::Mjpeg);
        Ok(())
    }
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_ascii_lowercase());
    ending.is_some_and(|e| e == "jpg" || e == "jpeg" || e == "png")
}

/// Compares runs of digits as numbers and everything else as text.
fn natural(a: &str, b: &str) -> Ordering {
    let mut a = a;
    let mut b = b;
    while let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) {
        let n = digits(a);
        let m = digits(b);
        let order = if n > 0 && m > 0 {
            let p = a[..n].trim_start_matches('0');
            let q = b[..m].trim_start_matches('0');
            let order = p.len().cmp(&q.len()).then(p.cmp(q));
            a = &a[n..];
            b = &b[m..];
            order
        } else {
            a = &a[x.len_utf8()..];
            b = &b[y.len_utf8()..];
            x.cmp(&y)
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

impl FrameSource for Folder {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        for steps in 1..=self.files.len() as u64 {
            if self.at == self.files.len() {
                if !self.repeat {
                    break;
                }
                self.at = 0;
            }
            self.at += 1;
            match self.read(self.at - 1, frame) {
                Ok(()) => {
                    (frame.sequence, frame.time) = self.clock.play(steps);
                    return Ok(Next::Frame);
                }
                // A broken PNG has no form in which the decoder could drop it later: it counts as a
                // dropped frame here.
                Err(e) => log::warn!("{e}: left out"),
            }
        }
        Ok(Next::End)
    }

    fn describe(&self) -> String {
        format!(
            "{} {} pictures {} fps",
            self.path.display(),
            self.files.len(),
            fps_text(self.clock.rate())
        )
    }

    fn rate(&self) -> (u32, u32) {
        self.clock.rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_the_order_in_which_people_count() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "10.jpg",
            "9.jpg",
            "a2.jpeg",
            "a10.JPG",
            "notes.txt",
            "007.jpg",
        ] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let mut folder = Folder::open(dir.path(), false, Pace::Recorded).unwrap();
        let mut frame = Frame::default();
        let mut seen = Vec::new();
        while folder.next(&mut frame).unwrap() == Next::Frame {
            seen.push(String::from_utf8(frame.data.clone()).unwrap());
        }
        assert_eq!(seen, ["007.jpg", "9.jpg", "10.jpg", "a2.jpeg", "a10.JPG"]);
    }

    #[test]
    fn a_broken_png_is_left_out_and_takes_its_time() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("1.png"), b"\x89PNG broken").unwrap();
        std::fs::copy("photos/astronaut.jpg", dir.path().join("2.jpg")).unwrap();
        let mut frame = Frame::default();
        let mut folder = Folder::open(dir.path(), true, Pace::Recorded).unwrap();
        folder.next(&mut frame).unwrap();
        assert_eq!((frame.sequence, frame.format), (1, PixelFormat::Mjpeg));
        folder.next(&mut frame).unwrap();
        assert_eq!(frame.sequence, 3);
    }

    #[test]
    fn an_empty_folder_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Folder::open(dir.path(), true, Pace::Live).is_err());
    }
}
