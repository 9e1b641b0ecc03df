-- An outbox: what a table holds is published, and the table says of each row whether a stream has it. A row that cannot be
-- published fails no other. Run the UPDATE again and again: it goes on where the last one ended.
--
-- fixture: stream name=SHOP subjects=shop.>

CREATE SEQUENCE IF NOT EXISTS outbox_id;
CREATE TABLE IF NOT EXISTS outbox (
    id BIGINT PRIMARY KEY DEFAULT nextval('outbox_id'), subject VARCHAR, payload VARCHAR,
    answer STRUCT(stream VARCHAR, seq UBIGINT, duplicate BOOLEAN, val VARCHAR, error VARCHAR)
);

-- The program writes into its tables and the outbox in one transaction. One subject here is none.
INSERT INTO outbox (subject, payload)
SELECT CASE WHEN i = 4321 THEN 'shop.*' ELSE 'shop.order.' || (i % 7) END, '{"order":' || i || '}' FROM range(10000) t(i)
WHERE NOT EXISTS (FROM outbox);

-- The relay. The id makes the second sending harmless when the first one was stored and the table was not told.
UPDATE outbox SET answer = nats_try_publish(subject, payload, MAP {'Nats-Msg-Id': 'outbox-' || id}) WHERE answer.seq IS NULL;

SELECT count(answer.seq) AS stored, count(answer.error) AS failed, any_value(answer.error) AS why FROM outbox;

-- The fault is mended, and the relay runs again.
UPDATE outbox SET subject = 'shop.order.0' WHERE subject = 'shop.*';
UPDATE outbox SET answer = nats_try_publish(subject, payload, MAP {'Nats-Msg-Id': 'outbox-' || id}) WHERE answer.seq IS NULL;

SELECT CASE WHEN (SELECT count(answer.seq) FROM outbox) = 10000 AND (SELECT messages FROM nats_last_seq('SHOP')) = 10000
    THEN 'every row is stored once' ELSE error('not every row is stored once') END AS outcome;
