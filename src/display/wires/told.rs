//! A bus for the driver of a screen of two colours, which keeps what goes wrong on it.

use crate::trouble::Trouble;
use display_interface::{DataFormat, DisplayError, WriteOnlyDataCommand};
use std::sync::{Arc, Mutex, PoisonError};

/// The bus of a small screen of two colours, whose driver tells no more of an error than that there
/// was one: the rest is kept here.
pub struct Told<B> {
    bus: B,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

/// What went wrong on a [`Told`] bus.
#[derive(Clone, Default)]
pub struct Last(Arc<Mutex<Option<Trouble>>>);

impl Last {
    /// The trouble behind the driver's error.
    pub fn trouble(&self, e: DisplayError) -> Trouble {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.take()
            .unwrap_or_else(|| Trouble::new(format!("the screen's driver: {e:?}"), ""))
    }
}

impl<B> Told<B> {
    /// What goes wrong on `bus` is kept in `last`.
    pub fn new(bus: B, last: &Last) -> Self {
        let trouble = Arc::clone(&last.0);
        Self { bus, trouble }
    }

    fn tell(&mut self, result: Result<(), Trouble>) -> Result<(), DisplayError> {
        result.map_err(|e| {
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
            DisplayError::BusWriteError
        })
    }
}

/// What takes commands and data.
pub trait Commanded {
    /// # Errors
    /// The bus or a line refuses.
    fn commands(&mut self, bytes: &[u8]) -> Result<(), Trouble>;

    /// # Errors
    /// The bus or a line refuses.
    fn data(&mut self, bytes: &[u8]) -> Result<(), Trouble>;
}

impl<B: Commanded> WriteOnlyDataCommand for Told<B> {
    fn send_commands(&mut self, commands: DataFormat<'_>) -> Result<(), DisplayError> {
        match commands {
            DataFormat::U8(bytes) => {
                let sent = self.bus.commands(bytes);
                self.tell(sent)
            }
            _ => Err(DisplayError::DataFormatNotImplemented),
        }
    }

    fn send_data(&mut self, data: DataFormat<'_>) -> Result<(), DisplayError> {
        match data {
            DataFormat::U8(bytes) => {
                let sent = self.bus.data(bytes);
                self.tell(sent)
            }
            _ => Err(DisplayError::DataFormatNotImplemented),
        }
    }
}
