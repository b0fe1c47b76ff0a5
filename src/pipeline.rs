//! The daemon's threads and what passes between them.
//!
//! In: a checked configuration, and what it names, opened. Out: a running pipeline that can be
//! stopped or handed over to the next, and that says when a stage has ended. capture ──latest wins──▶ infer (which acts first, synchronously) ──latest
//! wins──▶ display, ──bounded──▶ publish. A guard ends pulses on time and releases every output
//! when nothing has come for `grace`, even if infer hangs.

mod capture;
mod guard;
pub mod handoff;
mod infer;
mod listeners;
mod opened;
mod pace;
pub mod road;

use crate::config::Config;
use crate::context::{Configuration, Context};
use crate::engine::panics;
use crate::frame::Frame;
use crate::health::Health;
use crate::infer::Infer;
use handoff::Queue;
use listeners::Told;
pub use opened::Opened;
use opened::{Key, OpenListener};
use pace::Pace;
use road::{Road, SharedActing, lock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest wait of a stage before it beats again.
const BEAT: Duration = Duration::from_millis(100);

/// How a stage ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The source is at its end, and all it gave has been worked through.
    SourceEnd,
    /// The stage cannot go on.
    Failed { stage: String, reason: String },
}

/// What the threads share.
struct Shared {
    stop: AtomicBool,
    /// Since when time counts.
    since: Instant,
    /// When this pipeline began, since then: no frame is older.
    began: Duration,
    health: Arc<Health>,
    frames: Queue<Frame>,
    listeners: Vec<Told>,
    /// What is wrong with the source now, for the screen and the status lines.
    source_trouble: Mutex<Option<String>>,
}

impl Shared {
    fn stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self
            .source_trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn trouble(&self) -> Option<String> {
        self.source_trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A running pipeline.
pub struct Pipeline {
    shared: Arc<Shared>,
    acting: SharedActing,
    /// The names of the poses by whose index outputs know them.
    poses: Vec<Arc<str>>,
    grace: Duration,
    threads: Vec<(String, JoinHandle<()>)>,
}

/// How long a stage may take to stop; one that hangs in a device is left behind.
const STOP_WITHIN: Duration = Duration::from_secs(3);

impl Pipeline {
    /// Starts the threads; what becomes of them is told through `ended`. `infer` and `opened` are
    /// those of `config`, which may be changed by `configuration`. The camera is opened by its thread: it may come later.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(
        config: &Config,
        infer: Infer,
        opened: Opened,
        configuration: Option<Arc<dyn Configuration>>,
        ended: &mpsc::Sender<Ended>,
    ) -> std::io::Result<Self> {
        let now = opened.now();
        let road = Road::new(infer, opened.outputs);
        // What a reload has left on is guarded from the start.
        lock(road.acting()).last = Some((now, Instant::now()));
        let names = opened.listeners.iter().map(|l| l.key.name.clone());
        let health = Arc::new(Health::new(names, opened.counts));
        let infer = road.infer();
        let context = Context {
            health: Arc::clone(&health),
            poses: infer.recogniser().poses().into(),
            keypoints: Arc::clone(infer.keypoints()),
            visible: infer.visible(),
            zones: Arc::clone(infer.zones()),
            configuration,
        };
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            since: opened.since,
            began: opened.since.elapsed(),
            health,
            frames: Queue::new(1),
            listeners: opened.listeners.iter().map(Told::new).collect(),
            source_trouble: Mutex::new(None),
        });
        let mut pipeline = Self {
            acting: Arc::clone(road.acting()),
            shared,
            poses: opened.poses,
            grace: config.grace,
            threads: Vec::new(),
        };
        release_on_panic(&pipeline.acting);
        for (i, OpenListener { key, listener }) in opened.listeners.into_iter().enumerate() {
            let context = context.clone();
            let hear = move |s: &Shared| listeners::run(s, i, listener, &context);
            pipeline.spawn(&key.name, ended, hear)?;
        }
        let acting = Arc::clone(&pipeline.acting);
        let grace = config.grace;
        pipeline.spawn("guard", ended, move |s| guard::run(s, &acting, grace))?;
        let (drill, min_fps) = (config.drill, config.find.min_fps);
        let source_end = ended.clone();
        pipeline.spawn("infer", ended, move |s| {
            infer::run(s, road, grace, Pace::new(min_fps), drill)?;
            // The receiver is gone only when the program is ending anyway.
            let _ = source_end.send(Ended::SourceEnd);
            Ok(())
        })?;
        let source = Arc::clone(&config.source);
        pipeline.spawn("capture", ended, move |s| capture::run(s, source.as_ref()))?;
        Ok(pipeline)
    }

    fn spawn(
        &mut self,
        stage: &str,
        ended: &mpsc::Sender<Ended>,
        work: impl FnOnce(&Shared) -> Result<(), String> + Send + 'static,
    ) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let ended = ended.clone();
        let name = stage.to_string();
        let thread = std::thread::Builder::new()
            // A section's name may have any characters, a thread's not.
            .name(stage.replace('\0', ""))
            .spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| work(&shared)));
                let reason = match outcome {
                    Ok(Ok(())) => return,
                    Ok(Err(reason)) => reason,
                    Err(panic) => {
                        let text = panic
                            .downcast_ref::<String>()
                            .map(String::as_str)
                            .or_else(|| panic.downcast_ref::<&str>().copied());
                        format!(
                            "a fault in the program: {}",
                            text.unwrap_or("no reason given")
                        )
                    }
                };
                // The receiver is gone only when the program is ending anyway.
                let _ = ended.send(Ended::Failed {
                    stage: name,
                    reason,
                });
            })?;
        self.threads.push((stage.into(), thread));
        Ok(())
    }

    /// Heartbeats and counts.
    pub fn health(&self) -> &Health {
        &self.shared.health
    }

    /// The name of a stage that has been silent for longer than `limit`.
    pub fn hanging(&self, limit: Duration) -> Option<&str> {
        self.health().hanging(limit)
    }

    /// How things stand, in a line: what the source lacks, or how much has been looked at.
    pub fn status(&self) -> String {
        match self.shared.trouble() {
            Some(trouble) => format!("waiting for the source: {trouble}"),
            None => self.health().status(),
        }
    }

    /// Releases every output, then stops the threads; one that does not stop in time is left
    /// behind.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        if self.shared.stop.swap(true, Ordering::SeqCst) {
            return;
        }
        lock(&self.acting).outputs.release_all();
        self.join(|| {});
        // Not only released: an infer that was left behind would keep the lines from the pipeline
        // that comes after this one.
        // Closed outside the lock, since a device may have a last word to say.
        let outputs = std::mem::take(&mut lock(&self.acting).outputs);
        drop(outputs);
    }

    /// Stops the threads and gives what is open to the pipeline that comes after this one; what
    /// `next` does not name of those who are told is closed. Outputs stay as they are: what someone
    /// held on goes off when nobody holds it again within the time that a silent camera is given.
    pub fn hand_over(mut self, next: &Config) -> Opened {
        let keys = Key::all(next);
        for told in &self.shared.listeners {
            told.keep(keys.contains(told.key()));
        }
        self.shared.stop.store(true, Ordering::SeqCst);
        // Out of reach of infer, which lets all persons go at its end.
        let mut outputs = std::mem::take(&mut lock(&self.acting).outputs);
        let since = self.shared.since;
        self.join(|| outputs.tick(since.elapsed()));
        outputs.let_go(since.elapsed(), self.grace);
        Opened {
            since,
            poses: std::mem::take(&mut self.poses),
            outputs,
            listeners: self
                .shared
                .listeners
                .iter()
                .filter_map(Told::kept)
                .collect(),
            counts: Arc::clone(&self.shared.health.counts),
        }
    }

    /// Waits for the threads, which were told to stop; one that does not is left behind.
    /// `meanwhile` is done all the time.
    fn join(&mut self, mut meanwhile: impl FnMut()) {
        self.shared.frames.close();
        let start = Instant::now();
        // infer closes what comes after it, so that its last lines are still written.
        for (stage, thread) in self.threads.drain(..).rev() {
            while !thread.is_finished() && start.elapsed() < STOP_WITHIN {
                meanwhile();
                std::thread::sleep(Duration::from_millis(5));
            }
            if thread.is_finished() {
                let _ = thread.join();
            } else {
                log::warn!("{stage} did not stop within {STOP_WITHIN:?} and is left behind");
            }
            if stage == "infer" {
                self.shared.listeners.iter().for_each(Told::close);
            }
        }
        log::info!("{}", self.shared.health.summary());
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.shut_down();
    }
}

