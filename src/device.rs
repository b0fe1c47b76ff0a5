//! What the configuration names and what may or may not be there: cameras, lines, screens, sockets.
//!
//! Each room extends [`Device`] by a way to open its own; whoever looks after all of them (the
//! doctor, `posed release`) knows no kind by name.

use crate::trouble::Trouble;

/// The settings of one back-end.
pub trait Device: std::fmt::Debug + Send + Sync {
    /// Looks whether it is there, without touching it.
    ///
    /// # Errors
    /// It is not, or may not be used.
    fn check(&self) -> Result<(), Trouble> {
        Ok(())
    }

    /// Whether it stays as it is when the program dies. Such a thing is brought to its inactive
    /// state by `posed release`, by opening it.
    fn outlives_us(&self) -> bool {
        false
    }
}
