//! A program that is run when a pose is recognised.
//!
//! In: on and off. Out: a child process with the event in its environment: POSED_POSE, POSED_EVENT,
//! POSED_PERSON, POSED_CONFIDENCE, POSED_TIME, POSED_COUNT (empty but for counts). Of posed's own environment it gets what
//! `PASSED_ON` names, of its files none but stderr. No shell. A run that lasts longer than its limit is
//! killed with everything it started; at the end of the program so is any other.

use super::{Action, Actuator, Moments, section};
use crate::device::Device;
use crate::program::{self, Running};
use crate::report::Event;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::process::{Command, Stdio};
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
        .check(|argv| program::check(argv).map_err(|e| e.what))
        .needed();
    let time_limit = s
        .seconds("time_limit_s", "what runs longer is killed", 0.1..=86_400.0)
        .or(Duration::from_secs(10));
    let overlap = s
        .flag("overlap", "it is started again while it still runs")
        .or(false);
    let on = section::moments(s);
    Some(Arc::new(CommandSettings {
        argv: argv?,
        time_limit,
        overlap,
        on,
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
    /// The events at which it is run.
    pub on: Moments,
}

impl Device for CommandSettings {
    fn check(&self) -> Result<(), Trouble> {
        program::check(&self.argv)
    }
}

impl Action for CommandSettings {
    fn open(&self, _: &str) -> Result<Box<dyn Actuator>, Trouble> {
        Ok(Box::new(CommandRunner::new(self.clone())?))
    }

    fn happens_at(&self) -> Option<Moments> {
        Some(self.on)
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
    running: Vec<(Running, Instant)>,
    /// The run for the last event that came while another went on. Only where exits are run: whoever
    /// switches something on and off by programs must not be left with it on.
    waiting: Option<Command>,
}

impl CommandRunner {
    /// Checks that the program exists.
    ///
    /// # Errors
    /// `argv` is empty or names no executable file.
    pub fn new(settings: CommandSettings) -> Result<Self, Trouble> {
        program::check(&settings.argv)?;
        Ok(Self {
            settings,
            running: Vec::new(),
            waiting: None,
        })
    }

    /// The run for an event.
    fn run(&self, event: &Event) -> Command {
        let passed_on = PASSED_ON.map(|name| (name, std::env::var_os(name)));
        let mut run = program::command(&self.settings.argv);
        run.env_clear()
            .envs(passed_on.into_iter().filter_map(|(n, v)| Some((n, v?))))
            .env("POSED_POSE", &*event.pose)
            .env("POSED_EVENT", event.kind.name())
            .env("POSED_PERSON", event.person.to_string())
            .env("POSED_CONFIDENCE", format!("{:.3}", event.confidence))
            .env("POSED_TIME", format!("{:.3}", event.time.as_secs_f64()))
            .env(
                "POSED_COUNT",
                event.count.map_or(String::new(), |n| n.to_string()),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        run
    }

    fn start(&mut self, run: Command) -> Result<(), Trouble> {
        let program = Running::start(run)
            .map_err(|e| program::trouble(&self.settings.argv[0], &e.to_string()))?;
        self.running.push((program, Instant::now()));
        Ok(())
    }
}

impl Actuator for CommandRunner {
    fn activate(&mut self, event: &Event) -> Result<(), Trouble> {
        self.tend();
        if !self.running.is_empty() && (!self.settings.overlap || self.running.len() >= MOST_RUNS) {
            self.waiting = self.settings.on.exit.then(|| self.run(event));
            log::info!(
                "command {:?} still runs: {} for {} {}",
                self.settings.argv[0],
                if self.waiting.is_some() {
                    "started again at its end"
                } else {
                    "not started again"
                },
                event.kind.name(),
                event.pose
            );
            return Ok(());
        }
        self.start(self.run(event))
    }

    /// A started program goes on to its own end or its limit: "off" is the end of the pose, not of
    /// the program.
    fn release(&mut self) -> Result<(), Trouble> {
        Ok(())
    }

    fn tend(&mut self) {
        let limit = self.settings.time_limit;
        let program = &self.settings.argv[0];
        self.running.retain_mut(|(run, start)| match run.ended() {
            Some(status) => {
                if !status.success() {
                    log::warn!("command {program:?} ended with {status}");
                }
                run.leave();
                false
            }
            None if start.elapsed() > limit => {
                log::warn!("command {program:?} ran longer than {limit:?} and was killed");
                run.kill();
                false
            }
            None => true,
        });
        if self.running.is_empty()
            && let Some(Err(e)) = self.waiting.take().map(|run| self.start(run))
        {
            log::error!("{e}");
        }
    }
}

impl Drop for CommandRunner {
    fn drop(&mut self) {
        for (run, _) in &mut self.running {
            run.kill();
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
            on: Moments {
                enter: true,
                hold: false,
                exit: true,
                count: false,
            },
        })
        .unwrap()
    }

    fn event() -> Event {
        Event {
            kind: EventKind::Enter,
            pose: "wave".into(),
            person: 3,
            time: Duration::from_secs(2),
            confidence: 0.5,
            held: Duration::ZERO,
            count: None,
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
        r.activate(&event()).unwrap();
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
        r.activate(&event()).unwrap();
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
        let seen = seen_by("ls -l /proc/self/fd; cat /proc/self/oom_score_adj");
        assert!(!seen.contains("camera"), "{seen}");
        assert!(seen.ends_with("\n1000\n"), "{seen}");
        // SAFETY: opened above.
        unsafe { libc::close(camera) };
    }

    #[test]
    fn a_command_that_has_ended_is_no_zombie() {
        let mut r = runner("exit 0", 9000, true);
        r.activate(&event()).unwrap();
        let stat = format!("/proc/{}/stat", r.running[0].0.number());
        until(|| {
            r.tend();
            !std::fs::exists(&stat).unwrap()
        });
    }

    #[test]
    fn what_a_command_left_running_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("later");
        let script = format!("(sleep 0.5; echo later > {}) &", file.display());
        let mut r = runner(&script, 9000, false);
        r.activate(&event()).unwrap();
        until(|| {
            r.tend();
            r.running.is_empty()
        });
        until(|| file.exists());
    }

    #[test]
    fn an_exit_during_a_run_is_run_at_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("seen");
        let script = format!("sleep 0.2; echo $POSED_EVENT >> {}", file.display());
        let mut r = runner(&script, 9000, false);
        r.activate(&event()).unwrap();
        r.activate(&Event {
            kind: EventKind::Exit,
            ..event()
        })
        .unwrap();
        assert_eq!(r.running.len(), 1, "never two at once");
        until(|| {
            r.tend();
            std::fs::read_to_string(&file).is_ok_and(|t| t == "enter\nexit\n")
        });
    }

    #[test]
    fn never_two_at_once_unless_asked() {
        let mut one = runner("sleep 60", 60_000, false);
        let mut many = runner("sleep 60", 60_000, true);
        for _ in 0..3 {
            one.activate(&event()).unwrap();
            many.activate(&event()).unwrap();
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
        r.activate(&event()).unwrap();
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
            on: Moments::ENTER,
        })
        .err()
        .unwrap();
        assert!(e.to_string().contains("/no/such/program"));
    }
}
