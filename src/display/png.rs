//! A scene as a PNG file: for boards without a screen, for tests, for `posed image`.
//!
//! In: scenes. Out: a picture of the frame's own size, written beside its place and then renamed,
//! so that a reader never finds half a file.

use super::canvas::{Canvas, PixelLayout};
use super::{Display, Live, NO_PICTURE_YET, Parts, Scene, Screen, picture_size};
use crate::device::{Device, check_folder};
use crate::geometry::Size;
use crate::report::Report;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Result as IoResult, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// All that is known of the kind "png".
pub const KIND: Kind<Arc<dyn Screen>> = Kind {
    name: "png",
    says: "a PNG file, replaced as a whole; it keeps the last picture",
    read: read_section,
};

fn read_section(s: &mut Section) -> Option<Arc<dyn Screen>> {
    let path = s
        .path("path", "the file that is drawn")
        .example("\"/run/posed/picture.png\"")
        .check(|path| match path.file_name() {
            Some(_) => Ok(()),
            None => Err(format!("{path:?} names no file")),
        })
        .needed();
    let every = s
        .seconds(
            "every_s",
            "frame time from one picture to the next",
            0.0..=86_400.0,
        )
        .or(Duration::from_secs(1));
    if let Some(Err(trouble)) = path.as_deref().map(check_folder) {
        s.fault_with("path", trouble.what, trouble.mend);
    }
    Some(Arc::new(PngSettings { path: path?, every }))
}

/// Which file, and how often.
#[derive(Debug, Clone)]
pub struct PngSettings {
    pub path: PathBuf,
    /// Frame time from one picture to the next, at least.
    pub every: Duration,
}

impl Device for PngSettings {
    fn claims(&self) -> Vec<String> {
        vec![format!("the file {}", self.path.display())]
    }

    fn check(&self) -> Result<(), Trouble> {
        check_folder(&self.path)?;
        match self.path.symlink_metadata() {
            Ok(there) if !there.is_file() => Err(Trouble::new(
                format!("{}: is no file", self.path.display()),
                "set `path` to a file; it is replaced with each picture",
            )),
            _ => Ok(()),
        }
    }
}

impl Screen for PngSettings {
    fn open(&self) -> Result<Box<dyn Display>, Trouble> {
        remove_parts(&self.path);
        Ok(Box::new(PngFile::new(&self.path, self.every)))
    }
}

/// A picture as bytes R, G, B, row by row, with nothing between.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RgbImage {
    pub size: Size,
    pub data: Vec<u8>,
}

impl RgbImage {
    /// A black picture.
    pub fn new(size: Size) -> Self {
        let mut image = Self::default();
        image.reshape(size);
        image
    }

    /// Takes on this size, in the memory it has where that suffices. The pixels are then whatever
    /// was there before.
    fn reshape(&mut self, size: Size) {
        self.size = size;
        self.data
            .resize(size.width as usize * size.height as usize * 3, 0);
    }

    /// Draws the report over the whole picture; a picture without pixels stays one.
    pub fn draw(&mut self, report: &Report, parts: Parts) {
        self.show(&Scene::Live(Live::picture(report, parts)));
    }

    /// Draws the scene over the whole picture.
    pub fn show(&mut self, scene: &Scene) {
        if let Some(mut canvas) = Canvas::new(PixelLayout::rgb(self.size), &mut self.data) {
            let Ok(()) = scene.draw(&mut canvas);
        }
    }
}

/// Draws the report as a picture of its frame's size, or of 640x480 while there is no frame.
pub fn render(report: &Report, parts: Parts) -> RgbImage {
    let mut image = RgbImage::new(picture_size(report));
    image.draw(report, parts);
    image
}

/// Writes a picture as a PNG file; a file of this name is replaced as a whole.
///
/// # Errors
/// The folder is missing, full or not permitted; an old file then stays as it was.
pub fn write(path: &Path, image: &RgbImage) -> Result<(), Trouble> {
    write_beside(path, image).map_err(|e| {
        Trouble::new(
            format!("{}: cannot be written: {e}", path.display()),
            match e.kind() {
                ErrorKind::AlreadyExists => "give another path: only a file is replaced",
                _ => {
                    "make its folder and let this user write there, or set `path` to another place"
                }
            },
        )
    })
}

fn write_beside(path: &Path, image: &RgbImage) -> IoResult<()> {
    // A device, a pipe or a link would be replaced, and is what somebody else looks for.
    if let Ok(there) = path.symlink_metadata()
        && !there.is_file()
    {
        let says = "there is something else of this name, which is no file";
        return Err(Error::new(ErrorKind::AlreadyExists, says));
    }
    let name = path
        .file_name()
        .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the path names no file"))?;
    // Hidden, in the same folder (a rename does not cross file systems), and each process's own.
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(hidden);
    let written = encode(&part, image).and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&part); // the first error is the one to tell
    }
    written
}

