//! The description of each function in `duckdb_functions()`, on hosts that accept one; the pages of docs/functions show the same examples.

use crate::ffi::{Documentation, FunctionKind};

const fn table(name: &'static str, description: &'static str, example: &'static str) -> Documentation {
    Documentation { kind: FunctionKind::Table, name, arguments: &[], description, example }
}

const fn scalar(
    name: &'static str,
    arguments: &'static [&'static str],
    description: &'static str,
    example: &'static str,
) -> Documentation {
    Documentation { kind: FunctionKind::Scalar, name, arguments, description, example }
}

/// One entry for each function that SQL sees.
pub const FUNCTIONS: &[Documentation] = &[
    table("nats_scan", "The messages of a stream, in sequence order, each once.", "FROM nats_scan('ORDERS');"),
    table(
        "nats_url_scan",
        "The messages of the stream that a URL names.",
        "FROM 'nats://localhost:4222/ORDERS?subject=orders.eu.>&start_seq=10';",
    ),
    table(
        "nats_get",
        "Messages of a stream by their sequences.",
        "FROM nats_get('ORDERS', [42, 7, 99], headers := true);",
    ),
    scalar(
        "nats_get",
        &["stream", "seq", "connection"],
        "The message with a sequence; NULL where there is none.",
        "SELECT o.id, nats_get('ORDERS', o.seq).payload FROM orders o;",
    ),
    scalar(
        "nats_last",
        &["stream", "subject", "connection"],
        "The newest message of a subject; NULL where there is none.",
        "SELECT d.id, decode(nats_last('DEVICES', 'devices.' || d.id || '.state').payload) FROM devices d;",
    ),
    table(
        "nats_tail",
        "What is new in a stream, once there is something, or nothing when the wait is over.",
        "FROM nats_tail('ORDERS', max_wait := INTERVAL 30 SECONDS);",
    ),
    scalar(
        "nats_subject_match",
        &["subject", "pattern"],
        "Whether a subject matches a filter, by the rules of NATS.",
        "SELECT nats_subject_match('orders.eu.new', 'orders.*.>');",
    ),
    scalar(
        "nats_headers",
        &["options"],
        "The headers by which a publisher says what becomes of a message.",
        "SELECT nats_headers({'ttl': INTERVAL 1 HOUR, 'msg_id': 'a-1'});",
    ),
    table(
        "nats_counters",
        "The counters of a stream, as numbers.",
        "FROM nats_counters('VISITS', subject := 'visits.>');",
    ),
    scalar(
        "nats_request",
        &["subject", "payload", "headers", "connection"],
        "Sends a request over core NATS and waits for its one reply.",
        "SELECT decode(nats_request('time.now', '').payload);",
    ),
    table(
        "nats_subscribe",
        "What comes on subjects of core NATS while it listens.",
        "FROM nats_subscribe('alerts.>', max_messages := 10, max_wait := INTERVAL 5 SECONDS);",
    ),
    table(
        "nats_last",
        "The newest message of every subject that matches.",
        "FROM nats_last('DEVICES', 'devices.*.state');",
    ),
    table("nats_last_seq", "How far a stream is.", "FROM nats_last_seq('ORDERS');"),
    scalar(
        "nats_last_seq",
        &["stream", "connection"],
        "The last sequence of a stream.",
        "SELECT nats_last_seq('ORDERS', 'nats://localhost:4222');",
    ),
    scalar(
        "nats_checkpoint",
        &["stream", "connection"],
        "The end of a stream as it is now, as a text that reads take as a bound.",
        "SELECT nats_checkpoint('ORDERS', 'nats://localhost:4222');",
    ),
    table(
        "nats_verify",
        "Reads all of a stream from each of its servers, and says what is wrong with it.",
        "FROM nats_verify('ORDERS');",
    ),
    table(
        "nats_ingest",
        "Messages as rows ready to upsert, each with a correlation key.",
        "SELECT ... FROM nats_ingest(stream, ...)",
    ),
    table(
        "nats_ack",
        "Acknowledges what this process was given by a durable, after COMMIT.",
        "FROM nats_ack(stream, durable [, up_to_seq := ...]);",
    ),
    scalar(
        "nats_ack",
        &["stream", "durable", "seqs", "connection"],
        "Acknowledges these sequences of a durable and answers how many the server confirmed.",
        "SELECT nats_ack('S', 'loader', list(u.seq)) FROM nats_unsettled('S', 'loader') u SEMI JOIN target USING (correlation_key);",
    ),
    table(
        "nats_unsettled",
        "What this process was given by a durable and has not settled.",
        "FROM nats_unsettled('S', 'loader')",
    ),
    table(
        "nats_nak",
        "Returns what this process was given by a durable, after ROLLBACK.",
        "FROM nats_nak('MEDIA_EVENTS', 'loader', reason := 'CHECK constraint failed', dlq_subject := 'dlq.media.events');",
    ),
    scalar(
        "nats_nak",
        &["stream", "durable", "seqs", "delay", "connection"],
        "Returns these sequences of a durable and answers how many come again.",
        "SELECT nats_nak('S', 'loader', [42], INTERVAL 5 SECONDS);",
    ),
    scalar(
        "nats_term",
        &["stream", "durable", "seqs", "reason", "connection"],
        "Ends these sequences of a durable, so that its consumer never delivers them again, and answers how many.",
        "SELECT nats_term('S', 'loader', [42], 'no such customer');",
    ),
    scalar(
        "nats_in_progress",
        &["stream", "durable", "seqs", "connection"],
        "Tells the server that these sequences of a durable are still in hand, and answers how many it confirmed.",
        "SELECT nats_in_progress('S', 'loader', list(seq)) FROM nats_unsettled('S', 'loader');",
    ),
    scalar(
        "nats_correlation_key",
        &["template", "document"],
        "The key that nats_ingest gives an event.",
        "SELECT nats_correlation_key(template, document) FROM ...;",
    ),
    scalar(
        "nats_publish",
        &["subject", "payload", "headers", "connection"],
        "Publishes each row to JetStream and waits until a stream has stored it.",
        "SELECT nats_publish(subject, payload [, headers [, connection]]) FROM ...;",
    ),
    scalar(
        "nats_try_publish",
        &["subject", "payload", "headers", "connection"],
        "Publishes each row to JetStream, and says of each whether it is stored.",
        "UPDATE outbox SET answer = nats_try_publish(subject, payload, MAP {'Nats-Msg-Id': 'outbox-' || id}) WHERE answer.seq IS NULL;",
    ),
    scalar(
        "nats_publish_atomic",
        &["messages", "connection"],
        "Publishes a list of messages to one stream: all of them or none.",
        "SELECT nats_publish_atomic(list({'subject': ..., 'payload': ... [, 'headers': ...]}) [, connection]) FROM ...;",
    ),
    table("nats_ping", "Whether a server answers, how fast, and what it is.", "FROM nats_ping();"),
    table(
        "nats_reads",
        "The newest reads of streams by this process: which sequences and subjects each asked for, and how it ended.",
        "FROM nats_reads();",
    ),
    table("nats_stats", "What this process has done since it loaded the extension.", "FROM nats_stats();"),
    table("nats_streams", "The streams of the account.", "FROM nats_streams();"),
    table("nats_stream_info", "The configuration and state of a stream.", "FROM nats_stream_info('ORDERS');"),
    table(
        "nats_subjects",
        "The subjects of a stream, with how many messages each has.",
        "FROM nats_subjects('ORDERS', subject := 'orders.>');",
    ),
    table("nats_consumers", "The consumers of a stream, with their lag.", "FROM nats_consumers('ORDERS');"),
    table(
        "nats_servers",
        "The servers of the cluster, as a user of the system account sees them.",
        "FROM nats_servers();",
    ),
    table(
        "nats_connections",
        "The connections of clients to all servers, as a user of the system account sees them.",
        "FROM nats_connections();",
    ),
    table(
        "nats_accounts",
        "The accounts of the servers with what each uses, as a user of the system account sees them.",
        "FROM nats_accounts();",
    ),
    table(
        "nats_stream_ensure",
        "Makes a stream as wanted, or changes it.",
        "FROM nats_stream_ensure('ORDERS', subjects := ['orders.>'], max_age := INTERVAL 7 DAY);",
    ),
    table(
        "nats_stream_purge",
        "Removes messages of a stream.",
        "FROM nats_stream_purge('ORDERS', subject := 'orders.old.>', confirm := true);",
    ),
    table(
        "nats_message_delete",
        "Deletes one message of a stream.",
        "FROM nats_message_delete('ORDERS', 42, confirm := true);",
    ),
    table(
        "nats_stream_delete",
        "Deletes a stream with its messages.",
        "FROM nats_stream_delete('ORDERS', confirm := true);",
    ),
    table(
        "nats_consumer_ensure",
        "Makes a pull consumer as wanted, or changes it.",
        "FROM nats_consumer_ensure('ORDERS', 'worker', ack_wait := INTERVAL 1 MINUTE);",
    ),
    table(
        "nats_consumer_delete",
        "Deletes a consumer.",
        "FROM nats_consumer_delete('ORDERS', 'worker', confirm := true);",
    ),
    table(
        "nats_consumer_pause",
        "Lets a consumer deliver nothing for a while.",
        "FROM nats_consumer_pause('ORDERS', 'worker', duration := INTERVAL 1 HOUR);",
    ),
    table("nats_consumer_resume", "Lets a paused consumer go on.", "FROM nats_consumer_resume('ORDERS', 'worker');"),
    table(
        "nats_consumer_reset",
        "Lets a consumer start again.",
        "FROM nats_consumer_reset('ORDERS', 'worker', seq := 1000, confirm := true);",
    ),
    table(
        "nats_consumer_unpin",
        "Lets go of the client that a priority group is pinned to.",
        "FROM nats_consumer_unpin('ORDERS', 'shared', 'main');",
    ),
    table("nats_kv_buckets", "The key-value buckets of the account.", "FROM nats_kv_buckets();"),
    table("nats_kv_bucket_ensure", "Makes a bucket as wanted.", "FROM nats_kv_bucket_ensure('users', history := 5);"),
    table("nats_kv_bucket_delete", "Deletes a bucket.", "nats_kv_bucket_delete(bucket, confirm := true)"),
    table("nats_kv_get", "The entry of a key, or one of its revisions.", "nats_kv_get(bucket, key, revision :=)"),
    table(
        "nats_kv_scan",
        "The newest entry of each key, now or as it was.",
        "FROM nats_kv_scan('users', keys := 'u.*', as_of := TIMESTAMP '2024-01-15 10:00:00');",
    ),
    table("nats_kv_history", "Every revision that a bucket holds.", "FROM nats_kv_history('users', keys := 'u.1');"),
    scalar(
        "nats_kv_put",
        &["bucket", "key", "value", "connection"],
        "Writes a value; the revision.",
        "nats_kv_put(bucket, key, value)",
    ),
    scalar(
        "nats_kv_create",
        &["bucket", "key", "value", "connection"],
        "Writes a value for a key that has none; the revision.",
        "nats_kv_create(bucket, key, value)",
    ),
    scalar(
        "nats_kv_update",
        &["bucket", "key", "value", "revision", "connection"],
        "Writes a value where the key is at a revision; the new one.",
        "nats_kv_update(bucket, key, value, revision)",
    ),
    scalar(
        "nats_kv_delete",
        &["bucket", "key", "connection"],
        "Deletes a key; older revisions stay.",
        "nats_kv_delete(bucket, key)",
    ),
    scalar(
        "nats_kv_purge",
        &["bucket", "key", "connection"],
        "Deletes a key with its older revisions.",
        "nats_kv_purge(bucket, key)",
    ),
    scalar(
        "nats_kv_get",
        &["bucket", "key", "connection"],
        "The value of a key; NULL where there is none.",
        "nats_kv_get(bucket, key)",
    ),
    table("nats_object_list", "The objects of an object store.", "FROM nats_object_list('reports');"),
    table(
        "nats_object_get",
        "An object of an object store.",
        "SELECT data FROM nats_object_get('reports', '2024/january.parquet');",
    ),
    scalar(
        "nats_object_put",
        &["bucket", "name", "data", "connection"],
        "Writes an object.",
        "SELECT nats_object_put('reports', 'notes/today.txt', 'all is well');",
    ),
    table(
        "nats_object_delete",
        "Deletes an object.",
        "FROM nats_object_delete('reports', 'notes/today.txt', confirm := true);",
    ),
    table("nats_object_stores", "The object stores of the account.", "FROM nats_object_stores();"),
    table(
        "nats_object_store_ensure",
        "Makes an object store as wanted.",
        "FROM nats_object_store_ensure('reports', ttl := INTERVAL 30 DAYS);",
    ),
];

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;

    #[test]
    fn every_example_is_on_a_page() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/functions");
        let pages: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        for function in FUNCTIONS {
            let shown = pages.iter().any(|page| page.contains(function.example));
            assert!(shown, "no page of docs/functions shows {}", function.example);
        }
    }

    #[test]
    fn every_function_is_described_once() {
        let mut names: Vec<_> = FUNCTIONS.iter().map(|function| (function.name, function.kind)).collect();
        let count = names.len();
        names.sort_by_key(|(name, kind)| (*name, *kind as u8));
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
