//! The device as it stands at the broker.
//!
//! In: reports, the program's health, and what the broker kept of an earlier run. Out: how things
//! stand, through a link that loses nothing of it; events, which are told now or never.

use super::MqttSettings;
use super::discovery::{Component, Described, components};
use super::due::Due;
use super::topics::Topics;
use crate::context::Context;
use crate::encode::{JpegEncoder, Quality};
use crate::health::Health;
use crate::mqtt::{Link, LinkSettings, Message, Will};
use crate::report::{Event, Listener, Needs, Report, State, json};
use crate::steps::Step;
use crate::temperature;
use crate::trouble::Trouble;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

/// How often people are counted.
const COUNT_EVERY: Duration = Duration::from_millis(250);
/// Events that may wait while the thread is busy.
const BACKLOG: usize = 256;
const PICTURE: Quality = Quality {
    longest: 1280,
    percent: 80,
};
const ONLINE: &str = "online";
const OFFLINE: &str = "offline";

/// A device at a broker.
pub(super) struct Home {
    topics: Topics,
    /// As it is shown.
    name: String,
    what: String,
    link: Link,
    poses: Vec<Arc<str>>,
    /// Those of them that count.
    counts: Vec<Arc<str>>,
    /// Components that Home Assistant may know and that are no more.
    gone: Vec<Component>,
    health: Option<Arc<Health>>,
    source_lost: bool,
    has_temperature: bool,
    encoder: JpegEncoder,
    count: Due,
    /// None where there are no pictures.
    picture: Option<Due>,
    state: Due,
}

impl Home {
    /// Begins to connect; `section` is the sink's name.
    ///
    /// # Errors
    /// A file that is named cannot be read.
    pub fn open(settings: MqttSettings, section: &str) -> Result<Self, Trouble> {
        let name = settings.device_name();
        let topics = Topics::new(&settings.topic, &name, &settings.discovery);
        let link = Link::start(LinkSettings {
            account: &settings.account,
            owner: format!("publish {section}"),
            client_id: settings.client_id.as_deref(),
            will: Will {
                topic: topics.availability(),
                payload: OFFLINE.into(),
                retain: true,
            },
            subscriptions: topics.subscriptions(),
        })?;
        let broker = &settings.account.broker;
        Ok(Self {
            what: format!("MQTT broker {broker}, as {}", topics.availability()),
            topics,
            name,
            link,
            poses: Vec::new(),
            counts: Vec::new(),
            gone: Vec::new(),
            health: None,
            source_lost: false,
            has_temperature: hottest().is_some(),
            encoder: JpegEncoder::default(),
            count: Due::every(COUNT_EVERY),
            picture: settings.picture_every.map(Due::every),
            state: Due::every(settings.state_every),
        })
    }

    /// Describes the device anew, where it is described.
    fn describe_device(&self) {
        if let Some(discovery) = &self.topics.discovery {
            self.link.set(discovery, self.described().payload(), true);
        }
    }

    fn described(&self) -> Described<'_> {
        Described {
            topics: &self.topics,
            name: &self.name,
            poses: &self.poses,
            counts: &self.counts,
            temperature: self.has_temperature,
            picture: self.picture.is_some(),
            gone: &self.gone,
        }
    }

    /// Takes in what the broker and Home Assistant say.
    fn listen(&mut self) {
        // What is not of this configuration is known only when there is one.
        while self.health.is_some()
            && let Some(message) = self.link.message()
        {
            self.heard(&message);
        }
    }

    fn heard(&mut self, message: &Message) {
        let topic = &message.topic;
        if *topic == self.topics.availability() {
            // The last will of an earlier run, whose connection the broker has only now given up.
            if message.payload == OFFLINE.as_bytes() {
                self.link.renew(topic);
            }
        } else if Some(topic) == self.topics.discovery.as_ref() {
            if message.retained {
                self.described_before(&message.payload);
            }
        } else if self.topics.births.contains(topic) {
            if message.payload == ONLINE.as_bytes()
                && let Some(discovery) = &self.topics.discovery
            {
                self.link.renew(discovery);
            }
        } else {
            let poses = self.poses.iter().map(|name| self.topics.pose(name));
            let counts = self.counts.iter().map(|name| self.topics.count(name));
            let is_ours = poses.chain(counts).any(|ours| ours == *topic);
            if message.retained && !message.payload.is_empty() && !is_ours {
                self.link.clear(topic);
            }
        }
    }

    /// An earlier run has described the device like this: what is no more is to be removed.
    fn described_before(&mut self, payload: &[u8]) {
        let is_gone = |c: &Component| !self.described().has(&c.id) && !self.gone.contains(c);
        let mut gone = components(payload);
        gone.retain(is_gone);
        if !gone.is_empty() {
            self.gone.extend(gone);
            self.describe_device();
        }
    }

    fn set_poses(&self, is_on: impl Fn(&Arc<str>) -> bool) {
        for pose in &self.poses {
            let payload = if is_on(pose) { "ON" } else { "OFF" };
            self.link.set(&self.topics.pose(pose), payload, true);
        }
    }

    fn set_count(&self, name: &str, number: u32) {
        self.link
            .set(&self.topics.count(name), number.to_string(), true);
    }

    fn set_people(&self, people: usize) {
        self.link
            .set(&self.topics.people(), people.to_string(), true);
    }

    fn set_state(&mut self) {
        if let Some(health) = &self.health {
            let state = state(health, self.source_lost);
            self.link.set(&self.topics.state(), state, true);
            self.state.done();
        }
    }

    fn tell_event(&self, event: &Event, wall: Option<SystemTime>) -> bool {
        let mut line = Vec::new();
        json::event(&mut line, event, wall);
        line.pop_if(|last| *last == b'\n');
        self.link.send(&self.topics.event(), line)
    }

    fn is_picture_due(&self) -> bool {
        self.picture.as_ref().is_some_and(Due::is_due) && self.link.is_settled()
    }

    fn tell_picture(&mut self, report: &Report) {
        let own = report.own_picture();
        let Some(own) = own.filter(|_| self.is_picture_due()) else {
            return;
        };
        if let Some(due) = &mut self.picture {
            due.done();
        }
        match self.encoder.encode(own, PICTURE) {
            Ok(jpeg) => _ = self.link.send(&self.topics.picture(), jpeg.to_vec()),
            Err(e) => log::warn!("{}: {e}", self.what),
        }
    }
}

