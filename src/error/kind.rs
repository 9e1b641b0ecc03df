//! The kinds of errors: code decides by them, and a user sees them as words that stay the same from version to version.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $word:literal, $counter:literal;)+) => {
        /// The kind of an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl Kind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),+];

            /// The word that stands in brackets at the end of a message: `[not_found]`.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Kind::$kind => $word,)+
                }
            }

            /// The name of its row in `nats_stats()`: `errors_not_found`.
            #[must_use]
            pub fn counter(self) -> &'static str {
                match self {
                    $(Kind::$kind => $counter,)+
                }
            }
        }

        static REPORTED: [AtomicU64; Kind::ALL.len()] = [const { AtomicU64::new(0) }; Kind::ALL.len()];
    };
}

kinds! {
    /// The statement asks for something that cannot be: an argument, a setting, or a file that it names.
    Misuse = "misuse", "errors_misuse";
    /// The server has no such stream, consumer, bucket, object or key, or no stream captures the subject.
    NotFound = "not_found", "errors_not_found";
    /// Something of that name exists already, or another writer came first.
    Conflict = "conflict", "errors_conflict";
    /// The server does not know the user, the user lacks a permission, or the session may open nothing outside of its process.
    Denied = "denied", "errors_denied";
    /// No server answers at the address, or the connection was lost and did not come back.
    Unreachable = "unreachable", "errors_unreachable";
    /// The server did not answer within `timeout`.
    TimedOut = "timed_out", "errors_timed_out";
    /// The server is there and cannot serve the request now: no leader, no JetStream, too many requests.
    Unavailable = "unavailable", "errors_unavailable";
    /// The server, the stream or the DuckDB is too old for the request, or is not configured to allow it.
    Unsupported = "unsupported", "errors_unsupported";
    /// The server refused the request for another reason, in words of its own.
    Refused = "refused", "errors_refused";
    /// A stored message or object cannot be read as it was written.
    Damaged = "damaged", "errors_damaged";
    /// The stream is not the one that it was: it was made anew, or lost messages at its end.
    Replaced = "replaced", "errors_replaced";
    /// Messages that the read needs have been removed from the stream.
    Gap = "gap", "errors_gap";
    /// A payload does not decode into the columns that the statement asks for.
    InvalidPayload = "invalid_payload", "errors_invalid_payload";
    /// The server answered something that the protocol does not know.
    Protocol = "protocol", "errors_protocol";
    /// The user interrupted the statement while it waited.
    Interrupted = "interrupted", "errors_interrupted";
    /// A fault of this extension.
    Internal = "internal", "errors_internal";
}

impl Kind {
    /// Counts an error that a user is shown.
    pub(super) fn count(self) {
        REPORTED[self as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many errors of this kind users of this process were shown.
    #[must_use]
    pub fn reported(self) -> u64 {
        REPORTED[self as usize].load(Ordering::Relaxed)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Kind;

    #[test]
    fn every_kind_has_a_word_of_its_own_and_a_counter_named_by_it() {
        let words: HashSet<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        assert_eq!(words.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert_eq!(kind.counter(), format!("errors_{kind}"));
        }
    }

    #[test]
    fn the_documentation_has_every_kind() {
        let page = include_str!("../../docs/errors.md");
        let missing: Vec<&str> =
            Kind::ALL.iter().map(|kind| kind.word()).filter(|word| !page.contains(&format!("| `{word}` |"))).collect();
        assert!(missing.is_empty(), "docs/errors.md lacks {missing:?}");
    }
}
