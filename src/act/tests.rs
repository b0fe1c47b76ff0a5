//! What outputs promise, shown on the memory back-end.

use super::memory::{Journal, JournalSettings, MemoryActuator};
use super::*;
use crate::geometry::{Rect, Size};

const WAVE: usize = 0;
const SIT: usize = 1;

fn outputs(manner: Manner, poses: Vec<usize>, until: Vec<usize>) -> (Outputs, Journal) {
    let actuator = MemoryActuator::new("lamp", None);
    let journal = actuator.journal();
    let device = Arc::new(JournalSettings::default());
    let mut outputs = Outputs::default();
    outputs.add(
        OutputSettings {
            name: "lamp".into(),
            device,
            manner,
            poses,
            who: Who::Any,
            until,
        },
        Box::new(actuator),
    );
    (outputs, journal)
}

fn event(kind: EventKind, ms: u64) -> Event {
    Event {
        kind,
        pose: "wave".into(),
        person: 1,
        time: Duration::from_millis(ms),
        confidence: 0.9,
        held: Duration::ZERO,
        count: None,
    }
}

fn log(journal: &Journal) -> String {
    journal.lock().unwrap().join(" ")
}

#[test]
fn a_pulse_ends_at_its_time_and_a_new_enter_makes_it_longer() {
    let (mut o, journal) = outputs(
        Manner::Pulse(Duration::from_millis(200)),
        vec![WAVE],
        vec![],
    );
    o.event(WAVE, &event(EventKind::Enter, 1000));
    o.tick(Duration::from_millis(1100));
    o.event(WAVE, &event(EventKind::Enter, 1150));
    assert_eq!(o.next_deadline(), Some(Duration::from_millis(1350)));
    o.tick(Duration::from_millis(1349));
    assert_eq!(o.active().count(), 1);
    o.tick(Duration::from_millis(1350));
    assert_eq!(log(&journal), "on:wave on:wave off");
}

#[test]
fn follow_stays_on_while_anyone_holds_any_of_the_poses() {
    let (mut o, journal) = outputs(Manner::Follow, vec![WAVE, SIT], vec![]);
    o.event(WAVE, &event(EventKind::Enter, 0));
    o.event(SIT, &event(EventKind::Enter, 10));
    o.event(WAVE, &event(EventKind::Exit, 20));
    assert_eq!(log(&journal), "on:wave");
    o.event(SIT, &event(EventKind::Exit, 30));
    assert_eq!(log(&journal), "on:wave off");
}

#[test]
fn a_latch_ends_only_with_its_until_pose() {
    let (mut o, journal) = outputs(Manner::Latch, vec![WAVE], vec![SIT]);
    o.event(WAVE, &event(EventKind::Enter, 0));
    o.event(WAVE, &event(EventKind::Exit, 10));
    o.event(WAVE, &event(EventKind::Enter, 20));
    assert_eq!(log(&journal), "on:wave");
    o.event(SIT, &event(EventKind::Enter, 30));
    assert_eq!(log(&journal), "on:wave off");
}

#[test]
fn what_happens_at_events_happens_at_each_of_its_own_and_is_never_on() {
    let moments = Moments {
        enter: false,
        hold: true,
        exit: true,
        count: false,
    };
    let (mut o, journal) = outputs(Manner::Each(moments), vec![WAVE], vec![]);
    for kind in [
        EventKind::Enter,
        EventKind::Hold,
        EventKind::Hold,
        EventKind::Exit,
    ] {
        o.event(WAVE, &event(kind, 0));
    }
    o.event(SIT, &event(EventKind::Exit, 0));
    assert_eq!((o.active().count(), o.next_deadline()), (0, None));
    o.release_all();
    assert_eq!(log(&journal), "on:wave on:wave on:wave");
}

#[test]
fn a_reload_tells_the_exit_of_what_was_entered_and_not_left() {
    let moments = Moments {
        exit: true,
        ..Moments::default()
    };
    let (mut o, journal) = outputs(Manner::Each(moments), vec![WAVE], vec![]);
    o.event(WAVE, &event(EventKind::Enter, 0));
    o.let_go(Duration::from_secs(1), Duration::from_secs(2));
    assert_eq!(log(&journal), "on:wave");
    o.let_go(Duration::from_secs(1), Duration::from_secs(2));
    o.event(WAVE, &event(EventKind::Enter, 3000));
    o.event(WAVE, &event(EventKind::Exit, 4000));
    o.let_go(Duration::from_secs(5), Duration::from_secs(2));
    assert_eq!(log(&journal), "on:wave on:wave");
}

