//! The two ways to ask for a message, which scans, single messages and the newest ones share.

use crate::plan::StreamState;

/// The two ways to ask for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// `$JS.API.DIRECT.GET.<stream>`.
    Direct,
    /// `$JS.API.STREAM.MSG.GET.<stream>`, for streams without `allow_direct`.
    MsgGet,
}

impl Access {
    /// The way that the stream allows; Direct Get when that is not known.
    pub(super) fn of(state: &StreamState) -> Self {
        if state.direct == Some(false) { Access::MsgGet } else { Access::Direct }
    }

    /// The API call, without `$JS.API.`.
    pub(super) fn call(self, stream: &str) -> String {
        match self {
            Access::Direct => format!("DIRECT.GET.{stream}"),
            Access::MsgGet => format!("STREAM.MSG.GET.{stream}"),
        }
    }
}
