//! One GPIO line, by linux-embedded-hal's [`CdevPin`].
//!
//! In: on and off. Out: the line's level.

use super::{Action, Actuator};
use crate::device::Device;
use crate::gpio::LineAddress;
use crate::report::Event;
use crate::settings::{Kind, Section};
use crate::trouble::Trouble;
use embedded_hal::digital::{OutputPin, PinState};
use linux_embedded_hal::CdevPin;
use std::sync::Arc;

/// All that is known of the kind "gpio".
pub const KIND: Kind<Arc<dyn Action>> = Kind {
    name: "gpio",
    says: "drives a GPIO line",
    read,
};

fn read(s: &mut Section) -> Option<Arc<dyn Action>> {
    let active_low = s.flag("active_low", "the line is on at 0").or(false);
    let address = LineAddress::read(s)?;
    Some(Arc::new(LineSettings {
        address,
        active_low,
    }))
}

/// A line and its polarity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSettings {
    pub address: LineAddress,
    /// Active means low voltage.
    pub active_low: bool,
}

impl Device for LineSettings {
    fn check(&self) -> Result<(), Trouble> {
        self.address.check()
    }

    fn claims(&self) -> Vec<String> {
        vec![self.address.claim()]
    }

    /// What a line has beside it stays on when nobody holds it any more.
    fn outlives_us(&self) -> bool {
        true
    }
}

impl Action for LineSettings {
    fn open(&self, _: &str) -> Result<Box<dyn Actuator>, Trouble> {
        Ok(Box::new(GpioLine::open(self)?))
    }
}

/// An open line, inactive at first.
pub struct GpioLine {
    pin: CdevPin,
    settings: LineSettings,
}

impl GpioLine {
    /// Opens the line as an output at its inactive level.
    ///
    /// # Errors
    /// No such line, no permission, or another program holds it.
    pub fn open(settings: &LineSettings) -> Result<Self, Trouble> {
        // The polarity is turned here and not by the kernel: CdevPin turns ACTIVE_LOW lines a
        // second time.
        let inactive = u8::from(settings.active_low);
        Ok(Self {
            pin: settings.address.request(inactive)?,
            settings: settings.clone(),
        })
    }

    fn set(&mut self, active: bool) -> Result<(), Trouble> {
        let state = PinState::from(active != self.settings.active_low);
        self.pin
            .set_state(state)
            .map_err(|e| self.settings.address.refused(e))
    }
}

impl Actuator for GpioLine {
    fn activate(&mut self, _: &Event) -> Result<(), Trouble> {
        self.set(true)
    }

    fn release(&mut self) -> Result<(), Trouble> {
        self.set(false)
    }
}
