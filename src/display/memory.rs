//! A display without hardware: a picture in memory that can print itself as text.
//!
//! In: scenes. Out: the same pixels that a screen would get, to be looked at in tests.

use super::png::RgbImage;
use super::{Display, Scene, Screen};
use crate::device::Device;
use crate::geometry::Size;
use crate::settings::Kind;
use crate::trouble::Trouble;
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use std::sync::Arc;

/// The size of the display that the config's `kind = "memory"` opens: a usual small screen.
pub const SIZE: Size = Size::new(320, 240);

/// All that is known of the kind "memory".
pub const KIND: Kind<Arc<dyn Screen>> = Kind {
    name: "memory",
    says: "a picture nobody sees, for tests without hardware",
    read: |_| Some(Arc::new(MemorySettings)),
};

/// There is nothing to set.
#[derive(Debug, Clone, Copy)]
pub struct MemorySettings;

impl Device for MemorySettings {}

impl Screen for MemorySettings {
    fn open(&self) -> Result<Box<dyn Display>, Trouble> {
        Ok(Box::new(Memory::new(SIZE)))
    }
}

/// The last scene shown, and how many there were.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    pub image: RgbImage,
    pub shown: u64,
}

impl Memory {
    /// A black screen of this size.
    pub fn new(size: Size) -> Self {
        Self {
            image: RgbImage::new(size),
            shown: 0,
        }
    }
}

impl Display for Memory {
    fn show(&mut self, scene: &Scene) -> Result<bool, Trouble> {
        self.image.show(scene);
        self.shown += 1;
        Ok(true)
    }

    fn describe(&self) -> String {
        format!("a picture in memory, {}", self.image.size)
    }

    fn clear(&mut self) -> Result<(), Trouble> {
        self.image.data.fill(0);
        Ok(())
    }
}

/// A picture as ASCII art, one character a pixel: that of `names` for a colour named there, else by
/// brightness, ' ' for black.
///
/// ```
/// use embedded_graphics::pixelcolor::Rgb888;
/// use posed::display::memory::ascii;
/// use posed::display::png::RgbImage;
/// use posed::geometry::Size;
///
/// let image = RgbImage { size: Size::new(3, 1), data: vec![0, 0, 0, 255, 0, 0, 255, 255, 255] };
/// assert_eq!(ascii(&image, &[(Rgb888::new(255, 0, 0), 'r')]), [" r@"]);
/// ```
pub fn ascii(image: &RgbImage, names: &[(Rgb888, char)]) -> Vec<String> {
    const BY_BRIGHTNESS: &[u8; 10] = b" .:-=+*#%@";
    let character = |rgb: &[u8]| {
        let colour = Rgb888::new(rgb[0], rgb[1], rgb[2]);
        let level =
            (usize::from(colour.r()) + 2 * usize::from(colour.g()) + usize::from(colour.b())) / 4;
        let named = names
            .iter()
            .find(|(c, _)| *c == colour)
            .map(|(_, name)| *name);
        named.unwrap_or(char::from(BY_BRIGHTNESS[level * BY_BRIGHTNESS.len() / 256]))
    };
    let row_bytes = (image.size.width as usize * 3).max(1);
    image
        .data
        .chunks_exact(row_bytes)
        .map(|row| row.chunks_exact(3).map(character).collect())
        .collect()
}