static PANIC_RELEASES: Mutex<Option<SharedActing>> = Mutex::new(None);

/// Makes a panic anywhere release the outputs before it is reported, but for those that the engine
/// catches: after them the program goes on, and so does what is held.
fn release_on_panic(acting: &SharedActing) {
    static HOOK: std::sync::Once = std::sync::Once::new();
    *PANIC_RELEASES
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(acting));
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !panics::are_caught() {
                release_now();
            }
            before(info);
        }));
    });
}

fn release_now() {
    // try_lock: the panicking thread may itself hold a lock; then unwinding releases the outputs.
    if let Ok(acting) = PANIC_RELEASES.try_lock()
        && let Some(acting) = acting.as_ref()
        && let Ok(mut acting) = acting.try_lock()
    {
        acting.outputs.release_all();
        // The recogniser still believes that what it saw is on.
        acting.released = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::memory::{JournalSettings, MemoryActuator};
    use crate::act::{Manner, OutputSettings};
    use crate::engine::panics::quietly;
    use crate::recognise::EventKind;
    use crate::report::Event;

    #[test]
    fn a_panic_releases_what_is_on_and_says_so_but_not_one_that_the_engine_catches() {
        let lamp = MemoryActuator::new("lamp", None);
        let journal = lamp.journal();
        let said = || journal.lock().unwrap().join(" ");
        let settings = OutputSettings {
            name: "lamp".into(),
            device: Arc::new(JournalSettings::default()),
            manner: Manner::Follow,
            poses: vec![0],
            who: crate::act::Who::Any,
            until: vec![],
        };
        let acting = SharedActing::default();
        lock(&acting).outputs.add(settings, Box::new(lamp));
        let enter = Event {
            kind: EventKind::Enter,
            pose: "sit".into(),
            person: 1,
            time: Duration::ZERO,
            confidence: 1.0,
            held: Duration::ZERO,
            count: None,
        };
        lock(&acting).outputs.event(0, &enter);
        release_on_panic(&acting);
        let caught = quietly::<()>(|| panic!("a test's own panic, in the engine"));
        assert!(caught.is_err());
        assert_eq!((said().as_str(), lock(&acting).released), ("on:sit", false));
        let outside = std::thread::spawn(|| panic!("a test's own panic")).join();
        assert!(outside.is_err());
        assert_eq!(said(), "on:sit off");
        assert!(lock(&acting).released, "poses must enter anew to act again");
    }
}
