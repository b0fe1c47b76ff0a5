//! `posed try`: the rules of a configuration on skeletons instead of pictures: on lines that posed
//! printed, or on a script. Prints the events as `replay` does, and what each action would do; no
//! device is touched and no network is run.

use crate::act::{Journal, Outputs, Present};
use crate::config::{Config, Overrides};
use crate::recognise::{PoseEvent, Recogniser, SCENE};
use crate::report::{Event, Report, Seen};
use crate::script::{self, Moment};
use crate::track::{Person, PersonId};
use anyhow::Context;
use clap::Args;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

#[derive(Debug, Args)]
pub struct TryArgs {
    /// The configuration whose poses, counts, scenes, zones and actions are tried
    rules: PathBuf,
    /// Lines of `posed run` or `posed replay`, or a script in TOML; - for lines from stdin
    skeletons: PathBuf,
    /// A line for each frame too
    #[arg(long)]
    frames: bool,
}

pub fn run(args: &TryArgs) -> anyhow::Result<ExitCode> {
    let overrides = Overrides {
        source: Some(crate::capture::nothing()),
        ..Overrides::default()
    };
    let config = Config::read(&args.rules, &overrides)?;
    let joints = Arc::clone(config.model.keypoints()?);
    let bytes = match args.skeletons.as_os_str() == "-" {
        true => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map(|_| bytes)
        }
        false => std::fs::read(&args.skeletons),
    };
    let name = args.skeletons.display();
    let bytes = bytes.with_context(|| format!("{name}: cannot be read"))?;
    let moments = script::read(&args.skeletons, &bytes, &joints)?;
    let mut trial = Trial::new(&config);
    let mut report = Report {
        keypoints: joints,
        visible: config.visible,
        zones: Arc::clone(&config.zones),
        ..Report::default()
    };
    let mut last: Option<Duration> = None;
    for (sequence, moment) in moments.iter().enumerate() {
        // As `run` has it: nothing for longer than that is a camera that is lost.
        let silent = |last: Duration| moment.time.saturating_sub(last) > config.grace;
        if let Some(lost) = last.filter(|last| silent(*last)) {
            trial.end(lost + config.grace, &mut report);
            trial.print(&report, false)?;
        }
        if moment.is_lost {
            trial.end(moment.time, &mut report);
        } else {
            trial.moment(moment, &mut report);
            report.sequence = sequence as u64;
        }
        last = Some(moment.time).filter(|_| !moment.is_lost);
        trial.print(&report, args.frames)?;
    }
    if let Some(last) = moments.last() {
        trial.end(last.time, &mut report);
        trial.print(&report, false)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What stands between skeletons and actions.
struct Trial {
    recogniser: Recogniser,
    outputs: Outputs,
    /// What each action was told.
    noted: Vec<(String, Journal)>,
    names: Vec<Arc<str>>,
    /// Those who are seen, and those who are missing for no longer than `forget`.
    people: Vec<Person>,
    forget: Duration,
    lines: Vec<u8>,
    time: Duration,
}

impl Trial {
    fn new(config: &Config) -> Self {
        let (outputs, noted) = Outputs::noted(&config.outputs);
        let names = config.poses.iter().map(|p| Arc::clone(&p.name)).collect();
        Self {
            recogniser: Recogniser::new(config.poses.clone(), config.visible),
            outputs,
            noted,
            names,
            people: Vec::new(),
            forget: config.track.forget,
            lines: Vec::new(),
            time: Duration::ZERO,
        }
    }

    /// Takes in a frame, and fills `report` with what it tells.
    fn moment(&mut self, moment: &Moment, report: &mut Report) {
        let time = moment.time;
        let is_seen = |p: &Person| moment.people.iter().any(|role| role.id == p.id.0);
        let forget = self.forget;
        let is_lost = |p: &Person| time.saturating_sub(p.last_seen) > forget;
        self.people.retain(|p| !is_seen(p) && !is_lost(p));
        for missing in &mut self.people {
            missing.looked_for = time;
        }
        let people = moment.people.iter().map(|role| {
            let id = PersonId(role.id);
            Person::seen(id, role.skeleton.clone(), role.share, time)
        });
        self.people.extend(people);
        let mut events = Vec::new();
        (self.recogniser).update(time, moment.size, &self.people, &mut events);
        report.clear();
        report.time = time;
        report.size = moment.size;
        report.is_frame = true;
        self.tell(time, &events, report);
        if self.outputs.chooses() {
            let present = |person: &Person| Present {
                id: person.id.0,
                bbox: person.bbox,
                size: moment.size,
                poses: self.recogniser.holding(person.id).collect(),
            };
            let here = self.people.iter().filter(|p| p.is_seen_at(time));
            let present: Vec<Present> = here.map(present).collect();
            self.outputs.people(time, &present, &self.names);
        }
        self.outputs.tick(time);
        for person in self.people.iter().filter(|p| p.is_seen_at(time)) {
            let held = self.recogniser.active(person.id);
            let counts = self.recogniser.counts(person.id);
            *report.people.add() = Seen {
                id: person.id.0,
                bbox: person.bbox,
                score: person.score,
                share: person.share,
                skeleton: person.skeleton.clone(),
                poses: held.map(|i| Arc::clone(&self.names[i])).collect(),
                counts: counts
                    .map(|(i, n)| (Arc::clone(&self.names[i]), n))
                    .collect(),
                ..Seen::default()
            };
        }
        let totals = self.recogniser.counts(SCENE);
        let totals = totals.map(|(i, n)| (Arc::clone(&self.names[i]), n));
        report.totals.extend(totals);
    }

    /// The camera is lost, or all is over: everybody leaves.
    fn end(&mut self, time: Duration, report: &mut Report) {
        let mut events = Vec::new();
        self.recogniser.end(time, &mut events);
        self.people.clear();
        report.clear();
        self.tell(time, &events, report);
        self.outputs.release_all();
    }

    fn tell(&mut self, time: Duration, events: &[PoseEvent], report: &mut Report) {
        self.time = time;
        for event in events {
            let told = Event::of(event, &self.names[event.pose]);
            self.outputs.event(event.pose, &told);
            report.events.push(told);
        }
    }

    /// Prints a report's lines, then what the actions did.
    fn print(&mut self, report: &Report, frames: bool) -> anyhow::Result<()> {
        super::print(&mut self.lines, report, frames)?;
        let mut out = std::io::stdout().lock();
        for (action, journal) in &self.noted {
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            for note in journal.drain(..) {
                let (state, pose) = note.split_once(':').unwrap_or((&note, ""));
                let action = serde_json::Value::from(action.as_str());
                let t = self.time.as_secs_f64();
                let pose = match pose {
                    "" => String::new(),
                    pose => format!(",\"pose\":{}", serde_json::Value::from(pose)),
                };
                writeln!(
                    out,
                    "{{\"schema\":\"posed/1\",\"type\":\"action\",\"t\":{t:.3},\"action\":{action},\"state\":\"{state}\"{pose}}}"
                )
                .context("stdout cannot be written")?;
            }
        }
        out.flush().context("stdout cannot be written")
    }
}
