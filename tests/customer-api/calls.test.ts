import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Customer, openScene, type Scene } from "./scene.ts";

let scene: Scene;
before(async () => {
  scene = await openScene(`
prices:
  - { match: GET /fixed, cost: 5 }
  - { match: GET /many, cost: 2, per: result, count: { body: /data }, atMost: 10 }
  - { match: GET /asked, cost: 2, per: result, count: { body: /data }, atMost: { query: size, default: 10, max: 100 } }
  - { match: GET /modes, cost: 7, when: [{ query: mode, equals: deep }] }
  - { match: GET /modes, cost: 3, when: [{ query: mode, equals: fast }] }
  - { match: GET /modes, cost: 3 }
  - { match: GET /answer, cost: 1, per: result, count: { body: /data }, decide: answer }
  - { match: GET /tiers, cost: 4, tiers: &tiers { within: year, counter: looks, steps: [{ over: 2, cost: 1 }] }, when: [{ query: many, exists: true }],
      per: result, count: { body: /data }, atMost: 10 }
  - { match: GET /tiers, cost: 4, tiers: *tiers }
  - match: GET /grows/{id}
    cost: 2
    per: page
    count: { body: /data, increase: { key: { path: id }, within: 1h } }
    decide: answer
customerApi: { requests: 10000 }
`);
});
after(() => scene.close());

interface Call {
  readonly price: Record<string, unknown> | null;
  readonly candidates: readonly Record<string, unknown>[];
  readonly refunds: readonly Record<string, unknown>[];
  readonly charge: string;
  readonly [name: string]: unknown;
}

async function call(customer: Customer, path: string): Promise<string> {
  const answer = await customer.call("GET", path);
  assert.equal(answer.status, 200);
  return String(answer.headers["x-request-id"]);
}

