//! The threads of those who are told. In: reports. Out: whatever each makes of them; a slow one
//! delays nobody.

use super::handoff::{Queue, Taken};
use super::{BEAT, Shared};
use crate::health::{Health, Stage};
use crate::report::{Listener, Needs, Report};

/// The way to one listener's thread.
pub(super) struct Told {
    needs: Needs,
    queue: Queue<Report>,
}

impl Told {
    /// The way to `listener`.
    pub fn new(listener: &dyn Listener) -> Self {
        Self {
            needs: listener.needs(),
            queue: Queue::new(listener.backlog()),
        }
    }

    /// Nothing more will come.
    pub fn close(&self) {
        self.queue.close();
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

    /// Tells everyone whom `concerns` names; `fill` fills the report by what they need.
    pub fn tell(&mut self, concerns: impl Fn(Needs) -> bool, fill: impl Fn(Needs, &mut Report)) {
        for (told, report) in self.shared.listeners.iter().zip(&mut self.reports) {
            if concerns(told.needs) {
                fill(told.needs, report);
                let dropped = told.queue.put(report);
                // A screen that shows the newest picture loses nothing by leaving one out.
                if dropped && told.needs.events {
                    Health::count(&self.shared.health.lines_dropped);
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
) -> Result<(), String> {
    let mut report = Report::default();
    log::info!(
        "{}: {}",
        shared.health.name(Stage::Listener(index)),
        listener.describe()
    );
    loop {
        let taken = shared.listeners[index].queue.take(&mut report, BEAT);
        shared.health.beat(Stage::Listener(index));
        match taken {
            Taken::Closed => break,
            Taken::Timeout => {}
            Taken::Item => {
                let lost = listener.hear(&report);
                Health::add(&shared.health.lines_dropped, lost);
            }
        }
        listener.tend();
    }
    listener.close();
    Ok(())
}