/// Removes what a run that was killed has left beside the file: it shows people.
fn remove_parts(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let start = format!(".{}.", name.to_string_lossy());
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let found = entry.file_name();
        let found = found.to_string_lossy();
        let process = found
            .strip_prefix(&start)
            .and_then(|rest| rest.strip_suffix(".part"));
        let process = process.filter(|id| id.parse::<u32>().is_ok());
        // One that is being written by somebody who lives is theirs.
        if process.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn encode(path: &Path, image: &RgbImage) -> IoResult<()> {
    let broken = |e: png::EncodingError| match e {
        png::EncodingError::IoError(e) => e,
        other => Error::new(ErrorKind::InvalidInput, other.to_string()),
    };
    let mut file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(&mut file, image.size.width, image.size.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(broken)?;
    writer.write_image_data(&image.data).map_err(broken)?;
    writer.finish().map_err(broken)?;
    file.flush()
}

/// A PNG file that follows the reports.
#[derive(Debug)]
pub struct PngFile {
    path: PathBuf,
    every: Duration,
    image: RgbImage,
    written: Option<Duration>,
}

impl PngFile {
    /// A file at `path`, written at most once in `every` of frame time; nothing is written yet.
    pub fn new(path: &Path, every: Duration) -> Self {
        Self {
            path: path.to_owned(),
            every,
            image: RgbImage::default(),
            written: None,
        }
    }

    fn is_due(&self, time: Duration) -> bool {
        // A time before the last one is a source that began anew.
        self.written
            .is_none_or(|last| time < last || time - last >= self.every)
    }
}

impl Display for PngFile {
    fn show(&mut self, scene: &Scene) -> Result<bool, Trouble> {
        let size = match scene {
            Scene::Card(_) => NO_PICTURE_YET,
            Scene::Live(live) if !self.is_due(live.report.time) => return Ok(false),
            Scene::Live(live) => {
                // Counted also when it fails: a full disk is not tried again for every frame.
                self.written = Some(live.report.time);
                picture_size(live.report)
            }
        };
        self.image.reshape(size);
        self.image.show(scene);
        write(&self.path, &self.image).map(|()| true)
    }

    fn due(&self) -> Duration {
        self.written
            .map_or(Duration::ZERO, |last| last + self.every)
    }

    fn describe(&self) -> String {
        format!(
            "{}, a PNG file, {}",
            self.path.display(),
            match self.every {
                Duration::ZERO => "every frame".into(),
                every => format!("at most every {every:?}"),
            }
        )
    }

    /// Leaves the file: its last picture is what one wants to find after the program has ended.
    fn clear(&mut self) -> Result<(), Trouble> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, PixelFormat};
    use crate::report::State;

    fn report(level: u8, time_ms: u64) -> Report {
        let mut frame = Frame {
            data: vec![level; 20 * 10],
            time: Duration::from_millis(time_ms),
            ..Frame::default()
        };
        frame.set_shape(Size::new(20, 10), PixelFormat::Grey);
        let mut report = Report::default();
        report.begin(&frame, true);
        report
    }

    fn read(path: &Path) -> Frame {
        let mut frame = Frame::default();
        crate::decode::photo(&std::fs::read(path).unwrap(), &mut frame).unwrap();
        frame
    }

    #[test]
    fn the_file_is_the_frame_in_its_own_size() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.png");
        write(&path, &render(&report(77, 0), Parts::default())).unwrap();
        let back = read(&path);
        assert_eq!(back.size, Size::new(20, 10));
        assert!(back.data.iter().all(|&v| v == 77));
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn it_is_written_at_most_every_so_often_of_frame_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.png");
        let mut file = PngFile::new(&path, Duration::from_secs(1));
        for (level, time_ms, found) in [
            (1, 5000, 1),
            (2, 5999, 1),
            (3, 6000, 3),
            (4, 6500, 3),
            (5, 100, 5),
        ] {
            let report = report(level, time_ms);
            let live = Live::picture(&report, Parts::default());
            file.show(&Scene::Live(live)).unwrap();
            assert_eq!(read(&path).data[0], found, "at {time_ms} ms");
        }
        file.clear().unwrap();
        assert_eq!(read(&path).data[0], 5);
    }

    #[test]
    fn before_the_first_picture_the_note_can_be_read() {
        let report = Report {
            state: Some(State::SourceLost("no camera, retrying".into())),
            ..Report::default()
        };
        let image = render(&report, Parts::default());
        assert_eq!(image.size, Size::new(640, 480));
        assert!(image.data.iter().any(|&v| v > 200));
    }

    #[test]
    fn a_missing_folder_is_an_error_with_path_and_mend_and_a_failed_write_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let image = RgbImage::new(Size::new(2, 2));
        let text = write(&dir.path().join("no/out.png"), &image)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("no/out.png") && text.contains("make its folder"),
            "{text}"
        );
        assert!(
            write(&dir.path().join("out.png"), &RgbImage::default()).is_err(),
            "a PNG file has pixels"
        );
        assert!(write(Path::new("/"), &image).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
