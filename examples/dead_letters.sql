-- Dead letters of several services: why, whether it is worth another try and when, sent back to where they came from, and marked.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/dead_letters.sql
--
-- fixture: stream name=ORDERS subjects=orders.>
-- fixture: stream name=DLQ_EVENTS subjects=dlq.>
-- fixture: message stream=DLQ_EVENTS subject=dlq.orders payload='{"original_subject":"orders.new","original_event":{"id":1},"failure_reason":"connection refused","retries":0}'
-- fixture: message stream=DLQ_EVENTS subject=dlq.orders payload='{"original_subject":"orders.new","original_event":{"id":2},"failure_reason":"malformed amount","retries":0}'
-- fixture: message stream=DLQ_EVENTS subject=dlq.orders payload='{"original_subject":"orders.paid","original_event":{"id":3},"failure_reason":"deadline exceeded","retries":3}'
-- fixture: message stream=DLQ_EVENTS subject=dlq.orders payload='{"original_subject":"orders.*","original_event":{"id":4},"failure_reason":"database is locked","retries":1}'

-- The kind of a failure by the words in its text; the first that fits.
CREATE OR REPLACE MACRO failure_kind(reason) AS CASE
    WHEN regexp_matches(reason, 'connect|refused|reset|network', 'i') THEN 'connection'
    WHEN regexp_matches(reason, 'timeout|deadline|timed out', 'i') THEN 'timeout'
    WHEN regexp_matches(reason, 'invalid|validation|malformed|parse|required', 'i') THEN 'validation'
    WHEN regexp_matches(reason, 'database|db|sql|query', 'i') THEN 'database'
    WHEN regexp_matches(reason, 'capacity|full|limit|exceeded', 'i') THEN 'capacity'
    ELSE 'unknown'
END;

-- The pause before a try: doubles from `first` seconds to `most`, and strays by `jitter` of itself, so that not all come at once.
CREATE OR REPLACE MACRO backoff(tries, first := 1, most := 60, jitter := 0.1) AS
    to_milliseconds((1000 * least(first * power(2, tries), most) * (1 + jitter * (2 * random() - 1)))::BIGINT);

SELECT CASE WHEN list(backoff(n, jitter := 0) ORDER BY n) = [to_seconds(s) FOR s IN [1, 2, 4, 8, 16, 32, 60, 60]] AND
    bool_and(backoff(n) BETWEEN backoff(n, jitter := 0) * 0.9 AND backoff(n, jitter := 0) * 1.1) THEN 'doubles up to a minute' ELSE error('another pause') END AS pauses
FROM range(8) t(n);

CREATE TABLE IF NOT EXISTS letters (seq UBIGINT PRIMARY KEY, failed TIMESTAMP, subject VARCHAR, event JSON, reason VARCHAR, kind VARCHAR, tries INTEGER,
    next_try TIMESTAMP, answer STRUCT(stream VARCHAR, seq UBIGINT, duplicate BOOLEAN, val VARCHAR, error VARCHAR));

-- What has come since the last time. A permanent failure is tried no more: it waits for somebody who mends it.
INSERT INTO letters BY NAME
SELECT seq, ts_nats AS failed, original_subject AS subject, original_event AS event, failure_reason AS reason, failure_kind(failure_reason) AS kind, retries AS tries,
    CASE WHEN kind <> 'validation' AND retries < 5 THEN ts_nats + backoff(retries) END AS next_try
FROM nats_scan('DLQ_EVENTS', subject := 'dlq.orders', columns := {'original_subject': 'VARCHAR', 'original_event': 'JSON', 'failure_reason': 'VARCHAR', 'retries': 'INTEGER'})
ON CONFLICT DO NOTHING;

FROM letters ORDER BY seq;

-- Those whose time has come go back to their own subject, under a message id of their own, and each row is marked with what became of it.
UPDATE letters SET answer = nats_try_publish(subject, event::VARCHAR, MAP {'Nats-Msg-Id': 'replay:DLQ_EVENTS:' || seq || ':' || tries})
WHERE next_try <= now()::TIMESTAMP + INTERVAL 1 DAY AND answer.seq IS NULL;

-- A try that failed waits longer than the one before.
UPDATE letters SET tries = tries + 1, next_try = CASE WHEN tries < 4 THEN now()::TIMESTAMP + backoff(tries + 1) END WHERE answer.error IS NOT NULL;

SELECT CASE WHEN list(kind ORDER BY seq) = ['connection', 'validation', 'timeout', 'database'] AND list(answer.seq IS NOT NULL ORDER BY seq) = [true, false, true, false]
    AND (SELECT count(*) FROM nats_scan('ORDERS')) = 2 AND count(*) FILTER (tries = 2) >= 1 THEN 'two are back in their stream' ELSE error('others are back') END AS outcome
FROM letters;
