import assert from "node:assert/strict";
import { test } from "node:test";
import { compareOwnPrices, withOwnPrices } from "./own-prices.ts";

const DEEP = { body: "/deep", equals: true };
const GENERAL = [
  { match: "POST /search", when: DEEP, cost: 10 },
  { match: "POST /search", cost: 2 },
  { match: "GET /people", cost: 5 },
];

test("own prices change what they name, and take nothing away", () => {
  const changes = compareOwnPrices(GENERAL, [
    { match: "GET /people", cost: 4 },
    { match: "GET /new", cost: 1 },
  ]);
  assert.deepEqual(changes, {
    added: [{ endpoint: "GET /new", price: { match: "GET /new", cost: 1 } }],
    removed: [],
    changed: [{ endpoint: "GET /people", members: [{ member: "cost", from: 5, to: 4 }] }],
  });
});

test("a price without conditions takes the place of all of its endpoint, one with conditions of its like", () => {
  const all = { match: "POST /search", cost: 1 };
  assert.deepEqual(withOwnPrices(GENERAL, [all]), [all, GENERAL[2]]);
  const deep = { match: "POST /search", when: DEEP, cost: 8 };
  assert.deepEqual(withOwnPrices(GENERAL, [deep]), [deep, GENERAL[1], GENERAL[2]]);
  const gold = { match: "POST /search", plan: "gold", cost: 1 };
  assert.deepEqual(withOwnPrices(GENERAL, [gold]), [gold, ...GENERAL]);
});
