-- A stream of media playback events as a table. `make demo` runs this file.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/quickstart.sql
-- The server comes from the environment variable NATS_URL; every function also takes url := 'nats://...'.
--
-- fixture: stream name=MEDIA_EVENTS subjects=playback.>,plex.>,jellyfin.>,tautulli.> max_age=7d duplicate_window=2m
-- fixture: events stream=MEDIA_EVENTS count=3000

-- Which server is this?
SELECT version, jetstream FROM nats_ping();

-- How much is in the stream?
SELECT first_seq, last_seq, messages FROM nats_last_seq('MEDIA_EVENTS');

-- The newest messages, as they are.
SELECT seq, subject, ts_nats, left(payload, 60) AS payload
FROM nats_scan('MEDIA_EVENTS', last_n := 5, payload_type := 'text');

-- One message by its sequence.
SELECT seq, subject FROM nats_get('MEDIA_EVENTS', 42);

-- Typed columns of the JSON payload, of the subjects that the server itself picks.
SELECT title, count(*) AS events, count(DISTINCT username) AS viewers
FROM nats_scan('MEDIA_EVENTS', subject := 'playback.*.movie', columns := {'title': 'VARCHAR', 'username': 'VARCHAR'})
GROUP BY ALL
ORDER BY events DESC, title;

-- A table that follows the stream: one row a session, by a key that two reports of one session share.
CREATE TABLE sessions (
    correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, user_id INTEGER, media_type VARCHAR, title VARCHAR, started_at TIMESTAMPTZ
);

INSERT INTO sessions BY NAME
SELECT correlation_key, seq, user_id, media_type, title, started_at
FROM nats_ingest('MEDIA_EVENTS',
    columns := {'user_id': 'INTEGER', 'media_type': 'VARCHAR', 'title': 'VARCHAR', 'started_at': 'TIMESTAMPTZ'},
    correlation_key := '{user_id}:{rating_key}:{started_at@5m}')
ON CONFLICT (correlation_key) DO NOTHING;

-- What was watched, in plain SQL over that table.
SELECT media_type, count(*) AS sessions, count(DISTINCT user_id) AS viewers
FROM sessions
GROUP BY media_type
ORDER BY media_type;

-- Again, from the first message: every key is there already, so nothing changes.
INSERT INTO sessions BY NAME
SELECT correlation_key, seq, user_id, media_type, title, started_at
FROM nats_ingest('MEDIA_EVENTS',
    columns := {'user_id': 'INTEGER', 'media_type': 'VARCHAR', 'title': 'VARCHAR', 'started_at': 'TIMESTAMPTZ'},
    correlation_key := '{user_id}:{rating_key}:{started_at@5m}')
ON CONFLICT (correlation_key) DO NOTHING;

-- Later: only what is new. Nothing is, yet.
SET VARIABLE seen = nats_checkpoint('MEDIA_EVENTS');

SELECT count(*) AS new_events FROM nats_scan('MEDIA_EVENTS', after := getvariable('seen'));
