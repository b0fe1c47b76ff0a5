//! What a local screen shows: the picture, the skeletons on it, pose names, speed.
//!
//! In: a [`Report`] of each frame. Out: a [`Scene`] drawn with embedded-graphics on any `DrawTarget`, of
//! many colours or of two, and the back-ends that put it where it can be seen. A screen that fails is an
//! error of this room only: it is logged, and tried again.

mod back;
mod big;
pub mod canvas;
mod card;
mod code;
mod draw;
pub mod drm;
pub mod framebuffer;
mod label;
pub mod memory;
mod mono;
pub mod oled;
pub mod picture;
mod places;
pub mod png;
mod retry;
mod scene;
mod shown;
pub mod spi;
mod status;
mod text;
pub mod wires;

pub use card::Card;
pub use code::Code;
pub use draw::draw;
pub use scene::{Layout, Live, Scene};

use crate::device::Device;
use crate::geometry::Size;
use crate::report::{Listener, Report};
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use canvas::{ColourBits, PixelLayout};
use shown::Shown;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What a display can be: a line here and a file beside the others is all a new one takes.
pub const KINDS: &[Kind<Arc<dyn Screen>>] = &[
    drm::KIND,
    framebuffer::KIND,
    spi::KIND,
    oled::KIND,
    png::KIND,
    memory::KIND,
];

/// The settings of a display.
pub trait Screen: Device {
    /// Opens it.
    ///
    /// # Errors
    /// The device is missing, not permitted or of an unknown pixel format. A file is tried only
    /// when it is first written.
    fn open(&self) -> Result<Box<dyn Display>, Trouble>;

    /// The layouts that can be seen on it; the first is the usual one.
    fn layouts(&self) -> &'static [Layout] {
        const ALL: &[Layout] = &[
            Layout::Picture,
            Layout::Skeleton,
            Layout::Status,
            Layout::BigPose,
        ];
        ALL
    }

    /// What may be wrong with it when a [`Card`] does not look as it should, and the mend.
    fn advice(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
}

/// Somewhere a report can be seen.
pub trait Display: Send {
    /// Draws the scene and brings it on the screen. Gives whether it did: not where it is too early for
    /// another picture, or no screen is plugged in.
    ///
    /// # Errors
    /// The screen or file is gone or refuses; the next call tries again.
    fn show(&mut self, scene: &Scene) -> Result<bool, Trouble>;

    /// The frame time from which it makes use of a picture again.
    fn due(&self) -> Duration {
        Duration::ZERO
    }

    /// Looks after what goes by itself, such as a screen that is plugged in; called at least ten times
    /// a second.
    ///
    /// # Errors
    /// As [`Display::show`].
    fn tend(&mut self) -> Result<(), Trouble> {
        Ok(())
    }

    /// What it is, for the log: "/dev/fb0, 480x320, 16 bits a pixel".
    fn describe(&self) -> String;

    /// Makes a screen black, on exit. A file keeps its last picture.
    ///
    /// # Errors
    /// As [`Display::show`].
    fn clear(&mut self) -> Result<(), Trouble>;
}

/// A section `[display.NAME]`.
#[derive(Debug, Clone)]
pub struct DisplaySettings {
    pub name: String,
    pub screen: Arc<dyn Screen>,
    pub show: Parts,
    pub layout: Layout,
    /// Where others listen for whoever wants to see more in a browser.
    pub page: Option<SocketAddr>,
}

