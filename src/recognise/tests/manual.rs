//! The manual tells the truth.

use super::*;
use crate::taught::{self, Example, Taught};
use crate::zone::Zone;

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
        recipe("Start of a wave"),
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
    let coco = KeypointSet::coco();
    let folder = tempfile::tempdir().unwrap();
    let example = Example::of("photo".into(), &standing(), 100.0, Threshold(0.3));
    taught::write(&folder.path().join("tree.toml"), "tree", &[example], &coco).unwrap();
    let taught = Taught::of(folder.path().into(), &coco);
    let zones = ["press", "door", "bed"].map(|name| {
        let corners = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0)];
        Arc::new(Zone {
            name: name.into(),
            corners: corners.map(|(x, y)| Point::new(x, y)).to_vec(),
        })
    });
    let words = Words {
        zones: &zones,
        taught: Some(&taught),
        ..Words::from(&coco)
    };
    let examples = |text: &'static str| {
        let lines = text.lines().filter(|l| l.starts_with("| `"));
        let cells = lines.map(|l| l.split('|').nth(1).unwrap());
        cells
            .flat_map(|c| c.split('`').skip(1).step_by(2))
            .collect::<Vec<_>>()
    };
    let (terms, rest) = MANUAL.split_once("<!-- keys ").unwrap();
    let terms = examples(terms);
    assert!(terms.len() >= 20, "{terms:?}");
    for text in terms {
        Rule::parse(text, words).unwrap_or_else(|e| panic!("{e}"));
    }
    let (_, scene) = rest.split_once("## The scene").unwrap();
    let (scene, _) = scene.split_once("<!-- keys ").unwrap();
    let scene = examples(scene);
    assert!(scene.len() >= 7, "{scene:?}");
    for text in scene {
        Rule::parse_scene(text, words, &["hands_up".into()]).unwrap_or_else(|e| panic!("{e}"));
    }
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
