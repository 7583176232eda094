import assert from "node:assert/strict";
import { test } from "node:test";
import { createCustomerClient, type customer, FareboxError, pages } from "../../src/client/index.ts";
import { openScene } from "./scene.ts";

test("the typed client of the customer API: balances, prices, a quote, keys and the statement", async (context) => {
  const scene = await openScene(
    'prices: [{ match: "GET /v1/things", cost: 2.5 }]\ncustomerApi: { selfService: { keys: true } }\n',
  );
  context.after(() => scene.close());
  const { key } = await scene.openCustomer(100);
  const account = createCustomerClient({ url: `${scene.gateway}/v1/credits`, token: key });
  const { pools }: customer.Balances = await account.getBalances();
  assert.equal(pools[0]?.balance, 100);
  const quote = await account.quote({ method: "GET", path: "/v1/things" });
  assert.deepEqual([quote.most, quote.admitted], [2.5, true]);
  const created = await account.createKey({ name: "second" });
  assert.equal((await account.revokeKey({ key: created.id })).state, "revoked");
  const kinds: string[] = [];
  for await (const { entries } of pages(account.listEntries, { limit: 1 })) {
    kinds.push(...entries.map(({ kind }) => kind));
  }
  assert.deepEqual(kinds, ["grant"]);
  await assert.rejects(account.getExport({ export: "none" }), (error) => {
    assert.ok(error instanceof FareboxError);
    return error.detail["status"] === 404;
  });
  const byHeader = createCustomerClient({
    url: `${scene.gateway}/v1/credits`,
    headers: { authorization: `Bearer ${key}` },
  });
  assert.deepEqual(await byHeader.getBalances(), await account.getBalances());
});

test("the overview: balances, 30 days by day, endpoint and named key, limits of everyone and of the plan, announced prices", async (context) => {
  const scene = await openScene(
    [
      'prices: [{ match: "GET /v1/things", cost: 2.5 }]',
      "limits: [{ match: '*', requests: 50, per: second }]",
      "plans: { basic: { recurring: { credits: 10, every: month }, limits: [{ match: GET /v1/things, requests: 5, per: minute }] } }",
    ].join("\n"),
  );
  context.after(() => scene.close());
  const customer = await scene.openCustomer(100);
  await scene.operate("POST", `/v1/accounts/${customer.id}/plan`, { plan: "basic" });
  await customer.call("GET", "/v1/things");
  const effectiveAt = new Date(Date.now() + 86_400_000).toISOString();
  await scene.operate("POST", "/v1/price-lists", {
    prices: [{ match: "GET /v1/things", cost: 3 }],
    effectiveAt,
  });
  const account = createCustomerClient({ url: `${scene.gateway}/v1/credits`, token: customer.key });
  const overview = await account.getOverview({ timeZone: "Europe/Berlin" });
  assert.deepEqual([overview.account, overview.name, overview.plan], [customer.id, "Customer", "basic"]);
  assert.equal(overview.pools[0]?.balance, 107.5);
  const { days, endpoints, keys, totals } = overview.usage;
  assert.equal(days.length, 30);
  assert.deepEqual([days.at(-1)?.credits, days[0]?.credits], [2.5, 0]);
  assert.deepEqual([endpoints[0]?.endpoint, endpoints[0]?.credits], ["GET /v1/things", 2.5]);
  assert.deepEqual([keys[0]?.key, keys[0]?.credits, typeof keys[0]?.hint], [customer.keyId, 2.5, "string"]);
  assert.equal(totals[0]?.requests, 1);
  assert.deepEqual(
    overview.limits.map(({ match, requests, windowSeconds, source }) => [
      match,
      requests,
      windowSeconds,
      source,
    ]),
    [
      ["*", 50, 1, "everyone"],
      ["GET /v1/things", 5, 60, "plan"],
    ],
  );
  assert.deepEqual(
    overview.announced.map((list) => list.effectiveAt),
    [effectiveAt],
  );
  await assert.rejects(account.getOverview({ timeZone: "Mars/Phobos" }), (error) => {
    assert.ok(error instanceof FareboxError);
    return error.detail["status"] === 422;
  });
});
