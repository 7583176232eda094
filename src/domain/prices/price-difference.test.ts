import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePrices } from "./parse-prices.ts";
import type { Price } from "./price.ts";
import { computePriceDifference } from "./price-difference.ts";

function prices(...written: unknown[]): readonly Price[] {
  const parsed = parsePrices(written, "prices", { creditTypes: ["credits"] });
  assert.ok(parsed.ok);
  return parsed.value;
}

const list = (...written: unknown[]) => ({ prices: prices(...written), unpriced: "free" as const });

const full = { match: "GET /a", when: { query: "mode", equals: "full" }, cost: 5 };
const live = { match: "GET /a", when: { query: "live", exists: true }, cost: 7 };

test("equal lists do not differ, in whatever order they are written", () => {
  const one = { match: "GET /a", cost: 1 };
  const two = { match: "GET /b", cost: 2 };
  const difference = computePriceDifference(list(one, two), list(two, { ...one, on: "success" }));
  assert.deepEqual(difference, { added: [], removed: [], changed: [], reordered: [], unpriced: undefined });
});

test("what was added, removed and changed is named, with the members that changed", () => {
  const difference = computePriceDifference(
    list({ match: "GET /a", cost: 1 }, { match: "GET /b", cost: 2 }),
    {
      prices: prices({ match: "GET /a", cost: 1.5, on: "processed" }, { match: "GET /c", free: true }),
      unpriced: "refuse",
    },
  );
  assert.deepEqual(difference.added, [
    { endpoint: "GET /c", plans: [], when: [], price: { match: "GET /c", free: true, credit: "credits" } },
  ]);
  assert.deepEqual(
    difference.removed.map(({ endpoint, price }) => [endpoint, price["cost"]]),
    [["GET /b", 2]],
  );
  assert.deepEqual(difference.changed, [
    {
      endpoint: "GET /a",
      plans: [],
      when: [],
      members: [
        { member: "cost", from: 1, to: 1.5 },
        { member: "on", from: "success", to: "processed" },
      ],
    },
  ]);
  assert.deepEqual(difference.unpriced, { from: "free", to: "refuse" });
});

test("a member that one of the lists does not have is null there", () => {
  const perResult = { match: "GET /a", cost: 1, per: "result", count: { body: "/data" }, atMost: 10 };
  const { changed } = computePriceDifference(list({ match: "GET /a", cost: 1 }), list(perResult));
  assert.deepEqual(
    changed[0]?.members.map(({ member, from, to }) => [member, from, to]),
    [
      ["per", "request", "result"],
      ["count", null, { body: "/data" }],
      ["atMost", null, 10],
      ["uncounted", null, 1],
    ],
  );
});

test("prices of one match are told apart by their conditions, in whatever order those are written", () => {
  const both = [full.when, live.when];
  const difference = computePriceDifference(
    list({ ...full, when: both }, full),
    list({ ...full, when: both.toReversed(), cost: 6 }, full),
  );
  assert.deepEqual(
    difference.changed.map(({ when, members }) => [when.length, members]),
    [[2, [{ member: "cost", from: 5, to: 6 }]]],
  );
});

test("another order of conditions is a difference: the first whose conditions hold applies", () => {
  const difference = computePriceDifference(list(full, live), list(live, full));
  assert.deepEqual(difference.changed, []);
  assert.deepEqual(difference.reordered, ["GET /a"]);
});

test("a price put between two others reorders nothing", () => {
  const last = { match: "GET /a", cost: 1 };
  const { added, reordered } = computePriceDifference(list(full, last), list(full, live, last));
  assert.deepEqual([added.length, reordered], [1, []]);
});
