//! A scene as a PNG file: for boards without a screen, for tests, for `posed image`.
//!
//! In: a scene. Out: a picture of the frame's own size, written beside its place and then renamed,
//! so that a reader never finds half a file.

use super::canvas::{Canvas, PixelLayout};
use super::{Display, DisplayError, Scene, draw, picture_size};
use crate::geometry::Size;
use crate::skeleton::KeypointSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Result as IoResult, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

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

    /// Draws the scene over the whole picture; a picture without pixels stays one.
    pub fn draw(&mut self, scene: &Scene, keypoints: &KeypointSet, visible: f32) {
        if let Some(mut canvas) = Canvas::new(PixelLayout::rgb(self.size), &mut self.data) {
            let Ok(()) = draw(scene, keypoints, visible, &mut canvas);
        }
    }
}

/// Draws the scene as a picture of its frame's size, or of 640x480 while there is no frame.
pub fn render(scene: &Scene, keypoints: &KeypointSet, visible: f32) -> RgbImage {
    let mut image = RgbImage::new(picture_size(scene));
    image.draw(scene, keypoints, visible);
    image
}

/// Writes a picture as a PNG file; a file of this name is replaced as a whole.
///
/// # Errors
/// The folder is missing, full or not permitted; an old file then stays as it was.
pub fn write(path: &Path, image: &RgbImage) -> Result<(), DisplayError> {
    write_beside(path, image).map_err(|source| DisplayError::Write {
        path: path.to_owned(),
        source,
    })
}

fn write_beside(path: &Path, image: &RgbImage) -> IoResult<()> {
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

/// A PNG file that follows the scene.
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
    fn show(
        &mut self,
        scene: &Scene,
        keypoints: &KeypointSet,
        visible: f32,
    ) -> Result<(), DisplayError> {
        if !self.is_due(scene.frame.time) {
            return Ok(());
        }
        // Counted also when it fails: a full disk is not tried again for every frame.
        self.written = Some(scene.frame.time);
        self.image.reshape(picture_size(scene));
        self.image.draw(scene, keypoints, visible);
        write(&self.path, &self.image)
    }

    fn describe(&self) -> String {
        format!(
            "{}, a PNG file, at most every {:?}",
            self.path.display(),
            self.every
        )
    }

    /// Leaves the file: its last picture is what one wants to find after the program has ended.
    fn clear(&mut self) -> Result<(), DisplayError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::SceneOptions;
    use crate::frame::{Frame, PixelFormat};

    fn scene(level: u8, time_ms: u64) -> Scene {
        let mut frame = Frame {
            data: vec![level; 20 * 10],
            time: Duration::from_millis(time_ms),
            ..Frame::default()
        };
        frame.set_shape(Size::new(20, 10), PixelFormat::Grey);
        let mut scene = Scene::new(SceneOptions::default());
        scene.begin(&frame);
        scene
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
        write(&path, &render(&scene(77, 0), &KeypointSet::coco(), 0.2)).unwrap();
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
        let coco = KeypointSet::coco();
        for (level, time_ms, found) in [
            (1, 5000, 1),
            (2, 5999, 1),
            (3, 6000, 3),
            (4, 6500, 3),
            (5, 100, 5),
        ] {
            file.show(&scene(level, time_ms), &coco, 0.2).unwrap();
            assert_eq!(read(&path).data[0], found, "at {time_ms} ms");
        }
        file.clear().unwrap();
        assert_eq!(read(&path).data[0], 5);
    }

    #[test]
    fn before_the_first_picture_the_note_can_be_read() {
        let mut scene = Scene::new(SceneOptions::default());
        scene.note.push_str("no camera, retrying");
        let image = render(&scene, &KeypointSet::coco(), 0.2);
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
            text.contains("no/out.png") && text.contains("Make its folder"),
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
