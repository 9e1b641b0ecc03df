-- An aggregate whose events are the truth: a writer says what it has seen, and is refused where another one was faster; a snapshot
-- spares reading everything.
-- By hand: duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/aggregate.sql
--
-- fixture: stream name=BASKETS subjects=baskets.>

-- The version of a basket is the sequence of its last event; 0 where there is none.
CREATE OR REPLACE MACRO version_of(basket) AS coalesce(nats_last('BASKETS', 'baskets.' || basket).seq, 0);

-- An event on top of a version. Two writers who saw the same one: the stream takes the first, and refuses the second.
CREATE OR REPLACE MACRO append(basket, version, event) AS
    nats_try_publish('baskets.' || basket, event, MAP {'Nats-Expected-Last-Subject-Sequence': version::VARCHAR});

CREATE OR REPLACE TEMP TABLE tries (writer VARCHAR, answer STRUCT(stream VARCHAR, seq UBIGINT, duplicate BOOLEAN, val VARCHAR, error VARCHAR));
SET VARIABLE seen = version_of('b1');
INSERT INTO tries SELECT 'first', append('b1', getvariable('seen'), '{"item":"book","count":2}');
INSERT INTO tries SELECT 'late', append('b1', getvariable('seen'), '{"item":"pen","count":1}');
-- Who is refused reads again, decides again, and tries again.
SET VARIABLE seen = version_of('b1');
INSERT INTO tries SELECT 'late, again', append('b1', getvariable('seen'), '{"item":"pen","count":1}');

SELECT writer, answer.seq, answer.error FROM tries;
SELECT CASE WHEN list(writer ORDER BY writer) FILTER (answer.error IS NULL) = ['first', 'late, again'] THEN 'one after the other' ELSE error('both or none') END AS writers FROM tries;

-- A snapshot: the state, and the place up to which it holds.
CREATE OR REPLACE TABLE snapshot AS SELECT '' AS basket, '' AS item, 0::HUGEINT AS "count" LIMIT 0;
SET VARIABLE upto = nats_checkpoint('BASKETS');
INSERT INTO snapshot SELECT subject[9:], item, sum("count")
FROM nats_scan('BASKETS', upto := getvariable('upto'), columns := {'item': 'VARCHAR', 'count': 'INTEGER'}) GROUP BY ALL;

INSERT INTO tries SELECT 'another', append('b1', version_of('b1'), '{"item":"book","count":-1}');

-- The state now: the snapshot and what came after it.
CREATE OR REPLACE TEMP TABLE state AS
SELECT basket, item, sum("count") AS "count" FROM (
    FROM snapshot
    UNION ALL
    SELECT subject[9:], item, "count" FROM nats_scan('BASKETS', after := getvariable('upto'), columns := {'item': 'VARCHAR', 'count': 'INTEGER'})
) GROUP BY ALL;

SELECT CASE WHEN list((item, "count") ORDER BY item) = [('book', 1), ('pen', 1)] THEN 'as it is' ELSE error('another state') END AS state FROM state WHERE basket = 'b1';
