//! Panics that end here.
//!
//! tract has asserts that a damaged file can reach, and so may a fault of our own: for whoever asks
//! the engine both are errors of one file or one frame.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    // std gives a panic hook no other way to ask whether the panic will be caught.
    static CATCHING: Cell<u32> = const { Cell::new(0) };
}

/// Whether a panic of this thread is caught by the engine, so that the program lives on. For panic
/// hooks.
pub fn are_caught() -> bool {
    CATCHING.get() > 0
}

/// Runs `f`; a panic in it becomes its error.
///
/// # Errors
/// Those of `f`, and the first line of what it panicked with.
pub fn quietly<T>(f: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    CATCHING.set(CATCHING.get() + 1);
    let outcome = catch_unwind(AssertUnwindSafe(f));
    CATCHING.set(CATCHING.get() - 1);
    outcome.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        // What an assert of tract's quotes can go on for pages.
        let line = text
            .unwrap_or("no reason given")
            .lines()
            .next()
            .unwrap_or_default();
        Err(format!("damaged graph ({line:.200})"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_can_tell_whether_the_program_lives_on() {
        assert!(!are_caught());
        let inner = || quietly(|| Ok((are_caught(), panic_of(()))));
        let (inside, said) = quietly(|| {
            let nested = inner()?;
            assert!(are_caught(), "also after one inside has ended");
            Ok(nested)
        })
        .unwrap();
        assert!(inside && said.contains("an assert"), "{said}");
        assert!(!are_caught());
    }

    fn panic_of(_: ()) -> String {
        quietly::<()>(|| panic!("an assert\nof many lines")).unwrap_err()
    }
}
