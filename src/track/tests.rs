use super::*;
use crate::geometry::Point;
use crate::skeleton::Keypoint;

impl Tracker {
    /// Takes in one person who is sure to be one, and nobody else; gives whom the tracker takes them
    /// for.
    pub(crate) fn see(&mut self, time: Duration, skeleton: &Skeleton, bbox: Rect) -> &Person {
        let sighting = Sighting {
            skeleton: skeleton.clone(),
            bbox,
            next: bbox,
            score: skeleton.score(self.settings.visible),
            of: None,
        };
        self.update(time, &[sighting], &[]);
        let met = self
            .people
            .iter_mut()
            .rfind(|p| p.last_seen == time && p.bbox == bbox);
        let person = met.unwrap();
        if person.id.0 >= NOBODY_YET {
            person.id = PersonId(self.next);
            self.next += 1;
        }
        person.sights = person.sights.max(2);
        person
    }

    /// Takes in these, after everybody was looked for.
    pub(crate) fn whole(&mut self, time: Duration, sights: &[Sighting]) {
        let all: Vec<_> = self.people.iter().map(|p| p.id).collect();
        self.update(time, sights, &all);
    }
}

fn at(x: f32) -> (Skeleton, Rect) {
    let keypoints = (0..17)
        .map(|i| Keypoint {
            position: Point::new(x + (i % 4) as f32 * 10.0, i as f32 * 12.0),
            score: 0.9,
        })
        .collect();
    (
        Skeleton { keypoints },
        Rect::new(x - 10.0, -10.0, 60.0, 220.0),
    )
}

#[test]
fn a_walking_person_keeps_the_number_and_another_gets_a_new_one() {
    let mut tracker = Tracker::new(TrackSettings::default());
    for i in 0..30u64 {
        let (s, bbox) = at(100.0 + i as f32 * 4.0);
        assert_eq!(
            tracker.see(Duration::from_millis(i * 40), &s, bbox).id,
            PersonId(1)
        );
    }
    let (s, bbox) = at(600.0);
    assert_eq!(
        tracker.see(Duration::from_millis(1240), &s, bbox).id,
        PersonId(2)
    );
}

fn sight(x: f32) -> Sighting {
    let (skeleton, bbox) = at(x);
    Sighting {
        skeleton,
        bbox,
        next: bbox,
        score: 0.9,
        of: None,
    }
}

