//! `posed record`: a damaged frame, a full disk or a slow source costs frames or space, never the
//! clip.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn record(arguments: &[&str], output: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posed"))
        .arg("record")
        .args(arguments)
        .arg(output)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What the clip is by its own headers: microseconds a frame and how many frames, from `avih`; and
/// whether it ends with an index of all of them.
fn told_by(clip: &[u8]) -> (u32, usize, bool) {
    let number = |at: usize| u32::from_le_bytes(clip[at..at + 4].try_into().unwrap());
    let frames = number(48) as usize;
    let index = clip.windows(4).rposition(|w| w == b"idx1");
    let whole = index.is_some_and(|at| {
        number(at + 4) as usize == frames * 16 && clip.len() == at + 8 + frames * 16
    });
    (
        number(32),
        frames,
        whole && number(4) as usize == clip.len() - 8,
    )
}

fn jpeg() -> Vec<u8> {
    std::fs::read("photos/astronaut.jpg").unwrap()
}

#[test]
fn a_damaged_frame_is_left_out_and_counted_and_its_time_passes() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("posed.toml");
    std::fs::write(
        &config,
        "[source]\nkind = \"synthetic\"\nfps = 50\nscript = [\"mjpeg 10\", \"truncated_mjpeg 5\", \"mjpeg 10\", \"end\"]\n",
    )
    .unwrap();
    let clip = dir.path().join("o.avi");
    let output = record(&["--config", config.to_str().unwrap()], &clip);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("20 frames in"), "{}", said(&output));
    assert!(said(&output).contains("5 damaged"), "{}", said(&output));
    let (_, frames, whole) = told_by(&std::fs::read(&clip).unwrap());
    // One less where the first frame was late.
    assert!(whole && frames >= 24, "{frames} frames");
}

#[test]
fn a_full_disk_ends_a_clip_that_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = dir.path().join("pictures");
    std::fs::create_dir(&folder).unwrap();
    for i in 0..20 {
        std::fs::write(folder.join(format!("{i:02}.jpg")), jpeg()).unwrap();
    }
    let clip = dir.path().join("o.avi");
    let blocks = jpeg().len() * 5 / 1024;
    // A file that may not grow is what a full disk is, without a disk of its own.
    let limited = format!(
        "trap '' XFSZ; ulimit -f {blocks}; exec {} record --source {} {}",
        env!("CARGO_BIN_EXE_posed"),
        folder.display(),
        clip.display()
    );
    let output = Command::new("bash")
        .args(["-c", &limited])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        said(&output).contains("o.avi: cannot be written"),
        "{}",
        said(&output)
    );
    let (_, frames, whole) = told_by(&std::fs::read(&clip).unwrap());
    assert!(whole && (3..=5).contains(&frames), "{frames} frames");
    folder.push("none");
    assert!(
        !record(&["--source", folder.to_str().unwrap()], &clip)
            .status
            .success()
    );
}

#[test]
fn a_slow_pipe_lasts_as_long_as_it_did() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("o.avi");
    let mut child = Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(["record", "--source", "-", "--seconds", "2"])
        .arg(&clip)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // Ten a second, where a pipe that names no rate is taken for thirty.
    while pipe.write_all(&jpeg()).is_ok() {
        std::thread::sleep(Duration::from_millis(100));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let (frame_us, frames, whole) = told_by(&std::fs::read(&clip).unwrap());
    let seconds = f64::from(frame_us) * 1e-6 * frames as f64;
    assert!(whole && (1.9..=2.1).contains(&seconds), "{seconds} s");
}

#[test]
fn a_clip_keeps_its_own_rate_and_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("first.y4m");
    let frame = [b"FRAME\n".to_vec(), vec![128; 64 * 48]].concat();
    let clip = [b"YUV4MPEG2 W64 H48 F5:1 Cmono\n".to_vec(), frame.repeat(40)].concat();
    std::fs::write(&first, clip).unwrap();
    let second = dir.path().join("second.avi");
    let output = record(&["--source", first.to_str().unwrap()], &second);
    assert!(output.status.success(), "{}", said(&output));
    let told = told_by(&std::fs::read(&second).unwrap());
    assert_eq!(told, (200_000, 40, true));
}

#[test]
fn a_clip_is_never_recorded_onto_itself() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.mjpeg");
    std::fs::write(&clip, jpeg()).unwrap();
    let link = dir.path().join("link.avi");
    std::os::unix::fs::symlink(&clip, &link).unwrap();
    let output = record(&["--source", clip.to_str().unwrap()], &link);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("the source itself"),
        "{}",
        said(&output)
    );
    assert_eq!(std::fs::read(&clip).unwrap(), jpeg());
}

#[test]
fn nothing_recorded_is_no_success_and_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let rubbish = dir.path().join("rubbish.mjpeg");
    std::fs::write(&rubbish, [0xff, 0xd8, 0xff, 1, 2, 3]).unwrap();
    let clip = dir.path().join("o.avi");
    let output = record(&["--source", rubbish.to_str().unwrap()], &clip);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("no picture came"),
        "{}",
        said(&output)
    );
    assert!(!clip.exists());
}

#[test]
fn a_pipe_is_no_place_for_a_clip() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe.avi");
    let name = std::ffi::CString::new(pipe.as_os_str().as_bytes()).unwrap();
    // SAFETY: the name is a C string.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let output = record(&["--source", "synthetic", "--seconds", "1"], &pipe);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("is no file"), "{}", said(&output));
}

#[test]
fn a_stream_that_drips_or_starts_late_holds_up_neither_the_clip_nor_the_signal() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("o.avi");
    let mut recording = Command::new(env!("CARGO_BIN_EXE_posed"))
        .args(["record", "--source", "-", "--seconds", "100"])
        .arg(&clip)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = recording.stdin.take().unwrap();
    std::thread::sleep(Duration::from_secs(3)); // longer than a silence may be
    pipe.write_all(&jpeg().repeat(2)).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let number = recording.id() as i32;
    let dripping = std::thread::spawn(move || {
        while pipe.write_all(&[0xff, 0xd8]).is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    std::thread::sleep(Duration::from_millis(300));
    // SAFETY: kill(2) takes any numbers; the child has not been waited for.
    assert_eq!(unsafe { libc::kill(number, libc::SIGTERM) }, 0);
    let output = recording.wait_with_output().unwrap();
    dripping.join().unwrap();
    assert!(said(&output).contains("frames in"), "{}", said(&output));
    let (_, frames, whole) = told_by(&std::fs::read(&clip).unwrap());
    assert!(whole && frames >= 2, "{frames} frames");
}
