//! The only room that knows NATS and tokio. Its public surface is blocking calls that end by a deadline.

pub mod admin;
mod api;
mod connection;
mod credentials;
pub mod dead_letter;
pub mod durable;
mod failure;
mod fetch;
mod get;
pub mod kv;
mod last;
mod multi_last;
mod newest;
pub mod object;
mod options;
mod ping;
mod pool;
pub mod publish;
mod reply;
mod runtime;
mod server_url;
mod state;
mod time;
mod wire;
mod witness;

pub use connection::Connection;
pub use fetch::{Fetch, FetchRequest};
pub use get::get_messages;
pub use last::{LastPages, LastRequest};
pub use options::{Authentication, ConnectOptions, NamedFile, Secret, TlsOptions};
pub use ping::{Ping, ping};
pub use pool::connect;
pub use server_url::{Scheme, ServerUrl, UrlFault};
pub use state::{first_sequence_from, stream_state};
pub use time::format_utc as utc_text;
pub use wire::Want;
