//! The number of connections of a read when the call does not give it: it is searched for while the read goes on.

use tokio::time::Instant;

use crate::jetstream::access::Access;
use crate::jetstream::fetch::request::Route;
use crate::plan::{Connections, Pace, Window};

/// The number, and the result of the last look; None where the number is given, or where connections do not share requests.
pub(super) struct Share(Option<Looked>);

struct Looked {
    connections: Connections,
    count: usize,
    /// The time of the last look, and the bytes that had come by then.
    seen: Option<(Instant, u64)>,
}

impl Share {
    pub fn new(access: Access, route: Route) -> Self {
        let free = access == Access::Direct && route.connections.is_none();
        Self(free.then(|| Looked { connections: Connections::default(), count: 1, seen: None }))
    }

    /// The number from now on, where it changes. `reader_is_limit` says that the reader has all that it can take at the moment.
    pub fn look(&mut self, window: &Window, reader_is_limit: bool) -> Option<usize> {
        let looked = self.0.as_mut()?;
        let (now, received) = (Instant::now(), window.received_bytes());
        let (then, before) = looked.seen.replace((now, received))?;
        let pace = Pace {
            bytes: received - before,
            elapsed: now - then,
            reader_is_limit,
            left: window.bytes_left(),
            under_way: window.bytes_under_way(),
        };
        let count = looked.connections.after(pace);
        (count != std::mem::replace(&mut looked.count, count)).then_some(count)
    }
}
