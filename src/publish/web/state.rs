//! How things stand, for whoever asks. In: reports, and the health of the pipeline. Out: `/state`,
//! `/health` and the counts of `/metrics`.

use super::WebSettings;
use super::json::pose;
use crate::address;
use crate::context::Context;
use crate::geometry::Size;
use crate::host;
use crate::report::{Report, State};
use crate::steps::Step;
use crate::temperature;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A stage that is silent for longer hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// What reports tell that lasts longer than they.
#[derive(Default)]
pub struct Scene {
    /// Of the pipeline that tells; none before the first begins.
    pub context: Option<Context>,
    /// The poses as `/state` has them.
    poses: Vec<Value>,
    size: Option<Size>,
    source: Source,
    held: Vec<Arc<str>>,
    /// How often each event came, by pose and kind.
    events: BTreeMap<(Arc<str>, &'static str), u64>,
}

#[derive(Default)]
enum Source {
    #[default]
    Waiting,
    Running,
    Lost(String),
}

impl Scene {
    /// Another pipeline begins.
    pub fn begin(&mut self, context: &Context) {
        let facts = |p| pose(p, &context.keypoints, context.visible);
        self.poses = context.poses.iter().map(facts).collect();
        self.source = Source::Waiting;
        self.context = Some(context.clone());
    }

    pub fn take(&mut self, report: &Report) {
        self.held.clone_from(&report.held);
        if report.is_frame {
            self.size = Some(report.size);
            self.source = Source::Running;
        }
        match &report.state {
            Some(State::SourceLost(why)) => self.source = Source::Lost(why.clone()),
            Some(State::SourceBack) => self.source = Source::Running,
            _ => {}
        }
        for event in &report.events {
            let key = (Arc::clone(&event.pose), event.kind.name());
            *self.events.entry(key).or_default() += 1;
        }
    }

    /// The stage that hangs, if one does.
    pub fn hanging(&self) -> Option<String> {
        let health = &self.context.as_ref()?.health;
        health.hanging(PATIENCE).map(String::from)
    }

    /// How often each event came: pose, kind, count.
    pub fn events(&self) -> impl Iterator<Item = (&str, &'static str, u64)> {
        let events = self.events.iter();
        events.map(|((pose, kind), count)| (&**pose, *kind, *count))
    }

    /// All that the page needs to know beside lines.
    pub fn json(&self, settings: &WebSettings) -> Value {
        // Frames are told only while somebody reads them; that they come, health knows.
        let context = self.context.as_ref();
        let looks = context.is_some_and(|c| c.health.rate().is_some());
        let (source, detail) = match &self.source {
            Source::Waiting if !looks => ("waiting", ""),
            Source::Waiting => ("running", ""),
            Source::Running => ("running", ""),
            Source::Lost(why) => ("lost", why.as_str()),
        };
        let mut state = json!({
            "name": host::name().unwrap_or_default(),
            "version": env!("CARGO_PKG_VERSION"),
            "address": address_of(settings.listen),
            "source": {"state": source, "detail": detail},
            "temperature_c": temperature::hottest(Path::new("/")).map(|(celsius, _)| celsius),
            "hanging": self.hanging(),
            "picture": settings.picture.name(),
            "size": self.size.map(|s| [s.width, s.height]),
            "edit": settings.edit,
            "clips": settings.clips.is_some(),
            "password": settings.password_file.is_some(),
            "held": self.held.iter().map(|p| &**p).collect::<Vec<_>>(),
            "poses": self.poses,
        });
        if let (Some(context), Some(map)) = (&self.context, state.as_object_mut()) {
            map.extend(of_pipeline(context));
        }
        state
    }
}

fn of_pipeline(context: &Context) -> serde_json::Map<String, Value> {
    let health = &context.health;
    let counts = &health.counts;
    let n = |c: &AtomicU64| c.load(Ordering::Relaxed);
    let stages = Step::ALL.map(|step| {
        let ms = health.recent(step).as_secs_f64() * 1e3;
        json!({"name": step.name(), "ms": (ms * 1e3).round() / 1e3})
    });
    let rate = health.rate().map(|r| (f64::from(r) * 10.0).round() / 10.0);
    let facts = json!({
        "uptime_s": (counts.uptime().as_secs_f64() * 10.0).round() / 10.0,
        "fps": rate,
        "people": health.people(),
        "frames": n(&counts.frames),
        "dropped": n(&counts.dropped),
        "damaged": n(&counts.damaged),
        "lines_dropped": n(&counts.lines_dropped),
        "stages": stages,
        "keypoints": context.keypoints.names(),
        "limbs": context.keypoints.bones(),
        "visible": context.visible.0,
        "zones": context.zones.iter().map(|zone| {
            let corners = zone.corners.iter().map(|c| [c.x, c.y]);
            json!({"name": &*zone.name, "points": corners.collect::<Vec<_>>()})
        }).collect::<Vec<_>>(),
    });
    match facts {
        Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}

/// Where others find the page; the bare address while this machine is in no network.
pub fn address_of(listen: SocketAddr) -> String {
    address::reached_at(listen).unwrap_or_else(|| format!("http://{listen}/"))
}
