-- CloudEvents 1.0 on NATS, in both ways that the protocol binding knows: structured, the whole event as JSON, and binary, the attributes
-- as headers and the data as the payload. One table of both, by source and id.
-- Source: CloudEvents 1.0.2, and its NATS protocol binding. By hand:
-- duckdb -unsigned -cmd "LOAD 'build/release/nats_js.duckdb_extension'" -f examples/cloud_events_1_0.sql
--
-- fixture: stream name=CLOUD subjects=cloud.>

-- An event as one of the two. Attributes that are required: specversion, id, source, type.
CREATE OR REPLACE MACRO structured(id, source, type, data) AS
    to_json({'specversion': '1.0', 'id': id, 'source': source, 'type': type, 'datacontenttype': 'application/json', 'data': data})::VARCHAR;
CREATE OR REPLACE MACRO attributes(id, source, type) AS
    MAP {'ce-specversion': '1.0', 'ce-id': id, 'ce-source': source, 'ce-type': type, 'Content-Type': 'application/json', 'Nats-Msg-Id': source || '#' || id};

SELECT nats_publish('cloud.orders', structured('1', '/orders', 'order.placed', {'amount': 10}),
    MAP {'Content-Type': 'application/cloudevents+json', 'Nats-Msg-Id': '/orders#1'}).seq AS structured;
SELECT nats_publish('cloud.orders', to_json({'amount': 20})::VARCHAR, attributes('2', '/orders', 'order.placed')).seq AS "binary";
-- One that lacks what is required, and one that is sent twice and stored once.
SELECT nats_publish('cloud.orders', '{"specversion":"1.0","source":"/orders","data":{}}', MAP {'Nats-Msg-Id': 'bad-1'}).seq AS incomplete;
SELECT nats_publish('cloud.orders', to_json({'amount': 20})::VARCHAR, attributes('2', '/orders', 'order.placed')).duplicate AS stored_already;

CREATE TABLE IF NOT EXISTS cloud_events (source VARCHAR, id VARCHAR, type VARCHAR, data JSON, seq UBIGINT, PRIMARY KEY (source, id));

CREATE OR REPLACE TEMP TABLE batch AS
SELECT seq, headers['ce-specversion'] IS NOT NULL AS is_binary,
    if(is_binary, headers['ce-specversion'][1], payload ->> 'specversion') AS specversion, if(is_binary, headers['ce-id'][1], payload ->> 'id') AS id,
    if(is_binary, headers['ce-source'][1], payload ->> 'source') AS source, if(is_binary, headers['ce-type'][1], payload ->> 'type') AS type,
    if(is_binary, payload, payload -> 'data') AS data
FROM nats_scan('CLOUD', payload_type := 'json', headers := true);

CREATE OR REPLACE MACRO cloud_problem(specversion, id, source, type) AS CASE
    WHEN coalesce(specversion, '') <> '1.0' THEN 'specversion: must be 1.0'
    WHEN coalesce(id, '') = '' THEN 'id: required'
    WHEN coalesce(source, '') = '' THEN 'source: required'
    WHEN coalesce(type, '') = '' THEN 'type: required'
END;

INSERT INTO cloud_events BY NAME SELECT source, id, type, data, seq FROM batch WHERE cloud_problem(specversion, id, source, type) IS NULL ON CONFLICT DO NOTHING;

SELECT seq, cloud_problem(specversion, id, source, type) AS problem FROM batch WHERE problem IS NOT NULL;

SELECT CASE WHEN list((data ->> 'amount')::INTEGER ORDER BY id) = [10, 20] AND (SELECT count(*) FROM batch WHERE cloud_problem(specversion, id, source, type) = 'id: required') = 1
    THEN 'both ways are one table' ELSE error('an event is missing') END AS outcome FROM cloud_events;
