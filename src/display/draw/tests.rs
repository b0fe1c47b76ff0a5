//! Small reports as pictures: `l`, `r`, `m` are left, right and middle of the person, `.` the dark
//! edge, `+` the grey picture, `_` the ground of a text, `n` a note, `b` a box.

use super::*;
use crate::display::label::GROUND;
use crate::display::memory::ascii;
use crate::display::png::RgbImage;
use crate::frame::{Frame, PixelFormat};
use crate::geometry::Size;
use crate::report::State;
use crate::skeleton::{Keypoint, Threshold};
use embedded_graphics::prelude::RgbColor;
use proptest::prelude::*;
use std::sync::Arc;

const VISIBLE: f32 = 0.25;

fn keypoints() -> KeypointSet {
    KeypointSet::new([
        "nose",
        "left_shoulder",
        "right_shoulder",
        "left_hip",
        "right_hip",
        "left_elbow",
        "right_elbow",
    ])
}

fn grey(size: Size) -> Report {
    let mut frame = Frame {
        data: vec![128; size.width as usize * size.height as usize],
        ..Frame::default()
    };
    frame.set_shape(size, PixelFormat::Grey);
    let mut report = Report {
        keypoints: Arc::new(keypoints()),
        visible: Threshold(VISIBLE),
        ..Report::default()
    };
    report.begin(&frame, true);
    report
}

/// A torso with one elbow out to each side, seen from the front.
const TORSO: [(f32, f32); 7] = [
    (14.0, 4.0),
    (20.0, 10.0),
    (8.0, 10.0),
    (18.0, 22.0),
    (10.0, 22.0),
    (27.0, 14.0),
    (2.0, 16.0),
];

fn add_torso(report: &mut Report) -> &mut Seen {
    let person = report.people.add();
    person
        .skeleton
        .keypoints
        .extend(TORSO.map(|(x, y)| Keypoint {
            position: Point::new(x, y),
            score: 0.9,
        }));
    person
}

fn picture(report: &Report, size: Size) -> Vec<String> {
    let everything = Parts {
        boxes: true,
        ..Parts::default()
    };
    picture_of(report, everything, size)
}

fn picture_of(report: &Report, parts: Parts, size: Size) -> Vec<String> {
    let mut image = RgbImage::new(size);
    image.draw(report, parts);
    ascii(
        &image,
        &[
            (LEFT, 'l'),
            (RIGHT, 'r'),
            (MIDDLE, 'm'),
            (EDGE, '.'),
            (GROUND, '_'),
            (BOX, 'b'),
            (NOTE, 'n'),
        ],
    )
}

/// Compares with an expected picture and prints both if they differ.
fn assert_picture(report: &Report, expected: &[&str]) {
    let size = Size::new(expected[0].len() as u32, expected.len() as u32);
    let found = picture(report, size);
    assert!(
        found == expected,
        "found:\n{}\nexpected:\n{}",
        found.join("\n"),
        expected.join("\n")
    );
}

#[test]
fn middle_and_label_have_the_colour_of_the_number() {
    let shows = |id: u32| {
        let mut report = grey(Size::new(60, 56));
        add_torso(&mut report).id = id;
        let mut image = RgbImage::new(Size::new(60, 56));
        image.draw(&report, Parts::default());
        PEOPLE.map(|c| {
            image
                .data
                .chunks(3)
                .filter(|p| *p == [c.r(), c.g(), c.b()])
                .count()
        })
    };
    for (id, own) in [(0, 0), (1, 0), (2, 1), (5, 4), (6, 0), (u32::MAX, 4)] {
        let counts = shows(id);
        for (i, count) in counts.into_iter().enumerate() {
            assert_eq!(count > 5, i == own, "{id}: {counts:?}");
        }
    }
}

