//! Whether the user has interrupted the statement, which a call that waits may ask where the door can tell.
//!
//! A door watches the work of a call ([`watched`]); code that waits inside of it looks now and then ([`look`]). Where no door
//! watches, nothing is ever interrupted, and waiting is bounded by the timeout alone.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};

/// The pause between two looks.
pub const EVERY: Duration = Duration::from_millis(100);

struct Watch {
    ask: Box<dyn Fn() -> bool>,
    /// When the next look is due.
    due: Instant,
}

thread_local! {
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

/// Runs the work of a call on this thread; `ask` says whether the statement was interrupted, and is not asked once the work is
/// done, also when it panics.
pub fn watched<T>(ask: impl Fn() -> bool + 'static, work: impl FnOnce() -> T) -> T {
    struct Before(Option<Watch>);
    impl Drop for Before {
        fn drop(&mut self) {
            WATCH.replace(self.0.take());
        }
    }
    let watch = Watch { ask: Box::new(ask), due: Instant::now() + EVERY };
    let _before = Before(WATCH.replace(Some(watch)));
    work()
}

/// Whether a door watches, so that an interrupt can be noticed.
#[must_use]
pub fn is_watched() -> bool {
    WATCH.with_borrow(Option::is_some)
}

/// Asks whether the statement was interrupted, once in [`EVERY`] at most.
///
/// # Errors
/// `Kind::Interrupted` when it was.
pub fn look() -> Result<()> {
    WATCH.with_borrow_mut(|watch| match watch {
        Some(watch) if Instant::now() >= watch.due => {
            watch.due = Instant::now() + EVERY;
            if (watch.ask)() { Err(Error::of(Kind::Interrupted, "the statement was interrupted")) } else { Ok(()) }
        }
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    /// Looks until somebody was asked.
    fn look_until(asked: &Cell<u32>, count: u32) -> Result<()> {
        while asked.get() < count {
            look()?;
        }
        Ok(())
    }

    #[test]
    fn who_waits_hears_of_an_interrupt_while_it_is_watched_and_not_afterwards() {
        let asked = Rc::new(Cell::new(0));
        let ask = |asked: &Rc<Cell<u32>>| {
            let asked = Rc::clone(asked);
            move || {
                asked.set(asked.get() + 1);
                asked.get() > 2
            }
        };
        assert!(!is_watched() && look().is_ok());
        let outcome = watched(ask(&asked), || {
            assert!(is_watched());
            look_until(&asked, 2)?;
            look_until(&asked, 3)
        });
        assert_eq!(outcome.unwrap_err().kind(), Kind::Interrupted);
        assert!(!is_watched() && look().is_ok());
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn a_call_inside_of_a_call_has_a_watch_of_its_own() {
        watched(
            || true,
            || {
                watched(|| false, || assert!(is_watched()));
                assert!(is_watched());
                while look().is_ok() {}
            },
        );
        let panicked = std::panic::catch_unwind(|| watched(|| true, || panic!("no")));
        assert!(panicked.is_err() && !is_watched());
    }
}
