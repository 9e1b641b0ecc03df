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
SELECT seq, subject, ts_nats, left(decode(payload), 60) AS payload
FROM nats_scan('MEDIA_EVENTS', last_n := 5);

-- One message by its sequence.
SELECT seq, subject FROM nats_get('MEDIA_EVENTS', 42);

-- Fields of the JSON payload, of the subjects that the server itself picks.
SELECT decode(payload) ->> 'title' AS title, count(*) AS events, count(DISTINCT decode(payload) ->> 'username') AS viewers
FROM nats_scan('MEDIA_EVENTS', subject := 'playback.*.movie')
GROUP BY ALL
ORDER BY events DESC, title;

-- A table made of the stream.
CREATE MACRO event(payload) AS decode(payload)::JSON;

CREATE TABLE playback_events AS
SELECT seq,
       event(payload) ->> 'event_id' AS event_id,
       event(payload) ->> 'event_type' AS event_type,
       (event(payload) ->> 'user_id')::INTEGER AS user_id,
       event(payload) ->> 'media_type' AS media_type,
       event(payload) ->> 'title' AS title,
       (event(payload) ->> 'started_at')::TIMESTAMPTZ AS started_at
FROM nats_scan('MEDIA_EVENTS');

-- Who watched what to its end, in plain SQL over that table.
SELECT media_type, count(*) FILTER (event_type = 'start') AS started, count(*) FILTER (event_type = 'stop') AS stopped
FROM playback_events
GROUP BY media_type
ORDER BY media_type;

-- Later: only what is new. Nothing is, yet.
SET VARIABLE next = (SELECT max(seq) + 1 FROM playback_events);

SELECT count(*) AS new_events FROM nats_scan('MEDIA_EVENTS', start_seq := getvariable('next'));
