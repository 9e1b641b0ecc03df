-- A stream for each service and one for dead letters: events are handed to a table by their type, and one of a type that nobody knows
-- goes to the dead letters, as one that is no event does.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/services.sql

-- Run again, these change nothing: 'unchanged'.
SELECT stream, action FROM nats_stream_ensure('AUTH_EVENTS', subjects := ['auth.>'], max_age := INTERVAL 7 DAYS, max_bytes := 1073741824);
SELECT stream, action FROM nats_stream_ensure('CATALOG_EVENTS', subjects := ['catalog.>'], max_age := INTERVAL 7 DAYS, max_bytes := 1073741824);
SELECT stream, action FROM nats_stream_ensure('DLQ_EVENTS', subjects := ['dlq.>'], max_age := INTERVAL 7 DAYS, max_bytes := 1073741824);
SELECT action FROM nats_consumer_ensure('AUTH_EVENTS', 'tables', ack_wait := INTERVAL 30 SECONDS, max_ack_pending := 1000);

SELECT count(nats_publish(subject, event, MAP {'Nats-Msg-Id': id})) AS published FROM (VALUES
    ('auth.user.created', '{"id":"1","type":"user.created","name":"Ada"}', '1'),
    ('auth.user.created', '{"id":"2","type":"user.created","name":"Grace"}', '2'),
    ('auth.user.left', '{"id":"3","type":"user.left","name":"Ada"}', '3'),
    ('auth.user.blinked', '{"id":"4","type":"user.blinked"}', '4'),
    ('auth.user.created', 'no event', '5')
) AS v(subject, event, id);

CREATE TABLE IF NOT EXISTS users (correlation_key VARCHAR PRIMARY KEY, name VARCHAR);
CREATE TABLE IF NOT EXISTS departures (correlation_key VARCHAR PRIMARY KEY, name VARCHAR);
CREATE TABLE IF NOT EXISTS unknown_types (correlation_key VARCHAR PRIMARY KEY, type VARCHAR, dead_letter UBIGINT);

-- What is no event becomes a dead letter by itself, before its message is acknowledged.
CREATE OR REPLACE TEMP TABLE batch AS
SELECT * FROM nats_ingest('AUTH_EVENTS', durable := 'tables', correlation_key := '{id}', columns := {'type': 'VARCHAR', 'name': 'VARCHAR'}, payload := true,
    on_error := 'dlq', dlq_subject := 'dlq.auth');

BEGIN;
INSERT INTO users SELECT correlation_key, name FROM batch WHERE type = 'user.created' ON CONFLICT DO NOTHING;
INSERT INTO departures SELECT correlation_key, name FROM batch WHERE type = 'user.left' ON CONFLICT DO NOTHING;
INSERT INTO unknown_types
SELECT correlation_key, type, nats_publish('dlq.auth', payload, MAP {'Nats-Msg-Id': 'auth:' || correlation_key, 'Reason': 'no table takes ' || type}).seq
FROM batch WHERE type NOT IN ('user.created', 'user.left') ON CONFLICT DO NOTHING;
COMMIT;

-- Acknowledged is what a table holds, or the dead letters; anything else comes again.
SELECT nats_ack('AUTH_EVENTS', 'tables', list(seq)) AS acknowledged
FROM nats_unsettled('AUTH_EVENTS', 'tables')
WHERE held IS NOT NULL OR correlation_key IN (SELECT correlation_key FROM users UNION ALL SELECT correlation_key FROM departures UNION ALL SELECT correlation_key FROM unknown_types);

SELECT CASE WHEN (SELECT count(*) FROM users) = 2 AND (SELECT count(*) FROM departures) = 1 AND (SELECT count(*) FROM nats_scan('DLQ_EVENTS')) = 2
    AND (SELECT num_pending + num_ack_pending FROM nats_consumers('AUTH_EVENTS')) = 0 THEN 'each in its place' ELSE error('an event is lost, or not settled') END AS outcome;
