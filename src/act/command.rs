//! A program that is run when a pose is recognised.
//!
//! In: on and off. Out: a child process with the event in its environment: POSED_POSE, POSED_EVENT,
//! POSED_PERSON, POSED_CONFIDENCE, POSED_TIME. Of posed's own environment it gets what
//! [`PASSED_ON`] names, of its files none but stderr. No shell. A run that lasts longer than its limit is
//! killed with everything it started; at the end of the program so is any other.

use super::{Action, Actuator, Cause};
use crate::device::Device;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All that is known of the kind "command".
pub const KIND: Kind<Arc<dyn Action>> = Kind {
    name: "command",
    says: "runs a program, without a shell",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Action>> {
    let argv = s
        .texts("argv", "the program and its arguments")
        .example(r#"["/usr/bin/aplay", "bell.wav"]"#)
        .check(|argv| check(argv).map_err(|e| e.what))
        .needed();
    let time_limit = s
        .seconds("time_limit_s", "what runs longer is killed", 0.1..=86_400.0)
        .or(Duration::from_secs(10));
    let overlap = s
        .flag("overlap", "it is started again while it still runs")
        .or(false);
    Some(Arc::new(CommandSettings {
        argv: argv?,
        time_limit,
        overlap,
    }))
}

/// Which program, and how long it may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSettings {
    /// The program and its arguments; at least one entry.
    pub argv: Vec<String>,
    pub time_limit: Duration,
    /// Whether a new run may start while one goes on.
    pub overlap: bool,
}

impl Device for CommandSettings {
    fn check(&self) -> Result<(), Trouble> {
        check(&self.argv)
    }
}

impl Action for CommandSettings {
    fn open(&self, _: &str) -> Result<Box<dyn Actuator>, Trouble> {
        Ok(Box::new(CommandRunner::new(self.clone())?))
    }

    fn is_momentary(&self) -> bool {
        true
    }
}

/// All that a command is to know of the environment that posed was started in: what was set for
/// posed alone (`LD_PRELOAD` by libcamerify, `NOTIFY_SOCKET` by systemd) would do harm in others.
const PASSED_ON: [&str; 4] = ["PATH", "HOME", "LANG", "USER"];

/// No more runs than this at once even where they may overlap.
const MOST_RUNS: usize = 8;

/// Runs a program.
pub struct CommandRunner {
    settings: CommandSettings,
    running: Vec<(Child, Instant)>,
}

impl CommandRunner {
    /// Checks that the program exists.
    ///
    /// # Errors
    /// `argv` is empty or names no executable file.
    pub fn new(settings: CommandSettings) -> Result<Self, Trouble> {
        check(&settings.argv)?;
        Ok(Self {
            settings,
            running: Vec::new(),
        })
    }

    fn failed(&self, problem: &str) -> Trouble {
        trouble(&self.settings.argv[0], problem)
    }
}

/// Checks that `argv` names a program that can be run.
///
/// # Errors
/// It is empty, or no such executable file is on the path.
pub fn check(argv: &[String]) -> Result<(), Trouble> {
    let program = argv
        .first()
        .ok_or_else(|| trouble("", "no program given"))?;
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![program.into()]
    } else {
        std::env::var_os("PATH")
            .iter()
            .flat_map(std::env::split_paths)
            .map(|d| d.join(program))
            .collect()
    };
    let executable = |p: &PathBuf| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(p).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    if candidates.iter().any(executable) {
        Ok(())
    } else {
        Err(trouble(program, "no such executable file"))
    }
}

fn trouble(program: &str, problem: &str) -> Trouble {
    Trouble::new(
        format!("command {program:?}: {problem}"),
        "give `argv` as [\"/path/to/program\", \"argument\"] and make the file executable",
    )
}

/// Keeps every file of this program from the programs that it starts. std opens files so anyway;
/// what a crate opens by itself (v4l: the camera) would be held by a command that outlives us. Done
/// here and not in the child, so that starting one stays cheap.
fn close_on_exec() {
    const AFTER_STDERR: libc::c_uint = 3;
    // SAFETY: close_range(2) takes any numbers, and with this flag it closes nothing now. A kernel
    // before 5.11 refuses it, which leaves things as they were.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            AFTER_STDERR,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
    }
}

/// Where memory ends it shall be the command that is killed, and not the whole service.
fn first_to_go(child: &Child) {
    const BEFORE_ALL_OTHERS: &str = "1000";
    // A program that has ended already needs nothing.
    let _ = std::fs::write(
        format!("/proc/{}/oom_score_adj", child.id()),
        BEFORE_ALL_OTHERS,
    );
}

/// Kills a child with its process group and waits for it.
fn kill(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // SAFETY: kill(2) takes any numbers; the child was made the leader of its own group and has
        // not been waited for, so the number is still its own.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
    let _ = child.kill();
    let _ = child.wait();
}

