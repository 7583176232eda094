import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { findOperator } from "../../src/cli/operator/find-operator.ts";
import { createClient } from "../../src/client/index.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { farebox as forExpress } from "../../src/embed/express.ts";
import { farebox as forFastify } from "../../src/embed/fastify.ts";
import { farebox as forHono } from "../../src/embed/hono.ts";
import { type FareboxCall, farebox as forNode } from "../../src/embed/node.ts";
import type { FareboxOptions } from "../../src/embed/open-farebox.ts";
import { auditLedger } from "../../src/ledger/audit/audit.ts";
import { openDatabase } from "../../src/ledger/database/open-database.ts";
import { createTestDatabase } from "../../src/ledger/testing/test-databases.ts";

const CONFIG = parseConfig(
  "farebox.yaml",
  `upstream: http://127.0.0.1:9000
gateway: { drain: 1s }
open: ["GET /open"]
prices:
  - { match: POST /jobs, cost: 1 }
  - { match: POST /render, cost: 2, per: result, count: { header: x-pages }, atMost: { body: /pages, default: 1, max: 500 } }
`,
  {},
);

/** What a handler does by hand with its call: told as JSON. */
type Work = (call: FareboxCall) => Promise<unknown>;

interface App {
  readonly server: Server;
  close(): Promise<unknown>;
}

const APPS: Readonly<Record<string, (options: FareboxOptions, work: Work) => Promise<App>>> = {
  async "node:http"(options, work) {
    const paid = await forNode(CONFIG, options);
    const listener = paid(async (request, response) =>
      response.end(JSON.stringify({ told: await work(request.farebox) })),
    );
    return { server: createServer(listener), close: () => paid.close() };
  },
  async Express(options, work) {
    const paid = await forExpress(CONFIG, options);
    const app = express();
    app.use(paid);
    app.use((request, response, next) => {
      work(request.farebox).then((told) => response.json({ told }), next);
    });
    return { server: createServer(app), close: () => paid.close() };
  },
  async Fastify(options, work) {
    const paid = await forFastify(CONFIG, options);
    const app = Fastify({ serverFactory: paid.serverFactory });
    await app.register(paid);
    app.all("/*", (request) => work(request.farebox).then((told) => ({ told })));
    await app.ready();
    return { server: app.server, close: () => app.close() };
  },
  async Hono(options, work) {
    const paid = await forHono(CONFIG, options);
    const app = new Hono();
    app.use(paid);
    app.all("*", async (context) => context.json({ told: await work(context.get("farebox")) }));
    const listener = getRequestListener(app.fetch);
    const server = paid.createServer({}, (request, response) => void listener(request, response));
    return { server, close: () => paid.close() };
  },
};

/** An application, and a customer with 100 credits. */
async function open(context: TestContext, name: string) {
  const books = await createTestDatabase("pglite");
  const { target } = books;
  assert.ok("directory" in target);
  const dataDirectory = `${target.directory}-data`;
  const options = { database: target, dataDirectory, operator: { host: "127.0.0.1", port: 0 } };
  let work: Work = async () => undefined;
  const app = await (APPS[name] ?? assert.fail())(options, (call) => work(call));
  const end = async (): Promise<void> => {
    app.server.closeAllConnections();
    app.server.close();
    await app.close();
  };
  let isClosed = false;
  context.after(async () => {
    if (!isClosed) await end();
    await books.drop();
  });
  app.server.listen(0, "127.0.0.1");
  if (!app.server.listening) await new Promise((resolve) => app.server.once("listening", resolve));
  const { port } = app.server.address() as AddressInfo;
  const operator = createClient(findOperator({ url: undefined, token: undefined, directory: dataDirectory }));
  const { id } = await operator.createAccount({ name: "Acme" });
  const { key } = await operator.createKey({ account: id, name: "production" });
  await operator.createGrant({ account: id, amount: 100 });
  return {
    async run(next: Work, method = "POST", path = "/jobs"): Promise<unknown> {
      work = next;
      const headers = { authorization: `Bearer ${key}` };
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      return JSON.parse(text).told;
    },
    async charges(): Promise<readonly string[]> {
      const { entries } = await operator.listEntries({ account: id });
      return entries
        .filter(({ kind }) => kind !== "grant")
        .map(({ kind, amount, endpoint }) => `${kind} ${amount} ${endpoint ?? ""}`)
        .toReversed();
    },
    async close(): Promise<void> {
      isClosed = true;
      await end();
      const database = await openDatabase(target);
      assert.deepEqual((await auditLedger(database, { atRest: true })).findings, []);
      await database.close();
    },
  };
}

const RENDER = { method: "POST", path: "/render", body: { pages: 40 } };

async function refusal(asked: Promise<unknown>): Promise<unknown> {
  return await asked.then(
    () => "nothing",
    (error: unknown) => Object(error).code,
  );
}

describe("a handler holds and settles by hand", () => {
  for (const name of Object.keys(APPS)) {
    test(`in ${name}: shortly, for a job in parts, and not beyond its customer's credits`, async (context) => {
      const app = await open(context, name);
      const first = await app.run(async (call) => {
        const held = await call.hold(RENDER);
        assert.ok(held.decision === "admitted" && held.hold !== null);
        const { hold } = held;
        const [one, two] = await Promise.all([
          call.settle({ hold, units: 3 }),
          call.settle({ hold, units: 3 }),
        ]);
        assert.deepEqual(two, one);
        const failed = await call.hold(RENDER);
        assert.ok(failed.decision === "admitted" && failed.hold !== null);
        const released = await call.release({ hold: failed.hold });
        const tooMuch = await call.hold({ ...RENDER, body: { pages: 400 } });
        return [
          held.quote?.amount,
          one.outcome === "charged" && one.charged,
          released.refunded,
          tooMuch.decision,
        ];
      });
      assert.deepEqual(first, [80, 6, 0, "refused"]);
      const job = await app.run(async (call) => {
        const held = await call.hold({ ...RENDER, ttl: 86_400, id: "job" });
        assert.ok(held.decision === "admitted" && held.hold !== null);
        const { hold } = held;
        await call.settle({ hold, part: "a", units: 10 });
        await call.extend({ hold, ttl: 3_600 });
        const invalid = await refusal(call.settle({ hold, part: "", units: 1 }));
        const conflict = await refusal(call.settle({ hold, part: "a", units: 11 }));
        return [hold, invalid, conflict];
      });
      assert.ok(Array.isArray(job));
      const [hold, ...refused]: unknown[] = job;
      assert.deepEqual(refused, ["request_invalid", "hold_settled"]);
      // Another call of another moment goes on with it.
      const end = await app.run(async (call) => {
        const again = await call.hold({ ...RENDER, ttl: 86_400, id: "job" });
        assert.ok(again.decision === "admitted" && again.hold === hold && again.hold !== null);
        await call.settle({ hold: again.hold, units: 5 });
        return await refusal(call.settle({ hold: again.hold, part: "b", units: 1 }));
      });
      assert.equal(end, "hold_settled");
      const nobody = await app.run((call) => refusal(call.hold(RENDER)), "GET", "/open");
      assert.equal(nobody, "request_invalid");
      assert.deepEqual(await app.charges(), [
        "charge -6 POST /render",
        "charge -1 POST /jobs",
        "charge -20 POST /render",
        "charge -1 POST /jobs",
        "charge -10 POST /render",
        "charge -1 POST /jobs",
      ]);
      // What nobody settles goes back when the application ends.
      await app.run(async (call) => (await call.hold(RENDER)).decision);
      await app.close();
    });
  }
});
