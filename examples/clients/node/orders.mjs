// Node.js: rows of a stream by @duckdb/node-api.
//
//     cd examples/clients/node && npm install
//     NATS_URL=nats://localhost:4222 NATS_JS_EXTENSION=../../../build/release/nats_js.duckdb_extension node orders.mjs
import { DuckDBInstance } from "@duckdb/node-api";

const instance = await DuckDBInstance.create(":memory:", { allow_unsigned_extensions: "true" });
const connection = await instance.connect();
await connection.run(`LOAD '${process.env.NATS_JS_EXTENSION}'`);

const reader = await connection.runAndReadAll(
  `SELECT customer, count(*)::INTEGER AS orders, sum(total)::VARCHAR AS total
   FROM nats_scan('ORDERS', subject := $subject, columns := {'customer': 'VARCHAR', 'total': 'DECIMAL(18,2)'})
   GROUP BY customer ORDER BY customer`,
  { subject: "orders.*.new" },
);
for (const [customer, orders, total] of reader.getRows()) {
  console.log(customer, orders, total);
}
