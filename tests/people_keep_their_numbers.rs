//! People who walk past each other, behind each other, in and out keep their numbers: IDF1 and
//! changes of number by py-motmetrics, on clips whose truth is known (support/stage.rs).
//!
//! With `POSED_DRAW=FOLDER` the pictures are written there with the skeletons drawn over them.

#[path = "support/python.rs"]
mod python;
#[path = "support/stage.rs"]
mod stage;

use posed::config::{Config, Overrides};
use posed::display::{Parts, png};
use posed::find::previous_pose;
use posed::geometry::Rect;
use posed::infer::Infer;
use posed::report::{Report, Seen};
use serde_json::{Value, json};
use stage::{Place, Stage, Truth};
use std::path::Path;
use std::time::Duration;

const FPS: f32 = 15.0;
/// Of whom less is seen, nobody asks where they are.
const SEEN: f32 = 0.3;

struct Scene {
    name: &'static str,
    frames: usize,
    /// Who is where at this second; the last before the others.
    places: fn(f32) -> Vec<Place>,
    find: &'static str,
}

fn place(who: &'static str, id: u32, x: f32, foot: f32, height: f32) -> Place {
    Place {
        who,
        id,
        x,
        foot,
        height,
        mirrored: false,
    }
}

fn thrower(id: u32, x: f32, height: f32) -> Place {
    place("thrower", id, x, 465.0, height)
}

/// Cut off at the thighs: stands at the picture's lower edge.
fn catcher(id: u32, x: f32, height: f32) -> Place {
    place("catcher", id, x, stage::HEIGHT as f32, height)
}

/// The same.
fn astronaut(id: u32, x: f32, height: f32) -> Place {
    place("astronaut", id, x, stage::HEIGHT as f32, height)
}

/// Back and forth between `a` and `b`, from `a`, `seconds` a way.
fn between(a: f32, b: f32, seconds: f32, t: f32) -> f32 {
    let phase = (t / seconds) % 2.0;
    a + (b - a) * if phase > 1.0 { 2.0 - phase } else { phase }
}

fn past_each_other(t: f32) -> Vec<Place> {
    vec![
        thrower(1, between(90.0, 550.0, 3.0, t), 330.0),
        catcher(2, between(540.0, 110.0, 3.0, t), 360.0),
    ]
}

fn behind_somebody_who_stands(t: f32) -> Vec<Place> {
    let walks = Place {
        mirrored: t % 4.8 > 2.4,
        ..thrower(1, between(80.0, 560.0, 2.4, t), 350.0)
    };
    vec![walks, astronaut(2, 330.0, 330.0)]
}

fn in_and_out(t: f32) -> Vec<Place> {
    let mut all = vec![thrower(1, 110.0, 340.0), astronaut(2, 320.0, 260.0)];
    // Comes in from the right, stays, goes, and comes back as somebody new.
    let walk = [(0.6, 3), (4.4, 4)];
    for (from, id) in walk {
        let since = t - from;
        if (0.0..3.0).contains(&since) {
            let x = if since < 1.0 {
                760.0 - 230.0 * since
            } else if since < 2.0 {
                530.0
            } else {
                530.0 + 230.0 * (since - 2.0)
            };
            all.push(catcher(id, x, 380.0));
        }
    }
    all
}

fn in_turns(t: f32) -> Vec<Place> {
    vec![
        thrower(1, 90.0 + 30.0 * (2.0 * t).sin(), 330.0),
        astronaut(3, 330.0, 250.0),
        catcher(2, 530.0 + 25.0 * (1.5 * t).cos(), 370.0),
    ]
}

const SCENES: [Scene; 4] = [
    Scene {
        name: "past each other",
        frames: 90,
        places: past_each_other,
        find: "",
    },
    Scene {
        name: "behind somebody who stands",
        frames: 105,
        places: behind_somebody_who_stands,
        find: "",
    },
    Scene {
        name: "in and out",
        frames: 120,
        places: in_and_out,
        find: "",
    },
    Scene {
        name: "in turns",
        frames: 60,
        places: in_turns,
        find: "max_inferences = 1",
    },
];

/// What the truth asks for, and who was found but for those who are hidden.
fn told(truth: &[Truth], report: &Report) -> Value {
    let shown = |t: &&Truth| t.visible >= SEEN;
    let row = |id: u32, b: Rect| json!([id, b.x, b.y, b.width, b.height]);
    let hits = |t: &Truth, b: Rect| t.bbox.iou(b) >= 0.5;
    // Around the pose, as far as the picture shows it, as the truth is.
    let place = |p: &Seen| {
        let bbox = previous_pose::around(&p.skeleton, report.visible);
        bbox.unwrap_or(p.bbox).intersection(report.size.rect())
    };
    let found = report.people.iter().map(|p| (p.id, place(p)));
    let found = found.filter(|(_, bbox)| {
        let hidden = truth.iter().any(|t| !shown(&t) && hits(t, *bbox));
        !hidden || truth.iter().filter(shown).any(|t| hits(t, *bbox))
    });
    json!({
        "truth": truth.iter().filter(shown).map(|t| row(t.id, t.bbox)).collect::<Vec<_>>(),
        "found": found.map(|(id, bbox)| row(id, bbox)).collect::<Vec<_>>(),
    })
}

fn play(stage: &Stage, scene: &Scene) -> Value {
    let text = format!("[source]\nkind = \"synthetic\"\n[find]\n{}\n", scene.find);
    let config = Config::parse(&text, Path::new("test.toml"), &Overrides::default()).unwrap();
    let mut infer = Infer::new(&config).unwrap();
    let draw = std::env::var_os("POSED_DRAW");
    let mut frames = Vec::new();
    for number in 0..scene.frames {
        let t = number as f32 / FPS;
        let time = Duration::from_secs_f32(t);
        let (frame, truth) = stage.frame(time, &(scene.places)(t));
        infer.frame(&frame).unwrap();
        let mut report = Report::default();
        report.begin(&frame, true);
        infer.tell(time, false, &mut report);
        if let Some(folder) = &draw {
            let name = format!("{}-{number:03}.png", scene.name.replace(' ', "_"));
            let path = Path::new(folder).join(name);
            png::write(&path, &png::render(&report, Parts::default())).unwrap();
        }
        frames.push(told(&truth, &report));
    }
    python::ask("mot.py", &[], &json!({ "frames": frames }).to_string())
}

#[test]
fn numbers_stay_with_their_people() {
    let stage = Stage::new();
    for scene in &SCENES {
        let figures = play(&stage, scene);
        println!("{}: {figures}", scene.name);
        let figure = |name: &str| figures[name].as_f64().unwrap();
        assert!(figure("IDF1") >= 0.9, "{}: {figures}", scene.name);
        assert_eq!(figure("switches"), 0.0, "{}: {figures}", scene.name);
    }
}
