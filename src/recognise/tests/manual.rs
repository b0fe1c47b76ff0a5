//! The manual tells the truth.

use super::*;

const MANUAL: &str = include_str!("../../../docs/rules.md");

/// The fenced blocks marked `rule`, with the text that stands before each.
fn recipes() -> Vec<(&'static str, &'static str)> {
    let mut parts = MANUAL.split("```rule\n");
    let mut before = parts.next().unwrap();
    let mut found = Vec::new();
    for part in parts {
        let (recipe, after) = part.split_once("```").unwrap();
        found.push((before, recipe));
        before = after;
    }
    found
}

fn recipe(title: &str) -> &'static str {
    recipes()
        .into_iter()
        .find(|(before, _)| before.contains(title))
        .unwrap_or_else(|| panic!("no recipe {title}"))
        .1
}

#[test]
fn every_recipe_is_a_rule_and_nobody_standing_fulfils_one() {
    assert!(recipes().len() >= 7);
    for (_, text) in recipes() {
        assert!(!holds(text, &standing()), "{text}");
    }
}

#[test]
fn the_recipes_show_what_they_are_called() {
    let s = standing;
    let hands = moved(
        s(),
        &[("left_wrist", 245.0, 10.0), ("right_wrist", 155.0, 10.0)],
    );
    assert!(holds(recipe("\nHands up"), &hands) && holds(recipe("One hand up"), &hands));
    let spread = [
        ("left_elbow", 295.0, 102.0),
        ("left_wrist", 350.0, 98.0),
        ("right_elbow", 105.0, 102.0),
        ("right_wrist", 50.0, 99.0),
    ];
    assert!(holds(recipe("T-pose"), &moved(s(), &spread)) && !holds(recipe("T-pose"), &hands));
    let squat = [
        ("left_knee", 245.0, 215.0),
        ("right_knee", 155.0, 215.0),
        ("left_ankle", 224.0, 285.0),
        ("right_ankle", 176.0, 285.0),
    ];
    assert!(holds(recipe("Squat"), &moved(s(), &squat)));
    assert!(holds(
        recipe("wave"),
        &moved(
            s(),
            &[("left_elbow", 260.0, 120.0), ("left_wrist", 270.0, 60.0)]
        )
    ));
    assert!(holds(
        recipe("ear, as"),
        &moved(s(), &[("left_wrist", 220.0, 70.0)])
    ));
    let mut lying = s();
    lying
        .keypoints
        .iter_mut()
        .for_each(|k| k.position = Point::new(400.0 - k.position.y, k.position.x));
    assert!(holds(recipe("Fall"), &lying));
}

#[test]
fn a_hand_at_the_chin_or_the_ear_is_not_up_and_a_hidden_other_hand_does_no_harm() {
    let alone = recipe("The left hand alone");
    let up = moved(standing(), &[("left_wrist", 245.0, 40.0)]);
    assert!(holds(alone, &up));
    assert!(holds(alone, &hidden(up.clone(), &["right_wrist"])));
    let both = moved(up, &[("right_wrist", 155.0, 40.0)]);
    assert!(!holds(alone, &both), "that is hands up");
    let chin = moved(standing(), &[("left_wrist", 215.0, 85.0)]);
    assert!(!holds(alone, &chin));
    let ear = moved(standing(), &[("left_wrist", 225.0, 70.0)]);
    assert!(!holds(alone, &ear));
}

/// What is above the hips lies level, what is below them stands.
#[test]
fn who_bends_has_not_fallen() {
    let mut bent = standing();
    for keypoint in &mut bent.keypoints[..joint("left_hip")] {
        let Point { x, y } = keypoint.position;
        keypoint.position = Point::new(400.0 - y, x);
    }
    assert!(holds("tilt(mid_hip, mid_shoulder) in 60..180", &bent));
    assert!(!holds(recipe("Fall"), &bent));
}

#[test]
fn the_examples_in_the_table_are_rules() {
    let mut count = 0;
    let (terms, _) = MANUAL.split_once("<!-- keys ").unwrap();
    for line in terms.lines().filter(|l| l.starts_with("| `")) {
        rule(line.split('`').nth(1).unwrap());
        count += 1;
    }
    assert_eq!(count, 9);
}

#[test]
fn the_joints_and_limits_it_names_are_the_real_ones() {
    assert!(MANUAL.contains(&KeypointSet::coco().names().join(", ")));
    assert!(MANUAL.contains(&format!(
        "{} torso lengths (`margin`) or {} degrees",
        Pose::MARGIN,
        Pose::MARGIN_DEG
    )));
    assert!(MANUAL.contains(&format!("at most {} characters", lex::MAX_LENGTH)));
}