#[test]
fn bones_and_joints_lie_where_the_person_is_in_the_colour_of_their_side() {
    let mut report = grey(Size::new(30, 28));
    add_torso(&mut report);
    #[rustfmt::skip]
    assert_picture(&report, &[
        "++++++++++++++++++++++++++++++",
        "++++++++++++++++++++++++++++++",
        "+++++++++++++...++++++++++++++",
        "++++++++++++..m..+++++++++++++",
        "++++++++++++.mmm.+++++++++++++",
        "++++++++++++..m..+++++++++++++",
        "+++++++++++++...++++++++++++++",
        "++++++++++++++++++++++++++++++",
        "+++++++...+++++++++...++++++++",
        "++++++..r...........l..+++++++",
        "++++++.rrrmmmmmmmmmlll...+++++",
        "++++++.rr...........lll....+++",
        "+++++.r.r.+++++++++.l..ll....+",
        "++++.r..r.+++++++++.l.+..lll..",
        "+...r..+.r.+++++++.l.++++.lll.",
        "..rr..++.r.+++++++.l.++++..l..",
        ".rrr.+++.r.+++++++.l.+++++...+",
        "..r..+++.r.+++++++.l.+++++++++",
        "+...++++.r.+++++++.l.+++++++++",
        "++++++++.r.+++++++.l.+++++++++",
        "+++++++++.r.+++++.l.++++++++++",
        "++++++++..r.......l..+++++++++",
        "++++++++.rrrmmmmmlll.+++++++++",
        "++++++++..r.......l..+++++++++",
        "+++++++++...+++++...++++++++++",
        "++++++++++++++++++++++++++++++",
        "++++++++++++++++++++++++++++++",
        "++++++++++++++++++++++++++++++",
    ]);
}

#[test]
fn unseen_joints_and_their_bones_are_missing() {
    let mut report = grey(Size::new(30, 28));
    add_torso(&mut report).skeleton.keypoints[5].score = VISIBLE - 0.01;
    #[rustfmt::skip]
    let without_left_elbow = [
        "++++++++++++++++++++++++++++++",
        "++++++++++++++++++++++++++++++",
        "+++++++++++++...++++++++++++++",
        "++++++++++++..m..+++++++++++++",
        "++++++++++++.mmm.+++++++++++++",
        "++++++++++++..m..+++++++++++++",
        "+++++++++++++...++++++++++++++",
        "++++++++++++++++++++++++++++++",
        "+++++++...+++++++++...++++++++",
        "++++++..r...........l..+++++++",
        "++++++.rrrmmmmmmmmmlll.+++++++",
        "++++++.rr...........l..+++++++",
        "+++++.r.r.+++++++++.l.++++++++",
        "++++.r..r.+++++++++.l.++++++++",
        "+...r..+.r.+++++++.l.+++++++++",
        "..rr..++.r.+++++++.l.+++++++++",
        ".rrr.+++.r.+++++++.l.+++++++++",
        "..r..+++.r.+++++++.l.+++++++++",
        "+...++++.r.+++++++.l.+++++++++",
        "++++++++.r.+++++++.l.+++++++++",
        "+++++++++.r.+++++.l.++++++++++",
        "++++++++..r.......l..+++++++++",
        "++++++++.rrrmmmmmlll.+++++++++",
        "++++++++..r.......l..+++++++++",
        "+++++++++...+++++...++++++++++",
        "++++++++++++++++++++++++++++++",
        "++++++++++++++++++++++++++++++",
        "++++++++++++++++++++++++++++++",
    ];
    assert_picture(&report, &without_left_elbow);
    for nowhere in [f32::NAN, f32::INFINITY, f32::MAX] {
        report.clear();
        add_torso(&mut report).skeleton.keypoints[5] = Keypoint {
            position: Point::new(nowhere, 3.0),
            score: 0.9,
        };
        if !nowhere.is_finite() {
            assert_picture(&report, &without_left_elbow);
        }
        picture(&report, Size::new(30, 28));
    }
}

#[test]
fn a_wider_picture_than_the_target_lies_between_bars_and_its_boxes_move_along() {
    let mut report = grey(Size::new(24, 12));
    report.boxes.push(Rect::new(4.0, 2.0, 10.0, 6.0));
    #[rustfmt::skip]
    assert_picture(&report, &[
        "                        ",
        "                        ",
        "++++++++++++++++++++++++",
        "+++.............++++++++",
        "+++.bbbbbbbbbbb.++++++++",
        "+++.b.........b.++++++++",
        "+++.b.+++++++.b.++++++++",
        "+++.b.+++++++.b.++++++++",
        "+++.b.+++++++.b.++++++++",
        "+++.b.........b.++++++++",
        "+++.bbbbbbbbbbb.++++++++",
        "+++.............++++++++",
        "++++++++++++++++++++++++",
        "++++++++++++++++++++++++",
        "                        ",
        "                        ",
    ]);
}

