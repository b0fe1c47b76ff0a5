//! When poses are entered, held and left.

use super::EventKind::{Enter, Exit, Hold};
use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

const UP: &str = "left_wrist above nose";

fn up() -> Skeleton {
    moved(standing(), &[("left_wrist", 242.0, 20.0)])
}

/// One frame each 100 ms: `#` shows the hand up, `_` shows it down, `.` shows nobody, `?` hides the
/// wrist.
fn play(pose: Pose, frames: &str) -> Vec<(EventKind, u64)> {
    let mut scene = Scene::new(pose);
    for (i, c) in frames.chars().enumerate() {
        let skeleton = match c {
            '#' => Some(up()),
            '?' => Some(hidden(up(), &["left_wrist"])),
            '.' => None,
            _ => Some(standing()),
        };
        scene.frame(i as u64 * 100, skeleton.as_ref());
    }
    scene.happened
}

#[test]
fn without_timers_a_pose_begins_and_ends_in_the_frame_that_shows_it() {
    assert_eq!(play(pose(UP), "__###__"), [(Enter, 200), (Exit, 500)]);
}

#[test]
fn hold_is_exact_to_the_frame() {
    let slow = || Pose {
        hold: ms(300),
        ..pose(UP)
    };
    assert_eq!(play(slow(), "_####"), [(Enter, 400)]);
    assert_eq!(play(slow(), "_###_###_"), []);
}

#[test]
fn release_is_exact_to_the_frame() {
    let slow = || Pose {
        release: ms(300),
        ..pose(UP)
    };
    assert_eq!(play(slow(), "#_____"), [(Enter, 0), (Exit, 400)]);
    assert_eq!(play(slow(), "#___#___#"), [(Enter, 0)]);
}

#[test]
fn cooldown_is_exact_to_the_frame_and_hold_may_run_within_it() {
    let pose = || Pose {
        cooldown: ms(500),
        hold: ms(200),
        ..pose(UP)
    };
    assert_eq!(
        play(pose(), "###_########"),
        [(Enter, 200), (Exit, 300), (Enter, 800)]
    );
    assert_eq!(
        play(pose(), "###_____###"),
        [(Enter, 200), (Exit, 300), (Enter, 1000)]
    );
}

#[test]
fn repeat_keeps_step_with_the_entry_and_makes_one_event_after_a_gap() {
    let mut scene = Scene::new(Pose {
        repeat: Some(ms(250)),
        ..pose(UP)
    });
    for at in [0, 100, 200, 300, 400, 500, 2000, 2100, 2250] {
        scene.frame(at, Some(&up()));
    }
    assert_eq!(
        scene.happened,
        [
            (Enter, 0),
            (Hold, 300),
            (Hold, 500),
            (Hold, 2000),
            (Hold, 2250)
        ]
    );
    assert_eq!(scene.events[0].held, ms(2250));
    let each = Pose {
        repeat: Some(Duration::ZERO),
        ..pose(UP)
    };
    assert_eq!(
        play(each, "###_"),
        [(Enter, 0), (Hold, 100), (Hold, 200), (Exit, 300)]
    );
}

#[test]
fn whoever_disappears_leaves_after_release_and_whoever_is_hidden_too() {
    let slow = || Pose {
        release: ms(300),
        ..pose(UP)
    };
    assert_eq!(play(slow(), "##......"), [(Enter, 0), (Exit, 500)]);
    assert_eq!(play(slow(), "##??????"), [(Enter, 0), (Exit, 500)]);
    assert_eq!(
        play(slow(), "##.?._#"),
        [(Enter, 0), (Exit, 500), (Enter, 600)]
    );
    assert_eq!(play(pose(UP), "??"), []);
}

