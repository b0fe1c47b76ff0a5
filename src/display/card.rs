//! A card by which one sees whether a screen is set right: its edges, its colours, which way is up.
//!
//! In: the display's name. Out: pixels on any target. A line of the outermost pixels (one that is
//! missing: a wrong size or offset), a grid with the pixels' numbers, bars of colour with their
//! letters (a wrong letter: colours exchanged or inverted), steps of grey, an arrow to the top, and
//! words at both sides (mirrored where they cannot be read).

use super::scene::Inks;
use super::text::{Letters, ShortText, draw_large};
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::pixelcolor::{BinaryColor, PixelColor, Rgb888, RgbColor};
use embedded_graphics::prelude::{DrawTarget, Drawable, Pixel, PointsIter, Primitive};
use embedded_graphics::primitives::{
    PrimitiveStyle, PrimitiveStyleBuilder, Rectangle, StrokeAlignment, Triangle,
};

/// Bars of colour in the order of falling brightness, each with its letter and the ink that is read
/// on it.
const BARS: [(&str, Rgb888, Rgb888); 8] = [
    ("W", Rgb888::WHITE, Rgb888::BLACK),
    ("Y", Rgb888::YELLOW, Rgb888::BLACK),
    ("C", Rgb888::CYAN, Rgb888::BLACK),
    ("G", Rgb888::GREEN, Rgb888::BLACK),
    ("M", Rgb888::MAGENTA, Rgb888::WHITE),
    ("R", Rgb888::RED, Rgb888::WHITE),
    ("B", Rgb888::BLUE, Rgb888::WHITE),
    ("K", Rgb888::BLACK, Rgb888::WHITE),
];
/// Steps from black to white.
const GREYS: u32 = 16;

/// The card of a display.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    pub name: &'a str,
}

/// The fifths of the target from above: arrow, bars, bars, greys, name.
struct Fifths {
    whole: Rectangle,
}

impl Fifths {
    fn of<D: DrawTarget>(target: &D) -> Self {
        let whole = target.bounding_box();
        Self { whole }
    }

    /// `rows` fifths from the one of number `first`, without the edges' two pixels.
    fn rows(&self, first: u32, rows: u32) -> Rectangle {
        let size = self.whole.size.saturating_sub(Size::new_equal(4));
        let at = |fifth: u32| (size.height * fifth / 5) as i32;
        let height = (at(first + rows) - at(first)).unsigned_abs();
        let corner = self.whole.top_left + Point::new(2, 2 + at(first));
        Rectangle::new(corner, Size::new(size.width, height))
    }
}

/// The part of number `i` of `n` side by side.
fn column(area: Rectangle, i: u32, n: u32) -> Rectangle {
    let at = |i: u32| (area.size.width * i / n) as i32;
    let width = (at(i + 1) - at(i)).unsigned_abs();
    let corner = area.top_left + Point::new(at(i), 0);
    Rectangle::new(corner, Size::new(width, area.size.height))
}

impl Card<'_> {
    pub(super) fn draw<D: DrawTarget<Color = Rgb888>>(
        &self,
        target: &mut D,
    ) -> Result<(), D::Error> {
        let inks = Inks::MANY;
        inks.clear(target)?;
        let fifths = Fifths::of(target);
        draw_grid(inks.strong, target)?;
        self.draw_signs(&fifths, inks, target)?;
        let bars = fifths.rows(1, 2);
        let narrowest = column(bars, 0, BARS.len() as u32).size / 2;
        let letters = Letters::fitting(1, 1, narrowest);
        for ((letter, colour, ink), i) in BARS.into_iter().zip(0..) {
            let bar = column(bars, i, BARS.len() as u32);
            target.fill_solid(&bar, colour)?;
            let size = letters.character();
            let corner = bar.top_left + (bar.size.saturating_sub(size)) / 2;
            letters.draw(letter, corner, size.width, ink, target)?;
        }
        let greys = fifths.rows(3, 1);
        for i in 0..GREYS {
            let level = (i * 255 / (GREYS - 1)) as u8;
            let step = column(greys, i, GREYS);
            target.fill_solid(&step, Rgb888::new(level, level, level))?;
        }
        draw_edge(inks.warning, target)
    }

    pub(super) fn draw_mono<D: DrawTarget<Color = BinaryColor>>(
        &self,
        target: &mut D,
    ) -> Result<(), D::Error> {
        let inks = Inks::TWO;
        inks.clear(target)?;
        let fifths = Fifths::of(target);
        draw_edge(inks.text, target)?;
        if fifths.whole.size.height < 40 {
            return draw_arrow(fifths.rows(0, 5), inks, target);
        }
        self.draw_signs(&fifths, inks, target)?;
        // One half lit, and a board of single pixels.
        let middle = fifths.rows(2, 1);
        target.fill_solid(&column(middle, 0, 2), BinaryColor::On)?;
        let board = column(middle, 1, 2);
        let lit = |p: &Point| (p.x + p.y) % 2 == 0;
        target.draw_iter(
            board
                .points()
                .filter(lit)
                .map(|p| Pixel(p, BinaryColor::On)),
        )
    }

    /// The arrow to the top, the sides' names, the display's name and size.
    fn draw_signs<C: PixelColor, D: DrawTarget<Color = C>>(
        &self,
        fifths: &Fifths,
        inks: Inks<C>,
        target: &mut D,
    ) -> Result<(), D::Error> {
        draw_arrow(fifths.rows(0, 1), inks, target)?;
        let size = fifths.whole.size;
        let text = ShortText::new(format_args!("{} {}x{}", self.name, size.width, size.height));
        draw_large(text.as_str(), fifths.rows(4, 1), inks.text, target)
    }
}

