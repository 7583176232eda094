import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import express from "express";
import { findOperator } from "../../src/cli/operator/find-operator.ts";
import { createClient } from "../../src/client/index.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { farebox } from "../../src/embed/express.ts";
import { auditLedger } from "../../src/ledger/audit/audit.ts";
import { openDatabase } from "../../src/ledger/database/open-database.ts";
import { createTestDatabase, type TestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { readTracked } from "../tidy/tracked-files.ts";

let books: TestDatabase;
before(async () => {
  books = await createTestDatabase("pglite");
});
after(() => books.drop());

/** The page's own file. */
function pageConfig(): ReturnType<typeof parseConfig> {
  const [, yaml = ""] = /```yaml\n([^]*?)```/.exec(readTracked("docs/guide/middleware.md")) ?? [];
  return parseConfig("farebox.yaml", yaml, {});
}

test("the guide's application sells its handlers, is operated as a started Farebox is, and leaves the books in order", async () => {
  const { target } = books;
  assert.ok("directory" in target);
  const dataDirectory = `${target.directory}-data`;
  const paid = await farebox(pageConfig(), {
    database: target,
    dataDirectory,
    operator: { host: "127.0.0.1", port: 0 },
  });
  const app = express();
  app.use(paid);
  app.get("/hello", (_request, response) => {
    response.send("Hello");
  });
  app.get("/search", (request, response) => {
    const found = ["a", "b", "c"];
    request.farebox.units = found.length;
    response.json(found);
  });
  const server = createServer(app).listen(0, "127.0.0.1");
  await new Promise((resolve) => {
    server.once("listening", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const operator = createClient(findOperator({ url: undefined, token: undefined, directory: dataDirectory }));
  const { id } = await operator.createAccount({ name: "Acme" });
  const { key } = await operator.createKey({ account: id, name: "production" });
  await operator.createGrant({ account: id, amount: 100 });
  const ask = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${key}` } });
  const hello = await ask("/hello");
  assert.deepEqual([await hello.text(), hello.headers.get("credits-remaining")], ["Hello", "95"]);
  const search = await ask("/search");
  assert.deepEqual([await search.json(), search.headers.get("credits-charged")], [["a", "b", "c"], "3"]);
  assert.equal((await fetch(`http://127.0.0.1:${port}/hello`)).status, 401);
  server.closeAllConnections();
  server.close();
  await paid.close();
  const database = await openDatabase(target);
  assert.deepEqual((await auditLedger(database, { atRest: true })).findings, []);
  await database.close();
});
