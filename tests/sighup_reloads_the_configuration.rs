//! SIGHUP takes up a good new configuration and refuses a broken one, keeping the old.

mod support;

use support::{Daemon, PERSON, until};

fn action(name: &str) -> String {
    format!("[action.{name}]\nkind = \"memory\"\npath = \"DIR/journal\"\npose = \"here\"\nmode = \"latch\"\n")
}

#[test]
fn a_broken_configuration_is_refused_and_a_good_one_taken_up() {
    let source = format!("{PERSON} 1000000");
    let mut daemon = Daemon::start(&[&source], &action("first"), &[]);
    until("the first action", || daemon.read("journal") == "first on here\n");
    daemon.rewrite(&[&source], "[action.second]\nkind = \"nonsense\"\npose = \"here\"\n");
    daemon.signal(libc::SIGHUP);
    until("the refusal", || daemon.read("log").contains("is refused and the old one kept"));
    assert!(daemon.read("log").contains("action.second.kind"), "{}", daemon.read("log"));
    assert_eq!(daemon.read("journal"), "first on here\n", "the old one goes on");
    daemon.rewrite(&[&source], &action("third"));
    daemon.signal(libc::SIGHUP);
    until("the third action", || daemon.read("journal") == "first on here\nfirst off\nthird on here\n");
    daemon.signal(libc::SIGTERM);
    let (status, log) = daemon.end();
    assert!(status.success(), "{log}");
    assert_eq!(daemon.read("journal"), "first on here\nfirst off\nthird on here\nthird off\n");
}
