//! What rules say of skeletons.

use super::*;
use proptest::prelude::*;

#[test]
fn directions_are_those_of_the_picture_and_sides_those_of_the_person() {
    let s = standing();
    assert!(holds("nose above left_shoulder", &s) && holds("left_ankle below left_hip", &s));
    assert!(
        holds("left_wrist right_of right_wrist", &s) && holds("right_wrist left_of left_wrist", &s)
    );
    assert!(!holds("left_wrist above nose", &s));
}

#[test]
fn distances_are_in_torso_lengths() {
    let s = standing();
    assert!(
        holds("nose above mid_shoulder by 0.39", &s)
            && !holds("nose above mid_shoulder by 0.41", &s)
    );
    assert!(
        holds("left_ankle near right_ankle within 0.49", &s)
            && !holds("left_ankle near right_ankle within 0.47", &s)
    );
    assert!(holds("left_ankle near right_ankle", &s));
}

#[test]
fn a_range_that_ends_at_straight_takes_in_the_straight_arm() {
    let s = moved(
        standing(),
        &[
            ("left_shoulder", 235.0, 100.0),
            ("left_elbow", 235.0, 160.0),
            ("left_wrist", 235.0, 220.0),
        ],
    );
    assert!(holds(
        "angle(left_shoulder, left_elbow, left_wrist) in 150..180",
        &s
    ));
    assert!(holds("tilt(left_wrist, left_shoulder) in 0..20", &s));
    assert!(!holds("tilt(left_wrist, left_shoulder) in 20..180", &s));
}

#[test]
fn a_hidden_joint_makes_its_term_unknown_and_so_is_its_opposite() {
    let s = hidden(standing(), &["left_wrist"]);
    assert!(!holds("left_wrist below nose", &s) && !holds("not left_wrist below nose", &s));
    assert!(holds("left_wrist below nose or nose above mid_hip", &s));
    assert!(!holds("left_wrist below nose and nose above mid_hip", &s));
    assert!(holds(
        "not (left_wrist below nose and nose below mid_hip)",
        &s
    ));
    assert!(
        holds("not visible(left_wrist)", &s)
            && holds("visible(right_wrist, nose)", &s)
            && !holds("visible(nose, left_wrist)", &s)
    );
}

#[test]
fn broken_coordinates_and_short_skeletons_are_unknown() {
    let broken = moved(standing(), &[("nose", f32::NAN, 1.0)]);
    let mut unsure = standing();
    unsure.keypoints[0].score = f32::NAN;
    for s in [broken, unsure, Skeleton::default()] {
        assert!(!holds("nose above mid_hip", &s) && !holds("not nose above mid_hip", &s));
    }
}

#[test]
fn no_rules_at_all_never_hold() {
    let none = judge(&Rule::all(Vec::new()), &standing());
    assert!(none.low < 0.0);
    let both = |a, b| judge(&Rule::all(vec![rule(a), rule(b)]), &standing()).low > 0.0;
    assert!(
        both("nose above mid_hip", "nose above left_wrist")
            && !both("nose above mid_hip", "nose below left_wrist")
    );
}

#[test]
fn confidence_is_the_lowest_score_by_which_the_rule_holds() {
    let mut s = standing();
    s.keypoints[joint("left_wrist")].score = 0.4;
    s.keypoints[joint("right_wrist")].score = 0.6;
    let confidence = |text: &str| judge(&rule(text), &s).confidence;
    assert_eq!(
        confidence("left_wrist below nose and right_wrist below nose"),
        0.4
    );
    assert_eq!(
        confidence("left_wrist above nose or right_wrist below nose"),
        0.6
    );
    assert_eq!(
        confidence("not (left_wrist below nose and right_wrist above nose)"),
        0.6
    );
    s.keypoints[0].score = 7.0;
    s.keypoints[joint("left_eye")].score = 7.0;
    assert_eq!(judge(&rule("nose below left_eye"), &s).confidence, 1.0);
}

#[test]
fn someone_at_a_desk_and_someone_in_profile_are_measured_too() {
    let legs = [
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
    ];
    let desk = hidden(standing(), &legs);
    assert!(
        holds("nose above mid_shoulder by 0.3", &desk)
            && !holds("nose above mid_shoulder by 0.5", &desk)
    );
    let mut profile = desk.clone();
    for name in point_names().iter().filter(|n| n.starts_with("left_")) {
        profile.keypoints[joint(name)].score = 0.0;
    }
    assert!(
        holds("nose above right_shoulder by 0.3", &profile)
            && !holds("nose above right_shoulder by 0.5", &profile)
    );
    let head = hidden(desk, &["left_shoulder", "right_shoulder"]);
    assert!(!holds("left_eye above nose", &head) && !holds("not left_eye above nose", &head));
}

#[test]
fn a_torso_that_points_at_the_camera_does_not_blow_distances_up() {
    let bowing = moved(
        standing(),
        &[("left_hip", 220.0, 105.0), ("right_hip", 180.0, 105.0)],
    );
    assert!(!holds("left_wrist below left_shoulder by 3", &bowing));
}

fn point() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(point_names())
}

