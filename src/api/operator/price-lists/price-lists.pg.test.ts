import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../../../ledger/database/database.ts";
import { kindOf } from "../../../ledger/testing/new-export.ts";
import { eachDatabase } from "../../../ledger/testing/test-databases.ts";
import { OperatorUnderTest } from "../testing/operator-under-test.ts";

eachDatabase("operator API: price lists", (openFresh) => {
  let database: Database;
  let operator: OperatorUnderTest;
  before(async () => {
    database = await openFresh();
    operator = new OperatorUnderTest(database);
  });

  const priced = (cost: number) => ({ prices: [{ match: "GET /x", cost, credit: "credits" }] });

  test("a list is published, read, listed, announced, cancelled", async () => {
    const first = await operator.post("/v1/price-lists", priced(1));
    assert.deepEqual([first.status, first.body.version, first.body.published], [201, 1, true]);
    assert.equal(first.body.replacedBy, null);
    const same = await operator.post("/v1/price-lists", priced(1));
    assert.deepEqual([same.body.version, same.body.published], [1, false]);
    await operator.post("/v1/price-lists", priced(2));
    const announced = await operator.post("/v1/price-lists", { ...priced(3), effectiveAt: "2100-01-01" });
    assert.deepEqual([announced.body.version, announced.body.effectiveAt], [3, "2100-01-01T00:00:00.000Z"]);

    const { priceLists, next } = (await operator.get("/v1/price-lists?limit=2")).body;
    const states = priceLists.map((list: { version: number; state: string }) => [list.version, list.state]);
    assert.deepEqual(states, [
      [3, "announced"],
      [2, "in_force"],
    ]);
    const rest = (await operator.get(`/v1/price-lists?limit=2&cursor=${next}`)).body;
    assert.deepEqual([rest.priceLists[0].state, rest.next], ["past", null]);
    assert.partialDeepStrictEqual(rest.priceLists[0].prices, [{ match: "GET /x", cost: 1, on: "success" }]);

    const cancelled = await operator.send("POST", "/v1/price-lists/3/cancel");
    assert.deepEqual([cancelled.status, cancelled.body.state], [200, "cancelled"]);
    assert.equal((await operator.get("/v1/price-lists/3")).body.state, "cancelled");
    const late = await operator.send("POST", "/v1/price-lists/2/cancel");
    assert.deepEqual([late.status, late.body.code], [409, "price_list_in_force"]);
  });

  test("the schedule has what applies and what will", async () => {
    await operator.post("/v1/price-lists", { ...priced(4), effectiveAt: "2101-01-01" });
    const sooner = await operator.post("/v1/price-lists", { ...priced(5), effectiveAt: "2100-06-01" });
    // An announced list is neither undone nor moved by one that is published before it: the answer names it.
    const later = { version: 4, effectiveAt: "2101-01-01T00:00:00.000Z" };
    assert.deepEqual(sooner.body.replacedBy, later);
    const { status, body } = await operator.get("/v1/price-lists/schedule");
    assert.equal(status, 200);
    assert.deepEqual([body.inForce.version, body.inForce.state], [2, "in_force"]);
    const announced = body.announced.map((list: { version: number; state: string }) => [
      list.version,
      list.state,
    ]);
    assert.deepEqual(announced, [
      [5, "announced"],
      [4, "announced"],
    ]);
  });

  test("prices that contradict one another, the contract or the configuration come in by no door", async () => {
    const account = (await operator.post("/v1/accounts", { name: "negotiated" })).body.id;
    const doors = ["/v1/price-lists", "/v1/price-lists/simulations", `/v1/accounts/${account}/price-lists`];
    const get = { match: "GET /y", cost: 1, credit: "credits" };
    const header = (name: string) => ({ ...get, when: { header: name, exists: true } });
    const full = { query: "mode", equals: "full" };
    for (const [prices, path, reason] of [
      [[header("connection")], "prices[0]", /reads the header connection, which is never forwarded/],
      [
        [{ ...get, match: "GET /z" }, header("x-api-key")],
        "prices[1]",
        /in which the contract farebox has the key/,
      ],
      [[{ ...get, match: "GET /y\u200b" }], "prices[0].match", /cannot be seen, U\+200B/],
      [[{ ...get, when: { query: "mo\u200bde", exists: true } }], "prices[0]", /cannot be seen, U\+200B/],
      [[{ ...get, when: [full, { ...full, equals: "lite" }] }], "prices[0].when", /never holds/],
      [[get, { ...get, when: full }], "prices[1]", /never applies/],
      [
        [
          { ...get, when: { query: "mode", exists: true } },
          { ...get, when: full, cost: 2 },
        ],
        "prices[1]",
        /never applies: the conditions of prices\[0\] hold wherever its own do/,
      ],
      [[{ ...get, match: "GET /health" }], "prices[0].match", /is priced, and open without a key/],
      [[{ ...get, match: "GET /v1/credits/x" }], "prices[0].match", /where the customer API answers/],
      [[{ ...get, match: kindOf().endpoint }], "prices[0].match", /creates exports/],
    ] as const) {
      for (const door of doors) {
        const { status, body } = await operator.post(door, { prices });
        assert.equal(status, 422, `${door} ${JSON.stringify(prices)}`);
        const [problem, ...others] = body.errors;
        assert.deepEqual([problem.path, others], [path, []]);
        assert.match(problem.reason, reason);
        assert.ok(problem.fix, JSON.stringify(problem));
      }
    }
  });

  test("a list is compared with the one before it in time, or with another one", async () => {
    const diff = async (path: string) => (await operator.get(`/v1/price-lists/${path}`)).body;
    const change = (from: number, to: number) => [
      { endpoint: "GET /x", plans: [], when: [], members: [{ member: "cost", from, to }] },
    ];
    const inTime = await diff("5/diff");
    assert.deepEqual(inTime, {
      version: 5,
      effectiveAt: "2100-06-01T00:00:00.000Z",
      against: 2,
      added: [],
      removed: [],
      changed: change(2, 5),
      reordered: [],
      unpriced: null,
    });
    const afterIt = await diff("4/diff");
    assert.deepEqual([afterIt.against, afterIt.changed], [5, change(5, 4)]);
    const named = await diff("2/diff?against=1");
    assert.deepEqual([named.against, named.changed], [1, change(1, 2)]);
    const first = await diff("1/diff");
    assert.deepEqual([first.against, first.changed, first.unpriced], [null, [], null]);
    assert.partialDeepStrictEqual(first.added, [{ endpoint: "GET /x", price: { cost: 1, per: "request" } }]);
    for (const path of ["999/diff", "1/diff?against=999"]) {
      const unknown = await operator.get(`/v1/price-lists/${path}`);
      assert.deepEqual([unknown.status, unknown.body.code], [404, "price_list_unknown"], path);
    }
    const wrong = await operator.get("/v1/price-lists/1/diff?against=last");
    assert.deepEqual([wrong.status, wrong.body.errors[0].path], [422, "against"]);
  });

  test("wrong prices are named one by one, with how to fix them, and nothing is published", async () => {
    const latest = async (): Promise<number> =>
      (await operator.get("/v1/price-lists")).body.priceLists[0].version;
    const earlier = await latest();
    const { status, body } = await operator.post("/v1/price-lists", {
      prices: [
        { match: "GET /x", cost: -1, credit: "credits" },
        { match: "nonsense", cost: 1, credit: "credits" },
        { match: "GET /y", cost: 1, credit: "gold" },
      ],
    });
    assert.deepEqual([status, body.code], [422, "request_invalid"]);
    const paths = body.errors.map((error: { path: string }) => error.path);
    assert.deepEqual(paths, ["prices[0].cost", "prices[1].match", "prices[2].credit"]);
    assert.ok(body.errors.every((error: { fix?: string }) => error.fix !== undefined));
    assert.equal(await latest(), earlier);
  });

  test("a list cannot take effect in the past", async () => {
    const { status, body } = await operator.post("/v1/price-lists", {
      ...priced(9),
      effectiveAt: "2020-01-01",
    });
    assert.deepEqual([status, body.code], [422, "price_list_effective_past"]);
  });

  test("an unknown version is named, a wrong one refused", async () => {
    const unknown = await operator.get("/v1/price-lists/999");
    assert.deepEqual([unknown.status, unknown.body.code], [404, "price_list_unknown"]);
    assert.match(unknown.body.detail, /999/);
    const wrong = await operator.get("/v1/price-lists/first");
    assert.deepEqual([wrong.status, wrong.body.errors[0].path], [422, "version"]);
    assert.equal((await operator.get("/v1/price-lists?cursor=x")).status, 422);
  });

  test("a publication sent twice at once under one Idempotency-Key takes one version", async () => {
    const publish = () => operator.post("/v1/price-lists", priced(77), { "idempotency-key": "publish" });
    const [one, other] = await Promise.all([publish(), publish()]);
    assert.deepEqual(one.body, other.body);
    assert.equal(one.body.published, true);
  });
});
