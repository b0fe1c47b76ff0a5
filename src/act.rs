//! Poses to things that happen.
//!
//! In: pose events with frame time. Out: lines set, commands run. An output is an [`Actuator`] with
//! its manner (pulse, latch, follow) and the poses that drive it; [`Outputs`] holds them all and
//! puts every one back to inactive at the end, however that comes.

pub mod command;
pub mod gpio;
pub mod memory;
pub mod mqtt;
mod section;
pub mod webhook;
mod whose;

pub use memory::Journal;
pub use section::{Driver, WHEN, read};
pub use whose::{Present, Who};

use crate::device::Device;
use crate::recognise::EventKind;
use crate::report::Event;
use crate::settings::Kind;
use crate::trouble::Trouble;
use std::sync::Arc;
use std::time::Duration;
use whose::Chosen;

/// What an action can be: a line here and a file beside the others is all a new one takes.
pub const KINDS: &[Kind<Arc<dyn Action>>] = &[
    gpio::KIND,
    command::KIND,
    mqtt::KIND,
    webhook::KIND,
    memory::KIND,
];

/// The settings of a device that an action drives.
pub trait Action: Device {
    /// Opens the device, inactive; `name` is the action's.
    ///
    /// # Errors
    /// It does not exist or may not be used.
    fn open(&self, name: &str) -> Result<Box<dyn Actuator>, Trouble>;

    /// The events at which it happens, where it is over as soon as it has happened; `None` for what
    /// stays on.
    fn happens_at(&self) -> Option<Moments> {
        None
    }
}

/// Some of a pose's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moments {
    pub enter: bool,
    pub hold: bool,
    pub exit: bool,
    /// Once more, of a count.
    pub count: bool,
}

impl Moments {
    /// The entry alone.
    pub const ENTER: Self = Self {
        enter: true,
        hold: false,
        exit: false,
        count: false,
    };

    pub fn includes(self, kind: EventKind) -> bool {
        match kind {
            EventKind::Enter => self.enter,
            EventKind::Hold => self.hold,
            EventKind::Exit => self.exit,
            EventKind::Count => self.count,
        }
    }
}

/// Something that can be on or off.
pub trait Actuator: Send {
    /// Switches on, because of `event`.
    ///
    /// # Errors
    /// The device refused; the output counts as switched all the same, so that the way off is
    /// tried.
    fn activate(&mut self, event: &Event) -> Result<(), Trouble>;

    /// Switches off. Must be harmless when it is off already, and must not allocate more than an
    /// error text.
    ///
    /// # Errors
    /// The device refused.
    fn release(&mut self) -> Result<(), Trouble>;

    /// Looks after what runs by itself (time limits of commands); called with every frame and at
    /// least ten times a second.
    fn tend(&mut self) {}
}

/// How an output answers to its poses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// On at `enter` for this long.
    Pulse(Duration),
    /// On at `enter`; stays until a pose of `until` enters, or the program ends.
    Latch,
    /// On as long as one of the poses is held by anyone.
    Follow,
    /// Never on: it happens at each of these events, of anyone.
    Each(Moments),
}

/// What to build an output from.
#[derive(Debug, Clone)]
pub struct OutputSettings {
    pub name: String,
    pub device: Arc<dyn Action>,
    pub manner: Manner,
    /// Indices of the poses that switch it on.
    pub poses: Vec<usize>,
    /// Of whom.
    pub who: Who,
    /// Indices of the poses that end a latch.
    pub until: Vec<usize>,
}

struct Output {
    settings: OutputSettings,
    actuator: Box<dyn Actuator>,
    active: bool,
    /// How many (person, pose) pairs hold it on, for `Follow`.
    holders: u32,
    /// Frame time at which a pulse ends.
    off_at: Option<Duration>,
    /// Where not everybody's poses count: whose do.
    chosen: Chosen,
    /// What was entered and not left yet, for what happens at exits.
    entered: Vec<Event>,
}

/// All outputs of the program.
#[derive(Default)]
pub struct Outputs {
    list: Vec<Output>,
}

