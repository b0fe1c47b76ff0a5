//! What outputs promise, shown on the memory back-end.

use super::memory::{Journal, JournalSettings, MemoryActuator};
use super::*;

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
            until,
        },
        Box::new(actuator),
    );
    (outputs, journal)
}

fn cause(event: EventKind, ms: u64) -> Cause<'static> {
    Cause {
        pose: "wave",
        event,
        person: 1,
        confidence: 0.9,
        time: Duration::from_millis(ms),
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
    o.event(WAVE, &cause(EventKind::Enter, 1000));
    o.tick(Duration::from_millis(1100));
    o.event(WAVE, &cause(EventKind::Enter, 1150));
    assert_eq!(o.next_deadline(), Some(Duration::from_millis(1350)));
    o.tick(Duration::from_millis(1349));
    assert_eq!(o.active().count(), 1);
    o.tick(Duration::from_millis(1350));
    assert_eq!(log(&journal), "on:wave on:wave off");
}

#[test]
fn follow_stays_on_while_anyone_holds_any_of_the_poses() {
    let (mut o, journal) = outputs(Manner::Follow, vec![WAVE, SIT], vec![]);
    o.event(WAVE, &cause(EventKind::Enter, 0));
    o.event(SIT, &cause(EventKind::Enter, 10));
    o.event(WAVE, &cause(EventKind::Exit, 20));
    assert_eq!(log(&journal), "on:wave");
    o.event(SIT, &cause(EventKind::Exit, 30));
    assert_eq!(log(&journal), "on:wave off");
}

#[test]
fn a_latch_ends_only_with_its_until_pose() {
    let (mut o, journal) = outputs(Manner::Latch, vec![WAVE], vec![SIT]);
    o.event(WAVE, &cause(EventKind::Enter, 0));
    o.event(WAVE, &cause(EventKind::Exit, 10));
    o.event(WAVE, &cause(EventKind::Enter, 20));
    assert_eq!(log(&journal), "on:wave");
    o.event(SIT, &cause(EventKind::Enter, 30));
    assert_eq!(log(&journal), "on:wave off");
}

#[test]
fn what_happens_at_events_happens_at_each_of_its_own_and_is_never_on() {
    let moments = Moments {
        enter: false,
        hold: true,
        exit: true,
    };
    let (mut o, journal) = outputs(Manner::Each(moments), vec![WAVE], vec![]);
    for event in [
        EventKind::Enter,
        EventKind::Hold,
        EventKind::Hold,
        EventKind::Exit,
    ] {
        o.event(WAVE, &cause(event, 0));
    }
    o.event(SIT, &cause(EventKind::Exit, 0));
    assert_eq!((o.active().count(), o.next_deadline()), (0, None));
    o.release_all();
    assert_eq!(log(&journal), "on:wave on:wave on:wave");
}

#[test]
fn dropping_the_outputs_releases_them_even_on_a_panic() {
    let (mut o, journal) = outputs(Manner::Latch, vec![WAVE], vec![]);
    o.event(WAVE, &cause(EventKind::Enter, 0));
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
        fn activate(&mut self, _: &Cause) -> Result<(), Trouble> {
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
        },
    );
    o.event(WAVE, &cause(EventKind::Enter, 0));
    o.release_all();
    assert_eq!(log(&journal), "on:wave off");
}
