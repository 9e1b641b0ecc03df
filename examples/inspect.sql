-- How far behind are the readers of a stream, and how to send dead letters again.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/inspect.sql
-- The server comes from the environment variable NATS_URL; every function also takes url := 'nats://...'.
--
-- fixture: stream name=MEDIA_EVENTS subjects=playback.>,plex.>,jellyfin.>,tautulli.>
-- fixture: events stream=MEDIA_EVENTS count=300
-- fixture: stream name=DLQ_EVENTS subjects=dlq.>
-- fixture: message stream=DLQ_EVENTS subject=dlq.media payload={"event_id":"late-1"}
-- fixture: message stream=DLQ_EVENTS subject=dlq.media payload={"event_id":"late-2"}

-- A reader that has not read yet: all is still before it.
SELECT action FROM nats_consumer_ensure('MEDIA_EVENTS', 'loader');

-- The lag of every reader: messages that were not delivered, that wait for their acknowledgement, that came again.
SELECT name, num_pending AS lag, num_ack_pending AS in_flight, num_redelivered AS redelivered, last_acked
FROM nats_consumers('MEDIA_EVENTS')
ORDER BY lag DESC;

-- The same over all streams of the server, as a share of each stream.
SELECT s.stream, c.name, c.num_pending AS lag, s.messages, round(100.0 * c.num_pending / greatest(s.messages, 1), 1) AS percent
FROM nats_streams() s JOIN nats_consumers('MEDIA_EVENTS') c USING (stream)
ORDER BY percent DESC;

-- What fills the stream?
SELECT subject, messages FROM nats_subjects('MEDIA_EVENTS') ORDER BY messages DESC, subject LIMIT 5;

-- Dead letters, sent again. The message id makes it safe to run this twice: the second time is a duplicate.
CREATE TABLE replayed AS
SELECT seq AS dead_letter, nats_publish('playback.replay.' || seq, payload, MAP {'Nats-Msg-Id': 'replay:DLQ_EVENTS:' || seq}) AS ack
FROM nats_scan('DLQ_EVENTS', headers := true);

SELECT dead_letter, ack.stream, ack.duplicate FROM replayed ORDER BY dead_letter;

SELECT count(*) AS sent_again FROM nats_scan('MEDIA_EVENTS', subject := 'playback.replay.*');
