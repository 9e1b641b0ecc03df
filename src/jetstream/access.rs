//! The ways to ask for messages. Scans, single messages and the newest messages share them.

use crate::plan::StreamState;

/// The ways to ask for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// `$JS.API.DIRECT.GET.<stream>`.
    Direct,
    /// `$JS.API.STREAM.MSG.GET.<stream>`, for streams without `allow_direct`.
    MsgGet,
    /// A consumer, which delivers the messages behind a sequence. Only ranges use it.
    Consumer,
}

impl Access {
    /// The way that the stream allows; Direct Get when it is not known whether the stream allows it.
    pub(super) fn of(state: &StreamState) -> Self {
        if state.direct == Some(false) { Access::MsgGet } else { Access::Direct }
    }

    /// The API call, without `$JS.API.`.
    pub(super) fn call(self, stream: &str) -> String {
        match self {
            Access::Direct => format!("DIRECT.GET.{stream}"),
            Access::MsgGet => format!("STREAM.MSG.GET.{stream}"),
            Access::Consumer => format!("CONSUMER.CREATE.{stream}.>"),
        }
    }
}
