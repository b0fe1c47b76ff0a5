//! Counts for Prometheus and its like. In: the health of the pipeline. Out: text in the OpenMetrics
//! format.

use super::state::Scene;
use crate::health::Counts;
use crate::temperature;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// As the answer calls it.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All counts as they are now.
///
/// # Errors
/// Never: text is written to memory.
pub fn write(scene: &Scene) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("posed");
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    registry.register("build", "This program", Info::new(version));
    if let Some(context) = &scene.context {
        let health = &context.health;
        counts(&mut registry, &health.counts);
        let people = ConstGauge::new(health.people() as i64);
        registry.register("people", "People who are followed now", people);
        let rate = ConstGauge::new(f64::from(health.rate().unwrap_or(0.0)));
        registry.register("frames_per_second", "Frames looked at a second", rate);
        let up = ConstGauge::new(health.counts.uptime().as_secs_f64());
        registry.register("uptime_seconds", "Since the program started", up);
    }
    if let Some((celsius, _)) = temperature::hottest(Path::new("/")) {
        let hot = ConstGauge::new(celsius);
        registry.register("temperature_celsius", "The hottest sensor", hot);
    }
    let events = Family::<[(&str, String); 2], Counter>::default();
    for (pose, kind, count) in scene.events() {
        let labels = [("pose", pose.to_string()), ("event", kind.to_string())];
        events.get_or_create(&labels).inc_by(count);
    }
    registry.register("events", "Events of poses", events);
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

fn counts(registry: &mut Registry, counts: &Counts) {
    let n = |count: &AtomicU64| ConstCounter::new(count.load(Ordering::Relaxed));
    registry.register("frames", "Frames looked at", n(&counts.frames));
    let dropped = "Frames that a newer one replaced before they were looked at";
    registry.register("frames_dropped", dropped, n(&counts.dropped));
    registry.register(
        "frames_damaged",
        "Frames with a broken picture",
        n(&counts.damaged),
    );
    let lines = "Lines that a reader or disk was too slow for";
    registry.register("lines_dropped", lines, n(&counts.lines_dropped));
    let help = "What the steps of a frame take";
    registry.register("step_seconds", help, counts.steps.clone());
}
