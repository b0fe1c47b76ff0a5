//! What a local screen shows: the picture, the skeletons on it, pose names, speed.
//!
//! In: a [`Scene`], filled anew for each frame. Out: the scene drawn with embedded-graphics on any
//! `DrawTarget<Color = Rgb888>` ([`draw`]), and the back-ends that put it where it can be seen
//! ([`open`]). A screen that fails is an error of this room only: the caller logs it and goes on.

pub mod canvas;
pub mod framebuffer;
mod label;
pub mod memory;
pub mod picture;
pub mod png;
mod scene;

pub use scene::draw;

use crate::frame::Frame;
use crate::geometry::{Rect, Size};
use crate::segment::Mask;
use crate::skeleton::{KeypointSet, Skeleton};
use std::path::PathBuf;
use std::time::Duration;

/// Everything that one picture on a screen shows.
///
/// Made once and filled again for each frame: after the first frames this allocates nothing.
///
/// ```
/// use posed::display::{Scene, SceneOptions};
/// use posed::frame::Frame;
///
/// let mut scene = Scene::new(SceneOptions::default());
/// scene.begin(&Frame::default());
/// let person = scene.add_person();
/// person.id = Some(1);
/// person.label.push_str("arms up");
/// assert_eq!(scene.people().len(), 1);
/// scene.begin(&Frame::default());
/// assert!(scene.people().is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// The picture, in any uncompressed layout; its size is the space in which skeletons and boxes
    /// lie, its time is the scene's.
    pub frame: Frame,
    /// Boxes in image pixels, for example those in which people were looked for.
    pub boxes: Vec<Rect>,
    /// Frames a second.
    pub fps: Option<f32>,
    /// A message for whoever looks at the screen, for example "camera lost, retrying"; always shown
    /// unless empty.
    pub note: String,
    pub show: SceneOptions,
    slots: Vec<SceneSkeleton>,
    used: usize,
}

/// One person in a [`Scene`].
#[derive(Debug, Clone, Default)]
pub struct SceneSkeleton {
    /// The person's number, shown before the label.
    pub id: Option<u32>,
    /// Joints in image pixels.
    pub skeleton: Skeleton,
    /// Where the person is, if a segmentation network tells.
    pub mask: Mask,
    /// The names of the poses held; may be empty.
    pub label: String,
}

/// Which parts of a scene are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SceneOptions {
    pub picture: bool,
    /// A tint over the person; without the picture a silhouette.
    pub mask: bool,
    pub skeleton: bool,
    pub boxes: bool,
    pub poses: bool,
    pub fps: bool,
}

impl Default for SceneOptions {
    /// Everything but the boxes.
    fn default() -> Self {
        Self {
            picture: true,
            mask: true,
            skeleton: true,
            boxes: false,
            poses: true,
            fps: true,
        }
    }
}

impl SceneOptions {
    /// The names of the parts, as the key `show` of a display takes them.
    pub const NAMES: [&str; 6] = ["picture", "mask", "skeleton", "boxes", "poses", "fps"];

    /// Only the named parts.
    ///
    /// # Errors
    /// The first name that is none of [`SceneOptions::NAMES`].
    ///
    /// ```
    /// use posed::display::SceneOptions;
    /// let show = SceneOptions::from_names(["skeleton", "fps"]).unwrap();
    /// assert!(show.skeleton && show.fps && !show.picture);
    /// assert_eq!(SceneOptions::from_names(["skeletton"]), Err("skeletton"));
    /// ```
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut show = Self {
            picture: false,
            mask: false,
            skeleton: false,
            boxes: false,
            poses: false,
            fps: false,
        };
        for name in names {
            match name {
                "picture" => show.picture = true,
                "mask" => show.mask = true,
                "skeleton" => show.skeleton = true,
                "boxes" => show.boxes = true,
                "poses" => show.poses = true,
                "fps" => show.fps = true,
                unknown => return Err(unknown),
            }
        }
        Ok(show)
    }
}

impl Scene {
    /// An empty scene that shows these parts.
    pub fn new(show: SceneOptions) -> Self {
        Self {
            show,
            ..Self::default()
        }
    }

    /// Starts the scene of the next frame: takes over its size and time, and its bytes if they will
    /// be shown; empties the rest.
    pub fn begin(&mut self, frame: &Frame) {
        self.clear();
        if self.show.picture {
            self.frame.copy_from(frame);
        } else {
            (self.frame.size, self.frame.format, self.frame.stride) =
                (frame.size, frame.format, frame.stride);
            self.frame.time = frame.time;
            self.frame.sequence = frame.sequence;
        }
    }

    /// Empties people, boxes, speed and note; the picture stays, and so does the memory.
    pub fn clear(&mut self) {
        self.used = 0;
        self.boxes.clear();
        self.fps = None;
        self.note.clear();
    }

