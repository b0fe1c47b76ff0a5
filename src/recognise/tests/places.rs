//! Rules over places and over the scene.

use super::*;
use crate::zone::Zone;
use std::sync::Arc;

/// The left half of the picture and its lower fifth.
fn zones() -> Vec<Arc<Zone>> {
    let zone = |name: &str, corners: [(f32, f32); 4]| {
        Arc::new(Zone {
            name: name.into(),
            corners: corners.map(|(x, y)| Point::new(x, y)).to_vec(),
        })
    };
    vec![
        zone("left", [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]),
        zone("floor", [(0.0, 0.8), (1.0, 0.8), (1.0, 1.0), (0.0, 1.0)]),
    ]
}

fn placed(text: &str) -> Rule {
    let coco = KeypointSet::coco();
    let zones = zones();
    let words = Words {
        zones: &zones,
        ..Words::from(&coco)
    };
    Rule::parse(text, words).unwrap_or_else(|e| panic!("{e}"))
}

fn verdict(text: &str, skeleton: &Skeleton) -> Verdict {
    let pose = Pose {
        when: When::Rule(placed(text)),
        ..pose("nose above mid_hip")
    };
    pose.explain(sight(skeleton, None), Threshold(0.3), false)
        .verdict
}

#[test]
fn a_zone_holds_points_hands_feet_and_people() {
    let s = standing();
    // The picture is 400 pixels wide; the person's left wrist is at 242, the right one at 158.
    for (text, expected) in [
        ("left_wrist in left", Verdict::Fails),
        ("right_wrist in left", Verdict::Holds),
        ("left_wrist outside left", Verdict::Holds),
        ("any_hand in left", Verdict::Holds),
        ("any_hand in floor", Verdict::Fails),
        ("any_foot in floor", Verdict::Holds),
        ("person in floor", Verdict::Holds),
        ("outside floor", Verdict::Fails),
        ("in floor and mid_hip outside floor", Verdict::Holds),
    ] {
        assert_eq!(verdict(text, &s), expected, "{text}");
    }
}

#[test]
fn a_hidden_hand_may_be_anywhere_and_a_seen_one_is_where_it_is() {
    let s = hidden(standing(), &["left_wrist"]);
    assert_eq!(verdict("any_hand in left", &s), Verdict::Holds);
    assert_eq!(verdict("any_hand in floor", &s), Verdict::Unknown);
    assert_eq!(verdict("not any_hand in floor", &s), Verdict::Unknown);
    // Who has no feet in the picture stands at the lowest joint that is seen.
    let feet = ["left_ankle", "right_ankle", "left_knee", "right_knee"];
    assert_eq!(
        verdict("person in floor", &hidden(s, &feet)),
        Verdict::Fails
    );
}

#[test]
fn who_is_at_the_border_stays_where_they_were() {
    let pose = Pose {
        when: When::Rule(placed("left_wrist in left")),
        ..pose("nose above mid_hip")
    };
    let mut scene = Scene::new(pose);
    for (i, x) in [190.0, 190.0, 203.0, 207.0, 209.0, 203.0, 199.0]
        .iter()
        .enumerate()
    {
        scene.frame(
            i as u64 * 100,
            Some(&moved(standing(), &[("left_wrist", *x, 200.0)])),
        );
    }
    use EventKind::{Enter, Exit};
    assert_eq!(scene.happened, [(Enter, 0), (Exit, 400), (Enter, 600)]);
}

fn of_scene(text: &str, poses: &[Arc<str>]) -> Rule {
    let coco = KeypointSet::coco();
    let zones = zones();
    let words = Words {
        zones: &zones,
        ..Words::from(&coco)
    };
    Rule::parse_scene(text, words, poses).unwrap_or_else(|e| panic!("{e}"))
}