#[test]
fn dropping_the_outputs_releases_them_even_on_a_panic() {
    let (mut o, journal) = outputs(Manner::Latch, vec![WAVE], vec![]);
    o.event(WAVE, &event(EventKind::Enter, 0));
    let _ = std::thread::spawn(move || {
        let _held = o;
        panic!("a test's own panic");
    })
    .join();
    assert_eq!(log(&journal), "on:wave off");
}

#[test]
fn a_broken_device_does_not_stop_the_others() {
    struct Broken;
    impl Actuator for Broken {
        fn activate(&mut self, _: &Event) -> Result<(), Trouble> {
            Err(Trouble::new("gone", "plug it in"))
        }
        fn release(&mut self) -> Result<(), Trouble> {
            Err(Trouble::new("gone", "plug it in"))
        }
    }
    let (mut o, journal) = outputs(Manner::Follow, vec![WAVE], vec![]);
    let device = Arc::new(JournalSettings::default());
    let settings = OutputSettings {
        name: "broken".into(),
        device,
        manner: Manner::Follow,
        poses: vec![WAVE],
        who: Who::Any,
        until: vec![],
    };
    o.list.insert(
        0,
        Output {
            settings,
            actuator: Box::new(Broken),
            active: false,
            holders: 0,
            off_at: None,
            chosen: Chosen::default(),
            entered: Vec::new(),
        },
    );
    o.event(WAVE, &event(EventKind::Enter, 0));
    o.release_all();
    assert_eq!(log(&journal), "on:wave off");
}

/// A line that notes when it is opened and closed beside its levels.
#[derive(Clone)]
struct Line {
    number: u32,
    journal: Journal,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.number)
    }
}

impl Device for Line {}

impl Action for Line {
    fn open(&self, _: &str) -> Result<Box<dyn Actuator>, Trouble> {
        if self.number == NO_LINE {
            return Err(Trouble::new("there is no such line", "take another"));
        }
        let line = OpenLine(self.clone());
        line.note("open");
        Ok(Box::new(line))
    }
}

/// A line that does not exist.
const NO_LINE: u32 = 99;

struct OpenLine(Line);

impl OpenLine {
    fn note(&self, what: &str) {
        let note = format!("{what}:{}", self.0.number);
        self.0.journal.lock().unwrap().push(note);
    }
}

impl Actuator for OpenLine {
    fn activate(&mut self, _: &Event) -> Result<(), Trouble> {
        self.note("on");
        Ok(())
    }
    fn release(&mut self) -> Result<(), Trouble> {
        self.note("off");
        Ok(())
    }
}

impl Drop for OpenLine {
    fn drop(&mut self) {
        self.note("close");
    }
}

/// Settings of lines with names, each driven by a pose, that note into one journal.
fn lines(lines: &[(&str, u32, Manner, usize)], journal: &Journal) -> Vec<OutputSettings> {
    let settings = |&(name, number, manner, pose): &(&str, u32, Manner, usize)| OutputSettings {
        name: name.into(),
        device: Arc::new(Line {
            number,
            journal: Arc::clone(journal),
        }),
        manner,
        poses: vec![pose],
        who: Who::Any,
        until: vec![],
    };
    lines.iter().map(settings).collect()
}

#[test]
fn other_settings_move_and_open_only_what_changed() {
    let journal = Journal::default();
    let said = || std::mem::take(&mut *journal.lock().unwrap()).join(" ");
    let old = [
        ("bell", 1, Manner::Latch, WAVE),
        ("door", 2, Manner::Follow, WAVE),
        ("lamp", 3, Manner::Latch, WAVE),
    ];
    let mut o = Outputs::open(&lines(&old, &journal)).unwrap();
    o.event(WAVE, &event(EventKind::Enter, 0));
    assert_eq!(said(), "open:1 open:2 open:3 on:1 on:2 on:3");
    // A pose came before the others, the lamp has another line, and a fan is new.
    let new = [
        ("bell", 1, Manner::Latch, WAVE + 1),
        ("door", 2, Manner::Follow, WAVE + 1),
        ("fan", 4, Manner::Latch, WAVE),
        ("lamp", 5, Manner::Latch, WAVE + 1),
    ];
    let new = lines(&new, &journal);
    o.reopen(&new, |pose| Some(pose + 1)).unwrap();
    assert_eq!(said(), "off:3 close:3 open:4 open:5");
    assert_eq!(o.active().collect::<Vec<_>>(), ["bell", "door"]);
    // Driven by another pose: off, but not closed.
    o.reopen(&new, |_| None).unwrap();
    assert_eq!(said(), "off:1 off:2");
    drop(o);
    assert_eq!(said(), "close:1 close:2 close:4 close:5");
}

