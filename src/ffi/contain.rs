//! Nothing unwinds through C: a panic in a callback becomes the query's error.

use std::any::Any;
use std::ffi::{CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Kind, Result};

/// Runs a callback's body. The error carries the SQL function's name in front and its kind at the end:
/// `nats_scan: stream 'S': ... [not_found]`.
pub(super) fn contain<T>(function: &str, body: impl FnOnce() -> Result<T>) -> std::result::Result<T, CString> {
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        Err(Error::of(Kind::Internal, format!("internal error: {}", panic_text(&*panic))).advice("please report it"))
    });
    outcome.map_err(|error| c_text(&error.report(function)))
}

/// A C string; an inner NUL is printed as `\0`.
pub(super) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "\\0")).unwrap_or_default()
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".into())
}

/// Drops a value that was given to DuckDB as `Box::into_raw`; a panic while dropping ends here.
///
/// # Safety
/// `pointer` must come from `Box::<T>::into_raw` and be dropped once.
pub(super) unsafe extern "C" fn drop_box<T>(pointer: *mut c_void) {
    // SAFETY: the caller vouches for the pointer's origin.
    let value = unsafe { Box::from_raw(pointer.cast::<T>()) };
    let _ = catch_unwind(AssertUnwindSafe(move || drop(value)));
}

#[cfg(test)]
mod tests {
    use super::contain;
    use crate::error::Error;

    #[test]
    fn errors_and_panics_name_the_function() {
        let error = contain("f", || Err::<(), _>(Error::new("bad\0byte"))).unwrap_err();
        assert_eq!(error.to_str(), Ok("f: bad\\0byte [misuse]"));
        let error = contain::<()>("f", || panic!("boom {}", 1)).unwrap_err();
        assert_eq!(error.to_str(), Ok("f: internal error: boom 1; please report it [internal]"));
    }
}
