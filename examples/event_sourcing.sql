-- The stream is the truth, a table is what one query makes of it: rebuild it and compare, look at it as of a moment, replay a
-- window of time.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/event_sourcing.sql
--
-- fixture: stream name=ACCOUNTS subjects=accounts.>
-- fixture: messages stream=ACCOUNTS subject=accounts.{i%20} count=1000 payload='{"account":{i%20},"entry":{i},"amount":{i%7}}'

-- The table as it was filled, in two steps that overlap; the key keeps an entry from standing twice.
CREATE OR REPLACE TABLE ledger (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, ts_nats TIMESTAMP, account INTEGER, amount INTEGER);

PREPARE fill AS INSERT INTO ledger
SELECT correlation_key, seq, ts_nats, account, amount
FROM nats_ingest('ACCOUNTS', start_seq := $first, end_seq := $last, columns := {'account': 'INTEGER', 'amount': 'INTEGER'},
    correlation_key := '{entry}')
ON CONFLICT DO NOTHING;

EXECUTE fill(first := 1, last := 600);
EXECUTE fill(first := 500, last := 1000);

-- Rebuilt from the stream into a fresh one: no row differs, in either direction.
CREATE OR REPLACE TABLE rebuilt AS
SELECT correlation_key, seq, ts_nats, account, amount
FROM nats_ingest('ACCOUNTS', columns := {'account': 'INTEGER', 'amount': 'INTEGER'}, correlation_key := '{entry}');

SELECT CASE WHEN count(*) = 0 THEN 'the same' ELSE error('the tables differ') END AS rebuilt
FROM ((FROM ledger EXCEPT FROM rebuilt) UNION ALL (FROM rebuilt EXCEPT FROM ledger));

-- The state as of a moment, here of the message 700: what had been written by then, and no later.
SET VARIABLE moment = (SELECT ts_nats FROM nats_get('ACCOUNTS', 700));
CREATE OR REPLACE TABLE balances_then AS
SELECT account, sum(amount) AS balance
FROM nats_ingest('ACCOUNTS', end_time := getvariable('moment'), columns := {'account': 'INTEGER', 'amount': 'INTEGER'},
    correlation_key := '{entry}')
GROUP BY account;

-- A window of time once more, into the table that has it already: nothing changes.
INSERT INTO ledger
SELECT correlation_key, seq, ts_nats, account, amount
FROM nats_ingest('ACCOUNTS', start_time := getvariable('moment'), columns := {'account': 'INTEGER', 'amount': 'INTEGER'},
    correlation_key := '{entry}')
ON CONFLICT DO NOTHING;

SELECT count(*) AS entries, sum(amount) AS total FROM ledger;
