-- Events are looked through before they enter a table: the first thing that is wrong goes with the event to the dead letters, and
-- so does a version of the schema that nobody knows.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/media_validation.sql
--
-- fixture: stream name=RAW subjects=raw.>
-- fixture: message stream=RAW subject=raw.plex payload='{"event_id":"e1","source":"plex","user_id":7,"media_type":"movie","title":"Film"}'
-- fixture: message stream=RAW subject=raw.plex payload='{"event_id":"e2","source":"plex","user_id":0,"media_type":"movie","title":"Film"}'
-- fixture: message stream=RAW subject=raw.plex payload='{"source":"plex","user_id":0}'
-- fixture: message stream=RAW subject=raw.emby payload='{"event_id":"e4","source":"emby","user_id":7,"media_type":"movie"}'
-- fixture: message stream=RAW subject=raw.emby payload='{"event_id":"e5","source":"emby","user_id":8,"media_type":"track","title":"Song","schema_version":9}'
-- fixture: message stream=RAW subject=raw.emby payload='no event'
-- fixture: stream name=DEAD subjects=dead.>

-- The first that is wrong, in this order; NULL for an event that is right. A missing version is version 1.
CREATE OR REPLACE MACRO event_problem(event_id, source, user_id, media_type, title, schema_version) AS CASE
    WHEN coalesce(event_id, '') = '' THEN 'event_id: required'
    WHEN coalesce(source, '') = '' THEN 'source: required'
    WHEN coalesce(user_id, 0) = 0 THEN 'user_id: required'
    WHEN coalesce(media_type, '') = '' THEN 'media_type: required'
    WHEN coalesce(title, '') = '' THEN 'title: required'
    WHEN coalesce(schema_version, 1) NOT IN (1, 2) THEN 'schema_version: ' || schema_version || ' is not known'
END;

-- The same of an envelope around an event.
CREATE OR REPLACE MACRO envelope_problem(type, source, organization_id) AS CASE
    WHEN coalesce(type, '') = '' THEN 'type: required'
    WHEN coalesce(source, '') = '' THEN 'source: required'
    WHEN coalesce(organization_id, '') = '' THEN 'organization_id: required'
END;

SELECT CASE WHEN envelope_problem('', '', '') = 'type: required' AND envelope_problem('t', '', '') = 'source: required'
    AND envelope_problem('t', 's', NULL) = 'organization_id: required' AND envelope_problem('t', 's', 'o') IS NULL
    THEN 'in this order' ELSE error('another order') END AS envelope;

CREATE TABLE IF NOT EXISTS events (event_id VARCHAR PRIMARY KEY, source VARCHAR, user_id BIGINT, media_type VARCHAR, title VARCHAR);
CREATE TABLE IF NOT EXISTS refused (seq UBIGINT PRIMARY KEY, problem VARCHAR, payload BLOB, dead_letter UBIGINT);

-- Every message once: on_error := 'null' keeps the row of one that is no JSON, and decode_error says why.
CREATE OR REPLACE TEMP TABLE batch AS
SELECT *, coalesce(decode_error, event_problem(event_id, source, user_id, media_type, title, schema_version)) AS problem
FROM nats_scan('RAW', on_error := 'null', decode_error := true, columns := {'event_id': 'VARCHAR', 'source': 'VARCHAR', 'user_id': 'BIGINT',
    'media_type': 'VARCHAR', 'title': 'VARCHAR', 'schema_version': 'INTEGER'});

INSERT INTO events SELECT event_id, source, user_id, media_type, title FROM batch WHERE problem IS NULL ON CONFLICT DO NOTHING;
INSERT INTO refused SELECT seq, problem, payload, NULL FROM batch WHERE problem IS NOT NULL ON CONFLICT DO NOTHING;

-- Out of the table and into the dead letters, with the reason as a header. The id makes a second run harmless.
UPDATE refused SET dead_letter = nats_publish('dead.raw', payload, MAP {'Nats-Msg-Id': 'raw:' || seq, 'Reason': problem}).seq WHERE dead_letter IS NULL;

SELECT CASE WHEN list(problem ORDER BY seq)[1:4] = ['user_id: required', 'event_id: required', 'title: required', 'schema_version: 9 is not known']
    AND count(*) = 5 AND (SELECT count(*) FROM events) = 1 THEN 'one event, five refused' ELSE error('something else was refused') END AS outcome FROM refused;
