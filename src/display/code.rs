//! The address of the page as a QR code (ISO/IEC 18004), for a telephone's camera.

use super::scene::Inks;
use super::text::{Letters, wrapped};
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::pixelcolor::{BinaryColor, PixelColor, Rgb888, RgbColor};
use embedded_graphics::prelude::DrawTarget;
use embedded_graphics::primitives::Rectangle;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code: what the standard asks for, and what telephones need at least on a
/// screen that has no room for more.
const QUIET: u32 = 4;
const LEAST_QUIET: u32 = 2;

/// An address, and its code.
#[derive(Clone)]
pub struct Code {
    address: String,
    width: u32,
    /// Row by row.
    dark: Vec<bool>,
}

impl Code {
    /// `None` for an address that is too long for any code.
    pub fn new(address: &str) -> Option<Self> {
        // A screen is not torn or stained: the smallest code.
        let code = QrCode::with_error_correction_level(address.as_bytes(), EcLevel::L).ok()?;
        Some(Self {
            address: address.into(),
            width: code.width() as u32,
            dark: code
                .into_colors()
                .iter()
                .map(|c| *c == Color::Dark)
                .collect(),
        })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Modules of a side, with `quiet` light ones around the code.
    fn modules(&self, quiet: u32) -> u32 {
        self.width + 2 * quiet
    }

    fn draw<C: PixelColor, D: DrawTarget<Color = C>>(
        &self,
        corner: Point,
        [module, quiet]: [u32; 2],
        [dark, light]: [C; 2],
        target: &mut D,
    ) -> Result<(), D::Error> {
        let side = self.modules(quiet) * module;
        target.fill_solid(&Rectangle::new(corner, Size::new_equal(side)), light)?;
        let places = (0..self.width).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        for ((x, y), _) in places.zip(&self.dark).filter(|(_, dark)| **dark) {
            let at = Point::new((x + quiet) as i32, (y + quiet) as i32) * module as i32;
            let square = Rectangle::new(corner + at, Size::new_equal(module));
            target.fill_solid(&square, dark)?;
        }
        Ok(())
    }

    /// The upper right corner of `whole` that the code takes, two fifths of the shorter side or what it
    /// needs to be read, and what is left beside or below it; `None` where it would not be read.
    pub(super) fn place(&self, whole: Rectangle) -> Option<(Rectangle, Rectangle)> {
        let Size { width, height } = whole.size;
        let modules = self.modules(QUIET);
        // Two pixels a module: what a telephone tells apart on a small screen.
        let module = (width.min(height) * 2 / 5 / modules).max(2);
        let side = modules * module;
        if side > width.min(height) {
            return None;
        }
        let corner = whole.top_left + Point::new((width - side) as i32, 0);
        let place = Rectangle::new(corner, Size::new_equal(side));
        let rest = match width >= height {
            true => Rectangle::new(whole.top_left, Size::new(width - side, height)),
            false => {
                let below = whole.top_left + Point::new(0, side as i32);
                Rectangle::new(below, Size::new(width, height - side))
            }
        };
        Some((place, rest))
    }

    /// Draws it in a place that [`Code::place`] gave.
    pub(super) fn draw_at<D: DrawTarget<Color = Rgb888>>(
        &self,
        place: Rectangle,
        target: &mut D,
    ) -> Result<(), D::Error> {
        let module = place.size.width / self.modules(QUIET);
        let colours = [Rgb888::BLACK, Rgb888::WHITE];
        self.draw(place.top_left, [module, QUIET], colours, target)
    }

    /// On the left of a small screen that is cleared, with the address beside it.
    pub(super) fn draw_beside_address<D: DrawTarget<Color = BinaryColor>>(
        &self,
        target: &mut D,
    ) -> Result<(), D::Error> {
        let inks = Inks::TWO;
        let whole = target.bounding_box();
        let modules = self.modules(LEAST_QUIET);
        let module = (whole.size.height / modules).max(1);
        let side = modules * module;
        let fits = side <= whole.size.height;
        let left = if fits { side } else { 0 };
        if fits {
            let down = (whole.size.height - side) / 2;
            let corner = whole.top_left + Point::new(0, down as i32);
            // Lit modules are the light ones, as a telephone expects.
            let colours = [BinaryColor::Off, BinaryColor::On];
            self.draw(corner, [module, LEAST_QUIET], colours, target)?;
        }
        let room = whole.size.width.saturating_sub(left + 2);
        let letters = Letters::fitting(1, 6, Size::new(room, whole.size.height.min(60)));
        let size = letters.character();
        let columns = (room / size.width).max(1) as usize;
        let text = self.address.trim_start_matches("http://");
        let mut at = whole.top_left + Point::new(left as i32 + 2, 0);
        for line in wrapped(text.trim_end_matches('/'), columns) {
            letters.draw(line, at, room, inks.text, target)?;
            at.y += size.height as i32;
        }
        Ok(())
    }
}
