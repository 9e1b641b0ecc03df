//! Accounts: what each server tells of its share, put together.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::super::admin::Config;
use super::super::connection::Connection;
use super::super::runtime::block_on_read;
use super::gather::{Answer, count_servers, gather};
use super::pages::{Listing, every_page};
use crate::error::Result;

/// One account, over all servers.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Its name; with JWTs its public key.
    pub name: String,
    /// Counts of its connections and messages, each the sum over the servers, by the name in [`COUNTS`] or `sent.msgs`.
    counts: HashMap<&'static str, u64>,
    /// What it uses of JetStream; None where it has none.
    pub jetstream: Option<JetStreamUse>,
}

/// What an account uses of JetStream.
#[derive(Debug, Clone, Default)]
pub struct JetStreamUse {
    /// Bytes in memory and on disk, over all replicas, by domain: each server of a domain knows the sum.
    memory: HashMap<String, u64>,
    storage: HashMap<String, u64>,
    /// The most bytes that it may use; None without a limit, or where limits are by replicas.
    pub max_memory: Option<u64>,
    /// As `max_memory`, on disk.
    pub max_storage: Option<u64>,
    /// Requests to the API, and those of them that failed: the sum over the servers since each started.
    pub api_requests: u64,
    /// As `api_requests`.
    pub api_errors: u64,
    /// How many consumers each stream has, by domain and name.
    streams: HashMap<(String, String), u64>,
}

impl Account {
    /// A sum over the servers, by the path of the field in `AccountStat`; None where none of them tells it.
    #[must_use]
    pub fn count(&self, path: &str) -> Option<u64> {
        self.counts.get(path).copied()
    }
}

impl JetStreamUse {
    /// Bytes in memory, over all replicas.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.memory.values().sum()
    }

    /// Bytes on disk, over all replicas.
    #[must_use]
    pub fn storage(&self) -> u64 {
        self.storage.values().sum()
    }

    /// How many streams there are.
    #[must_use]
    pub fn streams(&self) -> u64 {
        self.streams.len() as u64
    }

    /// How many consumers there are.
    #[must_use]
    pub fn consumers(&self) -> u64 {
        self.streams.values().sum()
    }

    /// Takes in what one server tells.
    fn add(&mut self, domain: &str, detail: &Config) {
        let larger = |sums: &mut HashMap<String, u64>, value: u64| {
            let sum = sums.entry(domain.to_owned()).or_default();
            *sum = value.max(*sum);
        };
        larger(&mut self.memory, detail.count("memory"));
        larger(&mut self.storage, detail.count("storage"));
        // -1 as an unsigned number is no limit.
        let limit = |name: &str| detail.number(name).filter(|limit| *limit != u64::MAX);
        self.max_memory = limit("reserved_memory");
        self.max_storage = limit("reserved_storage");
        let api = detail.object("api");
        self.api_requests += api.count("total");
        self.api_errors += api.count("errors");
        let streams = detail.0.get("stream_detail").and_then(Value::as_array);
        for stream in streams.into_iter().flatten() {
            let stream = Config::of(Some(stream));
            let key = (domain.to_owned(), stream.text("name").unwrap_or_default());
            let consumers = self.streams.entry(key).or_default();
            *consumers = stream.object("state").count("consumer_count").max(*consumers);
        }
    }
}

/// The counts of `AccountStat`, by path.
const COUNTS: [&str; 9] = [
    "conns",
    "total_conns",
    "leafnodes",
    "num_subscriptions",
    "slow_consumers",
    "sent.msgs",
    "sent.bytes",
    "received.msgs",
    "received.bytes",
];

/// Every account that a server knows, by name. Three round trips, and one for each 512 accounts of a server.
///
/// # Errors
/// As [`servers`](super::servers).
pub fn accounts(connection: &Arc<Connection>) -> Result<Vec<Account>> {
    const JSZ: Listing =
        Listing { what: "JSZ", options: r#""accounts":true,"streams":true"#, entries: "account_details", key: "name" };
    block_on_read(async {
        let servers = count_servers(connection).await?;
        let shares = gather(connection, "ACCOUNT.PING.STATZ", r#"{"include_unused":true}"#, servers).await?;
        let details = every_page(connection, &JSZ, servers).await?;
        Ok(put_together(&shares, &details))
    })
}

fn put_together(shares: &[Answer], details: &[Answer]) -> Vec<Account> {
    let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
    let mut of = |name: String, change: &dyn Fn(&mut Account)| {
        change(accounts.entry(name.clone()).or_insert_with(|| Account { name, ..Account::default() }));
    };
    for share in shares.iter().flat_map(|answer| answer.data.0.get("account_statz").and_then(Value::as_array)).flatten()
    {
        let share = Config::of(Some(share));
        of(share.text("acc").unwrap_or_default(), &|account| {
            for path in COUNTS {
                let known = match path.split_once('.') {
                    Some((object, name)) => share.object(object).number(name),
                    None => share.number(path),
                };
                if let Some(count) = known {
                    *account.counts.entry(path).or_default() += count;
                }
            }
        });
    }
    for Answer { server, data } in details {
        let domain = server.text("domain").unwrap_or_default();
        of(data.text("id").or_else(|| data.text("name")).unwrap_or_default(), &|account| {
            account.jetstream.get_or_insert_default().add(&domain, data);
        });
    }
    accounts.into_values().collect()
}
