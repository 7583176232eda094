import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { findOperator } from "../../src/cli/operator/find-operator.ts";
import { createClient, type FareboxClient } from "../../src/client/index.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { type OpenMeter, openMeter } from "../../src/embed/meter.ts";
import { createTestDatabase, type TestDatabase } from "../../src/ledger/testing/test-databases.ts";
import { createCustomerServer, sellTools } from "../../src/mcp/mcp.ts";
import { openScene } from "../customer-api/scene.ts";

const CONFIG = `
upstream: http://127.0.0.1:9000
unpriced: refuse
prices:
  - { match: POST /mcp, tool: look_up, cost: 2 }
  - { match: POST /mcp, tool: search, cost: 1, per: result, count: { header: x-results }, atMost: { body: /params/arguments/limit, default: 5, max: 50 } }
  - { match: POST /mcp, tool: list_sources, free: true }
`;

let books: TestDatabase;
let meter: OpenMeter;
let operator: FareboxClient;
/** Who calls; undefined: nobody whom we know. */
let key: string | undefined;
let mcp: Client;
/** What a search says that it counted. */
let units: unknown = 3;

before(async () => {
  books = await createTestDatabase("pglite");
  const { target } = books;
  assert.ok("directory" in target);
  const dataDirectory = `${target.directory}-data`;
  meter = await openMeter(parseConfig("farebox.yaml", CONFIG, {}), {
    database: target,
    dataDirectory,
    operator: { host: "127.0.0.1", port: 0 },
  });
  operator = createClient(findOperator({ url: undefined, token: undefined, directory: dataDirectory }));
  mcp = await connect(sellingServer());
});
after(async () => {
  await mcp?.close();
  await meter?.close();
  await books.drop();
});

async function connect(server: McpServer): Promise<Client> {
  const [ofClient, ofServer] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "test", version: "1.0.0" });
  await Promise.all([server.connect(ofServer), client.connect(ofClient)]);
  return client;
}

function sellingServer(): McpServer {
  const sell = sellTools({ meter, keyOf: () => key });
  const server = new McpServer({ name: "sold", version: "1.0.0" });
  const text = (words: string): CallToolResult => ({ content: [{ type: "text", text: words }] });
  server.registerTool(
    "look_up",
    { inputSchema: { name: z.string() } },
    sell("look_up", async ({ name }: { name: string }) => {
      if (name === "throw") throw new Error("the source is away");
      if (name === "error") return { ...text("not found"), isError: true };
      return { ...text(`found ${name}`), _meta: { own: "kept" } };
    }),
  );
  server.registerTool(
    "search",
    { inputSchema: { limit: z.number().optional() } },
    sell("search", () => ({ ...text("three"), _meta: { "farebox/units": units } })),
  );
  server.registerTool(
    "list_sources",
    {},
    sell("list_sources", () => text("two")),
  );
  server.registerTool(
    "unpriced",
    {},
    sell("unpriced", () => text("never")),
  );
  return server;
}

async function openCustomer(amount: number): Promise<string> {
  const { id } = await operator.createAccount({ name: "Agents" });
  if (amount > 0) await operator.createGrant({ account: id, amount });
  return (await operator.createKey({ account: id, name: "agent" })).key;
}

const call = async (name: string, given: Record<string, unknown> = {}): Promise<CallToolResult> =>
  (await mcp.callTool({ name, arguments: given })) as CallToolResult;

const balance = async (): Promise<string | undefined> => (await meter.balance(key ?? ""))[0]?.balance;

test("a tool is charged before its result leaves, which tells what it cost and keeps what it says itself", async () => {
  key = await openCustomer(10);
  const { content, _meta: meta = {} } = await call("look_up", { name: "ada" });
  assert.deepEqual(content, [{ type: "text", text: "found ada" }]);
  assert.equal(meta["own"], "kept");
  assert.partialDeepStrictEqual(meta["farebox/charge"], { charged: 2, balance: 8, creditType: "credits" });
  const counted = await call("search", { limit: 4 });
  assert.partialDeepStrictEqual(counted._meta, { "farebox/charge": { charged: 3, units: 3 } });
  assert.equal(counted._meta?.["farebox/units"], undefined);
  const free = await call("list_sources");
  assert.equal(free._meta?.["farebox/charge"], undefined);
  assert.equal(await balance(), "5");
});

