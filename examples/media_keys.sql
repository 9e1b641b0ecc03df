-- Keys of playback events, to the byte as other systems write them, with the texts that a part has when it is missing.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/media_keys.sql
--
-- nats_ingest's templates escape a ':' inside of a value, so that two different events never share a key. These macros do not,
-- because the keys that they have to equal do not: use them to meet a table that another system fills.

-- source:server:user:content:machine:second:session. Nothing is trimmed or folded; a moment is cut to its second, in UTC.
CREATE OR REPLACE MACRO event_key(source, server_id, user_id, rating_key, title, machine_id, started_at, session_key, event_id) AS concat_ws(':',
    coalesce(nullif(source, ''), 'unknown'),
    coalesce(nullif(server_id, ''), 'default'),
    coalesce(user_id, 0),
    coalesce(nullif(rating_key, ''), title, ''),
    coalesce(nullif(machine_id, ''), 'unknown'),
    coalesce(strftime(started_at::TIMESTAMP, '%Y-%m-%dT%H:%M:%S'), '0001-01-01T00:00:00'),
    coalesce(nullif(session_key, ''), event_id, ''));

-- user:content:bucket, by buckets of five minutes.
CREATE OR REPLACE MACRO bucket_key(user_id, rating_key, started_at) AS concat_ws(':',
    user_id, rating_key, strftime(time_bucket(INTERVAL 5 MINUTES, started_at::TIMESTAMP), '%Y-%m-%dT%H:%M'));

-- The same with the machine.
CREATE OR REPLACE MACRO machine_bucket_key(user_id, rating_key, machine_id, started_at) AS concat_ws(':',
    user_id, rating_key, machine_id, strftime(time_bucket(INTERVAL 5 MINUTES, started_at::TIMESTAMP), '%Y-%m-%dT%H:%M'));

-- What two sources have in common: the text behind the first ':', and where more than five are in the key, without what stands behind the last.
CREATE OR REPLACE MACRO cross_source_key(key) AS CASE
    WHEN length(key) - length(replace(key, ':', '')) <= 5 THEN key[nullif(instr(key, ':'), 0) + 1 :]
    ELSE regexp_extract(key, '^[^:]*:(.*):[^:]*$', 1, 's')
END;

-- Each line: what is expected, and what the macro makes of it.
CREATE OR REPLACE TEMP TABLE vectors AS FROM (VALUES
    ('whole', 'plex:home:12345:54321:device123:2024-01-15T10:32:45:s1',
        event_key('plex', 'home', 12345, '54321', 'Film', 'device123', TIMESTAMP '2024-01-15 10:32:45.999', 's1', 'e1')),
    ('defaults', 'unknown:default:0:Film:unknown:0001-01-01T00:00:00:e1',
        event_key('', '', 0, '', 'Film', '', NULL::TIMESTAMP, '', 'e1')),
    ('nothing at all', 'unknown:default:0::unknown:0001-01-01T00:00:00:',
        event_key(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)),
    ('no session', 'unknown:default:12345:54321:device123:2024-01-15T10:32:45:',
        event_key(NULL, NULL, 12345, '54321', 'Film', 'device123', TIMESTAMP '2024-01-15 10:32:45', '', '')),
    ('negative user', 'emby:default:-7:1:m:2024-01-15T10:32:45:s', event_key('emby', '', -7, '1', '', 'm', TIMESTAMP '2024-01-15 10:32:45', 's', 'e')),
    ('a zone', 'plex:default:1:1:m:2024-01-15T10:32:45:s', event_key('plex', '', 1, '1', '', 'm',
        (TIMESTAMPTZ '2024-01-15 12:32:45+02:00') AT TIME ZONE 'UTC', 's', 'e')),
    ('colons stay', 'plex:default:1:a:b:c:2024-01-15T10:32:45:s', event_key('plex', '', 1, 'a:b', '', 'c', TIMESTAMP '2024-01-15 10:32:45', 's', 'e')),
    ('so two meet', 'plex:default:1:a:b:c:2024-01-15T10:32:45:s', event_key('plex', '', 1, 'a', '', 'b:c', TIMESTAMP '2024-01-15 10:32:45', 's', 'e')),
    ('bucket', '12345:54321:2024-01-15T10:30', bucket_key(12345, '54321', TIMESTAMP '2024-01-15 10:34:59')),
    ('next bucket', '12345:54321:2024-01-15T10:35', bucket_key(12345, '54321', TIMESTAMP '2024-01-15 10:35:00')),
    ('machine', '12345:54321:device123:2024-01-15T10:30', machine_bucket_key(12345, '54321', 'device123', TIMESTAMP '2024-01-15 10:30:00')),
    ('across', 'home:12345:54321:device123:2024-01-15T10:32:45', cross_source_key('plex:home:12345:54321:device123:2024-01-15T10:32:45:s1')),
    ('across, short', '12345:54321:2024-01-15T10:30', cross_source_key('plex:12345:54321:2024-01-15T10:30')),
    ('across, no colon', '', coalesce(cross_source_key('plex'), '')),
    ('across, nothing behind', '', coalesce(cross_source_key('plex:'), ''))
) AS v(what, expected, made);

SELECT CASE WHEN made = expected THEN what ELSE error(what || ': ' || coalesce(made, 'NULL') || ' instead of ' || expected) END AS the_same FROM vectors;

-- The template of nats_ingest for the whole key of an event that has every part. A ':' in a value is escaped.
SELECT CASE WHEN nats_correlation_key('{source}:{server_id}:{user_id}', '{"source": "plex", "server_id": "home", "user_id": 12345}') = 'plex:home:12345'
    THEN 'the same' ELSE error('the template makes another key') END AS template;
