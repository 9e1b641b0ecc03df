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
SELECT seq, subject, ts_nats, payload::VARCHAR[:60] AS payload
FROM nats_scan('MEDIA_EVENTS', last_n := 5);

-- One message by its sequence.
SELECT seq, subject FROM nats_get('MEDIA_EVENTS', 42);

-- Fields of the JSON payload as columns; the server itself picks the subjects.
SELECT title, count(*) AS events, count(DISTINCT username) AS viewers
FROM nats_scan('MEDIA_EVENTS', subject := 'playback.*.movie', json_extract := ['title', 'username'])
GROUP BY title
ORDER BY events DESC, title;

-- A table made of the stream.
CREATE TABLE playback_events AS
SELECT seq, event_id, event_type, user_id::INTEGER AS user_id, media_type, title, started_at::TIMESTAMPTZ AS started_at
FROM nats_scan('MEDIA_EVENTS',
               json_extract := ['event_id', 'event_type', 'user_id', 'media_type', 'title', 'started_at']);

-- Who watched what to its end, in plain SQL over that table.
SELECT media_type, count(*) FILTER (event_type = 'start') AS started, count(*) FILTER (event_type = 'stop') AS stopped
FROM playback_events
GROUP BY media_type
ORDER BY media_type;

-- Later: only what is new. Nothing is, yet.
SET VARIABLE next = (SELECT max(seq) + 1 FROM playback_events);

INSERT INTO playback_events
SELECT seq, event_id, event_type, user_id::INTEGER, media_type, title, started_at::TIMESTAMPTZ
FROM nats_scan('MEDIA_EVENTS',
               start_seq := getvariable('next'),
               json_extract := ['event_id', 'event_type', 'user_id', 'media_type', 'title', 'started_at']);
