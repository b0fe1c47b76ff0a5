//! What is on a screen: what a frame told, in one of the layouts, or a card that shows whether the
//! screen is set right.
//!
//! In: a report and what a display's section asks for. Out: pixels on any target, of many colours or
//! of two.

use super::card::Card;
use super::code::Code;
use super::{Parts, big, draw, mono, status};
use crate::report::{Report, State};
use embedded_graphics::pixelcolor::{BinaryColor, PixelColor, Rgb888};
use embedded_graphics::prelude::{DrawTarget, DrawTargetExt};
use embedded_graphics::primitives::Rectangle;
use std::time::Duration;

/// How what a frame told is laid out on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// The camera's picture with everything on it.
    Picture,
    /// The skeletons on a dark ground.
    Skeleton,
    /// How things stand, in words.
    Status,
    /// The poses that are held, and what is counted, as large as the screen allows.
    BigPose,
}

impl Layout {
    /// The layouts by the names that the key `layout` takes.
    pub const WORDS: &[(&str, Self)] = &[
        ("picture", Self::Picture),
        ("skeleton", Self::Skeleton),
        ("status", Self::Status),
        ("big_pose", Self::BigPose),
    ];

    pub(super) const MEANING: &str = "how it is laid out: the camera's `picture` with all that `show` names, the `skeleton`s on a dark ground, the `status` in words, or the poses and counts as large as there is room (`big_pose`)";
}

/// What a display is to show.
#[derive(Clone, Copy)]
pub enum Scene<'a> {
    Live(Live<'a>),
    Card(Card<'a>),
}

/// What a frame told, and what else there is to tell at this moment.
#[derive(Clone, Copy)]
pub struct Live<'a> {
    pub report: &'a Report,
    pub parts: Parts,
    pub layout: Layout,
    /// How long nobody has been there, in frame time.
    pub alone: Duration,
    /// Where the page is that more is to be seen on; shown while nobody is there.
    pub code: Option<&'a Code>,
    /// How hot the board is, in °C.
    pub celsius: Option<f64>,
}

impl<'a> Live<'a> {
    /// The picture with these parts, and nothing beside.
    pub fn picture(report: &'a Report, parts: Parts) -> Self {
        Self {
            report,
            parts,
            layout: Layout::Picture,
            alone: Duration::ZERO,
            code: None,
            celsius: None,
        }
    }

    /// Draws the layout; words keep to `room` where that is given.
    fn draw<D: DrawTarget<Color = Rgb888>>(
        &self,
        room: Option<Rectangle>,
        target: &mut D,
    ) -> Result<(), D::Error> {
        let parts = self.parts;
        let picture = parts.picture && self.layout == Layout::Picture;
        match self.layout {
            Layout::Picture | Layout::Skeleton => {
                return draw(self.report, Parts { picture, ..parts }, target);
            }
            Layout::Status | Layout::BigPose => Inks::MANY.clear(target)?,
        }
        let room = room.unwrap_or(target.bounding_box());
        let mut target = target.cropped(&room);
        match self.layout {
            Layout::Status => status::draw(self, Inks::MANY, &mut target),
            _ => big::draw(self, Inks::MANY, &mut target),
        }
    }

    /// Whether the camera is lost: why, in words.
    pub fn lost(&self) -> Option<&'a str> {
        match self.report.state.as_ref()? {
            State::SourceLost(why) => Some(why),
            _ => None,
        }
    }

    /// Whether the board is so hot that it slows down soon; a Raspberry Pi does from 80 °C.
    pub fn is_hot(&self) -> bool {
        const HOT: f64 = 80.0;
        self.celsius.is_some_and(|c| c >= HOT)
    }
}

/// The colours of texts and lines, on a screen of many colours or of two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inks<C> {
    pub ground: C,
    pub text: C,
    /// What matters most: a pose that is held.
    pub strong: C,
    /// What somebody has to do something about.
    pub warning: C,
}

impl Inks<Rgb888> {
    /// Told apart by the colour-blind, by their brightness too.
    pub const MANY: Self = Self {
        ground: super::label::GROUND,
        text: draw::MIDDLE,
        strong: draw::RIGHT,
        warning: draw::NOTE,
    };
}

impl Inks<BinaryColor> {
    pub const TWO: Self = Self {
        ground: BinaryColor::Off,
        text: BinaryColor::On,
        strong: BinaryColor::On,
        warning: BinaryColor::On,
    };
}

impl<C: PixelColor> Inks<C> {
    /// The whole target in the ground's colour.
    pub fn clear<D: DrawTarget<Color = C>>(&self, target: &mut D) -> Result<(), D::Error> {
        let whole = target.bounding_box();
        target.fill_solid(&whole, self.ground)
    }
}

impl Scene<'_> {
    /// Draws it over the whole target.
    ///
    /// # Errors
    /// Only those of the target.
    pub fn draw<D: DrawTarget<Color = Rgb888>>(&self, target: &mut D) -> Result<(), D::Error> {
        match self {
            Self::Card(card) => card.draw(target),
            Self::Live(live) => {
                let place = live.code.and_then(|code| {
                    let (place, rest) = code.place(target.bounding_box())?;
                    Some((code, place, rest))
                });
                let rest = place.map(|(_, _, rest)| rest);
                live.draw(rest, target)?;
                match place {
                    Some((code, place, _)) => code.draw_at(place, target),
                    None => Ok(()),
                }
            }
        }
    }

    /// Draws it over a target of two colours.
    ///
    /// # Errors
    /// Only those of the target.
    pub fn draw_mono<D: DrawTarget<Color = BinaryColor>>(
        &self,
        target: &mut D,
    ) -> Result<(), D::Error> {
        match self {
            Self::Card(card) => card.draw_mono(target),
            Self::Live(live) => {
                Inks::TWO.clear(target)?;
                match (live.layout, live.code) {
                    (_, Some(code)) => code.draw_beside_address(target),
                    (Layout::Status, None) => status::draw(live, Inks::TWO, target),
                    (Layout::BigPose, None) => big::draw(live, Inks::TWO, target),
                    (Layout::Picture | Layout::Skeleton, None) => mono::draw(live, target),
                }
            }
        }
    }
}

impl<'a> Live<'a> {
    /// What is counted of everybody together, then of each person.
    pub fn counts(&self) -> impl Iterator<Item = (&'a str, u32)> {
        let report = self.report;
        let own = report.people.iter().flat_map(|p| &p.counts);
        report.totals.iter().chain(own).map(|(n, k)| (&**n, *k))
    }
}

impl Scene<'_> {
    /// Whether a screen that sleeps after this time sleeps now: nobody is there, and nothing is to be
    /// told.
    pub(super) fn sleeps(&self, after: Option<Duration>) -> bool {
        match self {
            Self::Card(_) => false,
            Self::Live(live) => after.is_some_and(|after| live.alone >= after),
        }
    }
}
