//! Everybody in a photo, once.
//!
//! In: a picture. Out: its people, the surest first. Each place that the finder shows is cropped
//! again around the pose that was found there, and whoever is a part of somebody surer is left out
//! where the finder sees no people itself.

use super::{Attention, Eyes, REFINEMENTS, SAME, WORTH_A_LOOK};
use crate::find::previous_pose;
use crate::frame::Frame;
use crate::geometry::Rect;
use crate::network::NetworkError;
use crate::skeleton::{Skeleton, similarity};
use crate::track::Sighting;

/// Boxes that overlap more show the same person.
const SAME_BOX: f32 = 0.6;
/// Whoever lies inside a surer one by more than this share is a part of them.
const PART: f32 = 0.6;

impl Attention {
    /// Everybody whom `frame` shows, the surest first.
    ///
    /// # Errors
    /// A network failed.
    pub fn photo(&mut self, frame: &Frame, eyes: &mut Eyes) -> Result<Vec<Sighting>, NetworkError> {
        let mut places = Vec::new();
        eyes.propose_thoroughly(frame, &mut places)?;
        let mut found: Vec<Sighting> = Vec::new();
        for place in places {
            let Some(person) = self.refine(frame, place.bbox, eyes)? else {
                continue;
            };
            if person.skeleton.presence(self.visible) < self.acquire_score(place) {
                continue;
            }
            let same = |f: &Sighting| {
                let area = f.bbox.area();
                similarity(&f.skeleton, &person.skeleton, area, self.visible) > SAME
                    || f.bbox.iou(person.bbox) > SAME_BOX
            };
            match found.iter_mut().find(|f| same(f)) {
                Some(f) if f.score < person.score => *f = person,
                Some(_) => {}
                None => found.push(person),
            }
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        // A finder that sees people knows those apart who stand before each other.
        if !eyes.finder.shows_people() {
            found = self.distinct(found);
        }
        Ok(found)
    }

    /// The surest of what is seen in `place` and around the poses that are found there.
    fn refine(
        &mut self,
        frame: &Frame,
        place: Rect,
        eyes: &mut Eyes,
    ) -> Result<Option<Sighting>, NetworkError> {
        let mut bbox = place;
        let mut best: Option<Sighting> = None;
        let mut skeleton = Skeleton::default();
        for round in 0..=REFINEMENTS {
            eyes.estimate(frame, bbox, &mut skeleton)?;
            let score = skeleton.score(self.visible);
            let presence = skeleton.presence(self.visible);
            if round == 0 && presence < WORTH_A_LOOK * self.find.acquire_score {
                return Ok(None);
            }
            let next = previous_pose::around(&skeleton, self.visible);
            if best.as_ref().is_none_or(|b| b.score < score) {
                best = Some(Sighting {
                    skeleton: skeleton.clone(),
                    bbox,
                    next: next.unwrap_or(bbox),
                    score,
                    of: None,
                });
            }
            let Some(next) = next else {
                break;
            };
            bbox = next;
        }
        Ok(best)
    }

    /// Drops people who are a part of a surer one.
    fn distinct(&self, found: Vec<Sighting>) -> Vec<Sighting> {
        let mut kept: Vec<Sighting> = Vec::new();
        for f in found {
            let bounds = |f: &Sighting| f.skeleton.bounds(self.visible).unwrap_or(f.bbox);
            let own = bounds(&f);
            let inside = |k: &Sighting| bounds(k).intersection(own).area() > PART * own.area();
            if !kept.iter().any(inside) {
                kept.push(f);
            }
        }
        kept
    }
}