#[test]
fn what_cannot_be_opened_leaves_the_rest_to_the_old_settings() {
    let journal = Journal::default();
    let said = || std::mem::take(&mut *journal.lock().unwrap()).join(" ");
    let old = lines(&[("bell", 1, Manner::Latch, WAVE)], &journal);
    let more = [
        ("bell", 1, Manner::Latch, WAVE),
        ("lamp", NO_LINE, Manner::Latch, WAVE),
    ];
    let mut o = Outputs::open(&old).unwrap();
    o.event(WAVE, &event(EventKind::Enter, 0));
    assert!(o.reopen(&lines(&more, &journal), Some).is_err());
    o.reopen(&old, Some).unwrap();
    assert_eq!(said(), "open:1 on:1");
}

#[test]
fn what_was_let_go_stays_on_if_it_is_held_again_in_time_and_else_goes_off() {
    for (again, want) in [(true, "on:wave"), (false, "on:wave off")] {
        let (mut o, journal) = outputs(Manner::Follow, vec![WAVE], vec![]);
        o.event(WAVE, &event(EventKind::Enter, 0));
        o.let_go(Duration::ZERO, Duration::from_millis(2000));
        o.tick(Duration::from_millis(1999));
        if again {
            o.event(WAVE, &event(EventKind::Enter, 1999));
        }
        o.tick(Duration::from_millis(2000));
        assert_eq!(log(&journal), want);
    }
}

/// Somebody with a box of this width in the middle of the picture, or beside it.
fn present(id: u32, width: f32, x: f32, poses: &[usize]) -> Present {
    Present {
        id,
        bbox: Rect::new(x, 0.0, width, 100.0),
        size: Size::new(640, 480),
        poses: poses.iter().map(|&pose| (pose, 0.8)).collect(),
    }
}

fn of_whom(who: Who) -> (Outputs, Journal) {
    let (mut o, journal) = outputs(Manner::Follow, vec![WAVE], vec![]);
    o.list[0].settings.who = who;
    (o, journal)
}

fn look(o: &mut Outputs, at: u64, people: &[Present]) {
    let names = ["wave".into(), "sit".into()];
    o.people(Duration::from_millis(at), people, &names);
}

#[test]
fn all_must_hold_it_and_somebody_be_there() {
    let (mut o, journal) = of_whom(Who::All);
    look(&mut o, 0, &[]);
    look(
        &mut o,
        100,
        &[
            present(1, 50.0, 0.0, &[WAVE]),
            present(2, 50.0, 100.0, &[SIT]),
        ],
    );
    assert_eq!(log(&journal), "");
    look(
        &mut o,
        200,
        &[
            present(1, 50.0, 0.0, &[WAVE]),
            present(2, 50.0, 100.0, &[WAVE]),
        ],
    );
    assert_eq!(log(&journal), "on:wave");
    // Somebody comes who does not.
    look(
        &mut o,
        300,
        &[present(1, 50.0, 0.0, &[WAVE]), present(3, 50.0, 100.0, &[])],
    );
    assert_eq!(log(&journal), "on:wave off");
    look(&mut o, 400, &[present(1, 50.0, 0.0, &[WAVE])]);
    look(&mut o, 500, &[]);
    assert_eq!(log(&journal), "on:wave off on:wave off");
}

#[test]
fn of_two_of_a_size_the_one_who_counts_goes_on_counting() {
    let (mut o, journal) = of_whom(Who::Largest);
    look(
        &mut o,
        0,
        &[present(1, 50.0, 0.0, &[WAVE]), present(2, 40.0, 100.0, &[])],
    );
    look(
        &mut o,
        100,
        &[present(1, 50.0, 0.0, &[WAVE]), present(2, 55.0, 100.0, &[])],
    );
    assert_eq!(log(&journal), "on:wave");
    look(
        &mut o,
        200,
        &[present(1, 50.0, 0.0, &[WAVE]), present(2, 80.0, 100.0, &[])],
    );
    assert_eq!(log(&journal), "on:wave off");
    // The other is gone.
    look(&mut o, 300, &[present(1, 50.0, 0.0, &[WAVE])]);
    assert_eq!(log(&journal), "on:wave off on:wave");
}

#[test]
fn nearest_to_the_centre_is_not_the_largest() {
    let (mut o, journal) = of_whom(Who::NearestCentre);
    let people = [
        present(1, 200.0, 0.0, &[]),
        present(2, 40.0, 300.0, &[WAVE]),
    ];
    look(&mut o, 0, &people);
    assert_eq!(log(&journal), "on:wave");
}

#[test]
fn events_of_the_others_drive_nothing_and_those_of_the_scene_do() {
    let (mut o, journal) = of_whom(Who::Largest);
    o.event(WAVE, &event(EventKind::Enter, 0));
    assert_eq!(log(&journal), "");
    let scene = Event {
        person: 0,
        ..event(EventKind::Enter, 0)
    };
    o.event(WAVE, &scene);
    assert_eq!(log(&journal), "on:wave");
}
