//! `posed release` runs after a SIGKILL, when anything else may be broken too.

use std::process::Command;

fn release(config: &str) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("posed.toml");
    std::fs::write(&path, config).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(["release", "--config"])
        .arg(&path)
        .output()
        .unwrap();
    (
        out.status.success(),
        String::from_utf8_lossy(&out.stderr).into_owned(),
    )
}

#[test]
fn a_missing_model_and_a_wrong_rule_do_not_keep_it() {
    let (good, said) = release("model = \"no_such_model\"\n[pose.p]\nwhen = \"nose above\"\n");
    assert!(good, "{said}");
}

#[test]
fn a_line_that_is_not_there_is_named() {
    let (good, said) = release(
        "model = \"no_such_model\"\n[pose.p]\nwhen = \"nose above left_elbow\"\n[action.lamp]\nkind = \"gpio\"\nline = \"NO_SUCH_LINE\"\npose = \"p\"\n",
    );
    assert!(
        !good && said.contains("lamp") && said.contains("NO_SUCH_LINE"),
        "{said}"
    );
}

#[test]
fn a_fault_in_one_output_is_named_with_its_line() {
    let (good, said) =
        release("[pose.p]\nwhen = \"x\"\n[action.lamp]\nkind = \"gpio\"\npose = \"p\"\n");
    assert!(
        !good && said.contains(":3:") && said.contains("action.lamp.line"),
        "{said}"
    );
}

#[test]
fn half_a_line_elsewhere_and_an_unknown_key_do_not_keep_it() {
    let (good, said) = release(
        "modle = 1\n[camera]\n[action.other]\nkind = \"memory\"\ncolour = 1\npose = \"p\"\n[pose.p]\nwhen = 7\n",
    );
    // The action that was not understood may be a line.
    assert!(
        !good && said.contains("action.other") && said.contains("1 outputs"),
        "{said}"
    );
    let (good, said) =
        release("modle = 1\n[pose.p]\nwhen = 7\n[action.m]\nkind = \"memory\"\npose = \"q\"\n");
    assert!(good, "{said}");
}

#[test]
fn what_was_in_use_is_released_though_the_file_is_broken_now() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("posed.toml");
    std::fs::write(&path, "[action.la").unwrap();
    std::fs::write(
        dir.path().join("in-use.toml"),
        "[action.lamp]\nkind = \"gpio\"\nline = \"NO_SUCH_LINE\"\npose = \"p\"\n",
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_posed"));
    command
        .args(["release", "--config"])
        .arg(&path)
        .env("RUNTIME_DIRECTORY", dir.path());
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        !out.status.success() && said.contains("NO_SUCH_LINE") && said.contains("1 outputs"),
        "{said}"
    );
}
