//! A finder network: everybody in the picture by one inference.
//!
//! In: a frame. Out: a box for each person it shows, with a score. The whole picture is brought to
//! the network's input, black beside it; what comes back is read by [`super::peaks`] or
//! [`super::boxes`]. Small people are looked for in one of four parts as well, each time another; in
//! a photo in all four.

use super::planes::{Planes, distinct};
use super::{Find, Finder, Finding, Proposal};
use super::{boxes, peaks};
use crate::engine::Loading;
use crate::frame::Frame;
use crate::geometry::Rect;
use crate::model::{ModelCard, ModelError, Output, People};
use crate::network::{CropNetwork, NetworkError};
use crate::settings::{Kind, Section};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// All that is known of the kind "network".
pub const KIND: Kind<Arc<dyn Find>> = Kind {
    name: "network",
    says: "a finder network: everybody in the picture by one inference",
    read,
};

/// The finder that is used when none is named.
pub const DEFAULT_FINDER: &str = "finder";

fn read(s: &mut Section) -> Option<Arc<dyn Find>> {
    let name = s
        .text(
            "model",
            "a finder network, by name or by the path of its .toml file",
        )
        .hint("`posed models` lists them")
        .or(DEFAULT_FINDER.into());
    let least = s
        .number(
            "least",
            "the score from which what the network shows is looked at",
            0.05..=0.95,
        )
        .without("`0.25` of boxes, `0.1` of peaks")
        .maybe();
    let card = card(&name);
    let mend = "name a finder, a network whose card has output.sizes or output.strides, or write \
                kind = \"windows\", which needs none";
    let card = card.map_err(|e| s.fault_with("model", e.to_string(), mend));
    let card = card.ok()?;
    Some(Arc::new(NetworkSettings { card, least }))
}

/// The least score of what is looked at, where none is given: of a peak, and of a box.
const LEAST_PEAK: f32 = 0.1;
const LEAST_BOX: f32 = 0.25;
/// The least height of a person, as a share of the picture's, where none is given.
const SMALLEST: f32 = 0.1;

/// Which network, and what of it is looked at.
#[derive(Debug, Clone)]
pub struct NetworkSettings {
    pub card: ModelCard,
    pub least: Option<f32>,
}

impl Find for NetworkSettings {
    fn smallest(&self) -> f32 {
        SMALLEST
    }

    fn model(&self) -> Option<&ModelCard> {
        Some(&self.card)
    }

    fn finder(&self, finding: &Finding) -> Result<Box<dyn Finder>, NetworkError> {
        let mut finder = NetworkFinder::load(&self.card, finding.loading)?;
        finder.least = self.least.unwrap_or(finder.least);
        finder.smallest = finding.smallest;
        Ok(Box::new(finder))
    }
}

/// The card of a finder, by name or by the path of its .toml file.
///
/// # Errors
/// There is none, or the network is no finder.
pub fn card(name: &str) -> Result<ModelCard, ModelError> {
    let card = ModelCard::find(name)?;
    people(&card)?;
    Ok(card)
}

/// How a finder tells of people.
///
/// # Errors
/// The network is no finder.
fn people(card: &ModelCard) -> Result<&People, ModelError> {
    match &card.output {
        Output::People(people) => Ok(people),
        Output::Keypoints(_) | Output::Classes(_) => Err(ModelError::NoFinder {
            name: card.name.clone(),
        }),
    }
}

/// Parts of the picture a side, and the share of the side that each has: neighbours overlap by so
/// much that whoever is small enough is whole in one.
const PARTS: usize = 2;
const PART: f32 = 0.6;
/// Whoever is higher than this share of a part is seen well enough in the whole picture.
const SMALL: f32 = 0.5;
/// Parts are looked at where people may be lower than this share of the picture.
const NEEDS_PARTS: f32 = 0.25;

/// A loaded finder network.
pub struct NetworkFinder {
    network: CropNetwork,
    people: People,
    least: f32,
    smallest: f32,
    /// The part that is next.
    part: usize,
    found_in_part: Vec<Proposal>,
    decode: Duration,
}

impl NetworkFinder {
    /// Loads the network of `card`.
    ///
    /// # Errors
    /// It is no finder, or cannot be loaded.
    pub fn load(card: &ModelCard, loading: Loading) -> Result<Self, NetworkError> {
        let people = people(card)?.clone();
        Ok(Self {
            network: CropNetwork::load(card, 1.0, loading)?,
            least: match people {
                People::Sizes(_) => LEAST_PEAK,
                People::Strides(_) => LEAST_BOX,
            },
            people,
            smallest: SMALLEST,
            part: 0,
            found_in_part: Vec::new(),
            decode: Duration::ZERO,
        })
    }

    pub(crate) fn network(&mut self) -> &mut CropNetwork {
        &mut self.network
    }

    /// What it took to read the peaks of the last picture.
    pub fn decode(&self) -> Duration {
        self.decode
    }

