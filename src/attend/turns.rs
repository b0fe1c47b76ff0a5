//! Whose turn it is where more people are there than a frame has inferences for.
//!
//! In: who is followed, when each was last looked for, who is near a pose. Out: those to look for in
//! this frame. Whoever has waited longest comes first; time counts threefold for those who hold a
//! pose or nearly do and for those who were seen once only, and of those who have waited as long the
//! largest comes first. So everybody's turn comes, however many there are.

use crate::track::{Person, PersonId};
use std::time::Duration;

/// How much more often the turn of those comes on whom something depends.
const HASTE: f64 = 3.0;

/// Carries the budget, and memory that is used again.
pub(super) struct Turns {
    /// Inferences a frame, by the settings and by what the board can do.
    most: usize,
    affordable: usize,
    /// Places in the list of people, with how pressing each is.
    order: Vec<(usize, f64)>,
    chosen: Vec<usize>,
}

impl Turns {
    /// `most`: inferences a frame.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            affordable: usize::MAX,
            order: Vec::new(),
            chosen: Vec::new(),
        }
    }

    pub fn afford(&mut self, inferences: usize) {
        self.affordable = inferences.max(1);
    }

    /// So many inferences a frame.
    pub fn most(&self) -> usize {
        self.most.min(self.affordable)
    }

    /// Chooses among `people` for the frame taken at `time`; where somebody new is to be looked at
    /// as well, one place is left for them.
    pub fn choose(
        &mut self,
        time: Duration,
        people: &[Person],
        near: impl Fn(PersonId) -> bool,
        newcomers: bool,
    ) {
        let most = self.most();
        let most = if newcomers && most > 1 {
            most - 1
        } else {
            most
        };
        self.chosen.clear();
        if people.len() <= most {
            self.chosen.extend(0..people.len());
            return;
        }
        let pressing = |p: &Person| {
            let waited = time.saturating_sub(p.looked_for).as_secs_f64();
            let hastes = !p.is_sure() || near(p.id);
            waited * if hastes { HASTE } else { 1.0 }
        };
        self.order.clear();
        self.order
            .extend(people.iter().enumerate().map(|(i, p)| (i, pressing(p))));
        self.order.sort_unstable_by(|a, b| {
            let area = |i: usize| people[i].next.area();
            let largest = area(b.0).total_cmp(&area(a.0));
            b.1.total_cmp(&a.1).then(largest).then(a.0.cmp(&b.0))
        });
        self.chosen
            .extend(self.order[..most].iter().map(|&(i, _)| i));
    }

    /// Places in the list of people of those whose turn it is.
    pub fn chosen(&self) -> &[usize] {
        &self.chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Point, Rect};
    use crate::skeleton::{Keypoint, Skeleton};
    use crate::track::{Sighting, TrackSettings, Tracker};

    fn sighting(i: usize, of: Option<PersonId>) -> Sighting {
        let left = 1000.0 * i as f32;
        let height = 100.0 + i as f32;
        let bbox = Rect::new(left, 0.0, 50.0, height);
        let joint = |k: usize| Keypoint {
            position: Point::new(left + k as f32, k as f32 * 6.0),
            score: 0.9,
        };
        Sighting {
            skeleton: Skeleton {
                keypoints: (0..17).map(joint).collect(),
            },
            bbox,
            next: bbox,
            score: 0.9,
            of,
        }
    }

    /// How often each of five people is looked for in 120 frames.
    fn looks(most: usize, near: &[u32]) -> [usize; 5] {
        let mut tracker = Tracker::new(TrackSettings::default());
        let mut turns = Turns::new(most);
        let mut counts = [0; 5];
        let everybody: Vec<Sighting> = (0..5).map(|i| sighting(i, None)).collect();
        for frame in 0..122u64 {
            let time = Duration::from_millis(frame * 40);
            if frame < 2 {
                tracker.update(time, &everybody, &[]);
                continue;
            }
            turns.choose(time, tracker.people(), |id| near.contains(&id.0), false);
            let ids: Vec<_> = turns
                .chosen()
                .iter()
                .map(|&i| tracker.people()[i].id)
                .collect();
            assert_eq!(ids.len(), most.min(5));
            let seen: Vec<Sighting> = ids
                .iter()
                .map(|id| sighting(id.0 as usize - 1, Some(*id)))
                .collect();
            tracker.update(time, &seen, &ids);
            tracker.forget(time);
            assert_eq!(tracker.people().len(), 5, "nobody is forgotten for it");
            ids.iter().for_each(|id| counts[id.0 as usize - 1] += 1);
        }
        counts
    }

    #[test]
    fn everybody_is_looked_for_where_there_is_room() {
        assert_eq!(looks(5, &[]), [120; 5]);
        assert_eq!(looks(9, &[]), [120; 5]);
    }

    #[test]
    fn turns_are_fair_and_come_more_often_near_a_pose() {
        // The largest first, where others have waited as long.
        assert_eq!(looks(2, &[]), [40, 40, 40, 60, 60]);
        assert_eq!(looks(1, &[]), [24; 5]);
        let near = looks(2, &[2, 4]);
        assert!(near[1] >= 2 * near[0] && near[3] >= 2 * near[0], "{near:?}");
        assert!([0, 2, 4].iter().all(|&i| near[i] >= 20), "{near:?}");
        let all = looks(1, &[1, 2, 3, 4, 5]);
        assert_eq!(all, [24; 5]);
    }
}
