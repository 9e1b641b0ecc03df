//! One connection per distinct options, shared by queries and threads, closed when idle, replaced when broken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::credentials::Credentials;
use super::options::ConnectOptions;
use super::runtime;
use crate::error::{Error, Result};

/// The time for which an unused connection stays open.
const IDLE: Duration = Duration::from_secs(30);

/// The options, and the fingerprint of the files that they name.
type Key = (ConnectOptions, u64);

#[derive(Default)]
struct Pool {
    /// The process that made the entries: a forked child has the parent's memory but not its threads.
    process: u32,
    entries: HashMap<Key, Arc<Entry>>,
    sweeping: bool,
}

/// The place of one connection.
struct Entry {
    /// Held while connecting, so that threads that want the same connection wait for one attempt.
    state: tokio::sync::Mutex<State>,
    last_used: Mutex<Instant>,
}

#[derive(Default)]
struct State {
    connection: Option<Arc<Connection>>,
    /// The last attempt that failed, and when it began.
    failure: Option<(Instant, Error)>,
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

/// A connection for these options: the pool's when it is up, else a new one. Reads the files that the options name.
///
/// # Errors
/// A file cannot be read or holds something else, no server answers, or the server does not accept the user.
pub fn connect(options: &ConnectOptions) -> Result<Arc<Connection>> {
    let credentials = Credentials::read(options)?;
    let (entry, sweep) = with_pool(|pool| {
        let entry = pool.entries.entry((options.clone(), credentials.fingerprint)).or_insert_with(Entry::new);
        (Arc::clone(entry), !std::mem::replace(&mut pool.sweeping, true))
    });
    if sweep {
        runtime::handle()?.spawn(sweep_idle());
    }
    runtime::block_on_read(entry.connection(options, &credentials))
}

/// Takes a connection out of the pool after an error, so that the next statement starts with a new one.
pub(super) fn discard(connection: &Weak<Connection>) {
    let Some(connection) = connection.upgrade() else { return };
    with_pool(|pool| pool.entries.retain(|_, entry| !entry.holds(&connection)));
}

impl Entry {
    fn new() -> Arc<Self> {
        Arc::new(Self { state: tokio::sync::Mutex::default(), last_used: Mutex::new(Instant::now()) })
    }

    async fn connection(&self, options: &ConnectOptions, credentials: &Credentials) -> Result<Arc<Connection>> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        self.touch();
        if let Some(connection) = state.connection.as_ref().filter(|connection| connection.is_up()) {
            return Ok(Arc::clone(connection));
        }
        // An attempt that began after this call did answers this call as well.
        if let Some((began, error)) = &state.failure
            && *began >= asked
        {
            return Err(error.clone());
        }
        state.connection = None;
        let began = Instant::now();
        match Connection::open(options, credentials).await {
            Ok(connection) => {
                self.touch();
                Ok(Arc::clone(state.connection.insert(Arc::new(connection))))
            }
            Err(error) => {
                state.failure = Some((began, error.clone()));
                Err(error)
            }
        }
    }

    fn touch(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn holds(&self, connection: &Arc<Connection>) -> bool {
        let state = self.state.try_lock();
        state.is_ok_and(|state| state.connection.as_ref().is_some_and(|held| Arc::ptr_eq(held, connection)))
    }

    /// Whether nobody has used the connection for a while. One that is in use counts as just used.
    fn is_idle(&self) -> bool {
        let Ok(state) = self.state.try_lock() else { return false };
        if state.connection.as_ref().is_some_and(|connection| Arc::strong_count(connection) > 1) {
            self.touch();
        }
        self.last_used.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= IDLE
    }
}

fn with_pool<T>(action: impl FnOnce(&mut Pool) -> T) -> T {
    let mut slot = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    let pool = slot.get_or_insert_default();
    if pool.process != process {
        // The parent's connections stay untouched: dropping them here would write to its sockets.
        std::mem::forget(std::mem::take(&mut pool.entries));
        *pool = Pool { process, ..Pool::default() };
    }
    action(pool)
}

/// Closes idle connections until none is left.
async fn sweep_idle() {
    loop {
        tokio::time::sleep(IDLE / 2).await;
        let done = with_pool(|pool| {
            pool.entries.retain(|_, entry| !entry.is_idle());
            pool.sweeping = !pool.entries.is_empty();
            !pool.sweeping
        });
        if done {
            return;
        }
    }
}
