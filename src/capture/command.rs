//! Frames that a program writes: `rpicam-vid` for a camera on a ribbon cable, `ffmpeg` for one that
//! speaks RTSP, anything else that writes frames to its standard output.
//!
//! In: the program and its arguments. Out: frames of what it writes, told as on stdin. The program
//! is started without a shell, in a process group of its own; it is started anew when it ends or
//! falls silent, and ended with its group when nobody wants its frames any more.

use super::bytes::ByteStream;
use super::clip::DEFAULT_RATE;
use super::clock::{Pace, rate_of};
use super::live::{self, Live, NotBegun, Stream};
use super::pipe::Pipe;
use super::raw::Raw;
use super::{CaptureError, FrameSource, Kept, Next, Source};
use crate::device::Device;
use crate::frame::Frame;
use crate::program::{self, Running};
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All that is known of the kind "command".
pub const KIND: Kind<Arc<dyn Source>> = Kind {
    name: "command",
    says: "a program that writes frames to its standard output, such as rpicam-vid or ffmpeg; started, read and started anew by posed",
    read: read_section,
};

fn read_section(s: &mut Section) -> Option<Arc<dyn Source>> {
    let argv = s
        .texts("argv", "the program and its arguments, without a shell")
        .example(r#"["rpicam-vid", "-t", "0", "-n", "--codec", "mjpeg", "-o", "-"]"#)
        .check(|argv| program::check(argv).map_err(|e| e.what))
        .needed();
    let raw = Raw::read(s);
    let fps = live::read_fps(s);
    let silent = s
        .seconds(
            "restart_after_s",
            "a program that writes nothing for so long is ended and started anew",
            2.0..=600.0,
        )
        .or(Duration::from_secs(10));
    Some(Arc::new(CommandSettings {
        argv: argv?,
        raw,
        fps,
        silent,
        running: Arc::default(),
    }))
}

/// Which program, and what its output cannot say itself.
#[derive(Debug)]
pub struct CommandSettings {
    pub argv: Vec<String>,
    pub raw: Option<Raw>,
    /// Frames a second of streams that name none.
    pub fps: f32,
    /// How long it may be silent.
    pub silent: Duration,
    running: Arc<Kept<Writer>>,
}

impl Device for CommandSettings {
    fn check(&self) -> Result<(), Trouble> {
        program::check(&self.argv)
    }
}

/// A program that runs, and what it wrote as far as it was read.
struct Writer {
    program: Running,
    stream: Stream,
    /// When it was last known to write.
    heard: Instant,
}

impl CommandSettings {
    fn name(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// The program that runs already, unless it has been silent for too long; else a new one.
    fn writer(&self) -> Result<Writer, CaptureError> {
        if let Some(writer) = self.running.take() {
            if writer.heard.elapsed() < self.silent {
                return Ok(writer);
            }
            log::warn!(
                "{}: wrote nothing for {} s: it is ended and started anew",
                self.name(),
                self.silent.as_secs_f32()
            );
        }
        let missing = |error| CaptureError::Missing {
            device: self.name().into(),
            error,
            mend: "see whether the program runs by itself",
        };
        let (reader, writer) = io::pipe().map_err(missing)?;
        let mut command = program::command(&self.argv);
        command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::inherit());
        let program = Running::start(command).map_err(missing)?;
        let bytes = ByteStream::new(Pipe(File::from(OwnedFd::from(reader))));
        Ok(Writer {
            program,
            stream: Stream::Bytes(bytes),
            heard: Instant::now(),
        })
    }
}

impl Source for CommandSettings {
    fn open(&self, pace: Pace) -> Result<Box<dyn FrameSource>, CaptureError> {
        let rate = rate_of(self.fps, self.name())?;
        let Writer {
            mut program,
            stream,
            heard,
        } = self.writer()?;
        let known = matches!(stream, Stream::Frames(_));
        match stream.begin(self.name(), self.raw.as_ref()) {
            Ok(demux) => Ok(Box::new(CommandSource {
                name: self.name().into(),
                writer: Some((program, Live::new(demux, pace, rate))),
                heard: if known { heard } else { Instant::now() },
                running: Arc::clone(&self.running),
            })),
            Err(NotBegun::Silent(e, stream)) => {
                self.running.put(Writer {
                    program,
                    stream: *stream,
                    heard,
                });
                Err(e)
            }
            Err(NotBegun::Empty(_)) => Err(ended(self.name(), &program.wait())),
            Err(NotBegun::Unusable(e)) => Err(e),
        }
    }
}

fn ended(name: &str, status: &str) -> CaptureError {
    CaptureError::Lost {
        device: name.into(),
        error: io::Error::other(format!("the program ended ({status})")),
    }
}

/// A program's frames being read.
struct CommandSource {
    name: String,
    /// None once the program has ended.
    writer: Option<(Running, Live)>,
    heard: Instant,
    running: Arc<Kept<Writer>>,
}

impl FrameSource for CommandSource {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let Some((program, live)) = &mut self.writer else {
            return Ok(Next::End);
        };
        if live.next(frame)? {
            self.heard = Instant::now();
            return Ok(Next::Frame);
        }
        let status = program.wait();
        let recorded = live.pace() == Pace::Recorded;
        self.writer = None;
        match recorded {
            true => Ok(Next::End),
            false => Err(ended(&self.name, &status)),
        }
    }

    fn describe(&self) -> String {
        match &self.writer {
            Some((_, live)) => live.describe(&self.name),
            None => self.name.clone(),
        }
    }

    fn rate(&self) -> (u32, u32) {
        self.writer
            .as_ref()
            .map_or(DEFAULT_RATE, |(_, live)| live.rate())
    }
}