impl Listener for Home {
    fn describe(&self) -> String {
        self.what.clone()
    }

    fn needs(&self) -> Needs {
        let picture = self.is_picture_due();
        Needs {
            from: Duration::ZERO,
            frames: picture || self.count.is_due(),
            events: true,
            picture,
            masks: false,
        }
    }

    fn backlog(&self) -> usize {
        BACKLOG
    }

    fn begin(&mut self, context: &Context) {
        let poses = context.poses.iter().map(|pose| Arc::clone(&pose.name));
        for old in std::mem::replace(&mut self.poses, poses.collect()) {
            if !self.poses.contains(&old) {
                self.link.clear(&self.topics.pose(&old));
                self.gone.push(Component::of_pose(&old));
            }
        }
        let counts = context.poses.iter().filter(|pose| pose.counts());
        let counts = counts.map(|pose| Arc::clone(&pose.name)).collect();
        for old in std::mem::replace(&mut self.counts, counts) {
            if !self.counts.contains(&old) {
                self.link.clear(&self.topics.count(&old));
                self.gone.push(Component::of_count(&old));
            }
        }
        let gone = std::mem::take(&mut self.gone);
        let gone = gone.into_iter().filter(|c| !self.described().has(&c.id));
        self.gone = gone.collect();
        self.health = Some(Arc::clone(&context.health));
        self.source_lost = false;
        self.set_poses(|_| false);
        self.counts.iter().for_each(|name| self.set_count(name, 0));
        self.set_people(0);
        self.set_state();
        self.describe_device();
        // Last: whoever sees it finds all the rest.
        self.link.set(&self.topics.availability(), ONLINE, true);
    }

    fn hear(&mut self, report: &Report) -> u64 {
        self.listen();
        let events = report.events.iter();
        let unsent = events.filter(|event| !self.tell_event(event, report.wall));
        let lost = unsent.count() as u64 + self.link.lost();
        for event in &report.events {
            if let Some(number) = event.count {
                self.set_count(&event.pose, number);
            }
        }
        self.set_poses(|pose| report.held.contains(pose));
        if let Some(state) = &report.state {
            let was_lost = self.source_lost;
            match state {
                State::SourceLost(_) => self.source_lost = true,
                State::SourceBack => self.source_lost = false,
                State::Started(_) | State::Stopped => {}
            }
            self.set_people(0);
            if was_lost != self.source_lost {
                self.set_state();
            }
        }
        if report.is_frame {
            if self.count.is_due() {
                self.count.done();
                self.set_people(report.people.len());
            }
            self.tell_picture(report);
        }
        lost
    }

    fn tend(&mut self) {
        self.listen();
        if self.state.is_due() {
            self.set_state();
        }
        self.link.tend();
    }
}

impl Drop for Home {
    /// The last words, which the link takes to the broker before it ends.
    fn drop(&mut self) {
        if self.health.is_some() {
            self.set_poses(|_| false);
            self.set_people(0);
            self.link.set(&self.topics.availability(), OFFLINE, true);
        }
    }
}

/// How the program is, as JSON.
fn state(health: &Health, source_lost: bool) -> String {
    let tenths = |v: f64| (10.0 * v).round() / 10.0;
    let fps = match health.rate() {
        _ if source_lost => Some(0.0),
        rate => rate.map(|r| tenths(r.into())),
    };
    let estimate = health.recent(Step::Estimate).as_secs_f64();
    serde_json::json!({
        "fps": fps,
        "inference_ms": tenths(1000.0 * estimate),
        "temperature_c": hottest().map(tenths),
        "dropped": health.counts.dropped.load(Ordering::Relaxed),
        "uptime_s": health.counts.uptime().as_secs(),
        "version": env!("CARGO_PKG_VERSION"),
        "source": if source_lost { "lost" } else { "running" },
    })
    .to_string()
}

/// °C of the board's hottest sensor.
fn hottest() -> Option<f64> {
    temperature::hottest(Path::new("/")).map(|(celsius, _)| celsius)
}
