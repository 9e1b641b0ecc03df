-- Publishes an archived range into another stream, which must capture restored.>, in the order of its sequences. view.sql comes before it, and:
-- SET VARIABLE restore_first = 101;
-- SET VARIABLE restore_last = 400;
-- Original sequence and time are headers. Within its duplicate window the stream takes each sequence once, so it may be run again after an error.
SELECT count(nats_publish('restored.' || subject, payload, map_from_entries(list_concat(
    [{'key': h.key, 'value': h.value} FOR h IN map_entries(coalesce(headers, MAP {})) IF NOT starts_with(h.key, 'Nats-')],
    [{'key': 'Nats-Msg-Id', 'value': [getvariable('archive_stream') || ':' || seq]},
     {'key': 'Archive-Sequence', 'value': [seq::VARCHAR]},
     {'key': 'Archive-Time', 'value': [ts_nats::VARCHAR]}]))))
FROM (FROM events_between(from_seq := getvariable('restore_first'), to_seq := getvariable('restore_last')) ORDER BY seq);
