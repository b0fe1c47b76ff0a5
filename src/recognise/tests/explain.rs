//! What is said of a rule agrees with what the recogniser makes of it.

use super::logic::{someone, text};
use super::*;
use proptest::prelude::*;

fn explain(pose: &Pose, skeleton: &Skeleton, active: bool) -> Explanation {
    pose.explain(sight(skeleton, None), Threshold(0.3), active)
}

proptest! {
    #[test]
    fn the_verdict_is_the_recognisers_and_every_term_has_a_place(text in text(), s in someone(), active: bool) {
        let pose = pose(&text);
        let explanation = explain(&pose, &s, active);
        let judgement = judge(pose.rule().unwrap(), &s);
        let limit = if active { super::super::STAYS } else { 0.0 };
        prop_assert_eq!(explanation.verdict == Verdict::Holds, judgement.low > limit);
        prop_assert_eq!(explanation.verdict == Verdict::Fails, judgement.high <= limit);
        let anatomy = pose.anatomy(&KeypointSet::coco(), Threshold(0.3));
        prop_assert_eq!(anatomy.terms.len(), explanation.terms.len());
        for (term, now) in anatomy.terms.iter().zip(&explanation.terms) {
            // A term as it is written out is a rule of its own, with the same verdict.
            let alone = explain(&super::pose(&term.text), &s, false);
            prop_assert_eq!(alone.verdict, now.verdict);
            let Some(value) = now.value else { continue };
            let inside = term.low.is_none_or(|low| value > low) && term.high.is_none_or(|high| value < high);
            let on_the_line = [term.low, term.high].contains(&Some(value));
            prop_assert!(on_the_line || inside == (now.verdict == Verdict::Holds), "{}: {value}", term.text);
        }
    }

    #[test]
    fn a_rule_put_together_from_its_outline_and_terms_is_the_same_rule(text in text()) {
        let pose = pose(&text);
        let anatomy = pose.anatomy(&KeypointSet::coco(), Threshold(0.3));
        let mut again = anatomy.rule.clone();
        for (i, term) in anatomy.terms.iter().enumerate().rev() {
            again = again.replace(&format!("#{i}"), &term.text);
        }
        prop_assert_eq!(rule(&again).expression, pose.rule().unwrap().expression.clone(), "{}", again);
    }
}

/// The same with words about time.
fn text_over_time() -> impl Strategy<Value = String> {
    let timed = prop_oneof![
        text(),
        Just("still within 0.3".to_string()),
        Just("speed(left_wrist) > 1.5 over 0.5".to_string()),
    ];
    timed.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), 1u8..40).prop_map(|(a, s)| format!("({a}) for {s}")),
            (inner.clone(), 1u8..40).prop_map(|(a, s)| format!("changed({a}) within {s}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

proptest! {
    #[test]
    fn a_rule_about_time_is_put_together_from_its_parts_too(text in text_over_time(), s in someone()) {
        let pose = pose(&text);
        let anatomy = pose.anatomy(&KeypointSet::coco(), Threshold(0.3));
        let mut again = anatomy.rule.clone();
        for (i, term) in anatomy.terms.iter().enumerate().rev() {
            again = again.replace(&format!("#{i}"), &term.text);
        }
        prop_assert_eq!(rule(&again).expression, pose.rule().unwrap().expression.clone(), "{}", again);
        // Of a photo, which knows of no time, each part is told of all the same.
        let explanation = explain(&pose, &s, false);
        prop_assert_eq!(anatomy.terms.len(), explanation.terms.len());
    }
}

#[test]
fn an_explanation_names_what_is_hidden_and_measures_the_rest() {
    let pose = pose("left_wrist above nose by 0.2 and not tilt(mid_hip, mid_shoulder) in 30..180");
    let s = hidden(standing(), &["left_wrist"]);
    let explanation = explain(&pose, &s, false);
    assert_eq!(explanation.verdict, Verdict::Unknown);
    let [wrist, tilt] = &explanation.terms[..] else {
        panic!("two terms");
    };
    assert_eq!((wrist.value, wrist.verdict), (None, Verdict::Unknown));
    assert_eq!(wrist.hidden, [joint("left_wrist")]);
    assert_eq!((tilt.value, tilt.verdict), (Some(0.0), Verdict::Fails));
    let anatomy = pose.anatomy(&KeypointSet::coco(), Threshold(0.3));
    assert_eq!(anatomy.rule, "#0 and not #1");
    let limits: Vec<_> = anatomy
        .terms
        .iter()
        .map(|t| (t.low, t.high, t.margin))
        .collect();
    assert_eq!(limits, [(Some(0.2), None, 0.1), (Some(30.0), None, 10.0)]);
    assert_eq!(anatomy.terms[0].text, "left_wrist above nose by 0.2");
}

#[test]
fn an_active_pose_is_told_to_hold_within_its_margin() {
    let pose = pose("nose above mid_shoulder by 0.45");
    let s = standing();
    let resting = explain(&pose, &s, false);
    assert_eq!(resting.verdict, Verdict::Fails);
    assert!(resting.slack.unwrap() < 0.0);
    let active = explain(&pose, &s, true);
    assert_eq!(active.verdict, Verdict::Holds);
    assert!((active.slack.unwrap() - resting.slack.unwrap() - 1.0).abs() < 1e-5);
}

#[test]
fn a_head_alone_says_that_there_is_nothing_to_measure_by() {
    let body = [
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_hip",
        "right_hip",
    ];
    let s = hidden(
        hidden(standing(), &body),
        &["left_knee", "right_knee", "left_ankle", "right_ankle"],
    );
    let explanation = explain(&pose("nose near left_ear"), &s, false);
    assert!(explanation.terms[0].lacks_torso && explanation.terms[0].hidden.is_empty());
}
