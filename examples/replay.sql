-- The ways to read a stream again: from where, to where, dry, in parts with a checkpoint after each, and into a fresh table that takes the
-- old one's place.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/replay.sql
--
-- fixture: stream name=PLAYS subjects=plays.>
-- fixture: messages stream=PLAYS subject=plays.{i%2} count=1000 payload='{"play":{i},"user":{i%10},"minutes":{i%7}}'

-- What is new from here on, here for at most a moment; all; from a sequence; from a time, to a sequence.
SELECT count(*) AS new_ones FROM nats_tail('PLAYS', max_wait := INTERVAL 10 MILLISECONDS);
SELECT count(*) AS all_of_it FROM nats_scan('PLAYS');
SELECT count(*) AS from_a_sequence FROM nats_scan('PLAYS', start_seq := 901);
SET VARIABLE since = (SELECT ts_nats FROM nats_get('PLAYS', 501));
SELECT count(*) AS within FROM nats_scan('PLAYS', start_time := getvariable('since')) WHERE seq <= 600;

-- From the last acknowledgement: a durable gives what it was not told is done. The first 300 are acknowledged, the others are not and come again.
SELECT action FROM nats_consumer_ensure('PLAYS', 'replayed', ack_wait := INTERVAL 30 SECONDS);
CREATE OR REPLACE TEMP TABLE given AS SELECT seq FROM nats_ingest('PLAYS', durable := 'replayed', max_messages := 500);
SELECT nats_ack('PLAYS', 'replayed', list(seq)) AS acknowledged FROM given WHERE seq <= 300;
SELECT * FROM nats_nak('PLAYS', 'replayed');
SELECT CASE WHEN min(seq) = 301 AND count(*) = 700 THEN 'from 301 on' ELSE error('from ' || min(seq) || ', ' || count(*)) END AS from_the_last_acknowledged
FROM nats_ingest('PLAYS', durable := 'replayed');
-- What was only looked at goes back, before the durable goes.
SELECT * FROM nats_nak('PLAYS', 'replayed');
SELECT * FROM nats_consumer_delete('PLAYS', 'replayed', confirm := true);

-- A dry run is the SELECT of the INSERT by itself: what would come, and whether any of it is no play.
SELECT count(*) AS plays, min(seq), max(seq), count(*) FILTER (decode_error IS NOT NULL) AS bad
FROM nats_scan('PLAYS', columns := {'play': 'BIGINT'}, on_error := 'null', decode_error := true);

-- In parts: each is read up to a place, and committed with it, so that it goes on there after whatever happened.
CREATE TABLE IF NOT EXISTS minutes (play BIGINT PRIMARY KEY, "user" INTEGER, minutes INTEGER, ts_nats TIMESTAMP);
CREATE TABLE IF NOT EXISTS progress (projection VARCHAR PRIMARY KEY, done UBIGINT);
INSERT INTO progress VALUES ('minutes', 0) ON CONFLICT DO NOTHING;
SET VARIABLE part = 400;

BEGIN;
SET VARIABLE done = (SELECT done FROM progress WHERE projection = 'minutes');
INSERT INTO minutes SELECT play, "user", minutes, ts_nats
FROM nats_scan('PLAYS', start_seq := getvariable('done') + 1, end_seq := getvariable('done') + getvariable('part'),
    columns := {'play': 'BIGINT', 'user': 'INTEGER', 'minutes': 'INTEGER'}) ON CONFLICT DO NOTHING;
UPDATE progress SET done = least(done + getvariable('part'), nats_last_seq('PLAYS')) WHERE projection = 'minutes';
COMMIT;

-- The rest in one go: what is there up to now, and the end that was read as its checkpoint.
CREATE TABLE IF NOT EXISTS checkpoints (projection VARCHAR PRIMARY KEY, checkpoint VARCHAR);
SET VARIABLE after = (SELECT any_value(checkpoint) FROM checkpoints WHERE projection = 'minutes');
SET VARIABLE upto = nats_checkpoint('PLAYS');
BEGIN;
INSERT INTO minutes SELECT play, "user", minutes, ts_nats
FROM nats_scan('PLAYS', after := getvariable('after'), upto := getvariable('upto'),
    columns := {'play': 'BIGINT', 'user': 'INTEGER', 'minutes': 'INTEGER'}) ON CONFLICT DO NOTHING;
INSERT INTO checkpoints VALUES ('minutes', getvariable('upto')) ON CONFLICT DO UPDATE SET checkpoint = excluded.checkpoint;
COMMIT;

SELECT CASE WHEN count(*) = 1000 THEN 'whole' ELSE error('not whole') END AS minutes FROM minutes;

-- As it was at a moment: the newest word of each user by then.
SELECT "user", arg_max(minutes, ts_nats) AS last_minutes FROM minutes WHERE ts_nats <= getvariable('since') GROUP BY ALL ORDER BY ALL;

-- A second projection of the same stream, made anew beside the old one, and swapped in one transaction.
CREATE OR REPLACE TABLE totals_next AS
SELECT "user", sum(minutes) AS minutes FROM nats_scan('PLAYS', upto := getvariable('upto'), columns := {'user': 'INTEGER', 'minutes': 'INTEGER'}) GROUP BY ALL;
BEGIN;
DROP TABLE IF EXISTS totals;
ALTER TABLE totals_next RENAME TO totals;
INSERT INTO checkpoints VALUES ('totals', getvariable('upto')) ON CONFLICT DO UPDATE SET checkpoint = excluded.checkpoint;
COMMIT;

SELECT CASE WHEN (SELECT sum(minutes) FROM totals) = (SELECT sum(minutes) FROM minutes) THEN 'the same' ELSE error('the projections differ') END AS totals;
