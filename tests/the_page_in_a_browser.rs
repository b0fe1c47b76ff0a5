//! The page in Debian's chromium: tests/page/test_page.py says what it promises and looks whether it is
//! so.

#[path = "support/python.rs"]
mod python;

use std::process::Command;

#[test]
fn every_promise_of_the_page_is_kept_in_a_real_browser() {
    let output = Command::new(python::python())
        .arg("tests/page/test_page.py")
        .args(["--posed", env!("CARGO_BIN_EXE_posed")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}\n`./test.sh` installs chromium, its driver and what tests/page/requirements.txt names",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.matches("good: ").count() >= 10, "{said}");
}
