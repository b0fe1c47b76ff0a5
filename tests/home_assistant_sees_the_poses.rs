//! A sink of the kind mqtt, with a real broker (mosquitto of Debian) that comes and goes, and what
//! Home Assistant is told.

#[path = "support/broker.rs"]
mod broker;
mod support;

use broker::{Broker, Reader};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};
use support::{Daemon, PERSON, until};

const DISCOVERY: &str = "homeassistant/device/posed_hall/config";

fn sink(port: u16, rest: &str) -> String {
    format!(
        "[publish.home]\nkind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{port}\"\nname = \"hall\"\n{rest}\n\
        [action.note]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\n"
    )
}

fn for_ever() -> String {
    format!("{PERSON} 1000000")
}

fn open_broker() -> Broker {
    Broker::new("allow_anonymous true")
}

/// What stands under a topic of the device.
fn at(kept: &BTreeMap<String, String>, topic: &str) -> String {
    let topic = format!("posed/hall/{topic}");
    kept.get(&topic).cloned().unwrap_or_default()
}

#[test]
fn poses_people_and_state_stand_at_the_broker_and_all_is_off_at_the_end() {
    let mut broker = open_broker();
    broker.start();
    let mut events = Reader::of(&broker, "posed/hall/event");
    let mut daemon = Daemon::start(&[&for_ever()], &sink(broker.port, "state_s = 1.0"), &[]);
    let event: Value = serde_json::from_str(&events.next()).unwrap();
    assert_eq!(
        (&event["event"], &event["pose"]),
        (&"enter".into(), &"here".into())
    );
    assert_eq!(event["schema"], "posed/1");
    until("somebody is there", || {
        let kept = broker.kept();
        (at(&kept, "pose/here"), at(&kept, "people")) == ("ON".into(), "1".into())
    });
    until("a rate is told", || {
        let state = at(&broker.kept(), "state");
        let state: Value = serde_json::from_str(&state).unwrap_or_default();
        state["fps"].as_f64().is_some_and(|fps| fps > 0.0)
    });
    let kept = broker.kept();
    assert_eq!(at(&kept, "availability"), "online");
    let state: Value = serde_json::from_str(&at(&kept, "state")).unwrap();
    for key in ["fps", "inference_ms", "dropped", "uptime_s"] {
        assert!(state[key].is_number(), "{key}: {state}");
    }
    assert!(state["temperature_c"].is_number() || state["temperature_c"].is_null());
    assert_eq!(state["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(state["source"], "running");
    assert!(!kept.contains_key("posed/hall/event"), "it is over");
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    let kept = broker.kept();
    let ends = ["pose/here", "people", "availability"].map(|topic| at(&kept, topic));
    assert_eq!(ends, ["OFF", "0", "offline"]);
}

#[test]
fn through_a_hundred_losses_of_the_broker_nothing_of_what_stands_there_is_lost() {
    let mut broker = open_broker();
    let here = format!("{PERSON} 6");
    let script = [here.as_str(), "blank 12", "loop"];
    let mut daemon = Daemon::start(&script, &sink(broker.port, ""), &[]);
    let journal = daemon.file("journal");
    let is_on = || {
        let text = std::fs::read_to_string(&journal).unwrap_or_default();
        text.lines().last() == Some("note on here")
    };
    until("the first pose", is_on);
    let start = Instant::now();
    let mut changes = 0;
    let mut last = String::new();
    for loss in 0..100 {
        broker.start();
        until("all stands at the broker again", || {
            let kept = broker.kept();
            let pose = at(&kept, "pose/here");
            changes += u32::from(pose != last);
            last.clone_from(&pose);
            let is_right = pose == if is_on() { "ON" } else { "OFF" };
            let people = at(&kept, "people").parse::<u32>();
            let state = serde_json::from_str::<Value>(&at(&kept, "state"));
            let described = kept.get(DISCOVERY).is_some_and(|d| d.contains("pose_here"));
            at(&kept, "availability") == "online"
                && is_right
                && people.is_ok()
                && state.is_ok()
                && described
        });
        broker.stop();
        assert!(
            daemon.is_running(),
            "after {loss} losses: {}",
            daemon.read("log")
        );
    }
    assert!(changes > 20, "poses changed in between: {changes}");
    eprintln!("100 losses in {:.1} s", start.elapsed().as_secs_f32());
    // The last word also reaches a broker that has come back.
    broker.start();
    until("it is there again", || {
        at(&broker.kept(), "availability") == "online"
    });
    daemon.signal(libc::SIGTERM);
    daemon.end();
    let kept = broker.kept();
    assert_eq!(at(&kept, "availability"), "offline");
    assert_eq!(at(&kept, "pose/here"), "OFF");
}

#[test]
fn what_is_counted_stands_as_a_number_and_goes_with_its_section() {
    let mut broker = open_broker();
    broker.start();
    let here = format!("{PERSON} 10");
    let script = [here.as_str(), "blank 30", "loop"];
    let text = sink(broker.port, "") + "[count.visits]\nof = \"here\"\ntotal = true\n";
    let mut daemon = Daemon::start(&script, &text, &[]);
    until("it was counted twice", || {
        at(&broker.kept(), "count/visits")
            .parse::<u32>()
            .is_ok_and(|n| n >= 2)
    });
    let sensor = component(&broker.kept(), "count_visits");
    assert_eq!(sensor["state_topic"], "posed/hall/count/visits");
    daemon.signal(libc::SIGTERM);
    daemon.end();
    let mut daemon = Daemon::start(&script, &sink(broker.port, ""), &[]);
    until("it is forgotten", || {
        let kept = broker.kept();
        at(&kept, "count/visits").is_empty()
            && component(&kept, "count_visits")
                .get("state_topic")
                .is_none()
    });
    daemon.signal(libc::SIGTERM);
    daemon.end();
}

#[test]
fn a_kill_is_told_by_the_broker_and_a_late_last_will_is_corrected() {
    let mut broker = open_broker();
    broker.start();
    let mut daemon = Daemon::start(&[&for_ever()], &sink(broker.port, ""), &[]);
    until("it is there", || {
        at(&broker.kept(), "availability") == "online"
    });
    // As the broker says it of a connection that it gives up only now.
    broker.say("posed/hall/availability", "offline", true);
    until("it is still there", || {
        at(&broker.kept(), "availability") == "online"
    });
    daemon.signal(libc::SIGKILL);
    until("it is gone", || {
        at(&broker.kept(), "availability") == "offline"
    });
    daemon.end();
}

#[test]
fn a_source_that_is_lost_is_told_and_the_program_stays_available() {
    let mut broker = open_broker();
    broker.start();
    let here = format!("{PERSON} 30");
    let script = [here.as_str(), "stall 1000"];
    let mut daemon = Daemon::start(&script, &sink(broker.port, ""), &[]);
    until("the pose is held", || {
        at(&broker.kept(), "pose/here") == "ON"
    });
    until("the source is lost", || {
        at(&broker.kept(), "state").contains("\"source\":\"lost\"")
    });
    let kept = broker.kept();
    let state = ["pose/here", "people", "availability"].map(|topic| at(&kept, topic));
    assert_eq!(state, ["OFF", "0", "online"]);
    daemon.signal(libc::SIGTERM);
    daemon.end();
}

#[test]
fn pictures_are_sent_only_where_they_are_asked_for_and_are_not_kept() {
    let mut broker = open_broker();
    broker.start();
    let mut pictures = Reader::of(&broker, "posed/hall/picture");
    let mut daemon = Daemon::start(&[&for_ever()], &sink(broker.port, "picture_s = 1.0"), &[]);
    for _ in 0..2 {
        let jpeg = pictures.next_bytes();
        let mut frame = posed::frame::Frame::default();
        posed::decode::photo(&jpeg, &mut frame).unwrap();
        assert!(frame.size.width > 100, "{:?}", frame.size);
    }
    let kept = broker.kept();
    assert!(!kept.contains_key("posed/hall/picture"));
    assert!(kept[DISCOVERY].contains("image_topic"));
    daemon.signal(libc::SIGTERM);
    daemon.end();
    let mut daemon = Daemon::start(&[&for_ever()], &sink(broker.port, ""), &[]);
    until("the pose is held", || {
        at(&broker.kept(), "pose/here") == "ON"
    });
    assert!(!pictures.hears_within(Duration::from_secs(2)));
    daemon.signal(libc::SIGTERM);
    daemon.end();
}

/// A rule that nobody fulfils, beside the one of [`Daemon`].
const SECOND: &str = "[pose.arms_out]\nwhen = \"left_wrist above nose\"\n";

fn component(kept: &BTreeMap<String, String>, id: &str) -> Value {
    let described: Value = serde_json::from_str(&kept[DISCOVERY]).unwrap();
    described["components"][id].clone()
}

#[test]
fn a_pose_that_leaves_the_configuration_leaves_home_assistant_by_a_reload_or_a_restart() {
    let mut broker = open_broker();
    broker.start();
    let (one, two) = (sink(broker.port, ""), sink(broker.port, "") + SECOND);
    let source = for_ever();
    let mut daemon = Daemon::start_reloading(&[&source], &two);
    until("both stand there", || {
        at(&broker.kept(), "pose/arms_out") == "OFF"
    });
    assert_eq!(
        component(&broker.kept(), "pose_arms_out")["name"],
        "arms_out"
    );
    daemon.rewrite(&[&source], &one);
    daemon.signal(libc::SIGHUP);
    let is_removed = || {
        let kept = broker.kept();
        let removed = serde_json::json!({"platform": "binary_sensor"});
        at(&kept, "pose/arms_out").is_empty() && component(&kept, "pose_arms_out") == removed
    };
    until("it is removed by a reload", is_removed);
    daemon.rewrite(&[&source], &two);
    daemon.signal(libc::SIGHUP);
    until("it is back", || {
        at(&broker.kept(), "pose/arms_out") == "OFF"
    });
    assert_eq!(
        component(&broker.kept(), "pose_arms_out")["name"],
        "arms_out"
    );
    daemon.signal(libc::SIGKILL);
    daemon.end();
    let mut daemon = Daemon::start(&[&source], &one, &[]);
    until("it is removed by a restart", is_removed);
    daemon.signal(libc::SIGTERM);
    daemon.end();
    // What was removed once is not told for ever.
    let mut daemon = Daemon::start(&[&source], &one, &[]);
    until("the pose is held", || {
        at(&broker.kept(), "pose/here") == "ON"
    });
    until("it is forgotten", || {
        component(&broker.kept(), "pose_arms_out").is_null()
    });
    daemon.signal(libc::SIGTERM);
    daemon.end();
}

#[test]
fn the_device_is_described_again_when_home_assistant_starts() {
    let mut broker = open_broker();
    broker.start();
    let mut daemon = Daemon::start(&[&for_ever()], &sink(broker.port, ""), &[]);
    until("the pose is held", || {
        at(&broker.kept(), "pose/here") == "ON"
    });
    let mut reader = Reader::of(&broker, DISCOVERY);
    let first = reader.next();
    broker.say("homeassistant/status", "online", false);
    assert_eq!(reader.next(), first);
    assert!(!reader.hears_within(Duration::from_secs(1)), "once");
    daemon.signal(libc::SIGTERM);
    daemon.end();
}

#[test]
fn a_wrong_password_or_authority_is_said_and_delays_nothing() {
    let mut broker = Broker::secured();
    broker.start();
    let dir = broker.dir.path();
    std::fs::write(dir.join("right"), "secret\n").unwrap();
    std::fs::write(dir.join("wrong"), "open sesame\n").unwrap();
    let secured = |password: &str, ca: &str| {
        let (port, dir) = (broker.port, dir.display());
        let url = format!("url = \"mqtt://127.0.0.1:{port}\"");
        let login = format!(
            "url = \"mqtts://localhost:{port}\"\nuser = \"posed\"\npassword_file = \"{dir}/{password}\"\nca_file = \"{dir}/{ca}\""
        );
        sink(port, "").replace(&url, &login)
    };
    for (password, ca, said) in [
        ("wrong", "ca.pem", "refuses the login"),
        ("right", "other.pem", "cannot be trusted"),
    ] {
        let mut daemon = Daemon::start(&[&for_ever()], &secured(password, ca), &[]);
        until("the action happens", || {
            daemon.read("journal") == "note on here\n"
        });
        until("it is said", || daemon.read("log").contains(said));
        let doctor = Command::new(env!("CARGO_BIN_EXE_posed"))
            .args(["doctor", "--config"])
            .arg(daemon.file("posed.toml"))
            .output()
            .unwrap();
        let found = String::from_utf8_lossy(&doctor.stdout).into_owned();
        assert!(found.contains(said), "{found}");
        daemon.signal(libc::SIGTERM);
        let (status, log) = daemon.end();
        assert!(status.success(), "{log}");
    }
    let mut daemon = Daemon::start(&[&for_ever()], &secured("right", "ca.pem"), &[]);
    until("it is connected", || {
        daemon.read("log").contains(": connected")
    });
    daemon.signal(libc::SIGTERM);
    daemon.end();
}
