//! The user's home folder, and paths that begin in it.

use std::ffi::OsString;
use std::path::PathBuf;

/// The user's home folder: `HOME`, else the profile folder of Windows, which commonly has no `HOME`.
pub fn folder() -> Option<PathBuf> {
    folder_of(&|name| std::env::var_os(name))
}

/// The path that a text names; `~/` at its beginning is the home folder, and so is `~\` on Windows.
pub fn path(text: &str) -> PathBuf {
    path_in(text, folder(), cfg!(windows))
}

/// [`folder`] with the environment's variables by their names.
fn folder_of(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let drive_and_path = || {
        let mut place = set("HOMEDRIVE")?;
        place.push(set("HOMEPATH")?);
        Some(place)
    };
    set("HOME").or_else(|| set("USERPROFILE")).or_else(drive_and_path).map(PathBuf::from)
}

fn path_in(text: &str, home: Option<PathBuf>, windows: bool) -> PathBuf {
    let separators: &[char] = if windows { &['/', '\\'] } else { &['/'] };
    let rest = text.strip_prefix('~').and_then(|rest| rest.strip_prefix(separators));
    match (rest, home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(variables: &[(&str, &str)]) -> Option<PathBuf> {
        folder_of(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn home_counts_before_the_profile_folder_and_an_empty_one_is_none() {
        let profile = ("USERPROFILE", r"C:\Users\ada");
        assert_eq!(folder(&[("HOME", "/home/ada"), profile]), Some(PathBuf::from("/home/ada")));
        assert_eq!(folder(&[profile]), Some(PathBuf::from(r"C:\Users\ada")));
        assert_eq!(folder(&[("HOME", ""), profile]), Some(PathBuf::from(r"C:\Users\ada")));
        let parts = [("HOMEDRIVE", "C:"), ("HOMEPATH", r"\Users\ada")];
        assert_eq!(folder(&parts), Some(PathBuf::from(r"C:\Users\ada")));
        assert_eq!(folder(&parts[..1]), None);
        assert_eq!(folder(&[]), None);
    }

    #[test]
    fn a_path_begins_in_the_home_folder_where_it_says_so() {
        let home = || Some(PathBuf::from("/home/ada"));
        let in_home = PathBuf::from("/home/ada").join("nats/me.creds");
        assert_eq!(path_in("~/nats/me.creds", home(), false), in_home);
        assert_eq!(path_in("~/nats/me.creds", home(), true), in_home);
        assert_eq!(path_in(r"~\me.creds", home(), true), PathBuf::from("/home/ada").join("me.creds"));
    }

    #[test]
    fn any_other_path_stays_as_it_is() {
        let home = || Some(PathBuf::from("/home/ada"));
        for text in ["~", "~ada/x", r"C:\nats\me.creds", r"\\server\share\me.creds", "a/~/b", "./~/b"] {
            for windows in [false, true] {
                assert_eq!(path_in(text, home(), windows), PathBuf::from(text), "{text}");
            }
        }
        // A file of that name, which other systems allow.
        assert_eq!(path_in(r"~\me.creds", home(), false), PathBuf::from(r"~\me.creds"));
        assert_eq!(path_in("~/me.creds", None, false), PathBuf::from("~/me.creds"));
    }
}
