//! Many acknowledgements without an answer to each. The server works in order, so its answer to one shows that it has read those before it; only its
//! state shows whether it accepted them.

use std::sync::Arc;

use bytes::Bytes;

use super::words::ACKNOWLEDGE;
use crate::error::{Error, Kind};
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::{Failure, refusal};
use crate::jetstream::own_socket::{Happened, OwnSocket};
use crate::jetstream::wire::{Received, Socket, number};
use crate::plan::Given;

/// The number of acknowledgements without an answer before one that wants an answer. At most twice as many are under way.
const WINDOW: usize = 16_384;
/// The number of acknowledgements that go out at once.
const AT_ONCE: usize = 1_024;

/// Acknowledges messages, and returns when the server has read all of it, or when it is not known what it has read, because the connection was lost.
///
/// # Errors
/// The server refuses an acknowledgement, or is silent for the connection's timeout.
pub(super) async fn acknowledge_unanswered(
    connection: &Arc<Connection>,
    messages: &[&Given],
) -> std::result::Result<(), Failure> {
    let own = if Socket::suits(connection.options()) { OwnSocket::open_alive(connection, 0).await.ok() } else { None };
    match own {
        Some(own) => by_socket(connection, own, messages).await,
        None => by_client(connection, messages).await,
    }
}

async fn by_socket(
    connection: &Arc<Connection>,
    mut own: OwnSocket,
    messages: &[&Given],
) -> std::result::Result<(), Failure> {
    let (mut last_window, mut answered): (Option<(usize, &Given)>, usize) = (None, 0);
    for (number, window) in messages.chunks(WINDOW).enumerate() {
        let Some((last, others)) = window.split_last() else { continue };
        for some in others.chunks(AT_ONCE) {
            if let Some(socket) = own.get() {
                some.iter().for_each(|message| socket.put(message.ack_subject(), ACKNOWLEDGE));
            }
            own.flush().await;
        }
        if let Some(socket) = own.get() {
            socket.publish(&last.ack_subject().to_string(), number, &[], ACKNOWLEDGE.as_bytes());
        }
        own.flush().await;
        // The server works on this window while the answer to the one before is awaited.
        if let Some(before) = last_window.replace((number, last))
            && !is_answered(connection, &mut own, before, &mut answered).await?
        {
            return Ok(());
        }
    }
    if let Some(last) = last_window
        && is_answered(connection, &mut own, last, &mut answered).await?
    {
        own.finish();
    }
    Ok(())
}

/// Waits for the answer to the last acknowledgement of a window; `answered` is the number of windows whose answer came. False when the connection
/// was lost before it.
async fn is_answered(
    connection: &Arc<Connection>,
    own: &mut OwnSocket,
    (window, last): (usize, &Given),
    answered: &mut usize,
) -> std::result::Result<bool, Failure> {
    while *answered <= window {
        let happened = tokio::time::timeout(connection.timeout, own.receive()).await;
        let received = match happened.map_err(|_| Failure::TimedOut)?.map_err(Failure::Other)? {
            Happened::Received(received) => received,
            Happened::Reconnected => return Ok(false),
        };
        for reply in own.frames().replies() {
            if reply.is_no_responders() {
                return Err(Failure::NoResponders);
            }
            let of = number(reply.reply_token()).and_then(|token| usize::try_from(token).ok());
            *answered = of.map_or(*answered, |window| window + 1).max(*answered);
        }
        own.clear();
        if let Received::Refused(words) = received {
            let subject = last.ack_subject().to_string();
            if let Some(failure) = words.iter().find_map(|words| refusal(words, &subject)) {
                return Err(failure);
            }
        }
    }
    Ok(true)
}

async fn by_client(connection: &Arc<Connection>, messages: &[&Given]) -> std::result::Result<(), Failure> {
    for window in messages.chunks(WINDOW) {
        let Some((last, others)) = window.split_last() else { continue };
        for message in others {
            let subject = message.ack_subject().to_string();
            let sent = connection.client.publish(subject, Bytes::from_static(ACKNOWLEDGE.as_bytes()));
            sent.await
                .map_err(|error| Failure::Other(Error::foreign("cannot send", &error).kind_or(Kind::Unreachable)))?;
        }
        let subject = last.ack_subject().to_string();
        connection.request(&subject, Bytes::from_static(ACKNOWLEDGE.as_bytes())).await?;
    }
    Ok(())
}
