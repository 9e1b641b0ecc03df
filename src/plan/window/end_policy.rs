//! The replies that end a span before its last sequence.

/// The number of empty replies in a row that end a span when the leader may not be asked.
pub(super) const REPLICAS_ASKED: u32 = 3;

/// The evidence that ends a span when a reply reports that nothing is left in the stream. Any replica may give such a reply, also one that is behind
/// the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndPolicy {
    /// Any reply ends the span, because the leader gives them all.
    AnyReply,
    /// The leader is asked.
    Leader,
    /// Several replies in a row end the span, because the leader may not be asked.
    SeveralReplicas,
}

impl EndPolicy {
    /// Whether this many empty replies in a row end a span.
    pub fn believes(self, empty_replies: u32) -> bool {
        match self {
            EndPolicy::AnyReply => true,
            EndPolicy::Leader => false,
            EndPolicy::SeveralReplicas => empty_replies >= REPLICAS_ASKED,
        }
    }

    /// Whether the leader is asked after this many empty replies.
    pub fn asks_leader(self, empty_replies: u32) -> bool {
        empty_replies > 0 && self == EndPolicy::Leader
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_reply_is_believed_by_policy() {
        let believed = |policy: EndPolicy| [1, 2, 3, 4].map(|empty_replies| policy.believes(empty_replies));
        assert_eq!(believed(EndPolicy::AnyReply), [true; 4]);
        assert_eq!(believed(EndPolicy::Leader), [false; 4]);
        assert_eq!(believed(EndPolicy::SeveralReplicas), [false, false, true, true]);
        let asks = |policy: EndPolicy| [0, 1, 2].map(|empty_replies| policy.asks_leader(empty_replies));
        assert_eq!(asks(EndPolicy::Leader), [false, true, true]);
        assert_eq!((asks(EndPolicy::AnyReply), asks(EndPolicy::SeveralReplicas)), ([false; 3], [false; 3]));
    }
}