    /// One inference on the whole picture: everybody who is not small.
    ///
    /// # Errors
    /// The network failed.
    pub fn overlook(
        &mut self,
        frame: &Frame,
        found: &mut Vec<Proposal>,
    ) -> Result<(), NetworkError> {
        self.look(frame, frame.size.rect(), found)
    }

    fn look(
        &mut self,
        frame: &Frame,
        area: Rect,
        found: &mut Vec<Proposal>,
    ) -> Result<(), NetworkError> {
        self.network.overlook(frame, area)?;
        let start = std::time::Instant::now();
        let shape = self.network.shape();
        let planes = Planes {
            values: self.network.output(),
            height: shape.height,
            width: shape.width,
            stride: self.network.stride(),
            crop: self.network.crop(),
        };
        match &self.people {
            People::Sizes(sizes) => peaks::read(planes, sizes, self.least, found),
            People::Strides(strides) => boxes::read(planes, strides, self.least, found),
        }
        let least = self.smallest * frame.size.height as f32;
        found.retain(|p| p.bbox.upright().height >= least);
        self.decode = start.elapsed();
        Ok(())
    }

    /// Everybody in the whole picture, and where people may be small those in these parts.
    fn look_closely(
        &mut self,
        frame: &Frame,
        parts: Range<usize>,
        found: &mut Vec<Proposal>,
    ) -> Result<(), NetworkError> {
        self.overlook(frame, found)?;
        if self.smallest < NEEDS_PARTS {
            for part in parts {
                self.look_at_part(frame, part, found)?;
            }
            distinct(found);
        }
        Ok(())
    }

    /// Adds the small people of a part who are whole in it.
    fn look_at_part(
        &mut self,
        frame: &Frame,
        part: usize,
        found: &mut Vec<Proposal>,
    ) -> Result<(), NetworkError> {
        let all = frame.size.rect();
        let area = part_of(all, part);
        let mut here = std::mem::take(&mut self.found_in_part);
        let looked = self.look(frame, area, &mut here);
        let small = |b: Rect| b.upright().height <= SMALL * area.height;
        here.retain(|p| small(p.bbox) && is_whole(p.bbox, area, all));
        if looked.is_ok() {
            found.append(&mut here);
        }
        self.found_in_part = here;
        looked
    }
}

/// One of the parts of the picture, from the upper left one on.
fn part_of(all: Rect, part: usize) -> Rect {
    let (row, column) = (part / PARTS, part % PARTS);
    let start = |i: usize, length: f32| length * (1.0 - PART) * i as f32 / (PARTS - 1) as f32;
    Rect::new(
        start(column, all.width),
        start(row, all.height),
        all.width * PART,
        all.height * PART,
    )
}

/// Whether nobody's box is cut by an edge of `area` behind which the picture goes on.
fn is_whole(bbox: Rect, area: Rect, all: Rect) -> bool {
    let inside = |from: f32, length: f32, a: f32, b: f32, end: f32| {
        (a <= 0.0 || from >= a) && (b > end - 0.5 || from + length <= b)
    };
    inside(bbox.x, bbox.width, area.x, area.x + area.width, all.width)
        && inside(
            bbox.y,
            bbox.height,
            area.y,
            area.y + area.height,
            all.height,
        )
}

impl Finder for NetworkFinder {
    fn propose(&mut self, frame: &Frame, found: &mut Vec<Proposal>) -> Result<(), NetworkError> {
        self.part = (self.part + 1) % (PARTS * PARTS);
        self.look_closely(frame, self.part..self.part + 1, found)
    }

    fn propose_thoroughly(
        &mut self,
        frame: &Frame,
        found: &mut Vec<Proposal>,
    ) -> Result<(), NetworkError> {
        self.look_closely(frame, 0..PARTS * PARTS, found)
    }

    fn shows_people(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_picture_and_whoever_is_small_is_whole_in_one() {
        let all = Rect::new(0.0, 0.0, 640.0, 480.0);
        let parts: Vec<Rect> = (0..PARTS * PARTS).map(|i| part_of(all, i)).collect();
        assert_eq!(parts[0], Rect::new(0.0, 0.0, 384.0, 288.0));
        assert!(parts[3].iou(Rect::new(256.0, 192.0, 384.0, 288.0)) > 0.999);
        for x in (0..600).step_by(20) {
            for y in (0..400).step_by(20) {
                let bbox = Rect::new(x as f32, y as f32, 70.0, 94.0);
                assert!(parts.iter().any(|p| is_whole(bbox, *p, all)), "{bbox:?}");
            }
        }
        let beyond = Rect::new(-20.0, 100.0, 75.0, 100.0);
        assert!(is_whole(beyond, parts[0], all), "the picture ends there");
        assert!(!is_whole(
            Rect::new(370.0, 100.0, 75.0, 100.0),
            parts[0],
            all
        ));
    }
}
