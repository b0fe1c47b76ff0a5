//! A rule that can never hold is found out, and no other is accused.

use super::*;

#[test]
fn terms_about_time_that_exclude_each_other_are_refused_too() {
    let coco = KeypointSet::coco();
    for text in [
        "speed(nose) > 2 and speed(nose) < 1",
        "speed(nose) < 0",
        "still and not still",
        "still within 0.1 for 3 and not still within 0.2",
    ] {
        assert!(rule(text).contradiction(&coco).is_some(), "{text}");
    }
    for text in [
        "speed(nose) > 1 and speed(nose) < 2",
        "speed(nose) > 2 and speed(nose) < 1 over 3",
        "still and not still within 0.1",
        "changed(still) and not still",
        "not still for 3 and still",
    ] {
        assert!(rule(text).contradiction(&coco).is_none(), "{text}");
    }
}
use proptest::prelude::*;

fn said(text: &str) -> Option<String> {
    rule(text).contradiction(&KeypointSet::coco())
}

#[test]
fn what_excludes_itself_is_named() {
    let cases = [
        (
            "nose above left_ankle and left_ankle above nose",
            "`nose above left_ankle` and `left_ankle above nose`",
        ),
        (
            "nose above left_knee and left_knee above left_ankle by 0.2 and visible(left_ear) and nose below left_ankle",
            "`nose above left_knee` and `left_knee above left_ankle by 0.2` and `nose below left_ankle`",
        ),
        (
            "nose left_of left_ear by 0.3 and not nose left_of left_ear by 0.1",
            "`not nose left_of left_ear by 0.1`",
        ),
        (
            "left_wrist near nose within 0.3 and left_wrist above nose by 0.5",
            "`left_wrist near nose within 0.3` and `left_wrist above nose by 0.5`",
        ),
        (
            "left_wrist near nose within 0.3 and not nose near left_wrist within 0.4",
            "`not nose near left_wrist within 0.4`",
        ),
        ("left_wrist near nose within 0", "cannot be"),
        (
            "visible(nose) and not visible(nose)",
            "`visible(nose)` and `not visible(nose)`",
        ),
        (
            "left_wrist above mid_hip and not visible(mid_hip)",
            "`not visible(mid_hip)`",
        ),
        (
            "tilt(mid_hip, mid_shoulder) in 0..20 and tilt(mid_hip, mid_shoulder) in 60..180",
            "in 0..20` and `tilt(mid_hip, mid_shoulder) in 60..180`",
        ),
        (
            "tilt(mid_hip, mid_shoulder) in 0..20 and tilt(mid_shoulder, mid_hip) in 0..90",
            "exclude each other",
        ),
        (
            "angle(left_hip, left_knee, left_ankle) in 0..90 and angle(left_ankle, left_knee, left_hip) in 90..180",
            "exclude each other",
        ),
        ("not tilt(mid_hip, mid_shoulder) in 0..180", "cannot be"),
        (
            "person_area > 0.5 and person_area < 0.2",
            "`person_area > 0.5`",
        ),
        ("person_area > 1", "cannot be"),
        (
            "not (nose above left_ear or not nose above left_ear)",
            "exclude each other",
        ),
        (
            "nose above left_ear and (left_ear above nose or not visible(nose))",
            "`left_ear above nose`",
        ),
    ];
    for (text, part) in cases {
        let why = said(text).unwrap_or_else(|| panic!("{text}: passes for good"));
        assert!(why.contains(part), "{text}: {why}");
    }
}

#[test]
fn what_could_hold_is_not_accused() {
    for text in [
        "nose above left_ankle or left_ankle above nose",
        "not visible(nose) or not nose above left_ear",
        "nose above left_ear by 0.2 and not nose above left_ear by 0.5",
        "left_wrist near nose within 0.5 and not left_wrist near nose within 0.2",
        "left_wrist near nose within 0.5 and left_wrist above nose by 0.4",
        "visible(nose) and not visible(nose, left_ear)",
        "tilt(mid_hip, mid_shoulder) in 0..90 and not tilt(mid_hip, mid_shoulder) in 0..20",
        "person_area > 0.2 and person_area < 0.5",
        "left_hip above mid_hip and nose above left_hip",
    ] {
        assert_eq!(said(text), None, "{text}");
    }
}

#[test]
fn a_rule_of_too_many_alternatives_is_let_pass() {
    let part = "(nose above left_ear or left_ear above nose)";
    let long = vec![part; 20].join(" and ");
    assert_eq!(said(&long), None);
}

fn term() -> impl Strategy<Value = String> {
    let point = || proptest::sample::select(vec!["nose", "left_wrist", "left_hip", "mid_shoulder"]);
    let number = || (0u32..20).prop_map(|n| f64::from(n) / 10.0);
    prop_oneof![
        (point(), point(), number()).prop_map(|(a, b, n)| format!("{a} above {b} by {n}")),
        (point(), point(), number()).prop_map(|(a, b, n)| format!("{a} left_of {b} by {n}")),
        (point(), point(), number()).prop_map(|(a, b, n)| format!("{a} near {b} within {n}")),
        (point(), point(), 0u32..90, 91u32..181)
            .prop_map(|(a, b, low, high)| format!("tilt({a}, {b}) in {low}..{}", high.min(180))),
        point().prop_map(|a| format!("visible({a})")),
    ]
}

proptest! {
    /// Whoever shows the pose proves that it can be shown.
    #[test]
    fn no_rule_that_somebody_fulfils_is_accused(
        terms in proptest::collection::vec((term(), any::<bool>(), any::<bool>()), 1..6),
        places in proptest::collection::vec((0.0f32..400.0, 0.0f32..400.0, 0.0f32..1.0), 17),
    ) {
        let mut text = String::new();
        for (term, not, or) in terms {
            if !text.is_empty() {
                text += if or { " or " } else { " and " };
            }
            text += if not { "not " } else { "" };
            text += &term;
        }
        let Ok(rule) = Rule::parse(&text, &KeypointSet::coco()) else { return Ok(()) };
        let keypoints = places.into_iter().map(|(x, y, score)| Keypoint {
            position: Point::new(x, y),
            score,
        });
        let skeleton = Skeleton { keypoints: keypoints.collect() };
        if judge(&rule, &skeleton).low > 0.0 {
            prop_assert_eq!(rule.contradiction(&KeypointSet::coco()), None, "{}", text);
        }
    }
}
