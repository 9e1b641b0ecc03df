-- One step of a table that follows a stream: whatever came first, 1000 messages or 5 seconds. follow.sh runs it again and again; `max_wait`
-- is the pause when nothing comes. What runs around the clock is service/follower.py.
-- By hand: duckdb -unsigned follow.duckdb -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/follow.sql
--
-- fixture: stream name=MEDIA_EVENTS subjects=playback.>
-- fixture: events stream=MEDIA_EVENTS count=500

CREATE TABLE IF NOT EXISTS events (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, ts_nats TIMESTAMP, event_type VARCHAR, user_id BIGINT);

INSERT INTO events BY NAME
SELECT correlation_key, seq, ts_nats, event_type, user_id
FROM nats_ingest('MEDIA_EVENTS', durable := 'follow', max_messages := 1000, max_wait := INTERVAL 5 SECONDS,
    columns := {'event_type': 'VARCHAR', 'user_id': 'BIGINT'}, correlation_key := '{event_id}')
ON CONFLICT DO NOTHING;

-- What the table holds of it, the stream may forget: nothing when the INSERT failed.
SELECT nats_ack('MEDIA_EVENTS', 'follow', list(u.seq)) AS acked FROM nats_unsettled('MEDIA_EVENTS', 'follow') u SEMI JOIN events USING (correlation_key);
