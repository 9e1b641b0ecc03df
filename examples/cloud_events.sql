-- Events of services in one envelope (id, type, source, organization_id, timestamp, schema_version, data): one table for each
-- type from one stream, read once, for one tenant.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/cloud_events.sql
--
-- fixture: stream name=SERVICES subjects=auth.>,catalog.>
-- fixture: messages stream=SERVICES subject=auth.user.created count=100 payload='{"id":"a{i}","type":"user.created","source":"auth","organization_id":"org{i%2}","timestamp":"2025-01-15T10:00:00Z","schema_version":"1.0","data":{"user_id":{i},"name":"user {i}"}}'
-- fixture: messages stream=SERVICES subject=catalog.item.priced count=60 payload='{"id":"c{i}","type":"item.priced","source":"catalog","organization_id":"org{i%2}","timestamp":"2025-01-15T11:00:00Z","schema_version":"1.0","data":{"sku":"sku-{i}","price":{i}.50}}'
-- fixture: messages stream=SERVICES subject=auth.user.created count=10 payload='{"id":"a{i}","type":"user.created","source":"auth","organization_id":"org{i%2}","timestamp":"2025-01-15T10:00:00Z","schema_version":"1.0","data":{"user_id":{i},"name":"user {i}"}}'

CREATE TABLE IF NOT EXISTS users (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, occurred_at TIMESTAMPTZ, user_id BIGINT, name VARCHAR);
CREATE TABLE IF NOT EXISTS prices (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, occurred_at TIMESTAMPTZ, sku VARCHAR, price DECIMAL(12, 2));

-- The key is source and id, as the envelope promises; a part that is missing is an error, never an empty segment.
CREATE OR REPLACE TEMP TABLE batch AS
SELECT * FROM nats_ingest('SERVICES',
    columns := {'type': 'VARCHAR', 'organization_id': 'VARCHAR', 'timestamp': 'TIMESTAMPTZ', 'schema_version': 'VARCHAR', 'data': 'JSON'},
    correlation_key := '{source}:{id}')
WHERE organization_id = 'org1';

BEGIN;
INSERT INTO users
SELECT correlation_key, seq, timestamp, (data ->> 'user_id')::BIGINT, data ->> 'name' FROM batch WHERE type = 'user.created'
ON CONFLICT DO NOTHING;
INSERT INTO prices
SELECT correlation_key, seq, timestamp, data ->> 'sku', (data ->> 'price')::DECIMAL(12, 2) FROM batch WHERE type = 'item.priced'
ON CONFLICT DO NOTHING;
COMMIT;

DROP TABLE batch;

SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM prices) AS prices;