test("a tool that says that it failed, or throws, costs nothing", async () => {
  key = await openCustomer(10);
  const failed = await call("look_up", { name: "error" });
  assert.deepEqual([failed.isError, failed._meta?.["farebox/charge"]], [true, undefined]);
  const thrown = await call("look_up", { name: "throw" });
  assert.equal(thrown.isError, true);
  assert.match(JSON.stringify(thrown.content), /the source is away/);
  assert.equal(await balance(), "10");
});

test("units that are none, and a handler that gives no result, cost nothing and hold nothing", async () => {
  key = await openCustomer(50);
  for (const wrong of [-1, 1.5, Number.NaN, "3", null, 2e9]) {
    units = wrong;
    const { isError, content } = await call("search", { limit: 50 });
    assert.equal(isError, true, String(wrong));
    assert.match(JSON.stringify(content), /not valid: units/);
  }
  units = 3;
  const sell = sellTools({ meter, keyOf: () => key });
  const nothing = sell("look_up", (_asked: object, _extra: object) => JSON.parse("null") as CallToolResult);
  await assert.rejects(async () => await nothing({ name: "ada" }, {}), TypeError);
  // All that there is can still be held.
  const { _meta: meta } = await call("search", { limit: 50 });
  assert.partialDeepStrictEqual(meta, { "farebox/charge": { charged: 3, balance: 47 } });
});

test("a call that is cancelled before its handler runs is not run, and free", async () => {
  key = await openCustomer(2);
  const sell = sellTools({ meter, keyOf: () => key, ttl: 900 });
  const cancelled = sell("look_up", (_asked: object, _extra: object) => assert.fail("it is cancelled"));
  await assert.rejects(async () => await cancelled({ name: "ada" }, { signal: AbortSignal.abort() }), {
    name: "AbortError",
  });
  assert.equal((await call("look_up", { name: "ada" })).isError, undefined);
  assert.equal(await balance(), "0");
});

test("who may not gets the contract's words, and the tool is not asked", async () => {
  key = await openCustomer(1);
  const poor = await call("look_up", { name: "ada" });
  assert.deepEqual(poor._meta, { "farebox/refusal": { code: "insufficient_credits", status: 402 } });
  assert.match(JSON.stringify(poor.content), /insufficient_credits/);
  assert.equal((await call("unpriced"))._meta?.["farebox/refusal"] !== undefined, true);
  key = undefined;
  assert.partialDeepStrictEqual((await call("look_up", { name: "ada" }))._meta, {
    "farebox/refusal": { code: "key_missing", status: 401 },
  });
});

test("twenty calls at once never pay more than there is", async () => {
  key = await openCustomer(9);
  const all = await Promise.all(Array.from({ length: 20 }, () => call("look_up", { name: "ada" })));
  assert.equal(all.filter(({ isError }) => isError !== true).length, 4);
  assert.equal(await balance(), "1");
});

test("an agent sees its credits, what calls cost, what one would cost, and why one did", async (context) => {
  const scene = await openScene("prices: [{ match: GET /paid, cost: 2 }]\n");
  context.after(() => scene.close());
  const customer = await scene.openCustomer(5);
  const server = createCustomerServer({ url: `${scene.gateway}/v1/credits`, key: customer.key });
  const agent = await connect(server);
  context.after(() => agent.close());
  const ask = async (name: string, given: Record<string, unknown> = {}): Promise<CallToolResult> =>
    (await agent.callTool({ name, arguments: given })) as CallToolResult;
  const { tools } = await agent.listTools();
  assert.ok(tools.every(({ annotations }) => annotations?.readOnlyHint === true));
  const paid = await customer.call("GET", "/paid");
  assert.partialDeepStrictEqual((await ask("credits_balance")).structuredContent, {
    pools: [{ balance: 3 }],
  });
  const quote = await ask("credits_quote", { method: "GET", path: "/paid" });
  assert.partialDeepStrictEqual(quote.structuredContent, { most: 2, admitted: true });
  const explained = await ask("credits_explain_call", { call: paid.headers["x-request-id"] });
  assert.match(JSON.stringify(explained.structuredContent), /GET \/paid/);
  assert.match(JSON.stringify((await ask("credits_prices")).content), /GET \/paid/);
  assert.match(JSON.stringify((await ask("credits_usage", { groupBy: "endpoint" })).content), /GET \/paid/);
  const unknown = await ask("credits_explain_call", { call: "chg_nothing" });
  assert.equal(unknown.isError, true);
  assert.match(JSON.stringify(unknown.content), /unknown|invalid/);
});
