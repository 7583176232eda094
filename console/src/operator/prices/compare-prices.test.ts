import assert from "node:assert/strict";
import { test } from "node:test";
import { comparePrices } from "./compare-prices.ts";

test("prices are compared member by member, those of one endpoint by their conditions", () => {
  const when = { query: { fast: true } };
  const before = [
    { match: "GET /a", cost: 1 },
    { match: "GET /a", cost: 5, when },
    { match: "GET /gone", cost: 1 },
  ];
  const after = [
    { match: "GET /a", cost: 1 },
    { match: "GET /a", cost: 6, when },
    { match: "GET /new", cost: 2, per: "result" },
  ];
  assert.deepEqual(comparePrices(before, after), {
    added: [{ endpoint: "GET /new", price: after[2] }],
    removed: [{ endpoint: "GET /gone", price: before[2] }],
    changed: [{ endpoint: "GET /a", members: [{ member: "cost", from: 5, to: 6 }] }],
  });
});
