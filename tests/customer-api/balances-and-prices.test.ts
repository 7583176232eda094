import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { send } from "../conformance/call.ts";
import { openScene, type Scene } from "./scene.ts";

const CONFIG = `
prices:
  - { match: GET /fixed, cost: 5 }
  - { match: "GET /looked-up/{ip}", cost: 10, once: { key: { path: ip }, within: 24h } }
  - { match: POST /results, cost: 1, per: result, count: { body: /data }, atMost: { body: /size, default: 10, max: 500 } }
  - { match: POST /search, cost: 2, when: [{ header: x-deep, equals: "yes" }] }
  - { match: "GET /listed/{id}", cost: 3, per: result, count: { body: /data }, once: { key: { path: id }, within: 1d }, decide: answer }
  - { match: "GET /bounded", cost: 3, per: result, count: { body: /data }, atMost: 40, decide: answer }
  - { match: GET /free, free: true }
open: [GET /health]
plans: { starter: { recurring: { credits: 100, every: month, rollover: true } } }
limits: [{ match: GET /v1/credits, requests: 2, per: minute }]
`;

let scene: Scene;
before(async () => {
  scene = await openScene(CONFIG);
});
after(() => scene.close());

test("GET balances shows each pool with what it is made of, free and without the upstream", async () => {
  const customer = await scene.openCustomer(0);
  await scene.operate("POST", `/v1/accounts/${customer.id}/grants`, {
    amount: 7.5,
    source: "promo",
    expiresAt: "2100-01-01T00:00:00Z",
    reference: "a note of the operator's",
  });
  const answer = await customer.get("/balances");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.ok(answer.headers["x-request-id"]);
  const { account, pools } = answer.json<{ account: string; pools: Record<string, unknown>[] }>();
  assert.equal(account, customer.id);
  const grants = pools[0]?.["grants"] as { id: string }[];
  assert.match(grants[0]?.id ?? "", /^grt_/);
  assert.deepEqual(pools, [
    {
      creditType: "credits",
      balance: 7.5,
      held: 0,
      available: 7.5,
      recurring: null,
      grants: [
        {
          id: grants[0]?.id,
          amount: 7.5,
          remaining: 7.5,
          source: "promo",
          expiresAt: "2100-01-01T00:00:00.000Z",
        },
      ],
    },
  ]);
  assert.doesNotMatch(answer.text, /note/);
  assert.deepEqual(scene.forwarded, []);
});

test("GET balances tells the next refresh of a recurring grant", async () => {
  const { id } = await scene.operate<{ id: string }>("POST", "/v1/accounts", { name: "A", plan: "starter" });
  const { key } = await scene.operate<{ key: string }>("POST", `/v1/accounts/${id}/keys`, {});
  const headers = { authorization: `Bearer ${key}` };
  const answer = await send(scene.gateway, "/v1/credits/balances", { headers });
  const [pool] = answer.json<{ pools: { balance: number; recurring: Record<string, unknown> }[] }>().pools;
  assert.equal(pool?.balance, 100);
  assert.deepEqual(
    { ...pool.recurring, nextAt: "" },
    { amount: 100, every: "month", nextAt: "", rollover: "all" },
  );
  assert.ok(Date.parse(String(pool.recurring["nextAt"])) > Date.now());
});

test("GET prices shows the list in force, and what announced ones change", async () => {
  const customer = await scene.openCustomer();
  const inForce = (await customer.get("/prices")).json<{
    inForce: { version: number; unpriced: string; prices: { match: string; cost?: number }[] };
    announced: unknown[];
  }>();
  assert.equal(inForce.inForce.unpriced, "free");
  assert.deepEqual(
    inForce.inForce.prices.map(({ match, cost }) => [match, cost]),
    [
      ["GET /fixed", 5],
      ["GET /looked-up/{ip}", 10],
      ["POST /results", 1],
      ["POST /search", 2],
      ["GET /listed/{id}", 3],
      ["GET /bounded", 3],
      ["GET /free", undefined],
    ],
  );
  assert.deepEqual(inForce.announced, []);
  for (const [effectiveAt, cost] of [
    ["2100-01-01T00:00:00Z", 6],
    ["2100-02-01T00:00:00Z", 7],
  ]) {
    await scene.operate("POST", "/v1/price-lists", {
      prices: [{ match: "GET /fixed", cost }],
      unpriced: "refuse",
      effectiveAt,
    });
  }
  const { inForce: still, announced } = (await customer.get("/prices")).json<{
    inForce: unknown;
    announced: {
      effectiveAt: string;
      changes: { changed: { endpoint: string; members: object[] }[]; removed: object[]; unpriced: object };
    }[];
  }>();
  assert.deepEqual(still, inForce.inForce);
  assert.deepEqual(
    announced.map(({ effectiveAt }) => effectiveAt),
    ["2100-01-01T00:00:00.000Z", "2100-02-01T00:00:00.000Z"],
  );
  assert.deepEqual(announced[0]?.changes.unpriced, { from: "free", to: "refuse" });
  assert.equal(announced[0]?.changes.removed.length, 6);
  // Against the list before it, not against the one in force.
  const [changed, ...others] = announced[1]?.changes.changed ?? [];
  assert.deepEqual(others, []);
  assert.equal(changed?.endpoint, "GET /fixed");
  assert.deepEqual(changed.members, [{ member: "cost", from: 6, to: 7 }]);
});

