//! What the system account tells of the servers, their connections and the accounts.
//!
//! Source: <https://docs.nats.io/running-a-nats-service/configuration/sys_accounts>; the fields are those of the structs `Varz`,
//! `ConnInfo`, `AccountStat` and `AccountDetail` of nats-server. A field that a server does not send is not known.

mod accounts;
mod gather;
mod go_duration;
mod pages;

pub use accounts::{Account, JetStreamUse, accounts};
pub use gather::Answer;
pub use go_duration::go_duration;

use std::sync::Arc;

use super::connection::Connection;
use super::runtime::block_on_read;
use crate::error::Result;
use gather::{count_servers, gather};
use pages::{Listing, every_page};

/// The variables (`VARZ`) of every server that answers, by name. Two round trips.
///
/// # Errors
/// [`Kind::Denied`](crate::error::Kind::Denied) for a user who is not of the system account; those of any request.
pub fn servers(connection: &Arc<Connection>) -> Result<Vec<Answer>> {
    block_on_read(async {
        let servers = count_servers(connection).await?;
        gather(connection, "SERVER.PING.VARZ", "{}", servers).await
    })
}

/// The open connections of clients and leaf nodes (`CONNZ`), with the server that each is on. One round trip for all servers, and
/// one for each 512 connections of a server.
///
/// # Errors
/// As [`servers`]; the connections of a server changed each time they were read.
pub fn connections(connection: &Arc<Connection>) -> Result<Vec<Answer>> {
    const CONNZ: Listing = Listing { what: "CONNZ", options: r#""auth":true"#, entries: "connections", key: "cid" };
    block_on_read(async {
        let servers = count_servers(connection).await?;
        every_page(connection, &CONNZ, servers).await
    })
}
