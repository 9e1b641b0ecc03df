-- What the workers of examples/lake need on the NATS server: run it once, and as often as you like.
-- duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/lake/setup.sql
--
-- Publishers send to events.<key>. The server puts the number of the key's partition, 0 to 7, before it: events.<partition>.<key>. One key is
-- always of one partition. Changing the count needs a stream made anew, or all workers stopped: docs/lake.md.
FROM nats_stream_ensure('EVENTS', subjects := ['events.*'], max_age := INTERVAL 7 DAY,
    subject_transform := {'src': 'events.*', 'dest': 'events.{{partition(8,1)}}.{{wildcard(1)}}'});

-- Which worker has which partition. An entry is gone 10 s after its worker is.
FROM nats_kv_bucket_ensure('lake_owners', ttl := INTERVAL 10 SECOND);
