//! Screens that are not there, or cannot be drawn on, are told of once and keep nobody from acting.

mod support;

use support::{Daemon, PERSON, until};

#[test]
fn what_cannot_be_shown_is_said_once_by_name_and_the_actions_go_on() {
    let text = "[display.wall]\nkind = \"framebuffer\"\ndevice = \"/no/fb9\"\n\
        [display.badge]\nkind = \"oled\"\nbus = \"/no/i2c-9\"\n\
        [display.tv]\nkind = \"drm\"\ndevice = \"/dev/null\"\n\
        [display.file]\nkind = \"png\"\npath = \"DIR/folder\"\nevery_s = 0.1\n\
        [action.note]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\n";
    let script = [format!("{PERSON} 60"), "blank 60".into(), "loop".into()];
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let mut daemon = Daemon::start(&script, text, &[]);
    // Where the file is to be there is a folder.
    std::fs::create_dir(daemon.file("folder")).unwrap();
    until("it acted three times", || {
        daemon.read("journal").matches("note off").count() >= 3
    });
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    for (name, what) in [
        ("wall", "/no/fb9"),
        ("badge", "/no/i2c-9"),
        ("tv", "no card"),
        ("file", "no file"),
    ] {
        let said = log
            .lines()
            .filter(|line| line.contains(&format!("display {name}: ")));
        let said: Vec<&str> = said.collect();
        assert!(said.len() == 1 && said[0].contains(what), "{name}: {log}");
    }
    assert!(!log.contains("shows again"), "{log}");
}