    /// An empty place for one more person, in memory that an earlier frame left.
    pub fn add_person(&mut self) -> &mut SceneSkeleton {
        if self.used == self.slots.len() {
            self.slots.push(SceneSkeleton::default());
        }
        self.used += 1;
        let person = &mut self.slots[self.used - 1];
        person.id = None;
        person.skeleton.keypoints.clear();
        person.mask.clear();
        person.label.clear();
        person
    }

    /// The people added since the scene was last cleared.
    pub fn people(&self) -> &[SceneSkeleton] {
        &self.slots[..self.used]
    }
}

/// Somewhere a scene can be seen.
pub trait Display: Send {
    /// Draws the scene and brings it on the screen. Joints whose score is less than `visible` are
    /// left out.
    ///
    /// # Errors
    /// The screen or file is gone or refuses; the next call tries again.
    fn show(
        &mut self,
        scene: &Scene,
        keypoints: &KeypointSet,
        visible: f32,
    ) -> Result<(), DisplayError>;

    /// What it is, for the log: "/dev/fb0, 480x320, 16 bits a pixel".
    fn describe(&self) -> String;

    /// Makes a screen black, on exit. A file keeps its last picture.
    ///
    /// # Errors
    /// As [`Display::show`].
    fn clear(&mut self) -> Result<(), DisplayError>;
}

/// Which display, and what it needs to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisplaySettings {
    /// A Linux framebuffer, for example /dev/fb0.
    Framebuffer { device: PathBuf },
    /// A PNG file, written anew at most once in `every` of frame time.
    Png { path: PathBuf, every: Duration },
    /// A picture in memory, of [`memory::SIZE`]: the display without hardware.
    Memory,
}

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum DisplayError {
    #[error(
        "{device}: no such device. Enable the display's overlay (/boot/firmware/config.txt on a Raspberry Pi), or name another: `ls /dev/fb*`; docs/displays.md tells more"
    )]
    NoDevice { device: PathBuf },
    #[error(
        "{device}: permission denied. Add the user to the group video (`sudo usermod -aG video USER`) and log in again"
    )]
    Permission { device: PathBuf },
    #[error(
        "{device}: cannot be opened as a framebuffer: {source}. Set `device` to a framebuffer, for example /dev/fb0"
    )]
    Framebuffer {
        device: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{device}: {problem}. Set a mode of 16, 24 or 32 bits a pixel, for example `fbset -fb {device} -depth 32`"
    )]
    Unsupported { device: PathBuf, problem: String },
    #[error(
        "{path}: cannot be written: {source}. Make its folder and let this user write there, or set `path` to another place"
    )]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// Opens a display.
///
/// # Errors
/// The device is missing, not permitted or of an unknown pixel format. A PNG file is tried only
/// when it is first written.
pub fn open(settings: &DisplaySettings) -> Result<Box<dyn Display>, DisplayError> {
    Ok(match settings {
        DisplaySettings::Framebuffer { device } => {
            Box::new(framebuffer::Framebuffer::open(device)?)
        }
        DisplaySettings::Png { path, every } => Box::new(png::PngFile::new(path, *every)),
        DisplaySettings::Memory => Box::new(memory::Memory::new(memory::SIZE)),
    })
}

/// The picture's size, or a usual one where no picture has come yet, so that a note can be read.
fn picture_size(scene: &Scene) -> Size {
    const NO_PICTURE_YET: Size = Size::new(640, 480);
    let size = scene.frame.size;
    if size.width == 0 || size.height == 0 {
        NO_PICTURE_YET
    } else {
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::Keypoint;

    #[test]
    fn a_refilled_scene_keeps_its_memory_and_nothing_of_the_last_frame() {
        let mut scene = Scene::new(SceneOptions::default());
        let fill = |scene: &mut Scene| {
            scene.begin(&Frame::default());
            for _ in 0..3 {
                let person = scene.add_person();
                assert!(
                    person.id.is_none()
                        && person.label.is_empty()
                        && person.skeleton.keypoints.is_empty()
                );
                person.id = Some(7);
                person.label.push_str("arms up");
                person.skeleton.keypoints.resize(17, Keypoint::default());
            }
            let memory = |p: &SceneSkeleton| (p.label.as_ptr(), p.skeleton.keypoints.as_ptr());
            scene.people().iter().map(memory).collect::<Vec<_>>()
        };
        let first = fill(&mut scene);
        assert_eq!(first, fill(&mut scene));
    }

    #[test]
    fn the_names_of_all_parts_are_known() {
        let all = SceneOptions::from_names(SceneOptions::NAMES).unwrap();
        assert!(all.picture && all.skeleton && all.boxes && all.poses && all.fps);
    }

    #[test]
    fn every_error_names_the_place_and_the_mend() {
        let missing = open(&DisplaySettings::Framebuffer {
            device: "no/fb9".into(),
        })
        .err()
        .unwrap()
        .to_string();
        assert!(
            missing.contains("no/fb9") && missing.contains("overlay"),
            "{missing}"
        );
    }
}
