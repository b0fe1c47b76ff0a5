//! What the people of a clip showed of a pose, over all their frames. In: reports. Out: for each
//! person and pose how often and for how long it was shown, and the range of every term's value.

use super::table::{limits, number, rule};
use super::{Explained, Frames};
use crate::recognise::{EventKind, Explanation, Pose, SCENE, TermAnatomy, TermNow, Verdict};
use crate::report::{Report, Seen};
use std::io::{self, Write};
use std::time::Duration;

/// Somebody, as far as the clip has gone.
struct Figure {
    id: u32,
    first: Duration,
    last: Duration,
    frames: u32,
    /// For each pose that is asked for.
    shown: Vec<Shown>,
}

/// What somebody showed of a pose.
#[derive(Default)]
struct Shown {
    entered: Vec<Duration>,
    /// Since when it is shown without a break.
    since: Option<Duration>,
    longest: Duration,
    frames: u32,
    terms: Vec<Range>,
}

/// The values of a term.
struct Range {
    least: f32,
    most: f32,
    /// Frames in which it held, failed, was unknown.
    held: u32,
    failed: u32,
    unknown: u32,
}

impl Default for Range {
    fn default() -> Self {
        Self {
            least: f32::INFINITY,
            most: f32::NEG_INFINITY,
            held: 0,
            failed: 0,
            unknown: 0,
        }
    }
}

impl Range {
    fn take(&mut self, now: &TermNow) {
        match now.verdict {
            Verdict::Holds => self.held += 1,
            Verdict::Fails => self.failed += 1,
            Verdict::Unknown => self.unknown += 1,
        }
        if let Some(value) = now.value {
            self.least = self.least.min(value);
            self.most = self.most.max(value);
        }
    }
}

impl Shown {
    fn take(&mut self, time: Duration, now: &Explanation) {
        self.terms.resize_with(now.terms.len(), Range::default);
        for (range, term) in self.terms.iter_mut().zip(&now.terms) {
            range.take(term);
        }
        if now.verdict == Verdict::Holds {
            self.frames += 1;
            let since = *self.since.get_or_insert(time);
            self.longest = self.longest.max(time.saturating_sub(since));
        } else {
            self.since = None;
        }
    }

    /// "entered at 1.20 s and 4.77 s"
    fn verdict(&self, pose: &Pose) -> String {
        let times: Vec<String> = self
            .entered
            .iter()
            .map(|t| format!("{:.2} s", t.as_secs_f64()))
            .collect();
        match &times[..] {
            [] if self.frames == 0 => "never shown".into(),
            [] => format!(
                "never entered: shown for {:.2} s at most without a break, hold_s = {}",
                self.longest.as_secs_f64(),
                pose.hold.as_secs_f64()
            ),
            [one] => format!("entered at {one}"),
            [most @ .., last] if most.len() < 8 => {
                format!("entered at {} and {last}", most.join(", "))
            }
            many => format!("entered {} times, first at {}", many.len(), many[0]),
        }
    }
}

impl Explained {
    /// Goes through the clip; tells of its moment that is asked for, or of all of it.
    pub(super) fn clip(
        &self,
        out: &mut impl Write,
        name: &str,
        mut frames: Frames,
    ) -> anyhow::Result<io::Result<()>> {
        let mut figures: Vec<Figure> = Vec::new();
        let mut end = Duration::ZERO;
        while let Some(report) = frames.next()? {
            end = report.time;
            match self.at {
                Some(at) if report.time >= at => {
                    let moment = format!("{name} at {:.2} s", report.time.as_secs_f64());
                    return Ok(self.moment(out, &moment, report));
                }
                Some(_) => {}
                None => self.note(&mut figures, report),
            }
        }
        anyhow::ensure!(
            self.at.is_none(),
            "{name}: ends at {:.2} s, before the moment of --at",
            end.as_secs_f64()
        );
        Ok(self.figures(out, name, &figures))
    }

    fn note(&self, figures: &mut Vec<Figure>, report: &Report) {
        let here = |p: &&Seen| p.waits_since.is_none() && self.is_wanted(p);
        for seen in report.people.iter().filter(here) {
            let figure = figure(figures, seen.id, report.time, self.poses.len());
            figure.frames += 1;
            figure.last = report.time;
            for ((pose, _), shown) in self.poses.iter().zip(&mut figure.shown) {
                shown.take(report.time, &report.explain(pose, seen));
            }
        }
        if self.of_scene().next().is_some() {
            let figure = figure(figures, SCENE.0, report.time, self.poses.len());
            figure.frames += 1;
            figure.last = report.time;
            for ((pose, _), shown) in self.poses.iter().zip(&mut figure.shown) {
                if pose.is_of_scene() {
                    shown.take(report.time, &report.explain_scene(pose));
                }
            }
        }
        let entered = report.events.iter().filter(|e| e.kind == EventKind::Enter);
        for event in entered {
            let place = self.poses.iter().position(|(p, _)| p.name == event.pose);
            let figure = figures.iter_mut().find(|f| f.id == event.person);
            if let Some((figure, place)) = figure.zip(place) {
                figure.shown[place].entered.push(event.time);
            }
        }
    }

    fn figures(&self, out: &mut impl Write, name: &str, figures: &[Figure]) -> io::Result<()> {
        if figures.is_empty() {
            writeln!(out, "{name}: {}", self.nobody())?;
        }
        for figure in figures {
            let is_scene = figure.id == SCENE.0;
            let who = match figure.id {
                id if id == SCENE.0 => "the scene".into(),
                id => format!("person {id}"),
            };
            writeln!(
                out,
                "{name}, {who}, {} frames from {:.2} s to {:.2} s",
                figure.frames,
                figure.first.as_secs_f64(),
                figure.last.as_secs_f64()
            )?;
            let poses = self.poses.iter().zip(&figure.shown);
            let poses = poses.filter(|((pose, _), _)| pose.is_of_scene() == is_scene);
            for ((pose, anatomy), shown) in poses {
                writeln!(out, "{}: {}", pose.name, shown.verdict(pose))?;
                rule(out, anatomy)?;
                for (i, (term, range)) in anatomy.terms.iter().zip(&shown.terms).enumerate() {
                    line(out, i, term, range)?;
                }
            }
        }
        Ok(())
    }
}

fn figure(figures: &mut Vec<Figure>, id: u32, time: Duration, poses: usize) -> &mut Figure {
    let place = figures.iter().position(|f| f.id == id);
    let place = place.unwrap_or_else(|| {
        figures.push(Figure {
            id,
            first: time,
            last: time,
            frames: 0,
            shown: std::iter::repeat_with(Shown::default).take(poses).collect(),
        });
        figures.len() - 1
    });
    &mut figures[place]
}

fn line(out: &mut impl Write, i: usize, term: &TermAnatomy, range: &Range) -> io::Result<()> {
    let n = |value: f32| number(value, term.unit);
    let values = match range.least <= range.most {
        true => format!("{} to {}", n(range.least), n(range.most)),
        false => "?".into(),
    };
    let all = (range.held + range.failed + range.unknown).max(1);
    let percent = |count: u32| (100 * count + all / 2) / all;
    writeln!(
        out,
        "  #{i:<2} holds {:>3} %, fails {:>3} %, unknown {:>3} % {values:>14} {:<30} {}",
        percent(range.held),
        percent(range.failed),
        percent(range.unknown),
        limits(term),
        term.text
    )
}
