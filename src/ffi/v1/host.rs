//! The host that loaded the extension: its version, and the functions that it really has.
//!
//! DuckDB hands an extension a struct of function pointers. Version 1.2.0 of that struct has 404 of them, on every host
//! from 1.2 on; 1.5.6 has 142 more behind those, 2.0.0 another two. The memory behind a host's last function belongs to
//! something else, and the binding crate reads all 548 slots. So the struct is copied first: what the host does not
//! have stays empty, and a call of it becomes a panic that the boundary turns into an error, never a jump into nowhere.

use std::ffi::{CStr, c_char, c_void};
use std::mem::{MaybeUninit, offset_of, size_of};
use std::sync::OnceLock;

use libduckdb_sys::{duckdb_ext_api_v1, duckdb_extension_access, duckdb_extension_info};

use super::unwinding;

/// A host's version: the three numbers of a release. A development version counts as the release before it.
type Version = (u32, u32, u32);

/// How many functions the struct has, by the first release that has so many; the newest first.
const GENERATIONS: [(Version, usize); 3] = [((2, 0, 0), 548), ((1, 5, 6), 546), ((1, 2, 0), 404)];
/// The first host that has settings, copy functions and client contexts.
const FULL_API: Version = (1, 5, 6);
/// The first host that flattens the members of a STRUCT when it flattens the STRUCT.
const FLATTENED_MEMBERS: Version = (1, 3, 0);

const SLOT: usize = size_of::<usize>();
// The last function of each generation has its place just before the end that is copied.
const _: () = assert!(offset_of!(duckdb_ext_api_v1, duckdb_create_instance_cache) == 404 * SLOT);
const _: () = assert!(offset_of!(duckdb_ext_api_v1, duckdb_create_timestamp_tz_ns) == 546 * SLOT);
const _: () = assert!(size_of::<duckdb_ext_api_v1>() == 548 * SLOT);

static HOST: OnceLock<Host> = OnceLock::new();

/// The host of this process. The binding crate keeps the addresses of one host's functions, so there is one.
struct Host {
    version: Version,
    api: duckdb_ext_api_v1,
}

// SAFETY: plain addresses of functions, which any thread may call.
unsafe impl Send for Host {}
// SAFETY: as above; nothing changes them.
unsafe impl Sync for Host {}

/// Whether the host has the functions behind the stable part: settings, copy functions, client contexts.
pub fn has_full_api() -> bool {
    HOST.get().is_some_and(|host| host.version >= FULL_API)
}

/// Whether the members of a STRUCT that the host hands over have a value a row, as the STRUCT has.
pub fn flattens_members() -> bool {
    HOST.get().is_some_and(|host| host.version >= FLATTENED_MEMBERS)
}

/// Takes the host's functions and answers how the binding crate may take them: from a copy of the struct that is as long
/// as the crate believes. None when the host refuses the API version.
///
/// # Safety
/// `info` and `access` must be those that DuckDB passed to the entry point, during that call.
pub(super) unsafe fn initialise(
    info: duckdb_extension_info,
    access: *const duckdb_extension_access,
) -> Result<Option<duckdb_extension_access>, String> {
    // SAFETY: the caller vouches for `access`, which DuckDB keeps alive during the entry point.
    let Some(get_api) = (unsafe { (*access).get_api }) else {
        return Err("the host has no get_api function".into());
    };
    // SAFETY: called with the host's own `info`; the version is a NUL-terminated constant.
    let source = unsafe { get_api(info, c"v1.2.0".as_ptr()) }.cast::<duckdb_ext_api_v1>();
    if source.is_null() {
        return Ok(None);
    }
    // SAFETY: the host's struct has at least the stable part, which holds `duckdb_library_version`.
    let text = unsafe {
        let Some(library_version) = (&raw const (*source).duckdb_library_version).read() else {
            return Err("the host does not say its version".into());
        };
        CStr::from_ptr(library_version()).to_string_lossy().into_owned()
    };
    let version = parse_version(&text);
    let mut copy = MaybeUninit::<duckdb_ext_api_v1>::zeroed();
    // SAFETY: the source has so many functions by its version, the target has the whole struct's size, and the two do
    // not overlap. A zero slot is `None`, so the copy is initialised.
    let api = unsafe {
        let present = function_count(version) * SLOT;
        std::ptr::copy_nonoverlapping(source.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), present);
        copy.assume_init()
    };
    let host = HOST.get_or_init(|| Host { version, api });
    if bytes_of(&host.api) != bytes_of(&api) {
        return Err(another_host(host, &text));
    }
    unwinding::initialise(&host.api)?;
    Ok(Some(duckdb_extension_access {
        // SAFETY: as above; these are plain copies of function pointers.
        set_error: unsafe { (*access).set_error },
        // SAFETY: as above.
        get_database: unsafe { (*access).get_database },
        get_api: Some(copied_api),
    }))
}

/// The error of a second DuckDB in one process.
fn another_host(host: &Host, text: &str) -> String {
    let (major, minor, patch) = host.version;
    format!(
        "this process has loaded nats_js into another DuckDB (v{major}.{minor}.{patch}) already, and this one is {text}; \
         use one version of DuckDB in a process, or a copy of the extension's file for each"
    )
}

fn bytes_of(api: &duckdb_ext_api_v1) -> &[u8] {
    // SAFETY: a live struct of function pointers, which has no padding.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(api).cast::<u8>(), size_of::<duckdb_ext_api_v1>()) }
}

unsafe extern "C" fn copied_api(_info: duckdb_extension_info, _version: *const c_char) -> *const c_void {
    HOST.get().map_or(std::ptr::null(), |host| (&raw const host.api).cast())
}

/// How many functions the struct of a host has.
fn function_count(version: Version) -> usize {
    GENERATIONS.iter().find(|(first, _)| version >= *first).map_or(404, |(_, count)| *count)
}

/// The three numbers of `v1.5.6`. `v1.5.6-dev12` is on its way to 1.5.6 and has perhaps not what that has, so it is
/// taken for the release before. Zeros when the text is something else.
fn parse_version(text: &str) -> Version {
    let (release, development) =
        text.trim_start_matches('v').split_once('-').unwrap_or((text.trim_start_matches('v'), ""));
    let mut numbers = release.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let version: Version = (next(), next(), next());
    match (development.is_empty(), version) {
        (true, version) => version,
        (false, (major, minor, patch @ 1..)) => (major, minor, patch - 1),
        (false, (major, minor @ 1.., 0)) => (major, minor - 1, u32::MAX),
        (false, (major, 0, 0)) => (major.saturating_sub(1), u32::MAX, u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::{FULL_API, function_count, parse_version};

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse_version("v1.5.6"), (1, 5, 6));
        assert_eq!(parse_version("1.10.0"), (1, 10, 0));
        assert_eq!(parse_version("nightly"), (0, 0, 0));
        assert!(parse_version("v1.5.5") < FULL_API);
        assert!(parse_version("v2.0.0") >= FULL_API);
    }

    #[test]
    fn a_host_has_the_functions_of_its_generation_and_no_more() {
        let cases = [
            ("v1.2.0", 404),
            ("v1.4.5", 404),
            ("v1.5.5", 404),
            ("v1.5.6-dev7", 404),
            ("v1.5.6", 546),
            ("v1.6.0-dev1", 546),
            ("v1.6.3", 546),
            ("v2.0.0-rc1", 546),
            ("v2.0.0", 548),
            ("v2.1.0-dev9", 548),
            ("nightly", 404),
        ];
        for (text, count) in cases {
            assert_eq!(function_count(parse_version(text)), count, "{text}");
        }
    }
}
