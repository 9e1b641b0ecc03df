-- One event that several sources report: three tiers of duplicates, a match across sources within any window, and an audit of what
-- was left out, from which each can be put back.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/media_audit.sql
--
-- fixture: stream name=PLAYS subjects=plays.>
-- fixture: message stream=PLAYS subject=plays.plex payload='{"event_id":"p1","session":"s1","user":7,"item":"film","at":"2024-01-15T10:34:58Z"}'
-- fixture: message stream=PLAYS subject=plays.plex payload='{"event_id":"p1","session":"s9","user":7,"item":"film","at":"2024-01-15T10:34:58Z"}'
-- fixture: message stream=PLAYS subject=plays.plex payload='{"event_id":"p2","session":"s1","user":7,"item":"film","at":"2024-01-15T10:50:00Z"}'
-- fixture: message stream=PLAYS subject=plays.tautulli payload='{"event_id":"t1","session":"x1","user":7,"item":"film","at":"2024-01-15T10:35:03Z"}'
-- fixture: message stream=PLAYS subject=plays.tautulli payload='{"event_id":"t2","session":"x2","user":7,"item":"film","at":"2024-01-15T11:35:03Z"}'
-- fixture: message stream=PLAYS subject=plays.plex payload='{"event_id":"p3","session":"s3","user":8,"item":"film","at":"2024-01-15T10:34:58Z"}'

CREATE TABLE IF NOT EXISTS plays (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, source VARCHAR, event_id VARCHAR, "session" VARCHAR,
    "user" BIGINT, item VARCHAR, played TIMESTAMP);
CREATE TABLE IF NOT EXISTS discarded (seq UBIGINT PRIMARY KEY, reason VARCHAR, matched UBIGINT, correlation_key VARCHAR, source VARCHAR, event_id VARCHAR,
    "session" VARCHAR, "user" BIGINT, item VARCHAR, played TIMESTAMP, status VARCHAR DEFAULT 'discarded');

-- Tier 1 is the key of the row, the event; tier 2 the session of a source. keep := 'all' says of each row which one it repeats.
CREATE OR REPLACE TEMP TABLE batch AS
SELECT *, split_part(subject, '.', 2) AS source
FROM nats_ingest('PLAYS', correlation_key := '{event_id}', unique_keys := ['{subject}:{session}'], keep := 'all',
    columns := {'event_id': 'VARCHAR', 'session': 'VARCHAR', 'user': 'BIGINT', 'item': 'VARCHAR', 'played': {'path': 'at', 'type': 'TIMESTAMP'}});

-- Tier 3 is the same play seen by another source, at most so far apart: no buckets, so no edges between them.
CREATE OR REPLACE MACRO apart() AS INTERVAL 10 SECONDS;

-- The earliest message of those that match stays. What is in the table already counts as well.
CREATE OR REPLACE TEMP TABLE judged AS
WITH known AS (SELECT seq, source, "user", item, played FROM batch WHERE duplicate_of IS NULL UNION SELECT seq, source, "user", item, played FROM plays),
across AS (
    SELECT b.seq, min(k.seq) AS earlier
    FROM batch b JOIN known k ON k."user" = b."user" AND k.item = b.item AND k.source <> b.source AND k.seq < b.seq
        AND k.played BETWEEN b.played - apart() AND b.played + apart()
    GROUP BY b.seq
)
SELECT b.*, coalesce(b.duplicate_of, a.earlier) AS matched,
    CASE
        WHEN b.duplicate_of IS NOT NULL THEN if(b.duplicate_key = '{event_id}', 'event', 'session')
        WHEN a.earlier IS NOT NULL THEN 'across sources'
    END AS reason
FROM batch b LEFT JOIN across a USING (seq);

BEGIN;
INSERT INTO plays BY NAME SELECT correlation_key, seq, source, event_id, "session", "user", item, played FROM judged WHERE reason IS NULL ON CONFLICT DO NOTHING;
INSERT INTO discarded BY NAME SELECT seq, reason, matched, correlation_key, source, event_id, "session", "user", item, played FROM judged WHERE reason IS NOT NULL
    ON CONFLICT DO NOTHING;
COMMIT;

SELECT CASE WHEN list((seq, reason, matched) ORDER BY seq) = [(2, 'event', 1), (3, 'session', 1), (4, 'across sources', 1)]
    THEN 'three are left out' ELSE error('others are left out: ' || list((seq, reason, matched) ORDER BY seq)::VARCHAR) END AS audit FROM discarded;

-- One was left out wrongly, somebody says: back it goes, by one INSERT, and the audit knows.
INSERT INTO plays BY NAME SELECT correlation_key, seq, source, event_id, "session", "user", item, played FROM discarded WHERE seq = 4 ON CONFLICT DO NOTHING;
UPDATE discarded SET status = 'restored' WHERE seq = 4;

SELECT CASE WHEN count(*) = 4 THEN 'restored' ELSE error('not restored') END AS restored FROM plays;
