//! A posed process for tests: its configuration, journal and lines in a temporary folder.
#![allow(dead_code)] // each test file uses a part

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A person who is on the photo at once, in the box that the configuration gives, and stays; the
/// rule holds on every frame.
pub const PERSON: &str = "photo photos/basketball.jpg";

/// Waits until `done`, at most 60 s: a slow machine must not fail a test.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub struct Daemon {
    child: Child,
    pub dir: tempfile::TempDir,
}

impl Daemon {
    /// Starts `posed run` with a synthetic source, one pose that any seen person holds, and `rest`
    /// as further configuration. `DIR` stands for the temporary folder.
    pub fn start(script: &[&str], rest: &str, env: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let daemon = Self::spawn(&dir, script, rest, env, Stdio::null(), &[]);
        Self { child: daemon, dir }
    }

    /// The same, told that SIGHUP is a wish for the new configuration.
    pub fn start_reloading(script: &[&str], rest: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let args = &["--reload-on-hup"];
        let child = Self::spawn(&dir, script, rest, &[], Stdio::null(), args);
        Self { child, dir }
    }

    /// The same with stdout a pipe that nobody reads any more.
    pub fn start_with_closed_stdout(script: &[&str], rest: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Self::spawn(&dir, script, rest, &[], Stdio::piped(), &[]);
        drop(child.stdout.take());
        Self { child, dir }
    }

    fn spawn(
        dir: &tempfile::TempDir,
        script: &[&str],
        rest: &str,
        env: &[(&str, &str)],
        stdout: Stdio,
        args: &[&str],
    ) -> Child {
        let path = dir.path().join("posed.toml");
        std::fs::write(&path, config(dir, script, rest)).unwrap();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        Command::new(env!("CARGO_BIN_EXE_posed"))
            .args(["run", "--config"])
            .arg(&path)
            .args(args)
            // Of whoever runs the tests: as a service SIGHUP means something else.
            .env_remove("NOTIFY_SOCKET")
            // Never the user's cache of plans.
            .env("CACHE_DIRECTORY", dir.path().join("plans"))
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// Writes another configuration in place of the first.
    pub fn rewrite(&self, script: &[&str], rest: &str) {
        std::fs::write(
            self.dir.path().join("posed.toml"),
            config(&self.dir, script, rest),
        )
        .unwrap();
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: kill(2) takes any numbers; the child has not been waited for, so its number is
        // its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end and gives the status with the log.
    pub fn end(&mut self) -> (ExitStatus, String) {
        until("the program ends", || {
            self.child.try_wait().unwrap().is_some()
        });
        (self.child.wait().unwrap(), self.read("log"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(dir: &tempfile::TempDir, script: &[&str], rest: &str) -> String {
    let steps: Vec<String> = script.iter().map(|s| format!("{s:?}")).collect();
    format!(
        "grace_s = 1.0\n[source]\nkind = \"synthetic\"\nfps = 20.0\nscript = [{}]\n\
         [find]\nkind = \"given\"\nboxes = [[40, 73, 122, 395]]\n\
         [pose.here]\nwhen = \"nose above mid_hip\"\nhold_s = 0.0\nrelease_s = 0.1\n{}",
        steps.join(", "),
        rest.replace("DIR", &dir.path().display().to_string())
    )
}