#[test]
fn a_label_at_the_edge_is_moved_inside() {
    let mut report = grey(Size::new(48, 32));
    let person = report.people.add();
    person.poses.push("sit".into());
    person.skeleton.keypoints.push(Keypoint {
        position: Point::new(46.0, 3.0),
        score: 0.9,
    });
    #[rustfmt::skip]
    assert_picture(&report, &[
        "            +++++++++++++++_________________    ",
        "            +++++++++++++++_________________    ",
        "            +++++++++++++++________m___m____    ",
        "            +++++++++++++++____________m____    ",
        "            +++++++++++++++___mm__mm__mmm___    ",
        "            +++++++++++++++__mm____m___m____    ",
        "            +++++++++++++++____m___m___m_m__    ",
        "            +++++++++++++++__mm___mmm___m___    ",
        "            +++++++++++++++_________________    ",
        "            +++++++++++++++_________________    ",
        "            ++++++++++++++++++++++++            ",
        "            ++++++++++++++++++++++++            ",
        "            ++++++++++++++++++++++++            ",
        "            ++++++++++++++++++++++++            ",
        "            ++++++++++++++++++++++++            ",
        "            ++++++++++++++++++++++++            ",
    ]);
}

#[test]
fn a_note_goes_above_the_speed_where_both_do_not_fit() {
    let mut report = grey(Size::new(48, 22));
    report.rate = Some(9.5);
    report.state = Some(State::SourceLost("hi".into()));
    #[rustfmt::skip]
    assert_picture(&report, &[
        "++++++++++++++++++++++++++++++++++++++++++++++++",
        "++++++++++++++++++++++++++++++++++++++++++++++++",
        "____________++++++++++++++++++++++++++++++++++++",
        "____________++++++++++++++++++++++++++++++++++++",
        "_n______n___++++++++++++++++++++++++++++++++++++",
        "_n__________++++++++++++++++++++++++++++++++++++",
        "_nnn___nn___++++++++++++++++++++++++++++++++++++",
        "_n__n___n___++++++++++++++++++++++++++++++++++++",
        "_n__n___n___++++++++++++++++++++++++++++++++++++",
        "_n__n__nnn__++++++++++++++++++++++++++++++++++++",
        "____________++++++++++++++++++++++++++++++++++++",
        "____________++++++++++++++++++++++++++++++++++++",
        "+++++++++++_____________________________________",
        "+++++++++++_____________________________________",
        "+++++++++++__mm_______mmmm________m_____________",
        "+++++++++++_m__m______m__________m_m____________",
        "+++++++++++_m__m______mmm________m___mmm____mm__",
        "+++++++++++__mmm_________m______mmm__m__m__mm___",
        "+++++++++++____m___m__m__m_______m___mmm_____m__",
        "+++++++++++__mm___mmm__mm________m___m_____mm___",
        "+++++++++++________m_________________m__________",
        "+++++++++++_____________________________________",
    ]);
}

#[test]
fn parts_switched_off_are_not_drawn() {
    let mut report = grey(Size::new(30, 28));
    let nothing = Parts::from_names([]).unwrap();
    add_torso(&mut report).poses.push("sit".into());
    report.boxes.push(Rect::new(4.0, 2.0, 10.0, 6.0));
    report.rate = Some(9.5);
    assert_eq!(
        picture_of(&report, nothing, Size::new(30, 28)),
        vec![" ".repeat(30); 28]
    );
}

#[test]
fn a_frame_whose_bytes_are_missing_is_black_and_no_panic() {
    let mut report = grey(Size::new(30, 28));
    report.picture.data.truncate(100);
    assert_eq!(
        picture(&report, Size::new(30, 28)),
        vec![" ".repeat(30); 28]
    );
    report.picture.format = PixelFormat::Mjpeg;
    assert_eq!(
        picture(&report, Size::new(30, 28)),
        vec![" ".repeat(30); 28]
    );
}

fn anywhere() -> impl Strategy<Value = f32> {
    prop_oneof![
        -100.0f32..200.0,
        -1e9f32..1e9,
        Just(f32::MAX),
        Just(f32::MIN),
        Just(f32::NAN),
        Just(f32::INFINITY),
        Just(f32::NEG_INFINITY)
    ]
}

proptest! {
    #[test]
    fn no_coordinate_size_or_text_makes_a_drawing_panic(
        joints in proptest::collection::vec((anywhere(), anywhere(), 0.0f32..1.0), 0..9),
        area in (anywhere(), anywhere(), anywhere(), anywhere()),
        (width, height) in (1u32..90, 1u32..90),
        text in ".{0,30}",
        fps in anywhere(),
    ) {
        let mut report = grey(Size::new(40, 30));
        let person = report.people.add();
        person.skeleton.keypoints.extend(joints.iter().map(|&(x, y, score)| Keypoint { position: Point::new(x, y), score }));
        person.poses.push(text.as_str().into());
        person.id = u32::MAX;
        report.boxes.push(Rect::new(area.0, area.1, area.2, area.3));
        report.state = Some(State::SourceLost(text));
        report.rate = Some(fps);
        picture(&report, Size::new(width, height));
    }
}
