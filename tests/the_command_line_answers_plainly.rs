//! What is typed wrongly is blamed where it was typed, and what became of a command is told by its
//! exit code.

use std::path::Path;
use std::process::{Command, Output, Stdio};

const PHOTO: &str = "photos/astronaut.jpg";

fn posed(args: &[&str]) -> (Option<i32>, String) {
    told(Command::new(env!("CARGO_BIN_EXE_posed")).args(args))
}

fn told(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.stdin(Stdio::null()).output().unwrap();
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn a_network_that_is_not_there_is_blamed_on_the_option_that_named_it() {
    for args in [
        &["image", "-m", "nomodel", PHOTO][..],
        &[
            "replay",
            "-m",
            "nomodel",
            "tests/recordings/man_comes_near/clip.avi",
        ],
        &["image", "-m", "./no/such.toml", PHOTO],
    ] {
        let (code, said) = posed(args);
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.starts_with("posed: --model: ") && said.contains(args[2]),
            "{said}"
        );
        assert!(!said.contains("config/posed.toml"), "{said}");
    }
}

#[test]
fn where_there_are_no_networks_the_sample_is_not_blamed() {
    if Path::new("/usr/share/posed/models").exists() {
        return;
    }
    // Networks are looked for beside the program's folder, too.
    let room = tempfile::tempdir().unwrap();
    let deep = room.path().join("a/b/c/d");
    std::fs::create_dir_all(&deep).unwrap();
    let program = deep.join("posed");
    // By a process of its own: what this one has open for writing, another test's child would have too,
    // and a program that somebody writes to cannot be run (ETXTBSY).
    let copied = Command::new("cp")
        .args([env!("CARGO_BIN_EXE_posed").as_ref(), program.as_os_str()])
        .status();
    assert!(copied.unwrap().success());
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join(PHOTO);
    let mut command = Command::new(&program);
    command
        .arg("image")
        .arg(photo)
        .current_dir(&deep)
        .env_remove("POSED_MODELS");
    let (code, said) = told(&mut command);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("no networks here: looked in ./models"),
        "{said}"
    );
    assert!(said.contains("set POSED_MODELS"), "{said}");
    assert!(!said.contains("posed.toml"), "{said}");
}

#[test]
fn a_picture_of_another_kind_than_png_is_no_folder_of_that_name() {
    let room = tempfile::tempdir().unwrap();
    let output = room.path().join("me.JPG");
    let (code, said) = posed(&["image", PHOTO, "-o", output.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("me.png, or a folder"), "{said}");
    assert!(!output.exists());
    let (code, said) = posed(&["image", PHOTO, "-o", "/no/such/me.png"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("mkdir -p /no/such"), "{said}");
}

#[test]
fn a_clip_in_a_folder_that_is_not_there_is_told_before_the_camera_opens() {
    let (code, said) = posed(&["record", "/no/such/clip.avi", "--source", "/dev/video99"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("mkdir -p /no/such"), "{said}");
}

#[test]
fn the_end_of_a_pipe_is_a_code_of_its_own() {
    let room = tempfile::tempdir().unwrap();
    let config = room.path().join("posed.toml");
    std::fs::write(
        &config,
        "[find]\nkind = \"whole_frame\"\n[source]\nkind = \"stdin\"\n",
    )
    .unwrap();
    let stream = [
        b"YUV4MPEG2 W64 H48 F20:1 Cmono\nFRAME\n".to_vec(),
        vec![128; 64 * 48],
    ]
    .concat();
    let file = room.path().join("stream.y4m");
    std::fs::write(&file, stream).unwrap();
    let run = |stdin: Stdio, source: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posed"));
        command.args(["run", "--config"]).arg(&config).args(source);
        command.env("CACHE_DIRECTORY", room.path().join("plans"));
        let out = command.stdin(stdin).output().unwrap();
        (
            out.status.code(),
            String::from_utf8_lossy(&out.stderr).into_owned(),
        )
    };
    let open = || Stdio::from(std::fs::File::open(&file).unwrap());
    let (code, said) = run(open(), &[]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("stdin has ended"), "{said}");
    assert_eq!(run(open(), &["--source", "-"]).0, Some(3));
    let clip = file.to_str().unwrap();
    assert_eq!(run(Stdio::null(), &["--source", clip]).0, Some(0));
    assert_eq!(posed(&["run", "--no-such-option"]).0, Some(2));
}

#[test]
fn docs_and_help_have_the_same_exit_codes() {
    let page = std::fs::read_to_string("docs/commands.md").unwrap();
    let rows = posed::cli::EXIT_CODES.lines().skip(1);
    for row in rows {
        let (code, meaning) = row.trim().split_once("  ").unwrap();
        assert!(page.contains(&format!("| {code} | {meaning} |")), "{row}");
    }
    let help = Command::new(env!("CARGO_BIN_EXE_posed"))
        .arg("--help")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&help.stdout).contains("Exit codes:"));
}

#[test]
fn every_shell_can_be_made_to_complete() {
    for shell in ["bash", "zsh", "fish"] {
        let out = Command::new(env!("CARGO_BIN_EXE_posed"))
            .args(["completions", shell])
            .output()
            .unwrap();
        let script = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success(), "{shell}");
        assert!(
            script.contains("doctor") && script.contains("reload-on-hup"),
            "{shell}"
        );
    }
}
