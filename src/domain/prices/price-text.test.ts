import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePrices } from "./parse-prices.ts";
import { describeMoment, describePrices } from "./price-text.ts";

const price = { match: "GET /a/{id}", cost: 1, credit: "credits" };
const cases: [string, object[], string][] = [
  ["one credit", [price], "1 credit per request, charged when successful"],
  [
    "another kind",
    [{ ...price, cost: 0.5, credit: "search", on: "processed" }],
    "0.5 search credits per request, charged when processed",
  ],
  [
    "statuses",
    [{ ...price, cost: 2, on: [200, 202, 404] }],
    "2 credits per request, charged on status 200, 202 or 404",
  ],
  ["free", [{ match: price.match, free: true, credit: "credits" }], "free"],
  [
    "results",
    [{ ...price, cost: 0.03, per: "result", count: { body: "/data" }, atMost: 50 }],
    "0.03 credits per result, at most 50 results a request, charged when successful",
  ],
  [
    "decided on the answer",
    [{ ...price, per: "result", count: { body: "" }, on: 200, decide: "answer" }],
    "1 credit per result, charged on status 200, before the answer is sent",
  ],
  [
    "things that end with y",
    [{ ...price, cost: 1, per: "entity", count: { body: "/data" }, atMost: 20 }],
    "1 credit per entity, at most 20 entities a request, charged when successful",
  ],
  [
    "results that are included",
    [
      {
        ...price,
        cost: 7,
        plus: [{ cost: 1, per: "2 results", count: { body: "/data" }, included: 10, atMost: 100 }],
      },
    ],
    "7 credits per request, plus 1 credit per 2 results beyond the first 10, at most 100 results a request, charged when successful",
  ],
  [
    "once",
    [{ ...price, once: { key: { query: "ip" }, within: "24h" } }],
    "1 credit per request, charged when successful, repeats with the same query parameter `ip` free for 24 hours",
  ],
  [
    "conditions without a last price",
    [
      {
        ...price,
        when: [
          { body: "/mode", oneOf: ["a", 1] },
          { header: "x-tier", exists: false },
        ],
        cost: 3,
      },
      { ...price, when: { path: "id", equals: "me" }, cost: 2 },
    ],
    "- when `/mode` of the body is `a` or `1` and header `x-tier` is not given: 3 credits per request, charged when successful\n" +
      "- when path parameter `id` is `me`: 2 credits per request, charged when successful\n" +
      "- otherwise: free",
  ],
];

describe("a price in words", () => {
  for (const [name, written, text] of cases) {
    it(name, () => {
      const parsed = parsePrices(written, "prices", { creditTypes: undefined });
      assert.ok(parsed.ok);
      assert.equal(describePrices(parsed.value, "free"), text);
    });
  }

  it("a moment is a day, with the time where it is not the day's first", () => {
    assert.equal(describeMoment(new Date("2027-01-01T00:00:00Z")), "1 January 2027");
    assert.equal(describeMoment(new Date("2027-12-31T23:05:00Z")), "31 December 2027, 23:05 UTC");
  });
});
