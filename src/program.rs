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

/// What is wrong with a program, and the mend.
pub fn trouble(program: &str, problem: &str) -> Trouble {
    Trouble::new(
        format!("command {program:?}: {problem}"),
        "give `argv` as [\"/path/to/program\", \"argument\"] and make the file executable",
    )
}

/// What was set for posed alone, by libcamerify and by the service manager, and would do harm in
/// others.
const OURS_ALONE: [&str; 5] = [
    "LD_PRELOAD",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
];

/// The command of `argv`, in a process group of its own, with our environment but for what is ours
/// alone.
pub fn command(argv: &[String]) -> Command {
    let mut command = Command::new(argv.first().map_or("", String::as_str));
    command.args(argv.iter().skip(1)).process_group(0);
    for name in OURS_ALONE {
        command.env_remove(name);
    }
    // SAFETY: it only makes system calls, as a child of a program with threads may.
    unsafe { command.pre_exec(be_first_to_go) };
    command
}

/// Where memory ends it shall be the program that is killed, with what it starts, and not the whole
/// service. Before it begins: what it starts at once would escape.
fn be_first_to_go() -> io::Result<()> {
    const BEFORE_ALL_OTHERS: &[u8] = b"1000";
    // SAFETY: the path is a C string, the bytes are as many as is said, and the descriptor is the one
    // that was opened. Where it cannot be said the program runs all the same.
    unsafe {
        let score = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY);
        if score >= 0 {
            libc::write(
                score,
                BEFORE_ALL_OTHERS.as_ptr().cast(),
                BEFORE_ALL_OTHERS.len(),
            );
            libc::close(score);
        }
    }
    Ok(())
}

/// Keeps every file of this program from the programs that it starts. std opens files so anyway;
/// what a crate opens by itself (v4l: the camera) would be held by a program that outlives us. Done
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
        close_on_exec();
        let child = command.spawn()?;
        Ok(Self { child, over: false })
    }

    /// Its process number.
    pub fn number(&self) -> u32 {
        self.child.id()
    }

    /// How it ended; None while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Lets what it started go on by itself, where it has ended.
    pub fn leave(&mut self) {
        self.over = true;
    }

    /// Ends it and its group at once.
    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        self.over = true;
        let _ = self.child.wait();
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
        self.await_end();
        self.kill();
        match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(e) => e.to_string(),
        }
    }

    /// Until it has ended, if it does soon.
    fn await_end(&mut self) {
        let since = Instant::now();
        while self.ended().is_none() && since.elapsed() < GRACE {
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
