//! Rules over time: `for`, `still`, `speed`, `changed`, sequences and counts.

use super::*;
use crate::recognise::count::Repetition;
use crate::recognise::sequence::Step;
use proptest::prelude::*;

fn up() -> Skeleton {
    moved(standing(), &[("left_wrist", 240.0, 20.0)])
}

/// Frames 100 ms apart, each of which shows one of `figures` by its letter or nobody; what happened.
fn play(
    pose: Pose,
    frames: &str,
    figures: impl Fn(char) -> Option<Skeleton>,
) -> Vec<(EventKind, u64)> {
    let mut scene = Scene::new(pose);
    for (i, letter) in frames.chars().enumerate() {
        scene.frame(100 * i as u64, figures(letter).as_ref());
    }
    scene.happened
}

/// `u` has a hand up, `?` hides it, `.` stands, a blank is nobody.
fn figures(letter: char) -> Option<Skeleton> {
    match letter {
        'u' => Some(up()),
        '?' => Some(hidden(up(), &["left_wrist"])),
        '.' => Some(standing()),
        _ => None,
    }
}

#[test]
fn what_must_hold_for_a_time_holds_after_it_and_not_before() {
    let text = "left_wrist above nose for 0.5";
    let happened = play(pose(text), "..uuuuuuuu..", figures);
    // The tracker is sure of somebody in the second frame; the hand goes up in the third.
    assert_eq!(happened, [(EventKind::Enter, 700), (EventKind::Exit, 1000)]);
    assert_eq!(play(pose(text), "..uuuuu.uuuuu.", figures), []);
}

#[test]
fn a_short_lapse_of_a_joint_does_not_begin_the_time_anew_and_a_long_one_does() {
    let text = "left_wrist above nose for 1";
    let enters = |frames: &str| {
        let happened = play(pose(text), frames, figures);
        happened.iter().map(|e| e.1).next()
    };
    assert_eq!(enters("..uuuu??uuuuuuuu"), Some(1200));
    assert_eq!(enters("..uuuu??????uuuuuuuuuuuu"), Some(2200));
}

#[test]
fn who_is_not_seen_for_a_moment_is_remembered_and_for_longer_not() {
    let text = "left_wrist above nose for 1";
    let enters = |frames: &str| {
        let happened = play(pose(text), frames, figures);
        happened.iter().map(|e| e.1).next()
    };
    assert_eq!(enters("uuuu   uuuuuuuuu"), Some(1000));
    assert_eq!(enters("uuuu         uuuuuuuuuuuuu"), Some(2300));
}

#[test]
fn who_does_not_move_is_still_and_one_hand_is_enough_to_move() {
    let text = "still for 0.5";
    let happened = play(pose(text), "....................", figures);
    assert_eq!(happened, [(EventKind::Enter, 1500)]);
    let waving = |i: char| figures(if i == 'a' { 'u' } else { '.' });
    assert_eq!(play(pose(text), "abababababababababab", waving), []);
}

#[test]
fn speed_is_the_way_by_the_time_between() {
    // 20 pixels a frame are a fifth of the torso in a tenth of a second.
    let figure = |step: u32| {
        moved(
            standing(),
            &[("left_wrist", 242.0, 215.0 - 20.0 * step as f32)],
        )
    };
    let at = |text: &str| {
        let mut scene = Scene::new(pose(text));
        for i in 0..8u32 {
            scene.frame(u64::from(i) * 100, Some(&figure(i)));
        }
        !scene.happened.is_empty()
    };
    assert!(at("speed(left_wrist) > 1.9 over 0.3"));
    assert!(!at("speed(left_wrist) > 2.1 over 0.3"));
    assert!(at("speed(right_wrist) < 0.1 over 0.3"));
    // Nothing is known of three seconds.
    assert!(!at("speed(right_wrist) < 0.1 over 3"));
}

#[test]
fn a_change_is_told_for_a_while_and_being_seen_for_the_first_time_is_none() {
    let text = "changed(left_wrist above nose) within 0.3";
    assert_eq!(play(pose(text), "uuuuuuuu", figures), []);
    let happened = play(pose(text), "...uuuuuuu....", figures);
    use EventKind::{Enter, Exit};
    assert_eq!(
        happened,
        [(Enter, 300), (Exit, 600), (Enter, 1000), (Exit, 1300)]
    );
}

#[test]
fn of_a_photo_nothing_about_time_is_known() {
    for text in [
        "still",
        "left_wrist below nose for 1",
        "speed(nose) < 1",
        "changed(nose above left_ear)",
    ] {
        for text in [text.to_string(), format!("not ({text})")] {
            assert!(!holds(&text, &standing()), "{text}");
        }
    }
}

