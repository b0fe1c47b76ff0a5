//! The threads of those who are told. In: reports. Out: whatever each makes of them; a slow one
//! delays nobody.

use super::handoff::{Queue, Taken};
use super::opened::{Key, OpenListener};
use super::{BEAT, Shared};
use crate::context::Context;
use crate::health::{Health, Stage};
use crate::report::{Listener, Needs, Report};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// By how much a listener's thread is less urgent than the others (nice(2)): it has what they leave idle,
/// which is more than a tenth where one thread works and the network's others wait for it.
const LATER: i32 = 19;

/// The way to one listener's thread, and back.
pub(super) struct Told {
    key: Key,
    needs: Mutex<Needs>,
    queue: Queue<Report>,
    /// Whether the listener is handed back, and not closed, at the end.
    keep: AtomicBool,
    kept: Mutex<Option<Box<dyn Listener>>>,
}

impl Told {
    /// The way to this listener.
    pub fn new(open: &OpenListener) -> Self {
        Self {
            key: open.key.clone(),
            needs: Mutex::new(open.listener.needs()),
            queue: Queue::new(open.listener.backlog()),
            keep: AtomicBool::new(false),
            kept: Mutex::new(None),
        }
    }

    /// What the listener makes use of now.
    fn needs(&self) -> Needs {
        *self.needs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, listener: &dyn Listener) {
        *self.needs.lock().unwrap_or_else(PoisonError::into_inner) = listener.needs();
    }

    /// Nothing more will come.
    pub fn close(&self) {
        self.queue.close();
    }

    /// The section that the listener is of.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Whether the listener is to stay open at the end.
    pub fn keep(&self, keep: bool) {
        self.keep.store(keep, Ordering::SeqCst);
    }

    /// The listener that was to stay open, when its thread has ended.
    pub fn kept(&self) -> Option<OpenListener> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Some(OpenListener {
            key: self.key.clone(),
            listener: kept.take()?,
        })
    }

    fn end(&self, mut listener: Box<dyn Listener>) {
        if self.keep.load(Ordering::SeqCst) {
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
        } else {
            listener.close();
        }
    }
}

/// The reports that are filled for each listener, used again and again.
pub(super) struct Telling<'a> {
    shared: &'a Shared,
    reports: Vec<Report>,
}

impl<'a> Telling<'a> {
    /// For all listeners of the pipeline.
    pub fn new(shared: &'a Shared) -> Self {
        let reports = shared.listeners.iter().map(|_| Report::default()).collect();
        Self { shared, reports }
    }

    /// Tells everyone whom `concerns` names; `fill` fills the report by what they need. What is told
    /// carries the time on the wall.
    pub fn tell(&mut self, concerns: impl Fn(Needs) -> bool, fill: impl Fn(Needs, &mut Report)) {
        for (told, report) in self.shared.listeners.iter().zip(&mut self.reports) {
            let needs = told.needs();
            if concerns(needs) {
                fill(needs, report);
                report.wall = Some(SystemTime::now());
                let dropped = told.queue.put(report);
                // A screen that shows the newest picture loses nothing by leaving one out.
                if dropped && needs.events {
                    Health::count(&self.shared.health.counts.lines_dropped);
                }
            }
        }
    }
}

/// Hands reports to the listener of this index until the pipeline has ended.
pub(super) fn run(
    shared: &Shared,
    index: usize,
    mut listener: Box<dyn Listener>,
    context: &Context,
) -> Result<(), String> {
    // Drawing and telling take what recognising leaves: a network's threads wait for one another, so
    // that a millisecond taken from one is taken from all. Where that is not allowed, nothing else is lost.
    let _ = rustix::process::nice(LATER);
    let mut report = Report::default();
    let told = &shared.listeners[index];
    listener.begin(context);
    log::info!(
        "{}: {}",
        shared.health.name(Stage::Listener(index)),
        listener.describe()
    );
    loop {
        let taken = told.queue.take(&mut report, BEAT);
        shared.health.beat(Stage::Listener(index));
        match taken {
            Taken::Closed => break,
            Taken::Timeout => {}
            Taken::Item => {
                let lost = listener.hear(&report);
                Health::add(&shared.health.counts.lines_dropped, lost);
            }
        }
        listener.tend();
        told.ask(&*listener);
    }
    told.end(listener);
    Ok(())
}
