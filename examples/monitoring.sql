-- Watching over readers and streams from SQL: lag with a line that it must not cross, health, and Prometheus text.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/monitoring.sql
--
-- fixture: stream name=EVENTS subjects=events.>
-- fixture: messages stream=EVENTS subject=events.{i%3} count=1500 payload='{"id":{i}}'
-- fixture: stream name=QUIET subjects=quiet.>

SELECT action FROM nats_consumer_ensure('EVENTS', 'loader');

-- A projection and how far it is: a table, and the end that was read as its checkpoint, written in one transaction.
CREATE TABLE IF NOT EXISTS seen (id BIGINT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS projections (name VARCHAR PRIMARY KEY, stream VARCHAR, last_seq UBIGINT);
INSERT INTO seen SELECT id FROM nats_scan('EVENTS', end_seq := 300, columns := {'id': 'BIGINT'}) ON CONFLICT DO NOTHING;
INSERT INTO projections VALUES ('seen', 'EVENTS', 300) ON CONFLICT DO UPDATE SET last_seq = excluded.last_seq;

-- Every reader and how far behind it is: consumers by the server's word, projections by their own.
CREATE OR REPLACE TEMP VIEW lags AS
SELECT stream, name, 'consumer' AS kind, num_pending + num_ack_pending AS lag FROM nats_consumers('*')
UNION ALL
SELECT stream, name, 'projection', s.last_seq::BIGINT - p.last_seq::BIGINT FROM projections p LEFT JOIN nats_streams() s USING (stream);

-- The alert: no rows when all is well. A projection whose stream is gone, or was made anew and is shorter, has no lag that means anything.
SELECT stream, name, kind, lag FROM lags WHERE lag > 1000 OR lag IS NULL OR lag < 0 ORDER BY lag DESC;

SELECT CASE WHEN list((name, lag) ORDER BY name) = [('loader', 1500), ('seen', 1200)] THEN 'both are behind' ELSE error('another lag') END AS lag FROM lags;

-- Health, worst first: what is measured, where it becomes worth a look, and where it is bad.
CREATE OR REPLACE TEMP VIEW health AS
WITH measured AS (
    SELECT 'lag of ' || name AS what, lag::DOUBLE AS value, 1000 AS watch, 10000 AS bad FROM lags
    UNION ALL
    SELECT 'share of ' || s.stream || ' that is used', 100.0 * s.bytes / s.max_bytes, 50, 90 FROM nats_streams() s WHERE s.max_bytes IS NOT NULL
    UNION ALL
    SELECT 'milliseconds to the server', 1000 * epoch(rtt), 250, 2000 FROM nats_ping()
)
SELECT what, value, CASE WHEN value IS NULL OR value < 0 OR value > bad THEN 'bad' WHEN value > watch THEN 'degraded' ELSE 'good' END AS status FROM measured;

SELECT * FROM health ORDER BY status, what;

SELECT CASE WHEN count(*) FILTER (what LIKE 'lag of %' AND status = 'degraded') = 2 THEN 'degraded' ELSE error('another state') END AS state FROM health;

-- For Prometheus: COPY (...) TO '/var/lib/node_exporter/nats_js.prom' (FORMAT csv, HEADER false, QUOTE '', DELIMITER E'\t') as a job.
SELECT 'nats_js_' || name || ' ' || value AS line FROM nats_stats()
UNION ALL
SELECT format('nats_js_lag{{stream="{}",reader="{}"}} {}', stream, name, lag) FROM lags WHERE lag IS NOT NULL
ORDER BY line;
