import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePrices } from "./parse-prices.ts";
import { parsePriceList, priceListText, priceListToJson } from "./price-list-json.ts";

function textOf(prices: unknown): string {
  const parsed = parsePrices(prices, "prices", { creditTypes: ["credits"] });
  assert.ok(parsed.ok);
  return priceListText({ prices: parsed.value, unpriced: "free" });
}

describe("a stored price list", () => {
  it("has every default written out, so that it keeps its meaning", () => {
    assert.equal(
      textOf([
        { match: "GET /a", cost: 0.000001 },
        { match: "GET /b", free: true },
        { match: "GET /c", cost: "1.50", per: "result", count: { header: "X-N" }, atMost: 7, on: 200 },
        { match: "GET /d", cost: 1, once: { key: "/ip", within: "24h" }, when: { query: "a", equals: 1 } },
      ]),
      '{"language":2,"prices":[' +
        '{"cost":0.000001,"credit":"credits","detached":"finish","match":"GET /a","on":"success","per":"request"},' +
        '{"credit":"credits","free":true,"match":"GET /b"},' +
        '{"atMost":7,"cost":1.5,"count":{"header":"x-n"},"credit":"credits","detached":"finish",' +
        '"match":"GET /c","on":[200],"per":"result","uncounted":1.5},' +
        '{"cost":1,"credit":"credits","detached":"finish","match":"GET /d","on":"success",' +
        '"once":{"key":{"body":"/ip"},"within":"1d"},"per":"request","when":[{"equals":1,"query":"a"}]}' +
        '],"unpriced":"free"}',
    );
  });

  it("says what is decided on only where it is the answer: a list from before this could be said stays the same list", () => {
    assert.equal(
      textOf([{ match: "GET /a", cost: 1, decide: "request" }]),
      textOf([{ match: "GET /a", cost: 1 }]),
    );
    assert.equal(
      textOf([{ match: "GET /a", cost: 1, per: "result", count: { body: "" }, decide: "answer" }]),
      '{"language":2,"prices":[{"cost":1,"count":{"body":""},"credit":"credits","decide":"answer","detached":"finish",' +
        '"match":"GET /a","on":"success","per":"result","uncounted":1}],"unpriced":"free"}',
    );
  });

  it("names its language where it is stored, and only there: requests and answers have prices and what is unpriced", () => {
    const list = { prices: [], unpriced: "free" as const };
    assert.deepEqual(Object.keys(priceListToJson(list)), ["prices", "unpriced"]);
    assert.match(priceListText(list), /^\{"language":2,/);
    const written = { match: "GET /a", cost: 1, per: "result", count: { body: "" }, atMost: 50 };
    const plus = [{ cost: 1, per: "result", count: { body: "" }, included: 10, atMost: 50 }];
    assert.match(textOf([{ match: "GET /a", cost: 1, plus }]), /^\{"language":4,.*"included":10/);
    assert.match(textOf([{ ...written, plan: "growth" }]), /^\{"language":3,/);
  });

  it("has one text however its prices are written", () => {
    assert.equal(
      textOf([{ match: "GET /a", cost: 10 }]),
      textOf([
        {
          detached: "finish",
          on: "success",
          per: "request",
          cost: "10.0",
          credit: "credits",
          match: "GET /a",
        },
      ]),
    );
    assert.notEqual(
      textOf([{ match: "GET /a", cost: 10 }]),
      textOf([{ match: "GET /a", cost: 10, on: "processed" }]),
    );
  });

  it("is read though one of its prices never applies: what was published is never refused", () => {
    const written = [
      { match: "POST /mcp", tool: "*", cost: 10 },
      { match: "POST /mcp", tool: "a", cost: 2 },
    ].map((price) => Object.assign(price, { credit: "credits" }));
    assert.ok(parsePriceList({ language: 2, prices: written, unpriced: "free" }, 1).ok);
  });

  const refused: [unknown, string][] = [
    [null, ""],
    [{ prices: [] }, "unpriced"],
    [{ prices: [], unpriced: "deny" }, "unpriced"],
    [{ prices: [], unpriced: "free", version: 1 }, "version"],
    [{ prices: [{ match: "GET /a", cost: 1 }], unpriced: "free" }, "prices[0].credit"],
    [{ prices: [{ match: "GET /a", cost: 1, credit: "Not a name" }], unpriced: "free" }, "prices[0].credit"],
  ];
  for (const [input, path] of refused) {
    it(`is refused: ${JSON.stringify(input)}`, () => {
      const parsed = parsePriceList(input, 1);
      assert.ok(!parsed.ok);
      assert.deepEqual(
        parsed.problems.map((problem) => problem.path),
        [path],
      );
    });
  }
});