/// The arrow to the top and the sides' names.
fn draw_arrow<C: PixelColor, D: DrawTarget<Color = C>>(
    top: Rectangle,
    inks: Inks<C>,
    target: &mut D,
) -> Result<(), D::Error> {
    let is_narrow = column(top, 0, 4).size.width < 5 * 5;
    let [left, right, up] = match is_narrow {
        true => ["L", "R", ""],
        false => ["LEFT", "RIGHT", "TOP"],
    };
    let side = column(top, 0, 4);
    let letters = Letters::fitting(right.len() + 1, 1, side.size);
    let size = letters.character();
    let down = (side.size.height.saturating_sub(size.height) / 2) as i32;
    let corner = |column: Rectangle| column.top_left + Point::new(size.width as i32 / 2, down);
    for (word, column) in [(left, side), (right, column(top, 3, 4))] {
        letters.draw(word, corner(column), side.size.width, inks.text, target)?;
    }
    let (arrow, word) = (column(top, 1, 3), column(top, 9, 16));
    let tip = arrow.top_left + Point::new(arrow.size.width as i32 / 2, 1);
    let half = (arrow.size.height as i32 - 2) / 2;
    let foot = tip.y + arrow.size.height as i32 - 3;
    Triangle::new(
        tip,
        Point::new(tip.x - half, foot),
        Point::new(tip.x + half, foot),
    )
    .into_styled(PrimitiveStyle::with_fill(inks.warning))
    .draw(target)?;
    let word = Rectangle::new(
        word.top_left,
        Size::new(word.size.width * 3, word.size.height),
    );
    let letters = Letters::fitting(2 * up.len(), 1, word.size);
    let down = (word.size.height.saturating_sub(letters.character().height) / 2) as i32;
    let corner = word.top_left + Point::new(1, down);
    letters.draw(up, corner, word.size.width, inks.warning, target)
}

/// The outermost pixels.
fn draw_edge<C: PixelColor, D: DrawTarget<Color = C>>(
    ink: C,
    target: &mut D,
) -> Result<(), D::Error> {
    let style = PrimitiveStyleBuilder::new()
        .stroke_color(ink)
        .stroke_width(1)
        .stroke_alignment(StrokeAlignment::Inside)
        .build();
    target.bounding_box().into_styled(style).draw(target)
}

/// Pixels between lines of the grid: about eight across, at a number that is easily added up.
fn grid_step(size: Size) -> u32 {
    let steps = [20, 40, 80, 100, 200, 400];
    let wanted = size.width.max(size.height) / 8;
    steps.into_iter().find(|s| *s >= wanted).unwrap_or(800)
}

/// Ticks at the edges with the pixels' numbers.
fn draw_grid<D: DrawTarget<Color = Rgb888>>(ink: Rgb888, target: &mut D) -> Result<(), D::Error> {
    let whole = target.bounding_box();
    let step = grid_step(whole.size);
    let letters = Letters::fitting(4 * 10, 24, whole.size);
    let size = letters.character();
    for x in (step..whole.size.width).step_by(step as usize) {
        let at = whole.top_left + Point::new(x as i32, 0);
        let line = Rectangle::new(at, Size::new(1, whole.size.height));
        target.fill_solid(&line, ink)?;
        let text = ShortText::new(format_args!("{x}"));
        let at = at + Point::new(2, (whole.size.height - size.height) as i32 - 2);
        letters.draw(text.as_str(), at, step - 2, ink, target)?;
    }
    for y in (step..whole.size.height).step_by(step as usize) {
        let at = whole.top_left + Point::new(0, y as i32);
        let line = Rectangle::new(at, Size::new(whole.size.width, 1));
        target.fill_solid(&line, ink)?;
        let text = ShortText::new(format_args!("{y}"));
        letters.draw(text.as_str(), at + Point::new(3, 1), step, ink, target)?;
    }
    Ok(())
}