fn ids(tracker: &Tracker, time: Duration) -> Vec<(u32, i32)> {
    let seen = tracker.people().iter().filter(|p| p.is_seen_at(time));
    let mut ids: Vec<_> = seen.map(|p| (p.id.0, p.bbox.x as i32 + 10)).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn who_is_seen_once_is_nobody_yet() {
    let mut tracker = Tracker::new(TrackSettings::default());
    let [first, second] = [0, 40].map(Duration::from_millis);
    tracker.whole(first, &[sight(100.0)]);
    assert_eq!(ids(&tracker, first), []);
    tracker.forget(first);
    tracker.whole(second, &[sight(104.0), sight(400.0)]);
    tracker.forget(second);
    assert_eq!(ids(&tracker, second), [(1, 104)]);
    let third = Duration::from_millis(80);
    tracker.whole(third, &[sight(108.0)]);
    tracker.forget(third);
    assert_eq!(ids(&tracker, third), [(1, 108)]);
    assert_eq!(
        tracker.people().len(),
        1,
        "whoever was seen once is forgotten at once"
    );
}

#[test]
fn two_who_walk_past_each_other_keep_their_numbers() {
    let mut tracker = Tracker::new(TrackSettings::default());
    let mut last = Vec::new();
    for i in 0..60u64 {
        let time = Duration::from_millis(i * 40);
        let right = 100.0 + i as f32 * 6.0;
        let left = 460.0 - i as f32 * 6.0;
        // Whoever stands behind is not seen while they are nearly one.
        let near = (right - left).abs() < 20.0;
        let both = [sight(right), sight(left)];
        // In another order every frame.
        let mut seen = if near {
            both[..1].to_vec()
        } else {
            both.to_vec()
        };
        if i % 2 == 1 {
            seen.reverse();
        }
        tracker.whole(time, &seen);
        tracker.forget(time);
        last = ids(&tracker, time);
    }
    assert_eq!(last, [(1, 100 + 59 * 6), (2, 460 - 59 * 6)]);
}

#[test]
fn the_best_assignment_is_taken_and_not_the_best_pair_first() {
    let mut tracker = Tracker::new(TrackSettings::default());
    for i in 0..3u64 {
        let time = Duration::from_millis(i * 40);
        tracker.whole(time, &[sight(100.0), sight(120.0)]);
        tracker.forget(time);
    }
    // Both step to the left: the first one's old place is nearest to where the second is now.
    let time = Duration::from_millis(120);
    tracker.whole(time, &[sight(103.0), sight(84.0)]);
    assert_eq!(ids(&tracker, time), [(1, 84), (2, 103)]);
}

#[test]
fn whom_nobody_resembles_is_new_and_an_id_is_never_given_twice() {
    let mut tracker = Tracker::new(TrackSettings::default());
    for i in 0..3u64 {
        let time = Duration::from_millis(i * 40);
        tracker.whole(time, &[sight(100.0), sight(300.0), sight(500.0)]);
        tracker.forget(time);
    }
    let time = Duration::from_millis(120);
    assert_eq!(
        ids(&tracker, Duration::from_millis(80)),
        [(1, 100), (2, 300), (3, 500)]
    );
    tracker.whole(time, &[sight(300.0), sight(700.0)]);
    tracker.forget(time);
    assert_eq!(ids(&tracker, time), [(2, 300)]);
    let later = Duration::from_millis(160);
    tracker.whole(later, &[sight(300.0), sight(700.0), sight(100.0)]);
    assert_eq!(ids(&tracker, later), [(1, 100), (2, 300), (4, 700)]);
}

#[test]
fn a_board_slower_than_forget_keeps_the_number() {
    let mut tracker = Tracker::new(TrackSettings::default());
    for i in 0..5u64 {
        let (s, bbox) = at(100.0);
        assert_eq!(
            tracker.see(Duration::from_secs(i * 10), &s, bbox).id,
            PersonId(1)
        );
        tracker.forget(Duration::from_secs(i * 10));
    }
}

#[test]
fn a_person_gone_for_longer_than_forget_is_someone_new() {
    let mut tracker = Tracker::new(TrackSettings::default());
    let (s, bbox) = at(100.0);
    assert_eq!(tracker.see(Duration::ZERO, &s, bbox).id, PersonId(1));
    assert_eq!(
        tracker.see(Duration::from_millis(900), &s, bbox).id,
        PersonId(1)
    );
    // Their turn has not come: nobody knows that they are gone.
    tracker.forget(Duration::from_millis(1950));
    assert_eq!(tracker.people().len(), 1);
    tracker.whole(Duration::from_millis(1960), &[]);
    assert_eq!(
        tracker.see(Duration::from_millis(2000), &s, bbox).id,
        PersonId(2)
    );
    assert_eq!(tracker.people().len(), 1);
}

#[test]
fn who_is_seen_once_takes_no_number() {
    let mut tracker = Tracker::new(TrackSettings::default());
    for i in 0..20u64 {
        let time = Duration::from_millis(i * 40);
        tracker.whole(time, &[sight(100.0 + 1000.0 * i as f32)]);
        tracker.forget(time);
        assert!(tracker.people().len() <= 1);
    }
    for i in 20..22u64 {
        let time = Duration::from_millis(i * 40);
        tracker.whole(time, &[sight(100.0)]);
        tracker.forget(time);
    }
    assert_eq!(ids(&tracker, Duration::from_millis(840)), [(1, 100)]);
}

#[test]
fn a_runner_is_foreseen_from_the_second_sight_on() {
    let mut tracker = Tracker::new(TrackSettings::default());
    let at = |i: u64| 100.0 + 40.0 * i as f32;
    for i in 0..2u64 {
        tracker.whole(Duration::from_millis(i * 100), &[sight(at(i))]);
    }
    let expected = tracker.people()[0].expected(Duration::from_millis(200));
    assert!((expected.x + 10.0 - at(2)).abs() < 1.0, "{expected:?}");
    // However long nobody sees them, nobody is foreseen on the other side of the street.
    let late = tracker.people()[0].expected(Duration::from_secs(30));
    assert!(late.x - expected.x < 110.0, "{late:?}");
}