#[test]
fn an_active_pose_stays_within_the_margin_and_leaves_beyond_it() {
    let mut scene = Scene::new(pose("left_wrist above nose by 0.2"));
    let at = |above_px: f32| moved(standing(), &[("left_wrist", 242.0, 60.0 - above_px)]);
    for (i, above_px) in [19.0, 21.0, 11.0, 19.0, 9.0, 19.0, 21.0]
        .into_iter()
        .enumerate()
    {
        scene.frame(i as u64, Some(&at(above_px)));
    }
    assert_eq!(scene.happened, [(Enter, 1), (Exit, 4), (Enter, 6)]);
    let mut scene = Scene::new(pose("tilt(left_shoulder, left_wrist) in 0..40"));
    let lean = |deg: f32| {
        moved(
            standing(),
            &[(
                "left_wrist",
                235.0 + 80.0 * deg.to_radians().sin(),
                100.0 - 80.0 * deg.to_radians().cos(),
            )],
        )
    };
    for (i, deg) in [41.0, 39.0, 49.0, 51.0].into_iter().enumerate() {
        scene.frame(i as u64, Some(&lean(deg)));
    }
    assert_eq!(scene.happened, [(Enter, 1), (Exit, 3)]);
}

#[test]
fn time_running_backwards_starts_every_timer_anew() {
    let mut scene = Scene::new(Pose {
        hold: ms(200),
        ..pose(UP)
    });
    for at in [5000, 5100, 1000, 1100, 1199, 1200] {
        scene.frame(at, Some(&up()));
    }
    assert_eq!(scene.happened, [(Enter, 1200)]);
}

#[test]
fn end_leaves_everything_once() {
    let mut scene = Scene::new(pose(UP));
    scene.frame(0, Some(&up()));
    let id = scene.tracker.people()[0].id;
    assert_eq!(scene.recogniser.active(id).collect::<Vec<_>>(), [0]);
    let mut events = Vec::new();
    scene.recogniser.end(ms(700), &mut events);
    assert_eq!(
        (events.len(), events[0].kind, events[0].held),
        (1, Exit, ms(700))
    );
    assert_eq!(scene.recogniser.active(id).count(), 0);
    scene.recogniser.end(ms(800), &mut events);
    assert!(events.is_empty());
}

#[test]
fn a_single_picture_is_judged_without_timers() {
    let recogniser = Recogniser::new(
        vec![
            Pose {
                hold: ms(9000),
                ..pose(UP)
            },
            pose("nose below mid_hip"),
        ],
        Threshold(0.3),
    );
    assert_eq!(
        recogniser.judge(sight(&up(), None)).collect::<Vec<_>>(),
        [(0, 0.9)]
    );
    assert_eq!(recogniser.judge(sight(&standing(), None)).count(), 0);
}

#[test]
fn two_people_have_timers_of_their_own() {
    let mut tracker = Tracker::new(TrackSettings {
        min_cutoff_hz: 0.0,
        ..TrackSettings::default()
    });
    let mut recogniser = Recogniser::new(vec![pose(UP)], Threshold(0.3));
    let mut events = Vec::new();
    let mut far = standing();
    far.keypoints
        .iter_mut()
        .for_each(|k| k.position.x += 2000.0);
    tracker.see(ms(0), &up(), Rect::new(100.0, 0.0, 200.0, 400.0));
    tracker.see(ms(0), &far, Rect::new(2100.0, 0.0, 200.0, 400.0));
    recogniser.update(ms(0), SIZE, tracker.people(), &mut events);
    assert_eq!(
        events
            .iter()
            .map(|e| (e.kind, e.person))
            .collect::<Vec<_>>(),
        [(Enter, PersonId(1))]
    );
    assert_eq!(recogniser.active(PersonId(2)).count(), 0);
}

#[test]
fn nothing_happens_to_a_pose_until_the_turn_comes() {
    let mut scene = Scene::new(Pose {
        hold: ms(100),
        ..pose(UP)
    });
    scene.frame(0, Some(&up()));
    let person = scene.tracker.people()[0].clone();
    // Entered after its time of being shown, though others had their turn in between.
    for at in [40, 80] {
        scene.recogniser.update(
            ms(at),
            SIZE,
            std::slice::from_ref(&person),
            &mut scene.events,
        );
        assert_eq!(scene.events, []);
    }
    scene.frame(120, Some(&up()));
    assert_eq!(scene.happened, [(Enter, 120)]);
    let person = scene.tracker.people()[0].clone();
    let people = std::slice::from_ref(&person);
    scene
        .recogniser
        .update(ms(400), SIZE, people, &mut scene.events);
    assert_eq!(
        (scene.events.len(), scene.recogniser.is_near(person.id)),
        (0, true)
    );
    scene.frame(440, None);
    assert_eq!(scene.happened, [(Enter, 120), (Exit, 440)]);
}

