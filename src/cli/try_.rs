//! `posed try`: the rules of a configuration on skeletons instead of pictures: on lines that posed
//! printed, or on a script. Prints the events as `replay` does, and what each action would do; no
//! device is touched and no network is run.

use crate::act::{Journal, Outputs, Present};
use crate::config::{Config, Overrides};
use crate::recognise::Recogniser;
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
    for (sequence, moment) in moments.iter().enumerate() {
        trial.moment(moment, &mut report);
        report.sequence = sequence as u64;
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
    people: Vec<Person>,
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
            lines: Vec::new(),
            time: Duration::ZERO,
        }
    }

    /// Takes in a frame, and fills `report` with what it tells.
    fn moment(&mut self, moment: &Moment, report: &mut Report) {
        let time = moment.time;
        self.people.clear();
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
            let present: Vec<Present> = self.people.iter().map(present).collect();
            self.outputs.people(time, &present, &self.names);
        }
        self.outputs.tick(time);
        for person in &self.people {
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
        let totals = self.recogniser.counts(crate::recognise::SCENE);
        let totals = totals.map(|(i, n)| (Arc::clone(&self.names[i]), n));
        report.totals.extend(totals);
    }

    /// Everybody leaves.
    fn end(&mut self, time: Duration, report: &mut Report) {
        let mut events = Vec::new();
        self.recogniser.end(time, &mut events);
        report.clear();
        self.tell(time, &events, report);
        self.outputs.release_all();
    }

    fn tell(
        &mut self,
        time: Duration,
        events: &[crate::recognise::PoseEvent],
        report: &mut Report,
    ) {
        self.time = time;
        for event in events {
            let told = Event {
                kind: event.kind,
                pose: Arc::clone(&self.names[event.pose]),
                person: event.person.0,
                time: event.time,
                confidence: event.confidence,
                held: event.held,
                count: event.count,
            };
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