impl Outputs {
    /// Opens every output; the ones already open are released again if one fails.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub fn open(settings: &[OutputSettings]) -> Result<Self, Trouble> {
        let mut outputs = Self::default();
        outputs.reopen(settings, Some)?;
        Ok(outputs)
    }

    /// The same outputs without their devices: what each is told is noted, by its name.
    pub fn noted(settings: &[OutputSettings]) -> (Self, Vec<(String, Journal)>) {
        let mut outputs = Self::default();
        let mut journals = Vec::new();
        for output in settings {
            let actuator = memory::MemoryActuator::new(&output.name, None);
            journals.push((output.name.clone(), actuator.journal()));
            outputs.add(output.clone(), Box::new(actuator));
        }
        (outputs, journals)
    }

    /// Takes up other settings. What drives the same device under the same name stays open, and as
    /// it is unless it is driven otherwise now; the rest is released and closed, then what is new
    /// is opened. `renumbered` gives the index that an old pose has now.
    ///
    /// # Errors
    /// The first that cannot be opened; those before it are open.
    pub fn reopen(
        &mut self,
        settings: &[OutputSettings],
        renumbered: impl Fn(usize) -> Option<usize>,
    ) -> Result<(), Trouble> {
        let mut old = std::mem::take(&mut self.list);
        for new in settings {
            let same = |o: &Output| o.settings.is_same_device(new);
            if let Some(at) = old.iter().position(same) {
                let mut output = old.swap_remove(at);
                output.take_up(new, &renumbered);
                self.list.push(output);
            }
        }
        // Closed before others are opened, which may drive the same lines.
        drop(Self { list: old });
        for new in settings {
            if !self.list.iter().any(|o| o.settings.name == new.name) {
                self.add(new.clone(), new.device.open(&new.name)?);
            }
        }
        let place = |o: &Output| settings.iter().position(|s| s.name == o.settings.name);
        self.list.sort_by_key(place);
        Ok(())
    }

    /// Forgets at `now` who holds what: nobody is known any more. What nobody holds again goes off
    /// `grace` later, in frame time; what happens at exits happens now, since all will enter anew.
    pub fn let_go(&mut self, now: Duration, grace: Duration) {
        let until = now + grace;
        for output in &mut self.list {
            for event in std::mem::take(&mut output.entered) {
                let held = now.saturating_sub(event.time);
                output.driven(&Event {
                    kind: EventKind::Exit,
                    time: now,
                    held,
                    ..event
                });
            }
            // Nobody is known any more, and who is chosen is chosen anew.
            output.chosen = Chosen::default();
            if output.settings.manner == Manner::Follow && output.active {
                output.holders = 0;
                output.off_at = Some(until);
            }
        }
    }

    /// Adds an output with an actuator of the caller's.
    pub fn add(&mut self, settings: OutputSettings, actuator: Box<dyn Actuator>) {
        self.list.push(Output {
            settings,
            actuator,
            active: false,
            holders: 0,
            off_at: None,
            chosen: Chosen::default(),
            entered: Vec::new(),
        });
    }

    /// Whether it matters to an output who is there: then [`Self::people`] has to be told.
    pub fn chooses(&self) -> bool {
        self.list.iter().any(|o| o.settings.who != Who::Any)
    }

    /// Takes in who is there, after the events of the same frame: switches the outputs that are not
    /// driven by just anybody. `names` are the poses.
    pub fn people(&mut self, time: Duration, people: &[Present], names: &[Arc<str>]) {
        for output in &mut self.list {
            if output.settings.who != Who::Any {
                output.choose(time, people, names);
            }
        }
    }

    /// Takes in one pose event: `pose` is the index, `event` what is known of it.
    pub fn event(&mut self, pose: usize, event: &Event) {
        for output in &mut self.list {
            if output.settings.poses.contains(&pose) && output.is_driven_by(pose, event) {
                output.driven(event);
            }
            if event.kind == EventKind::Enter && output.settings.until.contains(&pose) {
                output.switch_off();
            }
        }
    }

    /// Ends the pulses whose time has come; `now` is frame time.
    pub fn tick(&mut self, now: Duration) {
        for output in &mut self.list {
            if output.off_at.is_some_and(|at| now >= at) {
                output.switch_off();
            }
            output.actuator.tend();
        }
    }

    /// When the next pulse ends, in frame time.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.list.iter().filter_map(|o| o.off_at).min()
    }

    /// Puts every output to inactive and forgets who held it.
    pub fn release_all(&mut self) {
        for output in &mut self.list {
            output.holders = 0;
            output.chosen = Chosen::default();
            output.switch_off();
        }
    }

    /// The names of the outputs that are on.
    pub fn active(&self) -> impl Iterator<Item = &str> {
        self.list
            .iter()
            .filter(|o| o.active)
            .map(|o| o.settings.name.as_str())
    }
}