const QUOTES: readonly (readonly [string, object, object])[] = [
  [
    "a fixed price",
    { method: "GET", path: "/fixed" },
    { endpoint: "GET /fixed", decidedOn: "request", most: 5, units: 1, admitted: true },
  ],
  [
    "a price per result, bounded by the body",
    { method: "POST", path: "/results", body: { size: 50 } },
    { endpoint: "POST /results", most: 50, units: 50, admitted: true },
  ],
  ["its default", { method: "POST", path: "/results" }, { most: 10, units: 10 }],
  [
    "more than there is",
    { method: "POST", path: "/results", body: { size: 300 } },
    { most: 300, available: 100, admitted: false, refusal: "insufficient_credits" },
  ],
  [
    "what only the answer tells",
    { method: "GET", path: "/listed/7" },
    {
      endpoint: "GET /listed/{id}",
      decidedOn: "answer",
      most: null,
      units: null,
      available: 100,
      admitted: true,
    },
  ],
  [
    "what the answer decides, up to more than there is",
    { method: "GET", path: "/bounded" },
    { decidedOn: "answer", most: 120, units: 40, admitted: true, refusal: null },
  ],
  ["what is free", { method: "GET", path: "/free" }, { decidedOn: null, most: 0 }],
  [
    "a condition on a header, in any letter case",
    { method: "POST", path: "/search", headers: { "X-Deep": "yes" } },
    { endpoint: "POST /search", most: 2 },
  ],
  [
    "a condition that does not hold",
    { method: "POST", path: "/search" },
    { endpoint: "POST /search", price: null, most: 0, admitted: true },
  ],
  [
    "a path parameter, normalised",
    { method: "GET", path: "/looked%2Dup/1.1.1.1?x=1" },
    { most: 10, repeat: false },
  ],
  ["a free endpoint", { method: "GET", path: "/free" }, { endpoint: "GET /free", most: 0, admitted: true }],
  [
    "an endpoint without a price",
    { method: "PUT", path: "/x" },
    { endpoint: "unpriced", most: 0, admitted: true },
  ],
  ["an open endpoint", { method: "GET", path: "/health" }, { endpoint: "open", most: 0, admitted: true }],
  [
    "the contract's endpoint",
    { method: "GET", path: "/v1/credits" },
    { endpoint: "GET /v1/credits", most: 0 },
  ],
  ["this API", { method: "GET", path: "/v1/credits/balances" }, { endpoint: "customer API", most: 0 }],
];

test("POST quote prices a request without running it or holding anything", async (context) => {
  const customer = await scene.openCustomer(100);
  for (const [name, request, expected] of QUOTES) {
    await context.test(name, async () => {
      const answer = await customer.post("/quote", request);
      assert.equal(answer.status, 200, answer.text);
      const quote = answer.json();
      for (const [field, value] of Object.entries(expected)) assert.deepEqual(quote[field], value, field);
    });
  }
  assert.deepEqual(scene.forwarded, []);
  const [pool] = (await customer.get("/balances")).json<{ pools: object[] }>().pools;
  assert.deepEqual(
    { ...pool, grants: [] },
    {
      creditType: "credits",
      balance: 100,
      held: 0,
      available: 100,
      recurring: null,
      grants: [],
    },
  );
});

test("what is decided on the answer is quoted, charged and shown for what it is", async () => {
  const customer = await scene.openCustomer(9);
  const quote = async (): Promise<unknown[]> => {
    const answer = await customer.post("/quote", { method: "GET", path: "/listed/7" });
    const { decidedOn, most, repeat, admitted } = answer.json();
    return [decidedOn, most, repeat, admitted];
  };
  assert.deepEqual(await quote(), ["answer", null, false, true]);
  const paid = await customer.call("GET", "/listed/7");
  assert.deepEqual([paid.status, paid.headers["credits-charged"]], [200, "9"]);
  assert.deepEqual(await quote(), ["answer", null, true, true]);
  assert.equal((await customer.call("GET", "/listed/7")).headers["credits-charged"], "0");
  assert.equal((await customer.call("GET", "/listed/8")).status, 402);
  const [line, ...others] = (await customer.get("/entries")).json<{ entries: Record<string, unknown>[] }>()
    .entries;
  assert.deepEqual([line?.["endpoint"], line?.["units"], line?.["amount"]], ["GET /listed/{id}", 3, -9]);
  assert.equal(others.length, 1);
  const { inForce } = (await customer.get("/prices")).json<{
    inForce: { prices: Record<string, unknown>[] };
  }>();
  const price = inForce.prices.find(({ match }) => match === "GET /listed/{id}");
  assert.deepEqual([price?.["decide"], price?.["atMost"]], ["answer", undefined]);
});

test("POST quote says that a repetition within its window costs nothing", async () => {
  const customer = await scene.openCustomer(15);
  assert.equal((await customer.call("GET", "/looked-up/9.9.9.9")).status, 200);
  const quote = (await customer.post("/quote", { method: "GET", path: "/looked-up/9.9.9.9" })).json();
  assert.deepEqual([quote["repeat"], quote["most"], quote["admitted"]], [true, 10, true]);
  const other = (await customer.post("/quote", { method: "GET", path: "/looked-up/8.8.8.8" })).json();
  assert.deepEqual(
    [other["repeat"], other["admitted"], other["refusal"]],
    [false, false, "insufficient_credits"],
  );
});
