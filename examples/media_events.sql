-- The media playback pipeline: a table that follows a stream of several sources, each session once, with what was
-- discarded and why. Run it as often as you like: a run that finds nothing new changes nothing.
-- By hand: duckdb -unsigned media.duckdb -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/media_events.sql
-- The server comes from the environment variable NATS_URL; every function also takes url := 'nats://...'.
--
-- fixture: stream name=MEDIA_EVENTS subjects=playback.>,plex.>,jellyfin.>,tautulli.> max_age=7d max_bytes=10737418240 duplicate_window=2m
-- fixture: events stream=MEDIA_EVENTS count=2000 twice=10 bad=250

-- The streams, made when they are not there.
SELECT action FROM nats_stream_ensure('MEDIA_EVENTS', subjects := ['playback.>', 'plex.>', 'jellyfin.>', 'tautulli.>'],
    max_age := INTERVAL 7 DAYS, max_bytes := 10737418240, duplicate_window := INTERVAL 2 MINUTES, allow_direct := true);
SELECT action FROM nats_stream_ensure('DLQ_MEDIA_EVENTS', subjects := ['dlq.media.>'], duplicate_window := INTERVAL 2 MINUTES);

-- One row a session: who watched what, begun in which five minutes.
CREATE TABLE IF NOT EXISTS playback_events (
    correlation_key VARCHAR PRIMARY KEY, user_id BIGINT, username VARCHAR, rating_key VARCHAR, media_type VARCHAR, title VARCHAR,
    started_at TIMESTAMPTZ, stopped_at TIMESTAMPTZ, percent_complete INTEGER, sources VARCHAR[], last_seq UBIGINT
);
-- What was left out, and for which row. `created` is the stream's birth: a stream that was made anew counts from 1 again.
CREATE TABLE IF NOT EXISTS playback_audit (
    created TIMESTAMP, seq UBIGINT, correlation_key VARCHAR, event_id VARCHAR, source VARCHAR, duplicate_of UBIGINT,
    duplicate_key VARCHAR, PRIMARY KEY (created, seq)
);
-- How far the table has come.
CREATE TABLE IF NOT EXISTS checkpoints (stream VARCHAR PRIMARY KEY, checkpoint VARCHAR);

BEGIN;

-- From one checkpoint to the next, whatever is written meanwhile. The first time it is NULL: from the first message. A stream that was
-- made anew or lost messages is an error here; `DELETE FROM checkpoints` reads it from its first message, and the keys do the rest.
SET VARIABLE created = (SELECT created FROM nats_stream_info('MEDIA_EVENTS'));
SET VARIABLE after = (SELECT checkpoint FROM checkpoints WHERE stream = 'MEDIA_EVENTS');
SET VARIABLE upto = nats_checkpoint('MEDIA_EVENTS');

-- An event is one report: what happened to whom, when. Two sources that say the same have one key; an event id that comes
-- twice is caught as well. What is no event goes to the dead letters.
CREATE TEMP TABLE batch AS
SELECT * FROM nats_ingest('MEDIA_EVENTS', after := getvariable('after'), upto := getvariable('upto'),
    columns := {'event_id': 'VARCHAR', 'event_type': 'VARCHAR', 'source': 'VARCHAR', 'user_id': 'BIGINT', 'username': 'VARCHAR',
        'rating_key': 'VARCHAR', 'media_type': 'VARCHAR', 'title': 'VARCHAR', 'started_at': 'TIMESTAMPTZ',
        'stopped_at': 'TIMESTAMPTZ', 'percent_complete': 'INTEGER'},
    correlation_key := '{user_id}:{rating_key}:{started_at@5m}:{event_type}:{percent_complete}', unique_keys := ['{event_id}'],
    keep := 'all', on_error := 'dlq', dlq_subject := 'dlq.media.events');

-- Start, progress and stop of a session become one row. The merge does not depend on the order in which they come.
INSERT INTO playback_events
SELECT nats_correlation_key('{user_id}:{rating_key}:{started_at@5m}',
           {'user_id': user_id, 'rating_key': rating_key, 'started_at': strftime(started_at AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')}::JSON) AS session,
       any_value(user_id), any_value(username), any_value(rating_key), any_value(media_type), any_value(title),
       min(started_at), max(stopped_at), max(percent_complete), list_sort(list(DISTINCT source)), max(seq)
FROM batch
GROUP BY session
ON CONFLICT (correlation_key) DO UPDATE SET
    started_at = least(playback_events.started_at, excluded.started_at),
    stopped_at = greatest(playback_events.stopped_at, excluded.stopped_at),
    percent_complete = greatest(playback_events.percent_complete, excluded.percent_complete),
    sources = list_sort(list_distinct(playback_events.sources || excluded.sources)),
    last_seq = greatest(playback_events.last_seq, excluded.last_seq);

INSERT INTO playback_audit
SELECT getvariable('created'), seq, correlation_key, event_id, source, duplicate_of, duplicate_key FROM batch
WHERE duplicate_of IS NOT NULL
ON CONFLICT DO NOTHING;

INSERT INTO checkpoints VALUES ('MEDIA_EVENTS', getvariable('upto'))
ON CONFLICT (stream) DO UPDATE SET checkpoint = excluded.checkpoint;

DROP TABLE batch;

-- Rows, audit and checkpoint become durable together, or not at all.
COMMIT;

SELECT count(*) AS sessions, count(stopped_at) AS ended, count(*) FILTER (len(sources) > 1) AS from_two_sources FROM playback_events;
SELECT duplicate_key, count(*) AS discarded FROM playback_audit GROUP BY ALL ORDER BY ALL;
SELECT headers['Dlq-Reason'][1] AS reason, count(*) AS letters FROM nats_scan('DLQ_MEDIA_EVENTS', headers := true) GROUP BY ALL;
