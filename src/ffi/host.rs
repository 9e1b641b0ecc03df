//! The host that loaded the extension: its version, and the functions that it really has.
//!
//! DuckDB hands an extension a struct of function pointers. Version 1.2.0 of that struct has 404 of them, on every host
//! from 1.2 on; hosts from 1.5.6 on have 144 more behind those. On an older host the memory behind the 404 belongs to
//! something else, and the binding crate reads all 548 slots. So the struct is copied first: what the host does not
//! have stays empty, and a call of it becomes a panic that the boundary turns into an error, never a jump into nowhere.

use std::ffi::{CStr, c_char, c_void};
use std::mem::{MaybeUninit, offset_of, size_of};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use libduckdb_sys::{duckdb_ext_api_v1, duckdb_extension_access, duckdb_extension_info};

/// The size in bytes of the part of the struct that every host has.
const STABLE_SIZE: usize = offset_of!(duckdb_ext_api_v1, duckdb_create_instance_cache);
const _: () = assert!(STABLE_SIZE == 404 * size_of::<usize>());

/// The first host whose struct has the functions behind the stable part.
const FULL_API: (u32, u32, u32) = (1, 5, 6);

static VERSION: OnceLock<(u32, u32, u32)> = OnceLock::new();
static COPY: AtomicPtr<duckdb_ext_api_v1> = AtomicPtr::new(std::ptr::null_mut());

/// Whether the host has the functions behind the stable part: settings, copy functions, client contexts.
pub fn has_full_api() -> bool {
    VERSION.get().is_some_and(|version| *version >= FULL_API)
}

/// Fills the binding crate's function table from the host. False when the host refuses the API version.
///
/// # Safety
/// `info` and `access` must be those that DuckDB passed to the entry point, during that call.
pub(super) unsafe fn initialise(
    info: duckdb_extension_info,
    access: *const duckdb_extension_access,
) -> Result<bool, String> {
    // SAFETY: the caller vouches for `access`, which DuckDB keeps alive during the entry point.
    let Some(get_api) = (unsafe { (*access).get_api }) else {
        return Err("the host has no get_api function".into());
    };
    // SAFETY: called with the host's own `info`; the version is a NUL-terminated constant.
    let source = unsafe { get_api(info, c"v1.2.0".as_ptr()) }.cast::<duckdb_ext_api_v1>();
    if source.is_null() {
        return Ok(false);
    }
    // SAFETY: the host's struct has at least the stable part, which holds `duckdb_library_version`.
    let version = unsafe {
        let Some(library_version) = (&raw const (*source).duckdb_library_version).read() else {
            return Err("the host does not say its version".into());
        };
        parse_version(&CStr::from_ptr(library_version()).to_string_lossy())
    };
    let version = *VERSION.get_or_init(|| version);
    let present = if version >= FULL_API { size_of::<duckdb_ext_api_v1>() } else { STABLE_SIZE };
    let mut copy = Box::new(MaybeUninit::<duckdb_ext_api_v1>::zeroed());
    // SAFETY: the source has `present` bytes by the version check above, the target has the whole struct's size, and
    // the two do not overlap. A zero slot is `None`, so the copy is initialised.
    let copy = unsafe {
        std::ptr::copy_nonoverlapping(source.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), present);
        copy.assume_init()
    };
    keep(copy);
    let shim = duckdb_extension_access {
        // SAFETY: as above; these are plain copies of function pointers.
        set_error: unsafe { (*access).set_error },
        // SAFETY: as above.
        get_database: unsafe { (*access).get_database },
        get_api: Some(copied_api),
    };
    // SAFETY: `shim` lives until the call returns, and `copied_api` hands out a whole, initialised struct.
    unsafe { libduckdb_sys::duckdb_rs_extension_api_init(info, &raw const shim, "v1.2.0") }.map_err(str::to_owned)
}

/// Keeps a copy for the life of the process, and only the first of those that are equal: a program may open many
/// databases, and each loads the extension.
fn keep(copy: Box<duckdb_ext_api_v1>) {
    let kept = COPY.load(Ordering::Acquire);
    // SAFETY: a struct that was kept is never freed. Both are plain function pointers, which have no padding.
    let equal = !kept.is_null() && unsafe { bytes_of(&raw const *copy) == bytes_of(kept) };
    if !equal {
        COPY.store(Box::into_raw(copy), Ordering::Release);
    }
}

/// # Safety
/// The pointer must be to a live struct.
unsafe fn bytes_of<'a>(api: *const duckdb_ext_api_v1) -> &'a [u8] {
    // SAFETY: the caller vouches for the pointer.
    unsafe { std::slice::from_raw_parts(api.cast::<u8>(), size_of::<duckdb_ext_api_v1>()) }
}

unsafe extern "C" fn copied_api(_info: duckdb_extension_info, _version: *const c_char) -> *const c_void {
    COPY.load(Ordering::Acquire).cast()
}

/// The three numbers of `v1.5.6` or `v1.6.0-dev12`; zeros when the text is something else.
fn parse_version(text: &str) -> (u32, u32, u32) {
    let mut numbers = text.trim_start_matches('v').split(['.', '-', '+']).map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::{FULL_API, parse_version};

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse_version("v1.5.6"), (1, 5, 6));
        assert_eq!(parse_version("v1.10.0-dev42"), (1, 10, 0));
        assert_eq!(parse_version("nightly"), (0, 0, 0));
        assert!(parse_version("v1.5.5") < FULL_API);
        assert!(parse_version("v2.0.0") >= FULL_API);
    }
}