#[test]
fn who_is_away_leaves_before_another_enters() {
    let mut scene = Scene::new(pose(UP));
    scene.frame(0, Some(&up()));
    let mut other = scene.tracker.people()[0].clone();
    other.id = PersonId(9);
    other.last_seen = ms(10);
    other.looked_for = ms(10);
    scene
        .recogniser
        .update(ms(10), SIZE, &[other.clone(), other], &mut scene.events);
    let events: Vec<_> = scene.events.iter().map(|e| (e.kind, e.person)).collect();
    assert_eq!(events, [(Exit, PersonId(1)), (Enter, PersonId(9))]);
}

#[test]
fn years_of_passers_by_leave_nothing_behind() {
    let mut scene = Scene::new(Pose {
        cooldown: ms(5),
        ..pose(UP)
    });
    for i in 0..1000 {
        let mut tracker = Tracker::new(TrackSettings::default());
        tracker.see(ms(i * 10), &up(), Rect::new(100.0, 0.0, 200.0, 400.0));
        let mut person = tracker.people()[0].clone();
        person.id = PersonId(i as u32 + 1);
        scene
            .recogniser
            .update(ms(i * 10), SIZE, &[person], &mut scene.events);
    }
    assert!(scene.recogniser.people.len() + scene.recogniser.spare.len() <= 3);
}

proptest! {
    #[test]
    fn flicker_faster_than_release_is_one_entry(gaps in prop::collection::vec(1usize..4, 1..30)) {
        let frames: String = gaps.iter().map(|&n| format!("#{}", "_".repeat(n))).collect();
        let slow = Pose { release: ms(300), ..pose(UP) };
        prop_assert_eq!(play(slow, &format!("{frames}#")), [(Enter, 0)]);
    }

    #[test]
    fn jitter_within_the_margin_never_toggles(jitter in prop::collection::vec(-4.9f32..4.9, 1..100), start in 10.2f32..19.8) {
        // Half-way between the two limits, which are 10 pixels apart.
        let mut scene = Scene::new(pose("left_wrist above nose by 0.2"));
        if start > 15.0 {
            scene.frame(0, Some(&up()));
        }
        for (i, jitter) in jitter.iter().enumerate() {
            scene.frame(i as u64 + 1, Some(&moved(standing(), &[("left_wrist", 242.0, 60.0 - 15.0 - jitter)])));
        }
        prop_assert_eq!(scene.happened.len(), usize::from(start > 15.0));
    }

    #[test]
    fn entries_and_exits_alternate_whatever_happens(
        frames in prop::collection::vec((0u64..500, 0usize..4), 0..120), hold in 0u64..400, release in 0u64..400, cooldown in 0u64..400,
    ) {
        let mut scene = Scene::new(Pose { hold: ms(hold), release: ms(release), cooldown: ms(cooldown), repeat: Some(ms(90)), ..pose(UP) });
        let shows = [Some(up()), Some(standing()), None, Some(hidden(up(), &["left_wrist"]))];
        let mut at = 0;
        let mut active = HashSet::new();
        for (step, show) in frames {
            // Now and then time jumps back.
            at = if step > 490 { at / 2 } else { at + step };
            for event in scene.frame(at, shows[show].as_ref()) {
                let as_expected = match event.kind {
                    Enter => active.insert(event.person),
                    Hold => active.contains(&event.person),
                    Exit => active.remove(&event.person),
                    EventKind::Count => false,
                };
                prop_assert!(as_expected, "{event:?}");
            }
        }
    }
}
