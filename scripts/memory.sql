-- What `make valgrind` runs in the DuckDB CLI under valgrind: every way in which the extension touches DuckDB's memory.
SELECT count(*), sum(seq), sum(octet_length(payload)), max(headers::VARCHAR) FROM nats_scan('S', headers := true);
SELECT count(i), max(tags), max(location.zone), max("at") FROM nats_scan('S',
    columns := {'i': 'BIGINT', 'tags': 'VARCHAR[]', 'location': 'STRUCT(zone VARCHAR)', 'at': 'TIMESTAMPTZ', 'none': 'DECIMAL(18,2)'});
SELECT count(*), max(correlation_key) FROM nats_ingest('S', columns := {'device_id': 'VARCHAR'}, correlation_key := '{device_id}:{i}');
SELECT count(r.seq) FROM (SELECT nats_publish('s', i::VARCHAR, MAP {'Nats-Msg-Id': 'valgrind-' || i}) AS r FROM range(3000) t(i));
SELECT nats_correlation_key('{a}:{b}', '{"a": 1, "b": "a longer text than a short string"}'), nats_last_seq('S');
CREATE TABLE copied (payload BLOB, seq UBIGINT);
COPY copied FROM 'S' (FORMAT nats_js, payload_column 'payload', seq_column 'seq');
COPY (SELECT payload FROM copied LIMIT 100) TO 'S' (FORMAT nats_js, subject 's');
SELECT count(*) FROM nats_subjects('S');
-- Errors of bind, of a run, of a payload, and of a scalar.
SELECT * FROM nats_scan('no such stream');
SELECT * FROM nats_scan('MISSING');
SELECT sum(i) FROM nats_scan('S', columns := {'i': 'UTINYINT'});
SELECT nats_publish('nowhere', '');
SELECT 'done';
