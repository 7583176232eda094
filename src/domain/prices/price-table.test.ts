import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FareboxError } from "../farebox-error.ts";
import { parsePrices } from "./parse-prices.ts";
import { buildPriceTable } from "./price-table.ts";

function table(prices: unknown) {
  const parsed = parsePrices(prices, "prices", { creditTypes: ["credits"] });
  assert.ok(parsed.ok);
  return buildPriceTable({ version: 3, prices: parsed.value, unpriced: "free" });
}

const RESULT = { cost: 1, per: "result", atMost: 10 };

describe("buildPriceTable", () => {
  it("keeps the prices of one match together, in their order", () => {
    const prices = table([
      { match: "POST /v1/track", when: { body: "/type", equals: "form" }, free: true },
      { match: "GET /v1/leads", cost: 10 },
      { match: "POST /v1/track", cost: 1 },
    ]);
    assert.deepEqual(
      prices.find("POST", "/v1/track")?.candidates.map((price) => price.cost),
      [0n, 1_000_000n],
    );
    assert.equal(prices.find("POST", "/v1/track")?.endpoint, "POST /v1/track");
    assert.equal(prices.find("GET", "/v1/track"), undefined);
    assert.equal(prices.list.version, 3);
  });

  it("gives the parameters of the path", () => {
    const prices = table([{ match: "POST /v2/{dataset}/search/{kind}", cost: 2 }]);
    assert.deepEqual(prices.find("POST", "/v2/company/search/es_dsl")?.pathParams, {
      dataset: "company",
      kind: "es_dsl",
    });
  });

  it("prices HEAD like its GET unless a price names it, and never OPTIONS", () => {
    const prices = table([
      { match: "* /a", cost: 1 },
      { match: "GET /b", cost: 1 },
      { match: "HEAD /b", cost: 2 },
      { match: "GET /c", cost: 1, head: "free" },
      { match: "GET /d", when: { query: "a", exists: true }, cost: 2 },
      { match: "GET /d", cost: 1, head: "free" },
      { match: "POST /e", cost: 1 },
    ]);
    assert.equal(prices.find("HEAD", "/a")?.endpoint, "* /a");
    assert.equal(prices.find("OPTIONS", "/a"), undefined);
    assert.equal(prices.find("HEAD", "/b")?.candidates[0]?.cost, 2_000_000n);
    const priced = (method: string, path: string) => prices.find(method, path)?.priced;
    assert.deepEqual(
      ["/a", "/b", "/c", "/d", "/e"].map((path) => priced("HEAD", path)),
      [true, true, false, true, undefined],
    );
    assert.equal(priced("GET", "/c"), true);
  });

  it("says what must be read before the price is known", () => {
    const prices = table([
      { match: "GET /free", free: true },
      { match: "GET /fixed", cost: 1, when: { query: "a", exists: true } },
      { match: "POST /when", cost: 1, when: { body: "/a", exists: true } },
      { match: "POST /once", cost: 1, once: { key: "/ip", within: "1h" } },
      { match: "POST /bound", ...RESULT, count: { header: "x-n" }, atMost: { body: "/size", max: 10 } },
      { match: "GET /count", ...RESULT, count: { body: "/data" } },
    ]);
    const flags = (method: string, path: string) => {
      const found = prices.find(method, path);
      return [found?.priced, found?.reads?.body !== undefined, found?.readsResponseBody];
    };
    assert.deepEqual(flags("GET", "/free"), [false, false, false]);
    assert.deepEqual(flags("GET", "/fixed"), [true, false, false]);
    assert.deepEqual(flags("POST", "/when"), [true, true, false]);
    assert.deepEqual(flags("POST", "/once"), [true, true, false]);
    assert.deepEqual(flags("POST", "/bound"), [true, true, false]);
    assert.deepEqual(flags("GET", "/count"), [true, false, true]);
  });

  it("refuses a list that no parser gave", () => {
    const [price] = table([{ match: "GET /a", cost: 1 }]).list.prices;
    assert.ok(price !== undefined);
    assert.throws(
      () => buildPriceTable({ version: 1, prices: [{ ...price, endpoint: "nonsense" }], unpriced: "free" }),
      (error: unknown) => error instanceof FareboxError && error.code === "price_list_invalid",
    );
    assert.throws(
      () =>
        buildPriceTable({ version: 1, prices: [price, { ...price, endpoint: "GET /A" }], unpriced: "free" }),
      (error: unknown) => error instanceof FareboxError && error.code === "route_conflict",
    );
  });
});