/// Reads a section `[display.NAME]`; `segments` tells whether a segmentation network is named.
pub fn read(s: &mut Section, segments: bool) -> Option<DisplaySettings> {
    let screen = s.kind(KINDS, None);
    let show = s
        .texts("show", Parts::MEANING)
        .example(r#"["picture", "skeleton"]"#)
        .without("all but boxes and zones")
        .parse(|names| {
            let parts = Parts::from_names(names.iter().map(String::as_str));
            parts.map_err(|unknown| format!("there is no part {unknown:?}"))
        })
        .maybe();
    if let Some(Parts { mask: true, .. }) = show
        && !segments
    {
        s.fault_with(
            "show",
            "there is a mask only with a segmentation network",
            "name one: a section [segment] with model = \"…\"; docs/models.md shows how",
        );
    }
    let show_given = s.given("show");
    let layouts = screen.as_ref().map(|screen| screen.layouts());
    let layout = s
        .choice("layout", Layout::MEANING, Layout::WORDS)
        .example("\"big_pose\"")
        .without("picture; on a screen of two colours skeleton")
        .maybe();
    if show_given && matches!(layout, Some(Layout::Status | Layout::BigPose)) {
        s.fault_with(
            "show",
            "has no meaning with this `layout`, which is words",
            "remove the line, or set `layout` to \"picture\" or \"skeleton\"",
        );
    }
    if let (Some(layout), Some(layouts)) = (layout, layouts)
        && !layouts.contains(&layout)
    {
        let word = |(word, l): &(&str, Layout)| layouts.contains(l).then(|| format!("\"{word}\""));
        let words: Vec<String> = Layout::WORDS.iter().filter_map(word).collect();
        s.fault_with(
            "layout",
            "is more than can be seen on a screen of two colours",
            format!("set it to one of {}", words.join(", ")),
        );
    }
    Some(DisplaySettings {
        name: s.plain_name("display.screen"),
        layout: layout.or(layouts.map(|l| l[0])).unwrap_or(Layout::Picture),
        screen: screen?,
        show: show.unwrap_or_default(),
        page: None,
    })
}

impl DisplaySettings {
    /// Opens the display. One that cannot be opened now keeps nobody from starting: it is said, and tried
    /// again.
    pub fn open(&self) -> Box<dyn Listener> {
        Box::new(Shown::new(self))
    }
}

/// Which parts of a report are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    pub picture: bool,
    /// A tint over the person; without the picture a silhouette.
    pub mask: bool,
    pub skeleton: bool,
    pub boxes: bool,
    pub poses: bool,
    pub fps: bool,
    /// The places that have names.
    pub zones: bool,
    /// Lines a tenth of the picture apart; not for a display, but for whoever draws zones.
    pub grid: bool,
}

impl Default for Parts {
    /// Everything but boxes, zones and a grid.
    fn default() -> Self {
        Self {
            picture: true,
            mask: true,
            skeleton: true,
            boxes: false,
            poses: true,
            fps: true,
            zones: false,
            grid: false,
        }
    }
}

impl Parts {
    /// The names of the parts, as the key `show` of a display takes them.
    pub const NAMES: [&str; 7] = [
        "picture", "mask", "skeleton", "boxes", "poses", "fps", "zones",
    ];

    const MEANING: &str = "what is drawn: picture, mask (a tint over the person, with [segment]), skeleton, boxes, poses (and counts), fps, zones";

    /// Only the named parts.
    ///
    /// # Errors
    /// The first name that is none of [`Parts::NAMES`].
    ///
    /// ```
    /// use posed::display::Parts;
    /// let show = Parts::from_names(["skeleton", "fps"]).unwrap();
    /// assert!(show.skeleton && show.fps && !show.picture);
    /// assert_eq!(Parts::from_names(["skeletton"]), Err("skeletton"));
    /// ```
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut show = Self {
            picture: false,
            mask: false,
            skeleton: false,
            boxes: false,
            poses: false,
            fps: false,
            zones: false,
            grid: false,
        };
        for name in names {
            match name {
                "picture" => show.picture = true,
                "mask" => show.mask = true,
                "skeleton" => show.skeleton = true,
                "boxes" => show.boxes = true,
                "poses" => show.poses = true,
                "fps" => show.fps = true,
                "zones" => show.zones = true,
                unknown => return Err(unknown),
            }
        }
        Ok(show)
    }
}

/// Pixels of 5 bits of red, 6 of green and 5 of blue; of no size.
const RGB565: PixelLayout = PixelLayout {
    bytes_per_pixel: 2,
    red: ColourBits::new(11, 5),
    green: ColourBits::new(5, 6),
    blue: ColourBits::new(0, 5),
    ..PixelLayout::rgb(Size::new(0, 0))
};

/// A usual size of pictures.
const NO_PICTURE_YET: Size = Size::new(640, 480);

/// The picture's size, or a usual one where no picture has come yet, so that a note can be read.
fn picture_size(report: &Report) -> Size {
    let size = report.size;
    if size.width == 0 || size.height == 0 {
        NO_PICTURE_YET
    } else {
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_all_parts_are_known() {
        let all = Parts::from_names(Parts::NAMES).unwrap();
        assert!(all.picture && all.skeleton && all.boxes && all.poses && all.fps);
        assert!(
            Parts::NAMES
                .iter()
                .all(|name| Parts::MEANING.contains(name))
        );
    }

    #[test]
    fn every_error_names_the_place_and_the_mend() {
        let screen = framebuffer::FramebufferSettings {
            device: "no/fb9".into(),
            turn: (0, false),
        };
        let missing = screen.open().err().unwrap();
        assert!(missing.what.contains("no/fb9"), "{missing}");
        assert!(missing.mend.contains("overlay"), "{missing}");
    }
}
