//! SIGHUP takes up a good new configuration and refuses one that is broken or cannot be opened,
//! keeping the old.

mod support;

use support::{Daemon, PERSON, until};

fn action(name: &str) -> String {
    format!(
        "[action.{name}]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\nmode = \"latch\"\n"
    )
}

#[test]
fn a_broken_configuration_is_refused_and_a_good_one_taken_up() {
    let source = format!("{PERSON} 1000000");
    let mut daemon = Daemon::start(&[&source], &action("first"), &[]);
    until("the first action", || {
        daemon.read("journal") == "first on here\n"
    });
    daemon.rewrite(
        &[&source],
        "[action.second]\nkind = \"nonsense\"\npose = \"here\"\n",
    );
    daemon.signal(libc::SIGHUP);
    until("the refusal", || {
        daemon
            .read("log")
            .contains("is refused and the old one kept")
    });
    assert!(
        daemon.read("log").contains("action.second.kind"),
        "{}",
        daemon.read("log")
    );
    assert_eq!(
        daemon.read("journal"),
        "first on here\n",
        "the old one goes on"
    );
    daemon.rewrite(&[&source], &action("third"));
    daemon.signal(libc::SIGHUP);
    until("the third action", || {
        daemon.read("journal") == "first on here\nfirst off\nthird on here\n"
    });
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(
        daemon.read("journal"),
        "first on here\nfirst off\nthird on here\nthird off\n"
    );
}

#[test]
fn a_configuration_whose_output_cannot_be_opened_gives_way_to_the_old_one() {
    let source = format!("{PERSON} 1000000");
    let mut daemon = Daemon::start(&[&source], &action("first"), &[]);
    until("the first action", || {
        daemon.read("journal") == "first on here\n"
    });
    daemon.rewrite(
        &[&source],
        &(action("second") + "[publish.p]\nkind = \"file\"\npath = \"DIR/no/such/folder/lines\"\n"),
    );
    daemon.signal(libc::SIGHUP);
    until("the old one acts again", || {
        daemon.read("journal") == "first on here\nfirst off\nfirst on here\n"
    });
    let log = daemon.read("log");
    assert!(
        log.contains("is refused and the old one kept") && log.contains("no/such/folder"),
        "{log}"
    );
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(
        daemon.read("journal"),
        "first on here\nfirst off\nfirst on here\nfirst off\n"
    );
}
