-- A stream and its archive in a lake as one relation. The lake is attached as `lake`; set the variable, and run this file in each session:
-- SET VARIABLE archive_stream = 'EVENTS';

-- How far the archive goes now. Rows up to there never change, so a later snapshot of the lake has the same.
CREATE OR REPLACE TEMP MACRO archive_now() AS (
    SELECT CASE WHEN s.first_seq > a.last + 1 THEN error('the stream begins with ' || s.first_seq || ', and the archive ends with ' || a.last || ': what was between them is gone')
        ELSE {'checkpoint': a.checkpoint, 'last': a.last} END
    FROM lake.archive.state a, nats_last_seq(getvariable('archive_stream')) s WHERE a.stream = getvariable('archive_stream')
);
SET VARIABLE archive = archive_now();

-- The archive up to its last sequence, and the stream behind it. What retention took before it was archived is an error, also while the query runs.
CREATE OR REPLACE TEMP VIEW events AS
SELECT seq, ts_nats, subject, headers, payload FROM lake.archive.messages
WHERE stream = getvariable('archive_stream') AND seq <= getvariable('archive').last
UNION ALL
SELECT seq, ts_nats, subject, headers, payload FROM nats_scan(getvariable('archive_stream'), after := getvariable('archive').checkpoint, headers := true);