impl Actuator for CommandRunner {
    fn activate(&mut self, cause: &Cause) -> Result<(), Trouble> {
        self.tend();
        if !self.running.is_empty() && (!self.settings.overlap || self.running.len() >= MOST_RUNS) {
            log::info!(
                "command {:?} still runs: not started again for {}",
                self.settings.argv[0],
                cause.pose
            );
            return Ok(());
        }
        close_on_exec();
        let passed_on = PASSED_ON.map(|name| (name, std::env::var_os(name)));
        let child = Command::new(&self.settings.argv[0])
            .args(&self.settings.argv[1..])
            .env_clear()
            .envs(passed_on.into_iter().filter_map(|(n, v)| Some((n, v?))))
            .env("POSED_POSE", cause.pose)
            .env("POSED_EVENT", cause.event.name())
            .env("POSED_PERSON", cause.person.to_string())
            .env("POSED_CONFIDENCE", format!("{:.3}", cause.confidence))
            .env("POSED_TIME", format!("{:.3}", cause.time.as_secs_f64()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|e| self.failed(&e.to_string()))?;
        first_to_go(&child);
        self.running.push((child, Instant::now()));
        Ok(())
    }

    /// A started program goes on to its own end or its limit: "off" is the end of the pose, not of
    /// the program.
    fn release(&mut self) -> Result<(), Trouble> {
        Ok(())
    }

    fn tend(&mut self) {
        let limit = self.settings.time_limit;
        let program = &self.settings.argv[0];
        self.running
            .retain_mut(|(child, start)| match child.try_wait() {
                Ok(Some(status)) => {
                    if !status.success() {
                        log::warn!("command {program:?} ended with {status}");
                    }
                    false
                }
                Ok(None) if start.elapsed() > limit => {
                    log::warn!("command {program:?} ran longer than {limit:?} and was killed");
                    kill(child);
                    false
                }
                Ok(None) => true,
                Err(_) => false,
            });
    }
}

impl Drop for CommandRunner {
    fn drop(&mut self) {
        for (child, _) in &mut self.running {
            kill(child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::EventKind;

    fn runner(script: &str, limit_ms: u64, overlap: bool) -> CommandRunner {
        let argv = ["/bin/sh", "-c", script].map(String::from).to_vec();
        CommandRunner::new(CommandSettings {
            argv,
            time_limit: Duration::from_millis(limit_ms),
            overlap,
        })
        .unwrap()
    }

    fn cause() -> Cause<'static> {
        Cause {
            pose: "wave",
            event: EventKind::Enter,
            person: 3,
            confidence: 0.5,
            time: Duration::from_secs(2),
        }
    }

    fn until(mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < Duration::from_secs(20), "waited too long");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn the_event_is_in_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("seen");
        let mut r = runner(
            &format!(
                "echo $POSED_POSE $POSED_EVENT $POSED_PERSON $POSED_CONFIDENCE > {}",
                file.display()
            ),
            9000,
            false,
        );
        r.activate(&cause()).unwrap();
        until(|| std::fs::read_to_string(&file).is_ok_and(|t| t == "wave enter 3 0.500\n"));
    }

    /// What a script prints when a command runs it.
    fn seen_by(script: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("seen");
        let place = file.display();
        let mut r = runner(
            &format!("({script}) > {place}.part; mv {place}.part {place}"),
            9000,
            false,
        );
        r.activate(&cause()).unwrap();
        until(|| file.exists());
        until(|| {
            r.tend();
            r.running.is_empty()
        });
        std::fs::read_to_string(&file).unwrap()
    }

    #[test]
    fn a_command_knows_of_the_environment_what_is_promised_and_nothing_else() {
        let seen = seen_by("env");
        // What sh sets by itself.
        let by_sh = ["PWD", "SHLVL", "_", "OLDPWD"];
        let names = seen.lines().filter_map(|l| Some(l.split_once('=')?.0));
        let strange: Vec<&str> = names
            .filter(|n| !n.starts_with("POSED_") && !PASSED_ON.contains(n) && !by_sh.contains(n))
            .collect();
        assert_eq!(strange, [""; 0], "cargo has set some of its own here");
        assert!(seen.contains("PATH=") && seen.contains("POSED_TIME=2.000"));
    }

    #[test]
    fn a_command_holds_no_file_of_ours_and_is_the_first_that_memory_takes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("camera");
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the name ends in a zero; opened as crates do that know of no close-on-exec.
        let camera = unsafe { libc::open(name.as_ptr(), libc::O_CREAT | libc::O_RDWR, 0o600) };
        assert!(camera > 2);
        let seen = seen_by("ls -l /proc/self/fd; sleep 0.2; cat /proc/self/oom_score_adj");
        assert!(!seen.contains("camera"), "{seen}");
        assert!(seen.ends_with("\n1000\n"), "{seen}");
        // SAFETY: opened above.
        unsafe { libc::close(camera) };
    }

    #[test]
    fn a_command_that_has_ended_is_no_zombie() {
        let mut r = runner("exit 0", 9000, true);
        r.activate(&cause()).unwrap();
        let stat = format!("/proc/{}/stat", r.running[0].0.id());
        until(|| {
            r.tend();
            !std::fs::exists(&stat).unwrap()
        });
    }

    #[test]
    fn never_two_at_once_unless_asked() {
        let mut one = runner("sleep 60", 60_000, false);
        let mut many = runner("sleep 60", 60_000, true);
        for _ in 0..3 {
            one.activate(&cause()).unwrap();
            many.activate(&cause()).unwrap();
        }
        assert_eq!((one.running.len(), many.running.len()), (1, 3));
    }

    #[test]
    fn a_run_over_its_limit_is_killed_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let mut r = runner(
            &format!("sleep 600 & echo $! > {}; wait", file.display()),
            300,
            false,
        );
        r.activate(&cause()).unwrap();
        until(|| {
            r.tend();
            r.running.is_empty()
        });
        let pid = std::fs::read_to_string(&file).unwrap();
        let stat = format!("/proc/{}/stat", pid.trim());
        until(|| std::fs::read_to_string(&stat).map_or(true, |s| s.contains(") Z ")));
    }

    #[test]
    fn a_missing_program_is_found_before_it_is_needed() {
        let argv = vec!["/no/such/program".to_string()];
        let e = CommandRunner::new(CommandSettings {
            argv,
            time_limit: Duration::from_secs(1),
            overlap: false,
        })
        .err()
        .unwrap();
        assert!(e.to_string().contains("/no/such/program"));
    }
}