const explain = async (customer: Customer, id: string): Promise<Call> => {
  const answer = await customer.get(`/calls/${id}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<Call>();
};

test("a call is explained: price, key, hold, charge, refunds and the balance after it", async () => {
  const customer = await scene.openCustomer(1000);
  const requestId = await call(customer, "/fixed");
  const asked = await explain(customer, requestId);
  const { at, charge, priceList, price, ...rest } = asked;
  assert.match(String(at), /^\d{4}-/);
  assert.equal(priceList && (priceList as { version: number }).version, 1);
  assert.deepEqual([price?.["match"], price?.["cost"], price?.["per"]], ["GET /fixed", 5, "request"]);
  assert.deepEqual(rest, {
    requestId,
    account: customer.id,
    endpoint: "GET /fixed",
    key: { id: customer.keyId, name: "", hint: `fbx_...${customer.key.slice(-4)}` },
    status: 200,
    creditType: "credits",
    candidates: [],
    units: 1,
    tiers: null,
    growth: null,
    held: 5,
    list: 5,
    charged: 5,
    refunds: [],
    refunded: 0,
    net: 5,
    balance: 995,
    parts: null,
  });
  for (const [amount, reference] of [
    [2, "first"],
    [1, "second"],
  ] as const) {
    await scene.operate("POST", `/v1/charges/${charge}/refunds`, {
      amount,
      reference,
      reason: "secret note",
    });
  }
  const refunded = await explain(customer, charge);
  assert.deepEqual(
    refunded.refunds.map(({ at: _at, ...refund }) => refund),
    [{ amount: 2 }, { amount: 1 }],
    "the reasons are the operators'",
  );
  assert.deepEqual([refunded["charged"], refunded["refunded"], refunded["net"]], [5, 3, 2]);
  // Operators see the same and more, with the account and without it.
  for (const path of [requestId, requestId.toUpperCase(), `${requestId}?account=${customer.id}`, charge]) {
    const seen = await scene.operate<Call>("GET", `/v1/calls/${path}`);
    const { uncollected, refunds, ...same } = seen;
    assert.deepEqual({ ...same, refunds: refunded.refunds }, refunded);
    assert.deepEqual([uncollected, refunds.map(({ reason }) => reason)], [0, ["secret note", "secret note"]]);
  }
});

test("what was held is told where the price tells it, and as not known where the request did", async () => {
  const customer = await scene.openCustomer(1000);
  const cases = [
    ["/many", 20, 6, 3],
    ["/asked?size=50", null, 6, 3],
    ["/answer", 0, 3, 3],
  ] as const;
  for (const [path, held, charged, units] of cases) {
    const found = await explain(customer, await call(customer, path));
    assert.deepEqual([found["held"], found["charged"], found["units"]], [held, charged, units], path);
    assert.notEqual(found.price, null);
  }
});

test("the condition that applied is told when the amount tells it, else those that may have", async () => {
  const customer = await scene.openCustomer(1000);
  const deep = await explain(customer, await call(customer, "/modes?mode=deep"));
  assert.deepEqual(deep.price?.["when"], [{ query: "mode", equals: "deep" }]);
  assert.deepEqual(deep.candidates, []);
  const fast = await explain(customer, await call(customer, "/modes?mode=fast"));
  assert.equal(fast.price, null);
  assert.equal(fast["held"], null);
  assert.deepEqual(
    fast.candidates.map((candidate) => candidate["when"]),
    [[{ query: "mode", equals: "fast" }], undefined],
  );
});

test("tiers are told as they were when the charge was made: which, for how much, and what was used before", async () => {
  const customer = await scene.openCustomer(1000);
  const calls = [await call(customer, "/tiers"), await call(customer, "/tiers?many=1")];
  // The counter has moved on since the calls that are explained.
  await call(customer, "/tiers");
  const since = `${new Date().getUTCFullYear()}-01-01T00:00:00.000Z`;
  const counter = { counter: "looks", within: "year", since };
  const [first, second] = [await explain(customer, calls[0] ?? ""), await explain(customer, calls[1] ?? "")];
  assert.deepEqual(first["tiers"], {
    ...counter,
    usedBefore: 0,
    usedAfter: 1,
    applied: [{ over: 0, cost: 4, units: 1 }],
  });
  // Three results: one of the first two units, and two beyond them.
  assert.deepEqual(second["tiers"], {
    ...counter,
    usedBefore: 1,
    usedAfter: 4,
    applied: [
      { over: 0, cost: 4, units: 1 },
      { over: 2, cost: 1, units: 2 },
    ],
  });
  assert.deepEqual([second["charged"], second["held"], second.price?.["per"]], [6, 40, "result"]);
  assert.equal(first["growth"], null);
});

test("a number that grows is told with what was charged of it before", async () => {
  const customer = await scene.openCustomer(1000);
  const found = await explain(customer, await call(customer, "/grows/a"));
  assert.deepEqual(
    [found["growth"], found["charged"], found["tiers"]],
    [{ before: 0, reported: 3 }, 6, null],
  );
});

test("a call that cost nothing left no line, so it is not found", async () => {
  const customer = await scene.openCustomer(1000);
  const free = await customer.call("GET", "/free");
  assert.equal(free.status, 200);
  const missing = await customer.get(`/calls/${String(free.headers["x-request-id"])}`);
  assert.equal(missing.status, 404);
});

test("what the credits did not cover is the difference between the list price and the charge", async () => {
  const customer = await scene.openCustomer(1000);
  const limited = await customer.call("GET", "/asked?size=2", undefined, { "credits-max": "5" });
  assert.equal(limited.status, 200);
  const id = String(limited.headers["x-request-id"]);
  const found = await explain(customer, id);
  assert.deepEqual([found["list"], found["charged"], found["units"]], [6, 5, 3]);
  const seen = await scene.operate<Call>("GET", `/v1/calls/${id}`);
  assert.equal(seen["uncollected"], 1);
});

test("ids of other accounts, of nothing, and no ids at all: not found, and alike", async () => {
  const customer = await scene.openCustomer(1000);
  const stranger = await scene.openCustomer(1000);
  const requestId = await call(customer, "/fixed");
  const { charge } = await explain(customer, requestId);
  for (const id of [requestId, charge, "x", "chg_0000000000000000.credits.1", "%20", "'"]) {
    assert.equal((await stranger.get(`/calls/${id}`)).status, 404, id);
  }
});

// Last: it changes the prices.
test("the price is that of the call's time, whatever is in force now", async () => {
  const customer = await scene.openCustomer(1000);
  const requestId = await call(customer, "/fixed");
  await scene.operate("POST", "/v1/price-lists", {
    prices: [{ match: "GET /fixed", cost: 9, credit: "credits" }],
    unpriced: "free",
    effectiveAt: "2100-01-01",
  });
  await scene.database.query("UPDATE farebox.price_lists SET effective_at = now() WHERE version = 2");
  const found = await explain(customer, requestId);
  assert.equal(found.price?.["cost"], 5);
});