/// Of how many people, who stand from left to right, hold up a hand; the scenes that hold.
fn scenes(texts: &[&str], people: &[bool]) -> Vec<String> {
    let mut poses = vec![Pose {
        name: "up".into(),
        ..pose("left_wrist above nose")
    }];
    let names = ["up".into()];
    poses.extend(texts.iter().map(|text| Pose {
        when: When::Scene(of_scene(text, &names)),
        ..pose("nose above mid_hip")
    }));
    let mut recogniser = Recogniser::new(poses, Threshold(0.3));
    let mut events = Vec::new();
    let people: Vec<Person> = people
        .iter()
        .enumerate()
        .map(|(i, is_up)| {
            let mut s = match is_up {
                true => moved(standing(), &[("left_wrist", 240.0, 20.0)]),
                false => standing(),
            };
            s.keypoints
                .iter_mut()
                .for_each(|k| k.position.x += 100.0 * i as f32 - 150.0);
            Person::seen(PersonId(i as u32 + 1), s, None, ms(0))
        })
        .collect();
    recogniser.update(ms(0), SIZE, &people, &mut events);
    let of_scene = events.iter().filter(|e| e.person == SCENE);
    of_scene.map(|e| texts[e.pose - 1].to_string()).collect()
}

#[test]
fn a_scene_counts_those_who_are_there_and_knows_what_they_hold() {
    let all = [
        "people > 1",
        "people < 2",
        "nobody",
        "any(up)",
        "all(up)",
        "people in left > 1",
        "nobody in left",
        "not any(up) and people > 0",
    ];
    assert_eq!(
        scenes(&all, &[]),
        ["people < 2", "nobody", "nobody in left"]
    );
    assert_eq!(
        scenes(&all, &[false]),
        ["people < 2", "not any(up) and people > 0"]
    );
    assert_eq!(
        scenes(&all, &[true, true]),
        ["people > 1", "any(up)", "all(up)", "people in left > 1"]
    );
    assert_eq!(
        scenes(&all, &[true, false, true]),
        ["people > 1", "any(up)", "people in left > 1"]
    );
}

#[test]
fn feet_that_tremble_at_a_border_make_no_scene_come_and_go() {
    let names = ["up".into()];
    let scene = |text: &str| Pose {
        when: When::Scene(of_scene(text, &names)),
        ..pose("nose above mid_hip")
    };
    let poses = vec![scene("people in left > 0"), scene("nobody in left")];
    let mut recogniser = Recogniser::new(poses, Threshold(0.3));
    let mut happened = Vec::new();
    let mut events = Vec::new();
    for (i, x) in [20.0, -3.0, 3.0, -3.0, 3.0, -20.0, 3.0, -3.0]
        .iter()
        .enumerate()
    {
        let mut s = standing();
        // Between the feet, 200 pixels is the border.
        s.keypoints.iter_mut().for_each(|k| k.position.x -= x);
        let person = Person::seen(PersonId(1), s, None, ms(i as u64 * 100));
        recogniser.update(ms(i as u64 * 100), SIZE, &[person], &mut events);
        happened.extend(events.iter().map(|e| (e.kind, e.pose, e.time.as_millis())));
    }
    use EventKind::{Enter, Exit};
    // Each begins where it holds as written, and stays for a margin: both are there at the border.
    let expected = [
        (Enter, 0, 0),
        (Enter, 1, 100),
        (Exit, 0, 500),
        (Enter, 0, 600),
    ];
    assert_eq!(happened, expected);
}

#[test]
fn what_is_said_of_a_person_is_none_of_the_scenes_and_the_other_way_round() {
    let coco = KeypointSet::coco();
    for text in [
        "left_wrist above nose",
        "still",
        "people",
        "people > 1.5",
        "any(nobody)",
        "any left",
    ] {
        assert!(
            Rule::parse_scene(text, &coco, &["up".into()]).is_err(),
            "{text}"
        );
    }
    for text in [
        "people > 2",
        "nobody for 3",
        "any(up)",
        "left_wrist in nowhere",
        "in",
        "like(tree)",
    ] {
        assert!(Rule::parse(text, &coco).is_err(), "{text}");
    }
}
