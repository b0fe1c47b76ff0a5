//! Rules are read, and what is no rule is explained.

use super::*;
use proptest::prelude::*;

fn error(text: &str) -> RuleError {
    Rule::parse(text, &KeypointSet::coco()).expect_err(text)
}

fn marked(error: &RuleError) -> String {
    error.text.chars().skip(error.at).take(error.len).collect()
}

#[test]
fn a_misspelt_joint_is_marked_and_the_right_one_offered() {
    let text = error("nose above left_wirst by 0.2").to_string();
    let expected = "this model has no joint \"left_wirst\"\n    nose above left_wirst by 0.2\n               ^^^^^^^^^^\ndid you mean left_wrist? ";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("right_ankle"), "{text}");
    assert!(
        error("wrist above nose")
            .mend
            .contains("left_wrist or right_wrist")
    );
}

#[test]
fn every_mistake_is_marked_where_it_is() {
    for (text, mark, says) in [
        ("", "", "the name of a joint"),
        ("nose abve left_eye", "abve", "above"),
        ("nose above", "", "the name of a joint"),
        ("nose above nose", "nose", "same"),
        ("nose above left_eye by", "", "torso lengths"),
        ("nose above left_eye by -1", "-", "never negative"),
        ("nose above left_eye by 1e9", "e9", "and"),
        ("nose above left_eye within 0.1", "within", "by"),
        ("nose near left_eye by 0.1", "by", "within"),
        ("nose above left_eye && nose near left_ear", "&", "and"),
        ("nose above left_eye AND nose near left_ear", "AND", "and"),
        ("angle(nose, left_eye) in 1..2", "angle", "3 points"),
        ("angle(nose, left_eye, nose) in 1..2", "nose", "twice"),
        ("tilt(nose, left_eye) in 90..10", "10", "smaller"),
        ("tilt(nose, left_eye) in 90..190", "190", "180"),
        ("tilt(nose, left_eye) in 90", "", "upper end"),
        ("tlit(nose, left_eye) in 9..10", "tlit", "tilt"),
        ("(nose above left_eye", "", "closing"),
        ("nose above left_eye)", ")", "closes nothing"),
        ("visible()", ")", "joint"),
        ("größe above nose", "größe", "größe"),
    ] {
        let e = error(text);
        let message = e.to_string();
        assert_eq!(marked(&e), mark, "{message}");
        assert!(message.contains(says), "{says:?} is missing: {message}");
    }
}

#[test]
fn a_rule_of_several_lines_shows_the_line_of_the_mistake() {
    let text =
        error("nose above left_eye\n  and nose obove left_ear\nor nose near left_ear").to_string();
    assert!(
        text.contains("\n      and nose obove left_ear\n               ^^^^^\n"),
        "{text}"
    );
}

#[test]
fn a_model_without_the_joints_of_a_middle_says_so() {
    let joints = KeypointSet::new(["pelvis", "thorax", "head_top"]);
    assert!(Rule::parse("head_top above pelvis", &joints).is_ok());
    assert!(
        Rule::parse("head_top above mid_hip", &joints)
            .unwrap_err()
            .problem
            .contains("left_hip")
    );
}

#[test]
fn deep_and_long_texts_are_refused_and_do_not_overflow_the_stack() {
    let deep = |n: usize| format!("{}nose above left_eye{}", "(".repeat(n), ")".repeat(n));
    assert!(Rule::parse(&deep(64), &KeypointSet::coco()).is_ok());
    assert_eq!(error(&deep(65)).at, 64);
    assert_eq!(error(&"not ".repeat(1000)).at, 64 * 4);
    assert_eq!(error(&"(".repeat(1_000_000)).at, 4096);
    assert!(error(&"9".repeat(4000)).to_string().len() < 1000);
}

#[test]
fn rules_of_rules_of_rules_are_flat() {
    let deep = (0..100_000).fold(rule("nose above left_wrist"), |r, _| Rule::all(vec![r]));
    assert!(judge(&deep, &standing()).low > 0.0);
}

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "nose", "left_eye", "mid_hip", "above", "near", "by", "within", "angle", "tilt", "visible",
        "in", "and", "or", "not", "(", ")", ",", "..", "0.5", "90", "7.", "\n", "é", "#",
    ]);
    prop::collection::vec(word, 0..40).prop_map(|w| w.join(" "))
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_at_a_place_inside_it(text in prop_oneof![any::<String>(), words(), "[a-z_(),.0-9 ]{0,80}"]) {
        if let Err(e) = Rule::parse(&text, &KeypointSet::coco()) {
            prop_assert!(e.at + e.len <= text.chars().count());
            prop_assert!(!e.to_string().is_empty() && !e.mend.is_empty());
        }
    }
}

#[test]
fn a_joint_the_model_lacks_and_a_comparison_of_points_are_explained() {
    let mpii = crate::skeleton::KeypointSet::new([
        "right_ankle",
        "right_knee",
        "thorax",
        "upper_neck",
        "head_top",
    ]);
    let text = Rule::parse("nose above right_knee", &mpii)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("no joint \"nose\"") && text.contains("head_top"),
        "{text}"
    );
    let text = error("nose > left_knee").to_string();
    assert!(text.contains("above"), "{text}");
    let text = error("person_area by 0.2").to_string();
    assert!(text.contains("person_area > 0.2"), "{text}");
}
