//! One connection per distinct options, shared by queries and threads, closed when idle, replaced when broken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::options::ConnectOptions;
use super::runtime;
use crate::error::Result;

/// How long a connection that nobody uses stays open.
const IDLE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Pool {
    /// The process that made the entries: a forked child has the parent's memory but not its threads.
    process: u32,
    entries: HashMap<ConnectOptions, Entry>,
    sweeping: bool,
}

struct Entry {
    connection: Arc<Connection>,
    last_used: Instant,
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

/// A connection for these options: the pool's when it is up, else a new one.
pub fn connect(options: &ConnectOptions) -> Result<Arc<Connection>> {
    if let Some(connection) = with_pool(|pool| pool.find(options)) {
        return Ok(connection);
    }
    let connection = Arc::new(runtime::block_on(Connection::open(options))?);
    let sweep = with_pool(|pool| {
        let entry = Entry { connection: Arc::clone(&connection), last_used: Instant::now() };
        pool.entries.insert(options.clone(), entry);
        !std::mem::replace(&mut pool.sweeping, true)
    });
    if sweep {
        runtime::handle()?.spawn(sweep_idle());
    }
    Ok(connection)
}

/// Takes a connection out of the pool after an error, so that the next statement starts with a new one.
pub(super) fn discard(connection: &Weak<Connection>) {
    let Some(connection) = connection.upgrade() else { return };
    with_pool(|pool| pool.entries.retain(|_, entry| !Arc::ptr_eq(&entry.connection, &connection)));
}

fn with_pool<T>(action: impl FnOnce(&mut Pool) -> T) -> T {
    let mut slot = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    let pool = slot.get_or_insert_default();
    if pool.process != process {
        // The parent's connections are left as they are: dropping them here would speak on its sockets.
        std::mem::forget(std::mem::take(&mut pool.entries));
        *pool = Pool { process, ..Pool::default() };
    }
    action(pool)
}

impl Pool {
    fn find(&mut self, options: &ConnectOptions) -> Option<Arc<Connection>> {
        let entry = self.entries.get_mut(options)?;
        if entry.connection.is_up() {
            entry.last_used = Instant::now();
            return Some(Arc::clone(&entry.connection));
        }
        self.entries.remove(options);
        None
    }
}

/// Closes idle connections until none is left.
async fn sweep_idle() {
    loop {
        tokio::time::sleep(IDLE / 2).await;
        let done = with_pool(|pool| {
            pool.entries.retain(|_, entry| {
                if Arc::strong_count(&entry.connection) > 1 {
                    entry.last_used = Instant::now();
                }
                entry.last_used.elapsed() < IDLE
            });
            pool.sweeping = !pool.entries.is_empty();
            !pool.sweeping
        });
        if done {
            return;
        }
    }
}