fn poses(sequence: &[&str], within_ms: u64) -> Vec<Pose> {
    let named = ["left_wrist above nose", "left_wrist below nose"];
    let mut poses: Vec<Pose> = named.iter().map(|text| pose(text)).collect();
    poses[0].name = "up".into();
    poses[1].name = "down".into();
    let step = |text: &&str| match poses.iter().position(|p| *p.name == **text) {
        Some(i) => Step::Pose(i, (*text).into()),
        None => Step::Rule(rule(text), (*text).into()),
    };
    let when = When::Sequence(Sequence {
        steps: sequence.iter().map(step).collect(),
        within: ms(within_ms),
        all_within: None,
        slot: 0,
    });
    poses.push(Pose {
        name: "sequence".into(),
        when,
        ..pose("nose above mid_hip")
    });
    poses
}

fn happened(poses: Vec<Pose>, frames: &str, of: usize) -> Vec<(EventKind, u64, Option<u32>)> {
    let mut scene = Scene::of(poses);
    let mut happened = Vec::new();
    for (i, letter) in frames.chars().enumerate() {
        let events = scene.frame(100 * i as u64, figures(letter).as_ref());
        let ours = events.iter().filter(|e| e.pose == of);
        happened.extend(ours.map(|e| (e.kind, e.time.as_millis() as u64, e.count)));
    }
    happened
}

#[test]
fn steps_may_be_poses_and_rules() {
    let poses = poses(
        &["down", "up", "nose above mid_hip and left_wrist below nose"],
        300,
    );
    let happened = happened(poses, "....uuuuuu....uu", 2);
    let kinds: Vec<_> = happened.iter().map(|e| (e.0, e.1)).collect();
    assert_eq!(kinds, [(EventKind::Enter, 1000), (EventKind::Exit, 1400)]);
}

fn count(of: Repetition, goal: u32) -> Vec<Pose> {
    let mut poses = poses(&["down", "up"], 300);
    poses[2].when = When::Count(Count {
        of,
        goal,
        reset_after: Some(ms(1000)),
        reset_by: Vec::new(),
        is_total: false,
        slot: 0,
        total: 0,
    });
    poses
}

#[test]
fn counts_tell_each_number_and_begin_anew_after_a_while() {
    let of = Repetition::Of(0, "up".into());
    let happened = happened(count(of, 2), "..uu..uu..uu................uu", 2);
    use EventKind::{Count, Enter, Exit};
    assert_eq!(
        happened,
        [
            (Count, 200, Some(1)),
            (Count, 600, Some(2)),
            (Enter, 600, None),
            (Count, 1000, Some(3)),
            (Count, 2000, Some(0)),
            (Exit, 2000, None),
            (Count, 2800, Some(1)),
        ]
    );
}

proptest! {
    /// Whatever is seen, frame by frame: events of a pose come in pairs, numbers rise by one or fall to
    /// 0, the same frames give the same events, and hidden hands give none.
    #[test]
    fn time_makes_no_event_twice_and_none_of_what_is_hidden(frames in "[u.? ]{0,80}", seed in 0u64..3) {
        let all = || {
            let mut all = poses(&["down", "up", "left_wrist below nose for 0.2"], 200 + 300 * seed);
            for text in ["left_wrist above nose for 0.3", "changed(left_wrist above nose)", "not still", "speed(left_wrist) > 1"] {
                all.push(pose(text));
            }
            let between = Repetition::Between { up: 1, down: 0, names: ("down".into(), "up".into()) };
            all.extend(count(between, 2).pop());
            all
        };
        let run = |frames: &str| {
            let mut scene = Scene::of(all());
            let mut events = Vec::new();
            for (i, letter) in frames.chars().enumerate() {
                events.extend_from_slice(scene.frame(100 * i as u64, figures(letter).as_ref()));
            }
            events
        };
        let events = run(&frames);
        prop_assert_eq!(&events, &run(&frames));
        let mut active = std::collections::BTreeSet::new();
        let mut number = std::collections::BTreeMap::new();
        for event in &events {
            let key = (event.person.0, event.pose);
            match event.kind {
                EventKind::Enter => prop_assert!(active.insert(key), "{:?}", event),
                EventKind::Exit => prop_assert!(active.remove(&key), "{:?}", event),
                EventKind::Hold => prop_assert!(active.contains(&key)),
                EventKind::Count => {
                    let before = number.insert(key, event.count.unwrap()).unwrap_or(0);
                    let now = event.count.unwrap();
                    prop_assert!(now == before + 1 || now == 0 && before > 0, "{:?}", event);
                }
            }
        }
        let blind: String = frames.chars().map(|c| if c == 'u' { '?' } else { c }).collect();
        let up_alone: Vec<_> = run(&blind).into_iter().filter(|e| e.pose == 0 || e.kind == EventKind::Count).collect();
        prop_assert!(up_alone.is_empty(), "{:?}", up_alone);
    }
}