impl OutputSettings {
    fn is_same_device(&self, other: &Self) -> bool {
        let device = |s: &Self| format!("{:?}", s.device);
        self.name == other.name && device(self) == device(other)
    }
}

impl Output {
    /// Goes on with other settings of the same device.
    fn take_up(&mut self, new: &OutputSettings, renumbered: impl Fn(usize) -> Option<usize>) {
        let same = |old: &[usize], new: &[usize]| {
            let old = old.iter().map(|pose| renumbered(*pose));
            old.eq(new.iter().map(|pose| Some(*pose)))
        };
        let stays = self.settings.manner == new.manner
            && self.settings.who == new.who
            && same(&self.settings.poses, &new.poses)
            && same(&self.settings.until, &new.until);
        self.settings = new.clone();
        if !stays {
            self.holders = 0;
            self.chosen = Chosen::default();
            self.switch_off();
        }
    }

    /// Whether an event drives the output as it comes. Where only some count, what they hold is looked
    /// at in each frame, and of events only those of what lasts are heard; what is true of the
    /// scene is nobody's.
    fn is_driven_by(&self, pose: usize, event: &Event) -> bool {
        let is_anybodys = self.settings.who == Who::Any || event.person == 0;
        let who = self.settings.who;
        // Nobody can be asked to do something at the very same time as all others.
        let is_each = who == Who::All && event.kind == EventKind::Count;
        let lasts = matches!(event.kind, EventKind::Hold | EventKind::Count);
        is_anybodys || is_each || lasts && self.chosen.includes(who, pose, event.person)
    }

    fn choose(&mut self, time: Duration, people: &[Present], names: &[Arc<str>]) {
        self.chosen.look(self.settings.who, people);
        for i in 0..self.settings.poses.len() {
            let pose = self.settings.poses[i];
            let holder = self.chosen.holder(self.settings.who, pose, people, time);
            let change = self.chosen.hold(pose, holder);
            if let Some((kind, held)) = change {
                self.driven(&Event {
                    kind,
                    pose: names.get(pose).cloned().unwrap_or_default(),
                    person: held.person,
                    time,
                    confidence: held.confidence,
                    held: time.saturating_sub(held.since),
                    count: None,
                });
            }
        }
    }

    fn driven(&mut self, event: &Event) {
        match (self.settings.manner, event.kind) {
            (Manner::Pulse(length), EventKind::Enter) => {
                self.switch_on(event);
                self.off_at = Some(event.time + length);
            }
            (Manner::Latch, EventKind::Enter) if !self.active => self.switch_on(event),
            (Manner::Follow, EventKind::Enter) => {
                self.holders += 1;
                self.off_at = None;
                if !self.active {
                    self.switch_on(event);
                }
            }
            (Manner::Follow, EventKind::Exit) => {
                self.holders = self.holders.saturating_sub(1);
                if self.holders == 0 {
                    self.switch_off();
                }
            }
            (Manner::Each(moments), kind) => {
                self.note(event);
                if moments.includes(kind) {
                    self.activate(event);
                }
            }
            _ => {}
        }
    }

    /// Keeps in mind what was entered and not left.
    fn note(&mut self, event: &Event) {
        match event.kind {
            EventKind::Enter => self.entered.push(event.clone()),
            EventKind::Exit => {
                let same = |e: &Event| e.person == event.person && e.pose == event.pose;
                self.entered.retain(|e| !same(e));
            }
            EventKind::Hold | EventKind::Count => {}
        }
    }

    fn switch_on(&mut self, event: &Event) {
        self.active = true;
        self.activate(event);
    }

    fn activate(&mut self, event: &Event) {
        if let Err(e) = self.actuator.activate(event) {
            log::error!("action {}: {e}", self.settings.name);
        }
    }

    fn switch_off(&mut self) {
        self.off_at = None;
        if std::mem::take(&mut self.active)
            && let Err(e) = self.actuator.release()
        {
            log::error!("action {}: {e}", self.settings.name);
        }
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        self.release_all();
    }
}

#[cfg(test)]
mod tests;