fn term() -> impl Strategy<Value = String> {
    let relation = prop::sample::select(vec!["above", "below", "left_of", "right_of"]);
    let twain = (point(), point()).prop_filter("different", |(a, b)| a != b);
    let trio = (point(), point(), point())
        .prop_filter("different", |(a, b, c)| a != b && b != c && a != c);
    prop_oneof![
        (twain.clone(), relation, 0..20u8)
            .prop_map(|((a, b), r, n)| format!("{a} {r} {b} by {}", f32::from(n) / 10.0)),
        (twain.clone(), 0..20u8)
            .prop_map(|((a, b), n)| format!("{a} near {b} within {}", f32::from(n) / 10.0)),
        (trio, 0..90u8, 1..90u8).prop_map(|((a, b, c), from, to)| format!(
            "angle({a}, {b}, {c}) in {from}..{}",
            from + to
        )),
        (twain, 0..90u8, 1..90u8)
            .prop_map(|((a, b), from, to)| format!("tilt({a}, {b}) in {from}..{}", from + to)),
        point().prop_map(|a| format!("visible({a})")),
    ]
}

pub(super) fn text() -> impl Strategy<Value = String> {
    term().prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not {a}")),
        ]
    })
}

/// People of all shapes, on whole pixels, some joints hidden.
pub(super) fn someone() -> impl Strategy<Value = Skeleton> {
    prop::collection::vec((-60i16..60, -60i16..60, 0.2f32..1.0), 17).prop_map(|jitter| {
        let mut skeleton = standing();
        for (keypoint, (dx, dy, score)) in skeleton.keypoints.iter_mut().zip(jitter) {
            keypoint.position = Point::new(
                keypoint.position.x + f32::from(dx),
                keypoint.position.y + f32::from(dy),
            );
            keypoint.score = score;
        }
        skeleton
    })
}

fn mirror(skeleton: &Skeleton) -> Skeleton {
    let coco = KeypointSet::coco();
    let flip = |k: Keypoint| Keypoint {
        position: Point::new(639.0 - k.position.x, k.position.y),
        ..k
    };
    Skeleton {
        keypoints: (0..17)
            .map(|i| flip(skeleton.keypoints[coco.mirror(i)]))
            .collect(),
    }
}

/// Joints and directions change sides alike.
fn mirror_text(text: &str) -> String {
    text.replace("left_", "LEFT_")
        .replace("right_", "left_")
        .replace("LEFT_", "right_")
}

fn alike(a: rule::Judgement, b: rule::Judgement) -> bool {
    let near = |a: f32, b: f32| a == b || (a - b).abs() <= 2e-3 * (1.0 + a.abs());
    near(a.low, b.low) && near(a.high, b.high)
}

proptest! {
    #[test]
    fn the_mirrored_person_is_judged_the_same_by_the_mirrored_rule(text in text(), s in someone()) {
        let a = judge(&rule(&text), &s);
        let b = judge(&rule(&mirror_text(&text)), &mirror(&s));
        prop_assert!(alike(a, b), "{a:?} {b:?}");
    }

    #[test]
    fn size_and_place_in_the_picture_change_nothing(text in text(), s in someone(), k in 0.3f32..5.0, x in -500i16..500, y in -500i16..500) {
        let mut other = s.clone();
        for p in &mut other.keypoints {
            p.position = Point::new(p.position.x * k + f32::from(x), p.position.y * k + f32::from(y));
        }
        let a = judge(&rule(&text), &s);
        let b = judge(&rule(&text), &other);
        prop_assert!(alike(a, b), "{a:?} {b:?}");
    }

    #[test]
    fn not_not_is_nothing(text in text(), s in someone()) {
        prop_assert_eq!(judge(&rule(&text), &s), judge(&rule(&format!("not not {text}")), &s));
    }

    #[test]
    fn de_morgan(a in text(), b in text(), s in someone()) {
        let same = |x: String, y: String| (judge(&rule(&x), &s), judge(&rule(&y), &s));
        let (x, y) = same(format!("not ({a} and {b})"), format!("not {a} or not {b}"));
        prop_assert_eq!(x, y);
        let (x, y) = same(format!("not ({a} or {b})"), format!("not {a} and not {b}"));
        prop_assert_eq!(x, y);
    }

    #[test]
    fn confidence_is_a_share_and_a_rule_is_never_both_true_and_false(text in text(), s in someone()) {
        let judgement = judge(&rule(&text), &s);
        prop_assert!(judgement.low <= judgement.high && (0.0..=1.0).contains(&judgement.confidence));
    }
}

#[test]
fn the_area_is_unknown_without_a_mask_and_has_a_margin_of_its_own() {
    let standing = standing();
    let judge = |text: &str, share| {
        rule(text).judge(&View {
            sight: sight(&standing, share),
            scene: None,
            visible: Threshold(0.3),
            margin: Pose::MARGIN,
            margin_deg: Pose::MARGIN_DEG,
        })
    };
    let unknown = judge("person_area > 0.2", None);
    assert!(unknown.low < 0.0 && unknown.high > 0.0);
    assert!(judge("person_area > 0.2", Some(0.21)).low > 0.0);
    assert!(judge("person_area < 0.2", Some(0.21)).high < 0.0);
    // Active, it stays down to 0.18.
    assert!(judge("person_area > 0.2", Some(0.185)).low > super::super::STAYS);
    assert!(judge("person_area > 0.2", Some(0.175)).low < super::super::STAYS);
    assert!(judge("not person_area > 0.2 and nose above left_knee", Some(0.1)).low > 0.0);
    assert!(rule("nose above left_knee or person_area > 0.2").needs_cover());
    assert!(!rule("nose above left_knee").needs_cover());
}
