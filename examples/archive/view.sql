-- A stream and its archive as one relation. Set both variables, and run this file in each session:
-- SET VARIABLE archive_stream = 'EVENTS';
-- SET VARIABLE archive_folder = '/archive/EVENTS';

-- What is archived now: one read of one file, which the archiver replaces in one step. An error where the stream has lost what is not archived.
CREATE OR REPLACE TEMP MACRO archive_now() AS (
    SELECT CASE WHEN s.first_seq > m.last + 1 THEN error('the stream begins with ' || s.first_seq || ', and the archive ends with ' || m.last || ': what was between them is gone')
        ELSE {'files': [getvariable('archive_folder') || '/' || f FOR f IN m.files], 'checkpoint': m.checkpoint, 'last': m.last} END
    FROM read_json(getvariable('archive_folder') || '/manifest.json', columns := {'files': 'VARCHAR[]', 'checkpoint': 'VARCHAR', 'last': 'UBIGINT'}) m,
        nats_last_seq(getvariable('archive_stream')) s
);
SET VARIABLE archive = archive_now();

-- The archive up to its last sequence, and the stream behind it. What retention took before it was archived is an error, also while the query runs.
CREATE OR REPLACE TEMP VIEW events AS
SELECT seq, ts_nats, subject, headers, payload FROM read_parquet(getvariable('archive').files, hive_partitioning := false)
UNION ALL
SELECT seq, ts_nats, subject, headers, payload FROM nats_scan(getvariable('archive_stream'), after := getvariable('archive').checkpoint, headers := true);

-- The same between two sequences, both inclusive: of the stream, too, only these are read, and conditions on ts_nats and subject spare reads where the
-- host has them looked at before reading. What retention takes after archive_now() is missing without an error: where that can be, take the view.
CREATE OR REPLACE TEMP MACRO events_between(from_seq := 0::UBIGINT, to_seq := 18446744073709551615::UBIGINT) AS TABLE
SELECT seq, ts_nats, subject, headers, payload FROM read_parquet(getvariable('archive').files, hive_partitioning := false)
WHERE seq BETWEEN from_seq AND to_seq
UNION ALL
SELECT seq, ts_nats, subject, headers, payload
FROM nats_scan(getvariable('archive_stream'), start_seq := greatest(getvariable('archive').last + 1, from_seq), end_seq := to_seq, headers := true);
