//! Programs that posed runs: actions, and sources that are programs.
//!
//! In: a program and its arguments, without a shell. Out: a child in a process group of its own, so
//! that it is ended with everything it started.

use crate::trouble::Trouble;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// How long a program may take to end when it is asked to.
const GRACE: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Checks that `argv` names a program that can be run.
///
/// # Errors
/// It is empty, or no such executable file is on the path.
pub fn check(argv: &[String]) -> Result<(), Trouble> {
    let trouble = |program: &str, problem: &str| {
        Trouble::new(
            format!("command {program:?}: {problem}"),
            "give `argv` as [\"/path/to/program\", \"argument\"] and make the file executable",
        )
    };
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
        std::fs::metadata(p).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    match candidates.iter().any(executable) {
        true => Ok(()),
        false => Err(trouble(program, "no such executable file")),
    }
}

/// The command of `argv`, in a process group of its own.
pub fn command(argv: &[String]) -> Command {
    let mut command = Command::new(argv.first().map_or("", String::as_str));
    command.args(argv.iter().skip(1)).process_group(0);
    command
}

/// A child that leads a process group. When it is dropped, it and its group are ended.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// It and its group are gone: their number may be another's by now.
    over: bool,
}

impl Running {
    /// Starts a command that [`command`] made.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let child = command.spawn()?;
        Ok(Self { child, over: false })
    }

    /// How it ended, in words; None while it runs.
    fn ended(&mut self) -> Option<String> {
        self.child
            .try_wait()
            .ok()
            .flatten()
            .map(|status| say(&status))
    }

    /// Lets it end by itself, asks it to, ends it and its group if it does not, and says how it
    /// ended. For one that has closed its output and is about to.
    pub fn wait(&mut self) -> String {
        self.await_end();
        self.end()
    }

    /// Asks it to end, ends it and its group if it does not, and says how it ended.
    pub fn end(&mut self) -> String {
        self.signal(libc::SIGTERM);
        let status = self.await_end();
        self.signal(libc::SIGKILL);
        self.over = true;
        status.unwrap_or_else(|| match self.child.wait() {
            Ok(status) => say(&status),
            Err(e) => e.to_string(),
        })
    }

    /// How it ended, if it does soon.
    fn await_end(&mut self) -> Option<String> {
        let since = Instant::now();
        loop {
            let status = self.ended();
            if status.is_some() || since.elapsed() > GRACE {
                return status;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// To the group, which outlives its leader as long as there are others in it.
    fn signal(&self, signal: libc::c_int) {
        if let Ok(group) = i32::try_from(self.child.id()) {
            // SAFETY: kill(2) takes any numbers. The group is the child's own; if nobody is left in
            // it, there is no such group, since a number is not given anew within half a second.
            unsafe { libc::kill(-group, signal) };
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            self.end();
        }
    }
}

fn say(status: &ExitStatus) -> String {
    status.to_string()
}