impl Drop for CommandSource {
    fn drop(&mut self) {
        if let Some((program, live)) = self.writer.take() {
            self.running.put(Writer {
                program,
                stream: Stream::Frames(live.demux),
                heard: self.heard,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use std::path::Path;

    fn settings(script: &str) -> CommandSettings {
        CommandSettings {
            argv: ["/bin/sh", "-c", script].map(Into::into).into(),
            raw: None,
            fps: 30.0,
            silent: Duration::from_secs(3),
            running: Arc::default(),
        }
    }

    /// Ended; whether whoever inherits orphans has looked after it is not ours to see.
    fn is_gone(pid: &str) -> bool {
        let status = std::fs::read_to_string(Path::new("/proc").join(pid).join("status"));
        status.map_or(true, |status| status.contains("State:\tZ"))
    }

    /// A process that is killed ends soon, on a busy machine too.
    fn gone(pid: &str) -> bool {
        let since = Instant::now();
        while !is_gone(pid) && since.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
        is_gone(pid)
    }

    #[test]
    fn a_programs_frames_are_read_and_its_end_is_a_loss_that_may_come_back() {
        let settings = settings("cat photos/astronaut.jpg photos/cameraman.jpg; exit 3");
        let mut frame = Frame::default();
        for _ in 0..2 {
            let mut source = settings.open(Pace::Live).unwrap();
            for _ in 0..2 {
                assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
                assert_eq!(frame.size, Size::new(512, 512));
            }
            let e = source.next(&mut frame).unwrap_err();
            assert!(e.is_retryable() && e.to_string().contains('3'), "{e}");
        }
        let mut once = settings.open(Pace::Recorded).unwrap();
        while once.next(&mut frame).unwrap() == Next::Frame {}
    }

    #[test]
    fn a_silent_program_is_ended_with_all_it_started_and_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let pids = dir.path().join("pids");
        let settings = settings(&format!(
            "echo $$ >> {0}; sleep 1000 & echo $! >> {0}; cat photos/astronaut.jpg; wait",
            pids.display()
        ));
        let mut frame = Frame::default();
        let mut source = settings.open(Pace::Live).unwrap();
        source.next(&mut frame).unwrap();
        assert!(source.next(&mut frame).unwrap_err().is_retryable());
        drop(source);
        // Silent for less than it may be: the same program goes on.
        assert!(settings.open(Pace::Live).unwrap().next(&mut frame).is_err());
        let read = || std::fs::read_to_string(&pids).unwrap();
        assert_eq!(read().lines().count(), 2);
        // Then it is another.
        let mut source = settings.open(Pace::Live).unwrap();
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        let all = read();
        let all: Vec<&str> = all.lines().collect();
        assert_eq!(all.len(), 4);
        assert!(gone(all[0]) && gone(all[1]), "{all:?}");
        drop(source);
        assert!(!is_gone(all[2]));
        drop(settings);
        assert!(gone(all[2]) && gone(all[3]), "{all:?}");
    }

    #[test]
    fn a_program_that_writes_no_frames_says_why() {
        let e = settings("exit 7").open(Pace::Live).err().unwrap();
        assert!(e.is_retryable() && e.to_string().contains('7'), "{e}");
        let e = settings("echo no frames at all; sleep 9").open(Pace::Live);
        assert!(e.err().unwrap().to_string().contains("width"));
        let none = CommandSettings {
            argv: vec!["/no/such/program".into()],
            ..settings("")
        };
        assert!(
            none.check()
                .unwrap_err()
                .to_string()
                .contains("/no/such/program")
        );
    }
}
