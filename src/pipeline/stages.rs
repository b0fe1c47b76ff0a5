//! What each thread does. In and out: the hand-offs of [`super::Shared`]. Each returns when the
//! pipeline stops, or with the reason why it cannot go on.

use super::handoff::Taken;
use super::road::{Passed, Road, SharedActing, lock};
use super::{Ended, Shared};
use crate::capture::{self, CaptureError, FrameSource, Next, Pace, SourceSettings};
use crate::display::{Display, Scene, SceneOptions};
use crate::frame::Frame;
use crate::health::{Health, Stage};
use crate::publish::{line, sink};
use crate::skeleton::KeypointSet;
use std::sync::atomic::Ordering;
use std::sync::{PoisonError, mpsc};
use std::time::{Duration, Instant};

/// The longest wait of a stage before it beats again.
const BEAT: Duration = Duration::from_millis(100);
/// Waits between attempts to open a lost source: this, doubled each time, up to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// An engine that fails so often in a row will not recover.
const MOST_FAILURES: u32 = 10;

impl Shared {
    fn stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn pause(&self, length: Duration, stage: Stage) {
        let start = Instant::now();
        while start.elapsed() < length && !self.stopping() {
            self.health.beat(stage);
            std::thread::sleep(BEAT.min(length.saturating_sub(start.elapsed())));
        }
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self
            .source_trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.source_trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Reads frames; a source that is lost is opened again, with growing pauses, for ever.
pub fn capture(shared: &Shared, settings: &SourceSettings) -> Result<(), String> {
    let mut frame = Frame::default();
    let mut retry = FIRST_RETRY;
    let start = Instant::now();
    let mut sequence = 0;
    while !shared.stopping() {
        // A source that is opened again counts its time from 0: frames go on from the daemon's own
        // start.
        let offset = start.elapsed();
        let outcome = capture::open(settings, Pace::Live).and_then(|mut source| {
            log::info!("source: {}", source.describe());
            read(
                shared,
                source.as_mut(),
                &mut frame,
                offset,
                &mut sequence,
                &mut retry,
            )
        });
        match outcome {
            Ok(()) => break,
            Err(e) if e.is_retryable() => {
                log::warn!("source: {e}; trying again in {retry:?}");
                shared.set_trouble(Some(e.to_string()));
                shared.pause(retry, Stage::Capture);
                retry = (retry * 2).min(LONGEST_RETRY);
            }
            Err(e) => return Err(e.to_string()),
        }
    }
    shared.frames.close();
    Ok(())
}

fn read(
    shared: &Shared,
    source: &mut dyn FrameSource,
    frame: &mut Frame,
    offset: Duration,
    sequence: &mut u64,
    retry: &mut Duration,
) -> Result<(), CaptureError> {
    while !shared.stopping() {
        match source.next(frame)? {
            Next::End => return Ok(()),
            Next::Frame => {}
        }
        *retry = FIRST_RETRY;
        frame.time += offset;
        frame.sequence = *sequence;
        *sequence += 1;
        shared.health.beat(Stage::Capture);
        if shared.frames.put(frame) {
            Health::count(&shared.health.dropped);
        }
    }
    Ok(())
}

/// Takes frames down the road, and says when the source is silent for longer than `grace`.
pub fn infer(
    shared: &Shared,
    mut road: Road,
    shows: &[SceneOptions],
    grace: Duration,
    ended: &mpsc::Sender<Ended>,
) -> Result<(), String> {
    let mut frame = Frame::default();
    let mut scenes: Vec<Scene> = shows.iter().map(|&show| Scene::new(show)).collect();
    let mut status = Vec::new();
    let mut failures = 0;
    let mut lost = false;
    // The way to see, on a real machine, that a stage that dies releases the outputs.
    let fault = std::env::var("POSED_FAULT").unwrap_or_default();
    let mut seen_at = Instant::now();
    let mut rate = None;
    let mut last_time = Duration::ZERO;
    loop {
        let taken = shared.frames.take(&mut frame, BEAT);
        shared.health.beat(Stage::Infer);
        match taken {
            Taken::Closed => break,
            Taken::Timeout => {
                if !lost && seen_at.elapsed() > grace {
                    lost = true;
                    let time = last_time + seen_at.elapsed();
                    road.source_lost(time);
                    put_lines(shared, &road.events);
                    let trouble = shared.trouble().unwrap_or_else(|| {
                        format!("no frame for {:.1} s", seen_at.elapsed().as_secs_f32())
                    });
                    say(shared, &mut status, time, "source_lost", &trouble);
                    note(shared, &mut scenes, &trouble);
                }
                continue;
            }
            Taken::Item => {}
        }
        if std::mem::take(&mut lost) {
            shared.set_trouble(None);
            say(shared, &mut status, frame.time, "source_back", "");
        }
        match road.frame(&mut frame) {
            Ok(Passed::Damaged) => {
                Health::count(&shared.health.damaged);
                continue;
            }
            Ok(Passed::Whole) => failures = 0,
            Err(e) => {
                failures += 1;
                log::error!("frame {}: {e}", frame.sequence);
                if failures >= MOST_FAILURES {
                    return Err(format!("{failures} frames in a row failed: {e}"));
                }
                continue;
            }
        }
        Health::count(&shared.health.frames);
        if frame.sequence >= 10 {
            match fault.as_str() {
                "panic" => panic!("asked for by POSED_FAULT"),
                "stall" => stall(shared),
                _ => {}
            }
        }
        let now = Instant::now();
        rate = Some(smoothed(rate, now - seen_at));
        seen_at = now;
        last_time = frame.time;
        put_lines(shared, &road.events);
        put_lines(shared, &road.frame_line);
        for ((scene, slot), &show) in scenes.iter_mut().zip(&shared.scenes).zip(shows) {
            scene.show = show; // what came back from the slot may be its first, empty scene
            road.fill_scene(&frame, rate, scene);
            slot.put(scene);
        }
    }
    road.source_lost(last_time);
    put_lines(shared, &road.events);
    say(shared, &mut status, last_time, "stopped", "");
    let _ = ended.send(Ended::SourceEnd);
    Ok(())
}

fn smoothed(rate: Option<f32>, interval: Duration) -> f32 {
    let now = 1.0 / interval.as_secs_f32().max(1e-4);
    rate.map_or(now, |r| r + (now - r) * 0.1)
}

fn put_lines(shared: &Shared, lines: &[u8]) {
    if !lines.is_empty() && shared.lines.put(lines) {
        Health::count(&shared.health.lines_dropped);
    }
}

fn say(shared: &Shared, buffer: &mut Vec<u8>, time: Duration, state: &str, detail: &str) {
    buffer.clear();
    line::status(buffer, time, state, detail);
    put_lines(shared, buffer);
}

fn note(shared: &Shared, scenes: &mut [Scene], trouble: &str) {
    for (scene, slot) in scenes.iter_mut().zip(&shared.scenes) {
        scene.clear();
        scene.note.push_str(trouble);
        slot.put(scene);
    }
}

/// Ends pulses on time and releases everything when infer has been silent for longer than `grace`.
pub fn guard(shared: &Shared, acting: &SharedActing, grace: Duration) -> Result<(), String> {
    const LONGEST_SLEEP: Duration = Duration::from_millis(50);
    let mut released = false;
    while !shared.stopping() {
        let mut sleep = LONGEST_SLEEP;
        {
            let mut acting = lock(acting);
            if let Some((time, at)) = acting.last {
                let now = time + at.elapsed();
                acting.outputs.tick(now);
                if let Some(deadline) = acting.outputs.next_deadline() {
                    sleep = sleep.min(deadline.saturating_sub(now));
                }
                let silent = at.elapsed() > grace + Duration::from_millis(500);
                if silent && !released {
                    acting.outputs.release_all();
                    acting.released_by_guard = true;
                }
                released = silent;
            }
        }
        std::thread::sleep(sleep.max(Duration::from_millis(1)));
    }
    Ok(())
}

/// Hangs without a beat, as a stage does whose device never answers: for tests of the watchdog
/// (POSED_FAULT=stall).
fn stall(shared: &Shared) {
    while !shared.stopping() {
        std::thread::sleep(BEAT);
    }
}

/// Shows the newest scene; a screen that fails is tried again with the next one.
pub fn display(
    shared: &Shared,
    index: usize,
    mut display: Box<dyn Display>,
    keypoints: &KeypointSet,
    visible: f32,
) -> Result<(), String> {
    let mut scene = Scene::default();
    let mut broken = false;
    log::info!("display: {}", display.describe());
    loop {
        let taken = shared.scenes[index].take(&mut scene, BEAT);
        shared.health.beat(Stage::Display(index));
        match taken {
            Taken::Closed => break,
            Taken::Timeout => continue,
            Taken::Item => {}
        }
        match display.show(&scene, keypoints, visible) {
            Ok(()) => broken = false,
            Err(e) if !std::mem::replace(&mut broken, true) => log::error!("display: {e}"),
            Err(_) => {}
        }
    }
    if let Err(e) = display.clear() {
        log::warn!("display: {e}");
    }
    Ok(())
}

/// Writes lines to every sink.
pub fn publish(shared: &Shared, mut sinks: Vec<sink::Output>) -> Result<(), String> {
    let mut lines = Vec::new();
    loop {
        let taken = shared.lines.take(&mut lines, BEAT);
        shared.health.beat(Stage::Publish);
        match taken {
            Taken::Closed => return Ok(()),
            Taken::Timeout => {}
            Taken::Item => {
                let is_frame = lines.starts_with(b"{\"schema\":\"posed/1\",\"type\":\"frame\"");
                for sink in sinks.iter_mut().filter(|s| s.frames || !is_frame) {
                    Health::add(&shared.health.lines_dropped, sink.write(&lines));
                }
            }
        }
    }
}
