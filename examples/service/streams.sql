-- The streams of follower.toml: the one that it follows, and the one of its dead letters. Again and again without harm.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/service/streams.sql
FROM nats_stream_ensure('MEDIA_EVENTS', subjects := ['playback.>'], max_age := INTERVAL 7 DAY);
FROM nats_stream_ensure('DLQ_MEDIA_EVENTS', subjects := ['dlq.media.>'], max_age := INTERVAL 30 DAY);
